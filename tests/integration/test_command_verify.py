"""The option --verify of env, run and write: what is asked, said and done about it, by one process."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from azure_devops_emulator import Organization, Service
from support.agent import Log
from support.command import Command

ORGANIZATION = Path(__file__).parents[2] / "emulator" / "tests" / "data" / "organizations" / "contoso.toml"
GOOD, STRANGER = "canary-olga", "canary-nora"


@pytest.fixture
def server() -> Iterator[Service]:
    with Service(Organization.load(ORGANIZATION), on_premises=True) as service:
        yield service


@pytest.fixture
def command(tmp_path: Path, server: Service) -> Command:
    made = Command(tmp_path)
    made.environ |= {
        "PIP_AUTHENTICATE_ORGANIZATION": server.collection_uri,
        "PIP_AUTHENTICATE_CLIENT": "pip",
        "TMPDIR": str(tmp_path),
    }
    return made


WAYS = {
    "env": ["env", "shared", "--output", "sh"],
    "run": ["run", "shared"],
    "write": ["write", "auth", "shared"],
}


def done(command: Command, way: str, how: str, token: str) -> tuple[int, str, str, bool]:
    """Exit code, output and errors of a command that verifies; and whether settings were handed over."""
    program = ["--", "sh", "-c", 'echo "export PIP_INDEX_URL=$PIP_INDEX_URL"'] if way == "run" else []
    ended = command(*WAYS[way], "--verify", how, *program, PIP_AUTHENTICATE_TOKEN=token)
    is_set = "PIP_INDEX_URL" in ended.stdout or (command.project / "auth").exists()
    return ended.returncode, ended.stdout, ended.stderr, is_set


@pytest.mark.parametrize("way", WAYS)
def test_what_is_good_is_said_and_set(command: Command, way: str) -> None:
    code, _, told, is_set = done(command, way, "fail", GOOD)
    assert (code, is_set) == (0, True)
    assert "Verified " in told
    assert "may read and save from upstream" in told


@pytest.mark.parametrize("way", WAYS)
def test_what_is_bad_fails_it_or_is_a_warning(command: Command, way: str) -> None:
    code, out, told, is_set = done(command, way, "fail", STRANGER)
    assert (code, out, is_set) == (1, "", False)
    assert "error: " in told
    code, _, told, is_set = done(command, way, "warn", STRANGER)
    assert (code, is_set) == (0, True)
    (warning,) = (line for line in told.splitlines() if "warning: " in line)
    assert "has no role that reads the feed" in warning
    assert "Permissions, give this identity" in warning


def test_nothing_is_asked_unless_it_shall_be(command: Command, server: Service) -> None:
    assert done(command, "env", "off", STRANGER)[0] == 0
    assert server.log == []


def test_a_package_is_tried_by_its_download(command: Command, server: Service) -> None:
    ended = command(*WAYS["env"], "--verify=fail", "--package=Shared", PIP_AUTHENTICATE_TOKEN=GOOD)
    assert ended.returncode == 0, ended.stderr
    assert any("/pypi/download/" in str(record) for record in server.log)


def test_what_is_no_package_is_refused(command: Command) -> None:
    ended = command(*WAYS["env"], "--verify=fail", "--package=../x", PIP_AUTHENTICATE_TOKEN=GOOD)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "name of a package" in ended.stderr


@pytest.mark.parametrize("how", ["warn", "fail"])
def test_a_script_step_of_azure_pipelines_shows_the_verdict(
    command: Command, tmp_path: Path, how: str
) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    around = {"TF_BUILD": "True", "AGENT_TEMPDIRECTORY": str(temporary)}
    ended = command("env", "shared", "--verify", how, PIP_AUTHENTICATE_TOKEN=STRANGER, **around)
    log = Log(ended.stdout.splitlines())
    (uploaded,) = (Path(one.data) for one in log.commands if one.name == "task.uploadsummary")
    (row,) = (line for line in uploaded.read_text().splitlines() if line.startswith("| http"))
    assert "| bad: " in row
    assert "give this identity" in row
    assert "canary" not in row
    assert bool(log.variables) == (how == "warn")
