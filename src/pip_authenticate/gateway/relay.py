"""Blind tunnels: bytes between a client and a host that is not guarded; nobody reads them."""

import asyncio
import re
from typing import cast

from pip_authenticate.gateway.upstream import CONNECT_SECONDS, Upstream
from pip_authenticate.origin import Origin

_CONNECTED = re.compile(rb"HTTP/1\.[01] 2[0-9][0-9]")
_HEAD_BYTES, _HEAD_END = 64 * 1024, b"\r\n\r\n"


class _End(asyncio.Protocol):
    """One end of a tunnel: what comes in goes out at the other end, no faster than that takes it."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self.other: _End | None = None
        self.waiting = bytearray()
        self._arrived = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        if self.other and self.other.transport:
            self.other.transport.write(data)
        else:
            self.waiting += data
            self._arrived.set()

    async def connected(self) -> None:
        """Wait until a web proxy has connected this end to whom it was asked for.

        Raises:
            ConnectionError: it does not.
        """
        while _HEAD_END not in self.waiting:
            if len(self.waiting) > _HEAD_BYTES or not self.transport or self.transport.is_closing():
                raise ConnectionError
            self._arrived.clear()
            await self._arrived.wait()
        if not _CONNECTED.match(self.waiting):
            raise ConnectionError
        del self.waiting[: self.waiting.index(_HEAD_END) + len(_HEAD_END)]

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
        self._arrived.set()
        if self.other and self.other.transport:
            self.other.transport.close()


async def reached(place: Origin, upstream: Upstream) -> asyncio.Transport:
    """A connection to a host, through the web proxy where there is one.

    Raises:
        OSError: there is none.
        ServiceError: the settings of the web proxy or of certificates cannot be used.
    """
    proxy, login = upstream.proxy_of(place)
    loop, near = asyncio.get_running_loop(), proxy or place
    context = upstream.encryption.context("") if proxy and near.scheme == "https" else None
    connecting = loop.create_connection(_End, near.host, near.port, ssl=context)
    transport, end = await asyncio.wait_for(connecting, CONNECT_SECONDS)
    if proxy:
        host = f"[{place.host}]" if ":" in place.host else place.host
        lines = [f"CONNECT {host}:{place.port} HTTP/1.1", f"Host: {host}:{place.port}"]
        if login:
            lines.append(f"Proxy-Authorization: {login.reveal()}")
        transport.write("\r\n".join([*lines, "", ""]).encode("ascii"))
        try:
            await asyncio.wait_for(end.connected(), CONNECT_SECONDS)
        except BaseException:
            transport.close()
            raise
    return transport


def joined(client: asyncio.Transport, server: asyncio.Transport) -> None:
    """Have two connections carry what the other one brings."""
    here = _End()
    here.connection_made(client)
    client.set_protocol(here)
    here.join(cast("_End", server.get_protocol()))
