"""Reading a pipeline file: `steps`, or one job, with every control option of a step.

What the emulator does not support is refused by name, with its line; nothing is ignored
silently.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TypeVar

from azure_devops_emulator.errors import EmulatorError, Faults, InputError, each
from azure_devops_emulator.jobs import expressions, task_definition, yaml_reader
from azure_devops_emulator.jobs.expressions import Expression
from azure_devops_emulator.jobs.names import Names, fold
from azure_devops_emulator.jobs.restrictions import Restrictions
from azure_devops_emulator.jobs.task_definition import TaskReference
from azure_devops_emulator.jobs.yaml_reader import Item
from azure_devops_emulator.secret import Secret

_Result = TypeVar("_Result")

# Keys that say when and where a pipeline runs; on the emulator it runs now and here.
_WITHOUT_EFFECT = frozenset({"trigger", "pr", "schedules", "pool", "name", "appendCommitMessageToRunName"})
_PIPELINE_KEYS = frozenset({"steps", "jobs", "variables"})
_JOB_KEYS = frozenset({"job", "displayName", "steps", "variables", "timeoutInMinutes"})
_KINDS = ("task", "script", "bash")
_OPTIONS = frozenset(
    {
        "condition",
        "continueOnError",
        "displayName",
        "enabled",
        "env",
        "name",
        "retryCountOnTaskFailure",
        "target",
        "timeoutInMinutes",
    }
)
_KIND_KEYS = {"task": frozenset({"inputs"})}
_SCRIPT_KEYS = frozenset({"failOnStderr", "workingDirectory"})
# How a checkout is done; here it is a copy, whatever they say.
_CHECKOUT_KEYS = frozenset(
    {"clean", "fetchDepth", "fetchFilter", "fetchTags", "lfs", "persistCredentials", "submodules"}
)


@dataclass(frozen=True)
class VariableDeclaration:
    """One variable of the file, or of a group that it takes in.

    Args:
        value: as written, macros included; a Secret for a secret variable.
        read_only: whether steps may not change it.
    """

    value: str | Secret
    read_only: bool = False


@dataclass(frozen=True)
class GroupUse:
    """A variable group that the file takes in.

    Args:
        name: its name.
        place: where the file does so.
        overrides: the variables of the file that come before it, upper-case; it wins over them.
    """

    name: str
    place: str
    overrides: frozenset[str]


@dataclass(frozen=True)
class Step:
    """One step.

    Args:
        kind: `task`, `script` or `bash`.
        line: where it begins in the file.
        reference: which task, for `task` steps.
        inputs: the inputs of a task step; for a script its text and its own options.
        condition: when it runs.
        continue_on_error: whether a failure counts as a success with issues.
        display_name: what the log calls it; empty for the default.
        enabled: whether it is there at all.
        env: environment variables of the step.
        name: the prefix of its output variables; empty for a made-up one.
        retries: how often a failed try is repeated.
        restrictions: what `target` forbids, if anything.
        timeout: in minutes; 0 for none.
    """

    kind: str
    line: int
    reference: TaskReference | None = None
    inputs: Names[str] = field(default_factory=Names)
    condition: Expression = field(default_factory=lambda: expressions.read(""))
    continue_on_error: bool = False
    display_name: str = ""
    enabled: bool = True
    env: Mapping[str, str] = field(default_factory=dict)
    name: str = ""
    retries: int = 0
    restrictions: Restrictions | None = None
    timeout: float = 0


@dataclass(frozen=True)
class Pipeline:
    """A pipeline that the emulated agent can run.

    Args:
        source: the file's name.
        steps: in order.
        variables: of the pipeline and its job, the job's winning.
        groups: the variable groups that it takes in.
        job_name: the job's name.
        job_display_name: what the log calls the job.
        timeout: of the job, in minutes; 0 for none.
        without_effect: keys of the file that mean nothing here.
        folder: where the file lies.
        checkout: whether the job gets the repository that the file lies in.
    """

    source: str
    steps: tuple[Step, ...]
    variables: Names[VariableDeclaration] = field(default_factory=Names)
    groups: tuple[GroupUse, ...] = ()
    job_name: str = "Job"
    job_display_name: str = "Job"
    timeout: float = 0
    without_effect: tuple[str, ...] = ()
    folder: Path = Path()
    checkout: bool = True

    @classmethod
    def load(cls, path: Path) -> "Pipeline":
        """Read a pipeline file.

        Raises:
            InputError: the one thing that is wrong or not supported.
            Faults: all of them, when there are several.
        """
        return _Reader().pipeline(yaml_reader.read(path), path)


class _Reader:
    """Reads one file and gathers all its faults."""

    def __init__(self) -> None:
        self._errors: list[EmulatorError] = []
        self._without_effect: list[str] = []
        self._checkouts: list[str] = []
        self._groups: list[GroupUse] = []
        self._variables: Names[VariableDeclaration] = Names()

    def pipeline(self, root: Item, path: Path) -> Pipeline:
        """The pipeline in a file."""
        keys = root.mapping()
        self._check_keys(root, _PIPELINE_KEYS, "a pipeline", _WITHOUT_EFFECT)
        if ("steps" in keys) == ("jobs" in keys):
            self._errors.append(root.fault("pipeline-shape", "a pipeline needs either steps or jobs"))
            self._raise()
        self._read_variables(keys.get("variables"))
        job = self._job(keys["jobs"]) if "jobs" in keys else {}
        self._read_variables(job.get("variables"))
        steps = self._steps((job or keys).get("steps"))
        name = self._text(job.get("job")) or "Job"
        display_name = self._text(job.get("displayName")) or name
        timeout = self._guard(job["timeoutInMinutes"].number, 0) if "timeoutInMinutes" in job else 0
        self._raise()
        return Pipeline(
            source=path.name,
            steps=steps,
            variables=self._variables,
            groups=tuple(self._groups),
            job_name=name,
            job_display_name=display_name,
            timeout=timeout,
            without_effect=tuple(self._without_effect),
            folder=path.resolve().parent,
            checkout="self" in self._checkouts or not self._checkouts,
        )

    def _raise(self) -> None:
        if len(self._errors) == 1:
            raise self._errors[0]
        if self._errors:
            raise Faults(self._errors)

    def _check_keys(
        self, item: Item, known: frozenset[str], place: str, without_effect: frozenset[str] = frozenset()
    ) -> None:
        for name, key in item.keys().items():
            if name in without_effect:
                self._without_effect.append(name)
            elif name not in known:
                self._errors.append(
                    key.fault(
                        "pipeline-unsupported",
                        f"{name} is not supported in {place} by the emulator",
                        f"It knows {', '.join(sorted(known))}.",
                    )
                )

    def _job(self, jobs: Item) -> dict[str, Item]:
        try:
            members = jobs.members()
            if len(members) != 1:
                raise jobs.fault("pipeline-unsupported", "the emulator runs one job; give a file with one")
            keys = members[0].mapping()
        except EmulatorError as error:
            self._errors.extend(each(error))
            self._raise()
            raise
        self._check_keys(members[0], _JOB_KEYS, "a job", frozenset({"pool"}))
        return keys

    def _text(self, item: Item | None) -> str:
        return self._guard(item.text, "") if item is not None else ""

    def _guard(self, read: Callable[[], _Result], otherwise: _Result) -> _Result:
        """What a reading function gives; its fault is gathered and the other value taken."""
        try:
            return read()
        except EmulatorError as error:
            self._errors.extend(each(error))
            return otherwise

    def _read_variables(self, item: Item | None) -> None:
        if item is None:
            return
        if item.is_mapping:
            for name, value in item.mapping().items():
                self._variables[name] = VariableDeclaration(self._text(value))
            return
        members: list[Item] = []
        for member in self._guard(item.members, members):
            keys: dict[str, Item] = {}
            keys = self._guard(member.mapping, keys)
            if list(keys) == ["group"]:
                before = frozenset(fold(name) for name in self._variables)
                place = member.fault("", "").context
                self._groups.append(GroupUse(self._text(keys["group"]), place, before))
                continue
            self._check_keys(member, frozenset({"name", "value", "readonly"}), "a variable")
            if "name" not in keys or "value" not in keys:
                self._errors.append(
                    member.fault("pipeline-shape", "a variable needs a name and a value, or is a group alone")
                )
                continue
            read_only = (
                self._guard(keys["readonly"].boolean, otherwise=False) if "readonly" in keys else False
            )
            declaration = VariableDeclaration(self._text(keys["value"]), read_only)
            self._variables[self._text(keys["name"])] = declaration

    def _steps(self, item: Item | None) -> tuple[Step, ...]:
        if item is None:
            self._errors.append(InputError("pipeline-shape", "the job has no steps"))
            return ()
        steps: list[Step] = []
        members: list[Item] = []
        for member in self._guard(item.members, members):
            step = self._guard(partial(self._step, member), None)
            if step is not None:
                steps.append(step)
        names = [step.name.lower() for step in steps if step.name]
        for name in sorted({name for name in names if names.count(name) > 1}):
            self._errors.append(item.fault("pipeline-value", f"two steps have the name {name}"))
        return tuple(steps)

    def _step(self, item: Item) -> Step | None:
        keys = item.mapping()
        if "checkout" in keys:
            self._checkout(item, keys["checkout"])
            return None
        kinds = [kind for kind in _KINDS if kind in keys]
        if len(kinds) != 1:
            first = next(iter(keys), "an empty step")
            raise item.fault(
                "pipeline-unsupported",
                f"{first} is not a step that the emulator supports",
                f"It knows {', '.join(_KINDS)} and checkout.",
            )
        kind = kinds[0]
        self._check_keys(item, _OPTIONS | {kind} | _KIND_KEYS.get(kind, _SCRIPT_KEYS), f"a {kind} step")
        return Step(
            kind=kind,
            line=item.line,
            reference=_at(keys[kind], task_definition.reference) if kind == "task" else None,
            inputs=_inputs(keys) if kind == "task" else _script_inputs(kind, keys),
            condition=_at(keys["condition"], expressions.read)
            if "condition" in keys
            else expressions.read(""),
            continue_on_error="continueOnError" in keys and keys["continueOnError"].boolean(),
            display_name=self._text(keys.get("displayName")),
            enabled="enabled" not in keys or keys["enabled"].boolean(),
            env={name: value.text() for name, value in keys["env"].mapping().items()}
            if "env" in keys
            else {},
            name=_step_name(keys.get("name")),
            retries=keys["retryCountOnTaskFailure"].number() if "retryCountOnTaskFailure" in keys else 0,
            restrictions=self._target(keys.get("target")),
            timeout=keys["timeoutInMinutes"].number() if "timeoutInMinutes" in keys else 0,
        )

    def _checkout(self, step: Item, which: Item) -> None:
        """Note what is checked out; it is there before the first step runs."""
        self._check_keys(step, frozenset({"checkout", "displayName"}), "a checkout step", _CHECKOUT_KEYS)
        if which.text().lower() not in {"self", "none"}:
            raise which.fault("pipeline-unsupported", "the emulator checks out self or none")
        self._checkouts.append(which.text().lower())

    def _target(self, item: Item | None) -> Restrictions | None:
        if item is None:
            return None
        if not item.is_mapping:
            _only_host(item)
            return None
        self._check_keys(item, frozenset({"container", "commands", "settableVariables"}), "a target")
        keys = item.mapping()
        if "container" in keys:
            _only_host(keys["container"])
        commands = self._text(keys.get("commands"))
        if commands not in {"", "any", "restricted"}:
            raise keys["commands"].fault("pipeline-value", "commands has to be any or restricted")
        settable = keys.get("settableVariables")
        patterns: tuple[str, ...] | None = None
        if settable is not None and settable.is_list:
            patterns = tuple(member.text() for member in settable.members())
        elif settable is not None:
            if settable.text() != "none":
                raise settable.fault("pipeline-value", "settableVariables has to be none or a list of names")
            patterns = ()
        return Restrictions(commands, patterns, origin="the target of the step")


def _at(item: Item, read: Callable[[str], _Result]) -> _Result:
    """What a reading function makes of an item's text; its fault gets the item's place."""
    try:
        return read(item.text())
    except InputError as error:
        if error.context.startswith(item.fault("", "").context):
            raise
        raise item.fault(error.slug, error.what, error.hint) from error


def _only_host(item: Item) -> None:
    if item.text() != "host":
        raise item.fault("pipeline-unsupported", f"the container {item.text()} is not supported as a target")


def _step_name(item: Item | None) -> str:
    if item is None:
        return ""
    name = item.text()
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
        raise item.fault(
            "pipeline-value",
            f"the name {name!r} has to begin with a letter and hold letters, digits and underscores only",
        )
    return name


def _inputs(keys: Mapping[str, Item]) -> Names[str]:
    if "inputs" not in keys:
        return Names()
    return Names((name, value.text()) for name, value in keys["inputs"].mapping().items())


def _script_inputs(kind: str, keys: Mapping[str, Item]) -> Names[str]:
    inputs = Names([("script", keys[kind].text())])
    for name in sorted(_SCRIPT_KEYS & set(keys)):
        inputs[name] = keys[name].text()
    return inputs
