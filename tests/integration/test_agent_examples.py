"""The examples, run as `pip-authenticate emulator run` runs them, with the built task and the real pip."""

import re
from pathlib import Path

import pytest

from pip_authenticate.emulator.agent import Agent, JobResult
from pip_authenticate.emulator.cli import main
from pip_authenticate.emulator.organization import Organization
from pip_authenticate.emulator.pipeline import Pipeline
from pip_authenticate.emulator.service import Service
from support.task import Task

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"


def run(task: Task, name: str, service: Service) -> JobResult:
    """Run an example."""
    agent = Agent(service=service, project="project1", task_dirs=[task.folder])
    return agent.run(Pipeline.load(EXAMPLES / name))


@pytest.mark.parametrize(
    ("name", "version"),
    [("feeds.yml", "1.0.0"), ("feeds-and-public-index.yml", "9.9.9"), ("service-connection.yml", "2.0.0")],
)
def test_the_examples_of_the_documentation_install_what_they_mean_to(
    task: Task, name: str, version: str
) -> None:
    with Service(Organization.load(EXAMPLES / "organization.toml")) as service:
        result = run(task, name, service)
    assert result.result == "Succeeded"
    assert f"Successfully installed HelloTestPackage-{version}" in result.log
    assert ("dependency confusion" in "\n".join(result.log)) == (name == "feeds-and-public-index.yml")
    assert not re.search(r"//[^/\s]*:(?!\*\*\*)[^/\s@]*@", "\n".join(result.log))


def test_saving_from_an_upstream_source_takes_the_role(
    task: Task, capsys: pytest.CaptureFixture[str]
) -> None:
    with Service(Organization.load(EXAMPLES / "organization.toml")) as service:
        saved = run(task, "save-from-upstream.yml", service)
    assert saved.result == "Succeeded"
    assert "Successfully installed UpstreamPackage-1.5.0" in saved.log
    example = str(EXAMPLES / "save-from-upstream.yml")
    assert main(["run", example, "--project", "project2", "--task-dir", str(task.folder)]) == 1
    shown = capsys.readouterr().out
    assert "403 Client Error" in shown
    assert "Job result: Failed" in shown


def test_behind_a_proxy(task: Task, capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["run", str(EXAMPLES / "behind-a-proxy.yml"), "--proxy", "--task-dir", str(task.folder)])
    shown = capsys.readouterr().out
    assert code == 0, shown
    assert shown.count("Successfully installed HelloTestPackage-1.0.0") == 2
    assert "http://devops.example.test/" in shown
    assert "##[error]" not in shown
