"""Texts and lists of any size: each has a bound that fits it, and no work grows with their square."""

import os
from pathlib import Path

import pytest

from support.organisation import Organisation, route_table
from support.task import Connection, Task, environment

SOON = 50
"""Seconds; a run asks and computes for 45."""


def test_a_route_of_megabytes_is_none(task: Task, hosted: Organisation) -> None:
    hosted.table = route_table("{project}/_packaging/{feedId}/pypi/simple/" + "x" * 4_000_000)
    run = task.run(environment(feeds=",".join(f"f{n}" for n in range(300)), organisation=hosted))
    assert run.failed_cleanly()
    assert "does not tell the route" in run.errors[0]
    assert sum(map(len, run.lines)) < 200_000


@pytest.mark.parametrize("count", [10_000, 20_000])
def test_thousands_of_feeds_end_in_an_error_that_says_how_many_fit(
    task: Task, hosted: Organisation, count: int
) -> None:
    names = ",".join(f"f{number:04x}" for number in range(count))
    run = task.run(environment(feeds=names, organisation=hosted))
    assert run.failed_cleanly()
    assert f"of {count} feeds and connections fit" in run.errors[0]
    assert run.seconds < SOON


def test_thousands_of_similar_feeds_end_soon(task: Task, hosted: Organisation) -> None:
    names = ",".join(f"{'a' if number & 1 else 'A'}{number:x}" for number in range(20_000))
    run = task.run(environment(feeds=names, organisation=hosted))
    assert run.failed_cleanly()
    assert run.seconds < SOON


def test_thousands_of_connections_end_soon(task: Task) -> None:
    connections = [
        Connection.token(number, f"https://h{number}.example/", f"canary-{number}") for number in range(1000)
    ]
    run = task.run(environment(connections=connections))
    assert run.seconds < SOON
    assert run.failed_cleanly() or run.succeeded()
    assert run.leaks("canary-1", "canary-999") == []


def test_the_tenth_unknown_input_is_the_last_that_is_named(task: Task) -> None:
    inputs = {f"INPUT_UNKNOWN{number:05}": "x" for number in range(12_000)}
    run = task.run(environment() | inputs)
    assert run.result == "Succeeded"
    named = [text for text in run.warnings if "UNKNOWN" in text]
    assert len(named) == 10
    assert any("11990 more inputs" in text for text in run.warnings)
    assert run.seconds < SOON


def test_an_unknown_input_of_any_length_is_shortened(task: Task) -> None:
    run = task.run(environment() | {"INPUT_" + "X" * 60_000: "x"})
    assert all(len(line) < 1000 for line in run.lines)


@pytest.mark.parametrize("kind", ["device", "pipe", "folder", "huge"])
@pytest.mark.parametrize("name", ["AGENT_CAINFO", "AGENT_CLIENTCERT"])
def test_a_certificate_file_that_is_no_file(task: Task, tmp_path: Path, kind: str, name: str) -> None:
    path = tmp_path / "x"
    if kind == "device":
        path = Path("/dev/zero")
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    else:
        with path.open("wb") as file:
            file.truncate(1 << 34)
    home = "https://127.0.0.1:9/tfs/Default/"
    env = environment(feeds="f", SYSTEM_TEAMFOUNDATIONCOLLECTIONURI=home) | {name: str(path)}
    run = task.run(env)
    assert run.failed_cleanly()
    assert "certificate file of the agent's settings cannot be used" in run.errors[0]
    assert run.seconds < SOON
