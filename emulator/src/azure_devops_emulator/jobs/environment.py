"""The environment of a step's process, in the agent's order, and what a script sees of it.

Source of the rules: agent sources Handler.cs and NodeHandler.cs, task library internal.ts.
"""

import json
import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from azure_devops_emulator.jobs.endpoints import Endpoint
from azure_devops_emulator.jobs.names import Names, environment_name, fold
from azure_devops_emulator.jobs.variables import Variable

_WINDOWS = sys.platform == "win32"
# The greatest length of a value on Windows, in characters.
_WINDOWS_LIMIT = 32766
_STRIPPED_PREFIXES = ("INPUT_", "ENDPOINT_AUTH_", "SECUREFILE_TICKET_", "SECRET_", "VSTS_TASKVARIABLE_")
_STRIPPED_ALWAYS = ("VSTS_PUBLIC_VARIABLES", "VSTS_SECRET_VARIABLES", "COMMAND_CORRELATION_ID")


@dataclass(frozen=True)
class StepData:
    """What a step's environment is made of.

    Args:
        env: the step's own `env`, expanded.
        public: the public variables.
        secrets: the secret variables.
        inputs: all declared and given inputs, expanded.
        endpoints: the service connections the step gets.
        task_variables: what the task stored for itself.
        prepended: what earlier steps put before PATH, in their order.
    """

    env: Mapping[str, str]
    public: Sequence[Variable]
    secrets: Sequence[Variable]
    inputs: Mapping[str, str]
    endpoints: Iterable[Endpoint]
    task_variables: Sequence[Variable] = field(default_factory=tuple)
    prepended: Sequence[str] = field(default_factory=tuple)


def build(worker: Mapping[str, str], step: StepData) -> dict[str, str]:
    """The environment of a step's process.

    Args:
        worker: the environment of the agent's own process.
        step: what the step adds; a pipeline variable wins over the step's `env`.

    Raises:
        ValueError: a name or value holds a NUL.
    """
    added: dict[str, str] = {}
    for name, value in _added(step):
        _put(added, name, value)
    if step.prepended:
        _put(added, "PATH", _path(worker, step))
    whole: dict[str, str] = {}
    for name, value in (*worker.items(), *added.items(), ("TF_BUILD", "True")):
        _put(whole, name, value)
    return whole


def _added(step: StepData) -> Iterator[tuple[str, str]]:
    """What a step adds to the worker's environment; of two of one name the later wins."""
    yield from step.env.items()
    for variable in step.public:
        yield _variable_name(variable), variable.value
        if fold(variable.name) == "AGENT.JOBSTATUS":
            yield variable.name, variable.value
    yield "VSTS_PUBLIC_VARIABLES", _names(step.public)
    for variable in step.secrets:
        yield "SECRET_" + _variable_name(variable), variable.value
    yield "VSTS_SECRET_VARIABLES", _names(step.secrets)
    for name, value in step.inputs.items():
        yield "INPUT_" + environment_name(name), value
    for endpoint in step.endpoints:
        yield from endpoint.environment().items()
    for variable in step.task_variables:
        yield "VSTS_TASKVARIABLE_" + _variable_name(variable), variable.value


def _path(worker: Mapping[str, str], step: StepData) -> str:
    """PATH with what earlier steps put before it, the latest first."""
    own = next((variable.value for variable in step.public if fold(variable.name) == "PATH"), None)
    path = own or _get(step.env, "PATH") or _get(worker, "PATH") or ""
    return os.pathsep.join([*reversed(step.prepended), path])


def too_long_for_windows(environment: Mapping[str, str]) -> list[str]:
    """The names of variables that programs cannot read on Windows; the agent warns of each, there only."""
    return [name for name, value in environment.items() if len(value) > _WINDOWS_LIMIT]


def for_script(environment: Mapping[str, str]) -> dict[str, str]:
    """What is left of a step's environment for a `script` or `bash` step's shell.

    On Windows the script step runs on PowerShell, whose library strips more.
    """
    return {name: value for name, value in environment.items() if not _is_stripped(name, value)}


def _is_stripped(name: str, value: str) -> bool:
    if fold(name) in _STRIPPED_ALWAYS:
        return True
    if _WINDOWS:  # pragma: no cover - no machine to test it on
        prefixes = ("ENDPOINT_", "INPUT_", "SECRET_", "SECUREFILE_")
        return any(fold(name).startswith(prefix) and len(name) > len(prefix) for prefix in prefixes)
    return bool(value) and name.startswith(_STRIPPED_PREFIXES)


def _put(target: dict[str, str], name: str, value: str) -> None:
    """Set a variable; names ignore case on Windows.

    Raises:
        ValueError: a NUL in the name or the value.
    """
    if "\0" in name or "\0" in value:
        raise ValueError("An environment variable's name or value contains a null character.")
    if _WINDOWS:  # pragma: no cover - no machine to test it on
        for other in [other for other in target if other.upper() == name.upper()]:
            del target[other]
    target[name] = value


def _get(source: Mapping[str, str], name: str) -> str | None:
    return Names(source.items()).get(name) if _WINDOWS else source.get(name)


def _variable_name(variable: Variable) -> str:
    return environment_name(variable.name, preserve_case=variable.preserve_case)


def _names(variables: Iterable[Variable]) -> str:
    return json.dumps([variable.name for variable in variables], ensure_ascii=False, separators=(",", ":"))
