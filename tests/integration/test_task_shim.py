"""The whole way: a real Node, the shim, Python, a service."""

import hashlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from support import nasty
from support.http_service import Answer
from support.organisation import TOKEN, Organisation
from support.task import Connection, Task, environment, guid, node, result_of


def test_feeds_and_connections_by_way_of_node(task: Task, hosted: Organisation) -> None:
    connection = Connection.login(1, "https://h.example/simple", nasty.USER, nasty.PASSWORD)
    env = environment(feeds="p/a", connections=[connection], organisation=hosted)
    run, direct = task.run_shim(env), task.run(env)
    assert run.code == 0
    assert run.err == ""
    assert run.result == "Succeeded"
    assert run.variables == direct.variables
    assert set(run.variables) == {"PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL"}
    assert run.leaks(TOKEN) == []
    assert run.leaks(nasty.PASSWORD, user=nasty.USER) == []


def test_failure_by_way_of_node_still_ends_with_zero(task: Task) -> None:
    stored = "https://u:old-canary@h.example/"
    memory = f"PIP_INDEX_URL={hashlib.sha256(stored.encode()).hexdigest()}"
    run = task.run_shim(
        environment(feeds="a/b/c", PIP_INDEX_URL=stored, SECRET_PIP_AUTHENTICATE_STORED=memory)
    )
    assert run.failed_cleanly()
    assert run.variables == {"PIP_INDEX_URL": ""}
    assert run.leaks("old-canary", user="u") == []


def test_a_cancelled_job_by_way_of_node(task: Task, hosted: Organisation) -> None:
    hosted.service.routes[hosted.area_route] = lambda _: Answer(delay=20)
    env = environment(feeds="f", organisation=hosted)
    command = [node(), str(task.folder / "shim.js")]
    with subprocess.Popen(
        command, env=env, cwd=task.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        began = time.monotonic()
        while not hosted.questions:
            time.sleep(0.01)
        os.kill(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=15)
    run = result_of(out, err, process.returncode, time.monotonic() - began, env)
    assert (run.code, run.result, run.variables) == (0, "Canceled", {})
    assert run.seconds < 10


def pythons() -> list[str]:
    """This Python, the one it was made of, and further fitting ones beside that one, if any."""
    base = Path(sys.base_prefix)
    found = [base / "bin" / "python3", *base.parent.glob("3.1[0-9]*/bin/python3")]
    return [sys.executable, *dict.fromkeys(str(file) for file in found if file.is_file())]


@pytest.mark.parametrize("python", pythons())
def test_any_python_will_do_with_nothing_installed(task: Task, hosted: Organisation, python: str) -> None:
    connection = Connection.token(1, "https://h.example/", "t")
    run = task.run(environment(feeds="f", connections=[connection], organisation=hosted), python)
    assert run.succeeded(), run.err
    assert run.variables["PIP_EXTRA_INDEX_URL"] == "https://build:t@h.example/"


def test_the_sources_beside_the_job_are_not_imported(task: Task, tmp_path: Path) -> None:
    """A repository may hold anything; none of it may see the token."""
    for name in ("json.py", "truststore.py", "pip_authenticate.py", "sitecustomize.py"):
        (tmp_path / name).write_text("raise SystemExit('imported')\n", encoding="utf-8")
    env = environment(connections=[Connection.token(1, "https://h.example/", "t")], PYTHONPATH=str(tmp_path))
    command = [node(), str(task.folder / "shim.js")]
    ended = subprocess.run(command, env=env, cwd=tmp_path, capture_output=True, timeout=30, check=False)
    run = result_of(ended.stdout, ended.stderr, ended.returncode, 0, env)
    assert run.succeeded()
    assert guid(1) in "".join(run.plain)
