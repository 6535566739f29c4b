"""A private folder for as long as one command runs.

It is locked (flock) by this process and by the command, so that tools that clean temporary folders leave it
alone (systemd-tmpfiles). A process that is killed with SIGKILL removes nothing: where there is a shell, one
waits beside it until nobody holds the folder any more. If that is killed, too, as at the end of a container,
the next run removes the folder.
"""

import os
import stat
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress

from pip_authenticate.errors import DeliveryError, PipAuthenticateError
from pip_authenticate.private_files import Folder, fresh

PREFIX = "pip-authenticate-run-"
_JUST_MADE_SECONDS = 60
"""A younger folder may be about to be locked."""


@contextmanager
def passing(environ: Mapping[str, str]) -> Iterator[Folder]:
    """Have a folder, locked for this process and what it starts, for as long as a block takes.

    Stale ones beside it are removed.

    Args:
        environ: variables that name places for such files.

    Raises:
        DeliveryError: there is no place for it.
    """
    with closing(_made(environ)) as folder:
        folder.lock()
        with _watched(folder.path):
            folder.hand_on()
            _sweep(os.path.dirname(folder.path))
            try:
                yield folder
            finally:
                folder.remove_all()


def _made(environ: Mapping[str, str]) -> Folder:
    faults = list[PipAuthenticateError]()
    for parent in _parents(environ):
        try:
            return fresh(parent, PREFIX)
        except DeliveryError as error:
            faults.append(error)
    raise DeliveryError(
        "no-place",
        "There is no place for private files",
        context="; ".join(str(fault) for fault in faults),
        hint="Set TMPDIR to a folder of your own, or say --via env.",
    )


if sys.platform == "win32":

    @contextmanager
    def _watched(path: str) -> Iterator[None]:
        """Windows lets nobody remove what another process has open, and has no shell for it."""
        del path
        yield

else:
    _SHELL = "/bin/sh"
    # It reads a line if this process comes to an end of its own, and none if nobody is left who could write.
    _SCRIPT = 'trap "" HUP INT TERM; read -r _ || rm -rf -- "$1"'

    @contextmanager
    def _watched(path: str) -> Iterator[None]:
        """Have a folder removed when this process and all that it starts have ended without doing so."""
        reader, writer = os.pipe()
        os.set_inheritable(writer, True)  # noqa: FBT003 - its only argument
        own = [
            (os.POSIX_SPAWN_DUP2, reader, 0),
            (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
            (os.POSIX_SPAWN_DUP2, 1, 2),
            (os.POSIX_SPAWN_CLOSE, writer),
        ]
        try:
            watcher = os.posix_spawn(
                _SHELL,
                ["sh", "-c", _SCRIPT, "sh", path],
                {"PATH": os.defpath},
                file_actions=own,
                setpgroup=0,  # what a terminal or a CI sends to this one's group is not meant for it
            )
        except OSError:  # there is none
            watcher = 0
        os.close(reader)
        try:
            yield
        finally:
            with suppress(OSError):
                os.write(writer, b"\n")
            os.close(writer)
            if watcher:
                with suppress(ChildProcessError):
                    os.waitpid(watcher, 0)


def _parents(environ: Mapping[str, str]) -> Iterator[str]:
    """Places that hold files for a while only, the shortest-lived ones first.

    What an agent empties after each job; what the system keeps in memory for a user who is logged in (XDG
    Base Directory Specification); the system's own place.
    """
    for name in ("RUNNER_TEMP", "AGENT_TEMPDIRECTORY", "XDG_RUNTIME_DIR"):
        if environ.get(name) and os.path.isdir(environ[name]):
            yield environ[name]
    if os.name == "nt":
        import tempfile  # noqa: PLC0415 - it costs some milliseconds

        yield tempfile.gettempdir()
        return
    for place in (environ.get("TMPDIR", ""), "/tmp", "/var/tmp"):  # noqa: S108 - trusted_paths judges them
        if place and os.path.isdir(place):
            yield os.path.abspath(place)


def _sweep(parent: str) -> None:
    """Remove folders whose run was killed; what cannot be removed is left to others."""
    try:
        with os.scandir(parent) as entries:
            stale = [entry.path for entry in entries if entry.name.startswith(PREFIX) and _is_stale(entry)]
    except OSError:
        return
    for path in stale:
        try:
            with closing(Folder.found(path)) as folder:
                if folder.lock():
                    folder.remove_all()
        except (OSError, PipAuthenticateError):
            continue


def _is_stale(entry: "os.DirEntry[str]") -> bool:
    state = entry.stat(follow_symlinks=False)
    return stat.S_ISDIR(state.st_mode) and time.time() - state.st_mtime > _JUST_MADE_SECONDS
