"""Reading tasks from where they come: folders, extensions (.vsix files) and uploads."""

import json
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TypeVar
from xml.parsers import expat

from azure_devops_emulator import packed
from azure_devops_emulator.errors import EmulatorError, Faults, InputError
from azure_devops_emulator.installed_tasks import InstalledTask, InstalledTasks
from azure_devops_emulator.jobs import task_definition

_Result = TypeVar("_Result")

_BUILT_IN = Path(__file__).parent / "built_in"
_TASK = "ms.vss-distributed-task.task"
_IDENTITY = "http://schemas.microsoft.com/developer/vsx-schema/2011 Identity"
_WINDOWS = sys.platform == "win32"


def built_in() -> list[InstalledTask]:
    """The stand-ins of built-in tasks, which say that they are none of ours and cannot run."""
    return from_folder(_BUILT_IN)


def gather(folders: Iterable[Path] = (), extensions: Iterable[Path] = ()) -> list[InstalledTask]:
    """The tasks of folders and extensions.

    Args:
        folders: each with a task.json, or with folders that have one.
        extensions: .vsix files.

    Raises:
        InputError: the one folder or file that cannot be used.
        Faults: all of them, when there are several.
    """
    found = InstalledTasks()
    errors: list[EmulatorError] = []
    sources: list[tuple[Callable[[Path], list[InstalledTask]], Path]]
    sources = [(from_folder, folder) for folder in folders]
    sources += [(from_extension, file) for file in extensions]
    for read, place in sources:
        try:
            for task in read(place):
                found.add(task)
        except InputError as error:
            context = error.context if str(place) in str(error) else str(place)
            errors.append(InputError(error.slug, error.what, context=context, hint=error.hint))
    if errors:
        raise errors[0] if len(errors) == 1 else Faults(errors)
    return found.all()


def from_folder(folder: Path) -> list[InstalledTask]:
    """The tasks in a folder that has a task.json, or whose folders have one.

    Raises:
        InputError: no task there, or a broken task.json.
    """
    places = [folder] if (folder / "task.json").is_file() else [p.parent for p in folder.glob("*/task.json")]
    if not places:
        raise InputError(
            "task-missing",
            f"there is no task in {folder}",
            hint="A task's folder holds its task.json.",
        )
    return [InstalledTask(task_definition.load(place, windows=_WINDOWS)) for place in sorted(places)]


def from_upload(data: bytes, identifier: str) -> InstalledTask:
    """A task as it is uploaded: a zip file with a task.json at its root.

    Args:
        data: the zip file.
        identifier: the id of the task that it has to hold.

    Raises:
        InputError: it cannot be used.
    """
    place = "the uploaded task"
    files = packed.read(data, place)
    task = _packed(files, place, "")
    if task.definition.id != identifier:
        raise InputError("task-id", f"{place} has another id than the address", context=task.definition.id)
    return task


def from_extension(file: Path) -> list[InstalledTask]:
    """The tasks that an extension brings.

    Raises:
        InputError: the .vsix file cannot be used, or brings none.
    """
    try:
        with file.open("rb") as stream:
            data = stream.read(packed.LARGEST_FILE + 1)
    except OSError as error:
        raise InputError("extension", f"{file} cannot be read", context=error.strerror or "") from error
    files = packed.read(data, str(file))
    extension = _reading(file, "extension.vsixmanifest", files, _extension_id)
    found: list[InstalledTask] = []
    for contribution, folder in _reading(file, "extension.vsomanifest", files, _contributions):
        inside = packed.below(files, folder)
        versions = sorted(
            {
                name.partition("/")[0]
                for name in inside
                if name.count("/") == 1 and name.endswith("/task.json")
            }
        )
        homes = [inside] if "task.json" in inside else [packed.below(inside, version) for version in versions]
        if not homes:
            raise InputError("extension", f"{file} has no task in its folder {folder}", context=contribution)
        found += [_packed(home, f"{file}, {folder}", f"{extension}.{contribution}") for home in homes]
    if not found:
        raise InputError("extension", f"{file} is an extension without a task")
    return found


def _packed(files: Mapping[str, bytes], place: str, extension: str) -> InstalledTask:
    if "task.json" not in files:
        raise InputError("task-missing", f"{place} has no task.json")
    definition = task_definition.read(files["task.json"], f"{place}, task.json", Path(), windows=_WINDOWS)
    return InstalledTask(definition, extension, files)


def _reading(file: Path, name: str, files: Mapping[str, bytes], read: Callable[[bytes], _Result]) -> _Result:
    """What a reading function makes of one of an extension's manifests.

    Raises:
        InputError: there is no such manifest, or it is broken.
    """
    if name not in files:
        raise InputError("extension", f"{file} is no extension: it has no {name}")
    try:
        return read(files[name])
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, expat.ExpatError) as error:
        raise InputError("extension", f"{file} has a broken {name}", context=repr(error)) from error


def _extension_id(manifest: bytes) -> str:
    """Publisher and id in an extension.vsixmanifest, joined by a dot.

    Raises:
        ValueError: it does not say them, or it declares entities, which could be endless.
        ExpatError: it is no XML.
    """
    identities: list[dict[str, str]] = []

    def start(name: str, attributes: dict[str, str]) -> None:
        if name == _IDENTITY:
            identities.append(attributes)

    def refuse(*_: object) -> None:
        raise ValueError("a document type")

    parser = expat.ParserCreate(namespace_separator=" ")
    parser.StartElementHandler = start
    parser.StartDoctypeDeclHandler = refuse
    parser.Parse(manifest, True)  # noqa: FBT003 - expat knows it by position only
    if len(identities) != 1:
        raise ValueError("there has to be one Identity")
    return f"{identities[0]['Publisher']}.{identities[0]['Id']}"


def _contributions(manifest: bytes) -> list[tuple[str, str]]:
    """Id and folder of each task in an extension.vsomanifest."""
    return [
        (str(entry["id"]), str(entry["properties"]["name"]))
        for entry in json.loads(manifest.decode("utf-8-sig"))["contributions"]
        if entry["type"].lower() == _TASK
    ]
