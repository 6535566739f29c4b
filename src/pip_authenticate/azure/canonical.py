"""Spells the indexes of one host so that pip can tell their credentials apart.

pip gives a download the credential of the index on the same host with the longest common path, compared
letter by letter (pip 23.1 and newer: network/auth.py). Links of Azure Artifacts carry GUIDs, whatever
names the index was asked by: two indexes written with names tie, and the first one's credential is sent
for every file. Written with GUIDs, each index shares its path with its own downloads only.
"""

import re
from typing import NamedTuple

from pip_authenticate.azure.addresses import with_slash
from pip_authenticate.azure.feeds import UNKNOWN, FeedsService, Organization
from pip_authenticate.errors import ServiceError
from pip_authenticate.index import AuthenticatedIndex, Credential, IndexUrl, settled
from pip_authenticate.parallel import in_parallel
from pip_authenticate.transport import Transport

_ENCODED = re.compile("%([0-9A-Fa-f]{2})")
_UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")


class Separated(NamedTuple):
    """Indexes in the spelling that keeps their credentials apart.

    Args:
        indexes: in their order, rewritten where it was needed.
        faults: why an index could not be rewritten, by its position; it is left as it was.
        mixed: sources of indexes that pip may mix up all the same, by the host that they share.
    """

    indexes: list[AuthenticatedIndex]
    faults: dict[int, ServiceError]
    mixed: dict[str, list[str]]


def separate(indexes: list[AuthenticatedIndex], service: FeedsService, transport: Transport) -> Separated:
    """Rewrite the indexes of every host that has more than one credential.

    Args:
        indexes: all indexes of the run.
        service: asked once for every index that must be written with GUIDs, and for no other.
        transport: asks in parallel.
    """
    shared = _shared_hosts(indexes)
    places = [service.organization(index.url) if index.url.netloc in shared else None for index in indexes]
    credentials: dict[object, set[Credential]] = {}
    organizations: dict[object, Organization] = {}
    for index, place in zip(indexes, places, strict=True):
        if place:
            credentials.setdefault(place.key, set()).add(index.credential)
            organizations.setdefault(place.key, place)
    keys = list(organizations)
    spelled = in_parallel(lambda key: service.base_of(organizations[key]), keys, transport.deadline)
    bases = dict(zip(keys, spelled, strict=True))

    def rewritten(pair: tuple[AuthenticatedIndex, Organization | None]) -> AuthenticatedIndex | ServiceError:
        index, place = pair
        if place is None:
            return index._replace(url=_normalized(index.url)) if index.url.netloc in shared else index
        settled = place._replace(base=bases[place.key])
        if len(credentials[place.key]) == 1:
            return index._replace(url=_rebased(index.url, settled))
        try:
            return _with_guids(index, settled, service)
        except ServiceError as error:
            return error

    outcomes = in_parallel(rewritten, list(zip(indexes, places, strict=True)), transport.deadline)
    failed = {at: outcome for at, outcome in enumerate(outcomes) if isinstance(outcome, ServiceError)}
    kept = [
        index if isinstance(outcome, ServiceError) else outcome
        for index, outcome in zip(indexes, outcomes, strict=True)
    ]
    # Only Azure Artifacts writes links with GUIDs: elsewhere names may well be right.
    unknown = {at for at, error in failed.items() if error.slug == UNKNOWN}
    foreign = {at for at, place in enumerate(places) if place is None and indexes[at].url.netloc in shared}
    mixed = {indexes[at].url.netloc for at in unknown | foreign}
    return Separated(
        kept,
        {at: error for at, error in failed.items() if at not in unknown},
        {host: shared[host] for host in sorted(mixed)},
    )


def _shared_hosts(indexes: list[AuthenticatedIndex]) -> dict[str, list[str]]:
    """Hosts with several credentials, as pip compares hosts, and a source for each credential."""
    hosts: dict[str, dict[Credential, str]] = {}
    for index in indexes:
        hosts.setdefault(index.url.netloc, {}).setdefault(index.credential, index.source)
    return {host: list(sources.values()) for host, sources in hosts.items() if len(sources) > 1}


def _rebased(url: IndexUrl, place: Organization) -> IndexUrl:
    """An index's address with the organisation's part in its own spelling."""
    segments = [part for part in _normalized(url).path.split("/") if part]
    depth = len([part for part in place.base.path.split("/") if part])
    slash = "/" if url.path.endswith("/") else ""
    return IndexUrl(*url.origin, with_slash(place.base.path) + "/".join(segments[depth:]) + slash)


def _with_guids(index: AuthenticatedIndex, place: Organization, service: FeedsService) -> AuthenticatedIndex:
    feed = service.feed(index, place)
    has_view = "@" in place.address.feed
    if (place.rest and not feed.project_id) or (has_view and not feed.view_id):
        raise ServiceError(
            "guid-missing",
            f"The feeds service does not tell the GUIDs of {index.source}, which are needed to keep its "
            "credential apart from others of the organisation",
            context=str(index.url),
        )
    name = f"{feed.id}@{feed.view_id}" if has_view else feed.id
    # A feed of a project may be asked for without it by GUID; its links name the project all the same.
    project = f"{feed.project_id}/" if feed.project_id else ""
    slash = "/" if index.url.path.endswith("/") else ""
    path = f"{with_slash(place.base.path)}{project}_packaging/{name}/pypi/simple{slash}"
    view = "".join(place.address.feed.partition("@")[1:])
    return index._replace(url=IndexUrl(*index.url.origin, path), feed=f"{feed}{view}")


def _normalized(url: IndexUrl) -> IndexUrl:
    """The same address in the spelling that servers write into links (RFC 3986, section 6.2.2)."""

    def spelled(match: re.Match[str]) -> str:
        char = chr(int(match[1], 16))
        return char if char in _UNRESERVED else match[0].upper()

    return IndexUrl(*url.origin, settled(_ENCODED.sub(spelled, url.path)))
