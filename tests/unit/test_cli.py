"""The command, as a person starts it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from pip_authenticate import __version__, settings
from pip_authenticate.commands import COMMANDS

COMMAND = str(Path(sys.executable).with_name("pip-authenticate"))


def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([COMMAND, *arguments], capture_output=True, text=True, timeout=60, check=False)


def test_the_version() -> None:
    assert run("--version").stdout == f"pip-authenticate {__version__}\n"


@pytest.mark.parametrize("arguments", [["--help"], *([name, "--help"] for name in COMMANDS)])
def test_help(arguments: list[str]) -> None:
    ended = run(*arguments)
    assert ended.returncode == 0
    assert "usage: pip-authenticate" in ended.stdout


@pytest.mark.parametrize(
    "arguments",
    [["nonsense"], ["inputs", "--nonsense"], ["env", "--client=nonsense"], ["env", "--timeout=x"]],
)
def test_wrong_usage(arguments: list[str]) -> None:
    ended = run(*arguments)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "Traceback" not in ended.stderr


def test_without_a_command_the_help_is_shown() -> None:
    ended = run()
    assert ended.returncode == 2
    assert ended.stdout == run("--help").stdout


def test_the_inputs_are_those_of_the_task() -> None:
    lines = run("inputs").stdout.splitlines()
    assert [line.split()[0] for line in lines] == [item.name for item in settings.INPUTS]
    rows = json.loads(run("inputs", "--json").stdout)
    assert [row["name"] for row in rows] == [item.name for item in settings.INPUTS]
    assert all(row["help"] for row in rows)
