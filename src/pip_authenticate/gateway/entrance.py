"""The way in: a socket on loopback that answers this user and this run only."""

import base64
import hmac
import os
import secrets
import socket
from collections.abc import Iterator

from pip_authenticate.errors import DeliveryError
from pip_authenticate.gateway import peers
from pip_authenticate.secret import Secret

_SECRET_BYTES = 16
_USER = "run"
_LOOPBACK = ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1"))
_WAITING = 128


class Entrance:
    """A listening socket, and who may use it.

    It listens from the first moment on, before anybody is told of it: nobody else can be at its address.

    Raises:
        DeliveryError: there is no loopback to listen on.
    """

    def __init__(self) -> None:
        self._secret = Secret(secrets.token_urlsafe(_SECRET_BYTES))
        self.socket = _listening()
        place = self.socket.getsockname()
        self._host, self.port = place[0], int(place[1])

    @property
    def address(self) -> Secret:
        """The proxy's URL, with the secret of this run."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return Secret(f"http://{_USER}:{self._secret.reveal()}@{host}:{self.port}")

    @property
    def secrets(self) -> Iterator[Secret]:
        """What must not be shown."""
        yield self._secret

    def knows(self, proxy_authorization: str) -> bool:
        """Whether somebody names the secret of this run."""
        pair = f"{_USER}:{self._secret.reveal()}"
        expected = base64.b64encode(pair.encode()).decode()
        scheme, _, given = proxy_authorization.partition(" ")
        return scheme.lower() == "basic" and hmac.compare_digest(
            given.strip().encode("utf-8", "surrogateescape"), expected.encode()
        )

    def is_own(self, peer: tuple[str, int]) -> bool:
        """Whether a connection comes from this user, as far as the system tells."""
        user = peers.user_of(self.socket.family, peer, (self._host, self.port))
        return user is None or user == os.geteuid()  # if it does not tell, the secret is all there is


def _listening() -> socket.socket:
    for family, host in _LOOPBACK:
        try:
            return socket.create_server((host, 0), family=family, backlog=_WAITING)
        except OSError:
            continue
    raise DeliveryError("no-loopback", "Nothing can listen on this machine's loopback address")
