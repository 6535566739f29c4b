"""Blind tunnels: bytes between a client and a host that is not guarded; nobody reads them."""

import asyncio
import re
from typing import cast

from pip_authenticate.gateway.upstream import CONNECT_SECONDS, Upstream
from pip_authenticate.origin import Origin

_CONNECTED = re.compile(rb"HTTP/1\.[01] 2[0-9][0-9]")
_HEAD_BYTES = 64 * 1024


class _End(asyncio.Protocol):
    """One end of a tunnel: what comes in goes out at the other end, no faster than that takes it."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self.other: _End | None = None
        self.waiting = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        if self.other and self.other.transport:
            self.other.transport.write(data)
        else:
            self.waiting += data

    def join(self, other: "_End") -> None:
        """Connect both ends."""
        self.other, other.other = other, self
        for one in (self, other):
            one.data_received(bytes(one.waiting))
            one.waiting.clear()

    def eof_received(self) -> bool:
        if self.other and self.other.transport and self.other.transport.can_write_eof():
            self.other.transport.write_eof()
            return True
        return False

    def pause_writing(self) -> None:
        if self.other and self.other.transport:
            self.other.transport.pause_reading()

    def resume_writing(self) -> None:
        if self.other and self.other.transport:
            self.other.transport.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        if self.other and self.other.transport:
            self.other.transport.close()


async def reached(place: Origin, upstream: Upstream) -> asyncio.Transport:
    """A connection to a host, through the web proxy where there is one.

    Raises:
        OSError: there is none.
        ServiceError: the settings of the web proxy or of certificates cannot be used.
    """
    proxy = upstream.proxy_of(place)
    loop, end = asyncio.get_running_loop(), _End()
    if proxy is None:
        connecting = loop.create_connection(lambda: end, place.host, place.port)
        transport, _ = await asyncio.wait_for(connecting, CONNECT_SECONDS)
        return transport
    context = upstream.encryption.context("") if proxy.origin.scheme == "https" else None
    streams = asyncio.open_connection(proxy.origin.host, proxy.origin.port, ssl=context, limit=_HEAD_BYTES)
    reader, writer = await asyncio.wait_for(streams, CONNECT_SECONDS)
    host = f"[{place.host}]" if ":" in place.host else place.host
    lines = [f"CONNECT {host}:{place.port} HTTP/1.1", f"Host: {host}:{place.port}"]
    if proxy.login:
        lines.append(f"Proxy-Authorization: {proxy.login.reveal()}")
    writer.write("\r\n".join([*lines, "", ""]).encode("ascii"))
    try:
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), CONNECT_SECONDS)
    except (asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        head = b""
    except BaseException:
        writer.close()
        raise
    if not _CONNECTED.match(head):
        writer.close()
        raise ConnectionError
    transport = cast("asyncio.Transport", writer.transport)
    end.connection_made(transport)
    transport.set_protocol(end)
    return transport


def joined(client: asyncio.Transport, server: asyncio.Transport) -> None:
    """Have two connections carry what the other one brings."""
    here = _End()
    here.connection_made(client)
    client.set_protocol(here)
    here.join(cast("_End", server.get_protocol()))
