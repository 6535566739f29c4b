"""Whose a connection on loopback is, as far as the system tells."""

import errno
import socket
import struct
import sys
from collections.abc import Mapping
from ipaddress import ip_address

# One socket, asked for by its ends (sock_diag(7), linux/inet_diag.h): a hundred times as fast as the tables,
# which are made anew of all sockets of the machine, and may lack one that comes meanwhile.
_NETLINK, _SOCK_DIAG, _BY_FAMILY, _REQUEST = 16, 4, 20, 1
_HEAD, _WHICH, _ENDS = "=IHHII", "=BBBBI", ">HH16s16s"
_ANY_STATE, _ANY_INTERFACE, _NO_COOKIE = 0xFFFFFFFF, b"\0" * 4, b"\xff" * 8
_AT_USER = struct.calcsize(_HEAD) + 4 + struct.calcsize(_ENDS) + 12 + 12
"""Where an answer says it: behind its head, the state, both ends, interface and cookie, time and queues."""
_ANSWER_BYTES, _SECONDS = 4096, 1.0

_TABLES: Mapping[int, str] = {socket.AF_INET: "/proc/net/tcp", socket.AF_INET6: "/proc/net/tcp6"}
"""Sockets of this machine (proc_net(5)): their addresses, and the user that each belongs to."""
_READINGS = 5
"""A table that changes while it is read may lack a row."""


def user_of(family: int, near: tuple[str, int], far: tuple[str, int]) -> int | None:
    """The user who has the socket between two addresses; -1 where there is no such socket.

    Args:
        family: of the addresses.
        near: of the socket itself.
        far: whom it is connected to.

    Returns:
        None where the system does not tell.
    """
    try:
        return asked(family, near, far)
    except OSError:
        return listed(family, near, far)


def asked(family: int, near: tuple[str, int], far: tuple[str, int]) -> int:
    """The same, as the system answers it.

    Raises:
        OSError: it does not.
    """
    places = (ip_address(host).packed for host, _ in (near, far))
    asked = struct.pack(_WHICH, family, socket.IPPROTO_TCP, 0, 0, _ANY_STATE)
    asked += struct.pack(_ENDS, near[1], far[1], *places) + _ANY_INTERFACE + _NO_COOKIE
    head = struct.pack(_HEAD, struct.calcsize(_HEAD) + len(asked), _BY_FAMILY, _REQUEST, 0, 0)
    with socket.socket(_NETLINK, socket.SOCK_RAW, _SOCK_DIAG) as system:
        system.settimeout(_SECONDS)
        system.sendto(head + asked, (0, 0))
        answer = system.recv(_ANSWER_BYTES)
    if struct.unpack_from(_HEAD, answer)[1] == _BY_FAMILY:
        return int.from_bytes(answer[_AT_USER : _AT_USER + 4], sys.byteorder)
    code = int.from_bytes(answer[struct.calcsize(_HEAD) :][:4], sys.byteorder, signed=True)
    if code == -errno.ENOENT:
        return -1
    raise OSError(-code, "sock_diag")


def listed(family: int, near: tuple[str, int], far: tuple[str, int]) -> int | None:
    """The same, as the table of all sockets says it."""
    ends = (_as_in_table(*near), _as_in_table(*far))
    for _ in range(_READINGS):
        try:
            with open(_TABLES[family], encoding="ascii") as table:
                rows = [line.split() for line in table][1:]
        except OSError:
            return None
        for row in rows:
            if (row[1], row[2]) == ends:
                return int(row[7])
    return -1


def _as_in_table(host: str, port: int) -> str:
    """An address as the system writes it: words of four bytes in the machine's own order, in hexadecimal."""
    packed = ip_address(host).packed
    words = (packed[at : at + 4] for at in range(0, len(packed), 4))
    order = [word[::-1] if sys.byteorder == "little" else word for word in words]
    return f"{b''.join(order).hex().upper()}:{port:04X}"
