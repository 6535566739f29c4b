"""Running the steps of a job one after the other, with every control option of a step.

Source of the rules: agent sources StepsRunner.cs, TaskRunner.cs, RetryHelper.cs, JobExtension.cs.
"""

import threading
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from azure_devops_emulator.jobs.context import Issue, JobContext, StepContext
from azure_devops_emulator.jobs.expressions import Context, EvaluationError, Expression, read
from azure_devops_emulator.jobs.handlers import Machine, Runner, StepError, StepStopped
from azure_devops_emulator.jobs.plan import PlannedStep
from azure_devops_emulator.jobs.process import Grace
from azure_devops_emulator.jobs.results import TaskResult, merge
from azure_devops_emulator.jobs.variables import Variables

_MAX_RETRIES = 10
_TICK = 0.02
_RULE = "=" * 78


@dataclass(frozen=True)
class Timing:
    """How long things take, in seconds; tests make them shorter.

    Args:
        retry: the unit of the waits between tries, which are 1, 4, 9 ... units.
        minute: the unit of `timeoutInMinutes`.
        done: how long a process may live on after `task.complete` with `done`.
        grace: how long a cancelled process is given.
        read: how long a slow agent waits before it reads each 4 KiB of a process's output.
    """

    retry: float = 1.0
    minute: float = 60.0
    done: float = 5.0
    grace: Grace = field(default_factory=Grace)
    read: float = 0.0


@dataclass(frozen=True)
class StepResult:
    """What became of a step.

    Args:
        name: the prefix of its output variables.
        display_name: what the log called it.
        result: a word such as `Succeeded`.
        issues: the first ten errors and warnings of each kind, masked.
    """

    name: str
    display_name: str
    result: str
    issues: tuple[Issue, ...] = ()

    @property
    def errors(self) -> list[str]:
        """The messages of its errors."""
        return [issue.message for issue in self.issues if issue.type == "error"]

    @property
    def warnings(self) -> list[str]:
        """The messages of its warnings."""
        return [issue.message for issue in self.issues if issue.type == "warning"]


@dataclass
class _Scheduled:
    """One entry of the job: a step, in the stage of it that runs."""

    planned: PlannedStep
    context: StepContext
    condition: Expression
    stage: str
    continue_on_error: bool = False
    timeout: float = 0


class Cancellation:
    """Whether a job is to end before its steps do, and whether that was noticed.

    Args:
        job: gets the result Canceled when the end is noticed.
        cancelled: set from outside when the job is to end.
        deadline: when the job's own time is over, on the monotonic clock, or None.
    """

    def __init__(self, job: JobContext, cancelled: threading.Event, deadline: float | None = None) -> None:
        self._job = job
        self._cancelled = cancelled
        self._deadline = deadline
        self.noticed = False

    def is_over(self) -> bool:
        """Whether the job was cancelled or its own time is over."""
        return self._cancelled.is_set() or (self._deadline is not None and time.monotonic() >= self._deadline)

    def notice(self) -> None:
        """Make the job's result Canceled, once."""
        if not self.noticed:
            self.noticed = True
            self._job.set_result(TaskResult.CANCELED)


class Job:
    """Runs planned steps.

    Args:
        context: what the steps share.
        machine: where they run.
        timing: how long things take.
        cancellation: says when the job is to end.
        server_owned: whether tasks count as the server's own.
    """

    def __init__(
        self,
        context: JobContext,
        machine: Machine,
        timing: Timing,
        cancellation: Cancellation,
        *,
        server_owned: bool = False,
    ) -> None:
        self._context = context
        self._machine = machine
        self._timing = timing
        self._cancellation = cancellation
        self._server_owned = server_owned

    def run(self, steps: Sequence[PlannedStep]) -> list[StepResult]:
        """Run all entries; gives what became of the pipeline's own steps.

        Steps that a task adds before or after them count in the job's result only.
        """
        self._context.set_result(self._context.result)
        results: list[StepResult] = []
        try:
            for entry in self._schedule(steps):
                self._run_entry(entry)
                if entry.stage == "execution":
                    results.append(_result_of(entry.context))
        finally:
            for process in self._machine.left_behind:
                process.end_group()
        return results

    def _schedule(self, steps: Sequence[PlannedStep]) -> list[_Scheduled]:
        """The entries in order: before the job, its steps, and after it in reverse order."""
        self._context.variables.recalculate()
        before: list[_Scheduled] = []
        main: list[_Scheduled] = []
        after: list[_Scheduled] = []
        for planned in steps:
            step = planned.step
            name = self._context.variables.expand(planned.display_name)
            first = self._new_context(planned, name)
            stages = planned.definition.stages if planned.definition else {"execution": None}
            if "prejobexecution" in stages:
                context = self._new_context(planned, f"Pre-job: {name}", first.task_variables)
                entry = _Scheduled(planned, context, read("succeeded()"), "prejobexecution")
                before.append(entry)
            if "execution" in stages:
                timeout = step.timeout * self._timing.minute
                entry = _Scheduled(
                    planned, first, step.condition, "execution", step.continue_on_error, timeout
                )
                main.append(entry)
            if "postjobexecution" in stages:
                context = self._new_context(planned, f"Post-job: {name}", first.task_variables)
                entry = _Scheduled(planned, context, read("always()"), "postjobexecution")
                after.insert(0, entry)
        return before + main + after

    def _new_context(
        self, planned: PlannedStep, name: str, task_variables: Variables | None = None
    ) -> StepContext:
        definition = planned.definition
        task = definition or planned.built_in
        restrictions = (definition.restrictions if definition else None, planned.step.restrictions)
        context = StepContext(
            self._context,
            name,
            planned.reference_name,
            restrictions=tuple(each for each in restrictions if each is not None),
            output_variables=task.output_variables if task else frozenset(),
            done_seconds=self._timing.done,
        )
        if task_variables is not None:
            context.task_variables = task_variables
        return context

    def _run_entry(self, entry: _Scheduled) -> None:
        step = entry.context
        variables = self._context.variables
        for warning in variables.recalculate():
            step.warning(warning)
        if self._cancellation.is_over():
            self._cancellation.notice()
        step.debug(f"Evaluating condition for step: '{step.display_name}'")
        try:
            wanted = entry.condition.evaluate(Context(variables.get))
        except EvaluationError as error:
            step.section(f"Starting: {step.display_name}")
            step.error(str(error))
            step.result = TaskResult.FAILED
            step.section(f"Finishing: {step.display_name}")
        else:
            if not wanted:
                step.section(f"Skipping: {step.display_name}")
                step.output("Skipping step due to condition evaluation.")
                step.output(f"Evaluating: {entry.condition.text}")
                step.output("Result: False")
                step.result = TaskResult.SKIPPED
                return
            self._run_step(entry)
        if step.result in {TaskResult.SUCCEEDED_WITH_ISSUES, TaskResult.FAILED}:
            self._context.set_result(merge(self._context.result, step.result))

    def _run_step(self, entry: _Scheduled) -> None:
        step = entry.context
        step.section(f"Starting: {step.display_name}")
        watch = _Watch(self._context, entry, self._cancellation)
        scope = {
            "task.displayname": step.display_name,
            "task.publishTelemetry": str(self._server_owned or entry.planned.definition is None),
            "system.taskInstanceId": str(uuid.uuid4()),
            "system.taskDisplayName": step.display_name,
            "system.taskInstanceName": step.reference_name,
        }
        try:
            with self._context.variables.scope(scope):
                self._run_tries(entry, watch)
        except StepStopped:
            if watch.timed_out:
                step.error("The task has timed out.")
                step.result = TaskResult.FAILED
            else:
                step.error("The operation was canceled.")
                step.result = TaskResult.CANCELED
        except StepError as error:
            step.error(str(error))
            step.result = TaskResult.FAILED
        if step.command_result is not None:
            step.complete(step.command_result)
        if step.result is TaskResult.FAILED and entry.continue_on_error:
            step.result = TaskResult.SUCCEEDED_WITH_ISSUES
        step.section(f"Finishing: {step.display_name}")

    def _run_tries(self, entry: _Scheduled, watch: "_Watch") -> None:
        step = entry.context
        planned = entry.planned
        definition = planned.definition
        for line in _header(planned):
            step.output(line)
        runner = Runner(step, planned, self._machine, watch.stops)
        variables = self._context.variables
        if (
            runner.names_connections
            and variables.is_true("system.restrictSecrets")
            and variables.is_true("build.isFork")
        ):
            step.result = TaskResult.SKIPPED
            return

        def one_try() -> None:
            if definition is not None:
                runner.run_task(definition, definition.stages.get(entry.stage))
            elif planned.built_in is not None:
                runner.run_built_in(planned.built_in)

        self._retry(step, planned.step.retries, one_try, watch)

    def _retry(self, step: StepContext, retries: int, one_try: Callable[[], None], watch: "_Watch") -> None:
        """Repeat a failed try; a result is forgotten only when its try ended without an exception."""
        if retries > _MAX_RETRIES:
            step.warning(f"The task can be retried {_MAX_RETRIES} times at most; {retries} was asked for.")
            retries = _MAX_RETRIES
        for number in range(retries + 1):
            step.begin_try()
            wait = (number + 1) ** 2 * self._timing.retry
            left = f"(attempt #: {number + 1} out of {retries}) after {int(wait * 1000)} ms"
            try:
                one_try()
            except StepError as error:
                if number == retries:
                    raise
                step.warning(f"RetryHelper encountered exception, will retry {left}: {error}")
            else:
                if step.result is not TaskResult.FAILED or number == retries:
                    return
                step.result = None
                step.warning(f"RetryHelper encountered task failure, will retry {left}")
            end = time.monotonic() + wait
            while time.monotonic() < end:
                if watch.stops():
                    raise StepStopped
                time.sleep(min(_TICK, max(0.0, end - time.monotonic())))


class _Watch:
    """Says whether a running step has to stop, and why."""

    def __init__(self, job: JobContext, entry: _Scheduled, cancellation: Cancellation) -> None:
        self._job = job
        self._entry = entry
        self._cancellation = cancellation
        self._end = time.monotonic() + entry.timeout if entry.timeout else None
        # A step that began after the cancellation wanted to run all the same.
        self._goes_on = cancellation.noticed
        self.timed_out = False

    def stops(self) -> bool:
        """Whether the step's time is over, or the job was cancelled and its condition is false now."""
        if self._end is not None and time.monotonic() >= self._end:
            self.timed_out = True
            return True
        if self._goes_on or not self._cancellation.is_over():
            return False
        self._cancellation.notice()
        try:
            self._goes_on = self._entry.condition.evaluate(Context(self._job.variables.get))
        except EvaluationError as error:
            self._entry.context.error(str(error))
        return not self._goes_on


def _result_of(step: StepContext) -> StepResult:
    result = TaskResult.SUCCEEDED if step.result is None else step.result
    return StepResult(step.reference_name, step.display_name, result.text, tuple(step.issues))


def _header(planned: PlannedStep) -> list[str]:
    """The lines that tell which task runs."""
    definition = planned.definition
    if definition is not None:
        facts = (
            definition.friendly_name,
            definition.description,
            definition.version_text,
            definition.author,
            definition.help,
        )
    else:
        task = planned.built_in
        facts = (task.title, task.description, str(task.major), "Emulator", "") if task else ("",) * 5
    names = ("Task         ", "Description  ", "Version      ", "Author       ", "Help         ")
    return [_RULE, *(f"{name}: {fact}" for name, fact in zip(names, facts, strict=True)), _RULE]
