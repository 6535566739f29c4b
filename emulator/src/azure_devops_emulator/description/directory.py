"""Tenants of Microsoft Entra and the applications in them, as an organisation file describes them."""

import uuid
from typing import Annotated

from pydantic import AfterValidator, ValidationInfo, model_validator

from azure_devops_emulator.description.reading import Guid, Named, known
from azure_devops_emulator.description.shapes import Many, Shape, fault, follows, nearest

AZURE_DEVOPS = "499b84ac-1321-427f-aa17-267ca6975798"
"""The application id of Azure DevOps."""
ASSERTION_AUDIENCE = "api://AzureADTokenExchange"
ENTRA_ISSUER = "https://login.microsoftonline.com"
TOKEN_ISSUER = "https://sts.windows.net"
OWN_ISSUER = "https://vstoken.dev.azure.com"
NO_TENANT = str(uuid.UUID(int=0))
"""What organisations of consumer accounts tell as their tenant."""


class Tenant(Named):
    """A tenant.

    Args:
        id: lower-case GUID.
        name: what the organisation file calls it.
        federation: whether its policy lets workloads federate at all.
        token_seconds: how long its access tokens live.
    """

    called = "tenant"
    id: Guid
    federation: bool = True
    token_seconds: int = 3599


class FederatedCredential(Shape):
    """A federated credential of an application: whose assertions it takes for its own.

    Args:
        connection: the name of the connection that the others follow from; "" where they are given.
        issuer: of the assertion, exactly.
        subject: of the assertion, exactly.
        audience: of the assertion, exactly.
    """

    connection: Annotated[str, AfterValidator(known("federated connection"))] = ""
    issuer: str
    subject: str
    audience: str = ASSERTION_AUDIENCE

    @model_validator(mode="before")
    @classmethod
    def _follow(cls, data: object) -> object:
        """Leave out what the connection tells."""
        return (
            {"issuer": "", "subject": "", **data} if isinstance(data, dict) and "connection" in data else data
        )


def _tenant_id(wanted: str, info: ValidationInfo) -> str:
    """The id of the tenant of a name or an id."""
    if wanted.lower() == info.context.tenant:
        return info.context.tenant
    tenant = info.context.found["tenant"].get(wanted.lower())
    if tenant:
        return tenant.id
    names = info.context.names["tenant"]
    raise (
        follows()
        if wanted in names
        else fault("unknown-name", f"There is no tenant {wanted!r}", nearest(wanted, names))
    )


class Application(Named):
    """An application, with a service principal in each of its tenants.

    Args:
        client_id: lower-case GUID.
        name: its name, and that of its service principals.
        tenants: ids of the tenants that know it; with more than one it is a multi-tenant application.
        federated_credentials: whose assertions it takes for its own.
        member: whether its service principal is a member of the organisation.
    """

    called = "application"
    id_key = "client_id"
    client_id: Guid
    tenants: Many[Annotated[str, AfterValidator(_tenant_id)]]
    federated_credentials: Many[FederatedCredential] = ()
    member: bool = True

    @model_validator(mode="before")
    @classmethod
    def _at_home(cls, data: object, info: ValidationInfo) -> object:
        """Without tenants, it is in the organisation's own."""
        return (
            {**data, "tenants": data.get("tenants") or [info.context.tenant]}
            if isinstance(data, dict)
            else data
        )

    @model_validator(mode="after")
    def _only_at_home(self, info: ValidationInfo) -> "Application":
        """Only those of the organisation's own tenant can be members; roles name no others."""
        if not self.member or info.context.tenant not in self.tenants:
            info.context.names["identity"].remove(self.name)
        return self

    def principal(self, tenant: str) -> str:
        """The GUID of its service principal in a tenant."""
        return str(uuid.uuid5(uuid.UUID(tenant), self.client_id))
