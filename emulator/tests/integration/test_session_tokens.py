"""Session tokens: who gets one, for how long, and what it opens."""

import json
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone

import pytest

from azure_devops_emulator import Fault, Organization, SecretStr, Service
from azure_devops_emulator.services.tokens import read
from emulator_support.federated import OTHER_TENANT, OWN_TENANT, Job, contoso
from emulator_support.service import Answer, ask

PUBLISHER = """
[[identities]]
name = "Petra Person"
account = "Petra@contoso.test"

[[identities]]
name = "Gus Guest"
opened = false

[[feeds]]
name = "hers"
packages = ["Hers==1.0.0"]
roles = { "Petra Person" = "Feed Publisher" }
upstreams = [{ packages = ["Upstream==7.0.0"] }]
"""
SAVED = "download/upstream/7/Upstream-7.0.0-py3-none-any.whl"


@pytest.fixture(scope="module")
def job() -> Iterator[Job]:
    with contoso(PUBLISHER) as one:
        yield one


def exchange(
    service: Service,
    token: SecretStr | str,
    *,
    scope: object = "vso.packaging",
    kind: str = "SelfDescribing",
    organization: str = "",
    version: str = "5.0-preview.1",
    basic: bool = False,
    **more: object,
) -> Answer:
    text = token.get_secret_value() if isinstance(token, SecretStr) else token
    query = "&".join(filter(None, (kind and f"tokenType={kind}", version and f"api-version={version}")))
    body = {"displayName": "test", "scope": scope, **more}
    return ask(
        f"{service.address('vssps', organization)}_apis/Token/SessionTokens?{query}",
        method="POST",
        token=text if basic else None,
        headers={"Content-Type": "application/json"} | ({} if basic else {"Authorization": f"Bearer {text}"}),
        body=json.dumps(body).encode(),
    )


def in_hours(hours: float) -> str:
    return f"{datetime.now(timezone.utc) + timedelta(hours=hours):%Y-%m-%dT%H:%M:%S.%fZ}"


def test_the_index_tells_where_to_ask(job: Job) -> None:
    answer = ask(job.feed("hers"))
    assert answer.status == 401
    bearer = next(one for one in answer.all("WWW-Authenticate") if one.startswith("Bearer"))
    assert bearer == f"Bearer authorization_uri=https://login.windows.net/{OWN_TENANT}"
    assert answer.headers["X-VSS-ResourceTenant"] == OWN_TENANT
    assert answer.headers["X-VSS-AuthorizationEndpoint"] == job.service.address("vssps")


@pytest.mark.parametrize("hours", [None, 1, 24])
def test_a_person_gets_a_token_for_some_hours(job: Job, hours: int | None) -> None:
    asked = None if hours is None else in_hours(hours)
    answer = exchange(job.service, job.service.mint_person_token("Petra Person"), validTo=asked)
    assert answer.status == 200, answer.text
    data = answer.json()
    assert set(data) == {
        "clientId", "accessId", "authorizationId", "hostAuthorizationId", "userId", "validFrom", "validTo",
        "displayName", "scope", "targetAccounts", "token", "alternateToken", "isValid", "isPublic",
        "publicData", "source", "claims",
    }  # fmt: skip
    claims = read(SecretStr(data["token"]))
    assert claims is not None
    assert claims["scp"] == data["scope"] == "vso.packaging"
    end = datetime.fromisoformat(data["validTo"].replace("Z", "+00:00"))
    assert claims["exp"] == int(end.timestamp())
    left = end - datetime.now(timezone.utc)
    assert abs(left - timedelta(hours=hours or 4)) < timedelta(minutes=1)
    record = job.asked("vssps")[-1]
    assert (record.identity, record.credential, record.status) == (
        "Petra Person",
        "Entra token of a person",
        200,
    )


def test_a_session_token_reads_and_the_greater_one_saves(job: Job) -> None:
    person = job.service.mint_person_token("petra@CONTOSO.test")
    reads = exchange(job.service, person).json()["token"]
    writes = exchange(job.service, person, scope="vso.packaging_write vso.drop_write").json()["token"]
    wheel = job.feed("hers").removesuffix("simple/") + SAVED
    assert ask(job.feed("hers"), token=reads).status == 200
    assert ask(job.feed("hers"), headers={"Authorization": f"Bearer {reads}"}).status == 200
    assert ask(wheel, token=reads).status == 403
    assert ask(wheel, token=writes).status == 303
    assert ask(wheel, token=reads).status == 303, "it is saved now"
    assert job.asked("pkgs")[-1].credential == "session token"
    assert ask(job.feed("closed"), token=writes).status == 403, "the role counts"


def test_a_session_token_is_for_one_organisation(job: Job) -> None:
    token = exchange(job.service, job.service.mint_person_token("Petra Person")).json()["token"]
    assert ask(job.feed("foreign", "northwind"), token=token).status == 401
    assert exchange(job.service, token).status == 401, "it is not exchanged again"


def test_a_compact_token_is_a_personal_access_token(job: Job) -> None:
    person = job.service.mint_person_token("Petra Person")
    answer = exchange(job.service, person, kind="Compact", validTo=in_hours(24 * 90))
    token = answer.json()["token"]
    assert read(SecretStr(token)) is None
    assert ask(job.feed("hers"), token=token).status == 200
    assert ask(job.feed("hers"), headers={"Authorization": f"Bearer {token}"}).status == 401
    assert read(SecretStr(exchange(job.service, person, kind="").json()["token"])), "a JWT unless asked"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"validTo": in_hours(25)}, "validTo"),
        ({"validTo": in_hours(-1)}, "validTo"),
        ({"validTo": "tomorrow"}, "validTo"),
        ({"validTo": in_hours(24 * 400), "kind": "Compact"}, "validTo"),
        ({"scope": ""}, "scope"),
        ({"scope": "everything"}, "scope"),
        ({"scope": None}, "scope"),
        ({"kind": "Short"}, "tokenType"),
        ({"version": "5.0"}, "preview"),
        ({"version": ""}, "api-version"),
    ],
)
def test_what_cannot_be_had(job: Job, changes: dict[str, str], said: str) -> None:
    answer = exchange(job.service, job.service.mint_person_token("Petra Person"), **changes)  # type: ignore[arg-type]
    assert answer.status == 400
    assert said in answer.json()["message"]


def test_a_person_who_never_opened_the_organisation(job: Job) -> None:
    token = job.service.mint_person_token("Gus Guest")
    for answer in (exchange(job.service, token), ask(job.feed("hers"), token=token)):
        assert answer.status == 401
        assert "TF401444" in answer.json()["message"]
        assert "TF401444" in answer.reason


def test_only_tokens_of_persons_are_exchanged(job: Job) -> None:
    assert exchange(job.service, job.service.mint_application_token("robot")).status == 401
    assert exchange(job.service, "canary-olga").status == 401
    assert exchange(job.service, "canary-olga", basic=True).status == 401
    assert exchange(job.service, job.token).status == 401
    assert exchange(job.service, "").status == 401
    expired = job.service.mint_person_token("Petra Person", lifetime=timedelta(seconds=-1))
    assert exchange(job.service, expired).status == 401


def test_an_entra_token_of_a_person_opens_feeds_itself(job: Job) -> None:
    token = job.service.mint_person_token("Petra Person")
    assert ask(job.feed("hers"), token=token).status == 200
    assert (
        ask(job.feed("hers"), headers={"Authorization": f"Bearer {token.get_secret_value()}"}).status == 200
    )
    narrow = job.service.mint_person_token("Petra Person", scope="vso.code")
    assert ask(job.feed("hers"), token=narrow).status == 403
    assert ask(job.feed("foreign", "northwind"), token=token).status == 401


def test_a_person_of_two_tenants() -> None:
    fred = """
[[identities]]
name = "Fred Foreigner"
[[feeds]]
name = "his"
roles = { "Fred Foreigner" = "Reader" }
"""
    with contoso(fred) as job:
        at_home = job.service.mint_person_token("Fred Foreigner")
        there = job.service.mint_person_token("Fred Foreigner", tenant=OTHER_TENANT)
        assert ask(job.feed("his"), token=at_home).status == 200
        assert ask(job.feed("his"), token=there).status == 401
        assert ask(job.feed("foreign", "northwind"), token=there).status == 200
        assert exchange(job.service, there, organization="northwind").status == 200


def test_an_organisation_of_consumer_accounts() -> None:
    text = """
[organization]
name = "home"
tenant = "00000000-0000-0000-0000-000000000000"
[[identities]]
name = "Max"
[[feeds]]
name = "own"
roles = { Max = "Reader" }
"""
    with Service(Organization.parse(text)) as service:
        index = f"{service.address('pkgs')}_packaging/own/pypi/simple/"
        assert "Bearer" in ask(index).all("WWW-Authenticate")
        token = exchange(service, service.mint_person_token("Max")).json()["token"]
        assert ask(index, token=token).status == 200


def test_applications_and_everybody_where_the_service_should_take_them() -> None:
    with contoso(PUBLISHER, session_tokens_for="applications", session_token_refusal=403) as job:
        robot = job.service.mint_application_token("robot")
        assert exchange(job.service, robot).status == 200
        assert exchange(job.service, "canary-olga", basic=True).status == 403
    with contoso(PUBLISHER, session_tokens_for="anyone") as job:
        assert exchange(job.service, "canary-olga", basic=True).status == 200


def test_a_shorter_life_than_asked_for() -> None:
    with contoso(PUBLISHER, session_token_seconds=60, tenant_header=False) as job:
        answer = exchange(job.service, job.service.mint_person_token("Petra Person"), validTo=in_hours(2))
        end = datetime.fromisoformat(answer.json()["validTo"].replace("Z", "+00:00"))
        assert end - datetime.now(timezone.utc) <= timedelta(seconds=60)
        assert "X-VSS-ResourceTenant" not in ask(job.feed("hers")).headers
    with contoso(PUBLISHER, session_token_seconds=-1) as job:
        token = exchange(job.service, job.service.mint_person_token("Petra Person")).json()["token"]
        assert ask(job.feed("hers"), token=token).status == 401


def test_faults_reach_the_exchange(job: Job) -> None:
    job.service.faults.add(Fault("throttle", path="/SessionTokens", retry_after="1"))
    token = job.service.mint_person_token("Petra Person")
    assert exchange(job.service, token).status == 429
    assert exchange(job.service, token).status == 200


def test_a_server_on_premises_has_none(job: Job) -> None:
    with Service(job.service.organization, on_premises=True) as server:
        assert exchange(server, "canary-olga", basic=True).status == 404
