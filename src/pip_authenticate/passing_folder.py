"""A private folder for as long as one command runs.

It is locked (flock) by this process and by the command. A process that is killed with SIGKILL removes
nothing: the next run removes the folders that nobody holds any more. Tools that clean temporary folders leave
locked ones alone (systemd-tmpfiles).
"""

import os
import stat
import time
from collections.abc import Iterator, Mapping
from contextlib import closing

from pip_authenticate.errors import DeliveryError, PipAuthenticateError
from pip_authenticate.private_files import Folder, fresh

PREFIX = "pip-authenticate-run-"
_JUST_MADE_SECONDS = 60
"""A younger folder may be about to be locked."""


def made(environ: Mapping[str, str]) -> Folder:
    """Make a folder, locked for this process and what it starts; stale ones beside it are removed.

    Args:
        environ: variables that name places for such files.

    Raises:
        DeliveryError: there is no place for it.
    """
    faults = list[PipAuthenticateError]()
    for parent in _parents(environ):
        try:
            folder = fresh(parent, PREFIX)
        except DeliveryError as error:
            faults.append(error)
            continue
        folder.lock()
        folder.hand_on()
        _sweep(parent)
        return folder
    raise DeliveryError(
        "no-place",
        "There is no place for private files",
        context="; ".join(str(fault) for fault in faults),
        hint="Set TMPDIR to a folder of your own, or say --via env.",
    )


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
