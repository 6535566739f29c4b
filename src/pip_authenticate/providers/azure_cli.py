"""Whoever is signed in to the Azure CLI (`az login`).

`az account get-access-token`: Microsoft Learn, "az account". A failure to find somebody signed in is no
fault: the program is on every image of a CI.
"""

import json
import os

from pip_authenticate import entra_access, other_programs, text_files
from pip_authenticate.azure.application import AZURE_DEVOPS
from pip_authenticate.azure.tenants import Told
from pip_authenticate.entra_access import EntraToken
from pip_authenticate.errors import NotHere, PipAuthenticateError, ServiceError
from pip_authenticate.index import AuthenticatedIndex, Index
from pip_authenticate.other_programs import Ended
from pip_authenticate.run import Run
from pip_authenticate.secret import Secret
from pip_authenticate.text_files import UnreadableError
from pip_authenticate.tokens import from_seconds, is_token

SECONDS = 30.0
"""How long it may take: a first start on a busy machine takes over ten (Azure/azure-cli issue 29329)."""
_NOBODY = "Please run 'az login'"
_NO_PROFILE = (ValueError, LookupError, TypeError, AttributeError, StopIteration, RecursionError)
"""What reading a file of another shape raises."""
_NO_TENANTS = ("managed identity", "cloud shell")


def absent(run: Run) -> str:
    """Why there is nobody; empty where there may be somebody."""
    return other_programs.lack("az", run.settings.variables)


def open_all(indexes: list[Index], run: Run) -> list[AuthenticatedIndex | PipAuthenticateError]:
    """Give the indexes of Azure Artifacts what is theirs.

    Returns:
        The indexes, and a NotHere for each that is elsewhere.

    Raises:
        NotHere: nobody is signed in.
        ServiceError: the Azure CLI or a service refused.
    """
    return entra_access.open_all(indexes, run, _identity(run), lambda told, _: _token(told, run))


def _identity(run: Run) -> str:
    """Who is signed in, by the file in which the Azure CLI says so; empty where that cannot be read."""
    variables = run.settings.variables
    home = variables.get("HOME") or variables.get("USERPROFILE") or "."
    folder = variables.get("AZURE_CONFIG_DIR") or os.path.join(home, ".azure")
    if not os.path.isabs(folder):  # it would be the project's for us, and the system's for the program
        return ""
    try:
        profile = json.loads(text_files.read(os.path.join(folder, "azureProfile.json")) or "")
        account = next(one for one in profile["subscriptions"] if one.get("isDefault"))
        identity = f"azure-cli {account['user']['name']} {account['tenantId']}"
        identity.encode()  # half a character names nobody
    except (UnreadableError, *_NO_PROFILE):
        return ""
    return identity


def _token(told: Told, run: Run) -> EntraToken:
    asked = _asked(run, told.tenant)
    if asked.code and told.tenant and any(word in asked.errors.lower() for word in _NO_TENANTS):
        asked = _asked(run, "")  # an identity that has but one tenant refuses to be asked for it
    if asked.code and _NOBODY in asked.errors and "AADSTS" not in asked.errors:
        raise NotHere("not-signed-in", "nobody is signed in to the Azure CLI: az login")
    answer = asked.answer
    token = answer.get("accessToken")
    if asked.code or not is_token(token):
        tenant = f" --tenant {told.tenant}" if told.tenant else ""
        raise ServiceError(
            "azure-cli",
            f"The Azure CLI gave no token (exit code {asked.code})",
            context=asked.said,
            hint=f"Sign in again: az login{tenant} --allow-no-subscriptions",
        )
    # Versions before 2.54 tell local time only, in another field.
    return EntraToken(Secret(token), from_seconds(answer.get("expires_on")))


def _asked(run: Run, tenant: str) -> Ended:
    arguments = ["account", "get-access-token", "--resource", AZURE_DEVOPS, "--output", "json"]
    if tenant:
        arguments += ["--tenant", tenant]
    return other_programs.run("az", arguments, run.settings.variables, SECONDS, run.transport.deadline)
