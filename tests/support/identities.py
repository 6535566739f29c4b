"""Whoever gives tokens, on this machine: an organisation, Microsoft Entra, GitHub, a managed identity.

All of them are one scripted service, whose requests can be counted and each be answered wrongly. A whole
organisation is the emulator's; this is for faults that none has.
"""

import os
import socket
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from support.http_service import Answer, Raw, Request, Route, Service, json_answer
from support.tokens import token

TENANT = "12345678-1234-4234-8234-123456789abc"
CLIENT = "11111111-2222-4333-8444-555555555555"
RESOURCE = "499b84ac-1321-427f-aa17-267ca6975798"
AUDIENCE = "api://AzureADTokenExchange"
SUBJECT = "repo:octo-org@123/octo-repo@456:environment:prod"
ISSUER = "https://token.actions.githubusercontent.com"
CANARY = "canary-of-an-identity"
"""A part of every secret here, but of tokens, which hold it encoded."""
FOREVER = 4_000_000_000
TOKEN_PATH = f"/{TENANT}/oauth2/v2.0/token"


def assertion(**said: object) -> str:
    """An identity token, of GitHub where nothing else is said."""
    claims = {"iss": ISSUER, "sub": SUBJECT, "aud": AUDIENCE, "exp": FOREVER, "jti": CANARY}
    return token({**claims, **said})


def of_application(**said: object) -> str:
    """A token of Entra for an application, as services take it for a password."""
    return token({"idtyp": "app", "roles": [], "exp": FOREVER, "jti": CANARY, "whose": "application", **said})


def of_person(**said: object) -> str:
    """A token of Entra for a person, which is exchanged for a narrower one."""
    return token({"scp": "user_impersonation", "exp": FOREVER, "jti": CANARY, "whose": "person", **said})


SESSION = token({"scp": "vso.packaging_write", "exp": FOREVER, "jti": CANARY, "whose": "session"})
ASSERTION, APPLICATION, PERSON = assertion(), of_application(), of_person()


def entra_refusal(code: int, words: str = "Refused for a test.") -> Answer:
    """What Entra says when it gives no token."""
    trail = "Trace ID: 5b4c1c3c-0000-4000-8000-000000000000 Timestamp: 2026-06-13 15:40:46Z"
    answer = {
        "error": "invalid_client",
        "error_description": f"AADSTS{code}: {words} {trail}",
        "error_codes": [code],
        "trace_id": "5b4c1c3c-0000-4000-8000-000000000000",
    }
    return json_answer(answer, 401)


class Faulty(Service):
    """A service that answers requests wrongly to one path."""

    def __init__(self) -> None:
        super().__init__()
        self.fault: Answer | Raw | None = None
        self.faulty_path = ""

    def answer(self, connection: socket.socket, request: Request, route: Route) -> bool:
        """Answer a request; True where the connection may be used again."""
        if self.fault and request.path == self.faulty_path:
            return self.fault.send(connection)
        return super().answer(connection, request, route)


class Identities:
    """The services.

    Args:
        folder: an empty one, for programs and files.
        service: answers for all of them.
    """

    def __init__(self, folder: Path, service: Faulty) -> None:
        self.folder = folder
        self.service = service
        self.bin = folder / "bin"
        self.bin.mkdir()
        routes = service.routes
        self.index = f"{service.url}/contoso/_packaging/feed/pypi/simple/"
        routes["GET /contoso/_packaging/feed/pypi/simple/"] = lambda _: self.challenge()
        routes[f"POST {TOKEN_PATH}"] = lambda _: json_answer(
            {"token_type": "Bearer", "expires_in": 3599, "access_token": APPLICATION}
        )
        routes["POST /sessions/_apis/Token/SessionTokens"] = lambda _: json_answer(
            {"token": SESSION, "validTo": "2090-01-01T00:00:00Z"}
        )
        routes["GET /github"] = lambda _: json_answer({"count": 1, "value": ASSERTION})
        machine = {"access_token": APPLICATION, "expires_on": str(FOREVER), "resource": RESOURCE}
        for path in ("/identity", "/old", "/metadata/identity/oauth2/token"):
            routes[f"GET {path}"] = lambda _: json_answer(machine)
        routes["POST /shell"] = routes["GET /identity"]

    def challenge(self) -> Answer:
        """What an index tells a stranger."""
        headers = [
            ("X-VSS-ResourceTenant", TENANT),
            ("X-VSS-AuthorizationEndpoint", f"{self.service.url}/sessions/"),
        ]
        return Answer(401, headers=headers)

    @property
    def asked(self) -> list[str]:
        """Method and path of every request so far."""
        return [f"{one.method} {one.path}" for one in self.service.requests]

    def query(self, at: int) -> dict[str, list[str]]:
        """What a request asked for, in its query or its form."""
        request = self.service.requests[at]
        return parse_qs(urlsplit(request.target).query or request.body.decode())

    def program(self, name: str, script: str) -> None:
        """Put a program into the folder of programs; it notes how it was called."""
        file = self.bin / name
        file.write_text(f'#!/bin/sh\necho "$@" >> "{self.folder}/{name}.calls"\n{script}\n')
        file.chmod(file.stat().st_mode | stat.S_IXUSR)

    def calls(self, name: str) -> list[str]:
        """The arguments of each call of a program."""
        file = self.folder / f"{name}.calls"
        return file.read_text().splitlines() if file.exists() else []

    def file(self, name: str, content: str) -> str:
        """Write a file; gives its path."""
        (self.folder / name).write_text(content)
        return str(self.folder / name)

    @property
    def environ(self) -> Mapping[str, str]:
        """What every provider is told: where Entra is, and where programs are."""
        path = os.pathsep.join((str(self.bin), os.defpath))
        return {"AZURE_AUTHORITY_HOST": self.service.url, "PATH": path}


@contextmanager
def identities(folder: Path) -> Iterator[Identities]:
    """The services for as long as a block lasts."""
    service = Faulty()
    try:
        yield Identities(folder, service)
    finally:
        service.close()
