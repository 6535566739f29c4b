"""The command serve, with a program that does nothing, so that a test can use the door in its place."""

import base64
import http.client
import socket
from contextlib import closing
from urllib.parse import urlsplit

from support.behind import SECONDS, waiting
from support.command import Command


class Door:
    """A run of the command whose program waits until its standard input ends.

    Args:
        command: says where.
        token: opens the indexes.
        arguments: of `serve`.
        environ: variables beside the command's own.
    """

    def __init__(self, command: Command, token: str, *arguments: str, **environ: str) -> None:
        way = ("serve", "--port", "0", *arguments)
        self.process, self.child, self.environ = waiting(command, token, way, environ)
        self.address = self.environ["PIP_INDEX_URL"]
        parts = urlsplit(self.address)
        self.place, self.port = f"{parts.hostname}:{parts.port}", parts.port or 0
        self.login = base64.b64encode(f"{parts.username}:{parts.password}".encode()).decode()

    def end(self) -> str:
        """Let the program end; what was said on standard error."""
        _, said = self.process.communicate("", timeout=SECONDS)
        return said

    def close(self) -> None:
        """End it in any case."""
        self.process.kill()
        self.process.communicate()

    def opened(self, target: str) -> socket.socket:
        """A connection on which a file or page was asked for."""
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=SECONDS)
        connection.sendall(self.request(target))
        return connection

    def request(self, target: str) -> bytes:
        """A request as it is sent."""
        lines = (
            f"GET {target} HTTP/1.1",
            f"Host: {self.place}",
            f"Authorization: Basic {self.login}",
            "",
            "",
        )
        return "\r\n".join(lines).encode()

    def get(self, target: str, method: str = "GET", **headers: str) -> "tuple[int, dict[str, str], bytes]":
        """Ask as a client does; status, headers by lower-case name, body.

        Args:
            target: as it is sent.
            method: of HTTP.
            headers: by name, underscores for dashes; an empty one is not sent.
        """
        sent = {"Authorization": f"Basic {self.login}", "Host": self.place, "Accept": "text/html"}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=SECONDS)
        connection.putrequest(method, target, skip_host=True, skip_accept_encoding=True)
        for name, value in sent.items():
            if value:
                connection.putheader(name, value)
        connection.endheaders()
        with closing(connection):
            answer = connection.getresponse()
            shown = {name.lower(): value for name, value in answer.getheaders()}
            return answer.status, shown, answer.read()
