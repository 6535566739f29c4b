"""Logging commands: how the agent finds one in a line, and how text is escaped for it.

Source of the rules: agent sources Command.cs and CommandStringConvertor.cs.
"""

from dataclasses import dataclass, field

from azure_devops_emulator.jobs.names import Names

_OPENING = "##vso["
# In the order in which the agent undoes them; the percent sign comes last, or first when escaping.
_ESCAPES = ((";", "%3B"), ("\r", "%0D"), ("\n", "%0A"), ("]", "%5D"))
_PERCENT = "%AZP25"


@dataclass(frozen=True)
class Command:
    """One logging command, unescaped.

    Args:
        area: what comes before the dot, as written; compare without case.
        event: what comes after the dot, as written; compare without case.
        properties: names (without case) and unescaped values, none of them empty.
        data: the unescaped rest of the line.
    """

    area: str
    event: str
    properties: Names[str] = field(default_factory=Names)
    data: str = ""


def parse(line: str, *, decode_percents: bool) -> Command | None:
    """The command in a line, or None when the agent sees no legal command in it.

    Args:
        line: one line of output, without its line end.
        decode_percents: whether `%AZP25` stands for a percent sign (the knob DECODE_PERCENTS).
    """
    start = line.find(_OPENING)
    end = line.find("]", start)
    if start < 0 or end < 0:
        return None
    head, _, tail = line[start + len(_OPENING) : end].partition(" ")
    parts = [part for part in head.split(".") if part]
    if len(parts) != 2:
        return None
    properties: Names[str] = Names()
    for pair in tail.split(";"):
        name, _, value = pair.partition("=")
        if name and value:
            properties[name] = unescape(value, decode_percents=decode_percents)
    data = unescape(line[end + 1 :], decode_percents=decode_percents)
    return Command(parts[0], parts[1], properties, data)


def unescape(text: str, *, decode_percents: bool) -> str:
    """A value or data as its sender meant it; the four sequences are undone in any case."""
    for plain, escaped in _ESCAPES:
        text = text.replace(escaped, plain)
    return text.replace(_PERCENT, "%") if decode_percents else text


def escape(text: str, *, decode_percents: bool) -> str:
    """The form in which `unescape` gives the text back, fit for data and for property values.

    With `decode_percents` off there is no such form for a text that holds one of the four
    sequences itself.
    """
    if decode_percents:
        text = text.replace("%", _PERCENT)
    for plain, escaped in _ESCAPES:
        text = text.replace(plain, escaped)
    return text
