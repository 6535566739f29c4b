"""Identities of jobs of other CIs and of machines: how they are asked for, and what Entra gives for them."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, get_args
from urllib.parse import quote, urlencode

import pytest

from azure_devops_emulator import CiJob, EmulatorError, Fault, Organization, SecretStr, Service
from azure_devops_emulator.services.ci_identities import CiKind
from azure_devops_emulator.services.tokens import read
from emulator_support.federated import AZURE_DEVOPS_SCOPE, OWN_TENANT, Job, contoso
from emulator_support.service import Answer, ask

ADO = AZURE_DEVOPS_SCOPE.partition("/")[0]
AUDIENCE = "api://AzureADTokenExchange"
KINDS = get_args(CiKind)
BASE = """
[organization]
name = "acme"
[[feeds]]
name = "feed"
roles = { ci = "Reader" }
[[applications]]
name = "ci"
"""


def trusting(job: CiJob) -> Organization:
    whole = job.complete()
    keys = {"issuer": whole.issuer, "subject": whole.subject}
    lines = "\n".join(f'{key} = "{value}"' for key, value in keys.items())
    return Organization.parse(f"{BASE}\n[[applications.federated_credentials]]\n{lines}")


def exchange(service: Service, assertion: str) -> Answer:
    application = service.application("ci")
    form = {
        "grant_type": "client_credentials",
        "client_id": application.client_id,
        "scope": AZURE_DEVOPS_SCOPE,
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "client_assertion": assertion,
    }
    return ask(
        f"{service.authority}/{application.tenants[0]}/oauth2/v2.0/token",
        method="POST",
        headers={"Content-Type": "application/x-www-form-urlencoded"},
        body=urlencode(form).encode(),
    )


def assertion_of(service: Service, job: CiJob) -> str:
    """As each kind of job gets one, but for those that ask with a program."""
    found = service.ci_variables(job, application="ci")
    assert found["AZURE_CLIENT_ID"] == service.application("ci").client_id
    if job.kind == "gitlab":
        return found["AZURE_ID_TOKEN"]
    if job.kind.startswith("github"):
        return str(github(found).json()["value"])
    return service.ci_token(job).get_secret_value()


def github(found: dict[str, str], scheme: str = "bearer", audience: str = AUDIENCE) -> Answer:
    return ask(
        f"{found['ACTIONS_ID_TOKEN_REQUEST_URL']}&audience={quote(audience, safe='')}",
        headers={"Authorization": f"{scheme} {found['ACTIONS_ID_TOKEN_REQUEST_TOKEN']}"},
    )


@pytest.mark.parametrize("kind", KINDS)
def test_an_application_trusts_a_job(kind: CiKind) -> None:
    job = CiJob(kind)
    with Service(trusting(job)) as service:
        answer = exchange(service, assertion_of(service, job))
        assert answer.status == 200, answer.text
        index = f"{service.address('pkgs')}_packaging/feed/pypi/simple/"
        assert ask(index, token=answer.json()["access_token"]).status == 200


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"subject": "repo:Fabrikam@1001/app@2002:ref:refs/heads/main"}, 7002138),
        ({"subject": "repo:fabrikam@1001/app@2002:ref:refs/heads/other"}, 700213),
        ({"kind": "github-by-name"}, 700213),
        ({"issuer": "https://token.example.test"}, 700211),
        ({"audience": "https://github.com/fabrikam"}, 700212),
        ({"lifetime": timedelta(seconds=-1)}, 700024),
    ],
)
def test_an_application_trusts_nobody_else(changes: Any, code: int) -> None:  # noqa: ANN401 - each of its kind
    job = CiJob(**{"kind": "github", **changes})
    with Service(trusting(CiJob("github"))) as service:
        answer = exchange(service, service.ci_token(job).get_secret_value())
        assert answer.json()["error_codes"] == [code]


def test_github_is_asked_as_its_toolkit_does() -> None:
    job = CiJob("github")
    with Service(trusting(job)) as service:
        found = service.ci_variables(job)
        assert "?" in found["ACTIONS_ID_TOKEN_REQUEST_URL"]
        claims = read(SecretStr(github(found, "Bearer", "https://example.test").json()["value"]))
        assert claims is not None
        assert claims["aud"] == "https://example.test"
        assert claims["sub"] == "repo:fabrikam@1001/app@2002:ref:refs/heads/main"
        record = service.log[-1]
        assert (record.host, record.credential, record.status) == ("ci", "request token", 200)
        assert github(found | {"ACTIONS_ID_TOKEN_REQUEST_TOKEN": "wrong"}).status == 401
        assert github(found, "Basic").status == 401
        assert ask(found["ACTIONS_ID_TOKEN_REQUEST_URL"], method="POST").status == 405
        bare = {**found, "ACTIONS_ID_TOKEN_REQUEST_URL": found["ACTIONS_ID_TOKEN_REQUEST_URL"].split("?")[0]}
        assert (
            github(bare | {"ACTIONS_ID_TOKEN_REQUEST_URL": f"{bare['ACTIONS_ID_TOKEN_REQUEST_URL']}?"}).status
            == 400
        )
        service.faults.add(Fault("unavailable", path="^/ci/"))
        assert github(found).status == 503


def test_what_other_jobs_find() -> None:
    with Service(trusting(CiJob("gitlab"))) as service:
        assert service.ci_variables(CiJob("gitlab"), name="MY_TOKEN").keys() == {
            "CI",
            "GITLAB_CI",
            "MY_TOKEN",
        }
        circle = service.ci_variables(CiJob("circleci"))
        claims = read(SecretStr(circle["CIRCLE_OIDC_TOKEN_V2"]))
        assert claims is not None
        assert claims["aud"] != AUDIENCE
        pod = service.ci_variables(CiJob("kubernetes"), application="ci")
        assert pod["AZURE_AUTHORITY_HOST"] == service.authority
        assert service.ci_token(CiJob("kubernetes")) != service.ci_token(CiJob("kubernetes")), "it rotates"
        with pytest.raises(EmulatorError, match="no job of kind"):
            service.ci_variables(CiJob("jenkins"))  # type: ignore[arg-type]


# ---- machines ----------------------------------------------------------------------------------

SYSTEM = '[[applications]]\nname = "machine"\nmanaged = "system"'
ASSIGNED = (
    '[[applications]]\nname = "first"\nmanaged = "user"\n[[applications]]\nname = "second"\nmanaged = "user"'
)
VM = f"/metadata/identity/oauth2/token?api-version=2018-02-01&resource={ADO}"
ROLE = '[[feeds]]\nname = "its"\nroles = { machine = "Reader" }'
METADATA = {"Metadata": "true"}


@pytest.fixture(scope="module")
def job() -> Iterator[Job]:
    with contoso(f"{SYSTEM}\n{ROLE}") as one:
        yield one


def vm(job: Job, changes: dict[str, str] | None = None, more: str = "") -> Answer:
    host = job.service.machine_variables("vm")["AZURE_POD_IDENTITY_AUTHORITY_HOST"]
    return ask(f"{host}{VM}{more}", headers=METADATA | (changes or {}))


def test_a_virtual_machine(job: Job) -> None:
    answer = vm(job)
    assert answer.status == 200
    data = answer.json()
    assert data["expires_in"] == "86399"
    assert data["resource"] == ADO
    claims = read(SecretStr(data["access_token"]))
    assert claims is not None
    assert (claims["idtyp"], claims["tid"]) == ("app", OWN_TENANT)
    assert ask(job.feed("its"), token=data["access_token"]).status == 200
    record = job.asked("machine")[-1]
    assert (record.identity, record.credential) == ("machine", "managed identity")


def test_what_a_virtual_machine_refuses(job: Job) -> None:
    origin = job.service.origin
    assert ask(f"{origin}{VM}").status == 400
    assert vm(job, {"Metadata": "false"}).status == 400
    assert vm(job, {"X-Forwarded-For": "10.0.0.1"}).status == 400
    assert vm(job, {"Via": "1.1 proxy"}).status == 400
    assert ask(f"{origin}{VM}%2F.default", headers=METADATA).json()["error"] == "invalid_resource"
    assert ask(f"{origin}{VM.partition('?')[0]}?resource={ADO}", headers=METADATA).status == 400
    assert ask(f"{origin}{VM}", method="POST", headers=METADATA).status == 405
    assert vm(job, more=f"&client_id={ADO}").json()["error_description"] == "Identity not found"
    for status in (404, 410, 429, 500):
        job.service.faults.add(Fault("answer", path="^/metadata/", status=status))
        assert vm(job).status == status


def test_machines_with_no_identity_or_several() -> None:
    with contoso() as nobody:
        assert vm(nobody).json()["error_description"] == "Identity not found"
    with contoso(ASSIGNED) as several:
        assert "Multiple" in vm(several).json()["error_description"]
        second = several.service.application("second").client_id
        assert vm(several, more=f"&client_id={second}").json()["client_id"] == second
    with contoso(f"{ASSIGNED}\n{SYSTEM}", managed_identity_seconds=60) as both:
        assert vm(both).json()["client_id"] == both.service.application("machine").client_id
        assert vm(both).json()["expires_in"] == "60"


def test_app_service(job: Job) -> None:
    found = job.service.machine_variables("app-service")
    url = f"{found['IDENTITY_ENDPOINT']}?resource={ADO}&api-version="
    header = {"X-IDENTITY-HEADER": found["IDENTITY_HEADER"]}
    data = ask(f"{url}2019-08-01", headers=header).json()
    assert data["expires_on"].isdecimal()
    assert "expires_in" not in data
    assert ask(f"{url}2018-02-01", headers=header).status == 400
    assert ask(f"{url}2019-08-01", headers={"X-IDENTITY-HEADER": "wrong"}).status == 401


def test_arc_gives_a_challenge_that_counts_once(job: Job, tmp_path: Path) -> None:
    found = job.service.machine_variables("arc", tmp_path)
    assert set(found) == {"IDENTITY_ENDPOINT", "IMDS_ENDPOINT"}
    url = f"{found['IDENTITY_ENDPOINT']}?api-version=2019-11-01&resource={ADO}"
    challenge = ask(url, headers=METADATA)
    assert challenge.status == 401
    file = Path(challenge.headers["WWW-Authenticate"].removeprefix("Basic realm="))
    assert file.parent == tmp_path
    answer = METADATA | {"Authorization": f"Basic {file.read_text()}"}
    assert ask(url, headers=answer).status == 200
    assert not file.exists()
    assert ask(url, headers=answer).status == 401
    with pytest.raises(EmulatorError, match="folder"):
        job.service.machine_variables("arc")


def test_the_older_endpoints(job: Job) -> None:
    found = job.service.machine_variables("azure-ml")
    url = f"{found['MSI_ENDPOINT']}?api-version=2017-09-01&resource={ADO}"
    assert ask(url, headers={"secret": found["MSI_SECRET"]}).status == 200
    assert ask(url).status == 401
    (endpoint,) = job.service.machine_variables("cloud-shell").values()
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    body = urlencode({"resource": ADO}).encode()
    assert ask(endpoint, method="POST", headers=form | METADATA, body=body).status == 200
    assert ask(endpoint, method="POST", headers=form, body=body).status == 400
    with pytest.raises(EmulatorError, match="no machine"):
        job.service.machine_variables("mainframe")  # type: ignore[arg-type]
