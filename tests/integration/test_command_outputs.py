"""The command env where a CI or a person reads it."""

import stat
from contextlib import closing
from pathlib import Path

import pytest

from support.agent import Log
from support.command import COMMAND, Command
from support.readers import read_github
from support.terminal import Terminal

INDEX = "https://h.example/simple/"
TOKEN = "canary-of-a-token"
URL = f"https://build:{TOKEN}@h.example/simple/"


@pytest.fixture
def command(tmp_path: Path) -> Command:
    return Command(tmp_path)


def test_github_actions_gets_masks_variables_and_a_summary(command: Command, tmp_path: Path) -> None:
    variables, shown = tmp_path / "variables", tmp_path / "summary"
    variables.write_text("OTHER=1")
    ended = command(
        "env", INDEX, "--client", "pip", PIP_AUTHENTICATE_TOKEN=TOKEN, GITHUB_ACTIONS="true",
        GITHUB_ENV=str(variables), GITHUB_STEP_SUMMARY=str(shown), RUNNER_TEMP=str(tmp_path),
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    assert all(line.startswith("::add-mask::") for line in ended.stdout.splitlines())
    assert f"::add-mask::{TOKEN}" in ended.stdout.splitlines()
    assert read_github(variables.read_text()) == {"OTHER": "1", "PIP_INDEX_URL": URL}
    assert TOKEN not in ended.stderr + shown.read_text()
    assert "h.example" in shown.read_text()


def test_the_user_name_of_a_token_is_an_ordinary_word(command: Command, tmp_path: Path) -> None:
    """Masked, it would be struck out of every log in which something is built."""
    command.write("pyproject.toml", f'[[tool.uv.index]]\nname = "x"\nurl = "{INDEX}"\n')
    ended = command(
        "env", "--client", "uv", "--output", "github", "--indexes", INDEX,
        PIP_AUTHENTICATE_TOKEN=TOKEN, GITHUB_ENV=str(tmp_path / "variables"),
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    assert read_github((tmp_path / "variables").read_text()) == {
        "UV_INDEX_X_USERNAME": "build",
        "UV_INDEX_X_PASSWORD": TOKEN,
    }
    masked = [line.removeprefix("::add-mask::") for line in ended.stdout.splitlines()]
    assert TOKEN in masked
    assert "build" not in masked


def test_files_are_where_github_actions_keeps_them_for_the_job(command: Command, tmp_path: Path) -> None:
    variables, temporary = tmp_path / "variables", tmp_path / "temporary"
    temporary.mkdir()
    ended = command(
        "env", INDEX, "--client", "netrc", PIP_AUTHENTICATE_TOKEN=TOKEN, GITHUB_ACTIONS="true",
        GITHUB_ENV=str(variables), RUNNER_TEMP=str(temporary),
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    path = Path(read_github(variables.read_text())["NETRC"])
    assert path.parent.parent == temporary
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert TOKEN in path.read_text()
    assert TOKEN not in variables.read_text() + ended.stderr


def test_a_script_step_of_azure_pipelines_gets_commands(command: Command, tmp_path: Path) -> None:
    ended = command(
        "env", INDEX, "--client", "pip", PIP_AUTHENTICATE_TOKEN=TOKEN, TF_BUILD="True",
        AGENT_TEMPDIRECTORY=str(tmp_path),
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    log = Log(ended.stdout.splitlines())
    assert log.variables == {"PIP_INDEX_URL": URL}
    assert {TOKEN, URL} <= set(log.secrets)
    names = [command.name for command in log.commands]
    assert set(names[:-2]) == {"task.setsecret"}, "secrets are registered before all else"
    assert names[-2:] == ["task.setvariable", "task.uploadsummary"]
    (uploaded,) = (Path(one.data) for one in log.commands if one.name == "task.uploadsummary")
    assert uploaded.is_relative_to(tmp_path)
    assert TOKEN not in uploaded.read_text() + ended.stderr


def test_what_circleci_reads_first_is_private(command: Command, tmp_path: Path) -> None:
    script = tmp_path / "bash_env"
    ended = command(
        "env", INDEX, "--client", "pip", PIP_AUTHENTICATE_TOKEN=TOKEN, CIRCLECI="true", BASH_ENV=str(script)
    )
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout == ""
    assert TOKEN not in ended.stderr
    assert script.read_text() == f"export PIP_INDEX_URL='{URL}'\n"
    assert stat.S_IMODE(script.stat().st_mode) == 0o600


@pytest.mark.parametrize("output", ["github", "gitlab", "circleci", "azure-pipelines", "nonsense"])
def test_where_settings_cannot_go_nothing_is_written(command: Command, output: str, tmp_path: Path) -> None:
    before = sorted(tmp_path.rglob("*"))
    ended = command("env", INDEX, "--client", "pip", "--output", output, PIP_AUTHENTICATE_TOKEN=TOKEN)
    assert ended.returncode in {1, 2}
    assert len(ended.stderr.splitlines()) == 1
    assert TOKEN not in ended.stderr
    assert "PIP_" not in ended.stdout
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("output", ["sh", "fish", "powershell", "cmd", "dotenv", "json"])
def test_a_person_sees_no_secret_unless_it_is_asked_for(command: Command, output: str) -> None:
    arguments = [COMMAND, "env", INDEX, "--client", "pip", "--output", output]
    for more in ([], ["--show-secrets"]):
        environ = {**command.environ, "PIP_AUTHENTICATE_TOKEN": TOKEN}
        with closing(Terminal([*arguments, *more], command.project, environ)) as terminal:
            terminal.wait_for("Settings for")
            assert "PIP_INDEX_URL" in terminal.seen
            assert (TOKEN in terminal.seen) == bool(more)


@pytest.mark.parametrize(("output", "missing"), [("github", "GITHUB_ENV"), ("azure-pipelines", "TF_BUILD")])
def test_where_no_ci_is_no_mask_is_written_either(command: Command, output: str, missing: str) -> None:
    """Nobody would read it as one: it would be a secret in the output."""
    ended = command(
        "env", "--output", output, "https://index.example/simple/", PIP_AUTHENTICATE_TOKEN="canary-token"
    )
    assert (ended.returncode, ended.stdout) == (1, "")
    assert missing in ended.stderr


def test_where_no_index_is_named_that_is_said(command: Command) -> None:
    ended = command("env", "--client", "pip")
    assert (ended.returncode, ended.stdout) == (0, "")
    assert "Name one: a feed or a URL." in ended.stderr
