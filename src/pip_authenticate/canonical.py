"""Keeps several credentials of one organisation apart, where pip would mix them up.

Download links of Azure Artifacts carry GUIDs, whatever names the index was asked by. pip gives a
download the credential of the index with the longest common path (pip: network/auth.py), so that two
indexes written with names tie, and the first one's credential is sent for every file. Written with
GUIDs, each index shares its path with its own downloads only.
"""

from typing import NamedTuple

from pip_authenticate import azure_devops
from pip_authenticate.errors import ServiceError
from pip_authenticate.feeds import UNKNOWN, FeedsService, Organization
from pip_authenticate.index import AuthenticatedIndex, Credential, IndexUrl
from pip_authenticate.transport import in_parallel


class Separated(NamedTuple):
    """Indexes that pip can tell apart.

    Args:
        indexes: in their order, rewritten where it was needed.
        faults: why an index could not be rewritten, by its position; it is left as it was.
        mixed: positions of those that were left because nobody there knows a feeds service.
    """

    indexes: list[AuthenticatedIndex]
    faults: dict[int, ServiceError]
    mixed: list[int]


def separate(indexes: list[AuthenticatedIndex], service: FeedsService) -> Separated:
    """Write the indexes of an organisation with GUIDs wherever it has more than one credential.

    Args:
        indexes: all indexes of the run.
        service: asked once for every index that must be rewritten, and for no other.
    """
    places = [service.organization(index.url) for index in indexes]
    credentials: dict[object, set[Credential]] = {}
    bases: dict[object, IndexUrl] = {}
    for index, place in zip(indexes, places, strict=True):
        if place:
            credentials.setdefault(place.key, set()).add(index.credential)
            bases.setdefault(place.key, place.base)  # one spelling, whatever case it was written in

    def rewritten(pair: tuple[AuthenticatedIndex, Organization | None]) -> AuthenticatedIndex | ServiceError:
        index, place = pair
        if place is None or len(credentials[place.key]) == 1:
            return index
        try:
            return _with_guids(index, place._replace(base=bases[place.key]), service)
        except ServiceError as error:
            return error

    outcomes = in_parallel(rewritten, list(zip(indexes, places, strict=True)))
    failed = {at: outcome for at, outcome in enumerate(outcomes) if isinstance(outcome, ServiceError)}
    kept = [
        index if isinstance(outcome, ServiceError) else outcome
        for index, outcome in zip(indexes, outcomes, strict=True)
    ]
    # Only Azure Artifacts writes links with GUIDs: elsewhere names may well be right.
    mixed = [at for at, error in failed.items() if error.slug == UNKNOWN]
    return Separated(kept, {at: error for at, error in failed.items() if error.slug != UNKNOWN}, mixed)


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
    path = f"{azure_devops.with_slash(place.base.path)}{project}_packaging/{name}/pypi/simple{slash}"
    view = "".join(place.address.feed.partition("@")[1:])
    return index._replace(url=IndexUrl(*index.url.origin, path), feed=f"{feed}{view}")
