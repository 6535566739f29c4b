"""Which user has the other end of a connection on this machine.

Linux tells of one connection by netlink (sock_diag(7), inet_diag_req_v2), and of all of them in a table
(proc_net(5)), which takes the longer the more there are.
"""

import re
import socket
import struct
import sys
from ipaddress import ip_address

_Address = tuple[str, int]
_TABLES = {socket.AF_INET: "/proc/net/tcp", socket.AF_INET6: "/proc/net/tcp6"}
_READINGS = 5
"""A table that changes while it is read may lack a row."""
_SOCK_DIAG, _BY_FAMILY, _REQUEST = 4, 20, 1
_HEAD, _ASKED, _ENDS, _ANY = struct.Struct("=IHHII"), struct.Struct("=BBxxI"), struct.Struct("!HH16s16s"), -1
_STATES = 0xFFFFFFFF
_SECONDS = 1.0


def user_of(family: int, peer: _Address, own: _Address) -> int | None:
    """The number of the user who has the peer's end.

    It is -1 where nobody seems to have it, and None where nobody tells.

    Args:
        family: of the addresses.
        peer: the end that is asked for.
        own: the other one.
    """
    if not sys.platform.startswith("linux"):
        return None
    try:
        found = by_kernel(family, peer, own)
    except OSError:
        found = None
    return by_table(family, peer, own) if found is None else found


def by_kernel(family: int, peer: _Address, own: _Address) -> int | None:
    """What the kernel says of a connection, asked for that one; None where it says nothing.

    Args:
        family: as for `user_of`.
        peer: as there.
        own: as there.

    Raises:
        OSError: it is not to be asked.
    """
    (host, port), (own_host, own_port) = peer, own
    ends = _ENDS.pack(port, own_port, ip_address(host).packed, ip_address(own_host).packed)
    request = _ASKED.pack(family, socket.IPPROTO_TCP, _STATES) + ends + struct.pack("=iii", 0, _ANY, _ANY)
    size = _HEAD.size + len(request)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_DGRAM, _SOCK_DIAG) as kernel:
        kernel.settimeout(_SECONDS)
        kernel.send(_HEAD.pack(size, _BY_FAMILY, _REQUEST, 0, 0) + request)
        answer = kernel.recv(4096)
    _, kind, *_ = _HEAD.unpack_from(answer)
    if kind != _BY_FAMILY:
        return None
    user: int = struct.unpack_from("=I", answer, _HEAD.size + 64)[0]  # behind the ends and three counts
    return user


def by_table(family: int, peer: _Address, own: _Address) -> int | None:
    """What the table says of a connection, as `user_of` does.

    Args:
        family: as there.
        peer: as there.
        own: as there.
    """
    row = re.compile(rb" %s %s(?: +\S+){4} +(\d+) " % (_as_in_table(*peer), _as_in_table(*own)))
    for _ in range(_READINGS):
        try:
            with open(_TABLES[socket.AddressFamily(family)], "rb") as table:
                found = row.search(table.read())
        except OSError:
            return None
        if found:
            return int(found[1])
    return -1


def _as_in_table(host: str, port: int) -> bytes:
    """An address as the table has it: words of four bytes in the machine's own order, in hexadecimal."""
    packed = ip_address(host).packed
    words = (packed[at : at + 4] for at in range(0, len(packed), 4))
    order = [word[::-1] if sys.byteorder == "little" else word for word in words]
    return f"{b''.join(order).hex().upper()}:{port:04X}".encode()
