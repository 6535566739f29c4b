"""A company's network: an organisation by https under a name of its own, behind a web proxy with a login."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple
from urllib.parse import urlsplit

import trustme

from azure_devops_emulator import ForwardProxy, SecretStr, Service
from support.certificates import server_context
from support.feed import organization

HOST = "feed.test"
"""What the service is called; loopback addresses in what installers write are then none of its own."""
USER = "ada"


class Company(NamedTuple):
    """The network.

    Args:
        service: the organisation's; its first feed is called `one`.
        proxy: leads to it.
        token: opens the feed.
    """

    service: Service
    proxy: ForwardProxy
    token: str

    @property
    def feed(self) -> str:
        """The index of the feed."""
        return f"https://{HOST}{urlsplit(self.service.resolve('{feed:one}')).path}"

    @property
    def proxy_address(self) -> str:
        """What stands in HTTPS_PROXY, login included."""
        return self.proxy.url_with_credential.get_secret_value()


@contextmanager
def company(authority: trustme.CA, token: str, folders: str) -> Iterator[Company]:
    """A network for as long as a block lasts.

    Args:
        authority: signs the service's certificate.
        token: opens the feed.
        folders: whose files the feed has, as items of a list in TOML.
    """
    context = server_context(authority, HOST, "localhost", "127.0.0.1")
    with (
        Service(organization("", "", token, folders), tls=context) as service,
        ForwardProxy({HOST: ("127.0.0.1", service.port)}, USER, SecretStr("proxy-canary")) as proxy,
    ):
        yield Company(service, proxy, token)
