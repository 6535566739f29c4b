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
from collections.abc import Callable, Mapping
from types import FrameType, TracebackType

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
            raise CannotStart(NOT_FOUND, "was not found")
        return path
    folders = [""] if "/" in program else environ.get("PATH", os.defpath).split(":")
    is_there = False
    for folder in folders if program else ():
        path = os.path.join(folder, program) if "/" in program else os.path.join(folder or ".", program)
        if os.path.isfile(path) and os.access(path, os.X_OK):
            return path
        is_there = is_there or (os.path.exists(path) and ("/" in program or os.path.isfile(path)))
    if is_there:
        raise CannotStart(NOT_RUNNABLE, "is no program that you may run")
    raise CannotStart(NOT_FOUND, "was not found")


if sys.platform == "win32":

    class Attention:
        """Where a program is run; see below."""

        def __enter__(self) -> "Attention":
            return self

        def __exit__(self, *_: object) -> None:
            """Nothing was changed."""

        def run(self, path: str, arguments: list[str], environ: Mapping[str, str]) -> int:
            """Run a program; gives its exit code."""
            import subprocess  # noqa: PLC0415, S404

            try:
                process = subprocess.Popen(arguments, executable=path, env=dict(environ))  # noqa: S603
            except OSError as error:
                raise CannotStart(NOT_RUNNABLE, f"cannot be run: {error.strerror}") from None
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
    _AWAITED = frozenset({*_HANDED_ON, signal.SIGCHLD})
    # Python ignores these from its start on, and a program would inherit that.
    _IGNORED_BY_PYTHON = (signal.SIGPIPE, signal.SIGXFSZ)
    # Some systems drop a signal that is ignored by default, also where it is awaited, unless it has a handler.
    _IGNORED_BY_DEFAULT = (signal.SIGCHLD, signal.SIGCONT, signal.SIGWINCH)

    class Attention:
        """From here to its end, signals are noted instead of ending this process."""

        def __enter__(self) -> "Attention":
            self._handlers = {number: signal.signal(number, _nothing) for number in _IGNORED_BY_DEFAULT}
            self._before = signal.pthread_sigmask(signal.SIG_BLOCK, _AWAITED)
            return self

        def __exit__(
            self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
        ) -> None:
            for number, handler in self._handlers.items():
                signal.signal(number, handler if handler is not None else signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_SETMASK, self._before)

        def run(self, path: str, arguments: list[str], environ: Mapping[str, str]) -> int:
            """Run a program to its end.

            Args:
                path: of the program.
                arguments: its own name first.
                environ: its variables.

            Returns:
                Its exit code, or the number of the signal that ended it as a negative one.

            Raises:
                CannotStart: it cannot be run.
            """
            child = self._started(path, arguments, environ)
            while True:
                number, is_told_to_all = _awaited(child)
                if number == signal.SIGCHLD:
                    code = self._state_of(child)
                    if code is not None:
                        return code
                elif not is_told_to_all:
                    os.kill(child, number)

        def _started(self, path: str, arguments: list[str], environ: Mapping[str, str]) -> int:
            start: Callable[[str, list[str]], int] = lambda path, arguments: os.posix_spawn(  # noqa: E731
                path, arguments, environ, setsigmask=self._before, setsigdef=_IGNORED_BY_PYTHON
            )
            try:
                try:
                    return start(path, arguments)
                except OSError as error:
                    if error.errno != errno.ENOEXEC:
                        raise
                return start("/bin/sh", ["sh", path, *arguments[1:]])  # as shells do with a script without #!
            except FileNotFoundError:
                raise CannotStart(
                    NOT_RUNNABLE, "cannot be run: the interpreter that it names is missing"
                ) from None
            except OSError as error:
                raise CannotStart(NOT_RUNNABLE, f"cannot be run: {error.strerror}") from None

        def _state_of(self, child: int) -> int | None:
            """How the program ended; None while it lives. Where it was stopped, so is this process."""
            found, status = os.waitpid(child, os.WNOHANG | os.WUNTRACED)
            if not found:
                return None
            if os.WIFSTOPPED(status):
                self._stop(os.WSTOPSIG(status))
                return None
            return os.waitstatus_to_exitcode(status)

        def _stop(self, number: int) -> None:
            os.kill(os.getpid(), number)
            if number in _STOPS:  # it takes effect between these two
                signal.pthread_sigmask(signal.SIG_UNBLOCK, {number})
                signal.pthread_sigmask(signal.SIG_BLOCK, {number})

    def _awaited(child: int) -> tuple[int, bool]:
        """The next signal, and whether it needs no handing on: a terminal or the child has sent it."""
        if sys.platform != "darwin":
            told = signal.sigwaitinfo(_AWAITED)
            return told.si_signo, told.si_code > 0 or told.si_pid == child
        number = signal.sigwait(_AWAITED)
        return number, number in {signal.SIGINT, signal.SIGQUIT, *_STOPS} and _is_in_foreground()

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
        try:
            signal.signal(number, signal.SIG_DFL)
        except (OSError, ValueError):  # SIGKILL
            pass
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {number})
        os.kill(os.getpid(), number)
