"""Relatives of the ways in that were closed: names that hold values, paths with dots, other spellings."""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping

import pytest

from support.http_service import Answer, Service, serving
from support.organisation import Organisation
from support.task import Connection, Run, Task, environment, measured, node, result_of

# An environment is a list of `NAME=value`, in which a name may come twice: Python cannot start that itself.
EXECUTE = """
import ctypes, json, sys
command, pairs = json.loads(sys.stdin.read())
array = lambda texts: (ctypes.c_char_p * (len(texts) + 1))(*[text.encode() for text in texts], None)
ctypes.CDLL(None).execve(command[0].encode(), array(command), array(pairs))
"""


@pytest.fixture
def stranger() -> Iterator[Service]:
    """A host that nothing may be told."""
    with serving(lambda _: Answer(404)) as service:
        yield service


# ---- a variable's name that holds a value ------------------------------------------------------------


def run_after(task: Task, env: Mapping[str, str], *variables: tuple[str, str]) -> Run:
    """Run the task in a job whose earlier steps have set variables under these names.

    The agent writes `name=value`, variables first and then inputs and connections, and checks no name
    (azure-pipelines-agent: Handler.cs, ProcessInvoker.cs; .NET: CreateEnvp). Of several entries of one name
    the first one counts (glibc: getenv).
    """
    listed = [*json.loads(env["VSTS_PUBLIC_VARIABLES"]), *(name for name, _ in variables)]
    later = {**env, "VSTS_PUBLIC_VARIABLES": json.dumps(listed), **measured()}
    pairs = [f"{name}={value}" for name, value in (*variables, *later.items())]
    ended = subprocess.run(
        [sys.executable, "-I", "-c", EXECUTE],
        input=json.dumps([[node(), str(task.folder / "shim.js")], pairs]).encode(),
        capture_output=True,
        cwd=task.folder,
        timeout=60,
        check=False,
    )
    return result_of(ended.stdout, ended.stderr, ended.returncode, 0, env)


def test_a_name_that_holds_a_value_does_not_choose_the_organisation(
    task: Task, hosted: Organisation, stranger: Service
) -> None:
    forged = [
        (f"{name}={stranger.url}/x", "/")
        for name in ("ENDPOINT_URL_SYSTEMVSSCONNECTION", "SYSTEM_TEAMFOUNDATIONCOLLECTIONURI")
    ]
    run = run_after(task, environment(feeds="f", organisation=hosted), *forged)
    assert stranger.requests == []
    assert run.failed_cleanly()
    assert "ENDPOINT_URL_SYSTEMVSSCONNECTION" in run.errors[0]


def test_a_name_that_holds_a_value_does_not_choose_an_index_or_its_login(task: Task) -> None:
    connection = Connection.token(1, "https://h.example/simple", "canary")
    forged = (f"ENDPOINT_URL_{connection.id}=https://evil.example/", "")
    run = run_after(task, environment(connections=[connection]), forged)
    assert run.failed_cleanly()
    assert run.leaks("canary") == []


def test_a_name_that_holds_a_value_does_not_hide_the_list_of_names(task: Task) -> None:
    connection = Connection.token(1, "https://h.example/simple", "canary")
    forged = [(f"ENDPOINT_URL_{connection.id}=https://evil.example/", ""), ('VSTS_PUBLIC_VARIABLES=["x', '"]')]
    run = run_after(task, environment(connections=[connection]), *forged)
    assert run.failed_cleanly()
    assert not any(run.variables.values())


def test_a_value_may_hold_what_a_name_may_not(task: Task) -> None:
    connection = Connection.token(1, "https://h.example/simple", "canary")
    run = run_after(task, environment(connections=[connection]), ("Build.Options", "--a=b"), ("TOOL", "x=y=z"))
    assert run.succeeded(), run.errors
