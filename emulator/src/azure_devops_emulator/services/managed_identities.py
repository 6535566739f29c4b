"""The endpoints where a machine asks Microsoft Entra who it is.

Microsoft Learn, "How to use managed identities on an Azure VM to acquire an access token" (IMDS), "How to
use managed identities for App Service", "Authenticate against Azure resources with Azure Arc-enabled
servers"; those of Azure Machine Learning and Cloud Shell as azure-identity asks them.
"""

import secrets
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from aiohttp import web

from azure_devops_emulator.description.connections import AZURE_DEVOPS, Application
from azure_devops_emulator.errors import InputError
from azure_devops_emulator.organization import Organization
from azure_devops_emulator.services.directory import Directory
from azure_devops_emulator.services.request_log import Record

MachineKind = Literal["vm", "app-service", "arc", "azure-ml", "cloud-shell"]
"""Kinds of machines."""
_FORWARDED = ("X-Forwarded-For", "Forwarded", "Via")


@dataclass(frozen=True)
class _Way:
    """How a kind of machine is asked: where, how, and under which name an identity is chosen."""

    path: str
    method: str
    header: str
    versions: tuple[str, ...]
    client: str


_METADATA = "metadata/identity/oauth2/token"
_WAYS: Mapping[MachineKind, _Way] = {
    "vm": _Way(f"/{_METADATA}", "GET", "Metadata", ("2018-02-01", "2019-08-01", "2021-02-01"), "client_id"),
    "app-service": _Way("/machine/app-service", "GET", "X-IDENTITY-HEADER", ("2019-08-01",), "client_id"),
    "arc": _Way(f"/machine/arc/{_METADATA}", "GET", "Metadata", ("2019-11-01", "2020-06-01"), ""),
    "azure-ml": _Way("/machine/azure-ml", "GET", "secret", ("2017-09-01",), "clientid"),
    "cloud-shell": _Way("/machine/cloud-shell", "POST", "Metadata", (), ""),
}


class _Refused(Exception):  # noqa: N818 - it is an answer
    def __init__(self, status: int, error: str, description: str) -> None:
        super().__init__(description)
        self.response = web.json_response({"error": error, "error_description": description}, status=status)


class ManagedIdentities:
    """Answers for a machine of an organisation's tenant, whose identities are its managed applications.

    Args:
        organization: whose.
        directory: gives the tokens.
    """

    def __init__(self, organization: Organization, directory: Directory) -> None:
        self._organization = organization
        self._directory = directory
        self._secret = secrets.token_hex(16)
        self._challenges: dict[str, Path] = {}
        self._folder: Path | None = None

    def knows(self, path: str) -> bool:
        """Whether a path is one of a machine."""
        return any(way.path == path for way in _WAYS.values())

    def variables(self, kind: MachineKind, origin: str, folder: Path | None) -> dict[str, str]:
        """What a program finds in its environment on a machine.

        Args:
            kind: of the machine.
            origin: of the service.
            folder: where a machine of Arc puts its challenges.

        Raises:
            InputError: there is no such kind, or it needs a folder.
        """
        if kind not in get_args(MachineKind):
            hint = f"Kinds: {', '.join(get_args(MachineKind))}."
            raise InputError("unknown-machine", f"There is no machine of kind {kind!r}", hint=hint)
        address = f"{origin}{_WAYS[kind].path}"
        if kind == "vm":
            return {"AZURE_POD_IDENTITY_AUTHORITY_HOST": origin}
        if kind == "app-service":
            return {"IDENTITY_ENDPOINT": address, "IDENTITY_HEADER": self._secret}
        if kind == "azure-ml":
            return {"MSI_ENDPOINT": address, "MSI_SECRET": self._secret}
        if kind == "cloud-shell":
            return {"MSI_ENDPOINT": address}
        if folder is None:
            raise InputError("no-folder", "A machine of Arc needs a folder for its challenges")
        self._folder = folder
        return {"IDENTITY_ENDPOINT": address, "IMDS_ENDPOINT": origin}

    async def answer(self, request: web.Request, record: Record) -> web.Response:
        """Answer a program of the machine, and note in its record who it is."""
        kind, way = next((kind, way) for kind, way in _WAYS.items() if way.path == record.path)
        if request.method != way.method:
            return web.Response(status=405, headers={"Allow": way.method})
        given = request.query if way.method == "GET" else await request.post()
        form = {name: text for name, text in given.items() if isinstance(text, str)}
        try:
            self._check(request, way, form)
            identity = self._identity(form.get(way.client, "") if way.client else "")
            if kind == "arc":
                challenge = self._challenge(request.headers.get("Authorization", ""))
                if challenge:
                    return challenge
        except _Refused as refused:
            return refused.response
        record.identity, record.credential = identity.name, "managed identity"
        seconds = self._organization.behaviour.managed_identity_seconds
        tenant = self._directory.tenant(self._organization.sign_in_tenant)
        token = self._directory.application_token(tenant, identity, seconds)
        answer: dict[str, object] = {
            "access_token": token.get_secret_value(),
            "client_id": identity.client_id,
            "expires_on": str(int(time.time()) + seconds),
            "resource": AZURE_DEVOPS,
            "token_type": "Bearer",
        }
        if kind != "app-service":
            answer |= {"expires_in": str(seconds), "ext_expires_in": str(seconds)}
        return web.json_response(answer)

    def _check(self, request: web.Request, way: _Way, form: Mapping[str, str]) -> None:
        if any(name in request.headers for name in _FORWARDED):
            raise _Refused(400, "bad_request_103", "A request that was forwarded is not answered")
        value = request.headers.get(way.header, "")
        if value.lower() != "true" if way.header == "Metadata" else value != self._secret:
            status = 400 if way.header == "Metadata" else 401
            raise _Refused(status, "bad_request_102", f"Required {way.header} header not specified or wrong")
        if way.versions and form.get("api-version") not in way.versions:
            raise _Refused(400, "bad_request_101", f"The api-version is none of {', '.join(way.versions)}")
        if form.get("resource") != AZURE_DEVOPS:
            text = f"AADSTS500011: The resource principal named {form.get('resource', '')} was not found."
            raise _Refused(400, "invalid_resource", text)

    def _identity(self, client_id: str) -> Application:
        """Whom a program means: the machine itself, or an assigned identity."""
        assigned = [one for one in self._organization.applications if one.managed]
        if client_id:
            assigned = [one for one in assigned if one.client_id == client_id.lower()]
        own = [one for one in assigned if one.managed == "system"] or assigned
        if not own:
            raise _Refused(400, "invalid_request", "Identity not found")
        if len(own) > 1:
            text = "Multiple user assigned identities exist, please specify the clientId / resourceId"
            raise _Refused(400, "invalid_request", text)
        return own[0]

    def _challenge(self, presented: str) -> web.Response | None:
        """Whoever can read a file that only the machine's administrators can, may ask; once."""
        scheme, _, answer = presented.partition(" ")
        file = self._challenges.pop(answer, None) if scheme.lower() == "basic" else None
        if file:
            file.unlink(missing_ok=True)
            return None
        if self._folder is None:
            raise _Refused(500, "internal_error", "This machine has no folder for challenges")
        word, file = secrets.token_hex(32), self._folder / f"{uuid.uuid4()}.key"
        file.touch(mode=0o600)
        file.write_text(word)
        self._challenges[word] = file
        return web.Response(status=401, headers={"WWW-Authenticate": f"Basic realm={file}"})
