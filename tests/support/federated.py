"""For tests of federation, of several credentials and of verification: organisations, and jobs in them."""

import json
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import unquote, urlsplit

from azure_devops_emulator import Organization, Record, SecretStr, Service
from support.task import Connection, endpoint, environment

OWN_TENANT = "aaaaaaaa-1111-4000-8000-000000000001"
OTHER_TENANT = "bbbbbbbb-2222-4000-8000-000000000002"
# The organisations are those of the emulator's own tests of federation.
_ORGANIZATIONS = Path(__file__).parents[2] / "emulator" / "tests" / "data" / "organizations"


@contextmanager
def contoso(
    more: str = "", *, tls: ssl.SSLContext | None = None, name: str = "", **switches: object
) -> Iterator["Job"]:
    """A job in contoso, with northwind (another tenant) and family (consumer accounts) beside it.

    Args:
        more: appended to contoso's organisation file.
        tls: makes the service an https one.
        name: the host name, with port 443, by which the job is told all addresses; a proxy has to know it.
        switches: of contoso's behaviour.
    """
    lines = [f"{switch} = {json.dumps(value)}" for switch, value in switches.items()]
    own = (_ORGANIZATIONS / "contoso.toml").read_text(encoding="utf-8")
    text = "\n".join([own, more, "[behaviour]", *lines])
    others = [Organization.load(_ORGANIZATIONS / f"{name}.toml") for name in ("northwind", "family")]
    with Service(Organization.parse(text), others=others, tls=tls) as service:
        yield Job(service, f"https://{name}" if name else "")


class Job:
    """A job of the project alpha.

    Args:
        service: where it runs.
        origin: what the job is told in the place of the service's own origin.
    """

    def __init__(self, service: Service, origin: str = "") -> None:
        self.service = service
        self._origin = origin or service.origin
        self.place = service.begin_job("alpha")
        self.token: SecretStr = service.mint_job_token("alpha")

    @property
    def oidc_uri(self) -> str:
        """System.OidcRequestUri."""
        return self._told(self.service.collection_uri) + self.place.path

    def _told(self, url: str) -> str:
        return url.replace(self.service.origin, self._origin, 1)

    @property
    def authority(self) -> str:
        """The address of Entra, as the job sees it."""
        return self._told(self.service.authority)

    def feed(self, name: str, organization: str = "") -> str:
        """URL of the index of `feed` or `project/feed`, either with `@view`."""
        project, slash, feed = name.rpartition("/")
        pkgs = self._told(self.service.address("pkgs", organization))
        return f"{pkgs}{project}{slash}_packaging/{feed}/pypi/simple/"

    def connection(self, name: str) -> Connection:
        """A service connection as the agent hands it over."""
        found = next(c for c in self.service.organization.service_connections if c.name == name)
        parameters = {
            key: value.get_secret_value() if isinstance(value, SecretStr) else value
            for key, value in found.parameters.items()
        }
        return Connection(found.id, self.service.resolve(found.url), found.scheme, parameters)

    def environment(
        self,
        *urls: str,
        federation: str = "",
        feeds: str = "",
        connections: tuple[Connection, ...] = (),
        token: SecretStr | None = None,
        only_extra: str = "false",
        **others: str,
    ) -> dict[str, str]:
        """The environment that the agent gives the task.

        Args:
            urls: the input feedUrl, one URL a line.
            federation: name of the federated connection.
            feeds: the input artifactFeeds.
            connections: other service connections.
            token: the job's token, in the place of its own.
            only_extra: the input onlyAddExtraIndex.
            others: further variables, which win.
        """
        given = {
            "SYSTEM_TEAMFOUNDATIONCOLLECTIONURI": self._told(self.service.collection_uri),
            "ENDPOINT_URL_SYSTEMVSSCONNECTION": self._told(self.service.collection_uri),
            "SYSTEM_SERVERTYPE": self.service.server_type,
            "SYSTEM_TEAMPROJECT": "alpha",
            "SYSTEM_OIDCREQUESTURI": self.oidc_uri,
            "AZURE_AUTHORITY_HOST": self.authority,
            "INPUT_FEEDURL": "\n".join(urls),
        }
        if federation:
            robot = self.connection(federation)
            given["INPUT_WORKLOADIDENTITYSERVICECONNECTION"] = robot.id
            given |= endpoint(robot.id, robot.url, robot.scheme, robot.parameters)
        known = environment(
            feeds=feeds,
            connections=connections,
            token=(token or self.token).get_secret_value(),
            only_extra=only_extra,
        )
        return {**known, **given, **others}

    def asked(self, *hosts: str) -> list[Record]:
        """The requests so far, to all hosts of the service or to these."""
        return [record for record in self.service.log if not hosts or record.host in hosts]


def credential_of(url: str) -> tuple[str, str]:
    """User name and secret in a URL."""
    parts = urlsplit(url)
    return unquote(parts.username or ""), unquote(parts.password or "")


def without_credential(url: str) -> str:
    """The URL of an index without what stands before its host."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def by_credential(records: list[Record], *hosts: str) -> dict[str, set[str]]:
    """Which paths each identity's credential came to."""
    found: dict[str, set[str]] = {}
    for record in records:
        if record.host in hosts:
            found.setdefault(record.identity, set()).add(record.path)
    return found
