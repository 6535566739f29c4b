"""What a variable may hold, and variables that cannot reach pip at all."""

import pytest

from support.http_service import json_answer
from support.organisation import TOKEN, Organisation
from support.task import Connection, Run, Task, environment, stored

LINUX = 131_072
WINDOWS = 32_766


def connection_of(length: int, number: int = 1) -> Connection:
    """A connection whose URL with its credential has a length."""
    bare = len("https://build:@h.example/1")
    return Connection.token(number, f"https://h.example/{number}", "t" * (length - bare))


@pytest.mark.parametrize(
    ("system", "longest"),
    [
        ("Linux", LINUX - len("PIP_EXTRA_INDEX_URL=") - 1),
        ("Darwin", LINUX - len("PIP_EXTRA_INDEX_URL=") - 1),
        ("Windows_NT", WINDOWS),
    ],
)
def test_the_longest_value_is_set_and_one_more_is_refused(task: Task, system: str, longest: int) -> None:
    def run(length: int) -> Run:
        half = length // 2
        connections = [connection_of(half), connection_of(length - half - 1, 2)]
        return task.run(environment(connections=connections, only_extra="true", AGENT_OS=system))

    fitting = run(longest)
    assert fitting.result == "Succeeded"
    assert len(fitting.variables["PIP_EXTRA_INDEX_URL"]) == longest
    above = run(longest + 1)
    assert above.failed_cleanly()
    assert above.variables == {}
    assert "PIP_EXTRA_INDEX_URL" in above.errors[0]


@pytest.mark.parametrize(("size", "warned"), [(26_200, False), (26_214, True)])
def test_windows_warns_from_four_fifths_on(task: Task, size: int, warned: bool) -> None:  # noqa: FBT001
    run = task.run(environment(connections=[connection_of(size)], AGENT_OS="Windows_NT"))
    assert run.result == "Succeeded"
    assert bool(run.warnings) is warned


def test_linux_warns_of_nothing_below_its_limit(task: Task) -> None:
    run = task.run(environment(connections=[connection_of(100_000)]))
    assert run.warnings == []


def test_too_many_feeds_are_refused_with_the_number_that_fits(task: Task, hosted: Organisation) -> None:
    token = TOKEN + "x" * 3000
    hosted.service.routes[hosted.area_route] = lambda _: json_answer(hosted.area)
    hosted.service.routes[hosted.table_route] = lambda _: json_answer(hosted.table)
    names = [f"feed{number:02d}" for number in range(60)]
    previous = "https://u:old-canary@h.example/"
    env = environment(feeds=",".join(names), organisation=hosted, token=token) | stored(
        PIP_EXTRA_INDEX_URL=previous
    )
    run = task.run(env)
    assert run.failed_cleanly()
    assert run.variables == {"PIP_EXTRA_INDEX_URL": ""}
    one = len(hosted.index("feed00")) + len(f"build:{token}@")
    fitting = 1 + (LINUX - len("PIP_EXTRA_INDEX_URL=") - 1 + 1) // (one + 1)
    assert f"{fitting} of 60" in run.errors[0]
    assert len(run.errors) == 1
    # and that number really fits
    assert task.run(
        environment(feeds=",".join(names[:fitting]), organisation=hosted, token=token)
    ).succeeded()


@pytest.mark.parametrize(
    ("name", "variables"),
    [
        ("PIP_INDEX_URL", {"SECRET_PIP_INDEX_URL": "x"}),
        ("PIP_INDEX_URL", {"VSTS_SECRET_VARIABLES": '["a", "pip.index url"]'}),
        ("PIP_EXTRA_INDEX_URL", {"VSTS_SECRET_VARIABLES": '["Pip_Extra_Index_Url"]'}),
    ],
)
def test_a_secret_variable_of_that_name_is_refused(task: Task, name: str, variables: dict[str, str]) -> None:
    connections = [connection_of(100), Connection.token(2, "https://i.example/", "t")]
    run = task.run({**environment(connections=connections), **variables})
    assert run.failed_cleanly()
    assert run.variables == {}
    assert name in run.errors[0]
    assert "secret" in run.errors[0]


def test_a_secret_variable_that_is_not_set_does_no_harm(task: Task) -> None:
    run = task.run(environment(connections=[connection_of(100)], SECRET_PIP_EXTRA_INDEX_URL="x"))
    assert list(run.variables) == ["PIP_INDEX_URL"]
