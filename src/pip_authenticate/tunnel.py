"""A tunnel through a web proxy (RFC 9110, section 9.3.6)."""

import socket
from collections.abc import Callable
from http.client import HTTPException, HTTPResponse

from pip_authenticate import proxies
from pip_authenticate.errors import ServiceError, unanswered
from pip_authenticate.origin import Origin
from pip_authenticate.secret import Secret


def tunnelling(server: Origin, login: Secret | None) -> Callable[[socket.socket], socket.socket]:
    """What has a proxy, to which a socket leads, connect to a server.

    It raises TimeoutError where that takes too long, and ServiceError where the proxy does not.

    Args:
        server: whom to connect to.
        login: the proxy's Proxy-Authorization, or None.
    """
    host = f"[{server.host}]" if ":" in server.host else server.host
    target = f"{host}:{server.port}"
    lines = [f"CONNECT {target} HTTP/1.1", f"Host: {target}"]
    if login:
        lines.append(f"Proxy-Authorization: {login.reveal()}")
    request = "\r\n".join([*lines, "", ""]).encode("ascii")

    def tunnel(sock: socket.socket) -> socket.socket:
        try:
            sock.sendall(request)
            with HTTPResponse(sock, method="HEAD") as answer:  # like that one's, its answer has no body
                answer.begin()
        except TimeoutError:
            raise
        except (OSError, HTTPException):
            raise _unconnected(server) from None
        if answer.status == 407:
            raise proxies.refused()
        if not 200 <= answer.status < 300:
            raise _unconnected(server)
        return sock

    return tunnel


def _unconnected(server: Origin) -> ServiceError:
    return unanswered(server.host, "the web proxy could not connect to it", slug="connection-failed")
