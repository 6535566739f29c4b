"""The only opener of sockets: connections kept alive, web proxies, tunnels and encryption.

Imported by the first request, so that a run which needs none does not pay for http.client and ssl.
"""

import os
import socket
import ssl
import stat
import threading
from collections.abc import Callable, Mapping
from http.client import HTTPConnection, HTTPException, HTTPResponse, IncompleteRead
from select import select
from typing import NamedTuple, cast
from urllib.parse import quote, urlsplit

from pip_authenticate.deadline import Deadline
from pip_authenticate.errors import ServiceError, unanswered
from pip_authenticate.index import Origin
from pip_authenticate.secret import Secret
from pip_authenticate.settings import Certificates

CONNECT_SECONDS = 8.0
READ_SECONDS = 15.0
BODY_BYTES = 4 * 1024 * 1024
ERROR_BODY_BYTES = 64 * 1024
CERTIFICATE_BYTES = 16 * 1024 * 1024
HEADER_CHARACTERS = 32 * 1024
_PIECE_BYTES = 16 * 1024
# What may stand in a request's target as it is (RFC 3986, section 3.3); the rest is percent-encoded.
_TARGET_SAFE = "/?%:@!$&'()*+,;=-._~"
# How a server that has closed an idle connection shows it to who uses that once more.
_HANG_UPS = (ConnectionError, ssl.SSLEOFError, ssl.SSLZeroReturnError)
PROXY_HINT = "Check the agent's proxy settings (config --proxyurl), or HTTPS_PROXY where it has none."


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
        self._contexts: dict[str, ssl.SSLContext] = {}
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
            except ssl.SSLError as error:
                raise _insecure(error, way.origin.host) from None
            except (OSError, HTTPException) as error:
                raise _unanswered(error, way) from None
            finally:
                if is_whole and connection.sock is not None:
                    self._keep(way, connection)
                else:
                    connection.close()
            if answer.status == 407:
                raise _proxy_refused()
            return Answer(answer.status, answer.reason, _merged(answer), content)

    def _take(self, way: Way) -> "_Connection":
        """A connection that is kept and still stands, or a new one, which its first request opens."""
        while True:
            with self._lock:
                idle = self._idle.get(way)
                connection = idle.pop() if idle else None
            if connection is None:
                return _Connection(way, self._context)
            if connection.is_quiet:
                return connection

    def _keep(self, way: Way, connection: "_Connection") -> None:
        with self._lock:
            self._idle.setdefault(way, []).append(connection)

    def _context(self, client: str) -> ssl.SSLContext:
        with self._lock:
            if client not in self._contexts:
                self._contexts[client] = self._new_context(client)
            return self._contexts[client]

    def _new_context(self, client: str) -> ssl.SSLContext:
        """Trust what the system trusts and what the agent's settings add; show a certificate, if any."""
        import truststore  # noqa: PLC0415 - plain http needs none

        given = self._certificates
        context = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.set_alpn_protocols(["http/1.1"])
        if given.unchecked:  # the output has a warning
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        try:
            if given.authorities:
                context.load_verify_locations(cafile=_file(given.authorities))
            self._trust_also(context, given.extra_authorities)
            if client:
                # Never None: OpenSSL would ask for the password on the terminal.
                password = given.client_password.reveal()
                key = _file(given.client_key) if given.client_key else None
                context.load_cert_chain(_file(client), key, password)
        except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
            raise ServiceError(
                "certificate-file",
                "A certificate file of the agent's settings cannot be used",
                context=type(error).__name__,
                hint="Check the agent's --sslcacert, --sslclientcert and --sslclientcertkey settings.",
            ) from None
        return context

    def _trust_also(self, context: ssl.SSLContext, file: str) -> None:
        """Trust what NODE_EXTRA_CA_CERTS names, as Node does for the built-in task: where it can be used."""
        try:
            if file:
                context.load_verify_locations(cafile=_file(file))
        except (OSError, ValueError):
            self._log("The file that NODE_EXTRA_CA_CERTS names cannot be used; it is ignored.")


class _Connection(HTTPConnection):
    """A connection along a way, which its first request opens.

    Args:
        way: where it leads.
        context: gives the settings of TLS for a client's certificate, or for none.
    """

    def __init__(self, way: Way, context: Callable[[str], ssl.SSLContext]) -> None:
        super().__init__(way.origin.host, way.origin.port)
        self._way = way
        self._context = context
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
        way = self._way
        # Files that cannot be used are told before anybody is asked.
        outer = self._context("") if way.proxy and way.proxy.scheme == "https" else None
        inner = self._context(way.client) if way.origin.scheme == "https" else None
        sock = self._dialled()
        try:
            if way.proxy and outer:
                sock = self._encrypted(sock, outer, way.proxy.host, "the web proxy")
            if way.is_tunnel:
                _tunnel(sock, way)
            if inner:
                sock = self._encrypted(sock, inner, way.origin.host, way.origin.host)
            sock.settimeout(min(READ_SECONDS, self._patience))
        except BaseException:
            sock.close()
            raise
        self.sock = sock

    def _dialled(self) -> socket.socket:
        proxy, origin = self._way.proxy, self._way.origin
        try:
            return _dial(proxy or origin, min(CONNECT_SECONDS, self._patience))
        except OSError as error:
            if proxy:
                raise ServiceError(
                    "connection-failed", "The web proxy cannot be reached", hint=PROXY_HINT
                ) from None
            why = "no connection could be made"
            if isinstance(error, socket.gaierror):
                why = "its name cannot be resolved"
            if isinstance(error, TimeoutError):
                raise unanswered(origin.host, "connecting took too long", slug="no-answer") from None
            raise unanswered(origin.host, why, slug="connection-failed") from None

    def _encrypted(
        self, sock: socket.socket, context: ssl.SSLContext, host: str, shown: str
    ) -> socket.socket:
        """A socket with TLS to a host, whose certificate is checked by its name."""
        name = host.rstrip(".")
        try:
            if not isinstance(sock, ssl.SSLSocket):
                return context.wrap_socket(sock, server_hostname=name)
            from pip_authenticate.layered import Layered  # noqa: PLC0415 - few proxies ask for TLS

            return cast("socket.socket", Layered(sock, context, name))
        except TimeoutError:
            why = f"connecting{self._way.via} took too long"
            raise unanswered(self._way.origin.host, why, slug="no-answer") from None
        except (ssl.SSLError, ValueError) as error:  # a name that none can have is a ValueError
            raise _insecure(error, shown) from None


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


def _tunnel(sock: socket.socket, way: Way) -> None:
    """Have the proxy connect to the server (RFC 9110, section 9.3.6).

    Raises:
        ServiceError: it does not.
    """
    host = f"[{way.origin.host}]" if ":" in way.origin.host else way.origin.host
    target = f"{host}:{way.origin.port}"
    lines = [f"CONNECT {target} HTTP/1.1", f"Host: {target}"]
    if way.login:
        lines.append(f"Proxy-Authorization: {way.login.reveal()}")
    try:
        sock.sendall("\r\n".join([*lines, "", ""]).encode("ascii"))
        with HTTPResponse(sock, method="HEAD") as answer:  # like that one's, its answer has no body
            answer.begin()
    except TimeoutError:
        why = f"connecting{way.via} took too long"
        raise unanswered(way.origin.host, why, slug="no-answer") from None
    except (OSError, HTTPException):
        raise _unconnected(way) from None
    if answer.status == 407:
        raise _proxy_refused()
    if not 200 <= answer.status < 300:
        raise _unconnected(way)


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
    found: dict[str, str] = {}
    for name, value in answer.headers.items():
        key = name.lower()
        found[key] = (f"{found[key]}, {value}" if key in found else value)[:HEADER_CHARACTERS]
    return found


def _file(path: str) -> str:
    """A path that is worth opening: a device or a pipe would be read without end.

    Raises:
        OSError: there is no file of a reasonable size.
    """
    found = os.stat(path)  # noqa: PTH116 - pathlib costs some milliseconds
    if not stat.S_ISREG(found.st_mode) or found.st_size > CERTIFICATE_BYTES:
        raise OSError
    return path


def _unanswered(error: Exception, way: Way) -> ServiceError:
    """What an exception of a socket or of http.client means; its own text could quote anything."""
    if isinstance(error, TimeoutError):
        return unanswered(way.origin.host, f"nothing came{way.via} for too long", slug="no-answer")
    why = f"its answer{way.via} broke off or was no HTTP"
    return unanswered(way.origin.host, why, slug="broken-answer")


def _unconnected(way: Way) -> ServiceError:
    return unanswered(way.origin.host, "the web proxy could not connect to it", slug="connection-failed")


def _proxy_refused() -> ServiceError:
    return ServiceError(
        "proxy-authentication",
        "The web proxy asks for a user name and password that it accepts (status 407)",
        hint="Configure the agent with --proxyusername and --proxypassword, or write them into HTTPS_PROXY.",
    )


def _insecure(error: Exception, shown: str) -> ServiceError:
    rejected = isinstance(error, ssl.SSLCertVerificationError)
    return ServiceError(
        "certificate-rejected" if rejected else "tls-failed",
        f"The secure connection to {shown} could not be made",
        context=_tls_reason(str(error)),
        hint="Where a proxy inspects TLS, give the agent its certificate with --sslcacert, or name it in "
        "NODE_EXTRA_CA_CERTS.",
    )


def _tls_reason(text: str) -> str:
    """OpenSSL's short reason (`self-signed certificate`), which names no secret."""
    _, _, reason = text.partition("certificate verify failed: ")
    short = reason.split(" (_ssl")[0].split(", certificate is")[0].split("'")[0]
    return short[:120] or "the TLS handshake failed"
