"""Tenants of Microsoft Entra and the applications in them, as an organisation file describes them."""

import uuid
from typing import Annotated

from pydantic import AfterValidator, ValidationInfo, model_validator

from azure_devops_emulator.description.names import Guid, Named, found, known, reading
from azure_devops_emulator.description.shapes import Many, Shape
from azure_devops_emulator.errors import InputError

AZURE_DEVOPS = "499b84ac-1321-427f-aa17-267ca6975798"
"""The application id of Azure DevOps."""
ASSERTION_AUDIENCE = "api://AzureADTokenExchange"
ENTRA_ISSUER = "https://login.microsoftonline.com"
STS_ISSUER = "https://sts.windows.net"
OWN_ISSUER = "https://vstoken.dev.azure.com"
NO_TENANT = str(uuid.UUID(int=0))
"""What organisations of consumer accounts tell as their tenant."""


class Tenant(Named):
    """A tenant: whether its policy lets workloads federate at all, and how long its access tokens live."""

    called = "tenant"
    id: Guid
    federation: bool = True
    token_seconds: int = 3599


class FederatedCredential(Shape):
    """A federated credential of an application: whose assertions it takes for its own.

    Issuer and subject are those of a connection, or exact ones.
    """

    connection: Annotated[str, AfterValidator(known("federated connection"))] = ""
    issuer: str = ""
    subject: str = ""
    audience: str = ASSERTION_AUDIENCE

    @model_validator(mode="after")
    def _check(self) -> "FederatedCredential":
        for key in ("issuer", "subject"):
            if not self.connection and not getattr(self, key):
                hint = "Give it a text, or name a connection."
                raise InputError("incomplete", f"The key {key!r} is missing", hint=hint)
        return self


def _tenant_id(wanted: str, info: ValidationInfo) -> str:
    own = reading(info).tenant
    return own if wanted.lower() == own else str(found("tenant")(wanted, info).id)


class Application(Named):
    """An application, with a service principal in each tenant; perhaps a member of the organisation."""

    called = "application"
    client_id: Guid
    tenants: Many[Annotated[str, AfterValidator(_tenant_id)]]
    federated_credentials: Many[FederatedCredential] = ()
    member: bool = True

    @model_validator(mode="after")
    def _only_at_home(self, info: ValidationInfo) -> "Application":
        """Only those of the organisation's own tenant can be members; roles name no others."""
        if not self.member or reading(info).tenant not in self.tenants:
            reading(info).names["identity"].remove(self.name)
        return self

    def principal(self, tenant: str) -> str:
        """The GUID of its service principal in a tenant."""
        return str(uuid.uuid5(uuid.UUID(tenant), self.client_id))
