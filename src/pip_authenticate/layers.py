"""What is put onto a fresh socket: encryption, and the tunnel of a proxy."""

import socket
from collections.abc import Callable
from typing import TypeAlias

from pip_authenticate.encryption import Encryption, encrypting
from pip_authenticate.origin import Origin
from pip_authenticate.secret import Secret

Layer: TypeAlias = Callable[[socket.socket], socket.socket]
"""Takes a connected socket, and gives one to use in its place."""


def layers_of(
    origin: Origin, proxy: Origin | None, login: Secret | None, client: str, encryption: Encryption
) -> list[Layer]:
    """The layers of a way, in the order in which they are put on.

    Args:
        origin: as in `connections.Way`.
        proxy: as there.
        login: as there.
        client: as there.
        encryption: of the run.

    Raises:
        ServiceError: a certificate file cannot be used.
    """
    context, layers = encryption.context, list[Layer]()
    if proxy and proxy.scheme == "https":
        layers.append(encrypting(context(""), proxy.host, "the web proxy"))
    if proxy and origin.scheme == "https":
        from pip_authenticate.tunnel import tunnelling  # noqa: PLC0415 - few runs have a proxy

        layers.append(tunnelling(origin, login))
    if origin.scheme == "https":
        layers.append(encrypting(context(client), origin.host, origin.host))
    return layers
