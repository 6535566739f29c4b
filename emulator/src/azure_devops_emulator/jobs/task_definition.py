"""Reading a task.json, and choosing how a task is run.

Source of the rules: agent source TaskManager.cs.
"""

import json
import re
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from azure_devops_emulator.errors import InputError
from azure_devops_emulator.jobs.restrictions import Restrictions

# Handlers that the agent runs on every system, by priority: the lowest number wins.
_NODE = {"node24": 101, "node20_1": 102, "node16": 103, "node10": 104, "node": 105}
# The rest: known to the agent, but only on Windows or inside it.
_OTHERS = {
    "agentplugin": 0,
    "powershell3": 106,
    "powershell": 107,
    "azurepowershell": 108,
    "powershellexe": 108,
    "process": 109,
}


@dataclass(frozen=True)
class TaskInput:
    """One declared input.

    Args:
        name: its canonical name.
        type: for example `string`, `filePath` or `connectedService:KIND`.
        default: the value without one in the pipeline, or empty.
        required: whether the server wants a value.
        aliases: other names for it in a pipeline.
    """

    name: str
    type: str = "string"
    default: str = ""
    required: bool = False
    aliases: tuple[str, ...] = ()

    @property
    def connection_type(self) -> str | None:
        """The kind of service connection it names, or None for other inputs."""
        kind, colon, rest = self.type.partition(":")
        return rest if colon and kind.lower() == "connectedservice" else None


@dataclass(frozen=True)
class Handler:
    """How one stage of a task is started.

    Args:
        key: the handler's name as written in task.json.
        target: file to start, relative to the task's folder.
    """

    key: str
    target: str


@dataclass(frozen=True)
class TaskDefinition:
    """What the agent reads in a task.json.

    Args:
        folder: where the task lies.
        stages: handlers of `prejobexecution`, `execution` and `postjobexecution`; a stage that
            is declared but has no handler for this system is there with None.
        restrictions: what the task declares for itself, if anything.
        output_variables: names that become output variables.
        visibility: where the task is offered, for example `Build`; empty for everywhere.
    """

    folder: Path
    id: str
    name: str
    friendly_name: str
    description: str
    author: str
    help: str
    version: tuple[int, int, int]
    inputs: tuple[TaskInput, ...]
    stages: dict[str, Handler | None]
    restrictions: Restrictions | None
    output_variables: frozenset[str]
    visibility: tuple[str, ...] = ()

    @property
    def version_text(self) -> str:
        """The version as the log shows it."""
        return ".".join(map(str, self.version))


def load(folder: Path, *, windows: bool) -> TaskDefinition:
    """Read a task from its folder.

    Args:
        folder: the folder that holds `task.json`.
        windows: whether handlers that exist only on Windows count.

    Raises:
        InputError: no task.json, broken JSON, or a field of the wrong shape.
    """
    path = folder / "task.json"
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError("task-missing", f"{path} cannot be read", context=error.strerror or "") from error
    return read(data, str(path), folder.resolve(), windows=windows)


def read(data: bytes, place: str, folder: Path, *, windows: bool) -> TaskDefinition:
    """Read the text of a task.json.

    Args:
        data: the text, in UTF-8.
        place: where it is from, for messages.
        folder: where the task lies.
        windows: whether handlers that exist only on Windows count.

    Raises:
        InputError: broken JSON, or a field of the wrong shape.
    """
    try:
        fields = json.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise InputError("task-json", f"{place} is not JSON", context=str(error)) from error
    try:
        return _definition(folder, fields, windows=windows)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError("task-json", f"{place} is not a task definition", context=repr(error)) from error


def _definition(folder: Path, data: dict[str, Any], *, windows: bool) -> TaskDefinition:
    outputs = data.get("outputVariables") or ()
    return TaskDefinition(
        folder=folder,
        id=str(uuid.UUID(data["id"])),
        name=_name(data["name"]),
        friendly_name=str(data.get("friendlyName", "")),
        description=str(data.get("description", "")),
        author=str(data.get("author", "")),
        help=str(data.get("helpUrl") or data.get("helpMarkDown") or ""),
        version=_version(data["version"]),
        inputs=tuple(_input(entry) for entry in data.get("inputs") or ()),
        stages={
            stage: _choose(data[stage], windows=windows)
            for stage in ("prejobexecution", "execution", "postjobexecution")
            if data.get(stage)
        },
        restrictions=_restrictions(data.get("restrictions"), str(data["name"])),
        output_variables=frozenset(str(entry["name"]).upper() for entry in outputs),
        visibility=tuple(str(place) for place in data.get("visibility") or ()),
    )


def _name(name: str) -> str:
    """A task's name, which is a part of full names and of folders' names.

    Raises:
        ValueError: it has other characters than a task's name may have, or too many.
    """
    if not re.fullmatch(r"[A-Za-z0-9-]{1,128}", name):
        raise ValueError("the name has to be 1 to 128 letters, digits and hyphens")
    return name


def _version(fields: dict[str, Any]) -> tuple[int, int, int]:
    """A task's version, of three numbers of 32 bits as the server has them.

    Raises:
        ValueError: it is no number, or none of these.
    """
    major, minor, patch = (int(fields[part]) for part in ("Major", "Minor", "Patch"))
    if not all(0 <= number < 2**31 for number in (major, minor, patch)):
        raise ValueError("a version's numbers go from 0 to 2147483647")
    return major, minor, patch


def _input(entry: dict[str, Any]) -> TaskInput:
    default = entry.get("defaultValue")
    return TaskInput(
        name=str(entry["name"]).strip(),
        type=str(entry.get("type", "string")),
        # A default that is a JSON boolean reaches .NET as its own spelling of it.
        default=str(default) if default is not None else "",
        required=entry.get("required") is True and not entry.get("visibleRule"),
        aliases=tuple(str(alias) for alias in entry.get("aliases") or ()),
    )


def _choose(handlers: dict[str, Any], *, windows: bool) -> Handler | None:
    """The handler with the lowest priority number, those preferred on this system first."""
    ranked: list[tuple[bool, int, Handler]] = []
    for key, data in handlers.items():
        priority = _NODE.get(key.lower())
        if priority is None and windows:
            priority = _OTHERS.get(key.lower())
        if priority is None or not isinstance(data, dict):
            continue
        platforms = [str(platform).lower() for platform in data.get("platforms") or ()]
        preferred = windows and "windows" in platforms
        ranked.append((not preferred, priority, Handler(key, str(data.get("target", "")))))
    return min(ranked, key=lambda rank: rank[:2])[2] if ranked else None


def is_node(handler: Handler) -> bool:
    """Whether a handler starts Node; the emulator starts no other."""
    return handler.key.lower() in _NODE


def _restrictions(data: dict[str, Any] | None, name: str) -> Restrictions | None:
    if not data:
        return None
    allowed = (data.get("settableVariables") or {}).get("allowed")
    return Restrictions(
        commands=str((data.get("commands") or {}).get("mode", "")),
        settable_variables=None if allowed is None else tuple(str(pattern) for pattern in allowed),
        origin=f"the task {name}",
    )


@dataclass(frozen=True)
class TaskReference:
    """A task as a pipeline names it: `NAME@MAJOR`.

    Args:
        name: its name, its full name, or its id.
        major: the major version.
    """

    name: str
    major: int


def reference(text: str) -> TaskReference:
    """Read `NAME@MAJOR`.

    Raises:
        InputError: another form.
    """
    match = re.fullmatch(r"([^@\s]+)@(\d+)", text.strip())
    if match is None:
        raise InputError(
            "task-reference",
            f"{text} is not a task with its major version",
            hint="Write NAME@MAJOR, for example PipAuthenticate@1.",
        )
    return TaskReference(match[1], int(match[2]))
