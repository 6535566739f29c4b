"""Builds the folder that Azure Pipelines installs as a task, dist/task/PipAuthenticate, and checks it.

The folder is put together beside its place and moved there only if the check finds no fault,
so a folder of that name is always a whole one.
"""

import argparse
import csv
import io
import json
import shutil
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Callable, Iterable, Sequence
from importlib.metadata import distributions
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from check_task import OWN_FILES, check, name_faults, read_manifest
from tfx import find_node

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parent.parent
NAME = "PipAuthenticate"  # as the documentation's pipelines call the task
NAMESPACE = uuid.UUID("7f77708b-2117-4e66-ac45-10b36deabfe1")  # of this project's tasks, drawn once
# What stands on extras, which neither the task nor the action has.
EXTRAS = ("*gateway*", "keyring_*.py")
# What an installer notes about its own doing says nothing about the library.
INSTALLER_NOTES = ("INSTALLER", "REQUESTED", "direct_url.json", "uv_cache.json")
# Only files that run on every machine, chosen for the oldest Python that the task takes.
ANY_MACHINE = "--only-binary=:all: --platform=any --implementation=py --abi=none --python-version=3.10"
QUIET = "--quiet --no-input --disable-pip-version-check --no-compile"


class BuildError(Exception):
    """The task cannot be built; each argument is one fault."""


def task_id(*words: str) -> str:
    """The id of the task that these words tell from others: its name alone, or publisher, extension and name.

    Names are one name in upper and lower case, so their ids are, too. (The service knows a task by its id: an
    extension must not have the id of another publisher's, nor of a task that was uploaded.)
    """
    return str(uuid.uuid5(NAMESPACE, "/".join(words).lower()))


# ---- putting the folder together -----------------------------------------------------------------


def assemble(folder: Path, name: str, identity: str, root: Path = ROOT) -> None:
    """Copies everything that belongs to the task into an empty folder."""
    for own in OWN_FILES:
        shutil.copyfile(root / "task" / own, folder / own)
    shutil.copyfile(root / "LICENSE", folder / "LICENSE")
    name_task(folder / "task.json", {"id": identity, "name": name})
    assemble_library(folder / "lib", root, without=EXTRAS)
    for file in folder.rglob("*"):
        file.chmod(0o755 if file.is_dir() else 0o644)


def assemble_library(library: Path, root: Path = ROOT, *, without: tuple[str, ...] = ()) -> None:
    """Makes the folder that holds the package and all that it needs, for any machine.

    Args:
        library: the folder.
        root: of the project.
        without: patterns of names in the package that are left out.
    """
    install_libraries(root / "task" / "requirements.txt", library)
    check_libraries(library, root / "pyproject.toml")
    package = root / "src" / "pip_authenticate"
    shutil.copytree(package, library / package.name, ignore=shutil.ignore_patterns("__pycache__", *without))


def name_task(file: Path, naming: dict[str, str]) -> None:
    """Writes into task.json which task it is, unless it is none, which the check says."""
    try:
        manifest = read_manifest(file)
    except ValueError:
        return
    named = {**naming, **manifest, **naming}  # first, whatever stood there
    text = json.dumps(named, indent=2, ensure_ascii=False) + "\n"
    file.write_text(text, encoding="utf-8", newline="\n")


def install_libraries(reviewed: Path, library: Path) -> None:
    """Lets pip install exactly the reviewed files, and removes what they do not consist of."""
    library.mkdir()
    command = [sys.executable, "-m", "pip", "install", *QUIET.split(), *ANY_MACHINE.split()]
    command += ["--require-hashes", "--requirement", str(reviewed), "--target", str(library)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    if ended.returncode:
        said = ended.stderr[max(0, ended.stderr.find("ERROR:")) :].strip()
        raise BuildError(f"{reviewed.name}: pip: {said}")
    shutil.rmtree(library / "bin", ignore_errors=True)
    for record in library.glob("*.dist-info/RECORD"):
        for note in INSTALLER_NOTES:
            record.with_name(note).unlink(missing_ok=True)
        rows = csv.reader(io.StringIO(record.read_text(encoding="utf-8")))
        with record.open("w", encoding="utf-8", newline="") as stream:
            csv.writer(stream, lineterminator="\n").writerows(
                row for row in rows if (library / row[0]).is_file()
            )


def check_libraries(library: Path, pyproject: Path) -> None:
    """The reviewed files must be what the project asks for and what that needs without extras, no more."""
    found = {canonicalize_name(one.metadata["Name"]): one for one in distributions(path=[str(library)])}
    needed: set[str] = set()
    waiting = tomllib.loads(pyproject.read_text(encoding="utf-8"))["project"]["dependencies"]
    while waiting:
        try:
            asked = Requirement(waiting.pop())
        except InvalidRequirement as error:
            raise BuildError(f"pyproject.toml: {error}") from None
        oldest = {"extra": "", "python_version": "3.10", "python_full_version": "3.10.0"}  # which needs most
        if asked.marker is not None and not asked.marker.evaluate(oldest):
            continue
        name = canonicalize_name(asked.name)
        one = found.get(name)
        if one is None or not asked.specifier.contains(one.version):
            raise BuildError(
                f"requirements.txt: {asked} is needed, but {one.version if one else 'none'} is there"
            )
        if name not in needed:
            needed.add(name)
            waiting += one.requires or ()
    if set(found) - needed:
        raise BuildError(f"requirements.txt: nothing needs {', '.join(sorted(set(found) - needed))}")


# ---- the command ---------------------------------------------------------------------------------


def build(output: Path, root: Path = ROOT, name: str = NAME, owner: Sequence[str] = ()) -> Path:
    """Builds the task into a folder of its name below `output`, in place of an earlier one.

    Args:
        output: the folder that shall hold the task's.
        root: the project that it is built from.
        name: what steps call it.
        owner: publisher and extension, unless the task is uploaded by itself.

    Raises:
        BuildError: with every fault found; no folder of that name is left then.
    """
    faults = name_faults(name)
    if faults:
        raise BuildError(*faults)
    target = output / name

    def fill(fresh: Path) -> Iterable[str]:
        assemble(fresh, name, task_id(*owner, name), root)
        return check(fresh)

    put_together(target, fill)
    return target


def put_together(target: Path, fill: Callable[[Path], Iterable[str]]) -> None:
    """Makes a folder beside its place, and moves it there if nothing is wrong with it.

    Args:
        target: the place. What an earlier build left there is gone afterwards, with a fault too.
        fill: fills an empty folder, and gives every fault that it finds.

    Raises:
        BuildError: with those faults.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{target.name}-", dir=target.parent) as workshop:
        fresh = Path(workshop) / "fresh"
        fresh.mkdir()
        try:
            faults = list(fill(fresh))
        except BuildError as error:
            faults = list(error.args)
        except OSError as error:
            faults = [f"{error.filename}: {error.strerror}"]
        if target.exists():
            target.replace(Path(workshop) / "old")
        if faults:
            raise BuildError(*faults)
        fresh.replace(target)


def main(arguments: Sequence[str] | None = None, root: Path = ROOT) -> int:
    """Builds and says what came of it.

    Returns:
        The process's exit code: 0, or 1 if there was a fault.
    """
    parser = argparse.ArgumentParser(description="Build the task for `tfx build tasks upload`.")
    parser.add_argument("--name", default=NAME, help=f"what steps call it (default: {NAME})")
    parser.add_argument(
        "output", nargs="?", type=Path, default=ROOT / "dist" / "task", help="folder to build it in"
    )
    chosen = parser.parse_args(arguments)
    try:
        target = build(chosen.output, root, chosen.name)
    except BuildError as error:
        for fault in error.args:
            print(fault, file=sys.stderr)
        print(f"{chosen.name} was not built: {len(error.args)} fault(s).", file=sys.stderr)
        return 1
    files = [file for file in target.rglob("*") if file.is_file()]
    size = sum(file.stat().st_size for file in files)
    print(f"{target}: {len(files)} files, {size / 1024:.0f} KiB, id {task_id(chosen.name)}")
    if find_node() is None:
        print("The scripts were not checked: there is no Node here.", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
