"""One credential for each host, for readers that know hosts only."""

from collections.abc import Callable, Iterable

from pip_authenticate.errors import DeliveryError
from pip_authenticate.index import AuthenticatedIndex


def first_of_each(
    reader: str, indexes: Iterable[AuthenticatedIndex], host_of: Callable[[AuthenticatedIndex], str]
) -> dict[str, AuthenticatedIndex]:
    """The first index of each host, whose credential all others of that host share.

    Args:
        reader: who knows hosts only, as the subject of a sentence.
        indexes: with their credentials.
        host_of: the host as that reader tells one from another.

    Raises:
        DeliveryError: two credentials share a host, so that one would be sent for the other's index.
    """
    found = dict[str, AuthenticatedIndex]()
    for index in indexes:
        host = host_of(index)
        first = found.setdefault(host, index)
        if first.credential != index.credential:
            raise DeliveryError(
                "host-shared",
                f"{_shown(first)} and {_shown(index)} have different credentials on one host, {host}, "
                f"and {reader} would send one for the other: it knows hosts only",
                hint="Use one of them at a time, or write the address of one with another host; every "
                "organisation of Azure DevOps has one of its own, "
                "https://ORGANISATION.pkgs.visualstudio.com/_packaging/FEED/pypi/simple/.",
            )
    return found


def _shown(index: AuthenticatedIndex) -> str:
    names = dict.fromkeys(name for _, name in index.names)
    return f"{index.source} (named {', '.join(names)} by the project)" if names else index.source
