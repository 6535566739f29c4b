"""Tenants of Microsoft Entra and the applications in them, as an organisation file describes them."""

import base64
import re
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from azure_devops_emulator.description.model import Issuer, ServiceConnection
from azure_devops_emulator.description.tables import Table, nearest

AZURE_DEVOPS = "499b84ac-1321-427f-aa17-267ca6975798"
"""The application id of Azure DevOps."""
ASSERTION_AUDIENCE = "api://AzureADTokenExchange"
ENTRA_ISSUER = "https://login.microsoftonline.com"
OWN_ISSUER = "https://vstoken.dev.azure.com"
NO_TENANT = str(uuid.UUID(int=0))
"""What organisations of consumer accounts tell as their tenant."""

Guid = Callable[..., str]
"""Reads the GUID at a key of a table; without one it follows from the names given after."""


@dataclass(frozen=True)
class Tenant:
    """A tenant.

    Args:
        id: lower-case GUID.
        name: what the organisation file calls it.
        federation: whether its policy lets workloads federate at all.
        token_seconds: how long its access tokens live.
    """

    id: str
    name: str
    federation: bool = True
    token_seconds: int = 3599


@dataclass(frozen=True)
class FederatedCredential:
    """A federated credential of an application: whose assertions it takes for its own.

    Args:
        issuer: of the assertion, exactly.
        subject: of the assertion, exactly.
        audience: of the assertion, exactly.
    """

    issuer: str
    subject: str
    audience: str = ASSERTION_AUDIENCE


@dataclass(frozen=True)
class Application:
    """An application, with a service principal in each of its tenants.

    Args:
        client_id: lower-case GUID.
        name: its name, and that of its service principals.
        tenants: ids of the tenants that know it; with more than one it is a multi-tenant application.
        credentials: its federated credentials.
        member: whether its service principal is a member of the organisation.
    """

    client_id: str
    name: str
    tenants: tuple[str, ...]
    credentials: tuple[FederatedCredential, ...] = ()
    member: bool = True

    def principal(self, tenant: str) -> str:
        """The GUID of its service principal in a tenant."""
        return str(uuid.uuid5(uuid.UUID(tenant), self.client_id))


def issuer_of(connection: ServiceConnection, organization_id: str, tenant: str) -> str:
    """The issuer of a connection's assertions (Microsoft Learn, "workload identity federation")."""
    if connection.issuer is Issuer.ENTRA:
        return f"{ENTRA_ISSUER}/{tenant}/v2.0"
    return f"{OWN_ISSUER}/{organization_id}"


def subject_of(
    connection: ServiceConnection, organization: str, organization_id: str, project: str, tenant: str
) -> str:
    """The subject of a connection's assertions: Entra's own form has GUIDs only, the older one names."""
    if connection.issuer is Issuer.ENTRA:
        parts = (_short(tenant), _short(AZURE_DEVOPS))
        return f"/eid1/c/pub/t/{parts[0]}/a/{parts[1]}/sc/{organization_id}/{connection.id}"
    return f"sc://{organization}/{project}/{connection.name}"


def tenant_of(connection: ServiceConnection) -> str:
    """The tenant that a connection names, in lower case."""
    return _parameter(connection.parameters, "tenantid")


def client_of(connection: ServiceConnection) -> str:
    """The client id that a connection names, in lower case."""
    return _parameter(connection.parameters, "serviceprincipalid")


def read_tenants(tables: Iterable[Table], guid: Guid, own: str) -> list[Tenant]:
    """Read `[[tenants]]`; the organisation's own tenant is there without being named.

    Args:
        tables: one for each tenant.
        guid: reads GUIDs.
        own: id of the organisation's tenant.
    """
    tenants = []
    for table in tables:
        name = table.name()
        tenants.append(
            Tenant(
                guid(table, "id", "tenant", name),
                name,
                table.flag("federation", default=True),
                table.number("token_seconds", 3599),
            )
        )
        table.finish()
    if own not in {tenant.id for tenant in tenants} | {NO_TENANT}:
        tenants.append(Tenant(own, "own"))
    return tenants


def read_applications(
    tables: Iterable[Table], guid: Guid, tenants: list[Tenant], own: str
) -> list[tuple[Application, Table]]:
    """Read `[[applications]]`; their federated credentials follow when the connections are known.

    Args:
        tables: one for each application.
        guid: reads GUIDs.
        tenants: all tenants.
        own: id of the organisation's tenant, which applications are in unless they say otherwise.
    """
    found = []
    for table in tables:
        name = table.name()
        inside = [_tenant(table, wanted, tenants) for wanted in table.texts("tenants")]
        client_id = guid(table, "client_id", "application", name)
        member = table.flag("member", default=True)
        found.append((Application(client_id, name, tuple(inside) or (own,), member=member), table))
    return found


def read_credentials(
    table: Table,
    connections: Iterable[ServiceConnection],
    identify: Callable[[ServiceConnection], tuple[str, str]],
) -> tuple[FederatedCredential, ...]:
    """Read the federated credentials of an application.

    Args:
        table: the application's.
        connections: all service connections.
        identify: gives issuer and subject of a connection's assertions.
    """
    known = {connection.name: connection for connection in connections if connection.is_federated}
    found = []
    for entry in table.tables("federated_credentials", f"{table.where}'s federated credential"):
        issuer, subject = "", ""
        if "connection" in entry:
            wanted = entry.text("connection")
            if wanted in known:
                issuer, subject = identify(known[wanted])
            else:
                entry.fault(
                    "unknown-name", f"There is no federated connection {wanted!r}", nearest(wanted, known)
                )
        found.append(
            FederatedCredential(
                entry.text("issuer", issuer if "connection" in entry else None),
                entry.text("subject", subject if "connection" in entry else None),
                entry.text("audience", ASSERTION_AUDIENCE),
            )
        )
        entry.finish()
    return tuple(found)


def _tenant(table: Table, wanted: str, tenants: list[Tenant]) -> str:
    for tenant in tenants:
        if wanted == tenant.name or wanted.lower() == tenant.id:
            return tenant.id
    table.fault("unknown-name", f"There is no tenant {wanted!r}", nearest(wanted, (t.name for t in tenants)))
    return NO_TENANT


def _parameter(parameters: Mapping[str, object], name: str) -> str:
    values = (value for key, value in parameters.items() if key.lower() == name)
    return str(next(values, "")).lower()


def _short(guid: str) -> str:
    """A GUID in the 22 characters that subjects have for it; anything else as it is."""
    if not re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", guid):
        return guid
    return base64.urlsafe_b64encode(uuid.UUID(guid).bytes_le).rstrip(b"=").decode()
