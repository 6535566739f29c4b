"""Plays scenes: what a reader types in a folder of their own, against an emulated organisation."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import NamedTuple, TypeVar

QUIET = ("--quiet", "--disable-pip-version-check")
_KEPT = ("PIP_CERT", "UV_NATIVE_TLS")
"""Variables of installers that say how this machine reaches its registries."""


class Reader:
    """Somebody with a folder and a home.

    Args:
        folder: an empty one.
        programs: folders in which programs are found first.
        environ: variables beside the machine's own.
    """

    def __init__(self, folder: Path, programs: Iterable[Path], environ: Mapping[str, str]) -> None:
        self.folder = folder
        home = folder / "home"
        home.mkdir()
        own = {
            name: value
            for name, value in os.environ.items()
            if name in _KEPT or not name.startswith(("PIP_", "UV_", "CI"))
        }
        self.environ = {
            **own,
            "HOME": str(home),
            "PATH": os.pathsep.join((*map(str, programs), os.environ["PATH"])),
            "PIP_CONFIG_FILE": os.devnull,
            **environ,
        }

    def types(
        self,
        *words: str,
        where: Path | None = None,
        given: Mapping[str, str] | None = None,
        entered: str = "",
    ) -> "subprocess.CompletedProcess[str]":
        """Run a command, and show it with its output.

        Args:
            words: of the command.
            where: in which folder, else the reader's own.
            given: further variables.
            entered: what it reads from standard input.
        """
        print(f"$ {' '.join(words)}", flush=True)
        done = subprocess.run(
            words,
            cwd=where or self.folder,
            env={**self.environ, **(given or {})},
            input=entered,
            text=True,
            capture_output=True,
            check=False,
        )
        print(done.stdout + done.stderr, flush=True)
        return done


Person = TypeVar("Person", bound=Reader)


class Outcome(NamedTuple):
    """How a scene went.

    Args:
        title: what it shows.
        worked: whether it did.
        seconds: how long it took.
    """

    title: str
    worked: bool
    seconds: float


def play(
    scenes: Iterable[Callable[[Person], bool]], reader: Callable[[Path], AbstractContextManager[Person]]
) -> list[Outcome]:
    """Play scenes one after the other.

    Args:
        scenes: their documentation says what they show; they give whether they did.
        reader: who plays one, in an empty folder.
    """
    outcomes = []
    for scene in scenes:
        title = (scene.__doc__ or "").rstrip(".")
        print(f"\n=== {title}\n", flush=True)
        started = time.monotonic()
        with tempfile.TemporaryDirectory() as folder, reader(Path(folder)) as person:
            worked = scene(person)
        outcomes.append(Outcome(title, worked, time.monotonic() - started))
    return outcomes


def installed(folder: Path, *requirements: str) -> Path:
    """A virtual environment with some programs; gives the folder that they are in."""
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    scripts = folder / ("Scripts" if sys.platform == "win32" else "bin")
    subprocess.run([str(scripts / "python"), "-m", "pip", "install", *QUIET, *requirements], check=True)
    return scripts


def tell(outcomes: Iterable[Outcome]) -> int:
    """Print how scenes went; gives how many did not work."""
    failed = 0
    for title, worked, seconds in outcomes:
        print(f"{'worked   ' if worked else 'FAILED:  '} {title} ({seconds:.1f} s)")
        failed += not worked
    return failed
