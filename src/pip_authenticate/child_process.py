"""Runs one program as if nothing stood between it and whoever started this process.

The program stays in this process's group, with its terminal and its standard streams. What happens to it
(a stop, an end by a signal) happens to this process too, so that a shell's job control sees what it would see
without it. What happens to this process is handed on, but for what a terminal sends: that reaches the whole
group by itself.

Windows has neither groups nor stops; there the program is started and waited for (not run by any test).
"""

import errno
import os
import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from functools import partial
from types import FrameType
from typing import TypeAlias

NOT_FOUND, NOT_RUNNABLE = 127, 126
"""Exit codes of shells (POSIX.1-2024, Shell Command Language, 2.8.2)."""


class CannotStart(Exception):  # noqa: N818 - whoever catches it makes an error of it
    """A program cannot be started.

    Args:
        code: NOT_FOUND or NOT_RUNNABLE.
        why: the end of a sentence about the program.
    """

    def __init__(self, code: int, why: str) -> None:
        super().__init__(why)
        self.code = code
        self.why = why


def located(program: str, environ: Mapping[str, str]) -> str:
    """Where a program is, as a shell looks for it.

    Args:
        program: a name, or a path.
        environ: holds the PATH.

    Raises:
        CannotStart: it is not there, or it is no program.
    """
    if sys.platform == "win32":
        from shutil import which  # noqa: PLC0415 - knows the suffixes of programs

        path = which(program, path=environ.get("PATH"))
        if path is None:
            raise CannotStart(NOT_FOUND, "was not found: check its name, and PATH")
        return path
    folders = [""] if "/" in program else environ.get("PATH", os.defpath).split(":")
    is_there = False
    for folder in folders if program else ():
        path = os.path.join(folder, program) if "/" in program else os.path.join(folder or ".", program)
        if os.path.isfile(path) and os.access(path, os.X_OK):
            return path
        is_there = is_there or (os.path.exists(path) and ("/" in program or os.path.isfile(path)))
    if is_there:
        raise CannotStart(NOT_RUNNABLE, "is no program that you may run: check its permissions")
    raise CannotStart(NOT_FOUND, "was not found: check its name, and PATH")


Run: TypeAlias = Callable[[str, list[str], Mapping[str, str]], int]
"""Runs a program to its end: its path, its arguments with its own name first, its variables.

Gives its exit code, or the number of the signal that ended it as a negative one; raises CannotStart.
"""

Beside: TypeAlias = Callable[[], AbstractContextManager[object]]
"""What lives beside a program, entered once that has been started and left when it has ended."""


def ended_with(code: int) -> int:
    """What this process ends with after a program: its exit code, or the same signal, which ends it here."""
    if code < 0:
        end_by(-code)
    return code if code >= 0 else 128 - code


if sys.platform == "win32":

    @contextmanager
    def attended(beside: Beside = nullcontext) -> Iterator[Run]:
        """Where a program can be run."""
        yield partial(_run, beside)

    def _run(beside: Beside, path: str, arguments: list[str], environ: Mapping[str, str]) -> int:
        import subprocess  # noqa: PLC0415 - elsewhere it is not needed

        try:
            process = subprocess.Popen(arguments, executable=path, env=dict(environ))  # noqa: S603
        except OSError as error:
            raise CannotStart(NOT_RUNNABLE, f"cannot be run: {error.strerror}") from None
        with beside():
            while True:
                try:
                    return process.wait()
                except KeyboardInterrupt:  # the console interrupts all of its programs
                    continue

    def end_by(number: int) -> None:
        """Windows knows no end by a signal."""

else:
    _STOPS = (signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU)
    _HANDED_ON = (
        signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2,
        signal.SIGALRM, signal.SIGWINCH, signal.SIGCONT, *_STOPS,
    )  # fmt: skip
    _SHELL = "/bin/sh"
    _DEATH_SIGNAL = 1
    _AWAITED = frozenset({*_HANDED_ON, signal.SIGCHLD})
    # Python ignores these from its start on, and a program would inherit that.
    _IGNORED_BY_PYTHON = (signal.SIGPIPE, signal.SIGXFSZ)
    # Some systems drop a signal that is ignored by default, also where it is awaited, if it has no handler.
    _IGNORED_BY_DEFAULT = (signal.SIGCHLD, signal.SIGCONT, signal.SIGWINCH)

    @contextmanager
    def attended(beside: Beside = nullcontext) -> Iterator[Run]:
        """Where a program can be run: signals wait for it, and end this process no more.

        Args:
            beside: what the program needs. It is killed, where the system can do that, when this process
                is.
        """
        handlers = {number: signal.signal(number, _nothing) for number in _IGNORED_BY_DEFAULT}
        before = signal.pthread_sigmask(signal.SIG_BLOCK, _AWAITED)
        try:
            yield partial(_run, before, beside)
        finally:
            for number, handler in handlers.items():
                signal.signal(number, handler if handler is not None else signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def _run(
        mask: set[int], beside: Beside, path: str, arguments: list[str], environ: Mapping[str, str]
    ) -> int:
        is_tied = beside is not nullcontext and sys.platform == "linux"
        child = _started(_tied if is_tied else _spawned, mask, path, arguments, environ)
        with beside():
            while True:
                number, is_told_to_all = _awaited(child)
                if number == signal.SIGCHLD:
                    code = _state_of(child)
                    if code is not None:
                        return code
                elif not is_told_to_all:
                    os.kill(child, number)

    _Spawn: TypeAlias = Callable[[set[int], str, list[str], Mapping[str, str]], int]

    def _spawned(mask: set[int], path: str, arguments: list[str], environ: Mapping[str, str]) -> int:
        return os.posix_spawn(path, arguments, environ, setsigmask=mask, setsigdef=_IGNORED_BY_PYTHON)

    def _tied(mask: set[int], path: str, arguments: list[str], environ: Mapping[str, str]) -> int:
        """Start a program that is killed when this process ends before it (prctl(2), PR_SET_PDEATHSIG)."""
        from ctypes import CDLL  # noqa: PLC0415 - most programs are not tied

        prctl, own, (reader, writer) = CDLL(None).prctl, os.getpid(), os.pipe()
        child = os.fork()
        if not child:
            try:
                prctl(_DEATH_SIGNAL, signal.SIGKILL, 0, 0, 0)
                if os.getppid() != own:  # it has ended already
                    os._exit(1)
                for number in _IGNORED_BY_PYTHON:
                    signal.signal(number, signal.SIG_DFL)
                if callable(signal.getsignal(signal.SIGINT)):
                    signal.signal(signal.SIGINT, signal.SIG_DFL)
                signal.pthread_sigmask(signal.SIG_SETMASK, mask)
                os.execve(path, arguments, environ)  # noqa: S606 - as a shell would
            except OSError as error:
                os.write(writer, str(error.errno).encode())
            finally:
                os._exit(NOT_RUNNABLE)
        os.close(writer)
        with open(reader, "rb") as told:
            failure = int(told.read() or 0)
        if failure:
            os.waitpid(child, 0)
            raise OSError(failure, os.strerror(failure))
        return child

    def _started(
        spawn: _Spawn, mask: set[int], path: str, arguments: list[str], environ: Mapping[str, str]
    ) -> int:
        try:
            return spawn(mask, path, arguments, environ)
        except FileNotFoundError:
            raise CannotStart(
                NOT_RUNNABLE, "cannot be run: the interpreter that it names is missing"
            ) from None
        except OSError as error:
            if error.errno == errno.ENOEXEC and path != _SHELL:  # shells run a script without #! themselves
                return _started(spawn, mask, _SHELL, ["sh", path, *arguments[1:]], environ)
            raise CannotStart(NOT_RUNNABLE, f"cannot be run: {error.strerror}") from None

    def _state_of(child: int) -> int | None:
        """How the program ended; None while it lives. Where it was stopped, so is this process."""
        found, status = os.waitpid(child, os.WNOHANG | os.WUNTRACED)
        if not found:
            return None
        if os.WIFSTOPPED(status):
            _stop(os.WSTOPSIG(status))
            return None
        return os.waitstatus_to_exitcode(status)

    def _stop(number: int) -> None:
        os.kill(os.getpid(), number)
        if number in _STOPS:  # it takes effect between these two
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {number})
            signal.pthread_sigmask(signal.SIG_BLOCK, {number})

    def _awaited(child: int) -> tuple[int, bool]:
        """The next signal, and whether it needs no handing on: a terminal or the child has sent it."""
        if sys.platform == "darwin":
            number = signal.sigwait(_AWAITED)
            return number, number in {signal.SIGINT, signal.SIGQUIT, *_STOPS} and _is_in_foreground()
        else:  # noqa: RET505 - a type checker reads one branch per system
            told = signal.sigwaitinfo(_AWAITED)
            return told.si_signo, told.si_code > 0 or told.si_pid == child

    def _is_in_foreground() -> bool:
        """Whether this process's group has the terminal, so that what is typed there reaches all of it."""
        try:
            terminal = os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY)
        except OSError:
            return False
        try:
            return os.tcgetpgrp(terminal) == os.getpgrp()
        finally:
            os.close(terminal)

    def _nothing(number: int, frame: FrameType | None) -> None:
        """Take a signal that is awaited anyway."""

    def end_by(number: int) -> None:
        """End this process by a signal; returns where that does not end it."""
        import resource  # noqa: PLC0415

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # one of the program is enough
        with suppress(OSError):  # that of SIGKILL cannot be set
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {number})
        os.kill(os.getpid(), number)
