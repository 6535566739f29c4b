"""The way in: a socket on loopback that answers this user and who knows the secret of this run."""

import base64
import errno
import hmac
import os
import secrets
import socket
from collections.abc import Iterator

from pip_authenticate.errors import DeliveryError
from pip_authenticate.gateway import peers
from pip_authenticate.origin import Origin
from pip_authenticate.secret import Secret

_SECRET_BYTES = 16
_LOOPBACK = ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1"))
_WAITING = 128


class Entrance:
    """A listening socket, and who may use it.

    It listens from the first moment on, before anybody is told of it: nobody else can be at its address.

    Args:
        user: the user name that goes with the secret.
        port: to listen on; 0 has the system choose one.
        admits_root: whether root may use it, too: it reads the secret and every memory anyway.

    Raises:
        DeliveryError: there is no loopback to listen on, or somebody else has the port.
    """

    def __init__(self, user: str = "run", port: int = 0, *, admits_root: bool = False) -> None:
        self._user = user
        self._secret = Secret(secrets.token_urlsafe(_SECRET_BYTES))
        self._users = {os.geteuid(), 0} if admits_root else {os.geteuid()}
        self.socket = _listening(port)
        place = self.socket.getsockname()
        self.origin = Origin("http", place[0], int(place[1]))

    @property
    def address(self) -> Secret:
        """Its URL, with the secret of this run."""
        return Secret(f"http://{self._user}:{self._secret.reveal()}@{self.origin.netloc}")

    @property
    def secrets(self) -> Iterator[Secret]:
        """What must not be shown."""
        yield self._secret

    def knows(self, authorization: str) -> bool:
        """Whether somebody names the secret of this run."""
        pair = f"{self._user}:{self._secret.reveal()}"
        expected = base64.b64encode(pair.encode()).decode()
        scheme, _, given = authorization.partition(" ")
        return scheme.lower() == "basic" and hmac.compare_digest(
            given.strip().encode("utf-8", "surrogateescape"), expected.encode()
        )

    def is_own(self, peer: tuple[str, int]) -> bool:
        """Whether a connection comes from a user who may come in, as far as the system tells."""
        user = peers.user_of(self.socket.family, peer, (self.origin.host, self.origin.port))
        return user is None or user in self._users  # if it does not tell, the secret is all there is


def _listening(port: int) -> socket.socket:
    for family, host in _LOOPBACK:
        try:
            return socket.create_server((host, port), family=family, backlog=_WAITING)
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise DeliveryError(
                    "port-taken",
                    f"Somebody listens on port {port} of this machine already",
                    hint="End that, or give another port with --port; --port 0 has the system choose one.",
                ) from None
    raise DeliveryError("no-loopback", "Nothing can listen on this machine's loopback address")
