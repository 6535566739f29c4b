"""For tests of the emulator's service: an HTTP client that hides nothing, and a small organisation."""

import base64
import http.client
import json
import re
import ssl
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from pydantic import SecretStr

from azure_devops_emulator.organization import Organization
from azure_devops_emulator.service import Service

ACTIVITY = re.compile(r" \(DevOps Activity ID: [0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}\)$")
PREVIEW = {"Accept": "application/json;api-version=7.2-preview.1"}

ORGANIZATION = """
[organization]
name = "acme"
tenant = "11111111-2222-3333-4444-555555555555"

[[projects]]
name = "rockets"
readers = ["Olga Owner", "Rita Reader", "Carl Collaborator", "Paul Publisher", "Nora Nobody"]

[[projects]]
name = "OF Engineering"

[[projects]]
name = "gallery"
public = true

[[feeds]]
name = "fuel"
packages = ["Kerosene==1.0.0", "Kerosene==1.10.0", "Kerosene==1.9", "Kerosene==2.0.0.dev1", "Valve==3.0+eu.1"]

[[feeds.views]]
name = "Release"
packages = ["Kerosene==1.9"]
open_to_organization = true

[[feeds.upstreams]]
feed = "tank"

[[feeds.upstreams]]
public = "stand-in"

[feeds.roles]
"Olga Owner" = "Feed Owner"
"Paul Publisher" = "Feed Publisher"
"Carl Collaborator" = "Feed and Upstream Reader"
"Rita Reader" = "Reader"
"rockets Build Service (acme)" = "Feed and Upstream Reader"
"Project Collection Build Service (acme)" = "Reader"

[[feeds]]
name = "engines"
project = "rockets"
packages = ["Engine==4.0.0"]

[feeds.roles]
"Olga Owner" = "Feed Owner"
"rockets Build Service (acme)" = "Reader"
"OF Engineering Build Service (acme)" = "Feed Owner"

[[feeds]]
name = "tank"
packages = ["Hydrogen==0.1", "Hydrogen==0.2"]

[feeds.roles]
"Olga Owner" = "Feed Owner"

[[feeds]]
name = "paintings"
project = "gallery"
public = true
packages = ["Mona==1.0"]
roles = { "Carl Collaborator" = "Feed and Upstream Reader" }

[[feeds.upstreams]]
packages = ["Scream==1.0"]

[[identities]]
name = "Olga Owner"
tokens = [
  { label = "olga", value = "token-olga", scopes = ["app_token"] },
  { label = "olga reads", value = "token-olga-reads", scopes = ["vso.packaging"] },
  { label = "olga codes", value = "token-olga-codes", scopes = ["vso.code"] },
]

[[identities]]
name = "Paul Publisher"
tokens = [{ label = "paul", value = "token-paul", scopes = ["vso.packaging_write"] }]

[[identities]]
name = "Carl Collaborator"
tokens = [
  { label = "carl", value = "token-carl", scopes = ["vso.packaging_write"] },
  { label = "carl reads", value = "token-carl-reads", scopes = ["vso.packaging"] },
]

[[identities]]
name = "Rita Reader"
tokens = [
  { label = "rita", value = "token-rita", scopes = ["vso.packaging_write"] },
  { label = "rita old", value = "token-rita-old", scopes = ["vso.packaging_write"], expires = 2024-02-29 },
]

[[identities]]
name = "Nora Nobody"
tokens = [{ label = "nora", value = "token-nora", scopes = ["app_token"] }]

[[private_indexes]]
name = "depot"
user = "store keeper"
password = "p%41ss$(x)/wörd:@"
packages = ["Crate==1.0", "Crate==1.1"]

[[private_indexes]]
name = "barn"
password = "barn-token"
packages = ["Hay==7.0"]

[[service_connections]]
name = "depot"
url = "{private:depot}"
scheme = "UsernamePassword"
parameters = { username = "store keeper", password = "p%41ss$(x)/wörd:@" }

[public]
packages = ["Kerosene==9.9.9", "Openness==1.0"]
"""


@dataclass(frozen=True)
class Answer:
    """An HTTP answer as it came: no redirect was followed."""

    status: int
    reason: str
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode("utf-8-sig")

    def json(self) -> Any:  # noqa: ANN401 - whatever the service says
        return json.loads(self.text)

    def all(self, header: str) -> list[str]:
        """All values of a header, in order."""
        return self.headers.get_all(header) or []

    @property
    def links(self) -> list[str]:
        """The targets of a page's links, without fragments."""
        return re.findall(r'href="([^"#]*)', self.text)


def basic(password: str | SecretStr, user: str = "build") -> str:
    """The value of a header with a Basic credential."""
    text = password.get_secret_value() if isinstance(password, SecretStr) else password
    return "Basic " + base64.b64encode(f"{user}:{text}".encode()).decode()


def ask(
    url: str,
    *,
    method: str = "GET",
    token: str | SecretStr | None = None,
    headers: dict[str, str] | None = None,
    body: bytes | None = None,
    tls: ssl.SSLContext | None = None,
) -> Answer:
    """Send one request and read the whole answer.

    Args:
        url: its address.
        method: HTTP method.
        token: sent as Basic password with the user name `build`.
        headers: others.
        body: what to send.
        tls: for https.
    """
    parts = urlsplit(url)
    sent = dict(headers or {})
    if token is not None:
        sent["Authorization"] = basic(token)
    assert parts.hostname
    connection = (
        http.client.HTTPSConnection(parts.hostname, parts.port, timeout=20, context=tls)
        if parts.scheme == "https"
        else http.client.HTTPConnection(parts.hostname, parts.port, timeout=20)
    )
    try:
        connection.request(method, parts.path + (f"?{parts.query}" if parts.query else ""), body, sent)
        response = connection.getresponse()
        return Answer(response.status, response.reason, response.headers, response.read())
    finally:
        connection.close()


def with_behaviour(**switches: bool | str) -> Organization:
    """The small organisation with switches other than the defaults."""
    lines = [f"{name} = {json.dumps(value)}" for name, value in switches.items()]
    return Organization.parse("\n".join([ORGANIZATION, "[behaviour]", *lines]))


def feed_url(service: Service, feed: str, project: str = "") -> str:
    """Address of a feed's index, ending with a slash."""
    return f"{service.address('pkgs')}{project + '/' if project else ''}_packaging/{feed}/pypi/simple/"
