"""Looks for a credential wherever code that an installer runs can look, and notes what it finds.

It knows what a credential of the tests looks like, but not which one is in use.
"""

import base64
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

TOKEN = re.compile(rb"canary-[0-9a-f]{32}(?:\+|%2[Bb])token")
BASE64 = re.compile(rb"[A-Za-z0-9+/_-]{40,400}")
BEGINNINGS = (b"Y2FuYXJ5L", b"NhbmFyeS", b"jYW5hcnkt")
"""How `canary-` looks in base64, by what stands before it; what no neighbour decides."""
ADDRESS = re.compile(r"https?://[^\s'\"<>]+")
NOTES = "CANARY_NOTES"
LARGEST = 512 * 1024
MOST_FILES = 1000
PROJECT_FILES = (
    "*.toml",
    "*.lock",
    "Pipfile*",
    "pylock*",
    "*.cfg",
    "*.ini",
    "*.txt",
    ".env*",
    ".netrc",
    ".pypirc",
)
CONFIGURATIONS = ("pip.conf", "pip.ini", "pip/pip.conf", ".pip/pip.conf", ".netrc", "_netrc", ".pypirc")


def tokens(content: bytes) -> set[str]:
    """The credentials in a text, plain, percent-encoded, or as HTTP sends them."""
    found = set(TOKEN.findall(content))
    if any(beginning in content for beginning in BEGINNINGS):
        for word in BASE64.findall(content):
            for start in range(4):  # what stands before it may look like a part of it
                whole = word[start:].translate(bytes.maketrans(b"-_", b"+/")) + b"=="
                try:
                    found |= set(TOKEN.findall(base64.b64decode(whole)))
                except ValueError:
                    continue
    return {re.sub("%2b", "+", token.decode(), flags=re.IGNORECASE) for token in found}


def read(path: Path) -> bytes:
    """A file, as far as it may be read."""
    try:
        with path.open("rb") as file:
            return file.read(LARGEST)
    except OSError:
        return b""


def processes() -> Iterator[Path]:
    """What the system tells of every process, this one first."""
    yield Path("/proc/self")
    yield from Path("/proc").glob("[0-9]*")


def ancestors() -> Iterator[Path]:
    """What the system tells of this process and those that started it."""
    number = os.getpid()
    while number > 1:
        yield Path(f"/proc/{number}")
        try:
            stat = Path(f"/proc/{number}/stat").read_text(encoding="utf-8", errors="replace")
            number = int(stat.rpartition(")")[2].split()[1])
        except (OSError, ValueError):
            return


def folders() -> Iterator[Path]:
    """Where the projects are that this is built or installed for: upwards from where each ancestor is."""
    for process in ancestors():
        try:
            place = (process / "cwd").readlink()
        except OSError:
            continue
        yield from (place, *place.parents)


def below(folder: Path) -> Iterator[Path]:
    """Files below a folder."""
    number = 0
    for place, _, names in os.walk(folder):
        for name in names:
            number += 1
            if number > MOST_FILES:
                return
            yield Path(place, name)


def listed(folder: Path) -> list[str]:
    """The names in a folder, as far as it may be read."""
    try:
        return [path.name for path in folder.iterdir()]
    except OSError:
        return []


def files() -> Iterator[Path]:
    """Files of projects and users, temporary ones, those that variables name, and what lies beside those."""
    for folder in set(folders()):
        for name in listed(folder):
            if any(fnmatch(name, pattern) for pattern in PROJECT_FILES):
                yield folder / name
    configured = [Path("/etc"), Path.home(), Path.home() / ".config", Path(sys.prefix)]
    configured += map(Path, os.environ.get("XDG_CONFIG_DIRS", "/etc/xdg").split(os.pathsep))
    yield from (folder / name for folder in configured for name in CONFIGURATIONS)
    for folder in map(Path, sys.path):
        yield from (
            folder / name / "direct_url.json" for name in listed(folder) if name.endswith(".dist-info")
        )
    temporary = Path(os.environ.get("TMPDIR", "/tmp"))  # noqa: S108 - where others leave files
    places = {Path.cwd(), Path.home(), temporary}
    for value in os.environ.values():
        for part in value.split(os.pathsep):
            if part.startswith("/") and Path(part).is_file():
                places.add(Path(part).parent)
    places |= {Path("/tmp", name) for name in listed(Path("/tmp")) if name.startswith("pip-authenticate")}  # noqa: S108
    for place in places:
        yield from below(place)


def open_files() -> Iterator[Path]:
    """Files that a process holds open, also those that have no name any more; not where this is noted."""
    for process in processes():
        for number in listed(process / "fd"):
            path = process / "fd" / number
            try:
                if str(path.readlink()) != os.environ[NOTES] and path.is_file():
                    yield path
            except OSError:
                continue


def kept_in_keyring() -> Iterator[bytes]:
    """What the program keyring and the module of that name answer for every address that is about."""
    about = {match.rstrip("/") + "/" for value in os.environ.values() for match in ADDRESS.findall(value)}
    program = shutil.which("keyring")
    asking = [[program]] if program else []
    asking += [[sys.executable, "-m", "keyring"]]
    for words in asking:
        for address in about:
            yield subprocess.run(
                [*words, "get", address, "build"],
                env={**os.environ, NOTES: ""},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=60,
                check=False,
            ).stdout


def sightings(*, thoroughly: bool) -> Iterator[tuple[str, str]]:
    """Where there is a credential, and which one.

    Args:
        thoroughly: ask keyring, too, which takes a while.
    """
    for name, value in os.environ.items():
        yield from ((f"variable {name}", token) for token in tokens(os.fsencode(value)))
    yield from (("own arguments", token) for token in tokens(os.fsencode(" ".join(sys.orig_argv))))
    for process in processes():
        for kind in ("cmdline", "environ"):
            yield from ((f"{kind} of a process", token) for token in tokens(read(process / kind)))
    notes = os.environ[NOTES]
    for path in {path for path in files() if str(path) != notes}:
        if path.is_file() and not path.is_symlink():
            yield from ((f"file {path.name}", token) for token in tokens(read(path)))
    for path in open_files():
        yield from (("open file", token) for token in tokens(read(path)))
    if thoroughly:
        for answer in kept_in_keyring():
            yield from (("keyring", token) for token in tokens(answer))


def run(step: str) -> None:
    """Search, and note it under the name of a step."""
    notes = os.environ.get(NOTES)
    if notes:
        found = sorted(set(sightings(thoroughly=step == "build")))
        with Path(notes).open("a", encoding="utf-8") as file:
            file.write(json.dumps({"step": step, "found": found}) + "\n")
