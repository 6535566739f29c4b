"""Hosts of indexes that are no plain ASCII names: IPv6 addresses, and international names."""

import ipaddress

from pip_authenticate.errors import not_a_url

_LONGEST_HOST = 1024


def address(host: str) -> str:
    """The usual spelling of an IPv6 address.

    Args:
        host: without brackets.

    Raises:
        InputError: it is none, or one that means another machine elsewhere.
    """
    if "%" in host:
        raise not_a_url("its host is an address of one machine only")
    try:
        return str(ipaddress.IPv6Address(host))
    except ValueError:
        raise not_a_url("its host is no IPv6 address") from None


def ascii_name(host: str) -> str:
    """The ASCII form of an international name, as pip makes it.

    IDNA 2003, which Python itself knows, reads some names differently: the credential would be written for
    a host that pip does not ask. (requests, which pip carries: models.py, _get_idna_encoded_host)

    Raises:
        InputError: it is no valid one.
    """
    import idna  # noqa: PLC0415 - an IPv6 address needs none

    try:
        return idna.encode(host[:_LONGEST_HOST], uts46=True).decode("ascii")
    except UnicodeError:  # idna.IDNAError is one; its message quotes the name
        raise not_a_url("its host is no valid international name") from None
