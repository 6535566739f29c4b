"""Where a request goes, and what a credential belongs to: scheme, host and port."""

import ipaddress
import re
from typing import NamedTuple
from urllib.parse import urlsplit

from pip_authenticate.errors import ServiceError

DEFAULT_PORTS = {"http": 80, "https": 443}
"""TCP ports of the schemes that an index may have."""
URL_CHARACTERS = 16 * 1024
"""Longest URL that a server may name in a redirect or a link: signed ones have some thousand characters."""
# What every reader of URLs reads alike: no userinfo, no backslash, nothing that is not ASCII. Two readers
# that disagree on where the host ends would send a credential to a host that nobody checked.
_PLAIN_URL = r"(?ai)https?://(\[[0-9a-f:.]+\]|[a-z0-9_.-]+)(:[0-9]{1,5})?([/?][!\"$-\[\]-~]*)?"


class Origin(NamedTuple):
    """Scheme, host and port: what a credential belongs to (RFC 6454)."""

    scheme: str
    host: str
    port: int

    @property
    def netloc(self) -> str:
        """Host and port as they stand in a URL, the scheme's own port left out."""
        name = f"[{self.host}]" if ":" in self.host else self.host
        return name if self.port == DEFAULT_PORTS[self.scheme] else f"{name}:{self.port}"

    @property
    def is_loopback(self) -> bool:
        """Whether the host is this machine itself, said by name or by address."""
        return is_loopback(self.host)

    @property
    def is_exposed(self) -> bool:
        """Whether what is sent there can be read on the way: plain http to another machine."""
        return self.scheme == "http" and not self.is_loopback


def is_loopback(host: str) -> bool:
    """Whether a host name or address (IPv6 without brackets) means this machine."""
    if host.rstrip(".") == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def origin_of(url: str) -> Origin:
    """The origin of an absolute http or https URL in plain spelling.

    Raises:
        ServiceError: it is not one.
    """
    if len(url) <= URL_CHARACTERS and re.fullmatch(_PLAIN_URL, url):
        try:
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port
        except ValueError:
            host = None
        if host:
            return Origin(parts.scheme, host, port or DEFAULT_PORTS[parts.scheme])
    raise ServiceError("not-an-address", "An address is not an absolute http or https URL")
