"""Workload identity federation in the emulator: assertions, Entra's tokens, and what they open."""

import base64
import uuid
from collections.abc import Iterator
from datetime import timedelta

import pytest
from pydantic import SecretStr

from azure_devops_emulator.errors import Faults, InputError, each
from azure_devops_emulator.organization import Organization
from azure_devops_emulator.service import Service
from azure_devops_emulator.services.faults import Fault
from azure_devops_emulator.services.tokens import Claims, Signer, read
from emulator_support.federated import (
    CLOSED_TENANT,
    CONTOSO,
    MULTI,
    OTHER_TENANT,
    OWN_TENANT,
    ROBOT,
    Job,
    contoso,
)
from emulator_support.service import Answer, ask


@pytest.fixture(scope="module")
def job() -> Iterator[Job]:
    with contoso() as one:
        yield one


def claims_of(token: str) -> Claims:
    claims = read(SecretStr(token))
    assert claims is not None
    return claims


def refused(answer: Answer) -> tuple[int, str, int]:
    """Status, error and code of Entra's refusal, whose other parts are checked here."""
    data = answer.json()
    assert set(data) == {
        "error", "error_description", "error_codes", "timestamp", "trace_id", "correlation_id", "error_uri",
    }  # fmt: skip
    (code,) = data["error_codes"]
    description = data["error_description"]
    assert description.startswith(f"AADSTS{code}: ")
    trail = f"Trace ID: {data['trace_id']} Correlation ID: {data['correlation_id']} Timestamp: "
    assert description.endswith(trail + data["timestamp"])
    assert data["error_uri"].endswith(f"/error?code={code}")
    assert uuid.UUID(data["trace_id"]) != uuid.UUID(data["correlation_id"])
    return answer.status, data["error"], code


# ---- assertions --------------------------------------------------------------------------------


def test_an_assertion_of_the_new_form(job: Job) -> None:
    answer = job.ask_assertion("robot")
    assert answer.status == 200
    assert set(answer.json()) == {"oidcToken"}
    claims = claims_of(answer.json()["oidcToken"])
    assert claims["iss"] == f"https://login.microsoftonline.com/{OWN_TENANT}/v2.0"
    assert claims["aud"] == "api://AzureADTokenExchange"
    tenant = base64.urlsafe_b64encode(uuid.UUID(OWN_TENANT).bytes_le).decode().rstrip("=")
    subject = str(claims["sub"])
    assert subject.startswith(f"/eid1/c/pub/t/{tenant}/a/")
    assert subject.endswith(f"/sc/{job.service.organization.id}/{job.connection('robot').id}")
    begin, end = claims["iat"], claims["exp"]
    assert isinstance(begin, int)
    assert isinstance(end, int)
    assert end - begin == 600
    record = job.asked("dev")[-1]
    assert (record.identity, record.credential) == ("alpha Build Service (contoso)", "job token")


def test_an_assertion_of_the_old_form(job: Job) -> None:
    claims = claims_of(job.assertion("old form"))
    assert claims["iss"] == f"https://vstoken.dev.azure.com/{job.service.organization.id}"
    assert claims["sub"] == "sc://contoso/alpha/old form"


@pytest.mark.parametrize("bearer", ["", "nonsense", "canary-olga"])
def test_an_assertion_needs_the_token_of_a_job(job: Job, bearer: str) -> None:
    assert job.ask_assertion(bearer=bearer).status == 401


def test_an_expired_job_token_gets_no_assertion(job: Job) -> None:
    old = job.service.mint_job_token("alpha", lifetime=timedelta(seconds=-5))
    assert job.ask_assertion(bearer=old.get_secret_value()).status == 401


def test_a_person_gets_no_assertion(job: Job) -> None:
    identity = job.connection("robot").id
    url = f"{job.oidc_uri}?api-version=7.1&serviceConnectionId={identity}"
    answer = ask(url, method="POST", token="canary-olga")
    assert answer.status == 403
    assert answer.json()["typeKey"] == "AccessDeniedException"


def test_an_assertion_needs_a_job_that_has_begun_in_that_project(job: Job) -> None:
    elsewhere = job.service.begin_job("beta")
    places = [
        job.oidc_uri.replace(job.place.job_id, str(uuid.uuid4())),
        job.oidc_uri.replace(job.place.plan_id, elsewhere.plan_id),
        job.service.collection_uri + elsewhere.path.replace(elsewhere.project.id, job.place.project.id),
    ]
    for uri in places:
        answer = job.ask_assertion(uri=uri)
        assert answer.status == 404
        assert answer.json()["typeKey"] == "TaskOrchestrationPlanNotFoundException"
    other = job.ask_assertion(uri=job.service.collection_uri + elsewhere.path)
    assert other.status == 404, "the job's identity does not see the other project"


@pytest.mark.parametrize("hub", ["build", "rm", "Build"])
def test_builds_and_releases_ask_at_addresses_of_their_own(job: Job, hub: str) -> None:
    uri = job.oidc_uri.replace("/hubs/build/", f"/hubs/{hub}/")
    assert job.ask_assertion(uri=uri).status == 200
    assert job.ask_assertion(uri=uri.replace(f"/{hub}/", "/gates/")).status == 404


def test_an_assertion_is_for_a_federated_connection_of_the_project(job: Job) -> None:
    for query in (
        "api-version=7.1",
        f"api-version=7.1&serviceConnectionId={uuid.uuid4()}",
        f"api-version=7.1&serviceConnectionId={job.connection('depot').id}",
    ):
        answer = job.ask_assertion(query=query)
        assert answer.status == 404
        assert answer.json()["typeKey"] == "ServiceEndpointException"
    beta = job.service.begin_job("beta")
    token = job.service.mint_job_token("beta").get_secret_value()
    uri = job.service.collection_uri + beta.path
    assert job.ask_assertion("robot", uri=uri, bearer=token).status == 404


def test_the_api_version_counts(job: Job) -> None:
    identity = job.connection("robot").id
    assert job.ask_assertion(query=f"serviceConnectionId={identity}").status == 400
    assert job.ask_assertion(query=f"api-version=7.0&serviceConnectionId={identity}").status == 400
    assert ask(f"{job.oidc_uri}?api-version=7.1", token=job.token).status == 405


# ---- Entra -------------------------------------------------------------------------------------


@pytest.mark.parametrize("connection", ["robot", "old form"])
def test_an_assertion_is_exchanged_for_a_token(job: Job, connection: str) -> None:
    answer = job.exchange(job.assertion(connection))
    assert answer.status == 200
    data = answer.json()
    assert {name: data[name] for name in ("token_type", "expires_in", "ext_expires_in")} == {
        "token_type": "Bearer",
        "expires_in": 3599,
        "ext_expires_in": 3599,
    }
    assert "no-store" in answer.headers["Cache-Control"]
    claims = claims_of(data["access_token"])
    assert claims["tid"] == OWN_TENANT
    assert claims["appid"] == ROBOT
    assert claims["oid"] == claims["sub"] != ROBOT
    record = job.asked("login")[-1]
    assert (record.identity, record.credential, record.status) == ("robot", "assertion", 200)


@pytest.mark.parametrize(
    ("connection", "status", "error", "code"),
    [
        ("unknown application", 400, "unauthorized_client", 700016),
        ("bare", 401, "invalid_client", 70025),
        ("issuer", 401, "invalid_client", 700211),
        ("audience", 401, "invalid_client", 700212),
        ("subject", 401, "invalid_client", 700213),
        ("case", 401, "invalid_client", 7002138),
        ("multi entra", 401, "invalid_client", 70052),
    ],
)
def test_connections_that_do_not_fit_their_application(
    job: Job, connection: str, status: int, error: str, code: int
) -> None:
    client = job.client_id(connection)
    assert refused(job.exchange(job.assertion(connection), client=client)) == (status, error, code)


def test_a_tenant_may_forbid_federation(job: Job) -> None:
    client = job.client_id("closed")
    answer = job.exchange(job.assertion("closed"), CLOSED_TENANT, client)
    assert refused(answer) == (401, "invalid_client", 700238)


def test_a_tenant_or_an_application_of_a_tenant_that_does_not_exist(job: Job) -> None:
    assertion = job.assertion()
    assert refused(job.exchange(assertion, str(uuid.uuid4()))) == (400, "invalid_request", 90002)
    assert refused(job.exchange(assertion, OTHER_TENANT)) == (400, "unauthorized_client", 700016)


def test_an_assertion_does_not_live_long() -> None:
    with contoso(assertion_seconds=-1) as job:
        answer = job.exchange(job.assertion())
        assert refused(answer) == (401, "invalid_client", 700024)
        assert "valid time range" in answer.json()["error_description"]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"grant_type": None}, (400, "invalid_request", 900144)),
        ({"client_id": None}, (400, "invalid_request", 900144)),
        ({"scope": None}, (400, "invalid_request", 900144)),
        ({"grant_type": "password"}, (400, "unsupported_grant_type", 70003)),
        ({"scope": "vso.packaging"}, (400, "invalid_scope", 1002012)),
        ({"scope": "https://graph.example.test/.default"}, (400, "invalid_resource", 500011)),
        ({"client_assertion": None}, (401, "invalid_client", 7000218)),
        ({"client_assertion_type": "saml"}, (401, "invalid_client", 7000218)),
        ({"client_secret": "guess"}, (401, "invalid_client", 7000215)),
        ({"client_assertion": "no.jwt"}, (400, "invalid_request", 50027)),
    ],
)
def test_requests_that_are_not_what_entra_asks_for(
    job: Job, changes: dict[str, str | None], expected: tuple[int, str, int]
) -> None:
    assert refused(job.exchange(job.assertion(), changes=changes)) == expected


def test_an_assertion_of_another_signer_is_not_taken(job: Job) -> None:
    forged = Signer().sign(claims_of(job.assertion())).get_secret_value()
    assert refused(job.exchange(forged)) == (401, "invalid_client", 700027)


def test_other_addresses_of_entra(job: Job) -> None:
    base = f"{job.service.authority}/{OWN_TENANT}"
    assert ask(f"{base}/oauth2/v2.0/token").status == 405
    assert ask(f"{base}/oauth2/token", method="POST").status == 404


def test_faults_reach_federation_as_everything_else(job: Job) -> None:
    job.service.faults.add(Fault("throttle", path="/oidctoken", retry_after="1"))
    job.service.faults.add(Fault("broken-json", path="/login/"))
    assert job.ask_assertion().status == 429
    with pytest.raises(ValueError, match="Expecting"):
        job.exchange(job.assertion()).json()
    assert job.exchange(job.assertion()).status == 200


# ---- what a token opens ------------------------------------------------------------------------


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def test_a_token_opens_what_the_service_principal_may(job: Job) -> None:
    token = job.access_token()
    for feed, status in (("shared", 200), ("alpha/parts", 200), ("deliveries", 200), ("closed", 403)):
        basic = ask(job.feed(feed), token=token)
        assert basic.status == ask(job.feed(feed), headers=bearer(token)).status == status
    record = job.asked("pkgs")[-1]
    assert (record.identity, record.credential) == ("robot", "Entra token")
    me = ask(f"{job.service.address('pkgs')}_apis/connectionData?api-version=5.0-preview.1", token=token)
    user = me.json()["authenticatedUser"]
    assert user["providerDisplayName"] == "robot"
    assert user["descriptor"].endswith(f"AadServicePrincipal;{ROBOT}")
    assert user["subjectDescriptor"].startswith("aadsp.")
    assert me.headers["X-VSS-UserData"] == f"{user['id']}:{ROBOT}"


def test_the_role_counts_for_service_principals_too(job: Job) -> None:
    token = job.access_token()
    index = job.feed("mirror").removesuffix("simple/")
    url = f"{index}download/upstream/7/Upstream-7.0.0-py3-none-any.whl"
    assert ask(url, token=token).status == 403
    assert ask(job.feed("personal"), token=token).status == 403


def test_a_token_of_one_that_is_no_member(job: Job) -> None:
    token = job.access_token("stranger")
    answer = ask(job.feed("shared"), token=token)
    assert answer.status == 401
    assert str(claims_of(token)["oid"]) in answer.json()["message"]
    assert job.asked("pkgs")[-1].credential == "Entra token of no member"


def test_a_token_for_another_tenant(job: Job) -> None:
    own = job.access_token()
    there = ask(job.feed("foreign", "northwind"), token=own)
    assert there.status == 401
    assert job.asked("pkgs")[-1].credential == "Entra token for another tenant"
    theirs = job.access_token("multi", OTHER_TENANT)
    assert ask(job.feed("foreign", "northwind"), token=theirs).status == 200
    assert ask(job.feed("shared"), token=theirs).status == 401
    assert ask(job.feed("photos", "family"), token=own).status == 401


def test_a_token_of_a_tenant_lives_as_long_as_it_says() -> None:
    more = f'[[tenants]]\nname = "own"\nid = "{OWN_TENANT}"\ntoken_seconds = -1'
    with contoso(more) as job:
        answer = job.exchange(job.assertion())
        assert answer.json()["expires_in"] == -1
        expired = ask(job.feed("shared"), token=answer.json()["access_token"])
    assert expired.status == 401
    assert expired.json()["message"].startswith("VS30063")


def test_each_organisation_tells_its_own_tenant(job: Job) -> None:
    for feed, organization, tenant in (
        ("shared", "", OWN_TENANT),
        ("foreign", "northwind", OTHER_TENANT),
        ("photos", "family", "00000000-0000-0000-0000-000000000000"),
    ):
        answer = ask(job.feed(feed, organization))
        assert answer.status == 401
        assert answer.headers["X-VSS-ResourceTenant"] == tenant
        known = any(tenant in challenge for challenge in answer.all("WWW-Authenticate"))
        assert known == (organization != "family")


def test_an_organisation_does_not_take_the_tokens_of_another(job: Job) -> None:
    assert ask(job.feed("foreign", "northwind"), token="canary-fred").status == 200
    assert ask(job.feed("shared"), token="canary-fred").status == 401
    assert ask(job.feed("foreign", "northwind"), token=job.token).status == 401


def test_two_organisations_of_one_name() -> None:
    one = Organization.parse('[organization]\nname = "one"')
    with pytest.raises(InputError, match="same name"):
        Service(one, others=[one])


def test_a_server_on_premises_has_no_federation() -> None:
    with Service(Organization.parse(CONTOSO), on_premises=True) as service:
        job = Job(service)
        assert job.ask_assertion().status == 404
        assert job.exchange("a.b.c").status == 404


# ---- organisation files ------------------------------------------------------------------------


def faults(text: str) -> str:
    with pytest.raises(Faults) as raised:
        Organization.parse(f'[organization]\nname = "acme"\n[[projects]]\nname = "p"\n{text}')
    return "\n".join(str(error) for error in each(raised.value))


CONNECTION = '[[service_connections]]\nname = "c"\nscheme = "WorkloadIdentityFederation"\n'


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[[tenants]]\nname = "t"\nlifetime = 5', "'lifetime' is not known"),
        (
            '[[tenants]]\nname = "t"\ntoken_seconds = "long"',
            "tenants[1].token_seconds has to be a whole number",
        ),
        ('[[tenants]]\nname = "t"\nid = "x"', "tenants[1].id has to be a GUID"),
        ('[[applications]]\nname = "a"\nsecret = "x"', "'secret' is not known"),
        ('[[applications]]\nname = "a"\ntenants = ["nowhere"]', "no tenant 'nowhere'"),
        ('[[applications]]\nname = "a"\n[[applications]]\nname = "a"', "There are 2 of the application"),
        (
            '[[applications]]\nname = "a"\nfederated_credentials = [{ connection = "c" }]',
            "no federated connection 'c'",
        ),
        (
            '[[applications]]\nname = "a"\nfederated_credentials = [{ issuer = "i" }]',
            "'subject' is missing",
        ),
        (
            '[[applications]]\nname = "a"\nfederated_credentials = [{ issuer = "i", subject = "s", x = 5 }]',
            "'x' is not known",
        ),
        (CONNECTION + 'project = "p"', "'application' is missing"),
        (CONNECTION + 'project = "p"\napplication = "b"', "no application 'b'"),
        (CONNECTION + 'parameters = { TenantId = "t" }', "'project' is missing"),
        (CONNECTION + 'project = "q"\nparameters = { TenantId = "t" }', "no project 'q'"),
        (CONNECTION + 'project = "p"\nissuer = "me"\nparameters = { TenantId = "t" }', "cannot be 'me'"),
        (
            '[[service_connections]]\nname = "c"\nscheme = "Token"\nurl = "u"\nissuer = "entra"',
            "'issuer' is not known",
        ),
    ],
)
def test_what_an_organisation_file_cannot_say(text: str, said: str) -> None:
    assert said in faults(text)


def test_an_application_without_own_tenant_is_no_member() -> None:
    organization = Organization.parse(CONTOSO)
    names = {identity.name for identity in organization.identities}
    assert {"robot", "multi", "bare"} < names
    assert not {"stranger", "closed out"} & names
    assert {application.client_id for application in organization.applications} > {ROBOT, MULTI}
