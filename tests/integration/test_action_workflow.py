"""The example workflow, run by act on this machine itself: a runner of GitHub in all but name.

act masks less than the real runner and shows variables as they are set; what is masked is tested elsewhere.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from azure_devops_emulator import Organization, Service

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "github-workflow.yml"
TOKEN = "fake-token-of-ben"
PROJECT = """\
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "delivered-by-act"
version = "1.0"

[tool.hatch.build.targets.wheel]
include = ["delivered_by_act.py"]
"""


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository of a project that has the example as its workflow."""
    folder = tmp_path / "repository"
    workflows = folder / ".github" / "workflows"
    workflows.mkdir(parents=True)
    shutil.copy(EXAMPLE, workflows)
    (folder / "pyproject.toml").write_text(PROJECT)
    (folder / "delivered_by_act.py").write_text("VERSION = 1\n")
    git = [
        "git",
        "-c",
        "user.name=test",
        "-c",
        "user.email=test@example.test",
        "-c",
        "init.defaultBranch=main",
    ]
    for words in (["init", "-q"], ["add", "--all"], ["commit", "-q", "-m", "All"]):
        subprocess.run([*git, *words], cwd=folder, check=True, capture_output=True, timeout=60)
    return folder


def act(
    repository: Path, action: Path, organization: str, *options: str
) -> "subprocess.CompletedProcess[str]":
    """Push to the repository, so to speak, with the built action in the place of its release."""
    programs = Path(sys.executable).parent
    home = repository.parent / "home"
    home.mkdir()
    env = {key: value for key, value in os.environ.items() if not key.startswith(("PIP_INDEX", "PIP_EXTRA"))}
    # What the machine's own pip is told of its indexes lies in the user's folder.
    configured = os.environ.get("PIP_CONFIG_FILE", str(Path.home() / ".config" / "pip" / "pip.conf"))
    env |= {"HOME": str(home), "XDG_CACHE_HOME": str(home / ".cache"), "PIP_CONFIG_FILE": configured}
    env["PATH"] = f"{programs}{os.pathsep}{env['PATH']}"
    command = [str(programs / "act"), "push", "--platform", "ubuntu-latest=-self-hosted", "--pull=false"]
    command += ["--no-cache-server", "--action-offline-mode"]
    command += ["--local-repository", f"acme/pip-authenticate@v1={action}"]
    command += ["--var", f"AZURE_DEVOPS_ORGANIZATION={organization}", "--secret", f"FEED_TOKEN={TOKEN}"]
    return subprocess.run(
        [*command, *options],
        cwd=repository,
        env=env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.mark.slow
def test_two_jobs_install_and_publish(repository: Path, action: Path) -> None:
    with Service(Organization.load(ROOT / "examples" / "organization.toml")) as service:
        ended = act(repository, action, service.addresses()["packages"])
        log = [str(record) for record in service.log]
    shown = ended.stdout
    assert ended.returncode == 0, shown + ended.stderr
    assert shown.count("Job succeeded") == 2
    assert "Successfully installed InternalLibrary-2.0.0" in shown
    uploads = [line for line in log if "POST" in line and "/myTestFeed2/pypi/upload/" in line]
    assert len(uploads) == 2
    assert all("Ben Okri" in line for line in uploads)
    assert shown.count("Success - Post acme/pip-authenticate@v1") == 2
    assert not list(repository.parent.rglob("pip-authenticate-*"))
    assert TOKEN not in shown


@pytest.mark.slow
def test_a_job_that_may_not_read_ends_before_its_installer(repository: Path, action: Path) -> None:
    with Service(Organization.load(ROOT / "examples" / "organization.toml")) as service:
        organization = service.addresses()["packages"]
        ended = act(repository, action, organization, "--job", "test", "--secret", "FEED_TOKEN=no-such-token")
    assert ended.returncode == 1
    assert "pip-authenticate env failed; the lines above say why." in ended.stdout
    assert "pip install" not in ended.stdout
    assert "Success - Post acme/pip-authenticate@v1" in ended.stdout
