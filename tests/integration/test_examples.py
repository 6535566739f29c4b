"""The examples, run as `azure-devops-emulator run` runs them, with the built task and the real pip."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from azure_devops_emulator import Agent, JobResult, Organization, Pipeline, Service
from support.task import Task

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"


def run(task: Task, name: str, service: Service) -> JobResult:
    """Run an example."""
    agent = Agent(service=service, project="project1", task_dirs=[task.folder])
    return agent.run(Pipeline.load(EXAMPLES / name))


def command(task: Task, name: str, *options: str) -> "subprocess.CompletedProcess[str]":
    """Run an example with the emulator's command."""
    words = [sys.executable, "-m", "azure_devops_emulator", "run", str(EXAMPLES / name), *options]
    words += ["--task-dir", str(task.folder)]
    return subprocess.run(words, capture_output=True, text=True, timeout=120, check=False)


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


def test_saving_from_an_upstream_source_takes_the_role(task: Task) -> None:
    with Service(Organization.load(EXAMPLES / "organization.toml")) as service:
        saved = run(task, "save-from-upstream.yml", service)
    assert saved.result == "Succeeded"
    assert "Successfully installed UpstreamPackage-1.5.0" in saved.log
    refused = command(task, "save-from-upstream.yml", "--project", "project2")
    assert refused.returncode == 1
    assert "403 Client Error" in refused.stdout
    assert "Job result: Failed" in refused.stdout


def test_behind_a_proxy(task: Task) -> None:
    ended = command(task, "behind-a-proxy.yml", "--proxy")
    shown = ended.stdout
    assert ended.returncode == 0, shown
    assert shown.count("Successfully installed HelloTestPackage-1.0.0") == 2
    assert "http://devops.example.test/" in shown
    assert "##[error]" not in shown
