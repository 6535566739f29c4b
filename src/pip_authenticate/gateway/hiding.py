"""Keeps the credential out of sight of what runs beside this process.

Memory: a process that is not dumpable is read by root only (prctl(2), PR_SET_DUMPABLE; proc(5)). Variables:
the system shows those that a process was started with, as they lie in its memory (proc(5): environ).
"""

import ctypes
import os
import stat
import sys
from collections.abc import Iterable

from pip_authenticate.secret import Secret

_DUMPABLE = 4
_SHORTEST = 4
_ANCESTORS = 64


def hide(secrets: Iterable[Secret]) -> bool:
    """Make this process unreadable for others of its user, and wipe variables that hold secrets.

    Returns:
        Whether the system can keep other programs of this user out.
    """
    if not sys.platform.startswith("linux"):
        return False
    library = ctypes.CDLL(None)
    _wipe(library, [text.encode("utf-8", "surrogateescape") for text in _worth(secrets)])
    return library.prctl(_DUMPABLE, 0, 0, 0, 0) == 0 and os.geteuid() != 0


def _wipe(library: ctypes.CDLL, texts: list[bytes]) -> None:
    """Overwrite the values, where the system shows them, of variables that hold one of some texts.

    Python has read its own copy of them at its start.
    """
    entries = ctypes.POINTER(ctypes.c_void_p).in_dll(library, "environ")
    number = 0
    while entries and entries[number]:
        address = entries[number]
        entry = ctypes.string_at(address)
        start = entry.find(b"=") + 1
        if start and any(text in entry[start:] for text in texts):
            ctypes.memset(address + start, ord("*"), len(entry) - start)
        number += 1


def put_away_input() -> None:
    """Let no program read once more what stood on standard input, where that is a file.

    Whoever inherits it can open it anew, also when its name is gone (proc(5): fd). Terminals and pipes stay:
    what was read from them is there no more.
    """
    if stat.S_ISREG(os.fstat(0).st_mode):
        empty = os.open(os.devnull, os.O_RDONLY)
        os.dup2(empty, 0)
        os.close(empty)


def showing(secrets: Iterable[Secret]) -> list[str]:
    """The ancestors of this process whose variables show one of some secrets, as `NAME (PID)`.

    What runs under this process can read them there.
    """
    texts = [text.encode("utf-8", "surrogateescape") for text in _worth(secrets)]
    found, number = list[str](), os.getppid()
    for _ in range(_ANCESTORS):
        try:
            with open(f"/proc/{number}/stat", encoding="utf-8", errors="replace") as file:
                head, _, tail = file.read().rpartition(")")
            name, parent = head.partition("(")[2], int(tail.split()[1])
        except (OSError, ValueError, IndexError):
            break
        try:
            with open(f"/proc/{number}/environ", "rb") as file:
                content = file.read()
        except OSError:
            content = b""  # then nobody else of this user reads it either
        if any(text in content for text in texts):
            found.append(f"{name} ({number})")
        if parent < 1:
            break
        number = parent
    return found


def _worth(secrets: Iterable[Secret]) -> list[str]:
    """A shorter secret stands in everything."""
    return [secret.reveal() for secret in secrets if len(secret.reveal()) >= _SHORTEST]
