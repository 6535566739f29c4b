"""Keeps the organisations of Azure DevOps apart for clients that know hosts only.

All of them share pkgs.dev.azure.com. uv, and whatever reads a netrc file, would send the token of one to
another (measured with uv 0.13.9).
"""

from pip_authenticate.azure.addresses import Place
from pip_authenticate.azure.forms import own_host_form
from pip_authenticate.errors import DeliveryError
from pip_authenticate.index import AuthenticatedIndex, Credential, IndexUrl


def part(indexes: list[AuthenticatedIndex], strangers: list[IndexUrl]) -> list[AuthenticatedIndex]:
    """Write indexes with a host of their own organisation where their host has several credentials.

    Those that a project's files name stay as they are: there clients read the addresses of their own files.

    Args:
        indexes: with their credentials.
        strangers: indexes that clients will ask, too, and that have no credential.

    Raises:
        DeliveryError: a stranger of another organisation shares the host of an index that stays as it is:
            clients would send it the index's credential.
    """
    credentials = dict[str, set[Credential]]()
    for index in indexes:
        credentials.setdefault(index.url.netloc, set()).add(index.credential)
    parted = [
        index._replace(url=own_host_form(index.url))
        if (len(credentials[index.url.netloc]) > 1 or _strangers_of(index.url, strangers))
        and not any(client for client, _ in index.names)
        else index
        for index in indexes
    ]
    for index in parted:
        for stranger in _strangers_of(index.url, strangers):
            raise DeliveryError(
                "host-shared",
                f"{index.source} shares the host {index.url.origin.host} with {stranger}, which its "
                "credential is not for: it would be sent there, since clients know hosts only",
                hint="Write the address of one with the host of its organisation, "
                "https://ORGANISATION.pkgs.visualstudio.com/_packaging/FEED/pypi/simple/, or use --via env "
                "with a client that knows paths (pip).",
            )
    return parted


def _strangers_of(url: IndexUrl, strangers: list[IndexUrl]) -> list[IndexUrl]:
    """Those on the same host whom a credential for an address is not for: another port, or organisation."""
    own, found = Place.of(url), list[IndexUrl]()
    for one in strangers:
        if one.origin.host != url.origin.host:
            continue
        place = Place.of(one)
        is_other = own is not None and (place is None or place.organization != own.organization)
        if one.origin != url.origin or is_other:
            found.append(one)
    return found
