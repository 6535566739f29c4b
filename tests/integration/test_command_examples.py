"""The examples that each command's help ends with, run as they are written."""

import re
import subprocess
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

from azure_devops_emulator import Organization, Service
from pip_authenticate.commands import COMMANDS
from support.command import COMMAND, Command
from support.sign_in import signing_in

ORGANIZATION = Path(__file__).parents[2] / "emulator" / "tests" / "data" / "organizations" / "contoso.toml"
LINES = {name: import_module(f"pip_authenticate.commands.{name}").EXAMPLES.splitlines() for name in COMMANDS}
EXAMPLES = [line.strip().partition("    ")[0].strip() for lines in LINES.values() for line in lines]


@pytest.fixture(scope="module")
def server() -> Iterator[Service]:
    with Service(Organization.load(ORGANIZATION), on_premises=True) as service:
        yield service


@pytest.fixture
def command(tmp_path: Path, server: Service) -> Command:
    """In a project that names an index; its folder "auth" has been written."""
    made = Command(tmp_path)
    made.environ |= {
        "PIP_AUTHENTICATE_TOKEN": "canary-olga",
        "PIP_AUTHENTICATE_PORT": "0",  # several tests may run at once
        "PIP_AUTHENTICATE_ORGANIZATION": server.collection_uri,
        "GITHUB_ENV": str(tmp_path / "github-env"),
        "GITHUB_STEP_SUMMARY": str(tmp_path / "summary"),
        "PATH": f"{Path(COMMAND).parent}:{made.environ['PATH']}",
    }
    made.write("requirements.txt", f"-i {server.collection_uri}_packaging/shared/pypi/simple/\nShared\n")
    return made


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_works_as_it_is_written(command: Command, server: Service, example: str) -> None:
    words = {
        "project1/myFeed": "shared",
        "fabrikam": server.collection_uri,
        "HelloTestPackage": "Shared",
        "pip install": "pip download -d got",
        "~/.cache/feeds": str(command.home / "feeds"),
    }
    line = re.sub("|".join(map(re.escape, words)), lambda match: words[match[0]], example)
    if " forget " in line:
        assert command("write", "auth", "shared").returncode == 0
    if " report " in line:
        fetched = ("--via", "gateway", "--report", "fetched.json")
        assert command("run", "shared", *fetched, "--", "true").returncode == 0
    with signing_in() as entra:
        if "login" in line.split():
            line = line.replace(server.collection_uri, entra.organization)
        ended = subprocess.run(
            ["bash", "-euc", line],
            env={**command.environ, **entra.environ},
            cwd=command.project,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    assert ended.returncode == 0, ended.stderr
    assert "canary" not in ended.stderr


def test_every_command_has_examples() -> None:
    assert all(LINES.values())
