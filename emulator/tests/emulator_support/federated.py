"""For tests of federation: a job in contoso, and the two halves of federation as a client asks for them."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlencode

from azure_devops_emulator import Organization, Record, SecretStr, Service
from azure_devops_emulator.description.connections import ServiceConnection
from emulator_support.service import Answer, ask

ORGANIZATIONS = Path(__file__).parent.parent / "data" / "organizations"
CONTOSO = (ORGANIZATIONS / "contoso.toml").read_text(encoding="utf-8")
OWN_TENANT = "aaaaaaaa-1111-4000-8000-000000000001"
OTHER_TENANT = "bbbbbbbb-2222-4000-8000-000000000002"
CLOSED_TENANT = "cccccccc-3333-4000-8000-000000000003"
ROBOT = "eeeeeeee-5555-4000-8000-000000000005"
MULTI = "ffffffff-6666-4000-8000-000000000006"
AZURE_DEVOPS_SCOPE = "499b84ac-1321-427f-aa17-267ca6975798/.default"
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


@contextmanager
def contoso(more: str = "", **switches: object) -> Iterator["Job"]:
    """A job in contoso, with northwind (another tenant) and family (consumer accounts) beside it.

    Args:
        more: appended to contoso's organisation file.
        switches: of contoso's behaviour.
    """
    lines = [f"{switch} = {json.dumps(value)}" for switch, value in switches.items()]
    text = "\n".join([CONTOSO, more, "[behaviour]", *lines])
    others = [Organization.load(ORGANIZATIONS / f"{name}.toml") for name in ("northwind", "family")]
    with Service(Organization.parse(text), others=others) as service:
        yield Job(service)


class Job:
    """A job of the project alpha.

    Args:
        service: where it runs.
    """

    def __init__(self, service: Service) -> None:
        self.service = service
        self.token: SecretStr = service.mint_job_token("alpha")
        self.place = service.begin_job("alpha")

    @property
    def oidc_uri(self) -> str:
        """System.OidcRequestUri."""
        return self.service.collection_uri + self.place.path

    def feed(self, name: str, organization: str = "") -> str:
        """URL of the index of `feed` or `project/feed`, either with `@view`."""
        project, slash, feed = name.rpartition("/")
        pkgs = self.service.address("pkgs", organization)
        return f"{pkgs}{project}{slash}_packaging/{feed}/pypi/simple/"

    def connection(self, name: str) -> ServiceConnection:
        """A service connection of contoso."""
        return next(c for c in self.service.organization.service_connections if c.name == name)

    def asked(self, *hosts: str) -> list[Record]:
        """The requests so far to these hosts of the service."""
        return [record for record in self.service.log if record.host in hosts]

    def client_id(self, connection: str) -> str:
        """The application that a federated connection names; no secret."""
        return str(self.connection(connection).parameters["ServicePrincipalId"])

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
        token = self.token.get_secret_value() if bearer is None else bearer
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
        client = self.client_id(connection)
        answer = self.exchange(self.assertion(connection), tenant, client)
        assert answer.status == 200, answer.text
        return str(answer.json()["access_token"])
