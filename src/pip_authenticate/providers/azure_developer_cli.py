"""Whoever is signed in to the Azure Developer CLI (`azd auth login`).

`azd auth token`: Microsoft Learn, "Azure Developer CLI reference". Tokens are not kept between runs: nothing
documented says who is signed in before one is asked for.
"""

import json

from pip_authenticate import entra_access, other_programs
from pip_authenticate.azure.application import AZURE_DEVOPS_SCOPE
from pip_authenticate.azure.tenants import Told
from pip_authenticate.entra_access import EntraToken
from pip_authenticate.errors import NotHere, PipAuthenticateError, ServiceError
from pip_authenticate.index import AuthenticatedIndex, Index
from pip_authenticate.run import Run
from pip_authenticate.secret import Secret
from pip_authenticate.tokens import ends, from_text, is_token

SECONDS = 30.0
"""How long it may take."""
_NOBODY = "azd auth login"


def absent(run: Run) -> str:
    """Why there is nobody; empty where there may be somebody."""
    return other_programs.lack("azd", run.settings.variables)


def open_all(indexes: list[Index], run: Run) -> list[AuthenticatedIndex | PipAuthenticateError]:
    """Give the indexes of Azure Artifacts what is theirs.

    Returns:
        The indexes, and a NotHere for each that is elsewhere.

    Raises:
        NotHere: nobody is signed in.
        ServiceError: the Azure Developer CLI or a service refused.
    """
    return entra_access.open_all(indexes, run, "", lambda told, _: _token(told, run))


def _token(told: Told, run: Run) -> EntraToken:
    arguments = ["auth", "token", "--output", "json", "--no-prompt", "--scope", AZURE_DEVOPS_SCOPE]
    if told.tenant:
        arguments += ["--tenant-id", told.tenant]
    ended = other_programs.run("azd", arguments, run.settings.variables, SECONDS, run.transport.deadline)
    asked = ended._replace(errors=_messages(ended.errors))
    if asked.code and _NOBODY in asked.errors and "AADSTS" not in asked.errors:
        raise NotHere("not-signed-in", "nobody is signed in to the Azure Developer CLI: azd auth login")
    token = asked.answer.get("token")
    if asked.code or not is_token(token):
        tenant = f" --tenant-id {told.tenant}" if told.tenant else ""
        raise ServiceError(
            "azure-developer-cli",
            f"The Azure Developer CLI gave no token (exit code {asked.code})",
            context=asked.said,
            hint=f"Sign in again: azd auth login{tenant}",
        )
    # What it writes as the end is UTC by its Z, and local time for some readers: the token knows better.
    secret = Secret(token)
    return EntraToken(secret, ends(secret, None) or from_text(asked.answer.get("expiresOn")))


def _messages(errors: str) -> str:
    """What it says, a line each; it writes objects of JSON, of several shapes."""
    return "\n".join(_message(line) for line in errors.splitlines())


def _message(line: str) -> str:
    try:
        said = json.loads(line)
    except (ValueError, RecursionError):
        return line
    for key in ("error", "data", "message"):
        if isinstance(said, dict) and key in said:
            said = said[key]
    return " ".join(said.split()) if isinstance(said, str) else line
