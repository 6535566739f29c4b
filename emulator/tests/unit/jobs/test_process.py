import errno
import shutil
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from azure_devops_emulator.jobs.process import Grace, Invocation, RunningProcess, check_size, lines_of

SHELL = shutil.which("sh") or "sh"
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX shells and signals")


class Recorder:
    """Runs a shell script and keeps its lines."""

    def __init__(self, script: str, *, gentle: bool = True) -> None:
        self.lines: list[tuple[str, str]] = []
        environment = {"PATH": "/usr/bin:/bin"}
        invocation = Invocation([SHELL, "-c", script], environment, Path.cwd(), gentle)
        self.process = RunningProcess(invocation, lambda stream, line: self.lines.append((stream, line)))


def wait_for_the_end(run: Recorder) -> None:
    """A killed orphan is there until the system has collected it."""
    end = time.monotonic() + 5
    while run.process.has_orphans and time.monotonic() < end:
        time.sleep(0.01)
    assert not run.process.has_orphans


@pytest.mark.parametrize(
    ("chunks", "lines"),
    [
        ([b"a\nb"], ["a", "b"]),
        ([b"a\r\nb\rc\n"], ["a", "b", "c"]),
        ([b"a\r", b"\nb"], ["a", "b"]),
        ([b"a\r", b"b"], ["a", "b"]),
        ([b"\r", b"\r\n"], ["", ""]),
        ([b"\xc3", b"\xa4\xff"], ["ä\ufffd"]),
        ([], []),
        ([b"\n\n"], ["", ""]),
    ],
)
def test_what_ends_a_line(chunks: list[bytes], lines: list[str]) -> None:
    assert list(lines_of(iter(chunks))) == lines


@given(st.text(st.characters(exclude_categories=["Cs"])), st.integers(1, 5))
def test_lines_do_not_depend_on_chunks(text: str, size: int) -> None:
    data = text.encode()
    chunks = [data[start : start + size] for start in range(0, len(data), size)]
    assert list(lines_of(iter(chunks))) == list(lines_of(iter([data] if data else [])))


def test_both_streams_and_the_exit_code() -> None:
    run = Recorder("echo out; echo err >&2; cat; exit 3")
    assert run.process.wait(lambda: False) == 3
    assert sorted(run.lines) == [("stderr", "err"), ("stdout", "out")]
    assert not run.process.has_orphans


def test_a_lot_of_output_arrives_whole() -> None:
    run = Recorder("i=0; while [ $i -lt 3000 ]; do echo $i; i=$((i+1)); done")
    assert run.process.wait(lambda: False) == 0
    assert [line for _, line in run.lines] == [str(number) for number in range(3000)]


@pytest.mark.parametrize(
    ("trap", "expected"),
    [
        ("trap 'echo int; exit 7' INT", ["int"]),
        ("trap 'echo int' INT; trap 'echo term; exit 7' TERM", ["int", "term"]),
        ("trap 'echo int' INT; trap 'echo term' TERM", ["int", "term"]),
    ],
)
def test_cancelling_is_an_interrupt_a_termination_and_then_the_end(trap: str, expected: list[str]) -> None:
    run = Recorder(f"{trap}; echo ready; while true; do sleep 0.05; done")
    assert run.process.wait(lambda: bool(run.lines)) is None
    begun = time.monotonic()
    run.process.cancel(Grace(0.4, 0.4))
    assert time.monotonic() - begun < 5
    assert [line for _, line in run.lines] == ["ready", *expected]
    run.process.end_group()
    wait_for_the_end(run)


def test_a_script_is_not_interrupted_but_terminated() -> None:
    run = Recorder(
        "trap 'echo int' INT; trap 'echo term; exit' TERM; echo r; while true; do sleep 0.05; done",
        gentle=False,
    )
    run.process.wait(lambda: bool(run.lines))
    run.process.cancel(Grace(5, 5))
    assert [line for _, line in run.lines] == ["r", "term"]


def test_orphans_are_seen_and_ended() -> None:
    run = Recorder("sleep 60 >/dev/null 2>&1 & echo started")
    assert run.process.wait(lambda: False) == 0
    assert run.process.has_orphans
    run.process.end_group()
    wait_for_the_end(run)


def test_what_cannot_be_started_says_so() -> None:
    with pytest.raises(FileNotFoundError):
        RunningProcess(Invocation(["/no/such/program"], {}, Path.cwd()), lambda *_: None)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the limit of Linux")
def test_the_limit_of_one_variable_is_the_systems_own() -> None:
    fitting = {"A": "x" * (131072 - 3)}
    check_size(fitting)
    assert (
        RunningProcess(Invocation(["/bin/true"], fitting, Path.cwd()), lambda *_: None).wait(lambda: False)
        == 0
    )
    too_long = {"A": "x" * (131072 - 2)}
    with pytest.raises(OSError, match="Argument list too long") as caught:
        check_size(too_long)
    assert caught.value.errno == errno.E2BIG
    with pytest.raises(OSError, match="Argument list too long"):
        RunningProcess(Invocation(["/bin/true"], too_long, Path.cwd()), lambda *_: None)
