"""A job's or pod's own identity, which Microsoft Entra trusts: no stored secret at all.

Microsoft Learn, "Workload identity federation". The application or managed identity must have a federated
credential for the issuer and the subject of the identity token.
"""

from pip_authenticate import applications, ci_identities, entra_access
from pip_authenticate.azure.addresses import Collection
from pip_authenticate.azure.tenants import Told
from pip_authenticate.ci_identities import Identity
from pip_authenticate.entra_access import EntraToken
from pip_authenticate.errors import NotHere, PipAuthenticateError
from pip_authenticate.index import TOKEN_USER, AuthenticatedIndex, Credential, Index
from pip_authenticate.run import Run

_OTHERS = (
    "AZURE_CLIENT_SECRET", "AZURE_CLIENT_CERTIFICATE_PATH", "IDENTITY_ENDPOINT", "MSI_ENDPOINT",
)  # fmt: skip
"""Variables that say that AZURE_CLIENT_ID is meant for another provider."""


def absent(run: Run) -> str:
    """Why there is none; empty where there is one."""
    if not applications.client_id(run):
        return "neither AZURE_CLIENT_ID nor --identity says who to be"
    found = ci_identities.found(run.settings, run.transport)
    return "" if found else "this is no CI and no pod whose identity tokens are known"


def open_all(indexes: list[Index], run: Run) -> list[AuthenticatedIndex | PipAuthenticateError]:
    """Give the indexes of Azure Artifacts what is theirs.

    Returns:
        The indexes, and a NotHere for each that is elsewhere.

    Raises:
        NotHere: there is no identity after all.
        InputError: the job is not given what it needs.
        ServiceError: the CI, Microsoft Entra or another service refused.
    """
    found = ci_identities.found(run.settings, run.transport)
    if not found:
        raise NotHere("no-identity", absent(run))
    if found.given:
        run.learned(Credential(TOKEN_USER, found.given).spellings)
    identity = f"workload-identity {applications.client_id(run)}"
    return entra_access.open_all(indexes, run, identity, lambda told, home: _token(told, home, found, run))


def _token(told: Told, home: Collection, identity: Identity, run: Run) -> EntraToken:
    from pip_authenticate.azure import entra  # noqa: PLC0415 - what is kept needs none

    application = applications.signing_in(told, home, run)
    try:
        assertion = identity.ask()
    except PipAuthenticateError as error:
        others = [name for name in _OTHERS if run.settings.variables.get(name)]
        if error.slug != "no-identity-permission" or not others:
            raise
        raise NotHere(error.slug, f"{error.what}, and {others[0]} is") from None
    run.learned(Credential(TOKEN_USER, assertion).spellings)
    ci_identities.checked(assertion, identity.place)
    token = entra.exchange(application, assertion, run.transport, entra.APPLICATION)
    return EntraToken(token.secret, token.expires)
