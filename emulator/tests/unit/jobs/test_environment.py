import json
import os

import pytest

from azure_devops_emulator.jobs import endpoints, environment
from azure_devops_emulator.jobs.endpoints import NO_ID, Endpoint
from azure_devops_emulator.jobs.environment import StepData
from azure_devops_emulator.jobs.names import Names
from azure_devops_emulator.jobs.variables import Variable

ID = "0f8fad5b-d9cb-469f-a165-70867728950e"
SYSTEM = Endpoint(NO_ID, "SystemVssConnection", "", "http://o/", "OAuth", Names([("AccessToken", "t")]))
OTHER = Endpoint(ID, "x", "y", "http://i/", "Token", Names([("apiToken.x", "p")]), Names([("A b", "c")]))


def build(worker: dict[str, str], **parts: object) -> dict[str, str]:
    """An environment of a step that has only these parts."""
    given: dict[str, object] = {
        "env": {},
        "public": [],
        "secrets": [],
        "inputs": {},
        "endpoints": [],
        **parts,
    }
    return environment.build(worker, StepData(**given))  # type: ignore[arg-type]


def test_a_variable_wins_over_the_steps_env_and_that_over_the_worker() -> None:
    built = build({"A": "1", "B": "1", "C": "1"}, env={"A": "2", "B": "2"}, public=[Variable("a", "3")])
    assert (built["A"], built["B"], built["C"], built["TF_BUILD"]) == ("3", "2", "1", "True")


def test_names_of_variables_inputs_and_secrets() -> None:
    built = build(
        {},
        public=[Variable("Agent.JobStatus", "Failed"), Variable("keep.It", "x", preserve_case=True)],
        secrets=[Variable("my secret", "s", secret=True)],
        inputs={"artifactFeeds": "f", "empty": ""},
        task_variables=[Variable("tv", "v")],
        env={"lower": "x"},
    )
    assert built == {
        "AGENT_JOBSTATUS": "Failed",
        "Agent.JobStatus": "Failed",
        "keep_It": "x",
        "SECRET_MY_SECRET": "s",
        "VSTS_PUBLIC_VARIABLES": '["Agent.JobStatus","keep.It"]',
        "VSTS_SECRET_VARIABLES": '["my secret"]',
        "INPUT_ARTIFACTFEEDS": "f",
        "INPUT_EMPTY": "",
        "VSTS_TASKVARIABLE_TV": "v",
        "lower": "x",
        "TF_BUILD": "True",
    }


def test_endpoints() -> None:
    built = build({}, endpoints=[OTHER, SYSTEM])
    assert {name: value for name, value in built.items() if name.startswith("ENDPOINT")} == {
        f"ENDPOINT_URL_{ID}": "http://i/",
        f"ENDPOINT_AUTH_{ID}": '{"parameters":{"apiToken.x":"p"},"scheme":"Token"}',
        f"ENDPOINT_AUTH_SCHEME_{ID}": "Token",
        f"ENDPOINT_AUTH_PARAMETER_{ID}_APITOKEN_X": "p",
        f"ENDPOINT_DATA_{ID}": '{"A b":"c"}',
        f"ENDPOINT_DATA_{ID}_A_B": "c",
        "ENDPOINT_URL_SYSTEMVSSCONNECTION": "http://o/",
        "ENDPOINT_AUTH_SYSTEMVSSCONNECTION": '{"parameters":{"AccessToken":"t"},"scheme":"OAuth"}',
        "ENDPOINT_AUTH_SCHEME_SYSTEMVSSCONNECTION": "OAuth",
        "ENDPOINT_AUTH_PARAMETER_SYSTEMVSSCONNECTION_ACCESSTOKEN": "t",
    }


def test_an_endpoint_without_id_goes_by_its_repository_or_not_at_all() -> None:
    repository = Endpoint(NO_ID, "self", "git", "http://r/", "OAuth", data=Names([("RepositoryId", "r1")]))
    assert repository.environment()["ENDPOINT_URL_r1"] == "http://r/"
    assert Endpoint(NO_ID, "self", "git", "http://r/", "OAuth").environment() == {}


@pytest.mark.parametrize("value", [ID, f" {ID.upper()} ,x", f"{{{ID}}}", ID.replace("-", "")])
def test_only_named_endpoints_and_the_systems_own_are_sent(value: str) -> None:
    unnamed = Endpoint("11111111-1111-1111-1111-111111111111", "u", "y", "", "Token")
    assert endpoints.select([unnamed, OTHER, SYSTEM], [value, ""]) == [OTHER, SYSTEM]
    assert endpoints.select([unnamed, OTHER, SYSTEM], [NO_ID]) == [SYSTEM]


def test_paths_that_were_put_first() -> None:
    join = os.pathsep.join
    assert build({"PATH": "/w"}, prepended=["/a", "/b"])["PATH"] == join(["/b", "/a", "/w"])
    assert build({"PATH": "/w"}, prepended=["/a"], env={"PATH": "/e"})["PATH"] == join(["/a", "/e"])
    built = build({"PATH": "/w"}, prepended=["/a"], env={"PATH": "/e"}, public=[Variable("Path", "/v")])
    assert built["PATH"] == join(["/a", "/v"])


@pytest.mark.parametrize("env", [{"A": "\0"}, {"\0": "A"}])
def test_a_null_character_is_refused(env: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="null character"):
        build({}, env=env)


def test_what_a_script_sees() -> None:
    whole = build(
        {"HOME": "/h"},
        public=[Variable("agent.jobstatus", "Succeeded"), Variable("PIP_INDEX_URL", "u"), Variable("E", "")],
        secrets=[Variable("s", "hidden", secret=True), Variable("none", "", secret=True)],
        inputs={"script": "x", "empty": ""},
        endpoints=[OTHER, SYSTEM],
        task_variables=[Variable("tv", "v")],
        env={"MINE": "$"},
    )
    whole["SECUREFILE_TICKET_1"] = "t"
    whole["COMMAND_CORRELATION_ID"] = "c"
    left = environment.for_script(whole)
    assert set(whole) - set(left) == {
        "SECRET_S",
        "INPUT_SCRIPT",
        "VSTS_PUBLIC_VARIABLES",
        "VSTS_SECRET_VARIABLES",
        "VSTS_TASKVARIABLE_TV",
        "SECUREFILE_TICKET_1",
        "COMMAND_CORRELATION_ID",
        *(name for name in whole if name.startswith("ENDPOINT_AUTH_")),
    }
    assert left["PIP_INDEX_URL"] == "u"
    assert {
        "INPUT_EMPTY",
        "SECRET_NONE",
        "agent.jobstatus",
        f"ENDPOINT_URL_{ID}",
        f"ENDPOINT_DATA_{ID}",
    } <= set(left)
    assert "hidden" not in json.dumps(left)


def test_what_is_too_long_for_windows() -> None:
    assert environment.too_long_for_windows({"A": "x" * 32766, "B": "x" * 32767}) == ["B"]
