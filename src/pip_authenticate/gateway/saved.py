"""Which files feeds have saved from their upstream sources: asked of their service once a command has ended.

A feed's pages do not tell it: what was published and what was saved look alike there.
"""

from collections.abc import Callable
from contextlib import suppress

from packaging.utils import canonicalize_version

from pip_authenticate.azure.feeds import FeedsService
from pip_authenticate.errors import PipAuthenticateError
from pip_authenticate.gateway.links import project_of
from pip_authenticate.gateway.record import Record
from pip_authenticate.index import AuthenticatedIndex
from pip_authenticate.parallel import in_parallel
from pip_authenticate.transport import Transport

_MOST = 500
"""Most packages of a feed that it is asked about."""


def ask(
    record: Record,
    indexes: list[AuthenticatedIndex],
    service: FeedsService,
    transport: Transport,
    log: Callable[[str], None],
) -> None:
    """Have a record say of each file of a feed where that has it from; nothing where nobody tells.

    Args:
        record: of a run.
        indexes: with the credentials to ask with.
        service: is asked.
        transport: has a deadline for all of it.
        log: takes one line for people who debug.
    """
    for index in indexes:
        files = [one for one in record.fetched.values() if one.home.url.key == index.url.key]
        named = {one: project for one in files if (project := project_of(one.file))}
        try:
            found = _of_feed(index, sorted({name for name, _ in named.values()})[:_MOST], service, transport)
        except PipAuthenticateError as error:
            log(f"{index.source} does not say what it has saved: {error}")
            continue
        for one, (name, version) in named.items():
            record.tell_origin(one, found.get((name, canonicalize_version(version))))


def _of_feed(
    index: AuthenticatedIndex, names: list[str], service: FeedsService, transport: Transport
) -> dict[tuple[str, str], str]:
    """The upstream source of each version of some packages, or nothing for one that was published."""
    place = service.organization(index.url)
    if place is None or not names:
        return {}
    feed = service.feed(index, place)
    known = dict(feed.upstreams)

    def versions(name: str) -> list[tuple[str, str]]:
        with suppress(PipAuthenticateError):  # the others are known nevertheless
            return list(service.versions(index, place, feed, name))
        return []

    return {
        (name, canonicalize_version(version)): upstream and known.get(upstream, "an upstream source")
        for name, found in zip(names, in_parallel(versions, names, transport.deadline), strict=True)
        for version, upstream in found
    }
