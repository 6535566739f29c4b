"""Keeps the organisations of Azure DevOps apart for clients that know hosts only.

All of them share pkgs.dev.azure.com. uv, and whatever reads a netrc file, would send the token of one to
another (measured with uv 0.13.9).
"""

from pip_authenticate.azure.forms import own_host_form
from pip_authenticate.index import AuthenticatedIndex, Credential


def part(indexes: list[AuthenticatedIndex]) -> list[AuthenticatedIndex]:
    """Write indexes with a host of their own organisation where their host has several credentials.

    Those that a project's files name stay as they are: there clients read the addresses of their own files.
    """
    credentials = dict[str, set[Credential]]()
    for index in indexes:
        credentials.setdefault(index.url.netloc, set()).add(index.credential)
    return [
        index._replace(url=own_host_form(index.url))
        if len(credentials[index.url.netloc]) > 1 and not any(client for client, _ in index.names)
        else index
        for index in indexes
    ]
