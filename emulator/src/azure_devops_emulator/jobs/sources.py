"""The repository of a job: a copy, so that no step writes into a person's own files."""

import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

from azure_devops_emulator.jobs.workspace import SetupError

_MOST_FILES = 50_000
_MOST_BYTES = 1024**3
_GIT_SECONDS = 60
_GIT = ("git", "-c", "core.fsmonitor=false", "-c", "safe.directory=*")


def repository(folder: Path, environment: Mapping[str, str]) -> Path:
    """The git work tree that a folder lies in, or the folder itself when it lies in none.

    Args:
        folder: for example a pipeline's.
        environment: of the git that is asked.
    """
    root = _git(["rev-parse", "--show-toplevel"], folder, environment).removesuffix("\n")
    return Path(root) if root else folder


def copy(origin: Path, target: Path, environment: Mapping[str, str], *, without: Path) -> int:
    """Copy a folder's files; gives their number. Of a git work tree, files that git ignores stay behind.

    Args:
        origin: the folder.
        target: where to; it exists.
        environment: of the git that is asked.
        without: a folder that is not copied, wherever it lies.

    Raises:
        SetupError: it is no folder, a file cannot be read, or there is too much of it.
    """
    origin = origin.resolve()
    if not origin.is_dir():
        raise SetupError("sources", "the job's sources are no folder", context=str(origin))
    number = size = 0
    try:
        for name in _files(origin, environment):
            source = origin / name
            if source.is_relative_to(without) or not (source.is_file() or source.is_symlink()):
                continue
            number += 1
            size += source.lstat().st_size
            if number > _MOST_FILES or size > _MOST_BYTES:
                raise SetupError(
                    "sources",
                    f"the job's sources have more than {_MOST_FILES} files or {_MOST_BYTES >> 20} MiB",
                    context=str(origin),
                    hint="Name a smaller folder with --sources, or write `- checkout: none`.",
                )
            place = target / name
            place.parent.mkdir(parents=True, exist_ok=True)
            if source.is_symlink():
                _copy_link(source, place, origin, target)
            else:
                shutil.copy2(source, place)
    except (OSError, shutil.Error) as error:
        raise SetupError("sources", "the job's sources cannot be copied", context=str(error)) from error
    return number


def _files(origin: Path, environment: Mapping[str, str]) -> Iterator[str]:
    """Paths below a folder: what git knows or would know, or everything where git knows nothing."""
    if _git(["rev-parse", "--is-inside-work-tree"], origin, environment).strip() == "true":
        listed = _git(["ls-files", "-z", "--cached", "--others", "--exclude-standard"], origin, environment)
        yield from dict.fromkeys(name for name in listed.split("\0") if name)
        return
    for folder, folders, files in os.walk(origin):
        links = [name for name in folders if (Path(folder) / name).is_symlink()]
        for name in (*files, *links):
            yield str((Path(folder) / name).relative_to(origin))


def _git(arguments: list[str], folder: Path, environment: Mapping[str, str]) -> str:
    """What git prints; nothing when there is no git, or it refuses."""
    program = shutil.which(_GIT[0], path=environment.get("PATH"))
    if program is None:
        return ""
    try:
        done = subprocess.run(  # noqa: S603 - git, asked to list
            [program, *_GIT[1:], *arguments],
            cwd=folder,
            env={**environment, "GIT_OPTIONAL_LOCKS": "0"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            timeout=_GIT_SECONDS,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return "" if done.returncode else os.fsdecode(done.stdout)


def _copy_link(source: Path, place: Path, origin: Path, target: Path) -> None:
    """Copy a link; one that leads out of the sources, there or here, becomes the file it leads to."""
    leads = source.readlink()
    here = Path(os.path.normpath(place.parent / leads))
    if source.resolve().is_relative_to(origin) and here.is_relative_to(target):
        place.symlink_to(leads)
    elif source.is_file():
        shutil.copy2(source, place)
