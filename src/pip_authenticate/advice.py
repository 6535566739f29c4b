"""What a person should know of the indexes of a run; most runs give no cause."""

from collections.abc import Iterator

from pip_authenticate.authenticate import Found
from pip_authenticate.azure.feed_addresses import index_meant
from pip_authenticate.index import Credential

JOB_SECONDS = 3600
"""How long a job may take unless its pipeline says otherwise (Microsoft Learn, "jobs.job": 60 minutes)."""
_SLACK_SECONDS = 120


def on(found: Found) -> Iterator[str]:
    """Every warning."""
    yield from _insecure(found)
    yield from _expiring(found)
    yield from _misaddressed(found)
    yield from _doubled(found)
    yield from _mixed(found)


def _insecure(found: Found) -> Iterator[str]:
    """Warnings about credentials that travel less safe than they should."""
    exposed = dict[tuple[str, Credential], list[str]]()
    for index in found.indexes:
        origin = index.url.origin
        if origin.is_exposed:
            exposed.setdefault((origin.host, index.credential), []).append(index.source)
    for (host, _), sources in exposed.items():
        yield f"Plain http: the credential of {', '.join(sources)} travels to {host} without encryption."


def _misaddressed(found: Found) -> Iterator[str]:
    """Warnings about addresses of feeds that are for another program."""
    for index in found.indexes:
        meant = index_meant(index.url)
        if meant:
            yield f"The address {index.url} of {index.source} is no index for pip: {meant} is meant."


def _doubled(found: Found) -> Iterator[str]:
    """Warnings about indexes that are named twice."""
    for used, other in found.doubled:
        yield (
            f"{used.source} and {other.source} name one index, {used.url}, with different credentials: "
            "pip takes the first one for both, and so does this task. Remove one."
        )


def _mixed(found: Found) -> Iterator[str]:
    """Warnings about credentials that pip may send to another's index."""
    for host, sources in found.mixed.items():
        yield (
            f"{' and '.join(sources)} have different credentials on one host, {host}. pip (23.1 or newer) "
            "tells them apart by the path of each index; where that host links to files outside it, and "
            "with an older pip everywhere, the first one's credential is sent for the others, too."
        )


def by_credential(found: Found) -> dict[Credential, list[str]]:
    """The sources that share each credential."""
    sources = dict[Credential, dict[str, None]]()
    for index in found.indexes:
        sources.setdefault(index.credential, {})[index.source] = None
    return {credential: list(names) for credential, names in sources.items()}


def _expiring(found: Found) -> Iterator[str]:
    """Warnings about credentials that an ordinary job outlives."""
    for credential, sources in by_credential(found).items():
        if credential.expires:
            from datetime import datetime, timezone  # noqa: PLC0415 - only federation needs it

            seconds = (credential.expires - datetime.now(timezone.utc)).total_seconds()
            if seconds < JOB_SECONDS - _SLACK_SECONDS:
                yield (
                    f"The credential of {', '.join(sources)} expires in {max(seconds, 0) / 60:.0f} minutes; "
                    "the job may outlive it. Run this task again before later steps that call pip."
                )


def ends(found: Found) -> Iterator[str]:
    """When each credential expires that says so."""
    for credential, sources in by_credential(found).items():
        if credential.expires:
            yield (
                f"The credential of {', '.join(sources)} expires at {credential.expires:%Y-%m-%d %H:%M} UTC; "
                "steps that call pip after that need this task to run again."
            )
