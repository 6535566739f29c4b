"""Tenants of Microsoft Entra, the applications in them, and service connections, which may stand on both."""

import base64
import re
import uuid
from datetime import datetime
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PlainValidator,
    SecretStr,
    TypeAdapter,
    ValidationInfo,
    model_validator,
)

from azure_devops_emulator.description.model import Project, moment
from azure_devops_emulator.description.reading import FEDERATION_SCHEME, Guid, Named, found, known, reading
from azure_devops_emulator.description.shapes import Many, Shape, no_such
from azure_devops_emulator.errors import InputError

AZURE_DEVOPS = "499b84ac-1321-427f-aa17-267ca6975798"
"""The application id of Azure DevOps."""
ASSERTION_AUDIENCE = "api://AzureADTokenExchange"
ENTRA_ISSUER = "https://login.microsoftonline.com"
STS_ISSUER = "https://sts.windows.net"
OWN_ISSUER = "https://vstoken.dev.azure.com"
NO_TENANT = str(uuid.UUID(int=0))
"""What organisations of consumer accounts tell as their tenant."""
CONSUMER_TENANT = "f8cdef31-a31e-4b4a-93e4-5f571e91255a"
"""Where consumer accounts get their tokens for services of Microsoft (not documented, seen in tokens)."""
PLACEHOLDER = re.compile(r"\{([a-z]+)(?::([^{}]+))?\}")
"""A placeholder in the URL of a service connection: `{kind}` or `{kind:name}`."""
_TEXTS = TypeAdapter(dict[str, str])
_OPEN_PARAMETERS = ("username", "tenantid", "serviceprincipalid", "role", "scope", "audience")


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
                what, hint = f"The key {key!r} is missing", "Give it a text, or name a connection."
                raise InputError("missing-key", what, hint=hint)
        return self


def _tenant_id(wanted: str, info: ValidationInfo) -> str:
    own = reading(info).tenant
    return own if wanted.lower() == own else str(found("tenant")(wanted, info).id)


def _own_at_least(tenants: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
    return tenants or (reading(info).tenant,)


class ClientSecret(Shape):
    """A secret of an application."""

    value: SecretStr
    expires: Annotated[datetime | None, BeforeValidator(moment)] = None


class Application(Named):
    """An application, with a service principal in each tenant; perhaps a member of the organisation."""

    called = "application"
    client_id: Guid
    tenants: Annotated[
        Many[Annotated[str, AfterValidator(_tenant_id)]],
        AfterValidator(_own_at_least),
        Field(validate_default=True),
    ] = ()
    federated_credentials: Many[FederatedCredential] = ()
    client_secrets: Many[ClientSecret] = ()
    public_client: bool = False
    """Whether persons sign in with it, on devices and in browsers."""
    permissions: Many[str] = ()
    """What persons have consented to that it may do for them."""
    managed: Literal["", "system", "user"] = ""
    """Whether it is the identity that the emulated machine has by itself, or one that is assigned to it."""
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


def _hidden(parameters: object) -> dict[str, SecretStr | str]:
    texts = _TEXTS.validate_python(parameters, strict=True)
    return {key: text if key.lower() in _OPEN_PARAMETERS else SecretStr(text) for key, text in texts.items()}


def _placeholders(url: str, info: ValidationInfo) -> str:
    names = reading(info).names
    words = ["collection", "pkgs", "public", *(f"private:{name}" for name in names["private index"])]
    words = [f"{{{word}}}" for word in (*words, *(f"feed:{address}" for address in names["feed"]))]
    for match in PLACEHOLDER.finditer(url):
        if match[0] not in words:
            raise no_such("placeholder", match[0], words)
    return url


class ServiceConnection(Named):
    """A service connection; its URL has placeholders that only a running service can fill."""

    called = "service connection"
    id: Guid
    type: str = "externalPythonDownloadFeed"
    url: Annotated[str, AfterValidator(_placeholders)]
    scheme: str
    parameters: Annotated[dict[str, SecretStr | str], PlainValidator(_hidden)] = Field(default_factory=dict)
    data: dict[str, str] = Field(default_factory=dict)


class FederatedConnection(ServiceConnection):
    """One that stores no secret, but has assertions issued.

    Its parameters name application and tenant: those of an application, unless they are given. The issuer
    decides issuer and subject of the assertions.
    """

    type: str = "workloadidentityuser"
    url: Annotated[str, AfterValidator(_placeholders)] = "{collection}"
    project: Annotated[Project, PlainValidator(found("project"))]
    application: Annotated[Application | None, PlainValidator(found("application"))] = None
    issuer: Literal["entra", "azure-devops"] = "entra"

    @model_validator(mode="after")
    def _fill(self) -> "FederatedConnection":
        if self.application:
            self.parameters.setdefault("ServicePrincipalId", self.application.client_id)
            self.parameters.setdefault("TenantId", self.application.tenants[0])
        elif "parameters" not in self.model_fields_set:
            what = "The key 'application' is missing"
            raise InputError("incomplete", what, hint="Name one, or give parameters.")
        return self

    @property
    def tenant(self) -> str:
        """The tenant that it names, in lower case."""
        named = (str(value) for key, value in self.parameters.items() if key.lower() == "tenantid")
        return next(named, "").lower()

    def issuer_of(self, organization_id: str) -> str:
        """The issuer of its assertions (Microsoft Learn, "workload identity federation")."""
        own = f"{OWN_ISSUER}/{organization_id}"
        return f"{ENTRA_ISSUER}/{self.tenant}/v2.0" if self.issuer == "entra" else own

    def subject_of(self, organization: str, organization_id: str) -> str:
        """The subject of its assertions: Entra's own form has GUIDs only, the older one names."""
        if self.issuer == "entra":
            place = f"t/{_short(self.tenant)}/a/{_short(AZURE_DEVOPS)}/sc/{organization_id}/{self.id}"
            return f"/eid1/c/pub/{place}"
        return f"sc://{organization}/{self.project.name}/{self.name}"


def _short(guid: str) -> str:
    """A GUID in the 22 characters that subjects have for it; anything else as it is."""
    try:
        return base64.urlsafe_b64encode(uuid.UUID(guid).bytes_le).rstrip(b"=").decode()
    except ValueError:
        return guid


def _connection(data: object, info: ValidationInfo) -> ServiceConnection:
    federated = isinstance(data, dict) and data.get("scheme") == FEDERATION_SCHEME
    kind = FederatedConnection if federated else ServiceConnection
    return kind.model_validate(data, context=info.context)


AnyConnection = Annotated[ServiceConnection, PlainValidator(_connection)]
