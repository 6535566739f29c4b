"""An agent that reads slowly, cancels at the worst moment, or is not there: no variable is ever cut."""

import contextlib
import fcntl
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from typing import NamedTuple

import pytest

from support.http_service import Answer
from support.organisation import Organisation
from support.task import Connection, Run, Task, environment, measured, result_of, stored

OLD = "https://build:old-canary@h.example/simple"
PIPE_BYTES = 4096
"""The smallest pipe that Linux gives: the rest of what is written has to wait for the reader."""


class Reader(NamedTuple):
    """How an agent reads.

    Args:
        chunk: bytes at a time.
        pause: seconds between two reads.
        nonblocking: whether the pipe is set so that a full one refuses.
    """

    chunk: int = 512
    pause: float = 0.0
    nonblocking: bool = False


def read_slowly(
    task: Task, env: Mapping[str, str], reader: Reader, *, cancel_at: int = -1, signals: int = 1
) -> Run:
    """Run the task, read its lines slowly, and interrupt it once so many bytes have come."""
    out, into = os.pipe()
    fcntl.fcntl(out, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
    if reader.nonblocking:
        os.set_blocking(into, False)
    command = [sys.executable, "-I", "-S", "-X", "utf8", "-u", str(task.folder / "main.py")]
    began, read = time.monotonic(), bytearray()
    with subprocess.Popen(
        command, env={**env, **measured()}, stdin=subprocess.DEVNULL, stdout=into, stderr=subprocess.PIPE
    ) as process:
        os.close(into)
        while chunk := os.read(out, reader.chunk):
            read += chunk
            time.sleep(reader.pause)
            if 0 <= cancel_at <= len(read):
                for number in range(signals):
                    process.send_signal(signal.SIGTERM if number else signal.SIGINT)
                cancel_at = -1
        os.close(out)
        _, err = process.communicate(timeout=60)
    return result_of(bytes(read), err, process.returncode, time.monotonic() - began, env)


def many(count: int = 60) -> dict[str, str]:
    """Connections whose variables do not fit into a pipe."""
    connections = [
        Connection.token(number, f"https://h{number}.example/simple", f"canary-{number:03}-" + "t" * 1000)
        for number in range(count)
    ]
    return environment(connections=connections)


def whole(run: Run, env: Mapping[str, str]) -> bool:
    """Whether each variable is what it must be, or empty, and success means all of them.

    A signal that ends Python after its last word leaves the end to the shim.
    """
    if run.code < 0:
        return run.lines[-1].startswith("##vso[telemetry.publish")
    count = env["INPUT_PYTHONDOWNLOADSERVICECONNECTIONS"].count(",") + 1
    urls = [
        f"https://build:canary-{number:03}-{'t' * 1000}@h{number}.example/simple" for number in range(count)
    ]
    right = {"PIP_INDEX_URL": urls[0], "PIP_EXTRA_INDEX_URL": " ".join(urls[1:])}
    if run.result == "Succeeded" and run.code == 0:
        return run.variables == right
    return not any(run.variables.values())


@pytest.mark.parametrize("nonblocking", [False, True])
@pytest.mark.parametrize("signals", [0, 1, 3])
def test_a_slow_reader_gets_every_command_whole(task: Task, signals: int, nonblocking: bool) -> None:  # noqa: FBT001
    env = many()
    # The variables begin behind the secrets, each of which is registered in two spellings.
    first = read_slowly(task, env, Reader(65_536))
    start = "\n".join(first.lines).index("##vso[task.setvariable")
    for place in range(start, start + 60_000, 12_000) if signals else [-1]:
        run = read_slowly(task, env, Reader(512, nonblocking=nonblocking), cancel_at=place, signals=signals)
        assert whole(run, env), run.lines[-5:]
        assert run.err == ""
        assert run.code == 0


@pytest.mark.slow
def test_a_cancellation_at_any_moment_cuts_nothing(task: Task) -> None:
    env = many(20)
    total = len("\n".join(read_slowly(task, env, Reader(65_536)).lines))
    chance = random.Random(6)  # noqa: S311 - moments, not secrets
    for _ in range(100):
        reader = Reader(chance.choice([100, 512, 4096]), chance.choice([0, 0.0005]), chance.random() < 0.5)
        run = read_slowly(
            task, env, reader, cancel_at=chance.randrange(total), signals=chance.choice([1, 2, 3])
        )
        assert whole(run, env), run.lines[-5:]
        assert run.err == ""


def test_a_cancellation_while_errors_are_printed_shows_no_traceback(task: Task) -> None:
    evil = "##vso[task.setvariable variable=EVIL]x"
    env = environment(feeds=",".join(f"{evil}{number}/a/b" for number in range(300)), token="canary")
    start = "\n".join(read_slowly(task, env, Reader(65_536)).lines).index("##vso[task.logissue")
    for place in (start, start + 5000, start + 20_000):
        run = read_slowly(task, env, Reader(256), cancel_at=place, signals=5)
        assert run.err == ""
        assert "EVIL" not in run.variables
        assert run.result == "Failed"
        assert run.leaks("canary") == []


# ---- nobody reads ------------------------------------------------------------------------------------


def test_a_closed_output_is_no_success(task: Task) -> None:
    command = [sys.executable, "-I", "-S", "-X", "utf8", "-u", str(task.folder / "main.py")]
    closing = "import os, sys; os.close(1); os.execv(sys.argv[1], sys.argv[1:])"
    ended = subprocess.run(
        [sys.executable, "-I", "-c", closing, *command], env={**many(1), **measured()}, check=False,
        capture_output=True, timeout=60,
    )  # fmt: skip
    assert ended.returncode == 3
    assert ended.stderr == b""


def test_a_full_output_is_no_success(task: Task) -> None:
    command = [sys.executable, "-I", "-S", "-X", "utf8", "-u", str(task.folder / "main.py")]
    with open("/dev/full", "wb") as full:  # noqa: PTH123 - a device
        ended = subprocess.run(
            command,
            env={**many(1), **measured()},
            stdout=full,
            stderr=subprocess.PIPE,
            check=False,
            timeout=60,
        )
    assert ended.returncode == 3
    assert ended.stderr == b""


def test_a_reader_that_leaves_is_no_success(task: Task) -> None:
    out, into = os.pipe()
    command = [sys.executable, "-I", "-S", "-X", "utf8", "-u", str(task.folder / "main.py")]
    with subprocess.Popen(
        command, env={**many(), **measured()}, stdout=into, stderr=subprocess.PIPE
    ) as process:
        os.close(into)
        os.read(out, 100)
        os.close(out)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 3
    assert err == b""


# ---- while it starts -----------------------------------------------------------------------------------


def test_a_cancellation_during_start_up_shows_no_traceback(task: Task, hosted: Organisation) -> None:
    hosted.service.routes[hosted.area_route] = lambda _: Answer(delay=20)
    env = environment(feeds="f", organisation=hosted) | stored(PIP_EXTRA_INDEX_URL=OLD)
    command = [sys.executable, "-I", "-S", "-X", "utf8", "-u", str(task.folder / "main.py")]
    for milliseconds in range(0, 100, 7):
        with subprocess.Popen(
            command, env={**env, **measured()}, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as process:
            time.sleep(milliseconds / 1000)
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGTERM)
            out, err = process.communicate(timeout=30)
        run = result_of(out, err, process.returncode, 0, env)
        assert run.err == ""
        # Before Python has begun to listen the signal ends it, which is for the shim to tell.
        assert run.code == -signal.SIGTERM or run.result == "Canceled"
        assert not any(run.variables.values())
