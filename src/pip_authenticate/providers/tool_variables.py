"""Credentials under the names that other tools read, and that people have set already.

Azure Artifacts Credential Provider: its README and EnvUtil.cs; artifacts-keyring-nofuss: its README; the
extension azure-devops of the Azure CLI: Microsoft Learn, "Sign in with a personal access token". What names
no address is for Azure DevOps, and for one organisation.
"""

import os
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from pip_authenticate import entra_access, token_files
from pip_authenticate.azure.addresses import Collection, Place, belongs_to, lies_under
from pip_authenticate.azure.feed_addresses import FeedAddress
from pip_authenticate.azure.forms import identity, organization_of
from pip_authenticate.entra_access import EntraToken
from pip_authenticate.errors import InputError, NotHere, PipAuthenticateError
from pip_authenticate.index import TOKEN_USER, AuthenticatedIndex, Credential, Index, IndexUrl
from pip_authenticate.run import Run
from pip_authenticate.secret import Secret
from pip_authenticate.tokens import is_past

_PROVIDER = "ARTIFACTS_CREDENTIALPROVIDER_"
_ENDPOINTS = (f"{_PROVIDER}EXTERNAL_FEED_ENDPOINTS", "VSS_NUGET_EXTERNAL_FEED_ENDPOINTS")
_IDENTITIES = f"{_PROVIDER}FEED_ENDPOINTS"
_TOKEN_FILE = "ARTIFACTS_KEYRING_NOFUSS_TOKEN_FILE"  # noqa: S105 - a name
_FILES = ("ARTIFACTS_KEYRING_NOFUSS_TOKEN", "ado_token")
_PREFIXES = {
    "ARTIFACTS_KEYRING_NOFUSS_TOKEN": "",
    f"{_PROVIDER}ACCESSTOKEN": f"{_PROVIDER}URI_PREFIXES",
    "VSS_NUGET_ACCESSTOKEN": "VSS_NUGET_URI_PREFIXES",
    "AZURE_DEVOPS_EXT_PAT": "",
}
"""Variables that hold a token, each with the one that lists the addresses that it is for, or none."""


class _Token(NamedTuple):
    """A token, the name of what holds it, and the addresses that it is for; None: Azure DevOps."""

    secret: Secret
    place: str
    prefixes: list[IndexUrl] | None


class _Endpoint(NamedTuple):
    """An address, and what opens it: a credential, or the id of a managed identity."""

    variable: str
    key: object
    credential: Credential | None
    client_id: str
    has_certificate: bool


def absent(run: Run) -> str:
    """Why there is none; empty where there is one."""
    names = (*_ENDPOINTS, _IDENTITIES, _TOKEN_FILE, *_PREFIXES)
    if any(map(run.settings.variables.get, names)) or any(_files(run)):
        return ""
    return "no variable of another tool holds a token"


def open_all(indexes: list[Index], run: Run) -> list[AuthenticatedIndex | PipAuthenticateError]:
    """Give each index what a variable holds for it.

    Returns:
        The indexes, and a NotHere for each that none is for.

    Raises:
        InputError: a variable or file holds something else than its tool reads.
        ServiceError: a managed identity that a variable names gives no token.
    """
    endpoints, tokens = list(_endpoints(run.settings.variables)), list(_tokens(run))
    for credential in filter(None, (one.credential for one in endpoints)):
        run.learned(credential.spellings)
    for token in tokens:
        run.learned(Credential(TOKEN_USER, token.secret).spellings)
    return [_opened(index, endpoints, tokens, indexes, run) for index in indexes]


def _opened(
    index: Index, endpoints: list[_Endpoint], tokens: list[_Token], indexes: list[Index], run: Run
) -> AuthenticatedIndex | PipAuthenticateError:
    own = identity(index.url)
    for endpoint in endpoints:
        if endpoint.key == own:
            return _by_endpoint(index, endpoint, run)
    why = [f"{index.source} is listed by none of the variables of other tools"]
    for token in tokens:
        objection = _objection(index, token, indexes, run)
        if not objection and is_past(token.secret):
            raise InputError(
                "token-ended",
                f"The time of the token in {token.place} is over",
                hint="Set a new one, or remove it.",
            )
        if not objection:
            return index.opened_by(Credential(TOKEN_USER, token.secret))
        why.append(f"{token.place} is not for it, since it {objection}")
    return NotHere("no-tool-variable", why[-1])


# ---- tokens ----------------------------------------------------------------------------------------


def _tokens(run: Run) -> Iterator[_Token]:
    """Every token that a variable or file holds.

    Raises:
        InputError: one holds something else.
    """
    variables = run.settings.variables
    path = variables.get(_TOKEN_FILE, "")
    if path:
        yield _Token(token_files.read(path, f"Check {_TOKEN_FILE}, or remove it."), _TOKEN_FILE, None)
    for name, listing in _PREFIXES.items():
        text = variables.get(name, "")
        if text.strip():
            secret = token_files.token_in(text.encode("utf-8", "surrogateescape"), name)
            listed = variables.get(listing, "") if listing else ""
            yield _Token(secret, name, list(_urls(listed)) if listed.strip() else None)
    for path in _files(run):
        yield _Token(token_files.read(path, "Mount it so that this user may read it."), path, None)


def _files(run: Run) -> Iterator[str]:
    """Secrets that a container is given under the names of other tools."""
    for name in _FILES:
        path = os.path.join(run.settings.secrets_folder, name)
        if os.path.exists(path):
            yield path


def _urls(text: str) -> Iterator[IndexUrl]:
    """The addresses of a list; what is none means no index."""
    for word in text.split(";"):
        try:
            yield IndexUrl.parse(word.strip())[0]
        except InputError:
            continue


def _objection(index: Index, token: _Token, indexes: list[Index], run: Run) -> str:
    """Why an index must not be told a token, as the end of a sentence; empty where it may."""
    settings, place = run.settings, Place.of(index.url)
    if index.url.origin.is_exposed:
        return "is reached without encryption"
    if token.prefixes is not None:
        is_listed = any(lies_under(index.url, prefix) for prefix in token.prefixes)
        return "" if is_listed else "lies below none of the addresses that go with it"
    if settings.organization_is_given:
        home = Collection(organization_of(settings.organization), is_hosted=True)
        return "" if belongs_to(index.url, home) else f"is no feed of {home.url}"
    is_local_feed = index.url.origin.is_loopback and FeedAddress.of(index.url)
    if index.is_asked_for and (place or is_local_feed):
        return ""
    if not place:
        return "is none of Azure DevOps"
    others = {found.organization for found in (Place.of(one.url) for one in indexes) if found}
    is_only_one = len(others) == 1 and settings.sees_all_indexes
    return "" if is_only_one else "may be of another organisation: say --organization"


# ---- endpoints -------------------------------------------------------------------------------------


def _endpoints(variables: Mapping[str, str]) -> Iterator[_Endpoint]:
    """Every address that a variable lists with what opens it.

    Raises:
        InputError: a variable holds something else.
    """
    for name in (*_ENDPOINTS, _IDENTITIES):
        text = variables.get(name, "")
        if text.strip():
            yield from _listed(name, text)


def _listed(name: str, text: str) -> Iterator[_Endpoint]:
    import json  # noqa: PLC0415 - most environments have no such list

    try:
        listed = json.loads(text)["endpointCredentials"]
        json.dumps(listed, ensure_ascii=False).encode("utf-8", "surrogateescape")  # no half a character
        rows = [(IndexUrl.parse(str(row["endpoint"]))[0], row) for row in listed]
    except (ValueError, LookupError, TypeError, RecursionError, InputError):  # its message may quote a secret
        raise InputError(
            "endpoints-unusable",
            f"{name} is not the list of endpoints that the Azure Artifacts Credential Provider reads",
            hint='Write {"endpointCredentials": [{"endpoint": URL, ...}]}, or remove it.',
        ) from None
    for url, row in rows:
        password, user = row.get("password"), row.get("username")
        client_id = str(row.get("clientId") or "")
        if name != _IDENTITIES and (not isinstance(password, str) or not password):
            raise InputError(
                "endpoints-unusable",
                f"{name} has no password for {url}",
                hint="Add one, or remove the endpoint.",
            )
        credential = Credential(str(user or TOKEN_USER), Secret(str(password)))
        has_certificate = any(str(key).startswith("clientCertificate") and row[key] for key in row)
        is_secret = name != _IDENTITIES
        yield _Endpoint(name, identity(url), credential if is_secret else None, client_id, has_certificate)


def _by_endpoint(index: Index, endpoint: _Endpoint, run: Run) -> AuthenticatedIndex | PipAuthenticateError:
    if endpoint.credential:
        return index.opened_by(endpoint.credential)
    if endpoint.has_certificate:
        return NotHere(
            "certificate",
            f"a certificate, as {endpoint.variable} names one for {index.source}, is left to the Azure CLI: "
            "az login --service-principal --certificate FILE",
        )
    from pip_authenticate.azure import managed_identity  # noqa: PLC0415 - few environments name one

    client_id = "" if endpoint.client_id.lower() == "system" else endpoint.client_id
    service = managed_identity.found(run.settings.variables, is_named=True)

    def ask(*_: object) -> EntraToken:
        if service is None:
            raise NotHere("no-managed-identity", "this machine has no managed identity")
        keys = run.settings.arc_folder
        return EntraToken(*managed_identity.ask(service, client_id, keys, run.transport, run.learned))

    return entra_access.open_all([index], run, "", ask)[0]
