"""Running one process as the agent does: its lines, its exit code, and how it is cancelled.

Source of the rules: agent source ProcessInvoker.cs.
"""

import contextlib
import errno
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

# What Linux lets one `NAME=value` take, its final zero included (MAX_ARG_STRLEN), in bytes.
_LINUX_LIMIT = 131072
# How long output may still come after the process has ended, in seconds.
_DRAIN = 5.0
_SLOW_DRAIN = 60.0
_TICK = 0.05


@dataclass(frozen=True)
class Grace:
    """How long a cancelled process is given, in seconds.

    Args:
        interrupt: after SIGINT, before SIGTERM.
        terminate: after SIGTERM, before it is killed.
    """

    interrupt: float = 7.5
    terminate: float = 2.5


@dataclass(frozen=True)
class Invocation:
    """What to start.

    Args:
        arguments: the program and its arguments.
        environment: the whole environment of the process.
        folder: its working directory.
        gentle: whether cancelling begins with SIGINT; a script is stopped with SIGTERM.
        pause: how long the agent waits before it reads each 4 KiB of output, in seconds.
    """

    arguments: Sequence[str]
    environment: Mapping[str, str]
    folder: Path
    gentle: bool = True
    pause: float = 0


def check_size(environment: Mapping[str, str]) -> None:
    """Fail as starting a process would when one variable is too long for Linux.

    Raises:
        OSError: the system's own error (E2BIG).
    """
    if sys.platform.startswith("linux"):
        for name, value in environment.items():
            if len(os.fsencode(f"{name}={value}")) + 1 > _LINUX_LIMIT:
                raise OSError(errno.E2BIG, os.strerror(errno.E2BIG))


def lines_of(chunks: Iterator[bytes]) -> Iterator[str]:
    r"""The lines in a stream of bytes; `\n`, `\r\n` and a lone `\r` end one.

    Bytes that are no UTF-8 become replacement characters.
    """
    pending = b""
    after_return = False
    for chunk in chunks:
        data = chunk[1:] if after_return and chunk.startswith(b"\n") else chunk
        after_return = chunk.endswith(b"\r")
        *whole, pending = (pending + data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")).split(b"\n")
        for line in whole:
            yield line.decode("utf-8", "replace")
    if pending:
        yield pending.decode("utf-8", "replace")


class RunningProcess:
    """A started process whose lines are read as they come.

    Args:
        invocation: what to start.
        on_line: gets the stream's name (`stdout` or `stderr`) and one line, in the caller's
            thread, one after the other.

    Raises:
        OSError: it cannot be started.
    """

    def __init__(self, invocation: Invocation, on_line: Callable[[str, str], None]) -> None:
        self._on_line = on_line
        self._gentle = invocation.gentle
        self._pause = invocation.pause
        self._lines: queue.SimpleQueue[tuple[str, str]] = queue.SimpleQueue()
        # A group of its own: what the terminal sends goes to the agent alone.
        self._process = subprocess.Popen(  # noqa: S603 - the pipeline says what runs
            list(invocation.arguments),
            env=dict(invocation.environment),
            cwd=invocation.folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._readers = [
            threading.Thread(target=self._read, args=(name, stream), daemon=True)
            for name, stream in (("stdout", self._process.stdout), ("stderr", self._process.stderr))
        ]
        for reader in self._readers:
            reader.start()

    def _read(self, name: str, stream: BinaryIO) -> None:
        descriptor = stream.fileno()

        def read() -> bytes:
            time.sleep(self._pause)
            return os.read(descriptor, 4096 if self._pause else 65536)

        with stream, contextlib.suppress(OSError):
            for line in lines_of(iter(read, b"")):
                self._lines.put((name, line))

    def wait(self, stop: Callable[[], bool]) -> int | None:
        """Hand out lines until the process has ended and its output is read.

        Args:
            stop: asked all the time; a true answer ends the waiting.

        Returns:
            The exit code, negative for a signal on POSIX, or None when `stop` ended the waiting.
        """
        while self._process.poll() is None:
            if stop():
                self.deliver(0)
                return None
            self.deliver(_TICK)
        end = time.monotonic() + (_DRAIN if not self._pause else _SLOW_DRAIN)
        while any(reader.is_alive() for reader in self._readers) and time.monotonic() < end and not stop():
            self.deliver(_TICK)
        self.deliver(0)
        return self._process.returncode

    def deliver(self, seconds: float) -> None:
        """Hand out the lines that are there, waiting for the first one at most so long."""
        try:
            line = self._lines.get(timeout=seconds) if seconds else self._lines.get_nowait()
            while True:
                self._on_line(*line)
                line = self._lines.get_nowait()
        except queue.Empty:
            return

    def cancel(self, grace: Grace) -> None:
        """End the process: SIGINT, then SIGTERM, then kill, with the grace between them."""
        steps: list[tuple[int, float]] = [(int(signal.SIGTERM), grace.terminate)]
        if self._gentle:
            steps.insert(0, (int(signal.SIGINT), grace.interrupt))
        for number, seconds in steps:
            self._signal(number)
            if self._ended_within(seconds):
                break
        else:
            self._process.kill()
            self._ended_within(_DRAIN)
        self.deliver(_TICK)

    def _signal(self, number: int) -> None:
        if sys.platform == "win32":  # pragma: no cover - no machine to test it on
            self._process.terminate()
        elif self._process.poll() is None:
            self._process.send_signal(number)

    def _ended_within(self, seconds: float) -> bool:
        end = time.monotonic() + seconds
        while self._process.poll() is None:
            if time.monotonic() >= end:
                return False
            self.deliver(_TICK)
        return True

    @property
    def has_orphans(self) -> bool:
        """Whether the process, or one that it started and left behind, still runs."""
        if sys.platform == "win32":  # pragma: no cover - no machine to test it on
            return self._process.poll() is None
        try:
            os.killpg(self._process.pid, 0)
        except (ProcessLookupError, PermissionError):
            return False
        return True

    def end_group(self) -> None:
        """Kill what the process left behind; the agent does so with orphans when the job ends."""
        if sys.platform == "win32":  # pragma: no cover - no machine to test it on
            self._process.kill()
        else:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        for reader in self._readers:
            reader.join(_DRAIN)
