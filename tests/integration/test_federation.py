"""Federation from end to end: the built task, the emulated organisation with Entra, and the real pip."""

import base64
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from azure_devops_emulator import Agent, Fault, ForwardProxy, Organization, Pipeline, SecretStr, Service
from support.certificates import server_context
from support.federated import OTHER_TENANT, OWN_TENANT, Job, contoso, credential_of, without_credential
from support.task import Run, Task, endpoint, spellings
from support.tokens import claims

EXAMPLES = Path(__file__).parents[2] / "examples"
ROUND_TRIPS = ["GET pkgs", "POST dev", "POST login"]
NAME = "devops.example.test"
TRACE = "0a1b2c3d-0000-4000-8000-00000000000e"


@pytest.fixture
def job() -> Iterator[Job]:
    with contoso() as one:
        yield one


def questions(job: Job) -> list[str]:
    return [f"{record.method} {record.host}" for record in job.asked()]


def claim(token: str, name: str) -> object:
    said = claims(token)
    assert said is not None
    return said[name]


def tokens(run: Run, audience: str) -> list[str]:
    """The registered JSON Web Tokens for an audience."""
    found = [secret for secret in run.secrets if (said := claims(secret)) and "aud" in said]
    return list(dict.fromkeys(token for token in found if claim(token, "aud") == audience))


def indexes(run: Run) -> list[str]:
    """All index URLs that were set, without credentials, in pip's order."""
    urls = [url for name in ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL") if name in run.variables
            for url in run.index_urls(name)]  # fmt: skip
    return [without_credential(url) for url in urls if url]


# ---- what is set -------------------------------------------------------------------------------


@pytest.mark.parametrize("connection", ["robot", "old form"])
def test_one_feed_in_three_round_trips(task: Task, job: Job, connection: str) -> None:
    url = job.feed("deliveries")
    run = task.run(job.environment(url, federation=connection))
    assert run.succeeded(), run.errors
    (index,) = run.index_urls()
    assert without_credential(index) == url
    user, token = credential_of(index)
    assert user == job.connection(connection).id
    assert claim(token, "tid") == OWN_TENANT
    assert questions(job) == ROUND_TRIPS
    assert run.summary == "Successfully added auth for feed URL."
    assert "PIP_EXTRA_INDEX_URL" not in run.variables


def test_the_shim_and_a_real_node_do_the_same(task: Task, job: Job) -> None:
    run = task.run_shim(job.environment(job.feed("deliveries"), federation="robot"))
    assert run.succeeded(), run.errors
    assert indexes(run) == [job.feed("deliveries")]


@pytest.mark.parametrize("separator", ["\n", ",", " , ", "\r\n", ",\n\n"])
def test_several_feeds_with_one_assertion_and_one_token(task: Task, job: Job, separator: str) -> None:
    urls = [job.feed(name) for name in ("deliveries", "alpha/parts", "shared@Release", "shared")]
    run = task.run(job.environment(separator.join(urls), federation="robot"))
    assert run.succeeded(), run.errors
    assert indexes(run) == urls
    every = [*run.index_urls(), *run.index_urls("PIP_EXTRA_INDEX_URL")]
    assert len({credential_of(url) for url in every}) == 1
    assert questions(job) == ROUND_TRIPS


def test_twenty_feeds_cost_what_one_does(task: Task) -> None:
    feeds = [f"feed{number}" for number in range(20)]
    with contoso(
        "".join(f'[[feeds]]\nname = "{name}"\nroles = {{ robot = "Reader" }}\n' for name in feeds)
    ) as job:
        run = task.run(job.environment(*(job.feed(name) for name in feeds), federation="robot"))
        assert run.succeeded(), run.errors
        assert len(indexes(run)) == 20
        assert questions(job) == ROUND_TRIPS


def test_an_index_that_is_named_twice_is_set_once(task: Task, job: Job) -> None:
    url = job.feed("deliveries")
    run = task.run(job.environment(url, url.rstrip("/"), federation="robot"))
    assert run.succeeded(), run.errors
    assert indexes(run) == [url]


def test_federated_indexes_come_first_and_the_others_after_them(task: Task, job: Job) -> None:
    run = task.run(
        job.environment(
            job.feed("deliveries"), federation="robot", feeds="shared", connections=(job.connection("depot"),)
        )
    )
    assert run.succeeded(), run.errors
    assert len(run.index_urls("PIP_INDEX_URL")) == 1
    users = [credential_of(url)[0] for url in (*run.index_urls(), *run.index_urls("PIP_EXTRA_INDEX_URL"))]
    assert users == [job.connection("robot").id, "build", "keeper"]
    assert any(line.startswith("Successfully added auth for feed URL.") for line in run.plain)
    assert "Successfully added auth for 1 internal feeds and 1 external endpoint." in run.plain
    assert run.telemetry[0]["FederatedFeedAuthCount"] == 1


def test_only_extra_holds_for_federated_indexes_too(task: Task, job: Job) -> None:
    urls = [job.feed("deliveries"), job.feed("alpha/parts")]
    run = task.run(job.environment(*urls, federation="robot", only_extra="true"))
    assert run.succeeded(), run.errors
    assert not run.variables.get("PIP_INDEX_URL")
    assert indexes(run) == urls


def test_pip_installs_with_the_token(task: Task, job: Job, tmp_path: Path) -> None:
    run = task.run(job.environment(job.feed("deliveries"), federation="robot"))
    ended = subprocess.run(
        [sys.executable, "-m", "pip", "download", "--no-deps", "-d", str(tmp_path), "Delivered"],
        env={
            "PATH": "",
            "PIP_CONFIG_FILE": "/dev/null",
            "PIP_NO_CACHE_DIR": "1",
            "PIP_INDEX_URL": run.variables["PIP_INDEX_URL"],
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    assert {record.credential for record in job.asked("pkgs") if record.status == 303} == {"Entra token"}


def test_the_example_runs_under_the_emulated_agent(task: Task) -> None:
    with Service(Organization.load(EXAMPLES / "organization.toml")) as service:
        agent = Agent(service=service, project="project1", task_dirs=[task.folder])
        result = agent.run(Pipeline.load(EXAMPLES / "federation.yml"))
        used = {record.credential for record in service.log if record.host == "pkgs" and record.status != 401}
    assert result.result == "Succeeded", result.log
    assert "Successfully installed DeliveredPackage-1.2.0" in result.log
    assert used == {"Entra token"}
    assert not re.search(r"eyJ[\w-]{10}", "\n".join(result.log))


@pytest.mark.parametrize("on_premises", [False, True])
def test_what_a_job_is_told_about_federation(tmp_path: Path, *, on_premises: bool) -> None:
    pipeline = tmp_path / "pipeline.yml"
    told = "[$SYSTEM_OIDCREQUESTURI] [$AZURE_AUTHORITY_HOST] [$EMULATOR_PACKAGESURI]"
    pipeline.write_text(f"steps:\n- script: echo '{told}'; echo \"told {told}\"\n", encoding="utf-8")
    organization = Organization.load(EXAMPLES / "organization.toml")
    with Service(organization, on_premises=on_premises) as service:
        agent = Agent(service=service, project="project1", python=False)
        result = agent.run(Pipeline.load(pipeline))
        (line,) = [line for line in result.log if line.startswith("told ")]
        uri, authority, packages = re.findall(r"\[(.*?)\]", line)
        assert packages == service.address("pkgs")
        project, job_id = (
            result.variables["System.TeamProjectId"].value,
            result.variables["System.JobId"].value,
        )
        if on_premises:
            assert not uri
            assert not authority
        else:
            assert authority == service.authority
            plan = result.variables["System.PlanId"].value
            assert uri == (
                f"{service.collection_uri}{project}/_apis/distributedtask/hubs/build/plans/{plan}"
                f"/jobs/{job_id}/oidctoken"
            )


def test_a_job_of_another_project_gets_no_assertion(task: Task) -> None:
    with Service(Organization.load(EXAMPLES / "organization.toml")) as service:
        agent = Agent(service=service, project="project2", task_dirs=[task.folder], python=False)
        result = agent.run(Pipeline.load(EXAMPLES / "federation.yml"))
    assert result.result == "Failed"
    assert "gave no assertion (status 404)" in "\n".join(result.log)


# ---- tenants -----------------------------------------------------------------------------------


def test_one_assertion_and_one_token_for_each_tenant(task: Task, job: Job) -> None:
    urls = [job.feed("foreign", "northwind"), job.feed("deliveries"), job.feed("second", "northwind")]
    run = task.run(job.environment(*urls, federation="multi"))
    assert run.succeeded(), run.errors
    assert indexes(run) == urls
    every = [credential_of(url)[1] for url in (*run.index_urls(), *run.index_urls("PIP_EXTRA_INDEX_URL"))]
    assert [claim(token, "tid") for token in every] == [OTHER_TENANT, OWN_TENANT, OTHER_TENANT]
    assert every[0] == every[2] != every[1]
    spellings = ["GET pkgs"] * 2  # two tokens on one host: how does each organisation write its name?
    assert sorted(questions(job)) == sorted([*ROUND_TRIPS * 2, *spellings])
    assert len(tokens(run, "api://AzureADTokenExchange")) == 2


def test_an_organisation_of_consumer_accounts_has_no_tenant(task: Task, job: Job) -> None:
    run = task.run(job.environment(job.feed("photos", "family"), federation="robot"))
    assert run.succeeded(), run.errors
    (asked,) = job.asked("login")
    assert asked.path == f"/login/{OWN_TENANT}/oauth2/v2.0/token"


@pytest.mark.parametrize("kind", ["html", "deactivated"])
def test_a_feed_that_does_not_tell_its_tenant(task: Task, job: Job, kind: str) -> None:
    job.service.faults.add(Fault(kind, path="/pkgs/", method="GET"))
    run = task.run(job.environment(job.feed("deliveries"), federation="robot"))
    assert run.succeeded(), run.errors
    assert claim(credential_of(run.index_urls()[0])[1], "tid") == OWN_TENANT


def of_tenant(job: Job, tenant: str) -> dict[str, str]:
    """A job whose service connection names a tenant, while its feed names none."""
    robot = job.connection("robot")
    parameters = {
        name: tenant if name.lower() == "tenantid" else value for name, value in robot.parameters.items()
    }
    env = job.environment(job.feed("photos", "family"), federation="robot")
    return {**env, **endpoint(robot.id, robot.url, robot.scheme, parameters)}


def test_no_tenant_at_all(task: Task, job: Job) -> None:
    run = task.run(of_tenant(job, "00000000-0000-0000-0000-000000000000"))
    assert run.failed_cleanly()
    assert "tenant" in run.errors[0]
    assert not job.asked("login")


# ---- Entra's refusals --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("connection", "code", "meaning", "remedy"),
    [
        ("unknown application", 700016, "not known in this tenant", "service principal's id"),
        ("bare", 70025, "no federated credential", "Add one"),
        ("issuer", 700211, "issuer", "Change the issuer"),
        ("audience", 700212, "audience", "api://AzureADTokenExchange"),
        ("subject", 700213, "subject", "Change the subject"),
        ("case", 7002138, "upper and lower case", "exactly"),
        ("multi entra", 70052, "multi-tenant", "single-tenant"),
    ],
)
def test_a_refusal_is_explained(
    task: Task, job: Job, connection: str, code: int, meaning: str, remedy: str
) -> None:
    run = task.run(job.environment(job.feed("deliveries"), federation=connection))
    assert run.failed_cleanly()
    (error,) = run.errors
    identity = job.connection(connection).id
    assert error.startswith(f"Unable to get federated credentials from service connection: {identity}. ")
    assert f"AADSTS{code}" in error
    assert meaning in error
    assert remedy in error
    assert re.search(r"trace id [0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", error)
    assert not re.search(r"eyJ[\w-]{10}", error)
    assert len(job.asked("login")) == 1, "a refusal is final"


def test_an_expired_assertion_is_explained(task: Task) -> None:
    with contoso(assertion_seconds=-1) as job:
        run = task.run(job.environment(job.feed("deliveries"), federation="robot"))
    assert run.failed_cleanly()
    assert "AADSTS700024" in run.errors[0]
    assert "clock" in run.errors[0]


def test_a_tenant_that_does_not_exist_is_explained(task: Task, job: Job) -> None:
    run = task.run(of_tenant(job, "12121212-1212-4212-8212-121212121212"))
    assert run.failed_cleanly()
    assert "AADSTS90002" in run.errors[0]
    assert "tenant does not exist" in run.errors[0]


@pytest.mark.parametrize(
    ("code", "error", "remedy"),
    [
        (70021, "invalid_request", "Compare issuer, subject and audience"),
        (700223, "invalid_client", "administrator"),
        (700238, "invalid_client", "administrator"),
        (900382, "invalid_request", "same cloud"),
        (90061, "invalid_request", "again later"),
        (50166, "invalid_request", "again later"),
        (50020, "invalid_grant", "tenant"),
        (7000215, "invalid_client", "federation"),
        (53003, "access_denied", "conditional access"),
        (7002381, "invalid_client", "Look the code up"),
    ],
)
def test_refusals_that_only_the_real_entra_has_reason_for(
    task: Task, job: Job, code: int, error: str, remedy: str
) -> None:
    refuse(job, code, error)
    run = task.run(job.environment(job.feed("deliveries"), federation="robot"))
    assert run.failed_cleanly()
    assert f"AADSTS{code}" in run.errors[0]
    assert remedy in run.errors[0]
    assert "trace id" in run.errors[0]


def refuse(job: Job, code: int, error: str) -> None:
    """Let Entra refuse the next request."""
    words = "Somebody's words, eyJhbGciOi.eyJzdWIiOi.c2lnbmF0dXJl among them."
    trail = f"Trace ID: {TRACE} Correlation ID: {TRACE} Timestamp: 2026-01-02 03:04:05Z"
    said = {
        "error": error,
        "error_description": f"AADSTS{code}: {words} {trail}",
        "error_codes": [code],
        "trace_id": TRACE,
        "correlation_id": TRACE,
    }
    job.service.faults.add(
        Fault(
            "answer",
            path="/login/",
            status=401 if error == "invalid_client" else 400,
            headers={"Content-Type": "application/json; charset=utf-8"},
            body=json.dumps(said),
        )
    )


def test_what_entra_says_is_shortened_and_shows_no_token(task: Task, job: Job) -> None:
    refuse(job, 99999, "invalid_client")
    run = task.run(job.environment(job.feed("deliveries"), federation="robot"))
    assert "Somebody's words, *** among them" in run.errors[0]
    assert "c2lnbmF0dXJl" not in "\n".join(run.lines)
    assert run.errors[0].count("Trace ID") == 0, "the trail is told once, in the project's own words"


@pytest.mark.parametrize(
    "fault",
    [
        Fault("html", path="/login/"),
        Fault("broken-json", path="/login/"),
        Fault("answer", path="/login/", status=200, body='{"access_token": 5}'),
        Fault("answer", path="/login/", status=400, body="[]"),
        Fault("answer", path="/login/", status=401, body='{"error": "invalid_client"}'),
        Fault("redirect", path="/login/", location="http://127.0.0.1:9/elsewhere"),
        Fault("sign-in-page", path="/login/"),
    ],
    ids=lambda fault: f"{fault.kind}-{fault.status}",
)
def test_answers_that_are_not_entras(task: Task, job: Job, fault: Fault) -> None:
    job.service.faults.add(fault)
    run = task.run(job.environment(job.feed("deliveries"), federation="robot"))
    assert run.failed_cleanly()
    assert len(run.errors) == 1
    assert "AZURE_AUTHORITY_HOST" in run.errors[0]


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (Fault("html", path="/oidctoken"), "sign-in page"),
        (Fault("sign-in-page", path="/oidctoken"), "sign-in page"),
        (Fault("broken-json", path="/oidctoken"), "not answer with JSON"),
        (Fault("expired-token", path="/oidctoken"), "did not accept the job's token"),
        (Fault("answer", path="/oidctoken", status=200, body="{}"), "gave no assertion"),
        (Fault("answer", path="/oidctoken", status=200, body='{"oidcToken": "a\\nb"}'), "gave no assertion"),
        (Fault("answer", path="/oidctoken", status=403, body="{}"), "gives no assertion"),
    ],
    ids=lambda value: value.kind if isinstance(value, Fault) else "",
)
def test_no_assertion_no_question_to_entra(task: Task, job: Job, fault: Fault, said: str) -> None:
    job.service.faults.add(fault)
    run = task.run(job.environment(job.feed("deliveries"), federation="robot"))
    assert run.failed_cleanly()
    assert said in run.errors[0]
    assert not job.asked("login")


def test_throttling_is_waited_for(task: Task, job: Job) -> None:
    job.service.faults.add(Fault("throttle", path="/oidctoken", retry_after="0"))
    job.service.faults.add(Fault("unavailable", path="/login/", retry_after="0"))
    run = task.run(job.environment(job.feed("deliveries"), federation="robot"))
    assert run.succeeded(), run.errors
    assert questions(job) == ["GET pkgs", "POST dev", "POST dev", "POST login", "POST login"]


# ---- inputs ------------------------------------------------------------------------------------


def test_feed_urls_without_a_connection_are_ignored_with_a_warning(task: Task, job: Job) -> None:
    run = task.run(job.environment(job.feed("deliveries"), feeds="shared"))
    assert run.succeeded(), run.errors
    assert any("workloadIdentityServiceConnection" in warning for warning in run.warnings)
    assert not job.asked("login")
    assert [credential_of(url)[0] for url in run.index_urls()] == ["build"]


def test_a_connection_without_feed_urls_fails(task: Task, job: Job) -> None:
    run = task.run(job.environment(federation="robot", feeds="shared"))
    assert run.failed_cleanly()
    assert "feedUrl" in run.errors[0]
    assert not job.asked("login")


def test_a_connection_without_an_application(task: Task, job: Job) -> None:
    robot = job.connection("robot").id
    env = job.environment(job.feed("deliveries"), federation="robot")
    for name in (f"ENDPOINT_AUTH_PARAMETER_{robot}_SERVICEPRINCIPALID", f"ENDPOINT_AUTH_{robot}"):
        del env[name]
    run = task.run(env)
    assert run.failed_cleanly()
    assert "serviceprincipalid" in run.errors[0].lower()
    assert not job.asked()


@pytest.mark.parametrize(
    "host",
    [
        "https://pypi.example.test",
        "https://pkgs.dev.azure.com.example.test",
        "https://xpkgs.visualstudio.com",
    ],
)
def test_no_token_is_asked_for_a_foreign_host(task: Task, job: Job, host: str) -> None:
    url = f"{host}/contoso/_packaging/f/pypi/simple/"
    run = task.run(job.environment(job.feed("deliveries"), url, federation="robot"))
    assert run.failed_cleanly()
    assert "the token is not sent there" in run.errors[0]
    assert "federatedHosts" in run.errors[0]
    assert not job.asked(), "not even the good ones are asked for"


def test_a_plain_address_gets_no_token_even_when_its_host_is_listed(task: Task, job: Job) -> None:
    url = "http://pypi.example.test/contoso/_packaging/f/pypi/simple/"
    env = job.environment(url, federation="robot", INPUT_FEDERATEDHOSTS="pypi.example.test")
    run = task.run(env)
    assert run.failed_cleanly()
    assert "https" in run.errors[0]
    assert not job.asked()


def test_all_bad_urls_are_told_at_once_and_no_password_of_them(task: Task, job: Job) -> None:
    urls = ["ftp://x.example.test/simple", job.feed("f").replace("//", "//user:canary-password@"), "nonsense"]
    run = task.run(job.environment(*urls, federation="robot"))
    assert run.failed_cleanly()
    assert len(run.errors) == 3
    assert "canary-password" not in "\n".join(run.lines)
    assert not job.asked()


# ---- the authority -----------------------------------------------------------------------------


def test_the_authority_may_end_with_a_slash(task: Task, job: Job) -> None:
    env = job.environment(
        job.feed("deliveries"), federation="robot", AZURE_AUTHORITY_HOST=f"{job.service.authority}/"
    )
    assert task.run(env).succeeded()
    assert job.asked("login")[0].path == f"/login/{OWN_TENANT}/oauth2/v2.0/token"


@pytest.mark.parametrize(
    "authority",
    ["http://login.example.test", "ftp://login.example.test", "https://", "login example", "https://u:p@h"],
)
def test_an_authority_that_cannot_be_used(task: Task, job: Job, authority: str) -> None:
    env = job.environment(job.feed("deliveries"), federation="robot", AZURE_AUTHORITY_HOST=authority)
    run = task.run(env)
    assert run.failed_cleanly()
    assert "AZURE_AUTHORITY_HOST" in run.errors[0]
    assert not job.asked("dev", "login"), "no assertion is asked for"


def test_a_job_without_an_address_for_assertions(task: Task, job: Job) -> None:
    run = task.run(job.environment(job.feed("deliveries"), federation="robot", SYSTEM_OIDCREQUESTURI=""))
    assert run.failed_cleanly()
    assert "System.OidcRequestUri" in run.errors[0]
    plain = "http://oidc.example.test/token"
    run = task.run(job.environment(job.feed("deliveries"), federation="robot", SYSTEM_OIDCREQUESTURI=plain))
    assert run.failed_cleanly()
    assert "is not encrypted" in run.errors[0]


# ---- proxies and certificates ------------------------------------------------------------------


@pytest.mark.parametrize("authority_host", ["", NAME], ids=["url", "host"])
def test_everything_goes_through_the_agents_proxy_and_trusts_its_authorities(
    task: Task, authority: trustme.CA, authority_file: str, authority_host: str
) -> None:
    with contoso(tls=server_context(authority, NAME), name=NAME) as job:
        hosts = {NAME: (job.service.host, job.service.port)}
        with ForwardProxy(hosts=hosts, user="joe", password=SecretStr("canary-proxy")) as proxy:
            env = job.environment(
                job.feed("deliveries"),
                federation="robot",
                AGENT_PROXYURL=proxy.url,
                AGENT_PROXYUSERNAME="joe",
                SECRET_AGENT_PROXYPASSWORD="canary-proxy",
                AGENT_CAINFO=authority_file,
            )
            env["INPUT_AUTHORITYHOST"] = f"{authority_host}/login" if authority_host else job.authority
            run = task.run(env)
            assert run.succeeded(), run.errors
            assert {(record.method, record.host) for record in proxy.log} == {("CONNECT", NAME)}
        assert questions(job) == ROUND_TRIPS
        assert indexes(run) == [f"https://{NAME}/pkgs/contoso/_packaging/deliveries/pypi/simple/"]
        assert not run.leaks("canary-proxy", user="joe")


def test_a_proxy_that_refuses(task: Task, authority: trustme.CA, authority_file: str) -> None:
    with (
        contoso(tls=server_context(authority, NAME), name=NAME) as job,
        ForwardProxy(user="joe", password=SecretStr("canary-proxy")) as proxy,
    ):
        env = job.environment(
            job.feed("deliveries"),
            federation="robot",
            AGENT_PROXYURL=proxy.url,
            AGENT_CAINFO=authority_file,
            INPUT_AUTHORITYHOST=job.authority,
        )
        run = task.run(env)
        assert run.failed_cleanly()
        assert "407" in run.errors[0]
        assert not job.asked()


# ---- secrets -----------------------------------------------------------------------------------


@pytest.mark.parametrize("connection", ["robot", "case"])
def test_assertion_and_token_are_registered_before_anything_is_said(
    task: Task, job: Job, connection: str
) -> None:
    run = task.run(job.environment(job.feed("deliveries"), federation=connection, SYSTEM_DEBUG="true"))
    (assertion,) = tokens(run, "api://AzureADTokenExchange")
    user = job.connection(connection).id
    known = [assertion, *tokens(run, "499b84ac-1321-427f-aa17-267ca6975798")]
    assert len(known) == (2 if connection == "robot" else 1)
    for secret in known:
        assert spellings(secret, user) <= {form.replace("%", "%AZP25") for form in run.secrets} | set(
            run.secrets
        )
        assert not run.leaks(secret, user=user)
        # Not even a part of it, signed or not, shows in the lines for people.
        parts = secret.split(".")
        assert not [line for line in run.ordinary if parts[1] in line or parts[2] in line]
    commands = [(command.name, command.data) for command in run.commands]
    registered = commands.index(("task.setsecret", assertion))
    asked = next(i for i, (_, data) in enumerate(commands) if "/login/" in data)
    assert registered < asked
    encoded = base64.b64encode(f"{user}:{assertion}".encode()).decode()
    assert encoded in run.secrets


# ---- expiry ------------------------------------------------------------------------------------


def test_the_log_says_when_the_credential_expires(task: Task, job: Job) -> None:
    run = task.run(job.environment(job.feed("deliveries"), job.feed("shared"), federation="robot"))
    lines = [line for line in run.plain if " expires at " in line]
    assert len(lines) == 1, "one line for one credential"
    assert re.search(r"expires at \d{4}-\d\d-\d\d \d\d:\d\d UTC", lines[0])
    assert job.connection("robot").id in lines[0]
    assert not run.warnings


def test_a_short_lived_credential_is_warned_of(task: Task) -> None:
    more = f'[[tenants]]\nname = "own"\nid = "{OWN_TENANT}"\ntoken_seconds = 600'
    with contoso(more) as job:
        run = task.run(job.environment(job.feed("deliveries"), federation="robot"))
    assert run.result == "Succeeded"
    (warning,) = run.warnings
    assert "expires in 10 minutes" in warning
    assert "again" in warning
