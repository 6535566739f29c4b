"""The action, started as GitHub's runner starts it, and what came of it.

What overrides what is read in actions/runner, NodeScriptActionHandler and ActionRunner.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import yaml

from support.shim import ANY_NODE

NOTHING: Mapping[str, str] = MappingProxyType({})
_ONE_LINE = re.compile(r"(?P<name>[^=\n]+?)=(?P<value>[^\n]*)\n")
_LINES = re.compile(r"(?P<name>[^=\n]+?)<<(?P<end>[^\n]+)\n(?P<value>(?:.*\n)*?)(?P=end)\n")


@dataclass(frozen=True)
class Step:
    """How a step ended.

    Args:
        code: exit code; 0 is success.
        out: standard output.
        err: standard error.
        variables: what it leaves to later steps.
        state: what it leaves to its own last step.
        summary: what it adds to the job's summary.
    """

    code: int
    out: str
    err: str
    variables: dict[str, str]
    state: dict[str, str]
    summary: str

    @property
    def log(self) -> str:
        """What the runner shows, but for the masks."""
        return "".join(
            line for line in (self.out + self.err).splitlines(keepends=True) if "::add-mask::" not in line
        )

    @property
    def masks(self) -> list[str]:
        """What the runner strikes out."""
        return [
            _decoded(line.partition("::add-mask::")[2])
            for line in self.out.splitlines()
            if "add-mask" in line
        ]

    def said(self, kind: str) -> list[str]:
        """Its errors, warnings or debug lines."""
        start = f"::{kind}::"
        return [
            _decoded(line.removeprefix(start)) for line in self.out.splitlines() if line.startswith(start)
        ]


class Runner:
    """A machine with a workspace, a temporary folder and the built action.

    Args:
        root: an empty folder for all of it.
        action: the built action.
    """

    def __init__(self, root: Path, action: Path) -> None:
        self.root = root
        self.action = action
        self.workspace = root / "work" / "repo" / "repo"
        self.temporary = root / "work" / "_temp"
        self.home = root / "home"
        for folder in (self.workspace, self.temporary, self.home):
            folder.mkdir(parents=True)

    @property
    def machine(self) -> dict[str, str]:
        """What the runner's own process has."""
        return {"HOME": str(self.home), "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.defpath}"}

    @property
    def own(self) -> dict[str, str]:
        """What the runner sets for every step, whatever steps have set."""
        return {
            "CI": "true",
            "GITHUB_ACTIONS": "true",
            "GITHUB_WORKSPACE": str(self.workspace),
            "RUNNER_OS": "Linux",
            "RUNNER_TEMP": str(self.temporary),
            "RUNNER_TOOL_CACHE": str(self.root / "tools"),
            "RUNNER_WORKSPACE": str(self.workspace.parent),
        }

    def main(self, inputs: Mapping[str, str] = NOTHING, env: Mapping[str, str] = NOTHING) -> Step:
        """Run the action's step.

        Args:
            inputs: by their names in action.yml.
            env: what the step or a step before sets.
        """
        return self._run("main", self.given(inputs, env))

    def post(self, state: Mapping[str, str]) -> Step:
        """Run the action's last step."""
        left = {f"STATE_{name}": value for name, value in state.items()}
        return self._run("post", {**self.machine, **self.own, **left})

    def given(self, inputs: Mapping[str, str], env: Mapping[str, str]) -> dict[str, str]:
        """The environment of a step, but for the files; every input has a value, given or by default."""
        declared = yaml.safe_load((self.action / "action.yml").read_text(encoding="utf-8"))["inputs"]
        values = {name: str(declared[name].get("default", "")) for name in declared} | dict(inputs)
        named = {f"INPUT_{name.upper()}": value for name, value in values.items()}
        return {**self.machine, **env, **self.own, **named}

    def files(self) -> dict[str, str]:
        """The files of one step, which are new for each."""
        folder = self.root / "files"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        found = {}
        for name in ("ENV", "OUTPUT", "PATH", "STATE", "STEP_SUMMARY"):
            (folder / name).touch()
            found[f"GITHUB_{name}"] = str(folder / name)
        return found

    def command(self, name: str) -> list[str]:
        return [str(ANY_NODE), str(self.action / "action" / f"{name}.js")]

    def ended(self, code: int, out: str, err: str, files: Mapping[str, str]) -> Step:
        """What came of a step; its files are read as the runner reads them."""
        read = {name: Path(file).read_text(encoding="utf-8") for name, file in files.items()}
        variables, state = (parsed(read[f"GITHUB_{name}"]) for name in ("ENV", "STATE"))
        return Step(code, out, err, variables, state, read["GITHUB_STEP_SUMMARY"])

    def _run(self, name: str, env: dict[str, str]) -> Step:
        files = self.files()
        done = subprocess.run(
            self.command(name),
            env={**files, **env},
            cwd=self.workspace,
            capture_output=True,
            encoding="utf-8",
            timeout=60,
            check=False,
        )
        return self.ended(done.returncode, done.stdout, done.stderr, files)


def parsed(text: str) -> dict[str, str]:
    """Names and values in a file of the runner; anything else there is an error, as it is for the runner."""
    found = {}
    place = 0
    while place < len(text):
        match = _LINES.match(text, place) or _ONE_LINE.match(text, place)
        assert match, text[place:]
        found[match["name"]] = match["value"].removesuffix("\n")
        place = match.end()
    return found


def _decoded(text: str) -> str:
    return text.replace("%0D", "\r").replace("%0A", "\n").replace("%25", "%")
