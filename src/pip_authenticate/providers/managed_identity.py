"""Who this machine is: a managed identity of App Service, Azure Arc, a virtual machine and the like.

It is asked where variables tell of it, or where a person names it: elsewhere nobody would answer, slowly.
"""

import platform

from pip_authenticate import applications, entra_access
from pip_authenticate.azure import managed_identity
from pip_authenticate.azure.managed_identity import Service
from pip_authenticate.entra_access import EntraToken
from pip_authenticate.errors import NotHere, PipAuthenticateError
from pip_authenticate.index import AuthenticatedIndex, Index
from pip_authenticate.run import Run

NAME = "managed-identity"


def absent(run: Run) -> str:
    """Why there is none; empty where there may be one."""
    if run.settings.variables.get("IDENTITY_SERVER_THUMBPRINT"):
        return "that of Service Fabric is not supported"
    return "" if _service(run) else f"no variable tells of one, and nobody says --credential {NAME}"


def open_all(indexes: list[Index], run: Run) -> list[AuthenticatedIndex | PipAuthenticateError]:
    """Give the indexes of Azure Artifacts what is theirs.

    Returns:
        The indexes, and a NotHere for each that is elsewhere.

    Raises:
        InputError: a variable cannot be used.
        ServiceError: the machine's service gives no token, or another one refused.
    """
    service = _service(run)
    if not service:
        raise NotHere("no-managed-identity", absent(run))
    who = applications.client_id(run)

    def ask(*_: object) -> EntraToken:
        keys = run.settings.arc_folder
        return EntraToken(*managed_identity.ask(service, who, keys, run.transport, run.learned))

    # A home folder may be shared between machines; each is somebody else.
    identity = f"{NAME} {service.kind} {who or 'system'} {platform.node()}"
    return entra_access.open_all(indexes, run, identity, ask)


def _service(run: Run) -> Service | None:
    is_named = run.settings.credentials_are_chosen and NAME in run.settings.credentials
    return managed_identity.found(run.settings.variables, is_named=is_named)
