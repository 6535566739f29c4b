"""How an agent reads a task's lines: logging commands, variables, masking, macros.

Written from the agent's documented contract, not from the product: `Log` is what the agent would know
after the last line.
"""

import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

MARK = "##vso["
KNOWN = frozenset(
    {
        "task.setvariable",
        "task.setsecret",
        "task.debug",
        "task.logissue",
        "task.complete",
        "task.uploadsummary",
        "telemetry.publish",
    }
)
RESULTS = frozenset({"Succeeded", "SucceededWithIssues", "Failed", "Canceled", "Skipped", "Abandoned"})
_MACRO = re.compile(r"\$\(([^()\s]+)\)")
# The agent's own pattern for a password inside a URL, in its spirit: user, colon, password, at sign.
_URL_PASSWORD = re.compile(
    r"(?<=//)[^:/?#\[\]@\s\"]+:((?:%[0-9a-fA-F]{2}|%AZP25[0-9a-fA-F]{2}|[\w.~!$&'()*+,;=:-])+)@"
)


class Command(NamedTuple):
    """A logging command, decoded."""

    name: str
    properties: Mapping[str, str]
    data: str


def read_lines(stream: bytes) -> list[str]:
    """Cut a stream into lines the way .NET does: at LF, CR LF and a lone CR, and nowhere else."""
    text = stream.decode("utf-8", "replace")
    lines = re.split(r"\r\n|\n|\r", text)
    return lines[:-1] if lines[-1] == "" else lines


def unescape(text: str, *, decodes_percents: bool = True) -> str:
    """Decode data or a property's value: four sequences always, the percent sign if the agent is set so."""
    for sequence, char in (("%3B", ";"), ("%0D", "\r"), ("%0A", "\n"), ("%5D", "]")):
        text = text.replace(sequence, char)
    return text.replace("%AZP25", "%") if decodes_percents else text


def read_command(line: str, *, decodes_percents: bool = True) -> Command | None:
    """The command that the agent sees in a line; None where it sees none."""
    _, mark, rest = line.partition(MARK)
    head, bracket, data = rest.partition("]")
    name, _, written = head.partition(" ")
    words = [word for word in name.split(".") if word]
    if not mark or not bracket or len(words) != 2:
        return None
    properties = {}
    for pair in written.split(";"):
        key, _, value = pair.partition("=")
        if key and value:
            properties[key.lower()] = unescape(value, decodes_percents=decodes_percents)
    return Command(".".join(words).lower(), properties, unescape(data, decodes_percents=decodes_percents))


class Masker:
    """Replaces what was registered, and passwords in URLs, by three asterisks."""

    def __init__(self) -> None:
        self._values: dict[str, None] = {}

    def add(self, value: str) -> None:
        """Register a value in the spellings that the agent adds by itself."""
        backslashes = re.sub(r"\\([\\'\"t])", lambda match: "\t" if match[1] == "t" else match[1], value)
        for form in (value, json.dumps(value)[1:-1], quote(value, safe="", errors="replace"), backslashes):
            if form:
                self._values[form] = None

    def mask(self, line: str) -> str:
        """The line as it appears in the log."""
        hidden = [False] * len(line)
        spans = [match.span(1) for match in _URL_PASSWORD.finditer(line)]
        for value in self._values:
            start = line.find(value)
            while start >= 0:
                spans.append((start, start + len(value)))
                start = line.find(value, start + 1)
        for start, end in spans:
            hidden[start:end] = [True] * (end - start)
        shown = "".join("\0" if covered else char for char, covered in zip(line, hidden, strict=True))
        return re.sub("\0+", "***", shown)


def expand(value: str, variables: Mapping[str, str], depth: int = 50) -> str:
    """Expand `$(name)` again and again, as the agent does with variables before every step."""
    known = {name.lower(): text for name, text in variables.items()}
    for _ in range(depth):
        expanded = _MACRO.sub(lambda match: known.get(match[1].lower(), match[0]), value)
        if expanded == value:
            break
        value = expanded
    return value


class Log:
    """What an agent makes of a task's lines.

    Args:
        lines: standard output, line by line.
        decodes_percents: the agent's DECODE_PERCENTS knob.
    """

    def __init__(self, lines: Iterable[str], *, decodes_percents: bool = True) -> None:
        self.lines = list(lines)
        self.commands: list[Command] = []
        self.variables: dict[str, str] = {}
        self.hidden: dict[str, str] = {}
        self.secrets: list[str] = []
        self.issues: list[tuple[str, str]] = []
        self.result = "Succeeded"
        self.debug: list[str] = []
        self.telemetry: list[dict[str, object]] = []
        self.plain: list[str] = []
        self.masked: list[str] = []
        masker = Masker()
        for line in self.lines:
            command = read_command(line, decodes_percents=decodes_percents)
            if command is None:
                self.plain.append(line)
            else:
                self.commands.append(command)
                if command.name == "task.setsecret":
                    masker.add(command.data)
                self._do(command, masker)
            self.masked.append(masker.mask(line))

    def _do(self, command: Command, masker: Masker) -> None:
        name, properties, data = command
        assert name in KNOWN, f"the agent would not know {name}, or it is none of this task's business"
        if name == "task.setsecret":
            self.secrets.append(data)
        elif name == "task.setvariable":
            assert properties["issecret"] in {"false", "true"}
            assert "isoutput" not in properties
            secret = properties["issecret"] == "true"
            (self.hidden if secret else self.variables)[properties["variable"]] = data
            if secret:
                masker.add(data)
        elif name == "task.logissue":
            assert properties["type"] in {"error", "warning"}
            self.issues.append((properties["type"], data))
        elif name == "task.complete":
            assert properties["result"] in RESULTS, "the agent compares results case-sensitively"
            self.result = properties["result"]
        elif name == "task.debug":
            self.debug.append(data)
        elif name == "task.uploadsummary":
            assert Path(data).is_absolute(), "the agent wants an absolute path"
            assert Path(data).is_file(), "a summary that is not there fails the step"
        else:
            assert properties["area"], "telemetry without an area fails the step"
            assert properties["feature"], "telemetry without a feature fails the step"
            published = json.loads(data)
            assert isinstance(published, dict)
            self.telemetry.append(published)

    @property
    def errors(self) -> list[str]:
        """The texts of the error issues."""
        return [text for kind, text in self.issues if kind == "error"]

    @property
    def warnings(self) -> list[str]:
        """The texts of the warning issues."""
        return [text for kind, text in self.issues if kind == "warning"]

    @property
    def ordinary(self) -> list[str]:
        """The lines that have no business with a secret: all but those that register or set."""
        allowed = (f"{MARK}task.setsecret]", f"{MARK}task.setvariable ")
        return [line for line in self.lines if not line.startswith(allowed)]
