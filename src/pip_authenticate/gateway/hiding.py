"""Keeps the credential out of sight of what runs beside this process.

Memory: a process that is not dumpable is read by root only (prctl(2), PR_SET_DUMPABLE; proc(5)). Variables:
the system shows those that a process was started with, as they lie in its memory (proc(5): environ).
"""

import ctypes
import os
import re
import stat
import sys
from collections.abc import Iterable, Iterator, Mapping

from pip_authenticate import netrc_file, project, text_files, user_folders
from pip_authenticate.secret import Secret

_DUMPABLE = 4
_READS_ALL = 1 << 19
"""The power to read other processes (capabilities(7): CAP_SYS_PTRACE), as a bit of a process's status."""
_DOCKER = "/var/run/docker.sock"
_LOGIN = re.compile(r"://[^/?#\\\s:@]*:[^/?#\\\s]+@(\[[^\]\s]*\]|[^/?#\\\s:@]+)")
"""A user name and a password in an address, and then its host."""
_SHORTEST = 4
_ANCESTORS = 64


def hide(secrets: Iterable[Secret]) -> None:
    """Make this process unreadable for others of its user, and wipe variables that hold secrets."""
    if sys.platform.startswith("linux"):
        library = ctypes.CDLL(None)
        _wipe(library, [text.encode("utf-8", "surrogateescape") for text in _worth(secrets)])
        library.prctl(_DUMPABLE, 0, 0, 0, 0)


def exposure(docker: str = _DOCKER) -> str:
    """Why what this process starts can read its memory nevertheless, as the end of a sentence, or empty.

    Whether sudo asks for a password is not known without starting it.

    Args:
        docker: socket of the service that does as root what it is asked.
    """
    if not sys.platform.startswith("linux"):
        return "this system lets the programs of a user read one another's memory"
    try:
        with open("/proc/self/status", encoding="ascii", errors="replace") as file:
            powers = next(int(line.split()[1], 16) for line in file if line.startswith("CapEff:"))
    except (OSError, StopIteration):  # a system without /proc tells nobody
        powers = 0 if os.geteuid() else _READS_ALL
    if powers & _READS_ALL:
        return "it runs as root, and so does what it starts"
    if os.access(docker, os.W_OK):
        return "whoever may use Docker, as its user may, is as powerful as root"
    return ""


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


def files_showing(
    environ: Mapping[str, str], secrets: Iterable[Secret], hosts: set[str]
) -> Iterator[tuple[str, str]]:
    """The user's own netrc and pip files that hold a credential, each with what it is for.

    Args:
        environ: says where they are.
        secrets: those in use.
        hosts: of indexes; another credential for one counts, too.
    """
    texts = _worth(secrets)
    netrc_files, pip_files = user_folders.netrc_files(environ), list(project.pip_files(environ))
    for path in dict.fromkeys((*netrc_files, *pip_files)):
        try:
            content = text_files.read(path, errors="surrogateescape") or ""
        except text_files.UnreadableError:
            continue  # nor can others read it
        if path in netrc_files:
            named = netrc_file.hosts_of(content)
        else:
            named = {host.strip("[]").lower() for host in _LOGIN.findall(content)}
        if any(text in content for text in texts):
            yield path, "in use"
        elif named & hosts:
            yield path, f"for {', '.join(sorted(named & hosts))}"


def _worth(secrets: Iterable[Secret]) -> list[str]:
    """A shorter secret stands in everything."""
    return [secret.reveal() for secret in secrets if len(secret.reveal()) >= _SHORTEST]
