"""The command, as a person starts it."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import idna
import pytest

import pip_authenticate
from pip_authenticate import __version__, options, settings
from pip_authenticate.commands import COMMANDS
from support.pythons import pythons

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


# ---- options that mean something ---------------------------------------------------------------------

OPENING = {"run", "serve", "env", "write", "check", "whoami"}
SETTING = OPENING - {"whoami"}
MEANT = {
    **dict.fromkeys(("credential", "token-file", "indexes", "timeout"), OPENING),
    **dict.fromkeys(("scope", "cache", "no-cache"), OPENING),
    **dict.fromkeys(("client", "only-extra", "package"), SETTING),
    "publish": SETTING - {"serve"},
    "token-stdin": OPENING,
    "organization": {*OPENING, "login"},
    "tenant": {*OPENING, "login"},
    **dict.fromkeys(("identity", "id-token-variable"), OPENING),
    "client-id": {"login"},
    "verify": SETTING - {"check"},
    "output": {"env"},
    "directory": {"env"},
    "format": {"report"},
    "show-secrets": {"env"},
    **{name: {"run"} for name in ("via", "allow-upload")},
    **{name: {"run", "serve"} for name in ("guard", "no-guard", "public", "report")},
    "port": {"serve"},
    "json": {"check", "whoami", "config", "inputs"},
    "quiet": {*OPENING, "config", "forget", "logout"},
    "verbose": {*OPENING, "config", "forget", "login"},
    "help": set(COMMANDS),
}
"""The commands for which each option means something."""


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_shows_options_that_mean_something(name: str) -> None:
    shown = set(re.findall(r"^  (?:-\w, )?--([\w-]+)", run(name, "--help").stdout, re.MULTILINE))
    listed = {option.name for option in options.OPTIONS} if name == "config" else set()
    assert shown == {option for option, commands in MEANT.items() if name in commands} | listed


@pytest.mark.parametrize("name", COMMANDS)
def test_shells_complete_what_the_help_shows(name: str) -> None:
    shown = set(re.findall(r"^  (?:-\w, )?(--[\w-]+)", run(name, "--help").stdout, re.MULTILINE))
    bash = re.search(rf'^ +{name}\) words="(.*)";;$', run("completion", "bash").stdout, re.MULTILINE)
    assert bash
    assert set(bash[1].split()) == shown
    rows = re.findall(r"seen_subcommand_from ([\w ]+)' -l (\S+)", run("completion", "fish").stdout)
    assert {f"--{option}" for commands, option in rows if name in commands.split()} | {"--help"} == shown


@pytest.mark.parametrize(
    ("name", "option", "told"),
    [
        ("env", "via", "--via is for run"),
        ("write", "output", "--output is for env"),
        ("whoami", "client", "--client is for run, serve, env, write, check"),
        ("check", "verify", "--verify is for run, serve, env, write"),
        ("forget", "organization", "--organization is for run, serve, env, write, check, whoami"),
        ("inputs", "quiet", "there is no option --quiet"),
        ("check", "canary", "there is no option --canary"),
    ],
)
def test_what_means_nothing_is_refused_in_one_line(name: str, option: str, told: str) -> None:
    for words in ([f"--{option}=secret-canary"], [f"--{option}", "secret-canary"]):
        ended = run(name, *words, "x")
        assert (ended.returncode, ended.stdout) == (2, "")
        assert ended.stderr == f"pip-authenticate: error: {told}; see pip-authenticate {name} --help\n"


def test_every_python_shows_the_same_help() -> None:
    """So that what is committed of it does not depend on who makes it."""
    libraries = os.pathsep.join(str(Path(one.__file__ or "").parents[1]) for one in (pip_authenticate, idna))
    code = "import sys; from pip_authenticate.cli import main; sys.exit(main([sys.argv[1], '--help']))"
    for name in COMMANDS:
        helps = {
            subprocess.run(
                [python, "-c", code, name],
                env={**os.environ, "PYTHONPATH": libraries, "COLUMNS": "100"},
                capture_output=True,
                text=True,
                timeout=60,
                check=True,
            ).stdout
            for version, python in pythons().items()
            if version >= (3, 10)
        }
        assert len(helps) == 1, name
