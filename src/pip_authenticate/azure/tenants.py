"""What an index tells strangers about its organisation: its tenant, and who gives session tokens.

Asked without a credential, since a rejected one hides it. Header names: artifacts-credprovider, and
measured in the service's answers.
"""

import re
from typing import NamedTuple

from pip_authenticate.azure.addresses import Place
from pip_authenticate.azure.feed_addresses import FeedAddress
from pip_authenticate.errors import ServiceError
from pip_authenticate.index import IndexUrl
from pip_authenticate.transport import Transport

_GUID = re.compile(r"[0-9a-fA-F-]{36}")
_TENANT = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]*")
_ADDRESS_CHARACTERS = 2048


class Told(NamedTuple):
    """What an index told.

    Args:
        tenant: GUID in lower case, or empty: nothing, or the zeros of an organisation of consumer accounts.
        sessions: the address that gives session tokens, or empty; whoever sends a secret there judges it.
        is_consumer: whether the organisation is one of consumer accounts.
    """

    tenant: str = ""
    sessions: str = ""
    is_consumer: bool = False


def is_tenant(text: str) -> bool:
    """Whether a text names a tenant: a GUID other than all zeros, or a domain."""
    return bool(_TENANT.fullmatch(text)) and bool(text.replace("-", "").strip("0"))


def ask(urls: list[IndexUrl], transport: Transport) -> list[Told]:
    """What each index tells; every organisation is asked once.

    A service that does not answer has told nothing.

    Raises:
        ServiceError: the time of the run is used up.
    """
    known = dict[object, Told]()
    by_key = dict[object, Told]()
    for url in sorted(urls, key=lambda url: len(url.path)):
        keys = organizations(url)
        key = next((key for key in keys if key in known), keys[0])
        if key not in known:
            known[key] = _told_by(url, transport)
        by_key[url.key] = known[key]
    return [by_key[url.key] for url in urls]


def organizations(url: IndexUrl) -> list[object]:
    """What could identify the index's organisation, the likeliest first.

    On Azure DevOps' own hosts it is certain. Elsewhere the last segment of the scope may be a project's.
    """
    place = Place.of(url)
    if place:
        return [place.organization]
    address = FeedAddress.of(url)
    scope = tuple(part.casefold() for part in address.scope) if address else ()
    return [(url.origin, scope), (url.origin, scope[:-1])]


def _told_by(url: IndexUrl, transport: Transport) -> Told:
    try:
        headers = transport.request("GET", str(url)).headers
    except ServiceError as error:
        if error.slug == "deadline":
            raise
        return Told()
    tenant = headers.get("x-vss-resourcetenant", "").strip()
    is_guid = bool(_GUID.fullmatch(tenant))
    sessions = headers.get("x-vss-authorizationendpoint", "").strip()[:_ADDRESS_CHARACTERS]
    known = tenant.lower() if is_guid and is_tenant(tenant) else ""
    return Told(known, sessions, is_consumer=is_guid and not known)
