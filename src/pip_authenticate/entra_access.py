"""Opens indexes of Azure Artifacts with tokens of Microsoft Entra, whoever gives those.

For each organisation: what is kept from an earlier run, else its tenant, a token for that tenant, and, where
the token is a person's, its exchange for one that opens feeds only.
"""

from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple, TypeAlias

from pip_authenticate.azure import tenants
from pip_authenticate.azure.addresses import DOMAIN, Collection, Place, objection
from pip_authenticate.azure.feed_addresses import FeedAddress
from pip_authenticate.azure.forms import organization_of
from pip_authenticate.azure.tenants import Told
from pip_authenticate.errors import NotHere, PipAuthenticateError
from pip_authenticate.index import TOKEN_USER, AuthenticatedIndex, Credential, Index
from pip_authenticate.run import Run
from pip_authenticate.secret import Secret


class EntraToken(NamedTuple):
    """A token of Entra for Azure DevOps.

    Args:
        secret: the token.
        expires: when it ends, or None where nobody says.
    """

    secret: Secret
    expires: datetime | None = None


Ask: TypeAlias = Callable[[Told, Collection], EntraToken]
"""Gives a token for the tenant of an organisation.

Raises NotHere where the provider has none, and other errors where it broke. It is asked once for each tenant.
"""


def open_all(
    indexes: list[Index], run: Run, identity: str, ask: Ask
) -> list[AuthenticatedIndex | PipAuthenticateError]:
    """Open the indexes of Azure Artifacts among some.

    Args:
        indexes: any.
        run: the run.
        identity: who the provider's tokens make one; tokens are kept by it. Empty where nobody knows: then
            none is kept.
        ask: gives a token.

    Returns:
        For each index itself with a credential, or a NotHere where a token of Entra is not for it.

    Raises:
        NotHere: the provider has no token.
        ServiceError: a token was refused.
    """
    credentials = dict[object, Credential]()
    ask = _once(ask)
    found = list[AuthenticatedIndex | PipAuthenticateError]()
    for index in indexes:
        home = _home(index, run)
        why = _objection(index, home)
        if why:
            found.append(elsewhere(index, why))
            continue
        organization = tenants.organizations(index.url)[0]
        if organization not in credentials:
            credentials[organization] = _credential(index, home, run, identity, ask)
        found.append(index.opened_by(credentials[organization]))
    return found


def _once(ask: Ask) -> Ask:
    """The same, which asks once for each tenant, and for each service of this machine."""
    known = dict[object, EntraToken]()

    def remembering(told: Told, home: Collection) -> EntraToken:
        key = (told.tenant, home.url.origin)
        if key not in known:
            known[key] = ask(told, home)
        return known[key]

    return remembering


def elsewhere(index: Index, why: str) -> NotHere:
    """The answer about an index that a provider's credential is not for."""
    return NotHere("no-feed", f"{index.source} {why}")


def _objection(index: Index, home: Collection) -> str:
    """Why a token of Entra is not for an index, or empty: a server on premises takes none.

    On this machine a feed may be one of an emulated organisation; any other index is some mirror's.
    """
    if Place.of(index.url) or (index.url.origin.is_loopback and FeedAddress.of(index.url)):
        return objection(index.url, "index", home)
    return "is none of Azure DevOps Services"


def _home(index: Index, run: Run) -> Collection:
    """The organisation that a secret may be sent to: as a person says it, or as the index's address does.

    An index on this machine itself is believed where a person named it for this run, or its organisation.
    """
    settings = run.settings
    if settings.organization and settings.organization_is_given:
        return Collection(organization_of(settings.organization), is_hosted=True)
    place = Place.of(index.url)
    if place or not index.is_asked_for:
        return Collection(place.home if place else organization_of("none"), is_hosted=True)
    return Collection(index.url, is_hosted=True)


def _credential(index: Index, home: Collection, run: Run, identity: str, ask: Ask) -> Credential:
    """The credential for one organisation."""

    def fresh() -> Credential:
        told = tenants.ask([index.url], run.transport)[0]
        token = ask(told, home)
        credential = Credential(TOKEN_USER, token.secret, token.expires)
        run.learned(credential.spellings)
        place = Place.of(index.url)
        # A public feed tells strangers no address; the organisation's own is known (artifacts-credprovider).
        sessions = told.sessions or (f"https://vssps.{DOMAIN}/{place.organization}/" if place else "")
        if not sessions:
            return credential
        from pip_authenticate.azure import session_tokens  # noqa: PLC0415 - what is kept needs none

        if not session_tokens.is_for_persons(token.secret):
            return credential
        scope = run.settings.scope
        session = session_tokens.exchange(token.secret, sessions, scope, home, run.transport)
        return Credential(TOKEN_USER, session.secret, session.expires)

    organization = _name(index)
    key = (identity, organization, run.settings.scope)
    credential = run.cache.fetch(key, fresh) if identity else fresh()
    run.learned(credential.spellings)
    return credential


def _name(index: Index) -> str:
    """The index's organisation as text, by which its tokens are kept."""
    place = Place.of(index.url)
    return place.organization if place else str(index.url).partition("/_packaging/")[0]
