"""The Pythons of this machine, and which of them fits the version that a pipeline asks for.

Source of the rules: the task UsePythonVersionV0, and the ranges of npm's semver that it understands.
"""

import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TypeAlias

from azure_devops_emulator.jobs.workspace import SetupError, Workspace

Version: TypeAlias = "tuple[int, ...]"

_ARCHITECTURE = "x64"
_PROBE = "import sys; print(*sys.version_info[:3], sys.version_info.releaselevel)"
_PROBE_SECONDS = 10
_NAME = re.compile(r"python(?:3(?:\.\d+)?)?(?:\.exe)?")
_COMPARATOR = re.compile(r"(>=|<=|[<>=~^]?)\s*v?(\d+|[xX*])(?:\.(\d+|[xX*]))?(?:\.(\d+|[xX*]))?")
_RANGE = re.compile(r"(\S+)\s+-\s+(\S+)")
# Where Pythons lie beside PATH: the root (a variable of the machine or a folder) and what follows.
_PLACES = (
    ("AGENT_TOOLSDIRECTORY", "Python/*/*/bin"),
    ("RUNNER_TOOL_CACHE", "Python/*/*/bin"),
    ("PYENV_ROOT", "versions/*/bin"),
    ("HOME", ".pyenv/versions/*/bin"),
    ("HOME", ".local/share/uv/python/*/bin"),
    ("LOCALAPPDATA", "Programs/Python/*"),
    ("/opt/hostedtoolcache", "Python/*/*/bin"),
    ("/opt/python", "*/bin"),
    ("/Library/Frameworks/Python.framework/Versions", "*/bin"),
    ("/usr/local/bin", "."),
    ("/usr/bin", "."),
)


def fits(version: Version, wanted: str) -> bool:
    """Whether a version is one of those that `versionSpec` asks for.

    Args:
        version: three numbers.
        wanted: such as `3.x`, `3.12`, `>=3.10 <3.13`, `~3.11`, `3.10 - 3.12` or `3.9 || 3.11`.
    """
    for alternative in wanted.split("||"):
        text = _RANGE.sub(r">=\1 <=\2", alternative.strip())
        comparators = list(_COMPARATOR.finditer(text))
        if not comparators or _COMPARATOR.sub("", text).strip():
            continue
        if all(_compares(version, match) for match in comparators):
            return True
    return False


def _compares(version: Version, match: re.Match[str]) -> bool:
    numbers = tuple(int(part) for part in match.groups()[1:] if part and part.isdecimal())
    same = version[: len(numbers)]
    return {
        "": same == numbers,
        "=": same == numbers,
        ">": same > numbers,
        "<": same < numbers,
        ">=": same >= numbers,
        "<=": same <= numbers,
        "~": same >= numbers and version[: len(numbers[:2])] == numbers[:2],
        "^": same >= numbers and version[: len(numbers[:1])] == numbers[:1],
    }[match[1]]


class Pythons:
    """Gives a job the Python it asks for.

    A job gets no Python of the machine itself but a virtual environment made of it, in the job's tool
    directory, so that what the job installs stays in the job.

    Args:
        space: the job's.
        machine: the environment of this machine.
    """

    def __init__(self, space: Workspace, machine: Mapping[str, str]) -> None:
        self._space = space
        self._machine = machine
        self._found: dict[Version, Path] = {}

    def use(self, wanted: str) -> tuple[str, Path]:
        """The newest version that fits, and the folder of a Python that has it.

        Raises:
            SetupError: there is none, or it cannot be set up.
        """
        if not self._found:
            self._found = dict(self._probe())
        fitting = [version for version in self._found if fits(version, wanted)]
        if not fitting:
            there = ", ".join(".".join(map(str, version)) for version in sorted(self._found)) or "none"
            raise SetupError(
                "python-version", f"no Python of this machine fits the version {wanted}; there are: {there}"
            )
        version = ".".join(map(str, max(fitting)))
        folder = self._space.tools / "Python" / version / _ARCHITECTURE
        complete = folder.with_name(f"{_ARCHITECTURE}.complete")
        if not complete.exists():
            self._space.make_python(self._found[max(fitting)], folder)
            complete.touch()
        return version, folder

    def _probe(self) -> Iterator[tuple[Version, Path]]:
        """Every Python that starts and is no prerelease; of two of one version the later place's."""
        seen: set[Path] = set()
        for program in self._programs():
            if program.resolve() in seen:
                continue
            seen.add(program.resolve())
            try:
                done = subprocess.run(  # noqa: S603 - a Python of this machine
                    [str(program), "-I", "-c", _PROBE],
                    env=self._space.environment,
                    cwd=self._space.home,
                    stdin=subprocess.DEVNULL,
                    capture_output=True,
                    check=False,
                    text=True,
                    timeout=_PROBE_SECONDS,
                )
            except (OSError, subprocess.TimeoutExpired):
                continue
            numbers = done.stdout.split()
            if done.returncode == 0 and numbers[3:] == ["final"] and numbers[0] == "3":
                yield tuple(map(int, numbers[:3])), program

    def _programs(self) -> Iterator[Path]:
        path = self._machine.get("PATH", "")
        folders = [Path(part) for part in path.split(";" if ";" in path else ":") if part]
        for root, pattern in _PLACES:
            start = root if root.startswith("/") else self._machine.get(root, "")
            if start and Path(start).is_dir():
                folders += sorted(Path(start).glob(pattern)) if pattern != "." else [Path(start)]
        for folder in folders:
            if folder.is_dir():
                for file in sorted(folder.glob("python*")):
                    if _NAME.fullmatch(file.name) and shutil.which(str(file)):
                        yield file
