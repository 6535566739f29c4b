"""A forward proxy on loopback: names that it knows lead to this machine, everything else is refused."""

import asyncio
import base64
import binascii
import ipaddress
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from urllib.parse import quote, urlsplit

from pydantic import SecretStr

from azure_devops_emulator.services.background import BackgroundLoop

_LARGEST_HEAD = 64 * 1024
_CHUNK = 64 * 1024
_DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass
class ProxyRecord:
    """One request to the proxy; never holds a secret.

    Args:
        method: HTTP method; CONNECT for a tunnel.
        host: the host that was asked for, in lower case.
        port: its port.
        path: path without query; "" for a tunnel.
        user: the user name that was given; "" for none.
        status: 200 when the request was passed on, otherwise the proxy's own answer.
    """

    method: str
    host: str
    port: int
    path: str = ""
    user: str = ""
    status: int = 0


class ForwardProxy:
    """An HTTP proxy, from `start` (or `with`) to `stop`.

    Args:
        hosts: where names lead to: address and port. Loopback addresses and `localhost` need no entry.
            Every other host is answered with 502, so that nothing leaves the machine.
        user: the user name it demands (Basic); "" to demand none.
        password: the password it demands.
    """

    def __init__(
        self,
        hosts: Mapping[str, tuple[str, int]] | None = None,
        user: str = "",
        password: SecretStr | None = None,
    ) -> None:
        self._hosts = {name.lower(): target for name, target in (hosts or {}).items()}
        self._user = user
        self._password = password or SecretStr("")
        self._background = BackgroundLoop("emulator proxy")
        self._server: asyncio.Server | None = None
        self._serving = set[object]()  # a loop remembers its tasks weakly only
        self.port = 0
        self.log: list[ProxyRecord] = []

    def __enter__(self) -> "ForwardProxy":  # noqa: PYI034 - Self needs Python 3.11
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Bind a free port of 127.0.0.1 and serve."""
        self._background.start()
        self.port = self._background.run(self._serve())

    def stop(self) -> None:
        """Close the port and all connections."""
        if self._server:
            self._background.run(_close(self._server))
            self._server = None
        self._background.stop()

    @property
    def url(self) -> str:
        """Address of the proxy, without user name and password."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def url_with_credential(self) -> SecretStr:
        """Address of the proxy as clients are configured with it, user name and password included."""
        user, password = quote(self._user, safe=""), quote(self._password.get_secret_value(), safe="")
        return SecretStr(f"http://{user}:{password}@127.0.0.1:{self.port}" if user else self.url)

    async def _serve(self) -> int:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0, limit=_LARGEST_HEAD)
        return int(self._server.sockets[0].getsockname()[1])

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one request and close the connection."""
        task = asyncio.current_task()
        self._serving.add(task)
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
                head = await reader.readuntil(b"\r\n\r\n")
                await self._request(head.decode("latin-1"), reader, writer)
                writer.close()
                await writer.wait_closed()
        finally:
            writer.transport.abort()
            self._serving.discard(task)

    async def _request(self, head: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line, *lines = head.rstrip("\r\n").split("\r\n")
        method, _, rest = line.partition(" ")
        target = rest.rpartition(" ")[0]
        headers = [
            (name.strip(), value.strip()) for name, _, value in (entry.partition(":") for entry in lines)
        ]
        try:
            parts = urlsplit(f"//{target}" if method == "CONNECT" else target)
            port = parts.port or _DEFAULT_PORTS.get(parts.scheme, 0)
        except ValueError:
            port = 0
        if not port or not parts.hostname or parts.scheme not in {"", "http"}:
            self.log.append(ProxyRecord(method, "", 0, status=400))
            await _answer(writer, "400 Bad Request")
            return
        record = ProxyRecord(method, parts.hostname, port, parts.path if parts.scheme else "")
        self.log.append(record)
        if not self._admits(headers, record):
            record.status = 407
            challenge = 'Proxy-Authenticate: Basic realm="emulator proxy"\r\n'
            await _answer(writer, "407 Proxy Authentication Required", challenge)
            return
        address = self._address(parts.hostname, port)
        opened = await _open(address) if address else None
        if opened is None:
            record.status = 502
            await _answer(writer, "502 Bad Gateway")
            return
        record.status = 200
        if method == "CONNECT":
            writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        else:
            origin_form = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            opened[1].write(_forwarded(method, origin_form, headers).encode("latin-1"))
        await _join((reader, writer), opened)

    def _admits(self, headers: list[tuple[str, str]], record: ProxyRecord) -> bool:
        """Whether the request has the credential that the proxy demands; notes the user name."""
        given = next((value for name, value in headers if name.lower() == "proxy-authorization"), "")
        scheme, _, value = given.partition(" ")
        try:
            user, _, password = base64.b64decode(value, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            user = password = ""
        record.user = user
        if not self._user:
            return True
        return scheme.lower() == "basic" and (user, SecretStr(password)) == (self._user, self._password)

    def _address(self, host: str, port: int) -> tuple[str, int] | None:
        """Where a host leads to; None when that would be outside."""
        if host in self._hosts:
            return self._hosts[host]
        if host == "localhost":
            return "127.0.0.1", port
        try:
            return (host, port) if ipaddress.ip_address(host).is_loopback else None
        except ValueError:
            return None


def _forwarded(method: str, target: str, headers: list[tuple[str, str]]) -> str:
    """The head of a request as it is passed on: what is meant for the proxy stays here."""
    own = {"proxy-authorization", "proxy-connection", "connection", "keep-alive"}
    kept = "".join(f"{name}: {value}\r\n" for name, value in headers if name.lower() not in own)
    return f"{method} {target} HTTP/1.1\r\n{kept}Connection: close\r\n\r\n"


async def _open(address: tuple[str, int]) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
    try:
        return await asyncio.open_connection(*address)
    except OSError:
        return None


async def _answer(writer: asyncio.StreamWriter, status: str, header: str = "") -> None:
    body = f"The proxy says: {status}\n"
    head = f"HTTP/1.1 {status}\r\n{header}Content-Type: text/plain\r\nContent-Length: {len(body)}\r\n"
    writer.write(f"{head}Connection: close\r\n\r\n{body}".encode())
    await writer.drain()


async def _join(
    client: tuple[asyncio.StreamReader, asyncio.StreamWriter],
    server: tuple[asyncio.StreamReader, asyncio.StreamWriter],
) -> None:
    """Pass bytes both ways until the server has no more, or the client is gone."""
    upward = asyncio.ensure_future(_pump(client[0], server[1]))
    try:
        await _pump(server[0], client[1])
    finally:
        upward.cancel()
        server[1].transport.abort()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while chunk := await reader.read(_CHUNK):
            writer.write(chunk)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()


async def _close(server: asyncio.Server) -> None:
    server.close()
    with suppress(asyncio.TimeoutError):
        await asyncio.wait_for(server.wait_closed(), 0.2)
