"""For tests of federation, of several credentials and of verification: organisations, and jobs in them."""

import json
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from urllib.parse import unquote, urlencode, urlsplit

from pip_authenticate.emulator.organization import Organization
from pip_authenticate.emulator.service import Service
from pip_authenticate.emulator.services.request_log import Record
from pip_authenticate.secret import Secret
from support.emulated import Answer, ask
from support.task import Connection, endpoint, environment

OWN_TENANT = "aaaaaaaa-1111-4000-8000-000000000001"
OTHER_TENANT = "bbbbbbbb-2222-4000-8000-000000000002"
CLOSED_TENANT = "cccccccc-3333-4000-8000-000000000003"
ROBOT = "eeeeeeee-5555-4000-8000-000000000005"
MULTI = "ffffffff-6666-4000-8000-000000000006"
AZURE_DEVOPS_SCOPE = "499b84ac-1321-427f-aa17-267ca6975798/.default"
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

CONTOSO = f"""
[organization]
name = "contoso"
tenant = "{OWN_TENANT}"

[[tenants]]
name = "theirs"
id = "{OTHER_TENANT}"

[[tenants]]
name = "closed"
id = "{CLOSED_TENANT}"
federation = false

[[projects]]
name = "alpha"
readers = ["robot", "Rita Reader", "Olga Owner", "beta Build Service (contoso)", "Nora Nobody"]

[[projects]]
name = "beta"

[[feeds]]
name = "shared"
packages = ["Shared==1.0.0", "Shared==1.1.0"]

[feeds.roles]
robot = "Feed and Upstream Reader"
"alpha Build Service (contoso)" = "Feed and Upstream Reader"
"beta Build Service (contoso)" = "Reader"
"Rita Reader" = "Reader"
"Olga Owner" = "Feed Owner"

[[feeds.views]]
name = "Release"
packages = ["Shared==1.0.0"]

[[feeds]]
name = "deliveries"
packages = ["Delivered==1.2.0"]
roles = {{ robot = "Feed and Upstream Reader", "Olga Owner" = "Feed Owner" }}

[[feeds]]
name = "parts"
project = "alpha"
packages = ["Part==3.0.0"]

[feeds.roles]
robot = "Reader"
"alpha Build Service (contoso)" = "Feed and Upstream Reader"
"Rita Reader" = "Reader"
"Olga Owner" = "Feed Owner"

[[feeds]]
name = "personal"
packages = ["Personal==4.0.0"]
roles = {{ "Rita Reader" = "Reader", "Olga Owner" = "Feed Owner" }}

[[feeds.views]]
name = "Release"
packages = ["Personal==4.0.0"]

[[feeds]]
name = "closed"
packages = ["Closed==5.0.0"]
roles = {{ "Olga Owner" = "Feed Owner" }}

[[feeds]]
name = "mirror"
packages = ["Own==6.0.0"]
roles = {{ "Rita Reader" = "Reader", "alpha Build Service (contoso)" = "Reader", robot = "Reader" }}

[[feeds.upstreams]]
packages = ["Upstream==7.0.0"]

[[identities]]
name = "Olga Owner"
tokens = [
  {{ label = "olga", value = "canary-olga", scopes = ["app_token"] }},
  {{ label = "olga reads", value = "canary-olga-reads", scopes = ["vso.packaging"] }},
]

[[identities]]
name = "Rita Reader"
tokens = [
  {{ label = "rita", value = "canary-rita", scopes = ["vso.packaging_write"] }},
  {{ label = "rita old", value = "canary-rita-old", scopes = ["vso.packaging_write"], expires = 2024-02-29 }},
]

[[identities]]
name = "Nora Nobody"
tokens = [{{ label = "nora", value = "canary-nora", scopes = ["app_token"] }}]

[[applications]]
name = "robot"
client_id = "{ROBOT}"
federated_credentials = [{{ connection = "robot" }}, {{ connection = "old form" }}]

[[applications]]
name = "multi"
client_id = "{MULTI}"
tenants = ["{OWN_TENANT}", "theirs"]
federated_credentials = [{{ connection = "multi" }}, {{ connection = "multi entra" }}]

[[applications]]
name = "stranger"
member = false
federated_credentials = [{{ connection = "stranger" }}]

[[applications]]
name = "bare"

[[applications]]
name = "misconfigured issuer"
[[applications.federated_credentials]]
issuer = "https://vstoken.example.test/somebody"
subject = "sc://contoso/alpha/issuer"

[[applications]]
name = "misconfigured subject"
[[applications.federated_credentials]]
connection = "subject"
subject = "sc://contoso/alpha/another"

[[applications]]
name = "misconfigured case"
[[applications.federated_credentials]]
connection = "case"
subject = "sc://Contoso/Alpha/case"

[[applications]]
name = "misconfigured audience"
[[applications.federated_credentials]]
connection = "audience"
audience = "api://Elsewhere"

[[applications]]
name = "closed out"
tenants = ["closed"]
federated_credentials = [{{ connection = "closed" }}]

[[private_indexes]]
name = "depot"
user = "keeper"
password = "canary-depot"
packages = ["Crate==1.0"]

[[service_connections]]
name = "depot"
url = "{{private:depot}}"
scheme = "UsernamePassword"
parameters = {{ username = "keeper", password = "canary-depot" }}

[[service_connections]]
name = "personal"
url = "{{feed:personal}}"
scheme = "Token"
parameters = {{ apitoken = "canary-rita" }}
"""

_FEDERATED = """
[[service_connections]]
name = "{name}"
scheme = "WorkloadIdentityFederation"
project = "alpha"
application = "{application}"
issuer = "{issuer}"
"""
_CONNECTIONS = (
    ("robot", "robot", "entra"),
    ("old form", "robot", "azure-devops"),
    ("multi", "multi", "azure-devops"),
    ("multi entra", "multi", "entra"),
    ("stranger", "stranger", "entra"),
    ("bare", "bare", "entra"),
    ("issuer", "misconfigured issuer", "azure-devops"),
    ("subject", "misconfigured subject", "azure-devops"),
    ("case", "misconfigured case", "azure-devops"),
    ("audience", "misconfigured audience", "azure-devops"),
    ("closed", "closed out", "entra"),
)
CONTOSO += "".join(
    _FEDERATED.format(name=name, application=application, issuer=issuer)
    for name, application, issuer in _CONNECTIONS
)
CONTOSO += f"""
[[service_connections]]
name = "unknown application"
scheme = "WorkloadIdentityFederation"
project = "alpha"
parameters = {{ ServicePrincipalId = "99999999-9999-4000-8000-000000000009", TenantId = "{OWN_TENANT}" }}
"""

NORTHWIND = f"""
[organization]
name = "northwind"
tenant = "{OTHER_TENANT}"

[[feeds]]
name = "foreign"
packages = ["Foreign==8.0.0"]
roles = {{ multi = "Feed and Upstream Reader", "Fred Foreigner" = "Reader" }}

[[feeds]]
name = "second"
packages = ["Second==9.0.0"]
roles = {{ "Greta Guest" = "Reader" }}

[[applications]]
name = "multi"
client_id = "{MULTI}"

[[identities]]
name = "Fred Foreigner"
tokens = [{{ label = "fred", value = "canary-fred", scopes = ["vso.packaging"] }}]

[[identities]]
name = "Greta Guest"
tokens = [{{ label = "greta", value = "canary-greta", scopes = ["vso.packaging"] }}]
"""

FAMILY = """
[organization]
name = "family"
tenant = "00000000-0000-0000-0000-000000000000"

[[feeds]]
name = "photos"
packages = ["Photo==1.0.0"]
"""


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
    text = "\n".join([CONTOSO, more, "[behaviour]", *lines])
    others = [Organization.parse(NORTHWIND), Organization.parse(FAMILY)]
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
        self.token: Secret = service.mint_job_token("alpha")

    @property
    def oidc_uri(self) -> str:
        """System.OidcRequestUri."""
        return self._told(self.service.collection_uri) + self.place.path

    def _told(self, url: str) -> str:
        return url.replace(self.service.origin, self._origin, 1)

    def feed(self, name: str, organization: str = "") -> str:
        """URL of the index of `feed` or `project/feed`, either with `@view`."""
        project, slash, feed = name.rpartition("/")
        pkgs = self._told(self.service.address("pkgs", organization))
        return f"{pkgs}{project}{slash}_packaging/{feed}/pypi/simple/"

    def connection(self, name: str) -> Connection:
        """A service connection as the agent hands it over."""
        found = next(c for c in self.service.organization.service_connections if c.name == name)
        parameters = {
            key: value.reveal() if isinstance(value, Secret) else value
            for key, value in found.parameters.items()
        }
        return Connection(found.id, self.service.resolve(found.url), found.scheme, parameters)

    def environment(
        self,
        *urls: str,
        federation: str = "",
        feeds: str = "",
        connections: tuple[Connection, ...] = (),
        token: Secret | None = None,
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
            "SYSTEM_SERVERTYPE": self.service.server_type,
            "SYSTEM_TEAMPROJECT": "alpha",
            "SYSTEM_OIDCREQUESTURI": self.oidc_uri,
            "AZURE_AUTHORITY_HOST": self._told(self.service.authority),
            "INPUT_FEEDURL": "\n".join(urls),
        }
        if federation:
            robot = self.connection(federation)
            given["INPUT_WORKLOADIDENTITYSERVICECONNECTION"] = robot.id
            given |= endpoint(robot.id, robot.url, robot.scheme, robot.parameters)
        known = environment(
            feeds=feeds,
            connections=connections,
            token=(token or self.token).reveal(),
            only_extra=only_extra,
        )
        return {**known, **given, **others}

    def asked(self, *hosts: str) -> list[Record]:
        """The requests so far, to all hosts of the service or to these."""
        return [record for record in self.service.log if not hosts or record.host in hosts]

    # ---- the two halves of federation, without the task ----------------------------------------

    def assertion(self, connection: str = "robot") -> str:
        """Have an assertion issued."""
        answer = self.ask_assertion(connection)
        assert answer.status == 200, answer.text
        return str(answer.json()["oidcToken"])

    def ask_assertion(
        self,
        connection: str = "robot",
        *,
        bearer: str | None = None,
        uri: str = "",
        query: str = "",
    ) -> Answer:
        """Ask for an assertion, as a job or otherwise."""
        identity = self.connection(connection).id if connection else ""
        token = self.token.reveal() if bearer is None else bearer
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        asked = query or f"api-version=7.1&serviceConnectionId={identity}"
        headers |= {"Content-Type": "application/json", "Content-Length": "0"}
        return ask(f"{uri or self.oidc_uri}?{asked}", method="POST", headers=headers)

    def exchange(
        self,
        assertion: str,
        tenant: str = OWN_TENANT,
        client: str = ROBOT,
        changes: Mapping[str, str | None] | None = None,
    ) -> Answer:
        """Ask Entra for a token; fields of the form can be changed, or left out with None."""
        form: dict[str, str | None] = {
            "grant_type": "client_credentials",
            "client_id": client,
            "scope": AZURE_DEVOPS_SCOPE,
            "client_assertion_type": ASSERTION_TYPE,
            "client_assertion": assertion,
            **(changes or {}),
        }
        body = urlencode({name: value for name, value in form.items() if value is not None})
        return ask(
            f"{self.service.authority}/{tenant}/oauth2/v2.0/token",
            method="POST",
            headers={"Content-Type": "application/x-www-form-urlencoded"},
            body=body.encode(),
        )

    def access_token(self, connection: str = "robot", tenant: str = OWN_TENANT) -> str:
        """An access token, by both halves."""
        client = self.connection(connection).parameters["ServicePrincipalId"]
        answer = self.exchange(self.assertion(connection), tenant, client)
        assert answer.status == 200, answer.text
        return str(answer.json()["access_token"])


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
