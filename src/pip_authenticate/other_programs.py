"""Asks another program on PATH for a token: it waits for nobody, and not for ever."""

import os
import signal
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from pip_authenticate.azure.refusals import shortened, without_tokens
from pip_authenticate.deadline import Deadline
from pip_authenticate.errors import NotHere, ServiceError

if TYPE_CHECKING:
    import subprocess

_PIECE_SECONDS = 0.1
_SHOWN = 200
_READ_BYTES = 1024 * 1024
_SECONDS_AFTER_ITS_END = 1.0


class Ended(NamedTuple):
    """How a program ended.

    Args:
        code: its exit code.
        output: what it wrote to standard output; holds a token where all went well.
        errors: what it wrote to standard error, which is no failure.
    """

    code: int
    output: str
    errors: str

    @property
    def answer(self) -> dict[str, object]:
        """The object of JSON that it wrote to standard output; empty where that is none."""
        import json  # noqa: PLC0415 - whoever only looks for a program needs none

        try:
            value = json.loads(self.output)
        except (ValueError, RecursionError):
            return {}
        return value if isinstance(value, dict) else {}

    @property
    def said(self) -> str:
        """Its last error as a line for people, without anything that looks like a token."""
        lines = [line.strip() for line in self.errors.splitlines() if line.strip()]
        told = next((line for line in lines if line.startswith(("ERROR", "error"))), (lines or [""])[-1])
        return f"it says: {shortened(without_tokens(told), _SHOWN)}" if told else "it says nothing"


def found(name: str, variables: Mapping[str, str]) -> str:
    """The path of a program; empty where there is none.

    Folders of PATH that are relative are left out: what lies in a project's folder is no program of the
    machine.
    """
    folders = [one for one in variables.get("PATH", "").split(os.pathsep) if os.path.isabs(one)]
    names = (f"{name}.cmd", f"{name}.exe") if sys.platform == "win32" else (name,)
    paths = (os.path.join(folder, one) for folder in folders for one in names)
    return next((path for path in paths if os.path.isfile(path) and os.access(path, os.X_OK)), "")


def lack(name: str, variables: Mapping[str, str]) -> str:
    """That there is no such program; empty where there is one."""
    return "" if found(name, variables) else f"there is no program {name} on PATH"


def run(
    name: str, arguments: list[str], variables: Mapping[str, str], seconds: float, deadline: Deadline
) -> Ended:
    """Start a program and wait for its end.

    It is started in a folder of the system's, with nothing to read, and stopped with all that it started
    when its time is up.

    Raises:
        NotHere: there is no such program.
        ServiceError: it cannot be started, or has not ended in time.
        Cancelled: the run shall stop.
    """
    import subprocess  # noqa: PLC0415 - as above

    path = found(name, variables)
    if not path:
        raise NotHere("no-program", lack(name, variables))
    folder = variables.get("SystemRoot", "C:\\") if sys.platform == "win32" else "/"
    try:
        process = subprocess.Popen(  # noqa: S603 - the user's own program, with fixed arguments
            [path, *arguments],
            env=dict(variables),
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
    except OSError as error:
        raise ServiceError(
            "program-unusable",
            f"{path} cannot be started: {error.strerror}",
            hint=f"Install {name} anew, or leave it out: --credential names others.",
        ) from None
    left = min(seconds, deadline.remaining)
    try:
        output, errors = _read(process, left, deadline)
    except subprocess.TimeoutExpired:
        raise ServiceError(
            "program-slow",
            f"{name} did not answer within {left:.0f} s",
            hint=f"See how long it takes by itself: {name} {' '.join(arguments[:2])}",
        ) from None
    finally:
        _stop(process)
    return Ended(process.returncode, output, errors)


def _read(process: "subprocess.Popen[bytes]", seconds: float, deadline: Deadline) -> tuple[str, str]:
    """What a program writes until its end; in pieces, so that a signal is seen.

    Raises:
        TimeoutExpired: it does not end.
        Cancelled: the run shall stop.
    """
    import subprocess  # noqa: PLC0415 - as above

    end = time.monotonic() + seconds
    last = end
    while True:
        try:
            output, errors = process.communicate(timeout=_PIECE_SECONDS)
        except subprocess.TimeoutExpired as error:
            deadline.sleep(_PIECE_SECONDS / 100)
            now = time.monotonic()
            if process.poll() is not None:
                last = min(last, now + _SECONDS_AFTER_ITS_END)
            is_endless = max(len(error.output or b""), len(error.stderr or b"")) > _READ_BYTES
            if is_endless or (now > last and process.poll() is not None):
                _kill(process)  # or what it started and left behind, which holds its output open
                return (_text(error.output), _text(error.stderr))
            if now > end:
                raise
        else:
            return (_text(output), _text(errors))


def _text(output: bytes | None) -> str:
    return (output or b"")[:_READ_BYTES].decode("utf-8", "replace")


def _stop(process: "subprocess.Popen[bytes]") -> None:
    """End a program that is still there, with all that it started."""
    if process.poll() is None:
        _kill(process)
        process.wait()
    for stream in (process.stdout, process.stderr):
        if stream:
            stream.close()


def _kill(process: "subprocess.Popen[bytes]") -> None:
    if sys.platform == "win32":
        process.kill()
        return
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
