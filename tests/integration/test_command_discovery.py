"""Which files of a project are opened: those that are named by paths, and none of ten thousand others."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from support.command import Command

FEED = "https://pkgs.dev.azure.com/contoso/_packaging/feed/pypi/simple/"
WATCHED = """
import sys
from pip_authenticate.cli import main

seen = []

def note(event, arguments):
    if event == "open" and not arguments[2] & 0o3:  # for reading
        seen.append(arguments[0])
    elif event in {"os.listdir", "os.scandir"}:
        seen.append(f"{arguments[0]}/")

sys.addaudithook(note)
code = main(sys.argv[1:])
print(*seen, sep="\\n", file=sys.stderr)
sys.exit(code)
"""
"""The command, watched by the interpreter itself, which tells every file that is opened (PEP 578)."""


@pytest.fixture
def command(tmp_path: Path) -> Command:
    return Command(tmp_path)


def opened(command: Command, folder: Path, *arguments: str) -> list[str]:
    """What the command opened or listed below the project and the home."""
    ended = subprocess.run(
        [sys.executable, "-c", WATCHED, *arguments],
        env={**command.environ, "PIP_AUTHENTICATE_TOKEN": "canary"},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    lines = [os.path.normpath(line) + "/" * line.endswith("/") for line in ended.stderr.splitlines()]
    return sorted({line for line in lines if line.startswith((f"{command.project}", f"{command.home}"))})


def fill(folder: Path) -> None:
    """Ten thousand files in a hundred folders, some of which sound like those that are read."""
    for number in range(100):
        place = folder / f"package_{number}"
        place.mkdir()
        for name in ("pyproject.toml", "uv.toml", "Pipfile", "requirements.txt", ".netrc", "pip.conf"):
            (place / name).write_text("canary = ", encoding="utf-8")
        for module in range(94):
            (place / f"module_{module}.py").touch()


@pytest.mark.parametrize("name", ["env", "run"])
def test_only_files_that_are_named_are_opened(command: Command, name: str) -> None:
    fill(command.project)
    (command.project / "tools").mkdir()
    command.write("pyproject.toml", f'[[tool.uv.index]]\nname = "x"\nurl = "{FEED}"\n')
    command.write("requirements.txt", "-r tools/more.txt\n")
    command.write("tools/more.txt", f"-i {FEED}\n")
    command.write("notes.txt", "canary")
    program = ["--", "true"] if name == "run" else []
    seen = opened(command, command.project, name, *program)
    assert seen == [
        f"{command.project}/",
        f"{command.project}/pyproject.toml",
        f"{command.project}/requirements.txt",
        f"{command.project}/tools/more.txt",
    ]
    assert sum(len(files) for _, _, files in os.walk(command.project)) > 10_000


def test_below_the_root_of_a_project_nothing_else_is_looked_for(command: Command) -> None:
    fill(command.project)
    command.write("pyproject.toml", f'[[tool.uv.index]]\nname = "x"\nurl = "{FEED}"\n')
    inside = command.project / "sources"
    inside.mkdir()
    assert opened(command, inside, "env") == [f"{command.project}/pyproject.toml", f"{inside}/"]
