"""What an earlier step of the job can write, used against the task: variables, but no input or connection."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from azure_devops_emulator import Agent, Organization, Pipeline
from azure_devops_emulator import Service as Emulated
from pip_authenticate import provenance
from support.federated import Job, contoso
from support.http_service import Service
from support.organisation import TOKEN, Organisation
from support.task import Connection, Task, environment, guid

ORGANISATION = """
[organization]
name = "contoso"

[[projects]]
name = "alpha"

[[feeds]]
name = "shared"
packages = ["Shared==1.0.0"]
roles = { "alpha Build Service (contoso)" = "Feed and Upstream Reader" }
"""


@pytest.fixture
def job() -> Iterator[Job]:
    with contoso() as one:
        yield one


# ---- the organisation ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        "system.teamFoundationCollectionUri",
        "system.collectionUri",
        "SYSTEM_TEAMFOUNDATIONCOLLECTIONURI",
        "SYSTEM_COLLECTIONURI",
    ],
)
def test_an_earlier_step_does_not_choose_the_organisation(
    task: Task, stranger: Service, name: str, tmp_path: Path
) -> None:
    (tmp_path / "organization.toml").write_text(ORGANISATION, encoding="utf-8")
    pipeline = f"""
steps:
- script: 'echo "##vso[task.setvariable variable={name}]{stranger.url}/x/"'
- task: PipAuthenticate@1
  inputs: {{artifactFeeds: shared}}
"""
    (tmp_path / "pipeline.yml").write_text(pipeline, encoding="utf-8")
    with Emulated(Organization.load(tmp_path / "organization.toml")) as service:
        # An agent that enforces read-only variables stops the first two names by itself; others only warn.
        agent = Agent(
            service=service,
            project="alpha",
            task_dirs=[task.folder],
            python=False,
            variables={"Agent.ReadOnlyVariables": "false"},
        )
        result = agent.run(Pipeline.load(tmp_path / "pipeline.yml"))
    log = "\n".join(result.log)
    assert stranger.requests == []
    assert result.result == "Failed", log
    assert "names another organisation" in log


@pytest.mark.parametrize("name", ["SYSTEM_TEAMFOUNDATIONCOLLECTIONURI", "SYSTEM_COLLECTIONURI"])
@pytest.mark.parametrize("place", ["{stranger}/org/contoso/", "{home}/org/fabrikam/", "{home}/", "nonsense"])
def test_a_contradiction_is_an_error_before_any_request(
    task: Task, hosted: Organisation, stranger: Service, name: str, place: str
) -> None:
    env = environment(feeds="f", organisation=hosted)
    env[name] = place.format(stranger=stranger.url, home=hosted.address)
    run = task.run(env)
    assert run.failed_cleanly()
    assert name in run.errors[0]
    assert hosted.questions == []
    assert stranger.requests == []


def test_connections_need_no_organisation_and_are_told_to_nobody(task: Task, stranger: Service) -> None:
    connection = Connection.token(1, "https://h.example/simple/", "t")
    env = environment(connections=[connection], SYSTEM_COLLECTIONURI=f"{stranger.url}/x/")
    assert task.run(env).succeeded()
    assert stranger.requests == []


@pytest.mark.parametrize("server_type", ["OnPremises", "", "hosted", "##vso[x"])
def test_the_kind_of_server_opens_no_other_place(
    task: Task, hosted: Organisation, stranger: Service, server_type: str
) -> None:
    hosted.area = {"locationUrl": "https://pkgs.dev.azure.com/contoso/"}
    env = environment(feeds="f", organisation=hosted, SYSTEM_SERVERTYPE=server_type)
    run = task.run(env)
    assert not any(value for value in run.variables.values() if "pkgs.dev.azure.com" in value)
    assert stranger.requests == []


# ---- where assertions and tokens go ----------------------------------------------------------------

PLACES = [
    "{stranger}",
    "https://login.microsoftonline.com.evil.example",
    "https://evil.microsoftonline.com",
    "https://login.microsoftonline.com:8443",
    "http://login.microsoftonline.com",
    "https://login.microsoftonline.com@evil.example",
]


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("name", ["AZURE_AUTHORITY_HOST", "SYSTEM_OIDCREQUESTURI"])
def test_no_variable_names_a_place_for_an_assertion(
    task: Task, stranger: Service, name: str, place: str
) -> None:
    """The organisation is one of Azure DevOps; loopback, where any step may listen, is no part of it."""
    home = "https://dev.azure.com/contoso/"
    env = environment(SYSTEM_TEAMFOUNDATIONCOLLECTIONURI=home, SYSTEM_SERVERTYPE="Hosted") | {
        "SYSTEM_OIDCREQUESTURI": f"{home}oidc",
        "AGENT_PROXYURL": stranger.url,  # whatever leaves the machine would be seen here
        "INPUT_FEEDURL": "https://pkgs.dev.azure.com/contoso/_packaging/f/pypi/simple/",
        "INPUT_WORKLOADIDENTITYSERVICECONNECTION": guid(3),
        f"ENDPOINT_AUTH_{guid(3)}": f'{{"scheme": "X", "parameters": {{"ServicePrincipalId": "{guid(4)}"}}}}',
        name: place.format(stranger=stranger.url),
    }
    run = task.run(env)
    assert run.failed_cleanly()
    assert ("AZURE_AUTHORITY_HOST" if "AUTHORITY" in name else "System.OidcRequestUri") in run.errors[0]
    assert stranger.requests == []


@pytest.mark.parametrize("path", ["/org/fabrikam/oidc", "/oidc"])
def test_another_organisation_gives_no_assertion_on_azure_devops(task: Task, path: str) -> None:
    env = environment(SYSTEM_TEAMFOUNDATIONCOLLECTIONURI="https://dev.azure.com/contoso/") | {
        "SYSTEM_OIDCREQUESTURI": f"https://dev.azure.com{path}",
        "INPUT_FEEDURL": "https://pkgs.dev.azure.com/contoso/_packaging/f/pypi/simple/",
        "INPUT_WORKLOADIDENTITYSERVICECONNECTION": guid(3),
        f"ENDPOINT_AUTH_{guid(3)}": f'{{"scheme": "X", "parameters": {{"ServicePrincipalId": "{guid(4)}"}}}}',
    }
    run = task.run(env)
    assert run.failed_cleanly()
    assert "System.OidcRequestUri" in run.errors[0]


def test_an_authority_that_the_step_itself_names_is_asked(task: Task, job: Job) -> None:
    env = job.environment(
        job.feed("deliveries"), federation="robot", AZURE_AUTHORITY_HOST="https://evil.example"
    )
    run = task.run({**env, "INPUT_AUTHORITYHOST": job.authority})
    assert run.succeeded(), run.errors


@pytest.mark.parametrize(
    "location",
    [
        "https://evil.example/contoso/",
        "https://pkgs.dev.azure.com.evil.example/contoso/",
        "https://pkgs.dev.azure.com/fabrikam/",
        "https://pkgs.dev.azure.com:8443/contoso/",
        "http://pkgs.dev.azure.com/contoso/",
        "https://" + "x" * 5000 + ".example/",
    ],
)
def test_a_location_service_names_no_other_place(task: Task, hosted: Organisation, location: str) -> None:
    hosted.area = {"locationUrl": location}
    run = task.run(environment(feeds="f", organisation=hosted, AGENT_PROXYURL="http://127.0.0.1:9"))
    assert run.failed_cleanly()
    assert len(hosted.questions) == 1


# ---- connections -----------------------------------------------------------------------------------


def planted(connection: str) -> Mapping[str, str]:
    """Variables that look like the agent's own for a connection, as far as a step can set them."""
    return {
        f"ENDPOINT_URL_{connection.upper()}": "https://evil.example/",
        f"endpoint_url_{connection}": "https://evil.example/",
        f"ENDPOINT_AUTH_PARAMETER_{connection}_URL": "https://evil.example/",
        f"ENDPOINT_AUTH_PARAMETER_{connection}_USERNAME": "evil",
        f"ENDPOINT_AUTH_SCHEME_{connection}": "UsernamePassword",
        "INPUT_AZUREDEVOPSSERVICECONNECTION": connection,
    }


@pytest.mark.parametrize("spelled", [str.lower, str.upper])
def test_a_connection_is_what_the_agent_hands_over(task: Task, spelled: Callable[[str], str]) -> None:
    connection = Connection.token(10, "https://h.example/simple", "canary")
    env = {**environment(connections=[connection]), **planted(connection.id)}
    env["INPUT_PYTHONDOWNLOADSERVICECONNECTIONS"] = spelled(connection.id)
    run = task.run(env)
    assert run.variables == {"PIP_INDEX_URL": "https://build:canary@h.example/simple"}


def test_no_variable_alone_decides_where_a_secret_goes() -> None:
    """What `settings.py` says any step can have written is none of what names a place."""
    deciding = {"artifact_feeds", "connections", "federation", "feed_urls", "federated_hosts", "authority",
                "system_connection"}  # fmt: skip
    assert all(provenance.WRITERS[name] != provenance.VARIABLE for name in deciding)


# ---- outside our reach -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"AGENT_SKIPCERTVALIDATION": "True"}, "certificates are not checked"),
        ({"AGENT_PROXYURL": "http://user:canary-proxy@proxy.example:3128"}, "web proxy proxy.example"),
    ],
)
def test_what_no_second_source_confirms_is_said_before_anything_is_sent(
    task: Task, hosted: Organisation, variables: dict[str, str], said: str
) -> None:
    run = task.run(environment(feeds="f", organisation=hosted) | variables)
    assert run.result == "Succeeded", run.errors
    lines = [line for line in run.lines if "task.setsecret" not in line]
    warned = next(number for number, line in enumerate(lines) if said in line)
    sent = next(number for number, line in enumerate(lines) if "ResourceAreas" in line)
    assert lines[warned].startswith("##vso[task.logissue type=warning")
    assert warned < sent
    assert run.leaks("canary-proxy", TOKEN) == []


def test_where_nothing_is_sent_there_is_nothing_to_say(task: Task) -> None:
    connection = Connection.token(1, "https://h.example/simple/", "t")
    env = environment(
        connections=[connection], AGENT_SKIPCERTVALIDATION="True", AGENT_PROXYURL="http://p.example"
    )
    assert task.run(env).warnings == []
