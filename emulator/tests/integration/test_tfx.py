"""The real `tfx build tasks`, as the repository pins it, against the emulated service."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from azure_devops_emulator.organization import Organization
from azure_devops_emulator.service import Service
from emulator_support.agent import ORGANIZATION, PROBE, Bench, make_task, output, probe, say
from emulator_support.tasks import PROBE_ID, version

ROOT = Path(__file__).parents[3]
TFX = [sys.executable, str(ROOT / "tools" / "tfx.py")]
PEOPLE = """
[[identities]]
name = "Olga Owner"
administrator = true
tokens = [{ value = "token-pools", scopes = ["vso.agentpools_manage"] }]

[[identities]]
name = "Nora Nobody"
tokens = [{ value = "token-nobody", scopes = ["app_token"] }]
"""

pytestmark = pytest.mark.slow
Tfx = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module", autouse=True)
def _installed() -> None:
    """Let tfx be installed with the machine's own settings of npm, if it is not there yet."""
    subprocess.run([*TFX, "version"], capture_output=True, timeout=600, check=True)


@pytest.fixture(params=["hosted", "on premises"])
def service(request: pytest.FixtureRequest) -> Iterator[Service]:
    organization = Organization.parse(ORGANIZATION + PEOPLE)
    with Service(organization, on_premises=request.param == "on premises") as running:
        yield running


@pytest.fixture
def tfx(service: Service, tmp_path: Path) -> Tfx:
    """Runs tfx against the service, with a home folder of its own."""
    home = tmp_path / "home"
    home.mkdir()

    def run(*words: str, token: str = "token-pools") -> "subprocess.CompletedProcess[str]":
        options = ("--service-url", service.tfx_service_url, "--auth-type", "pat", "--token", token)
        command = [*TFX, *words, *options, "--no-prompt", "--no-color"]
        environ = {**os.environ, "HOME": str(home), "USERPROFILE": str(home)}
        return subprocess.run(command, env=environ, capture_output=True, text=True, timeout=120, check=False)

    return run


def versions(tfx: Tfx) -> list[tuple[str, int]]:
    """Name and minor version of the tasks that tfx lists: of each major version the newest one."""
    listed = tfx("build", "tasks", "list", "--json")
    assert listed.returncode == 0, listed.stderr
    return [(row["name"], row["version"]["minor"]) for row in json.loads(listed.stdout)]


def test_tfx_uploads_lists_and_deletes_and_the_uploaded_task_runs(
    service: Service, tfx: Tfx, tmp_path: Path
) -> None:
    assert tfx("login").returncode == 0
    uploaded = tfx("build", "tasks", "upload", "--task-path", str(PROBE))
    assert uploaded.returncode == 0, uploaded.stderr
    assert "uploaded successfully" in uploaded.stdout
    again = tfx("build", "tasks", "upload", "--overwrite", "--task-path", str(PROBE))
    assert again.returncode != 0
    assert f"id '{PROBE_ID}', name 'Probe' and version '1.2.3' already exists." in again.stderr
    newer = str(make_task(tmp_path, version=version(9)))
    assert tfx("build", "tasks", "upload", "--task-path", newer).returncode == 0
    assert versions(tfx) == [("Probe", 9)]

    bench = Bench(service, tmp_path)
    result = bench.run(probe(say("ran")), task_dirs=())
    assert (result.result, output(result)) == ("Succeeded", ["ran"])
    assert "Version      : 1.9.0" in result.log

    deleted = tfx("build", "tasks", "delete", "--task-id", PROBE_ID)
    assert deleted.returncode == 0, deleted.stderr
    assert versions(tfx) == []
    assert "No task found" in tfx("build", "tasks", "delete", "--task-id", PROBE_ID).stderr


def test_tfx_shows_why_it_may_not(service: Service, tfx: Tfx) -> None:
    refused = tfx("build", "tasks", "upload", "--task-path", str(PROBE), token="token-nobody")
    assert "Access denied. Nora Nobody needs Manage permissions" in refused.stderr
    unknown = tfx("build", "tasks", "upload", "--task-path", str(PROBE), token="nonsense")
    assert "TF400813" in unknown.stderr
    assert refused.returncode
    assert unknown.returncode
    assert service.tasks.all() == []
