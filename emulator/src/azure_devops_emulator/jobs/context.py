"""The state of a running job and of the step that runs: what logging commands change."""

import time
from dataclasses import dataclass, field
from typing import Any

from azure_devops_emulator.jobs import agent_version
from azure_devops_emulator.jobs.agent_version import AgentVersion
from azure_devops_emulator.jobs.endpoints import Endpoint
from azure_devops_emulator.jobs.job_log import JobLog
from azure_devops_emulator.jobs.masker import Masker
from azure_devops_emulator.jobs.names import fold
from azure_devops_emulator.jobs.restrictions import Restrictions
from azure_devops_emulator.jobs.results import TaskResult, merge
from azure_devops_emulator.jobs.variables import Variables

# So many issues of each type are kept; the rest is only logged.
_KEPT_ISSUES = 10
_TRUE = frozenset({"1", "true", "$true"})


@dataclass(frozen=True)
class Issue:
    """An error or warning that a step reported.

    Args:
        type: `error` or `warning`.
        message: masked.
    """

    type: str
    message: str


@dataclass(frozen=True)
class TelemetryEvent:
    """A `telemetry.publish` command.

    Args:
        area: its area.
        feature: its feature.
        data: its JSON object.
        published: whether the agent passes it on; it does so only for tasks of the server.
    """

    area: str
    feature: str
    data: dict[str, Any]
    published: bool


@dataclass
class JobContext:
    """What the steps of a job share.

    Args:
        masker: the job's secrets.
        variables: the job's variables.
        log: where everything is written.
        worker: the environment of the agent's process.
        endpoints: the job's service connections.
        version: of the agent.
    """

    masker: Masker
    variables: Variables
    log: JobLog
    worker: dict[str, str]
    endpoints: list[Endpoint] = field(default_factory=list)
    version: AgentVersion = agent_version.NEWEST
    prepended: list[str] = field(default_factory=list)
    telemetry: list[TelemetryEvent] = field(default_factory=list)
    attachments: list[tuple[str, str, str]] = field(default_factory=list)
    result: TaskResult | None = None

    @property
    def status(self) -> TaskResult:
        """The job's result so far."""
        return TaskResult.SUCCEEDED if self.result is None else self.result

    def set_result(self, result: TaskResult | None) -> None:
        """Set the job's result and the variable that conditions read."""
        self.result = result
        self.variables.set("agent.jobstatus", self.status.text)

    def knob(self, name: str, *, default: bool) -> bool:
        """A switch of the agent: a variable of this name, else the agent's environment."""
        value = self.variables.get(name)
        if not value:
            value = self.worker.get(name)
        return default if not value else value.strip().lower() in _TRUE

    @property
    def decode_percents(self) -> bool:
        """Whether `%AZP25` in a command stands for a percent sign."""
        version = self.version
        return version.knows_percent_escape and self.knob("DECODE_PERCENTS", default=version.decodes_percents)


class StepContext:
    """What a running step is and has reported.

    Args:
        job: the job it belongs to.
        display_name: what the log calls it.
        reference_name: the prefix of its output variables.
        restrictions: what forbids it commands or variables.
        output_variables: upper-case names that become output variables.
        done_seconds: how long a process may live on after `task.complete` with `done`.
    """

    def __init__(
        self,
        job: JobContext,
        display_name: str,
        reference_name: str = "",
        *,
        restrictions: tuple[Restrictions, ...] = (),
        output_variables: frozenset[str] = frozenset(),
        done_seconds: float = 5.0,
    ) -> None:
        self.job = job
        self.display_name = display_name
        self.reference_name = reference_name
        self.restrictions = restrictions
        self.output_variables = output_variables
        self.task_variables = Variables(job.masker)
        self.result: TaskResult | None = None
        self.command_result: TaskResult | None = None
        self.issues: list[Issue] = []
        self._done_seconds = done_seconds
        self._done_at: float | None = None

    def output(self, text: str) -> None:
        """Write a plain line."""
        self.job.log.write(text)

    def section(self, text: str) -> None:
        """Write a heading."""
        self.job.log.write(text, "section")

    def debug(self, text: str) -> None:
        """Write a debug line, when the job runs with them."""
        self.job.log.write(text, "debug")

    def warning(self, text: str) -> None:
        """Report a warning."""
        self._issue("warning", text)

    def error(self, text: str) -> None:
        """Report an error; this alone does not change the result."""
        self._issue("error", text)

    def _issue(self, kind: str, text: str) -> None:
        self.job.log.write(text, kind)
        if sum(issue.type == kind for issue in self.issues) < _KEPT_ISSUES:
            self.issues.append(Issue(kind, self.job.masker.mask(text)))

    def complete(self, result: TaskResult) -> None:
        """Merge a result: the worse one wins."""
        self.result = merge(self.result, result)

    def fail_command(self) -> None:
        """Remember that a logging command failed, whatever the task says of itself."""
        self.command_result = merge(self.command_result, TaskResult.FAILED)

    def set_variable(
        self, name: str, value: str, *, secret: bool, output: bool, read_only: bool, preserve_case: bool
    ) -> None:
        """Set a variable as a command asks; an output variable gets the step's name before it."""
        if output or fold(name) in self.output_variables:
            name, read_only = f"{self.reference_name}.{name}", output or read_only
        self.job.variables.set(name, value, secret=secret, read_only=read_only, preserve_case=preserve_case)

    def finish_soon(self) -> None:
        """The task says that it is done: its process gets a few seconds more."""
        self._done_at = time.monotonic() + self._done_seconds

    def begin_try(self) -> None:
        """Forget an earlier try's word that it is done."""
        self._done_at = None

    @property
    def is_done(self) -> bool:
        """Whether the time after the task's word that it is done has passed."""
        return self._done_at is not None and time.monotonic() >= self._done_at
