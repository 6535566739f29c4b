"""A service principal with a secret: AZURE_CLIENT_ID, AZURE_TENANT_ID and AZURE_CLIENT_SECRET.

The names are those of the azure-identity libraries. A certificate needs signatures that the standard library
cannot make: it is left to the Azure CLI.
"""

from pip_authenticate import applications, entra_access
from pip_authenticate.azure.addresses import Collection
from pip_authenticate.azure.tenants import Told
from pip_authenticate.entra_access import EntraToken
from pip_authenticate.errors import PipAuthenticateError
from pip_authenticate.index import TOKEN_USER, AuthenticatedIndex, Credential, Index
from pip_authenticate.run import Run
from pip_authenticate.secret import Secret


def absent(run: Run) -> str:
    """Why there is none; empty where there is one."""
    variables = run.settings.variables
    if variables.get("AZURE_CLIENT_SECRET"):
        is_named = applications.client_id(run)
        return "" if is_named else "neither AZURE_CLIENT_ID nor --identity says whose AZURE_CLIENT_SECRET is"
    if variables.get("AZURE_CLIENT_CERTIFICATE_PATH"):
        return (
            "a certificate is left to the Azure CLI: az login --service-principal --username "
            "$AZURE_CLIENT_ID --certificate $AZURE_CLIENT_CERTIFICATE_PATH --tenant $AZURE_TENANT_ID"
        )
    return "AZURE_CLIENT_SECRET is not set"


def open_all(indexes: list[Index], run: Run) -> list[AuthenticatedIndex | PipAuthenticateError]:
    """Give the indexes of Azure Artifacts what is theirs.

    Returns:
        The indexes, and a NotHere for each that is elsewhere.

    Raises:
        InputError: a variable cannot be used.
        ServiceError: Microsoft Entra or another service refused.
    """
    secret = Secret(run.settings.variables.get("AZURE_CLIENT_SECRET", ""))
    run.learned(Credential(TOKEN_USER, secret).spellings)
    identity = f"service-principal {applications.client_id(run)}"
    return entra_access.open_all(indexes, run, identity, lambda told, home: _token(told, home, secret, run))


def _token(told: Told, home: Collection, secret: Secret, run: Run) -> EntraToken:
    from pip_authenticate.azure import entra  # noqa: PLC0415 - what is kept needs none

    application = applications.signing_in(told, home, run)
    token = entra.exchange_secret(application, secret, run.transport)
    return EntraToken(token.secret, token.expires)
