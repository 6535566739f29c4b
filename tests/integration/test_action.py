"""The built action under the runner's contract: a real Node, Python, pip and an organisation on loopback."""

import os
import re
import shutil
import signal
import subprocess
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from azure_devops_emulator import Organization, Service
from support import real_pip
from support.runner import Runner
from support.shim import executable

ROOT = Path(__file__).parents[2]
TOKEN = "fake-token-of-ada-everything"
BEGIN = "printf . >&3; "
COMMAND = """#!/bin/sh
printf '%s\\n' "$@" > '{booty}'
env -0 >> '{booty}.env'
printf . >&3
{script}
"""


@pytest.fixture
def runner(tmp_path: Path, action: Path) -> Runner:
    return Runner(tmp_path, action)


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    with Service(Organization.load(ROOT / "examples" / "organization.toml")) as one:
        yield one


def given(service: Service, **more: str) -> dict[str, str]:
    """The inputs of a step that names a feed."""
    named = {name.replace("_", "-"): value for name, value in more.items()}
    feed = {"indexes": "myTestFeed2", "organization": service.addresses()["packages"], "clients": "pip"}
    return {**feed, "token": TOKEN, **named}


class StandIn:
    """A program in Python's place, that notes what it is given and then does as it is told."""

    def __init__(self, runner: Runner, script: str = "exit 0") -> None:
        self.booty = runner.root / "booty"
        self.folder = runner.root / "a"
        executable(self.folder / "python3", COMMAND.format(booty=self.booty, script=script))
        self.env = {"PATH": f"{self.folder}{os.pathsep}{os.defpath}"}

    @property
    def command(self) -> list[str]:
        """The command, without what starts Python."""
        words = self.booty.read_text(encoding="utf-8").splitlines()
        return words[words.index("3") + 2 :]

    @property
    def folder_of_command(self) -> str:
        words = self.booty.read_text(encoding="utf-8").splitlines()
        return words[words.index("3") + 1]

    @property
    def inherited(self) -> dict[str, str]:
        """The environment of the last one."""
        text = self.booty.with_suffix(".env").read_text(encoding="utf-8")
        return dict(pair.split("=", 1) for pair in text.split("\0") if pair)


# ---- the whole way -------------------------------------------------------------------------------


def test_pip_installs_with_what_later_steps_find(runner: Runner, service: Service, tmp_path: Path) -> None:
    step = runner.main(given(service))
    assert step.code == 0, step.log
    assert set(step.variables) == {"PIP_INDEX_URL"}
    ended = real_pip.download(tmp_path, step.variables, "InternalLibrary")
    assert ended.returncode == 0, ended.stderr
    assert real_pip.downloaded(tmp_path)


def test_masks_come_before_all_else_and_nothing_else_shows_the_token(
    runner: Runner, service: Service
) -> None:
    step = runner.main(given(service, verify="warn"))
    assert step.out.startswith(f"::add-mask::{TOKEN}\n")
    assert TOKEN in step.masks
    assert TOKEN not in step.log + step.summary


def test_the_token_may_come_by_the_environment(runner: Runner, service: Service) -> None:
    step = runner.main(given(service, token=""), {"PIP_AUTHENTICATE_TOKEN": TOKEN})
    assert step.code == 0, step.log
    assert step.out.startswith(f"::add-mask::{TOKEN}\n")
    assert f":{TOKEN}@" in step.variables["PIP_INDEX_URL"]


def test_the_input_wins_over_the_environment(runner: Runner, service: Service) -> None:
    step = runner.main(given(service), {"PIP_AUTHENTICATE_TOKEN": "another-token"})
    assert step.variables["PIP_INDEX_URL"].count(f":{TOKEN}@") == 1


def test_files_are_private_and_removed_by_the_last_step(runner: Runner, service: Service) -> None:
    step = runner.main(given(service, clients="netrc"))
    assert step.code == 0, step.log
    (folder,) = runner.temporary.iterdir()
    file = Path(step.variables["NETRC"])
    assert file.is_relative_to(folder)
    assert TOKEN in file.read_text(encoding="utf-8")
    assert (folder.stat().st_mode & 0o777, file.stat().st_mode & 0o777) == (0o700, 0o600)
    last = runner.post(step.state)
    assert (last.code, last.err) == (0, "")
    assert "are removed" in last.out
    assert list(runner.temporary.iterdir()) == []


def test_two_steps_of_one_job_remove_their_own_files(runner: Runner, service: Service) -> None:
    first, second = (runner.main(given(service, clients="netrc")) for _ in range(2))
    runner.post(second.state)
    assert Path(first.variables["NETRC"]).is_file()
    runner.post(first.state)
    assert list(runner.temporary.iterdir()) == []


def test_the_project_of_the_workspace_is_looked_at(runner: Runner, service: Service) -> None:
    url = service.addresses()["feed myTestFeed2"]
    project = runner.workspace / "sub"
    project.mkdir()
    (project / "requirements.txt").write_text(f"--extra-index-url {url}\n")
    (project / "pyproject.toml").write_text(f'[tool.pip-authenticate]\nindexes = ["{url}"]\n')
    step = runner.main(given(service, indexes="", working_directory="sub"))
    assert step.code == 0, step.log
    assert "myTestFeed2" in step.variables["PIP_EXTRA_INDEX_URL"]


# ---- verification --------------------------------------------------------------------------------


def test_verification_that_fails_makes_no_settings(runner: Runner, service: Service) -> None:
    step = runner.main(given(service, token="no-such-token", verify="fail"))
    assert step.code == 1
    assert step.said("error") == ["pip-authenticate env failed; the lines above say why."]
    assert step.variables == {}
    assert "| bad" in step.summary
    assert "is not accepted" in step.summary
    assert "no-such-token" not in step.log + step.summary


def test_verification_that_warns_makes_them_all_the_same(runner: Runner, service: Service) -> None:
    step = runner.main(given(service, token="no-such-token", verify="warn"))
    assert step.code == 0, step.log
    assert "warning: " in step.err
    assert "is not accepted" in step.err
    assert set(step.variables) == {"PIP_INDEX_URL"}
    assert "| bad" in step.summary


def test_the_summary_says_what_verification_found_and_what_to_do(runner: Runner, service: Service) -> None:
    asked = runner.main(given(service, verify="fail"))
    assert asked.code == 0, asked.log
    for told in ("myTestFeed2", "explicit-token", "| pip |", "| limited: ", "may read", "give this identity"):
        assert told in asked.summary
    assert "may read" not in runner.main(given(service)).summary, "nothing is asked unless it shall be"


def test_verification_tries_a_package(runner: Runner, service: Service) -> None:
    step = runner.main(given(service, verify="fail", verify_package="InternalLibrary"))
    assert step.code == 0, step.log
    assert any("/pypi/download/" in str(record) for record in service.log)


# ---- what the command is told --------------------------------------------------------------------


def test_inputs_become_arguments_in_the_workspace(runner: Runner) -> None:
    python = StandIn(runner)
    inputs = {
        "indexes": "a, p/b@v\n\nx=https://h.example/simple/ ",
        "organization": "fabrikam",
        "clients": "pip,uv",
        "publish": "True",
        "only-extra": "true",
        "verify": "warn",
        "verify-package": "Some.Package",
    }
    step = runner.main(inputs, python.env)
    assert step.code == 0, step.log
    assert python.folder_of_command == str(runner.workspace)
    assert python.command == [
        *("env", "--output=github", "--organization=fabrikam", "--client=pip", "--client=uv"),
        *("--only-extra", "--publish", "--verify=warn", "--package=Some.Package"),
        *("--", "a", "p/b@v", "x=https://h.example/simple/"),
    ]


def test_no_value_is_taken_for_an_option(runner: Runner) -> None:
    step = runner.main({"indexes": "--output=sh", "clients": "pip", "token": TOKEN})
    assert step.code == 1
    assert "Index 1" in step.err
    assert step.variables == {}


WRONG = {
    "only-extra": ("yes", "Input only-extra takes the words false and true."),
    "publish": ("1", "Input publish takes the words false and true."),
    "verify": ("on", "Input verify takes the words off, warn and fail."),
    "working-directory": ("nowhere", "Input working-directory names no folder: {workspace}/nowhere"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_input_is_said_before_python_is_started(runner: Runner, name: str) -> None:
    python = StandIn(runner)
    value, said = WRONG[name]
    step = runner.main({name: value, "token": TOKEN}, python.env)
    assert step.code == 1
    assert step.said("error") == [said.format(workspace=runner.workspace)]
    assert not python.booty.exists()


def test_without_a_token_nothing_is_asked(runner: Runner, service: Service) -> None:
    before = len(service.log)
    step = runner.main(given(service, token=""))
    assert step.code == 1
    assert "add-mask" not in step.out
    assert "PIP_AUTHENTICATE_TOKEN" in step.err
    assert (step.variables, len(service.log)) == ({}, before)


def test_a_token_of_several_lines_is_masked_whole(runner: Runner) -> None:
    step = runner.main({"token": "50%\r\nsecret\n", "indexes": "https://h.example/simple/"})
    assert step.masks == ["50%\r\nsecret\n", "50%\r\nsecret"]
    assert "50%" not in step.log
    assert step.code == 1
    assert "PIP_AUTHENTICATE_TOKEN holds no token" in step.err


def test_an_identity_in_place_of_a_token(runner: Runner) -> None:
    """The runner sets how identity tokens are asked for; who to be is an input, and no variable."""
    python = StandIn(runner)
    asking = {"ACTIONS_ID_TOKEN_REQUEST_URL": "https://h.example/?x=y", "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "t"}
    planted = {"AZURE_CLIENT_ID": "x", "AZURE_TENANT_ID": "x", "AZURE_AUTHORITY_HOST": "x"}
    inputs = {"identity": "some-id", "tenant": "some-tenant", "indexes": "f"}
    step = runner.main(inputs, {**python.env, **asking, **planted})
    assert step.code == 0, step.log
    assert python.command[:4] == ["env", "--output=github", "--identity=some-id", "--tenant=some-tenant"]
    assert asking.items() <= python.inherited.items()
    assert not planted.keys() & python.inherited.keys()


# ---- what steps before may have set --------------------------------------------------------------

PLANTED = {
    **dict.fromkeys(("BASH_ENV", "ENV", "LD_PRELOAD", "PYTHONPATH", "PYTHONSTARTUP", "NODE_OPTIONS_X"), "/x"),
    **dict.fromkeys(("PIP_AUTHENTICATE_ORGANIZATION", "PIP_AUTHENTICATE_INDEXES", "AZURE_X", "OWN"), "/x"),
    **dict.fromkeys(("GITHUB_TOKEN", "ACTIONS_RUNTIME_TOKEN", "AWS_SESSION_TOKEN", "SSLKEYLOGFILE"), "/x"),
}


def test_python_inherits_what_it_reads_and_nothing_else(runner: Runner) -> None:
    python = StandIn(runner)
    wanted = {"PIP_EXTRA_INDEX_URL": "https://x.example/", "https_proxy": "http://p.example/", "LANG": "C"}
    runner.main({"token": TOKEN}, {**python.env, **PLANTED, **wanted})
    names = set(python.inherited) - {"PWD", "SHLVL", "_"}  # the shell's own
    assert not names & set(PLANTED)
    assert not [name for name in names if name.startswith("INPUT_")]
    assert set(wanted) <= names
    assert python.inherited["PIP_AUTHENTICATE_TOKEN"] == TOKEN
    assert python.inherited["RUNNER_TEMP"].startswith(f"{runner.temporary}/pip-authenticate-")


def test_libraries_are_loaded_from_the_machine_only(runner: Runner) -> None:
    python = StandIn(runner)
    planted = f"/opt/lib:{runner.workspace}/lib::lib:{runner.temporary}"
    runner.main({}, {**python.env, "LD_LIBRARY_PATH": planted})
    assert python.inherited["LD_LIBRARY_PATH"] == "/opt/lib"


def test_a_variable_of_an_earlier_step_names_no_organisation(runner: Runner) -> None:
    inputs = {"indexes": "f", "token": TOKEN, "clients": "pip"}
    step = runner.main(inputs, {"PIP_AUTHENTICATE_ORGANIZATION": "evil"})
    assert step.code == 1
    assert "evil" not in step.err
    assert "organization" in step.err


@pytest.mark.parametrize("place", ["work/repo/repo/.venv/bin", "work/_temp/bin", "work/repo/bin"])
def test_no_python_of_the_job_is_started(runner: Runner, place: str) -> None:
    executable(runner.root / place / "python3", f"#!/bin/sh\ntouch {runner.root}/started\n{BEGIN}exit 0\n")
    step = runner.main({"token": TOKEN}, {"PATH": str(runner.root / place)})
    assert step.code == 1
    assert "a folder of the job" in step.said("error")[0]
    assert "actions/setup-python" in step.said("error")[0]
    assert not (runner.root / "started").exists()


def test_a_python_of_the_tool_cache_will_do(runner: Runner) -> None:
    folder = runner.root / "tools" / "Python" / "3.12.1" / "x64" / "bin"
    executable(folder / "python3", f"#!/bin/sh\n{BEGIN}exit 0\n")
    step = runner.main({"token": TOKEN}, {"PATH": "/nowhere"})
    assert step.code == 0, step.log


def test_the_sources_are_not_imported(runner: Runner, service: Service) -> None:
    for name in ("json.py", "platformdirs.py", "pip_authenticate.py", "sitecustomize.py"):
        (runner.workspace / name).write_text("raise SystemExit('imported')\n")
    assert runner.main(given(service)).code == 0


# ---- ends ----------------------------------------------------------------------------------------


def test_a_python_that_breaks_off_is_told_from_a_command_that_fails(runner: Runner) -> None:
    broken = runner.main({}, StandIn(runner, "kill -KILL $$").env)
    assert broken.code == 1
    assert "was ended by the signal SIGKILL before the action was done" in broken.said("error")[0]
    failed = runner.main({}, StandIn(runner, "echo reason >&2; exit 1").env)
    assert failed.said("error") == ["pip-authenticate env failed; the lines above say why."]
    assert failed.err == "reason\n"


def test_a_cancelled_step_still_has_its_files_removed(runner: Runner) -> None:
    script = f"touch {runner.root}/started \"$RUNNER_TEMP/secret\"; trap 'exit 130' INT; sleep 20 & wait"
    python = StandIn(runner, script)
    files = runner.files()
    with subprocess.Popen(
        runner.command("main"),
        env={**files, **runner.given({"token": TOKEN}, python.env)},
        cwd=runner.workspace,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        until = time.monotonic() + 20
        while not (runner.root / "started").exists() and time.monotonic() < until:
            time.sleep(0.01)
        os.kill(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=15)
    step = runner.ended(process.returncode, out, err, files)
    assert (step.code, step.said("error")) == (1, ["Adding authentication was canceled."])
    assert [file.name for folder in runner.temporary.iterdir() for file in folder.iterdir()] == ["secret"]
    runner.post(step.state)
    assert list(runner.temporary.iterdir()) == []


def test_the_last_step_removes_nothing_that_it_did_not_make(runner: Runner, tmp_path: Path) -> None:
    other = tmp_path / "pip-authenticate-other"
    for folder in (other, runner.temporary / "another"):
        folder.mkdir()
        last = runner.post({"folder": str(folder)})
        assert (last.code, last.out, folder.is_dir()) == (0, "", True)
    inside = f"{runner.temporary}/pip-authenticate-x/../another"
    assert runner.post({"folder": inside}).code == 0
    assert (runner.temporary / "another").is_dir()
    assert runner.post({}).code == 0


def test_the_sources_say_that_they_are_no_release(tmp_path: Path) -> None:
    for name in ("action", "task", "action.yml"):
        (shutil.copytree if (ROOT / name).is_dir() else shutil.copy)(ROOT / name, tmp_path / "repo" / name)
    step = Runner(tmp_path / "machine", tmp_path / "repo").main({"token": TOKEN})
    assert step.code == 1
    assert step.said("error")[0].startswith("These are the sources of the action")


@pytest.mark.parametrize("name", ["RUNNER_TEMP", "GITHUB_STATE", "GITHUB_WORKSPACE"])
def test_elsewhere_it_says_what_is_missing(runner: Runner, name: str) -> None:
    env = {**runner.files(), **runner.given({"token": TOKEN}, {})}
    del env[name]
    ended = subprocess.run(runner.command("main"), env=env, capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert f"::error::There is no {name}: this action needs a runner" in ended.stdout


def test_its_snippet_in_the_readme_is_the_example() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    (snippet,) = re.findall(r"^```yml\n(.*?)^```", readme, re.MULTILINE | re.DOTALL)
    example = (ROOT / "examples" / "github-workflow.yml").read_text(encoding="utf-8")
    assert textwrap.indent(snippet, 6 * " ") in example
