"""The real clients at their newest versions, each in a virtual environment of its own."""

import os
import subprocess
import sys
import venv
from collections.abc import Mapping
from pathlib import Path

from filelock import FileLock

from pip_authenticate import private_files
from pip_authenticate.client_settings import ClientSettings

# PDM 2.29.4 cannot be imported with the newest hishel, which it does not pin.
REQUIREMENTS = {"pdm": ("pdm", "hishel<2"), "hatch": ("hatch", "uv")}
QUIET = {
    "LANG": "C.UTF-8",
    "PIP_CONFIG_FILE": os.devnull,
    "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    "PIP_NO_CACHE_DIR": "1",
    "PIP_NO_INPUT": "1",
    "PIP_RETRIES": "0",
    "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring",
    "POETRY_VIRTUALENVS_IN_PROJECT": "1",
    "POETRY_NO_INTERACTION": "1",
    "PDM_CHECK_UPDATE": "0",
    "PIPENV_VENV_IN_PROJECT": "1",
    "PIPENV_NOSPIN": "1",
    "UV_NO_CACHE": "1",
    "UV_PYTHON_DOWNLOADS": "never",
}
"""Variables that keep the programs from asking, from caching and from reading this machine's files."""


class Programs:
    """Installs programs when they are first asked for.

    Args:
        folder: where to; several processes may share it.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def place(self, name: str) -> Path:
        """The folder of a program's executables."""
        return self.environment(name, *REQUIREMENTS.get(name, (name,)))

    def environment(self, name: str, *requirements: str) -> Path:
        """The folder of the executables of an environment.

        Args:
            name: of the environment.
            requirements: what is installed into it when it is first asked for.
        """
        self._folder.mkdir(exist_ok=True)
        home = self._folder / name
        bin_folder = home / ("Scripts" if sys.platform == "win32" else "bin")
        ready = home / "ready"
        with FileLock(self._folder / f"{name}.lock"):
            if not ready.exists():
                venv.create(home, with_pip=True, clear=True)
                install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--upgrade"]
                subprocess.run([bin_folder / "python", *install, *requirements], timeout=300, check=True)
                ready.touch()
        return bin_folder

    def run(
        self, folder: Path, env: Mapping[str, str], *command: str, seconds: float = 120
    ) -> "subprocess.CompletedProcess[str]":
        """Run a program in a folder, with a home below it and nothing set but what is given.

        Args:
            folder: the project's.
            env: variables beside those that keep programs quiet.
            command: the program's name and its arguments.
            seconds: how long it may take.
        """
        home = folder / "home"
        home.mkdir(exist_ok=True)
        place = self.place(command[0])
        around = {"PATH": os.pathsep.join((str(place), os.defpath)), "HOME": str(home)}
        if command[0] == "uv":  # not where another program chooses the environment that uv installs into
            around["UV_PYTHON"] = sys.executable
        return subprocess.run(
            [str(place / command[0]), *command[1:]],
            env={**around, **QUIET, **env},
            cwd=folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            encoding="utf-8",
            errors="replace",
            timeout=seconds,
            check=False,
        )


def applied(told: ClientSettings, folder: Path) -> dict[str, str]:
    """The variables of settings, whose files are written into a new private folder."""
    variables = {one.name: one.value.reveal() for one in told.variables}
    if told.files:
        place = private_files.new_folder(str(folder))
        private_files.write(place, told.files)
        variables |= {name: path.reveal() for name, path in private_files.paths(place, told.files).items()}
    return variables
