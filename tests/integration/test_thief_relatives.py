"""Relatives of the ways in that were closed: names that hold values, paths with dots, other spellings."""

import json
import os
import resource
import subprocess
import sys
from collections.abc import Mapping

import pytest

from support.http_service import Answer, Service, serving
from support.organisation import Organisation
from support.task import Connection, Run, Task, environment, guid, measured, node, result_of

# An environment is a list of `NAME=value`, in which a name may come twice: Python cannot start that itself.
EXECUTE = """
import ctypes, json, sys
command, pairs = json.loads(sys.stdin.read())
array = lambda texts: (ctypes.c_char_p * (len(texts) + 1))(*[text.encode() for text in texts], None)
ctypes.CDLL(None).execve(command[0].encode(), array(command), array(pairs))
"""


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
    forged = [
        (f"ENDPOINT_URL_{connection.id}=https://evil.example/", ""),
        ('VSTS_PUBLIC_VARIABLES=["x', '"]'),
    ]
    run = run_after(task, environment(connections=[connection]), *forged)
    assert run.failed_cleanly()
    assert not any(run.variables.values())


def test_a_value_may_hold_what_a_name_may_not(task: Task) -> None:
    connection = Connection.token(1, "https://h.example/simple", "canary")
    run = run_after(
        task, environment(connections=[connection]), ("Build.Options", "--a=b"), ("TOOL", "x=y=z")
    )
    assert run.succeeded(), run.errors


# ---- paths that lead elsewhere with dots --------------------------------------------------------------

DOTS = ["..", "%2e%2e", ".%2E", "x%2f..%2f..", "x%5c..%5c.."]


@pytest.mark.parametrize("dots", DOTS)
def test_dots_do_not_lead_a_token_into_another_organisation(task: Task, stranger: Service, dots: str) -> None:
    home = "https://dev.azure.com/contoso/"
    env = environment(SYSTEM_TEAMFOUNDATIONCOLLECTIONURI=home, AGENT_PROXYURL=stranger.url) | {
        "SYSTEM_OIDCREQUESTURI": f"{home}{dots}/fabrikam/oidc",
        "INPUT_FEEDURL": "https://pkgs.dev.azure.com/contoso/_packaging/f/pypi/simple/",
        "INPUT_WORKLOADIDENTITYSERVICECONNECTION": guid(3),
        f"ENDPOINT_AUTH_{guid(3)}": f'{{"scheme": "X", "parameters": {{"ServicePrincipalId": "{guid(4)}"}}}}',
    }
    run = task.run(env)
    assert run.failed_cleanly()
    assert "System.OidcRequestUri leads elsewhere with dots" in run.errors[0]
    assert stranger.requests == []  # whatever leaves the machine would be seen here


@pytest.mark.parametrize("dots", DOTS)
def test_dots_in_a_services_address_do_not_either(task: Task, hosted: Organisation, dots: str) -> None:
    hosted.area = {"locationUrl": f"https://pkgs.dev.azure.com/contoso/{dots}/fabrikam/"}
    env = environment(feeds="f", organisation=hosted, AGENT_PROXYURL="http://127.0.0.1:9")
    run = task.run(env)
    assert run.failed_cleanly()
    assert "leads elsewhere with dots" in run.errors[0]
    assert len(hosted.questions) == 1


# ---- other names of pip's variables ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["PIP_EXTRA-INDEX-URL", "PIP_index_url", "PIP_PYPI_URL", "PIP_Index-Url", "PIP_EXTRA-INDEX_URL"]
)
def test_an_index_under_another_name_is_warned_of(task: Task, name: str) -> None:
    """The bait first: the real pip asks it."""
    bait = {"PATH": os.environ["PATH"], name: "http://127.0.0.1:9/simple", "PIP_RETRIES": "0"}
    pip = [sys.executable, "-m", "pip", "download", "--no-cache-dir", "no-such-package"]
    asked = subprocess.run(pip, env=bait, capture_output=True, text=True, timeout=60, check=False)
    assert "http://127.0.0.1:9/simple" in asked.stdout

    connection = Connection.token(1, "https://h.example/simple", "canary")
    run = task.run(environment(connections=[connection]) | {name: "https://u:evil-canary@evil.example/"})
    assert run.result == "Succeeded"
    assert [text for text in run.warnings if f"pip takes {name} for an index" in text]
    assert name not in run.variables
    assert run.leaks("evil-canary") == []


@pytest.mark.parametrize("name", ["PIP_INDEX", "pip_index_url", "PIP_INDEX__URL", "PIP_NO_INDEX"])
def test_other_variables_of_pip_are_not(task: Task, name: str) -> None:
    connection = Connection.token(1, "https://h.example/simple", "canary")
    assert task.run(environment(connections=[connection]) | {name: "x"}).warnings == []


# ---- texts of any size, and texts that Python itself speaks about ------------------------------------------


@pytest.mark.parametrize("text", [", ,", 'a="', "a, "])
def test_challenges_of_megabytes_take_no_time(task: Task, text: str) -> None:
    challenges = [("WWW-Authenticate", text * 20_000)] * 90
    with serving(lambda _: Answer(401, headers=challenges)) as service:
        connections = [Connection.token(n, f"{service.url}/i{n}/", f"canary-{n}") for n in range(12)]
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        run = task.run(environment(connections=connections, INPUT_VERIFY="warn"))
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert run.result == "Succeeded", run.errors
    assert len(run.warnings) >= 12
    assert after.ru_utime - before.ru_utime < 6  # seconds; it was 30


@pytest.mark.parametrize("expression", ["[[a]", "[a--b]", "[a||b]", "[a&&b]", "(?<=[[])x"])
def test_an_expression_that_python_warns_of_reaches_no_stream(task: Task, expression: str) -> None:
    connection = Connection.token(1, "http://proxied.invalid/simple/", "canary")
    run = task.run(
        environment(
            connections=[connection],
            INPUT_VERIFY="warn",
            AGENT_PROXYURL="http://127.0.0.1:9",
            AGENT_PROXYBYPASSLIST=json.dumps([expression]),
        )
    )
    assert run.result == "Succeeded", run.errors
    assert run.err == ""
