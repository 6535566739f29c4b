"""What a run tells besides its work: telemetry, as the built-in task sends it, and a summary."""

import json
from pathlib import Path

import pytest

from support.agent import read_command
from support.federated import contoso
from support.organisation import TOKEN, Organisation
from support.task import Connection, Task, environment

START = "##vso[telemetry.publish area=Packaging;feature=PipAuthenticateV1"


def test_counts_and_ids_are_published(task: Task, hosted: Organisation) -> None:
    connection = Connection.token(1, "https://h.example/", "t")
    env = environment(feeds="a,b", connections=[connection], organisation=hosted)
    env |= {
        "AGENT_NAME": '"##vso[task.debug]\n\u2028',
        "BUILD_DEFINITIONNAME": "Größe",
        "SYSTEM_COLLECTIONID": "c-1",
    }
    run = task.run(env)
    assert run.succeeded()
    (line,) = [line for line in run.lines if line.startswith(START)]
    assert line.isascii()
    (data,) = run.telemetry
    assert data["InternalFeedAuthCount"] == 2
    assert data["ExternalFeedAuthCount"] == 1
    assert data["FederatedFeedAuthCount"] == 0
    for name in (
        "SYSTEM_JOBID",
        "SYSTEM_COLLECTIONID",
        "AGENT_NAME",
        "AGENT_OS",
        "AGENT_VERSION",
        "BUILD_DEFINITIONNAME",
    ):
        assert data[name] == ('"# #vso[task.debug]\\n\\u2028' if name == "AGENT_NAME" else env[name])
    assert not any("TOKEN" in name or name.startswith("PIP") for name in data)


def test_a_failed_run_is_counted_too(task: Task) -> None:
    run = task.run(environment(feeds="a/b/c"))
    (data,) = run.telemetry
    assert (data["InternalFeedAuthCount"], data["ExternalFeedAuthCount"]) == (0, 0)


@pytest.mark.parametrize(
    ("version", "published"),
    [
        ("2.120.0", True),
        ("4.0.0-preview.1", True),
        ("2.119.9", False),
        ("1.999.999", False),
        ("", False),
        ("next", False),
        ("9" * 5000, False),
        ("٣.0.0", False),
    ],
)
def test_old_agents_know_no_telemetry(task: Task, version: str, published: bool) -> None:  # noqa: FBT001
    run = task.run(environment(AGENT_VERSION=version))
    assert run.result == "Succeeded"
    assert bool(run.telemetry) is published
    assert run.err == ""


@pytest.mark.parametrize("knob", ["true", "false"])
def test_the_json_survives_the_agents_decoding(task: Task, knob: str) -> None:
    name = "100% %5D %3B %AZP25 ] ; done"
    run = task.run(environment(DECODE_PERCENTS=knob, AGENT_NAME=name))
    (line,) = [line for line in run.lines if line.startswith(START)]
    command = read_command(line, decodes_percents=knob == "true")
    assert command is not None
    assert isinstance(json.loads(command.data), dict)
    assert (
        json.loads(command.data)["AGENT_NAME"]
        == {
            "true": "100% %5d %3b % ] ; done",
            "false": "100% %5d %3b %AZP25 ] ; done",
        }[knob]
    )


def test_a_summary_is_left_for_the_agent_and_holds_no_secret(
    task: Task, hosted: Organisation, tmp_path: Path
) -> None:
    connection = Connection.login(1, "https://h.example/a|b/simple", "u", "canary-of-a-summary")
    given = environment(
        feeds="f", connections=[connection], organisation=hosted, AGENT_TEMPDIRECTORY=str(tmp_path)
    )
    run = task.run(given)
    (line,) = (line for line in run.lines if line.startswith("##vso[task.uploadsummary]"))
    text = Path(line.partition("]")[2]).read_text(encoding="utf-8")
    rows = [row for row in text.splitlines() if row.startswith("| http")]
    assert len(rows) == 2
    assert all(row.count("|") == 7 for row in rows)
    assert "job-token" in text
    assert "stored-secret" in text
    assert "canary" not in text
    assert TOKEN not in text


def test_where_there_is_no_place_for_a_summary_there_is_none(task: Task, hosted: Organisation) -> None:
    run = task.run(environment(feeds="f", organisation=hosted, AGENT_TEMPDIRECTORY="/nowhere"))
    assert run.variables
    assert not any("uploadsummary" in line for line in run.lines)


@pytest.mark.parametrize("verify", ["warn", "fail"])
def test_the_summary_holds_the_verdict_also_where_that_fails_the_step(
    task: Task, tmp_path: Path, verify: str
) -> None:
    with contoso() as job:
        connection = Connection.token(7, job.feed("shared"), "canary-nora")
        given = job.environment(
            INPUT_VERIFY=verify, connections=(connection,), AGENT_TEMPDIRECTORY=str(tmp_path)
        )
        run = task.run(given)
    (line,) = (line for line in run.lines if line.startswith("##vso[task.uploadsummary]"))
    text = Path(line.partition("]")[2]).read_text(encoding="utf-8")
    assert "| bad: " in text
    assert "canary" not in text
    assert ("PIP_INDEX_URL" in run.variables and bool(run.variables["PIP_INDEX_URL"])) == (verify == "warn")
