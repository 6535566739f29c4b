"""What a task or a step's `target` allows logging commands to do.

Source of the rules: agent sources TaskRestrictionsExtension.cs and TaskRestrictionsChecker.cs.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

_RESTRICTED = "restricted"
# The commands that the restricted mode still allows, in lower case.
_HARMLESS = frozenset(
    {
        "task.logdetail",
        "task.logissue",
        "task.issue",
        "task.complete",
        "task.setprogress",
        "task.setsecret",
        "task.setvariable",
        "task.settaskvariable",
        "task.debug",
        "task.prependpath",
        "telemetry.publish",
    }
)


@dataclass(frozen=True)
class Restrictions:
    """One set of restrictions; several apply together and all must allow.

    Args:
        commands: the mode; only the word `restricted` has an effect.
        settable_variables: patterns of names that may be set; None allows all, empty none.
        origin: who restricts, for the warning.
    """

    commands: str = ""
    settable_variables: tuple[str, ...] | None = None
    origin: str = ""

    def allow_command(self, area: str, event: str) -> bool:
        """Whether a command may be carried out."""
        return self.commands.lower() != _RESTRICTED or f"{area}.{event}".lower() in _HARMLESS

    def allow_variable(self, name: str) -> bool:
        """Whether a command may set the variable (PATH for `task.prependpath`)."""
        patterns = self.settable_variables
        return patterns is None or any(matches(pattern, name) for pattern in patterns)


def first_denial(restrictions: Iterable[Restrictions], area: str, event: str) -> Restrictions | None:
    """The first set that denies the command, or None."""
    return next((item for item in restrictions if not item.allow_command(area, event)), None)


def first_variable_denial(restrictions: Iterable[Restrictions], name: str) -> Restrictions | None:
    """The first set that denies setting the variable, or None."""
    return next((item for item in restrictions if not item.allow_variable(name)), None)


def matches(pattern: str, name: str) -> bool:
    """Whether a glob fits a name, without regard to case.

    `*`, `?`, `[...]`, `{a,b}` and a leading `!` mean what they mean to minimatch; a pattern
    that begins with `#` is a comment and fits nothing.
    """
    if pattern.startswith("#"):
        return False
    wanted = True
    while pattern.startswith("!"):
        wanted = not wanted
        pattern = pattern[1:]
    hit = any(_regex(single).fullmatch(name) for single in _alternatives(pattern))
    return hit == wanted


def _alternatives(pattern: str) -> list[str]:
    """The patterns that a pattern with `{a,b}` stands for."""
    match = re.search(r"\{([^{}]*,[^{}]*)\}", pattern)
    if match is None:
        return [pattern]
    return [
        single
        for choice in match[1].split(",")
        for single in _alternatives(pattern[: match.start()] + choice + pattern[match.end() :])
    ]


def _regex(pattern: str) -> re.Pattern[str]:
    pieces: list[str] = []
    position = 0
    while position < len(pattern):
        char = pattern[position]
        closing = pattern.find("]", position + 2) if char == "[" else -1
        if closing > 0:
            body = pattern[position + 1 : closing].replace("\\", "\\\\")
            pieces.append(f"[^{body[1:]}]" if body[0] in "!^" else f"[{body}]")
            position = closing
        else:
            # A wildcard at the beginning does not take a leading dot.
            guard = r"(?!\.)" if position == 0 and char in "*?" else ""
            pieces.append(guard + {"*": "[^/]*", "?": "[^/]"}.get(char, re.escape(char)))
        position += 1
    return re.compile("".join(pieces), re.IGNORECASE | re.DOTALL)
