"""A forward proxy on this machine, which leads made-up host names to scripted services."""

import socket
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit

from support.http_service import Answer, Request, Route, Service


class WebProxy(Service):
    """Forwards absolute-URI requests, and opens tunnels for CONNECT.

    Args:
        hosts: `name:port` as asked for → port on this machine.
        login: user name and password that it insists on, or None.
        tls: makes it a proxy that is spoken to by https.
    """

    def __init__(
        self,
        hosts: Mapping[str, int],
        login: tuple[str, str] | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.hosts = dict(hosts)
        self.login = login
        super().__init__(tls=tls)

    @property
    def targets(self) -> list[str]:
        """Method and target of every request."""
        return [f"{request.method} {request.target}" for request in self.requests]

    def answer(self, connection: socket.socket, request: Request, route: Route) -> bool:
        """Forward a request, or open a tunnel."""
        del route
        if self.login and request.proxy_login != self.login:
            challenge = [("Proxy-Authenticate", 'Basic realm="proxy"')]
            return Answer(407, b"", "Proxy Authentication Required", challenge).send(connection)
        is_tunnel = request.method == "CONNECT"
        parts = urlsplit(f"//{request.target}" if is_tunnel else request.target)
        port = self.hosts.get(f"{parts.hostname}:{parts.port or 80}")
        if port is None:
            return Answer(502, b"", "Bad Gateway").send(connection)
        try:
            upstream = socket.create_connection(("127.0.0.1", port), timeout=10)
        except OSError:
            return Answer(502, b"", "Bad Gateway").send(connection)
        with upstream:
            if is_tunnel:
                connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
                back = threading.Thread(target=_pump, args=(upstream, connection), daemon=True)
                back.start()
                _pump(connection, upstream)
                back.join(5)
            else:
                upstream.sendall(_forwarded(request))
                upstream.shutdown(socket.SHUT_WR)
                _pump(upstream, connection)
        return False


def _forwarded(request: Request) -> bytes:
    parts = urlsplit(request.target)
    kept = {name: value for name, value in request.headers.items() if not name.startswith("proxy-")}
    lines = [f"{request.method} {parts.path or '/'} HTTP/1.1"]
    lines += [f"{name}: {value}" for name, value in kept.items()]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + request.body


def _pump(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while piece := source.recv(65536):
            target.sendall(piece)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)


@contextmanager
def proxying(hosts: Mapping[str, int], login: tuple[str, str] | None = None) -> Iterator[WebProxy]:
    """A proxy for as long as a block lasts."""
    proxy = WebProxy(hosts, login)
    try:
        yield proxy
    finally:
        proxy.close()
