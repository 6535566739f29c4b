"""A pipeline file: `steps`, or one job, with every control option of a step.

What the emulator does not support is refused by name, with its line; nothing is ignored
silently.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Annotated, ClassVar, Literal, TypeVar

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    SecretStr,
    Strict,
    TypeAdapter,
    model_validator,
)
from pydantic.alias_generators import to_camel

from azure_devops_emulator.description.files import Document, text_of
from azure_devops_emulator.description.shapes import Loc, Many, Shape, read, text, wrong_kind
from azure_devops_emulator.errors import InputError
from azure_devops_emulator.jobs import expressions, task_definition
from azure_devops_emulator.jobs.expressions import Expression
from azure_devops_emulator.jobs.names import Names
from azure_devops_emulator.jobs.restrictions import Restrictions
from azure_devops_emulator.jobs.task_definition import TaskReference

_UNSUPPORTED = "pipeline-unsupported"


def _text(value: object) -> str:
    found = text(value)
    if "${{" in found or found.startswith("$["):
        what = "an expression in ${{ }} or $[ ] is not evaluated here"
        raise InputError(_UNSUPPORTED, what, hint="Write the value itself, or a macro: $(name).")
    return found


def _host(container: str) -> str:
    if container != "host":
        raise InputError(_UNSUPPORTED, f"the container {container} is not supported as a target")
    return container


def _settable(value: object) -> object:
    if isinstance(value, str) and value != "none":
        raise wrong_kind("none or a list of names")
    return () if value == "none" else value


def _step_name(name: str) -> str:
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
        what = f"the name {name!r} has to begin with a letter and hold letters, digits and underscores only"
        raise InputError("pipeline-value", what)
    return name


# Texts are what YAML gives; pydantic reads flags and numbers in them.
Text = Annotated[str, BeforeValidator(_text)]
Texts = dict[str, Text]
Flag = Annotated[bool, Strict(strict=False)]
Count = Annotated[int, Strict(strict=False), Field(ge=0)]
_Found = TypeVar("_Found", bound="_Part")
Ignored = object
"""What means nothing here, whatever it says."""


class _Part(Shape):
    model_config = ConfigDict(alias_generator=to_camel)
    titled: ClassVar[str]
    line: ClassVar[int] = 0
    """Where it begins in the file; no key, so that no file can say it."""

    @classmethod
    def unknown(cls, key: str, known: Iterable[str]) -> InputError:
        """The error of a key that the emulator does not support."""
        what = f"{key} is not supported in {cls.titled} by the emulator"
        return InputError("unknown-key", what, hint=f"It knows {', '.join(sorted(known))}.")

    @property
    def ignored(self) -> list[str]:
        """Keys that are there, and mean nothing here."""
        fields = type(self).model_fields
        return [
            str(info.alias)
            for name, info in fields.items()
            if info.annotation is Ignored and name in self.model_fields_set
        ]


class VariableDeclaration(_Part):
    """One variable of the file, or of a group that it takes in: macros included, a SecretStr if secret."""

    titled = "a variable"
    name: Text
    value: Annotated[str | SecretStr, PlainValidator(_text)]
    read_only: Flag = Field(default=False, alias="readonly")


class GroupUse(_Part):
    """A variable group that the file takes in."""

    titled = "a group"
    group: Text


def _declaration(value: object) -> VariableDeclaration | GroupUse:
    is_group = isinstance(value, dict) and list(value) == ["group"]
    return (GroupUse if is_group else VariableDeclaration).model_validate(value)


Declarations = tuple[VariableDeclaration | GroupUse, ...]
_TEXTS = TypeAdapter(Texts)
_ENTRIES = TypeAdapter(Many[Annotated[VariableDeclaration | GroupUse, PlainValidator(_declaration)]])


def _declarations(value: object) -> Declarations:
    if isinstance(value, dict):
        value = [{"name": name, "value": given} for name, given in _TEXTS.validate_python(value).items()]
    return _ENTRIES.validate_python(value)


Variables = Annotated[Declarations, PlainValidator(_declarations)]


class _Target(_Part):
    titled = "a target"
    container: Annotated[Text, AfterValidator(_host)] = "host"
    commands: Literal["any", "restricted"] = "any"
    settable_variables: Annotated[Many[Text] | None, BeforeValidator(_settable)] = None


def _restrictions(value: object) -> Restrictions | None:
    if isinstance(value, str):
        _host(value)
        return None
    target = _Target.model_validate(value)
    return Restrictions(target.commands, target.settable_variables, origin="the target of the step")


class _Step(_Part):
    """What every kind of step may say; a `timeout` is in minutes, and none is 0."""

    condition: Annotated[Expression, PlainValidator(lambda value: expressions.read(_text(value)))] = (
        expressions.read("")
    )
    continue_on_error: Flag = False
    display_name: Text = ""
    enabled: Flag = True
    env: Texts = Field(default_factory=dict)
    name: Annotated[Text, AfterValidator(_step_name)] = ""
    retries: Count = Field(default=0, alias="retryCountOnTaskFailure")
    restrictions: Annotated[Restrictions | None, PlainValidator(_restrictions)] = Field(
        default=None, alias="target"
    )
    timeout: Count = Field(default=0, alias="timeoutInMinutes")


class TaskStep(_Step):
    """A step that runs a task."""

    titled = "a task step"
    kind: ClassVar[str] = "task"
    reference: Annotated[
        TaskReference, PlainValidator(lambda value: task_definition.reference(_text(value)))
    ] = Field(alias="task")
    inputs: Annotated[
        Names[str], PlainValidator(lambda value: Names(_TEXTS.validate_python(value).items()))
    ] = Field(default_factory=Names)


class ScriptStep(_Step):
    """A step that runs a script."""

    titled = "a script step"
    kind: ClassVar[str] = "script"
    reference: ClassVar[None] = None
    script: Text
    fail_on_stderr: Text = ""
    working_directory: Text = ""

    @property
    def inputs(self) -> Names[str]:
        """Its text and its own options."""
        options = self.model_dump(
            include={"fail_on_stderr", "working_directory"}, exclude_unset=True, by_alias=True
        )
        return Names([("script", self.script), *options.items()])


class BashStep(ScriptStep):
    """A step that runs a script of Bash."""

    titled = "a bash step"
    kind = "bash"
    script: Text = Field(alias="bash")


Step = TaskStep | ScriptStep
_KINDS: dict[str, type[Step]] = {kind.kind: kind for kind in (TaskStep, ScriptStep, BashStep)}


def _self_or_none(which: str) -> str:
    if which.lower() not in {"self", "none"}:
        raise InputError(_UNSUPPORTED, "the emulator checks out self or none")
    return which.lower()


class _Checkout(_Part):
    """What is checked out: it is there, as a copy, before the first step runs."""

    titled = "a checkout step"
    checkout: Annotated[Text, AfterValidator(_self_or_none)]
    display_name: Text = ""
    clean: Ignored = None
    fetch_depth: Ignored = None
    fetch_filter: Ignored = None
    fetch_tags: Ignored = None
    lfs: Ignored = None
    persist_credentials: Ignored = None
    submodules: Ignored = None


def _step(value: object) -> Step | _Checkout:
    if not isinstance(value, dict):
        raise wrong_kind("a mapping with keys")
    if "checkout" in value:
        return _Checkout.model_validate(value)
    kinds = [kind for name, kind in _KINDS.items() if name in value]
    if len(kinds) != 1:
        what = f"{next(iter(value), 'an empty step')} is not a step that the emulator supports"
        raise InputError(_UNSUPPORTED, what, hint=f"It knows {', '.join(_KINDS)} and checkout.")
    return kinds[0].model_validate(value)


def _together(steps: tuple[Step | _Checkout, ...]) -> tuple[Step | _Checkout, ...]:
    names = [step.name.lower() for step in steps if isinstance(step, Step) and step.name]
    for name in names:
        if names.count(name) > 1:
            raise InputError("pipeline-value", f"two steps have the name {name}")
    return steps


def _one(jobs: tuple["_Job", ...]) -> tuple["_Job", ...]:
    if len(jobs) != 1:
        raise InputError(_UNSUPPORTED, "the emulator runs one job; give a file with one")
    return jobs


Steps = Annotated[Many[Annotated[Step | _Checkout, PlainValidator(_step)]], AfterValidator(_together)]


class _Job(_Part):
    titled = "a job"
    job: Text = ""
    display_name: Text = ""
    steps: Steps
    variables: Variables = ()
    timeout_in_minutes: Count = 0
    pool: Ignored = None


class _File(_Part):
    titled = "a pipeline"
    steps: Steps = ()
    jobs: Annotated[Many[_Job], AfterValidator(_one)] = ()
    variables: Variables = ()
    # These say when and where a pipeline runs; on the emulator it runs now and here.
    trigger: Ignored = None
    pr: Ignored = None
    schedules: Ignored = None
    pool: Ignored = None
    name: Ignored = None
    append_commit_message_to_run_name: Ignored = None

    @model_validator(mode="after")
    def _steps_or_jobs(self) -> "_File":
        if len(self.model_fields_set & {"steps", "jobs"}) != 1:
            raise InputError("pipeline-shape", "a pipeline needs either steps or jobs")
        return self


@dataclass(frozen=True)
class Pipeline:
    """A pipeline that the emulated agent can run.

    Args:
        source: the file's name.
        steps: in order.
        declarations: the variables of the pipeline and then of its job, and the groups among them; of two
            variables of one name the later one counts.
        job_name: the job's name.
        job_display_name: what the log calls the job.
        timeout: of the job, in minutes; 0 for none.
        without_effect: keys of the file that mean nothing here.
        folder: where the file lies.
        checkout: whether the job gets the repository that the file lies in.
    """

    source: str
    steps: tuple[Step, ...]
    declarations: Declarations
    job_name: str
    job_display_name: str
    timeout: float
    without_effect: tuple[str, ...]
    folder: Path
    checkout: bool

    @property
    def variables(self) -> Names[VariableDeclaration]:
        """Its own variables, without those of groups."""
        own = (one for one in self.declarations if isinstance(one, VariableDeclaration))
        return Names((one.name, one) for one in own)

    @classmethod
    def load(cls, path: Path) -> "Pipeline":
        """Read a pipeline file.

        Raises:
            InputError: it cannot be read, or is no YAML.
            Faults: it says something that is wrong or not supported; all such things at once.
        """
        document = Document(text_of(path, "pipeline-file"), path.name)
        file = read(_File, document.data, None, document.where)
        above: Loc = ("jobs", 0) if file.jobs else ()
        job = file.jobs[0] if file.jobs else _Job.model_construct(steps=file.steps)
        checkouts = [step for step in job.steps if isinstance(step, _Checkout)]

        def located(parts: tuple[_Found, ...], *loc: int | str) -> tuple[_Found, ...]:
            return tuple(
                part.model_copy(update={"line": document.line((*loc, number))})
                for number, part in enumerate(parts)
            )

        return cls(
            source=path.name,
            steps=tuple(step for step in located(job.steps, *above, "steps") if isinstance(step, Step)),
            declarations=(
                *located(file.variables, "variables"),
                *located(job.variables, *above, "variables"),
            ),
            job_name=job.job or "Job",
            job_display_name=job.display_name or job.job or "Job",
            timeout=job.timeout_in_minutes,
            without_effect=tuple(dict.fromkeys(chain(*(part.ignored for part in (file, job, *checkouts))))),
            folder=path.resolve().parent,
            checkout=not checkouts or any(one.checkout == "self" for one in checkouts),
        )
