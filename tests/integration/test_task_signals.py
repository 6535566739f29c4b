"""A job that is cancelled."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from types import MappingProxyType

import pytest

from support.http_service import Answer
from support.organisation import Organisation
from support.task import Run, Task, environment, measured, result_of, stored

PROBE = "pip-authenticate-no-such-package"
OLD = "https://build:old-canary@h.example/simple"


def canceled(
    task: Task,
    hosted: Organisation,
    *signals: signal.Signals,
    command: list[str] | None = None,
    inputs: Mapping[str, str] = MappingProxyType({}),
    awaited: int = 1,
) -> Run:
    """A run that is sent signals while it waits for an answer to its request number `awaited`."""
    if not inputs:
        hosted.service.routes[hosted.area_route] = lambda _: Answer(delay=20)
    env = {**environment(feeds="f", organisation=hosted) | stored(PIP_EXTRA_INDEX_URL=OLD), **inputs}
    started = command or [sys.executable, "-I", "-S", "-X", "utf8", "-u", str(task.folder / "main.py")]
    began = time.monotonic()
    with subprocess.Popen(
        started, env={**env, **measured()}, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        while len(hosted.questions) < awaited:
            time.sleep(0.01)
        for one in signals:
            os.kill(process.pid, one)
        out, err = process.communicate(timeout=15)
    seconds = time.monotonic() - began
    assert seconds < 10, "the agent kills what does not end soon"
    run = result_of(out, err, process.returncode, seconds, env)
    assert run.err == ""
    # A second signal may still meet a Python that is already gone but for its process.
    assert run.code in ({0} if len(signals) == 1 else {0, *(-one for one in signals)})
    assert run.leaks("old-canary") == []
    return run


def test_a_cancelled_run_does_not_wait_for_what_it_asks_in_parallel(task: Task, hosted: Organisation) -> None:
    for feed in ("a", "b"):
        hosted.service.routes[f"GET /pkgs/contoso/_packaging/{feed}/pypi/simple/{PROBE}/"] = lambda _: Answer(
            delay=20
        )
    inputs = {"INPUT_ARTIFACTFEEDS": "a,b", "INPUT_VERIFY": "warn"}
    run = canceled(task, hosted, signal.SIGINT, inputs=inputs, awaited=4)
    assert run.result == "Canceled"


@pytest.mark.parametrize(
    "signals",
    [
        [signal.SIGINT],
        [signal.SIGTERM],
        *[[signal.SIGINT, signal.SIGINT, signal.SIGTERM, signal.SIGTERM]] * 5,
    ],
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
    main = [sys.executable, "-I", "-S", "-X", "utf8", "-u", str(task.folder / "main.py")]
    run = canceled(task, hosted, signal.SIGINT, command=[sys.executable, "-I", "-c", ignoring, *main])
    assert run.result == "Canceled"
