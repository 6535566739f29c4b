"""Applications of Microsoft Entra: who a workload signs in as, and in which tenant."""

from pip_authenticate.azure import tenants
from pip_authenticate.azure.addresses import Collection
from pip_authenticate.azure.application import Application, is_client_id
from pip_authenticate.azure.tenants import Told
from pip_authenticate.errors import InputError, ServiceError
from pip_authenticate.run import Run


def client_id(run: Run) -> str:
    """The id of the application or managed identity, as an option says it or AZURE_CLIENT_ID; or empty.

    Raises:
        InputError: it cannot be one.
    """
    found = run.settings.client_id or run.settings.variables.get("AZURE_CLIENT_ID", "").strip()
    if found and not is_client_id(found):
        raise InputError(
            "client-id-unusable",
            "The client id is no GUID",
            hint="Set AZURE_CLIENT_ID (or --identity) to the application's id, as Entra shows it.",
        )
    return found


def signing_in(told: Told, home: Collection, run: Run) -> Application:
    """The application where it signs in for an organisation.

    The tenant is the one that an option names, else the one that the index tells, else AZURE_TENANT_ID.

    Raises:
        InputError: the client id, the tenant or the authority cannot be used.
        ServiceError: nobody tells the tenant.
    """
    given = run.settings.variables.get("AZURE_TENANT_ID", "").strip()
    tenant = run.settings.tenant or told.tenant or given
    if not tenant:
        raise ServiceError(
            "tenant-unknown",
            f"Neither {home.url.origin.host} nor AZURE_TENANT_ID tells the tenant",
            hint="Check the address of the index, or set AZURE_TENANT_ID (or --tenant).",
        )
    if not tenants.is_tenant(tenant):
        raise InputError(
            "tenant-unusable",
            "The tenant is neither a GUID nor a domain",
            hint="Set AZURE_TENANT_ID (or --tenant) to the tenant's id, as Entra shows it.",
        )
    from pip_authenticate.azure import entra  # noqa: PLC0415 - what is kept needs none

    return Application(entra.authority(run.settings, home), tenant, client_id(run))
