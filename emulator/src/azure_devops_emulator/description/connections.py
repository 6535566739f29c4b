"""Service connections, as an organisation file describes them."""

import base64
import re
import uuid
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    Field,
    PlainValidator,
    SecretStr,
    TypeAdapter,
    ValidationInfo,
    model_validator,
)

from azure_devops_emulator.description.directory import AZURE_DEVOPS, ENTRA_ISSUER, OWN_ISSUER, Application
from azure_devops_emulator.description.model import Project
from azure_devops_emulator.description.names import FEDERATION_SCHEME, Guid, Named, found, reading
from azure_devops_emulator.description.shapes import unknown
from azure_devops_emulator.errors import InputError

PLACEHOLDER = re.compile(r"\{([a-z]+)(?::([^{}]+))?\}")
"""A placeholder in the URL of a service connection: `{kind}` or `{kind:name}`."""
_TEXTS = TypeAdapter(dict[str, str])
_OPEN_PARAMETERS = ("username", "tenantid", "serviceprincipalid", "role", "scope", "audience")


def _hidden(parameters: object) -> dict[str, SecretStr | str]:
    texts = _TEXTS.validate_python(parameters, strict=True)
    return {key: text if key.lower() in _OPEN_PARAMETERS else SecretStr(text) for key, text in texts.items()}


def _placeholders(url: str, info: ValidationInfo) -> str:
    names = reading(info).names
    words = ["collection", "pkgs", "public", *(f"private:{name}" for name in names["private index"])]
    known = [f"{{{word}}}" for word in (*words, *(f"feed:{address}" for address in names["feed"]))]
    for match in PLACEHOLDER.finditer(url):
        if match[0] not in known:
            raise unknown("placeholder", match[0], known)
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
            raise InputError(
                "incomplete", "The key 'application' is missing", hint="Name one, or give parameters."
            )
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
