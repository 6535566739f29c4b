"""The tasks that an organisation has, and which one a step means.

Names are looked up as the server's TaskStore does: by id, by full name, or by name, in any case; the newest
version of the wanted major version is taken. Of several tasks of one name the only one that is of no
extension is meant, if there is such a one; otherwise the name is ambiguous.
"""

import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from azure_devops_emulator import packed
from azure_devops_emulator.description.behaviour import BuiltInTask
from azure_devops_emulator.errors import InputError
from azure_devops_emulator.jobs.endpoints import as_guid
from azure_devops_emulator.jobs.task_definition import TaskDefinition, TaskReference

BUILT_IN_ID = "5e3feff0-c5ae-11e8-a7d0-4bd3b8229800"
"""The id of the built-in PipAuthenticate."""
_LARGEST_STORE = 1024 * 1024 * 1024


@dataclass(frozen=True)
class InstalledTask:
    """One version of a task.

    Args:
        definition: what its task.json says.
        extension: publisher, extension and contribution, joined by dots; empty for one of no extension.
        files: those of a packed task, by their paths; None when they lie in the definition's folder.
    """

    definition: TaskDefinition
    extension: str = ""
    files: Mapping[str, bytes] | None = field(default=None, repr=False, compare=False)

    @property
    def key(self) -> tuple[str, tuple[int, int, int]]:
        """Its id and version."""
        return self.definition.id, self.definition.version

    @property
    def names(self) -> set[str]:
        """Everything that a step may call it but its id, in lower case."""
        name = self.definition.name.lower()
        return {name, f"{self.extension.lower()}.{name}"} if self.extension else {name}

    @property
    def identifier(self) -> str:
        """What a step calls it that nothing else is called: the full name, or the id where there is none."""
        return f"{self.extension}.{self.definition.name}" if self.extension else self.definition.id

    def unpacked(self, folder: Path) -> "InstalledTask":
        """The task with its files on the disk.

        Args:
            folder: where an agent keeps tasks; a packed one gets a folder of its own there.
        """
        if self.files is None:
            return self
        definition = self.definition
        own = folder / f"{definition.name}_{definition.id}" / definition.version_text
        if not own.exists():
            packed.write(self.files, own)
        return replace(self, definition=replace(definition, folder=own), files=None)


class InstalledTasks:
    """The tasks of an organisation; may be used by several threads at once.

    Args:
        tasks: what there is from the start; the last one of an id and version counts.
        built_in: whom a name reaches that a built-in task has, too.
    """

    def __init__(self, tasks: Iterable[InstalledTask] = (), built_in: BuiltInTask = "absent") -> None:
        self._lock = threading.Lock()
        self._tasks = {task.key: task for task in tasks}
        self._built_in = built_in

    def all(self) -> list[InstalledTask]:
        """Every version of every task."""
        with self._lock:
            return list(self._tasks.values())

    def beside(self, others: Iterable[InstalledTask]) -> "InstalledTasks":
        """These tasks and others, which win; what is added later is not in it."""
        return InstalledTasks([*self.all(), *others], self._built_in)

    def add(self, task: InstalledTask) -> None:
        """Install a task.

        Raises:
            InputError: `task-exists` when there is this version of it, or another extension has its id;
                `task-store-full` without room for it.
        """
        with self._lock:
            for other in self._tasks.values():
                if other.key[0] == task.key[0] and _are_foreign(other, task):
                    raise InputError(
                        "task-exists",
                        f"the task {task.identifier} has the id of {other.identifier}, {task.key[0]}:"
                        " a task's id lives in one extension only",
                    )
            if task.key in self._tasks:
                definition = self._tasks[task.key].definition
                raise InputError(
                    "task-exists",
                    f"The task definition with id '{definition.id}', name '{definition.name}'"
                    f" and version '{definition.version_text}' already exists",
                )
            if sum(map(_size, [*self._tasks.values(), task])) > _LARGEST_STORE:
                raise InputError("task-store-full", "there is no room for more tasks")
            self._tasks[task.key] = task

    def remove(self, identifier: str) -> bool:
        """Remove all versions that were uploaded of a task; whether there was one.

        Args:
            identifier: its id.
        """
        with self._lock:
            uploaded = [
                key
                for key, task in self._tasks.items()
                if task.definition.id == identifier and not task.extension and task.files is not None
            ]
            for key in uploaded:
                del self._tasks[key]
        return bool(uploaded)

    def find(self, wanted: TaskReference) -> InstalledTask:
        """The task that a step means, the newest of its major version.

        Raises:
            InputError: no such task, with the names of those that are installed; or several of that name.
        """
        installed = self.all()
        identifier = as_guid(wanted.name)
        if identifier is None:
            named = [task for task in installed if wanted.name.lower() in task.names]
            identifier = self._identifier(wanted.name, named)
        fitting = [task for task in installed if task.key[0] == identifier and task.key[1][0] == wanted.major]
        if not fitting:
            names = (f"{task.definition.name}@{task.definition.version[0]}" for task in installed)
            raise InputError(
                "task-not-installed",
                f"the task {wanted.name}@{wanted.major} is not installed in the emulated organisation",
                context=f"installed: {', '.join(dict.fromkeys(names)) or 'none'}",
                hint="Give the folder of a built task with --task-dir, or an extension with --extension.",
            )
        return max(fitting, key=lambda task: task.key)

    def _identifier(self, name: str, named: list[InstalledTask]) -> str:
        """The id of the task that a name means, of all tasks that have it; "" when there is none.

        Raises:
            InputError: it could mean several.
        """
        by_id = {task.definition.id: task for task in named}
        if len(by_id) < 2:
            return next(iter(by_id), "")
        if self._built_in == "wins" and BUILT_IN_ID in by_id:
            return BUILT_IN_ID
        plain = [
            identifier
            for identifier in by_id
            if not any(task.extension for task in named if task.definition.id == identifier)
        ]
        forced = self._built_in == "ambiguous" and BUILT_IN_ID in by_id
        if len(plain) == 1 and not forced:
            return plain[0]
        identifiers = ", ".join(task.identifier for task in by_id.values())
        raise InputError(
            "task-ambiguous",
            f"Step task reference is invalid. The task name {name} is ambiguous. Specify one of the following"
            f" identifiers to resolve the ambiguity: {identifiers}",
        )


def _are_foreign(one: InstalledTask, other: InstalledTask) -> bool:
    """Whether two tasks are of two extensions."""
    return bool(one.extension and other.extension) and one.extension.lower() != other.extension.lower()


def _size(task: InstalledTask) -> int:
    return sum(map(len, (task.files or {}).values()))
