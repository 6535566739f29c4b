"""A job that is cancelled."""

import os
import signal
import subprocess
import sys
import time

import pytest

from support.agent import Log
from support.http_service import Answer
from support.organisation import Organisation
from support.task import Task, environment, measured, result_of

OLD = "https://build:old-canary@h.example/simple"


def canceled(
    task: Task, hosted: Organisation, *signals: signal.Signals, command: list[str] | None = None
) -> Log:
    """A run that is sent signals while it waits for an answer."""
    hosted.service.routes[hosted.area_route] = lambda _: Answer(delay=20)
    env = environment(feeds="f", organisation=hosted, PIP_EXTRA_INDEX_URL=OLD)
    started = command or [sys.executable, "-I", "-X", "utf8", "-u", str(task.folder / "main.py")]
    began = time.monotonic()
    with subprocess.Popen(
        started, env={**env, **measured()}, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        while not hosted.questions:
            time.sleep(0.01)
        for one in signals:
            os.kill(process.pid, one)
        out, err = process.communicate(timeout=15)
    seconds = time.monotonic() - began
    assert seconds < 5, "the agent kills what does not end soon"
    run = result_of(out, err, process.returncode, seconds, env)
    assert run.err == ""
    assert run.code == 0
    assert run.leaks("old-canary") == []
    return run


@pytest.mark.parametrize(
    "signals",
    [[signal.SIGINT], [signal.SIGTERM], [signal.SIGINT, signal.SIGINT, signal.SIGTERM, signal.SIGTERM]],
)
def test_a_cancelled_run_says_so_and_sets_nothing(
    task: Task, hosted: Organisation, signals: list[signal.Signals]
) -> None:
    run = canceled(task, hosted, *signals)
    assert run.result == "Canceled"
    assert run.variables == {"PIP_EXTRA_INDEX_URL": ""}
    assert run.errors == []


def test_the_interrupt_counts_even_where_a_parent_ignores_it(task: Task, hosted: Organisation) -> None:
    ignoring = (
        "import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_IGN); "
        "os.execv(sys.argv[1], sys.argv[1:])"
    )
    main = [sys.executable, "-I", "-X", "utf8", "-u", str(task.folder / "main.py")]
    run = canceled(task, hosted, signal.SIGINT, command=[sys.executable, "-I", "-c", ignoring, *main])
    assert run.result == "Canceled"
