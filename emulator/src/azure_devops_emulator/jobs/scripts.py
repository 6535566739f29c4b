"""What the built-in tasks do: scripts in a shell or in Python, and the choice of a Python.

Source of the rules: the tasks CmdLineV2, BashV3, PythonScriptV0 and UsePythonVersionV0, and the task
library's toolrunner.ts.
"""

import shlex
import shutil
import sys
import uuid
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Protocol

from azure_devops_emulator.jobs import built_in, commands
from azure_devops_emulator.jobs.names import Names
from azure_devops_emulator.jobs.workspace import SetupError

_WINDOWS = sys.platform == "win32"
_BANNER = "========================== Starting Command Output ==========================="


class StepRunner(Protocol):
    """What a built-in task needs of whoever runs its step.

    Attributes:
        inputs: of the step, as its process gets them.
    """

    inputs: Names[str]

    @property
    def worker(self) -> Mapping[str, str]:
        """The environment of the agent's process."""

    @property
    def path(self) -> str:
        """PATH as the step has it."""

    @property
    def temp(self) -> Path:
        """Where scripts are written."""

    @property
    def decode_percents(self) -> bool:
        """Whether the agent undoes `%AZP25`."""

    def take_line(self, stream: str, line: str) -> None:
        """Take one line of the step's output: carry out the command in it, or log it."""

    def start_script(
        self,
        arguments: Sequence[str],
        folder: Path,
        more: Mapping[str, str],
        on_line: Callable[[str, str], None],
    ) -> int:
        """Run a script's process to its end; gives its exit code."""

    def use_python(self, wanted: str) -> tuple[str, Path]:
        """The version and the folder of a Python as a pipeline wants it."""

    def fail(self, message: str) -> None:
        """Report an error that makes the step fail."""

    def error(self, message: str) -> None:
        """Report an error."""

    def output(self, text: str) -> None:
        """Write a plain line."""


class ScriptError(Exception):
    """The task ends with this error."""


def _command_line(runner: StepRunner) -> None:
    text = runner.inputs["script"]
    path = _written(runner, text, "cmd" if _WINDOWS else "sh")
    if _WINDOWS:  # pragma: no cover - no machine to test it on
        command = runner.worker.get("COMSPEC", "cmd.exe")
        arguments = [command, "/D", "/E:ON", "/V:OFF", "/S", "/C", f'CALL "{path}"']
        _run(runner, arguments, "Cmd.exe")
    else:
        _run(runner, [_program(runner, "bash"), "--noprofile", "--norc", str(path)], "Bash")


def _bash(runner: StepRunner) -> None:
    if runner.inputs["targetType"].lower() == "inline":
        path = _written(runner, runner.inputs["script"], "sh")
    else:
        file = Path(runner.inputs["filePath"])
        if not file.is_file():
            raise ScriptError(f"Invalid file path '{file}'.")
        line = f"exec bash {shlex.quote(str(file))} {runner.inputs['arguments']}".strip()
        runner.output(f"Formatted command: {line}")
        path = _written(runner, line, "sh", shown=False)
    more = {"BASH_ENV": runner.inputs["bashEnvValue"]} if runner.inputs["bashEnvValue"] else {}
    _run(runner, [_program(runner, "bash"), str(path)], "Bash", more)


def _python_script(runner: StepRunner) -> None:
    if runner.inputs["scriptSource"].lower() == "inline":
        path = _written(runner, runner.inputs["script"], "py", shown=False)
    else:
        path = Path(runner.inputs["scriptPath"])
        if not path.is_file():
            raise ScriptError(f"Not found scriptPath: {path}")
    python = runner.inputs["pythonInterpreter"] or _program(runner, "python")
    arguments = [python, str(path), *split_arguments(runner.inputs["arguments"])]
    _run(runner, arguments, f"The process '{python}'")


def _use_python_version(runner: StepRunner) -> None:
    try:
        version, folder = runner.use_python(runner.inputs["versionSpec"])
    except SetupError as error:
        raise ScriptError(str(error)) from error
    runner.output(f"Found tool in cache: Python {version}")
    programs = folder if _WINDOWS else folder / "bin"
    written = partial(commands.escape, decode_percents=runner.decode_percents)
    runner.take_line("stdout", f"##vso[task.setvariable variable=pythonLocation]{written(str(folder))}")
    if runner.inputs["addToPath"].lower() == "true":
        for place in (folder, folder / "Scripts" if _WINDOWS else programs):
            runner.output(f"Prepending PATH environment variable with directory: {place}")
            runner.take_line("stdout", f"##vso[task.prependpath]{written(str(place))}")


_TASKS: dict[str, Callable[[StepRunner], None]] = {
    built_in.CMD_LINE.name: _command_line,
    built_in.BASH.name: _bash,
    built_in.PYTHON_SCRIPT.name: _python_script,
    built_in.USE_PYTHON_VERSION.name: _use_python_version,
}


def run(runner: StepRunner, name: str) -> None:
    """Do what the built-in task of a name does.

    Raises:
        StepError: a process that does not start.
        StepStopped: stopped from outside.
    """
    folder = runner.inputs.get("workingDirectory")
    if folder and not Path(folder).is_dir():
        runner.fail(f"Not found workingDirectory: {folder}")
        return
    try:
        _TASKS[name](runner)
    except ScriptError as error:
        runner.fail(str(error))


def split_arguments(text: str) -> list[str]:
    r"""The arguments in a line: double quotes hold one together, and `\"` in them is a quote."""
    found: list[str] = []
    current, quoted, escaped = "", False, False
    for char in text:
        if escaped:
            current += char if char in '"\\' else f"\\{char}"
            escaped = False
        elif char == '"':
            quoted = not quoted
        elif char == "\\" and quoted:
            escaped = True
        elif char == " " and not quoted:
            found += [current] if current else []
            current = ""
        else:
            current += char
    return [*found, current.strip()] if current else found


def _program(runner: StepRunner, name: str) -> str:
    found = shutil.which(name, path=runner.path)
    if found is None:
        raise ScriptError(f"Unable to locate executable file: '{name}'.")
    return found


def _written(runner: StepRunner, text: str, ending: str, *, shown: bool = True) -> Path:
    """A file with the script, in the temporary folder of the agent."""
    if shown:
        runner.output("Generating script.")
        if "\n" not in text and "##VSO[" not in text.upper():
            runner.output("Script contents:")
            runner.output(text)
    path = runner.temp / f"{uuid.uuid4()}.{ending}"
    if ending == "cmd":  # pragma: no cover - no machine to test it on
        text = "\r\n".join(["@echo off", *text.splitlines()]) + "\r\n"
    path.write_text(text, encoding="utf-8", newline="")
    return path


def _run(runner: StepRunner, arguments: list[str], title: str, more: dict[str, str] | None = None) -> None:
    """Run a script's process; both of its streams are the task's own output."""
    runner.output(_BANNER)
    runner.output("[command]" + " ".join(arguments))
    written: list[str] = []

    def take_line(stream: str, line: str) -> None:
        if stream == "stderr":
            written.append(line)
        runner.take_line("stdout", line)

    code = runner.start_script(arguments, Path(runner.inputs["workingDirectory"]), more or {}, take_line)
    if code:
        runner.fail(f"{title} exited with code '{code}'.")
    if written and runner.inputs["failOnStderr"].lower() == "true":
        runner.fail(f"{title} wrote one or more lines to the standard error stream.")
        for line in written:
            runner.error(line)
