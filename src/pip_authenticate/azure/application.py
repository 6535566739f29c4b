"""Applications of Microsoft Entra: Azure DevOps, and what signs in to have a token for it."""

from typing import NamedTuple

AZURE_DEVOPS = "499b84ac-1321-427f-aa17-267ca6975798"
"""The application id of Azure DevOps: the resource that a token is for."""
AZURE_DEVOPS_SCOPE = f"{AZURE_DEVOPS}/.default"
"""Every permission there that is granted to the caller."""


_ID = frozenset("0123456789abcdefABCDEF-")


def is_client_id(text: str) -> bool:
    """Whether a text can be the id of an application: a GUID, as far as its characters tell."""
    return bool(text) and set(text) <= _ID


class Application(NamedTuple):
    """An application, and where it signs in.

    Args:
        authority: address of Entra.
        tenant: GUID or domain, or `organizations`.
        client_id: of the application.
    """

    authority: str
    tenant: str
    client_id: str
