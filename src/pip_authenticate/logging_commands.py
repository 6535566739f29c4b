"""Azure Pipelines: settings and messages as the agent's logging commands.

The commands and their escaping are the agent's (Microsoft Learn, "Logging commands";
azure-pipelines-agent: Command.cs, CommandStringConvertor.cs, TaskCommandExtension.cs).
"""

import re
from collections.abc import Callable, Iterable, Mapping

from pip_authenticate.client_settings import ClientSettings, Variable
from pip_authenticate.errors import DeliveryError
from pip_authenticate.secret import MASK, Secret

# What the agent decodes in every command, whether or not it decodes %AZP25.
_ALWAYS_DECODED = {"%3B": ";", "%0D": "\r", "%0A": "\n", "%5D": "]"}
_MACRO = re.compile(r"\$\([^)]*\)")
_HEAD = 4
"""Secrets are found by this many first characters, so that no line costs as much as there are secrets."""
_LOGIN = re.compile(r"://[^/\s]{0,4096}@")
_COMMAND_LIKE = re.compile(r"##(?=(?:vso)?\[)|::(?=[a-z-]+[ :])", re.IGNORECASE)


def harmless(text: str) -> str:
    """Make text from outside safe to print: one line, nothing that acts on a terminal or an agent.

    What would begin a logging command is broken apart, and characters that are not printable
    are shown as escapes.
    """
    shown = text
    if not text.isprintable():
        shown = "".join(
            char if char.isprintable() else char.encode("unicode_escape", "surrogatepass").decode()
            for char in text
        )
    return _COMMAND_LIKE.sub(lambda match: f"{match[0][0]} {match[0][1]}", shown)


class AzurePipelines:
    """Writes to an agent.

    What agents decode differs by version. Always, since 2.123: `%3B`, `%0D`, `%0A` and `%5D`, in upper
    case only (pull request 1157). `%AZP25`, which stands for a percent sign: from 2.182.1 where the job
    asks for it (3241), from 2.184 unless the job forbids it with DECODE_PERCENTS (3303). So percent signs
    are sent as they are wherever that is safe: URLs have the four sequences in lower case, which every
    agent leaves alone.

    Args:
        write: takes one line, or several that belong together, without the last one's end; they must
            reach the agent's standard output in order, and whole.
        os: the agent's word for its operating system.
        secret_variables: upper-case environment names of the job's secret variables.
    """

    def __init__(
        self,
        write: Callable[[str], object],
        *,
        os: str = "Linux",
        secret_variables: frozenset[str] = frozenset(),
    ) -> None:
        self._write = write
        self._is_windows = os.lower().startswith("windows")
        self._secret_variables = secret_variables
        self._registered = set[str]()
        self._by_head = dict[str, list[str]]()

    def register(self, secrets: Iterable[Secret]) -> None:
        """Have the agent mask secrets from now on, each also in the forms that its own decoding makes."""
        lines = []
        for secret in secrets:
            text = secret.reveal()
            for form in (text, _decoded(text), _lower(text)):
                if form and form not in self._registered:
                    self._registered.add(form)
                    if len(form) >= _HEAD:  # a shorter one is part of ordinary words
                        self._by_head.setdefault(form[:_HEAD], []).append(form)
                    lines.extend(_masking_commands(form))
        if lines:
            self._write("\n".join(lines))

    def check(self, settings: ClientSettings) -> list[str]:
        """See whether settings can reach the later steps.

        Returns:
            Warnings about values near the limit.

        Raises:
            DeliveryError: a variable is secret, or its value too long for the operating system, or one that
                the agent would change.
        """
        warnings = list[str]()
        paths = (Variable(name, Secret("")) for file in settings.files for name in file.variables)
        for variable in (*paths, *settings.variables):
            name, value = variable.name, variable.value
            if name in self._secret_variables:
                raise DeliveryError(
                    "secret-variable",
                    f"{name} exists as a secret variable of this pipeline: whatever is set stays secret, "
                    "and no client ever sees it",
                    hint=f"Delete the variable {name} from the pipeline and its variable groups.",
                )
            if _MACRO.search(value.reveal()):
                raise DeliveryError(
                    "macro-in-value",
                    f"{name} would hold $(...), which the agent replaces where a variable has that name, and "
                    "its client reads it as it is",
                    hint="Choose another secret.",
                )
            warnings += variable.check_size(is_windows=self._is_windows)
        return warnings

    def set(self, assignments: Mapping[str, Secret], hidden: Mapping[str, Secret]) -> None:
        """Set variables for the later steps, all in one piece, so that nothing comes in between.

        Args:
            assignments: not secret ones: the agent does not map those into the environment of a step.
            hidden: secret ones, which only tasks are given.
        """
        commands = [
            _command("task.setvariable", {"variable": name, "issecret": secret}, portable(value.reveal()))
            for secret, variables in (("true", hidden), ("false", assignments))
            for name, value in variables.items()
        ]
        if commands:
            self._write("\n".join(commands))

    def line(self, text: str) -> None:
        """Print a line for people."""
        self._write(self.clean(text))

    def debug(self, text: str) -> None:
        """Print a line that the agent shows where System.Debug is set."""
        self.send("task.debug", {}, self.clean(text))

    def warning(self, text: str) -> None:
        """Report a warning; it does not change the result."""
        self.send("task.logissue", {"type": "warning"}, self.clean(text))

    def error(self, text: str) -> None:
        """Report an error; it does not change the result."""
        self.send("task.logissue", {"type": "error"}, self.clean(text))

    def complete(self, result: str, text: str) -> None:
        """End the task with a result in the agent's spelling: Failed, Canceled."""
        self.send("task.complete", {"result": result}, self.clean(text))

    def clean(self, text: str) -> str:
        """Text for a line: registered secrets and logins masked, one line, harmless."""
        return _lower(harmless(_LOGIN.sub(f"://{MASK}@", self._masked(text))))

    def _masked(self, text: str) -> str:
        parts, start, at = [], 0, 0
        while at <= len(text) - _HEAD:
            known = self._by_head.get(text[at : at + _HEAD], ())
            longest = max((len(form) for form in known if text.startswith(form, at)), default=0)
            if longest:
                parts += [text[start:at], MASK]
                start = at = at + longest
            else:
                at += 1
        return "".join((*parts, text[start:]))

    def send(self, name: str, properties: Mapping[str, str], data: str) -> None:
        """Give a command; its data are to be clean, or without any secret."""
        self._write(_command(name, properties, data))


def _command(name: str, properties: Mapping[str, str], data: str) -> str:
    pairs = "".join(
        f"{key}={_escape(value).replace(']', '%5D').replace(';', '%3B')};"
        for key, value in properties.items()
    )
    return f"##vso[{name}{' ' if pairs else ''}{pairs}]{_escape(data)}"


def _masking_commands(secret: str) -> list[str]:
    """A secret for the masker, as it is: for agents that decode a percent sign, and for those that do not."""
    forms = dict.fromkeys((secret.replace("%", "%AZP25"), secret))
    return [_command("task.setsecret", {}, form) for form in forms]


def _escape(text: str) -> str:
    return text.replace("\r", "%0D").replace("\n", "%0A")


def _decoded(text: str) -> str:
    """What is left of a text after the agent has decoded it once more than it was encoded.

    With System.Debug in a container job the agent passes a variable through its parser again.
    """
    for encoded, char in _ALWAYS_DECODED.items():
        text = text.replace(encoded, char)
    return text


def portable(text: str) -> str:
    """A text as the data of a command that delivers it unchanged, on as many agents as there can be."""
    decoded = any(sequence in text for sequence in (*_ALWAYS_DECODED, "%AZP25"))
    return text.replace("%", "%AZP25") if decoded else text


def _lower(text: str) -> str:
    """Write the sequences that the agent always decodes in lower case, which it leaves alone."""
    for encoded in _ALWAYS_DECODED:
        text = text.replace(encoded, encoded.lower())
    return text
