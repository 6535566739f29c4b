"""The command for people."""

import subprocess
import sys

import pytest

from pip_authenticate import __version__, cli


def test_help_names_every_command_and_gives_examples(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["--help"])
    assert ended.value.code == 0
    shown = capsys.readouterr().out
    for name, (_, line) in cli.COMMANDS.items():
        assert name in shown
        assert line.split()[0] in shown
    assert "examples:" in shown


def test_the_version_is_the_packages(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out.strip() == f"pip-authenticate {__version__}"


@pytest.mark.parametrize("arguments", [[], ["nonsense"], ["--nonsense"], ["-x", "emulator"]])
def test_wrong_usage_ends_with_two_and_says_what_there_is(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(arguments)
    assert ended.value.code == 2
    assert "usage: pip-authenticate" in capsys.readouterr().err


def test_a_command_gets_what_follows_its_name() -> None:
    command = [sys.executable, "-m", "pip_authenticate.cli", "emulator", "--help"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 0, ended.stderr
    assert "serve" in ended.stdout
