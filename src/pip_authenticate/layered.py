"""TLS within TLS: an https server behind a web proxy that is itself spoken to by https.

Python's ssl puts TLS onto sockets of the system only, so the inner layer runs in memory.
"""

import io
import ssl
from collections.abc import Callable
from typing import TypeVar

_PIECE_BYTES = 16 * 1024
_T = TypeVar("_T")


class Layered:
    """As much of a socket as http.client needs.

    Args:
        outer: the encrypted connection to the proxy, which has opened a tunnel.
        context: the settings of the inner layer.
        name: the server's, by which its certificate is checked.

    Raises:
        OSError: the handshake failed; ssl.SSLError is one.
    """

    def __init__(self, outer: ssl.SSLSocket, context: ssl.SSLContext, name: str) -> None:
        self._outer = outer
        self._came, self._goes = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._inner = context.wrap_bio(self._came, self._goes, server_hostname=name)
        self._carried(self._inner.do_handshake)
        self.settimeout, self.close, self.fileno = outer.settimeout, outer.close, outer.fileno

    def sendall(self, data: bytes) -> None:
        """Send bytes; memory takes all of them at once."""
        self._carried(lambda: self._inner.write(data))

    def recv_into(self, buffer: memoryview) -> int:
        """Receive bytes; how many, 0 at the end."""
        try:
            return self._carried(lambda: int(self._inner.read(len(buffer), buffer)))
        except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
            return 0

    def makefile(self, mode: str) -> io.BufferedReader:
        """A stream to read from; closing it leaves the connection open."""
        del mode
        return io.BufferedReader(_Stream(self))

    def _carried(self, step: Callable[[], _T]) -> _T:
        """Do a step of the inner layer: pass on what it sends, and fetch what it waits for."""
        while True:
            try:
                return step()
            except ssl.SSLWantReadError:
                pass
            finally:
                if self._goes.pending:
                    self._outer.sendall(self._goes.read())
            piece = self._outer.recv(_PIECE_BYTES)
            if piece:
                self._came.write(piece)
            else:
                self._came.write_eof()


class _Stream(io.RawIOBase):
    def __init__(self, connection: Layered) -> None:
        super().__init__()
        self._connection = connection

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override] # what io hands over
        return self._connection.recv_into(buffer)
