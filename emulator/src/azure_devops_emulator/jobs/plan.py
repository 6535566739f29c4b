"""What a server does with a pipeline before an agent gets it: tasks, inputs and names resolved.

The agent sees canonical input names and the ids of service connections; a pipeline uses aliases
and names. What a server refuses is refused here, all faults at once.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from azure_devops_emulator.errors import EmulatorError, Faults, InputError, each
from azure_devops_emulator.installed_tasks import InstalledTask, InstalledTasks
from azure_devops_emulator.jobs import built_in
from azure_devops_emulator.jobs.built_in import BuiltInTask
from azure_devops_emulator.jobs.endpoints import as_guid
from azure_devops_emulator.jobs.names import Names
from azure_devops_emulator.jobs.task_definition import TaskDefinition, TaskInput
from azure_devops_emulator.jobs.variables import expand_macros
from azure_devops_emulator.pipeline import Pipeline, Step


class Connection(Protocol):
    """What the server needs to know of a service connection."""

    @property
    def id(self) -> str:
        """Lower-case GUID."""

    @property
    def name(self) -> str:
        """The name that pipelines use."""

    @property
    def type(self) -> str:
        """Its kind."""


@dataclass(frozen=True)
class PlannedStep:
    """A step as the agent gets it.

    Args:
        step: as the pipeline has it.
        task: the installed task, or None for one that the emulator does itself.
        inputs: what the pipeline gives, by canonical name, with ids for service connections.
        display_name: macros not yet expanded.
        reference_name: the prefix of its output variables.
        declared: the declared inputs.
        built_in: the task that the emulator does itself, or None.
    """

    step: Step
    task: InstalledTask | None
    inputs: Names[str]
    display_name: str
    reference_name: str
    declared: tuple[TaskInput, ...] = field(default_factory=tuple)
    built_in: BuiltInTask | None = None

    @property
    def definition(self) -> TaskDefinition | None:
        """What the installed task's task.json says, or None."""
        return self.task.definition if self.task else None

    def unpacked(self, folder: Path) -> "PlannedStep":
        """The step with its task's files on the disk, in a folder of their own in this one."""
        return replace(self, task=self.task.unpacked(folder)) if self.task else self


def make(
    pipeline: Pipeline,
    installed: InstalledTasks,
    connections: Iterable[Connection],
    variables: Mapping[str, str],
) -> list[PlannedStep]:
    """The enabled steps of a pipeline, ready for the agent.

    Args:
        pipeline: what to run.
        installed: the tasks of the organisation.
        connections: its service connections.
        variables: values known before the job runs, for names of connections given as macros.

    Raises:
        InputError: the one thing that makes the pipeline invalid.
        Faults: all of them, when there are several.
    """
    errors: list[EmulatorError] = []
    planned: list[PlannedStep] = []
    taken: list[str] = [step.name.lower() for step in pipeline.steps if step.name]
    for step in pipeline.steps:
        if not step.enabled:
            continue
        try:
            planned.append(_step(step, installed, list(connections), variables, taken))
        except EmulatorError as error:
            errors += [
                InputError(one.slug, one.what, context=_place(pipeline, step, one), hint=one.hint)
                for one in each(error)
            ]
    if len(errors) == 1:
        raise errors[0]
    if errors:
        raise Faults(errors)
    return planned


def _place(pipeline: Pipeline, step: Step, error: EmulatorError) -> str:
    place = f"{pipeline.source}, line {step.line}"
    return f"{place}; {error.context}" if error.context else place


def _step(
    step: Step,
    installed: InstalledTasks,
    connections: list[Connection],
    variables: Mapping[str, str],
    taken: list[str],
) -> PlannedStep:
    task, given = _task(step, installed)
    own = task.definition if isinstance(task, InstalledTask) else task
    declared, base = own.inputs, own.name
    inputs = _canonical(given, declared)
    errors: list[EmulatorError] = []
    for entry in declared:
        value = inputs.get(entry.name, "")
        if entry.required and not (value.strip() or entry.default):
            errors.append(InputError("input-missing", f"the task {base} needs the input {entry.name}"))
        if entry.connection_type is not None and value.strip():
            try:
                inputs[entry.name] = _connection_ids(entry, value, connections, variables)
            except EmulatorError as error:
                errors += each(error)
    if errors:
        raise Faults(errors)
    return PlannedStep(
        step=step,
        task=task if isinstance(task, InstalledTask) else None,
        inputs=inputs,
        display_name=step.display_name or base,
        reference_name=step.name or _free_name(base, taken),
        declared=declared,
        built_in=task if isinstance(task, BuiltInTask) else None,
    )


def _task(step: Step, installed: InstalledTasks) -> tuple[InstalledTask | BuiltInTask, Names[str]]:
    """The installed or built-in task of a step, and its inputs; an installed one comes first.

    Raises:
        InputError: there is no such task.
    """
    if step.reference is None:
        return built_in.of_script(step)
    task = built_in.of_reference(step.reference)
    if task and not any(task.name.lower() in each.names for each in installed.all()):
        return task, step.inputs
    return installed.find(step.reference), step.inputs


def _canonical(given: Names[str], declared: Iterable[TaskInput]) -> Names[str]:
    """The inputs under their declared names; unknown ones stay as they are."""
    names: Names[str] = Names()
    for entry in declared:
        for name in (*entry.aliases, entry.name):
            names[name] = entry.name
    return Names((names.get(name, name), value) for name, value in given.items())


def _free_name(base: str, taken: list[str]) -> str:
    number = 0
    while (name := f"{base}{number or ''}").lower() in taken:
        number += 1
    taken.append(name.lower())
    return name


def _connection_ids(
    entry: TaskInput, given: str, connections: list[Connection], variables: Mapping[str, str]
) -> str:
    """The ids of the connections an input names, separated by commas."""
    lookup = Names(variables.items())
    ids: list[str] = []
    errors: list[EmulatorError] = []
    for part in expand_macros(given, lookup.get).split(","):
        name = part.strip()
        if not name:
            continue
        guid = as_guid(name)
        found = next(
            (each for each in connections if each.name.lower() == name.lower() or each.id == guid), None
        )
        if found is None:
            known = ", ".join(each.name for each in connections) or "none"
            errors.append(
                InputError(
                    "connection-missing",
                    f"the input {entry.name} names the service connection {name}, which does not exist",
                    context=f"there are: {known}",
                )
            )
        elif entry.connection_type and found.type.lower() != entry.connection_type.lower():
            errors.append(
                InputError(
                    "connection-type",
                    f"the input {entry.name} needs a service connection of type {entry.connection_type},"
                    f" but {found.name} is of type {found.type}",
                )
            )
        else:
            ids.append(found.id)
    if errors:
        raise Faults(errors)
    return ",".join(ids)
