"""Real programs with the keyring back end in their environments, or beside them on PATH."""

import os
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

from support.programs import QUIET, REQUIREMENTS, Programs

ROOT = Path(__file__).parents[2]
_ASKING = {
    name: value for name, value in QUIET.items() if name not in {"PYTHON_KEYRING_BACKEND", "PIP_NO_INPUT"}
}


class Keyrings:
    """Environments with the back end, and without it.

    Args:
        programs: makes them when they are first asked for.
        folder: of this process alone.
    """

    def __init__(self, programs: Programs, folder: Path) -> None:
        self._folder = folder
        self.environment = programs.environment
        build = [
            "wheel",
            "--quiet",
            "--no-build-isolation",
            "--no-deps",
            "--wheel-dir",
            str(folder),
            str(ROOT),
        ]
        subprocess.run([sys.executable, "-m", "pip", *build], check=True, timeout=240)
        (wheel,) = folder.glob("*.whl")
        self.ours = f"pip-authenticate[keyring] @ {wheel.as_uri()}"
        """What a person installs as `pip-authenticate[keyring]`."""

    def with_ours(self, program: str, *more: str) -> Path:
        """The same, of a program that has the back end in its own environment."""
        requirements = REQUIREMENTS.get(program, (program,))
        return self.environment(f"{program}-with-ours", *requirements, self.ours, *more)

    def only(self, program: Path) -> Path:
        """A folder for PATH with one program in it, and nothing else of its environment."""
        folder = self._folder / "only" / "-".join(program.parts[-3:])
        folder.mkdir(parents=True, exist_ok=True)
        if not (folder / program.name).exists():
            (folder / program.name).symlink_to(program)
        return folder

    @property
    def beside(self) -> Path:
        """A folder for PATH with the program `keyring`, installed as a tool of its own."""
        return self.only(self.environment("keyring-with-ours", self.ours) / "keyring")


def run(
    folder: Path, path: Iterable[Path], env: Mapping[str, str], *command: str
) -> "subprocess.CompletedProcess[str]":
    """Run a program that may ask keyring, in a folder, with a home below it.

    Args:
        folder: the project's.
        path: what comes first in PATH.
        env: variables beside those that keep programs quiet.
        command: the program's name or path, and its arguments.
    """
    home = folder / "home"
    home.mkdir(exist_ok=True)
    around = {
        "PATH": os.pathsep.join((*map(str, path), os.defpath)),
        "HOME": str(home),
        "UV_PYTHON": sys.executable,
    }
    return subprocess.run(
        command,
        env={**around, **_ASKING, **env},
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        encoding="utf-8",
        errors="replace",
        timeout=180,
        check=False,
    )
