"""The only opener of sockets: connections kept alive, web proxies, tunnels and encryption.

Imported by the first request, so that a run which needs none does not pay for http.client and ssl.
"""

import socket
import ssl
import threading
from collections.abc import Callable, Mapping
from http.client import HTTPConnection, HTTPException, HTTPResponse, IncompleteRead
from select import select
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote, urlsplit

from pip_authenticate.deadline import Deadline
from pip_authenticate.origin import Origin
from pip_authenticate.secret import Secret
from pip_authenticate.settings import Certificates

if TYPE_CHECKING:
    from pip_authenticate.encryption import Encryption
    from pip_authenticate.layers import Layer

CONNECT_SECONDS = 8.0
READ_SECONDS = 15.0
BODY_BYTES = 4 * 1024 * 1024
ERROR_BODY_BYTES = 64 * 1024
HEADER_CHARACTERS = 32 * 1024
_PIECE_BYTES = 16 * 1024
# What may stand in a request's target as it is (RFC 3986, section 3.3); the rest is percent-encoded.
_TARGET_SAFE = "/?%:@!$&'()*+,;=-._~"
# How a server that has closed an idle connection shows it to who uses that once more.
_HANG_UPS = (ConnectionError, ssl.SSLEOFError, ssl.SSLZeroReturnError)


class Way(NamedTuple):
    """How a server is reached. Requests share connections where all of it is equal.

    Args:
        origin: the server.
        proxy: the web proxy in between, or None.
        login: the proxy's Proxy-Authorization, or None. A server behind a tunnel never sees it.
        client: path of the certificate that the server is shown, or empty.
    """

    origin: Origin
    proxy: Origin | None
    login: Secret | None
    client: str

    @property
    def is_tunnel(self) -> bool:
        """Whether the proxy passes bytes on without understanding them."""
        return self.proxy is not None and self.origin.scheme == "https"

    @property
    def is_plain(self) -> bool:
        """Whether nothing on the way is encrypted."""
        return self.origin.scheme == "http" and (self.proxy is None or self.proxy.scheme == "http")

    @property
    def via(self) -> str:
        """The proxy, in messages about the server."""
        return " through the web proxy" if self.proxy else ""


class Answer(NamedTuple):
    """An answer, read to its end or to the limit of its kind.

    Args:
        status: HTTP status code.
        reason: the reason phrase; may be empty.
        headers: by lower-case name, each at most HEADER_CHARACTERS; repeated ones joined by a comma and a
            blank.
        body: raw bytes, at most BODY_BYTES (ERROR_BODY_BYTES from status 400 on).
    """

    status: int
    reason: str
    headers: Mapping[str, str]
    body: bytes


class Connections:
    """Sends single requests, and keeps the connections for the next ones.

    Args:
        certificates: the agent's certificate settings.
        log: takes one line for people who debug.
    """

    def __init__(self, certificates: Certificates, log: Callable[[str], None]) -> None:
        self._certificates = certificates
        self._log = log
        self._idle: dict[Way, list[_Connection]] = {}
        self._encryption: Encryption | None = None
        self._lock = threading.Lock()

    def exchange(
        self, way: Way, method: str, url: str, headers: Mapping[str, str], body: bytes, deadline: Deadline
    ) -> Answer:
        """Send one request, and read its answer.

        A connection that the server has closed since it was last used is no fault: a fresh one takes its
        place at once. So the request must be one that may be sent twice.

        Raises:
            ServiceError: there is no way to the server, or no answer came, or it was not HTTP.
        """
        target, given = _target(way, url), {"host": way.origin.netloc, **headers}
        if way.login and not way.is_tunnel:
            given["proxy-authorization"] = way.login.reveal()
        while True:
            connection, is_whole = self._take(way), False
            was_used = connection.sock is not None
            try:
                connection.be_patient(deadline.remaining)
                try:
                    connection.request(method, target, body or None, given)
                    answer = connection.getresponse()
                except _HANG_UPS:
                    if was_used:
                        continue
                    raise
                with answer:
                    limit = ERROR_BODY_BYTES if answer.status >= 400 else BODY_BYTES
                    content, is_whole = _read(answer, limit, deadline)
            except (OSError, HTTPException) as error:
                from pip_authenticate import broken_ways  # noqa: PLC0415 - most requests are answered

                raise broken_ways.while_asking(error, way.origin.host, way.via) from None
            finally:
                if is_whole and connection.sock is not None:
                    self._keep(way, connection)
                else:
                    connection.close()
            if answer.status == 407:
                from pip_authenticate import proxies  # noqa: PLC0415 - few runs have one

                raise proxies.refused()
            return Answer(answer.status, answer.reason, _merged(answer), content)

    def _take(self, way: Way) -> "_Connection":
        """A connection that is kept and still stands, or a new one, which its first request opens."""
        while True:
            with self._lock:
                idle = self._idle.get(way)
                connection = idle.pop() if idle else None
            if connection is None:
                return _Connection(way, self._encrypting)
            if connection.is_quiet:
                return connection

    def _keep(self, way: Way, connection: "_Connection") -> None:
        with self._lock:
            self._idle.setdefault(way, []).append(connection)

    def _encrypting(self) -> "Encryption":
        from pip_authenticate.encryption import Encryption  # noqa: PLC0415 - plain http needs none

        with self._lock:
            self._encryption = self._encryption or Encryption(self._certificates, self._log)
            return self._encryption


class _Connection(HTTPConnection):
    """A connection along a way, which its first request opens.

    Args:
        way: where it leads.
        encryption: loads what knows TLS.
    """

    def __init__(self, way: Way, encryption: "Callable[[], Encryption]") -> None:
        super().__init__(way.origin.host, way.origin.port)
        self._way = way
        self._encryption = encryption
        self._patience = READ_SECONDS

    def __del__(self) -> None:
        self.close()

    def be_patient(self, seconds: float) -> None:
        """Say how long the next request may take at most; its steps have limits of their own."""
        self._patience = max(seconds, 0.1)
        if self.sock is not None:
            self.sock.settimeout(min(READ_SECONDS, self._patience))

    @property
    def is_quiet(self) -> bool:
        """Whether nothing has come since the last answer: no end, and nothing that nobody asked for."""
        try:
            return not select([self.sock], [], [], 0)[0]
        except (OSError, ValueError):  # closed, or too many files are open for select
            return False

    def connect(self) -> None:
        """Open the socket, the proxy's tunnel and the encryption.

        Raises:
            ServiceError: one of them failed.
        """
        layers = list["Layer"]()
        if not self._way.is_plain:
            from pip_authenticate.layers import layers_of  # noqa: PLC0415 - plain http needs none

            layers = layers_of(*self._way, self._encryption())  # files that cannot be used are told first
        sock = self._dialled()
        try:
            for put in layers:
                sock = put(sock)
            sock.settimeout(min(READ_SECONDS, self._patience))
        except BaseException as error:
            sock.close()
            if isinstance(error, TimeoutError):
                from pip_authenticate import broken_ways  # noqa: PLC0415 - few ways are

                raise broken_ways.too_slow(self._way.origin.host, self._way.via) from None
            raise
        self.sock = sock

    def _dialled(self) -> socket.socket:
        proxy, origin = self._way.proxy, self._way.origin
        try:
            return _dial(proxy or origin, min(CONNECT_SECONDS, self._patience))
        except OSError as error:
            from pip_authenticate import broken_ways  # noqa: PLC0415 - few ways are

            raise broken_ways.while_dialling(error, origin.host, is_proxied=bool(proxy)) from None


def _dial(place: Origin, seconds: float) -> socket.socket:
    """A socket to the first of a host's addresses that takes it.

    The name is given as bytes: text would pass Python's conversion of international names, whose import
    takes its time; an origin's host is ASCII.

    Raises:
        OSError: there is none.
    """
    failure = OSError()
    addresses = socket.getaddrinfo(place.host.encode("ascii"), place.port, type=socket.SOCK_STREAM)
    for family, kind, protocol, _, address in addresses:
        sock = socket.socket(family, kind, protocol)
        try:
            sock.settimeout(seconds)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.connect(address)
        except OSError as error:
            sock.close()
            failure = error
        else:
            return sock
    raise failure


def _target(way: Way, url: str) -> str:
    """What a request line names: a path with its query, or for a proxy that understands it the whole URL."""
    parts = urlsplit(url)
    target = quote(parts.path or "/", safe=_TARGET_SAFE)
    if parts.query:
        target += f"?{quote(parts.query, safe=_TARGET_SAFE)}"
    return f"http://{way.origin.netloc}{target}" if way.proxy and not way.is_tunnel else target


def _read(answer: HTTPResponse, limit: int, deadline: Deadline) -> tuple[bytes, bool]:
    """Read a body up to a limit in bytes; and whether that was all of it.

    Raises:
        IncompleteRead: it broke off.
    """
    body = bytearray()
    while len(body) <= limit and deadline.remaining > 0:
        piece = answer.read1(_PIECE_BYTES)
        if not piece:
            if answer.length:  # http.client itself says nothing
                raise IncompleteRead(b"", answer.length)
            return bytes(body), True
        body += piece
    return bytes(body[:limit]), False


def _merged(answer: HTTPResponse) -> dict[str, str]:
    """The headers of an answer by lower-case name."""
    names = {name.lower() for name in answer.headers}
    return {name: answer.getheader(name, "")[:HEADER_CHARACTERS] for name in names}
