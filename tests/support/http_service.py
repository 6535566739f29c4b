"""A scripted HTTP service on this machine: its routes are plain functions, its requests are kept."""

import base64
import json
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import BinaryIO, NamedTuple
from urllib.parse import urlsplit


class Request(NamedTuple):
    """A request as it came over the wire.

    Args:
        method: HTTP method.
        target: what stands between method and version.
        headers: by lower-case name.
        body: as far as Content-Length told.
        connection: the number of the connection it came on.
        certificate: whether the client showed one.
    """

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes
    connection: int
    certificate: bool = False

    @property
    def path(self) -> str:
        """The target's path."""
        return urlsplit(self.target).path

    @property
    def login(self) -> tuple[str, str] | None:
        """User name and password of Basic authentication, or None."""
        return _basic(self.headers.get("authorization", ""))

    @property
    def proxy_login(self) -> tuple[str, str] | None:
        """User name and password meant for a proxy, or None."""
        return _basic(self.headers.get("proxy-authorization", ""))


def _basic(header: str) -> tuple[str, str] | None:
    scheme, _, token = header.partition(" ")
    if scheme.lower() != "basic":
        return None
    user, _, password = base64.b64decode(token).decode("utf-8", "surrogateescape").partition(":")
    return user, password


@dataclass
class Answer:
    """An answer; what the fields leave out is as an ordinary server would send it.

    Args:
        status: HTTP status.
        body: sent with its Content-Length.
        reason: reason phrase.
        headers: lines beside Content-Length, in order; a name may come twice.
        delay: seconds before the first byte.
    """

    status: int = 200
    body: bytes = b""
    reason: str = "Whatever"
    headers: list[tuple[str, str]] = field(default_factory=list)
    delay: float = 0.0

    def send(self, connection: socket.socket) -> bool:
        """Send it; True where the connection may be used again."""
        time.sleep(self.delay)
        lines = [f"HTTP/1.1 {self.status} {self.reason}"]
        lines += [f"{name}: {value}" for name, value in self.headers]
        lines.append(f"Content-Length: {len(self.body)}")
        head = "\r\n".join(lines) + "\r\n\r\n"
        connection.sendall(head.encode("utf-8", "surrogateescape") + self.body)
        return True


class Raw(NamedTuple):
    """An answer that no ordinary server gives.

    Args:
        send: does whatever it likes with the connection, which is closed afterwards.
    """

    action: Callable[[socket.socket], None]

    def send(self, connection: socket.socket) -> bool:
        """Do it; the connection is closed afterwards."""
        self.action(connection)
        return False


Route = Callable[[Request], "Answer | Raw"]


def json_answer(value: object, status: int = 200, *headers: tuple[str, str], reason: str = "OK") -> Answer:
    """JSON as Azure DevOps sends it."""
    kind = ("Content-Type", "application/json; charset=utf-8")
    return Answer(status, json.dumps(value).encode(), reason, [kind, *headers])


def html_answer(status: int = 200, *headers: tuple[str, str]) -> Answer:
    """A page for people."""
    body = b"<!DOCTYPE html><title>Sign in</title>\n##vso[task.complete result=Succeeded;]\n</html>"
    return Answer(status, body, "OK", [("Content-Type", "text/html; charset=utf-8"), *headers])


def reset() -> Raw:
    """Break the connection the hard way."""

    def act(connection: socket.socket) -> None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")

    return Raw(act)


def raw(*pieces: bytes, pause: float = 0.0) -> Raw:
    """Send bytes, perhaps slowly, and hang up."""

    def act(connection: socket.socket) -> None:
        for piece in pieces:
            connection.sendall(piece)
            time.sleep(pause)

    return Raw(act)


def endless(head: bytes = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n") -> Raw:
    """A body that goes on as long as somebody reads."""

    def act(connection: socket.socket) -> None:
        connection.sendall(head)
        while True:
            connection.sendall(b"[" * 65536)

    return Raw(act)


class Service:
    """Listens on a port of its own choice.

    Args:
        default: answers what no route is for.
        tls: makes it an https service.
    """

    def __init__(self, default: Route | None = None, tls: ssl.SSLContext | None = None) -> None:
        self.routes: dict[str, Route] = {}
        self.requests: list[Request] = []
        self._default = default or (lambda _: Answer(404, b"", "Not Found"))
        self._tls = tls
        self._open: set[socket.socket] = set()
        self._count = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._closing = False
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        """Scheme, host and port."""
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}"

    @property
    def connections(self) -> int:
        """How many connections requests came on."""
        return len({request.connection for request in self.requests})

    def close(self) -> None:
        """Stop listening and hang up on everybody."""
        self._closing = True
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1):
            pass
        self._listener.close()
        for connection in list(self._open):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            if self._closing:
                connection.close()
                return
            self._count += 1
            threading.Thread(target=self._talk, args=(connection, self._count), daemon=True).start()

    def _talk(self, connection: socket.socket, number: int) -> None:
        with suppress(OSError, ValueError):
            try:
                if self._tls:
                    connection = self._tls.wrap_socket(connection, server_side=True)
                self._open.add(connection)
                with connection.makefile("rb") as stream:
                    self._converse(connection, stream, number)
            finally:
                self._open.discard(connection)
                connection.close()

    def _converse(self, connection: socket.socket, stream: BinaryIO, number: int) -> None:
        certificate = isinstance(connection, ssl.SSLSocket) and bool(connection.getpeercert())
        while request := _read_request(stream, number, certificate=certificate):
            self.requests.append(request)
            route = self.routes.get(f"{request.method} {request.path}", self._default)
            if not self.answer(connection, request, route):
                return

    def answer(self, connection: socket.socket, request: Request, route: Route) -> bool:
        """Answer a request; True where the connection may be used again."""
        return route(request).send(connection)


def _read_request(stream: BinaryIO, number: int, *, certificate: bool) -> Request | None:
    words = stream.readline().decode("latin-1").split()
    if len(words) != 3:
        return None
    headers = {}
    while line := stream.readline().decode("latin-1").strip():
        name, _, value = line.partition(":")
        headers[name.strip().lower()] = value.strip()
    body = stream.read(int(headers.get("content-length", "0")))
    return Request(words[0], words[1], headers, body, number, certificate)


@contextmanager
def serving(default: Route | None = None, tls: ssl.SSLContext | None = None) -> Iterator[Service]:
    """A service for as long as a block lasts."""
    service = Service(default, tls)
    try:
        yield service
    finally:
        service.close()


def unused_port() -> int:
    """A port on which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port
