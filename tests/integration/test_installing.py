"""What the documentation says about installing, in an organisation with and without the built-in task."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from azure_devops_emulator import Agent, EmulatorError, JobResult, Organization, Pipeline, Service
from support.task import Task

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
FULL_NAME = "acme.pip-authenticate.python-authenticate.PythonAuthenticate"
SITUATIONS = ["absent", "present", "wins", "ambiguous"]


@pytest.fixture(scope="module")
def extension(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The extension as its publisher acme builds it."""
    folder = tmp_path_factory.mktemp("extension")
    command = [sys.executable, str(ROOT / "tools" / "build_extension.py"), "--publisher=acme", str(folder)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    assert ended.returncode == 0, ended.stderr
    (file,) = folder.iterdir()
    return file


def run(folder: Path, name: str, built_in: str, *, tasks: list[Path], extensions: list[Path]) -> JobResult:
    """Run the step of the documentation's first example with another name of the task.

    Args:
        folder: where the pipeline is written.
        name: what the step calls the task.
        built_in: the emulated organisation's `built_in_task`.
        tasks: folders of tasks that were uploaded.
        extensions: .vsix files that were installed.
    """
    said = (EXAMPLES / "organization.toml").read_text(encoding="utf-8")
    said, count = re.subn(r'built_in_task = "\w+"', f'built_in_task = "{built_in}"', said)
    assert count == 1
    step, _, _ = (EXAMPLES / "feeds.yml").read_text(encoding="utf-8").partition("- script:")
    file = folder / "pipeline.yml"
    file.write_text(step.replace("PipAuthenticate@1", f"{name}@1"), encoding="utf-8")
    with Service(Organization.parse(said)) as service:
        agent = Agent(
            service=service, project="project1", task_dirs=tasks, extensions=extensions, python=False
        )
        return agent.run(Pipeline.load(file))


def assert_worked(result: JobResult) -> None:
    """The task ran and opened its feeds."""
    assert result.result == "Succeeded", "\n".join(result.log)
    assert "/_packaging/myTestFeed1/pypi/simple" in result.variables["PIP_INDEX_URL"].value


@pytest.mark.slow
@pytest.mark.parametrize("built_in", SITUATIONS)
@pytest.mark.parametrize("name", ["PythonAuthenticate", FULL_NAME])
def test_the_extensions_task_is_reached_beside_the_built_in_one(
    extension: Path, tmp_path: Path, built_in: str, name: str
) -> None:
    assert_worked(run(tmp_path, name, built_in, tasks=[], extensions=[extension]))


@pytest.mark.parametrize("built_in", SITUATIONS)
def test_the_uploaded_task_is_reached_by_its_id(task: Task, tmp_path: Path, built_in: str) -> None:
    identifier = json.loads((task.folder / "task.json").read_text(encoding="utf-8"))["id"]
    assert_worked(run(tmp_path, identifier, built_in, tasks=[task.folder], extensions=[]))


def test_without_a_built_in_task_the_name_of_the_uploaded_one_reaches_it(task: Task, tmp_path: Path) -> None:
    assert_worked(run(tmp_path, "PipAuthenticate", "absent", tasks=[task.folder], extensions=[]))


def test_beside_a_built_in_task_the_name_of_the_uploaded_one_does_not_reach_it(
    task: Task, tmp_path: Path
) -> None:
    result = run(tmp_path, "PipAuthenticate", "wins", tasks=[task.folder], extensions=[])
    assert result.result == "Failed"
    assert "the built-in task" in result.steps[0].errors[0]
    for built_in in ("present", "ambiguous"):
        with pytest.raises(EmulatorError, match="The task name PipAuthenticate is ambiguous"):
            run(tmp_path, "PipAuthenticate", built_in, tasks=[task.folder], extensions=[])
