"""The command `pip-authenticate`, started as a person starts it."""

import os
import subprocess
import sys
from pathlib import Path

COMMAND = str(Path(sys.executable).with_name("pip-authenticate"))


class Command:
    """Starts the command with a home and a project of its own.

    Args:
        folder: an empty one.
    """

    def __init__(self, folder: Path) -> None:
        self.home = folder / "home"
        self.project = folder / "project"
        for path in (self.home, self.project):
            path.mkdir()
        self.environ = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.home),
            "PIP_CONFIG_FILE": os.devnull,
            "LANG": "C.UTF-8",
        }

    def write(self, name: str, text: str) -> None:
        """Write a file of the project."""
        (self.project / name).write_text(text, encoding="utf-8")

    def __call__(
        self, *arguments: str, typed: str = "", **environ: str
    ) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [COMMAND, *arguments],
            env={**self.environ, **environ},
            cwd=self.project,
            input=typed,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
