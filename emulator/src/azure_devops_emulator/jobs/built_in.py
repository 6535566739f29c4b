"""The tasks that every organisation has and that the emulator does itself: their names and inputs.

Source of the rules: task.json of the tasks BashV3, CmdLineV2, PythonScriptV0 and UsePythonVersionV0.
"""

from dataclasses import dataclass

from azure_devops_emulator.jobs.names import Names
from azure_devops_emulator.jobs.task_definition import TaskInput, TaskReference
from azure_devops_emulator.pipeline import Step

_FAIL_ON_STDERR = TaskInput("failOnStderr", "boolean", "false")
_SCRIPT = TaskInput("script", "multiLine")
_WORKING_DIRECTORY = TaskInput("workingDirectory", "filePath", aliases=("cwd",))


@dataclass(frozen=True)
class BuiltInTask:
    """One built-in task.

    Args:
        name: its name.
        id: lower-case GUID.
        major: the major version.
        title: its friendly name.
        description: what it does.
        inputs: the declared inputs.
        output_variables: names, in upper case, that become output variables.
    """

    name: str
    id: str
    major: int
    title: str
    description: str
    inputs: tuple[TaskInput, ...]
    output_variables: frozenset[str] = frozenset()


CMD_LINE = BuiltInTask(
    "CmdLine",
    "d9bafed4-0b18-4f58-968d-86655b4d2ce9",
    2,
    "Command line",
    "Run a script with cmd.exe on Windows and Bash elsewhere",
    (TaskInput("script", "multiLine", required=True), _WORKING_DIRECTORY, _FAIL_ON_STDERR),
)
BASH = BuiltInTask(
    "Bash",
    "6c731c3c-3c68-459a-a5c9-bde6e6595b5b",
    3,
    "Bash",
    "Run a script with Bash",
    (
        TaskInput("targetType", "radio", "filePath"),
        TaskInput("filePath", "filePath"),
        TaskInput("arguments", "string"),
        _SCRIPT,
        _WORKING_DIRECTORY,
        _FAIL_ON_STDERR,
        TaskInput("bashEnvValue", "string"),
    ),
)
PYTHON_SCRIPT = BuiltInTask(
    "PythonScript",
    "6392f95f-7e76-4a18-b3c7-7f078d2f7700",
    0,
    "Python script",
    "Run a Python file or inline script",
    (
        TaskInput("scriptSource", "radio", "filePath", aliases=("targetType",)),
        TaskInput("scriptPath", "filePath", aliases=("filePath",)),
        _SCRIPT,
        TaskInput("arguments", "string"),
        TaskInput("pythonInterpreter", "string"),
        _WORKING_DIRECTORY,
        _FAIL_ON_STDERR,
    ),
)
USE_PYTHON_VERSION = BuiltInTask(
    "UsePythonVersion",
    "33c63b11-352b-45a2-ba1b-54cb568a29ca",
    0,
    "Use Python version",
    "Put a version of Python first on PATH",
    (
        TaskInput("versionSpec", "string", "3.x", required=True),
        TaskInput("disableDownloadFromRegistry", "boolean", "false"),
        TaskInput("allowUnstable", "boolean", "false"),
        TaskInput("githubToken", "string"),
        TaskInput("addToPath", "boolean", "true"),
        TaskInput("architecture", "pickList", "x64"),
    ),
    frozenset({"PYTHONLOCATION"}),
)
_TASKS = (CMD_LINE, BASH, PYTHON_SCRIPT, USE_PYTHON_VERSION)


def of_reference(wanted: TaskReference) -> BuiltInTask | None:
    """The built-in task that a pipeline means, if it means one."""
    return next(
        (
            task
            for task in _TASKS
            if wanted.name.lower() in {task.name.lower(), task.id} and wanted.major == task.major
        ),
        None,
    )


def of_script(step: Step) -> tuple[BuiltInTask, Names[str]]:
    """The task that a `script` or `bash` step is short for, and its inputs."""
    if step.kind == "script":
        return CMD_LINE, step.inputs
    return BASH, Names([("targetType", "inline"), *step.inputs.items()])
