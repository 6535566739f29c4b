"""A command behind the gateway that does nothing, so that a test can use the gateway in its place."""

import base64
import http.client
import json
import os
import socket
import ssl
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from support.command import COMMAND, Command

SECONDS = 30
WAITING = (
    "import json, os, sys; print(json.dumps([os.getpid(), dict(os.environ)]), flush=True); sys.stdin.read(); "
    "sys.exit(int(os.environ.get('CODE', '0')))"
)


def waiting(
    command: Command,
    token: str,
    arguments: Sequence[str],
    environ: Mapping[str, str],
    by: Sequence[str] = (),
    python: str = sys.executable,
) -> "tuple[subprocess.Popen[str], int, dict[str, str]]":
    """Start the command with a program that waits: its process, and the program's number and variables.

    Args:
        command: says where.
        token: opens the indexes.
        arguments: up to the program.
        environ: variables beside the command's own.
        by: a program that starts it.
        python: what the program runs in.
    """
    process = subprocess.Popen(
        [*by, COMMAND, *arguments, "--", python, "-I", "-c", WAITING],
        env={**command.environ, "PIP_AUTHENTICATE_TOKEN": token, **environ},
        cwd=command.project,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    assert process.stderr
    line = process.stdout.readline()
    assert line, process.stderr.read()
    return process, *json.loads(line)


class Behind:
    """A run of the command whose program waits until its standard input ends.

    Args:
        command: says where.
        token: opens the indexes.
        arguments: of `run`.
        started_by: a program that starts it.
        python: what the program behind it runs in.
        environ: variables beside the command's own.
    """

    def __init__(
        self,
        command: Command,
        token: str,
        *arguments: str,
        started_by: Sequence[str] = (),
        python: str = sys.executable,
        **environ: str,
    ) -> None:
        way = ("run", "--via", "gateway", *arguments)
        self.process, self.child, self.environ = waiting(command, token, way, environ, started_by, python)
        address = urlsplit(self.environ["HTTPS_PROXY"])
        self.host, self.port = address.hostname or "", address.port or 0
        self.login = base64.b64encode(f"{address.username}:{address.password}".encode()).decode()

    def end(self) -> str:
        """Let the program end; what was said on standard error."""
        _, said = self.process.communicate("", timeout=SECONDS)
        return said

    def door(self) -> socket.socket:
        """A connection to the gateway."""
        return socket.create_connection((self.host, self.port), timeout=SECONDS)

    def head(self, text: str) -> bytes:
        """A request's head with the secret of this run in it."""
        lines = [*text.strip().splitlines(), f"Proxy-Authorization: Basic {self.login}", "", ""]
        return "\r\n".join(lines).encode("latin-1")

    def tunnel(self, place: str) -> "tuple[int, socket.socket]":
        """Ask for a tunnel; the status, and the connection."""
        door = self.door()
        door.sendall(self.head(f"CONNECT {place} HTTP/1.1\nHost: {place}"))
        answer = http.client.HTTPResponse(door, method="HEAD")
        answer.begin()
        return answer.status, door

    def inside(self, place: str, request: bytes) -> "tuple[int, dict[str, str], bytes]":
        """Send a request as it is within a tunnel that the gateway opens; status, headers and body."""
        status, door = self.tunnel(place)
        assert status == 200
        context = ssl.create_default_context(cafile=self.environ["SSL_CERT_FILE"])
        with context.wrap_socket(door, server_hostname=place.rpartition(":")[0].strip("[]")) as secure:
            secure.sendall(request)
            return read(secure)

    def get(self, url: str, *headers: str, method: str = "GET") -> "tuple[int, dict[str, str], bytes]":
        """Ask as a client does."""
        parts = urlsplit(url)
        place = parts.netloc if parts.port else f"{parts.netloc}:443"
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        if parts.scheme == "http":
            with self.door() as door:
                door.sendall(
                    self.head("\n".join((f"{method} {url} HTTP/1.1", f"Host: {parts.netloc}", *headers)))
                )
                return read(door)
        lines = (f"{method} {target} HTTP/1.1", f"Host: {parts.netloc}", *headers, "", "")
        return self.inside(place, "\r\n".join(lines).encode("latin-1"))


def read(connection: socket.socket) -> "tuple[int, dict[str, str], bytes]":
    """An answer: status, headers by lower-case name, body."""
    answer = http.client.HTTPResponse(connection)
    answer.begin()
    return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()


def is_gone(number: int) -> bool:
    """Whether a process has ended."""
    try:
        return Path(f"/proc/{number}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def shown_variables(number: int) -> bytes:
    """The variables of a process as the system shows them."""
    return Path(f"/proc/{number}/environ").read_bytes()


def is_open(host: str, port: int) -> bool:
    """Whether somebody listens."""
    try:
        os.close(socket.create_connection((host, port), timeout=1).detach())
    except OSError:
        return False
    return True
