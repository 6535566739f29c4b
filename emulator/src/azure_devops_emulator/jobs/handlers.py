"""Running one try of a step: a task on Node, or a built-in one.

Source of the rules: agent sources NodeHandler.cs and TaskRunner.cs.
"""

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from azure_devops_emulator.jobs import command_handlers, endpoints, environment, scripts, task_definition
from azure_devops_emulator.jobs.built_in import BuiltInTask
from azure_devops_emulator.jobs.context import StepContext
from azure_devops_emulator.jobs.job_log import RawLine
from azure_devops_emulator.jobs.names import Names
from azure_devops_emulator.jobs.plan import PlannedStep
from azure_devops_emulator.jobs.process import Grace, Invocation, RunningProcess, check_size
from azure_devops_emulator.jobs.pythons import Pythons
from azure_devops_emulator.jobs.results import TaskResult
from azure_devops_emulator.jobs.task_definition import Handler, TaskDefinition
from azure_devops_emulator.jobs.variables import expand_macros

_WINDOWS = sys.platform == "win32"
_NO_HANDLER = (
    "The current operating system is not capable of running this task. "
    "That typically means the task was written for Windows only."
)


class StepError(Exception):
    """A try of a step that ended with an exception in the agent: it may be tried again."""


class StepStopped(Exception):  # noqa: N818 - not an error but the end of a wait
    """The step was stopped from outside: its time is over, or the job was cancelled."""


@dataclass
class Machine:
    """What running a step needs of the machine.

    Args:
        node: the program that runs tasks.
        pythons: those that a step can choose from.
        sources: the working directory of steps.
        temp: where scripts are written.
        grace: how long a cancelled process is given.
        pause: before each reading of output, in seconds.
        left_behind: processes whose orphans are ended with the job.
    """

    node: str
    pythons: Pythons
    sources: Path
    temp: Path
    grace: Grace
    pause: float = 0
    left_behind: list[RunningProcess] = field(default_factory=list)


def expand_inputs(step: StepContext, planned: PlannedStep) -> Names[str]:
    """All declared and given inputs of a step, as its process gets them.

    Values are trimmed, then macros are replaced in two passes: by variables, secret ones
    included, and then by the environment of the agent's process. Inputs that are paths become
    absolute.
    """
    trim = not step.job.knob("DISABLE_INPUT_TRIMMING", default=False)
    given = {entry.name: entry.default for entry in planned.declared}
    inputs: Names[str] = Names([*given.items(), *planned.inputs.items()])
    for name, value in list(inputs.items()):
        inputs[name] = _expand(step, value.strip() if trim else value)
    root = Path(step.job.variables.get("Build.SourcesDirectory") or ".")
    for entry in planned.declared:
        if entry.type.lower() == "filepath":
            # An empty path is the root itself, as it is for the agent.
            inputs[entry.name] = os.path.normpath(root / inputs[entry.name])
    return inputs


def expand_env(step: StepContext, env: Mapping[str, str]) -> dict[str, str]:
    """A step's `env`: names as they are, values trimmed and expanded like inputs."""
    return {name.strip(): _expand(step, value.strip()) for name, value in env.items() if name.strip()}


def _expand(step: StepContext, text: str) -> str:
    worker = step.job.worker
    look_up = Names(worker.items()).get if _WINDOWS else worker.get
    return expand_macros(step.job.variables.expand(text), look_up)


class Runner:
    """Runs the tries of one step.

    Args:
        step: the running step.
        planned: what runs.
        machine: where.
        stop: asked while a process runs; a true answer stops it.

    Attributes:
        inputs: of the step, as its process gets them.
    """

    def __init__(
        self, step: StepContext, planned: PlannedStep, machine: Machine, stop: Callable[[], bool]
    ) -> None:
        self._step = step
        self._machine = machine
        self._stop = stop
        self.inputs = expand_inputs(step, planned)
        self._env = expand_env(step, planned.step.env)
        connections = (
            self.inputs[entry.name] for entry in planned.declared if entry.connection_type is not None
        )
        self._endpoints = endpoints.select(step.job.endpoints, connections)

    @property
    def names_connections(self) -> bool:
        """Whether the step gets a service connection beside the system's own."""
        return any(endpoint.id != endpoints.NO_ID for endpoint in self._endpoints)

    def _environment(self) -> dict[str, str]:
        job = self._step.job
        task_variables = self._step.task_variables
        return environment.build(
            job.worker,
            environment.StepData(
                env=self._env,
                public=job.variables.public,
                secrets=job.variables.secrets,
                inputs=self.inputs,
                endpoints=self._endpoints,
                task_variables=[*task_variables.public, *task_variables.secrets],
                prepended=job.prepended,
            ),
        )

    def run_task(self, definition: TaskDefinition, handler: Handler | None) -> None:
        """One try of a task.

        Raises:
            StepError: no handler for this system, a process that does not start, or an exit code.
            StepStopped: stopped from outside.
        """
        if handler is None or not task_definition.is_node(handler):
            raise StepError(_NO_HANDLER)
        target = definition.folder / handler.target
        if not target.is_file():
            raise StepError(f"File not found: '{target}'")
        working = Path(
            self._step.job.variables.get("System.DefaultWorkingDirectory") or self._machine.sources
        )
        arguments = [self._machine.node, str(target)]
        code = self._start(
            Invocation(arguments, self._build(), working, pause=self._machine.pause), self.take_line
        )
        if code:
            raise StepError(
                f"Exit code {code} returned from process: "
                f"file name '{self._machine.node}', arguments '\"{target}\"'."
            )

    def _build(self) -> dict[str, str]:
        try:
            built = self._environment()
        except ValueError as error:
            raise StepError(str(error)) from error
        if _WINDOWS:  # pragma: no cover - no machine to test it on
            for name in environment.too_long_for_windows(built):
                self._step.warning(f"Environment variable '{name}' exceeds the maximum supported length.")
        return built

    def _start(self, invocation: Invocation, on_line: Callable[[str, str], None]) -> int:
        """Run a process to its end; 0 when the task said before that it is done.

        Raises:
            StepError: it does not start.
            StepStopped: stopped from outside.
        """
        folder = invocation.folder
        try:
            process = RunningProcess(invocation, on_line)
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            raise StepError(
                f"An error occurred trying to start process '{invocation.arguments[0]}' "
                f"with working directory '{folder}'. {reason}"
            ) from error
        self._machine.left_behind.append(process)
        code = process.wait(lambda: self._stop() or self._step.is_done)
        if code is not None:
            return code
        if self._step.is_done:
            self._step.debug(
                "The task said that it is done, but its process lives on; it counts as complete."
            )
            return 0
        process.cancel(self._machine.grace)
        raise StepStopped

    def take_line(self, stream: str, line: str) -> None:
        """Take one line of the step's output: carry out the command in it, or log it."""
        self._step.job.log.raw.append(RawLine(self._step.display_name, stream, line))
        command_handlers.process_line(self._step, line)

    def run_built_in(self, task: BuiltInTask) -> None:
        """One try of a task that the emulator does itself.

        Raises:
            StepError: a process that does not start.
            StepStopped: stopped from outside.
        """
        whole = self._build()
        try:
            check_size(whole)
        except OSError as error:
            raise StepError(
                f"An error occurred trying to start process '{self._machine.node}' "
                f"with working directory '{self._machine.sources}'. {error.strerror}"
            ) from error
        scripts.run(self, task.name)

    def start_script(
        self,
        arguments: Sequence[str],
        folder: Path,
        more: Mapping[str, str],
        on_line: Callable[[str, str], None],
    ) -> int:
        """Run a script's process, which sees no secrets but those of the step's `env`.

        Raises:
            StepError: it does not start.
            StepStopped: stopped from outside.
        """
        seen = {**environment.for_script(self._build()), **more}
        return self._start(
            Invocation(arguments, seen, folder, gentle=False, pause=self._machine.pause), on_line
        )

    def use_python(self, wanted: str) -> tuple[str, Path]:
        """The version and the folder of a Python as a pipeline wants it.

        Raises:
            SetupError: this machine has none.
        """
        return self._machine.pythons.use(wanted)

    def fail(self, message: str) -> None:
        """Report an error that makes the step fail."""
        self._step.error(message)
        self._step.complete(TaskResult.FAILED)

    def error(self, message: str) -> None:
        """Report an error."""
        self._step.error(message)

    def output(self, text: str) -> None:
        """Write a plain line."""
        self._step.output(text)

    @property
    def worker(self) -> Mapping[str, str]:
        """The environment of the agent's process."""
        return self._step.job.worker

    @property
    def path(self) -> str:
        """PATH as the step has it."""
        return self._build().get("PATH", "")

    @property
    def temp(self) -> Path:
        """Where scripts are written."""
        return self._machine.temp

    @property
    def decode_percents(self) -> bool:
        """Whether the agent undoes `%AZP25`."""
        return self._step.job.decode_percents
