"""Azure Pipelines: settings and messages as the agent's logging commands.

The commands and their escaping are the agent's (Microsoft Learn, "Logging commands";
azure-pipelines-agent: Command.cs, CommandStringConvertor.cs, TaskCommandExtension.cs).
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from threading import Lock

from pip_authenticate.errors import DeliveryError
from pip_authenticate.secret import MASK, Secret

LINUX_BYTES = 131_072
"""Longest `NAME=value` with its terminating zero that execve takes (MAX_ARG_STRLEN of Linux), in bytes."""
WINDOWS_CHARACTERS = 32_766
"""Longest value that the agent hands to a task on Windows, in characters."""
_WARNING_SHARE = 0.8
# What the agent decodes in every command, whether or not it decodes %AZP25.
_ALWAYS_DECODED = {"%3B": ";", "%0D": "\r", "%0A": "\n", "%5D": "]"}
_COMMAND_LIKE = re.compile(r"##(?=(?:vso)?\[)|::(?=[a-z-]+[ :])", re.IGNORECASE)


def harmless(text: str) -> str:
    """Make text from outside safe to print: one line, nothing that acts on a terminal or an agent.

    What would begin a logging command is broken apart, and characters that are not printable
    are shown as escapes.
    """
    shown = "".join(
        char if char.isprintable() else char.encode("unicode_escape", "surrogatepass").decode()
        for char in text
    )
    return _COMMAND_LIKE.sub(lambda match: f"{match[0][0]} {match[0][1]}", shown)


class AzurePipelines:
    """Writes to an agent.

    Args:
        write: takes one line, or several that belong together, without the last one's end; they must
            reach the agent's standard output in order.
        decodes_percents: the agent's DECODE_PERCENTS knob.
        os: the agent's word for its operating system.
        secret_variables: upper-case environment names of the job's secret variables.
    """

    def __init__(
        self,
        write: Callable[[str], object],
        *,
        decodes_percents: bool = True,
        os: str = "Linux",
        secret_variables: frozenset[str] = frozenset(),
    ) -> None:
        self._lock, self._unlocked_write = Lock(), write
        self._decodes_percents = decodes_percents
        self._is_windows = os.lower().startswith("windows")
        self._secret_variables = secret_variables
        self._registered: dict[str, None] = {}

    def _write(self, text: str) -> None:
        """Write in one piece: lines of several threads, cut and joined, could form a command."""
        with self._lock:
            self._unlocked_write(text)

    def fresh_line(self) -> None:
        """Begin a new line, after a line that an interrupt may have cut.

        An interrupt between taking and giving back the lock would leave it taken for good: from here
        on there is a new one.
        """
        self._lock = Lock()
        self._unlocked_write("")

    def register(self, secrets: Iterable[Secret]) -> None:
        """Have the agent mask secrets from now on, each also in the forms that its own decoding makes."""
        for secret in secrets:
            text = secret.reveal()
            for form in (text, _decoded(text), *(() if self._decodes_percents else (_lower(text),))):
                if form and form not in self._registered:
                    self._registered[form] = None
                    self._command("task.setsecret", {}, form)

    def check(self, assignments: Mapping[str, Secret]) -> list[str]:
        """See whether variables can reach the later steps.

        Returns:
            Warnings about values near the limit.

        Raises:
            DeliveryError: a variable is secret, or too long for the operating system.
        """
        warnings = []
        for name, value in assignments.items():
            if name in self._secret_variables:
                raise DeliveryError(
                    "secret-variable",
                    f"{name} exists as a secret variable of this pipeline: whatever is set stays secret, "
                    "and pip never sees it",
                    hint=f"Delete the variable {name} from the pipeline and its variable groups.",
                )
            size, limit, unit = self._size(name, value)
            if size > limit:
                raise DeliveryError(
                    "too-long",
                    f"{name} would take {size:,} {unit}; the operating system carries {limit:,}",
                )
            if self._is_windows and size > _WARNING_SHARE * limit:
                warnings.append(f"{name} takes {size:,} of the {limit:,} {unit} that Windows carries")
        return warnings

    def set(self, assignments: Mapping[str, Secret]) -> None:
        """Set variables for the later steps, all in one piece, so that nothing comes in between.

        Not secret ones: the agent does not map those into the environment of a step.
        """
        commands = []
        for name, value in assignments.items():
            text = value.reveal() if self._decodes_percents else _lower(value.reveal())
            commands.append(
                self._command_line("task.setvariable", {"variable": name, "issecret": "false"}, text)
            )
        if commands:
            self._write("\n".join(commands))

    def line(self, text: str) -> None:
        """Print a line for people."""
        self._write(self._clean(text))

    def debug(self, text: str) -> None:
        """Print a line that the agent shows where System.Debug is set."""
        self._command("task.debug", {}, self._clean(text))

    def warning(self, text: str) -> None:
        """Report a warning; it does not change the result."""
        self._command("task.logissue", {"type": "warning"}, self._clean(text))

    def error(self, text: str) -> None:
        """Report an error; it does not change the result."""
        self._command("task.logissue", {"type": "error"}, self._clean(text))

    def complete(self, result: str, text: str) -> None:
        """End the task with a result in the agent's spelling: Failed, Canceled."""
        self._command("task.complete", {"result": result}, self._clean(text))

    def telemetry(self, area: str, feature: str, data: Mapping[str, object]) -> None:
        """Publish counts and ids; the agent drops them where a task may not."""
        self._command("telemetry.publish", {"area": area, "feature": feature}, json.dumps(data))

    def _size(self, name: str, value: Secret) -> tuple[int, int, str]:
        text = value.reveal()
        if self._is_windows:
            return len(text), WINDOWS_CHARACTERS, "characters"
        return len(f"{name}={text}".encode("utf-8", "surrogateescape")) + 1, LINUX_BYTES, "bytes"

    def _clean(self, text: str) -> str:
        """Text for a line: registered secrets masked, and harmless."""
        for secret in sorted(self._registered, key=len, reverse=True):
            if len(secret) > 3:  # a shorter one is part of ordinary words; the agent masks it all the same
                text = text.replace(secret, MASK)
        # Without %AZP25 there is no way to send the sequences that are always decoded as they are.
        return harmless(text if self._decodes_percents else _lower(text))

    def _command(self, name: str, properties: Mapping[str, str], data: str) -> None:
        self._write(self._command_line(name, properties, data))

    def _command_line(self, name: str, properties: Mapping[str, str], data: str) -> str:
        pairs = "".join(
            f"{key}={self._escape(value, in_property=True)};" for key, value in properties.items()
        )
        return f"##vso[{name}{' ' if pairs else ''}{pairs}]{self._escape(data)}"

    def _escape(self, text: str, *, in_property: bool = False) -> str:
        if self._decodes_percents:
            text = text.replace("%", "%AZP25")
        text = text.replace("\r", "%0D").replace("\n", "%0A")
        return text.replace("]", "%5D").replace(";", "%3B") if in_property else text


def _decoded(text: str) -> str:
    """What is left of a text after the agent has decoded it once more than it was encoded.

    With System.Debug in a container job the agent passes a variable through its parser again.
    """
    for encoded, char in _ALWAYS_DECODED.items():
        text = text.replace(encoded, char)
    return text


def _lower(text: str) -> str:
    """Write the sequences that the agent always decodes in lower case, which it leaves alone."""
    for encoded in _ALWAYS_DECODED:
        text = text.replace(encoded, encoded.lower())
    return text
