"""Conditions: the expressions that decide whether a step runs.

The functions, the casts between types and the comparison without case are those of the
expression language's documentation; the status functions read `agent.jobstatus` (agent source:
ExpressionManager.cs).
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from azure_devops_emulator.errors import InputError
from azure_devops_emulator.jobs.names import fold

Version: TypeAlias = tuple[int, ...]
Value: TypeAlias = "bool | float | str | Version | None"


class EvaluationError(Exception):
    """An expression that reads well but cannot be evaluated: the step fails."""


@dataclass(frozen=True)
class Context:
    """What an expression may look at.

    Args:
        variable: gives the expanded value of a variable, or None.
    """

    variable: Callable[[str], str | None]

    @property
    def status(self) -> str:
        """The job's result so far."""
        return self.variable("agent.jobstatus") or "Succeeded"


Node: TypeAlias = Callable[[Context], Value]

_TOKEN = re.compile(
    r"""\s*(?:
        (?P<string>'(?:[^']|'')*')
      | (?P<version>\d+(?:\.\d+){2,3}(?![\w.]))
      | (?P<number>-?(?:0x[0-9a-fA-F]+|\d+(?:\.\d*)?|\.\d+)(?![\w.]))
      | (?P<word>[A-Za-z_][A-Za-z0-9_-]*)
      | (?P<sign>[()\[\],.])
    )""",
    re.VERBOSE,
)
_CONSTANTS: dict[str, Value] = {"true": True, "false": False, "null": None}


@dataclass(frozen=True)
class Expression:
    """A condition that has been read.

    Args:
        text: as it was written.
        node: what evaluates it.
    """

    text: str
    node: Node

    def evaluate(self, context: Context) -> bool:
        """Whether the step runs.

        Raises:
            EvaluationError: when a value cannot be compared.
        """
        return to_bool(self.node(context))


def read(text: str) -> Expression:
    """Read a condition; an empty one means `succeeded()`.

    Raises:
        InputError: what in the text is wrong or not supported.
    """
    wanted = text.strip() or "succeeded()"
    parser = _Parser(_tokens(wanted))
    node = parser.value()
    parser.end()
    return Expression(wanted, node)


def to_bool(value: Value) -> bool:
    """A value as a boolean: empty text, zero and null are false."""
    return bool(value)


def to_text(value: Value) -> str:
    """A value as text."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value)
    if isinstance(value, tuple):
        return ".".join(map(str, value))
    if isinstance(value, str):
        return value
    return str(int(value)) if value == int(value) else str(value)


def to_number(value: Value) -> float | None:
    """A value as a number, or None when it is none."""
    if isinstance(value, bool) or value is None:
        return float(bool(value))
    if isinstance(value, tuple):
        return None
    if isinstance(value, str):
        if not value.strip():
            return 0.0
        if not re.fullmatch(r"\s*[+-]?(?:\d+(?:\.\d*)?|\.\d+)\s*", value):
            return None
    return float(value)


def to_version(value: Value) -> Version | None:
    """A value as a version of two to four parts, or None when it is none."""
    if isinstance(value, tuple):
        return value
    if isinstance(value, str) and re.fullmatch(r"\d+(?:\.\d+){1,3}", value.strip()):
        return tuple(int(part) for part in value.split("."))
    return None


def _pair(
    left: Value, right: Value
) -> "tuple[float, float] | tuple[str, str] | tuple[Version, Version] | None":
    """Both values in the type of the left one, or None when the right one has no such form."""
    if isinstance(left, str):
        return fold(left), fold(to_text(right))
    if isinstance(left, tuple):
        version = to_version(right)
        return None if version is None else (left, version)
    if isinstance(left, bool):
        return float(left), float(to_bool(right))
    number = to_number(right)
    return None if number is None else (float(left or 0), number)


def _equal(left: Value, right: Value) -> bool:
    if left is None:
        return right is None or right == ""
    pair = _pair(left, right)
    return pair is not None and pair[0] == pair[1]


def _order(left: Value, right: Value) -> int:
    """Less than, equal to or greater than zero.

    Raises:
        EvaluationError: when the right value cannot be brought to the left one's type.
    """
    pair = _pair(left, right)
    if pair is None:
        raise EvaluationError(f"Unable to compare '{to_text(left)}' with '{to_text(right)}'.")
    # Both members are of one type; the checker cannot see that in a union of pairs.
    first, second = pair
    return (first > second) - (first < second)  # type: ignore[operator]


def _always(_context: Context) -> Value:
    return True


def _status(*wanted: str) -> Node:
    return lambda context: context.status in wanted


def _compare(verdict: Callable[[int], bool]) -> Callable[[Sequence[Value]], Value]:
    return lambda values: verdict(_order(values[0], values[1]))


def _on_text(verdict: Callable[[str, str], bool]) -> Callable[[Sequence[Value]], Value]:
    return lambda values: verdict(fold(to_text(values[0])), fold(to_text(values[1])))


def _coalesce(values: Sequence[Value]) -> Value:
    return next((value for value in values if value is not None and value != ""), values[-1])


_STATUS: dict[str, Node] = {
    "always": _always,
    "canceled": _status("Canceled"),
    "failed": _status("Failed"),
    "succeeded": _status("Succeeded", "SucceededWithIssues"),
    "succeededorfailed": _status("Succeeded", "SucceededWithIssues", "Failed"),
}

_ANY_NUMBER = 99
# Name in lower case: fewest and most parameters, and the function on the evaluated values.
_FUNCTIONS: dict[str, tuple[int, int, Callable[[Sequence[Value]], Value]]] = {
    "coalesce": (2, _ANY_NUMBER, _coalesce),
    "contains": (2, 2, _on_text(lambda left, right: right in left)),
    "endswith": (2, 2, _on_text(str.endswith)),
    "eq": (2, 2, lambda values: _equal(values[0], values[1])),
    "ge": (2, 2, _compare(lambda order: order >= 0)),
    "gt": (2, 2, _compare(lambda order: order > 0)),
    "in": (2, _ANY_NUMBER, lambda values: any(_equal(values[0], each) for each in values[1:])),
    "le": (2, 2, _compare(lambda order: order <= 0)),
    "lower": (1, 1, lambda values: to_text(values[0]).lower()),
    "lt": (2, 2, _compare(lambda order: order < 0)),
    "ne": (2, 2, lambda values: not _equal(values[0], values[1])),
    "not": (1, 1, lambda values: not to_bool(values[0])),
    "notin": (2, _ANY_NUMBER, lambda values: not any(_equal(values[0], each) for each in values[1:])),
    "startswith": (2, 2, _on_text(str.startswith)),
    "upper": (1, 1, lambda values: to_text(values[0]).upper()),
    "xor": (2, 2, lambda values: to_bool(values[0]) != to_bool(values[1])),
}


def _call(name: str, arguments: list[Node]) -> Node:
    """The node of a function call.

    Raises:
        InputError: unknown name, or a wrong number of parameters.
    """
    key = name.lower()
    if key in _STATUS:
        _check_count(name, len(arguments), 0, 0)
        return _STATUS[key]
    if key in {"and", "or"}:
        _check_count(name, len(arguments), 2, _ANY_NUMBER)
        # Evaluation stops at the first value that decides.
        combine = all if key == "and" else any
        return lambda context: combine(to_bool(argument(context)) for argument in arguments)
    if key not in _FUNCTIONS:
        raise InputError("condition", f"the function {name} is not supported in a condition")
    fewest, most, function = _FUNCTIONS[key]
    _check_count(name, len(arguments), fewest, most)
    return lambda context: function([argument(context) for argument in arguments])


def _check_count(name: str, count: int, fewest: int, most: int) -> None:
    if not fewest <= count <= most:
        raise InputError("condition", f"the function {name} does not take {count} parameters in a condition")


def _tokens(text: str) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    position = 0
    while position < len(text.rstrip()):
        match = _TOKEN.match(text, position)
        if match is None:
            raise InputError(
                "condition", f"the condition cannot be read at character {position + 1}", context=text
            )
        kind = match.lastgroup or ""
        found.append((kind, match[kind]))
        position = match.end()
    return found


class _Parser:
    """Reads one value after the other from a list of tokens."""

    def __init__(self, tokens: list[tuple[str, str]]) -> None:
        self._tokens = tokens
        self._next = 0

    def value(self) -> Node:
        kind, text = self._take("a value")
        if kind == "string":
            return _constant(text[1:-1].replace("''", "'"))
        if kind == "version":
            return _constant(tuple(int(part) for part in text.split(".")))
        if kind == "number":
            return _constant(float(int(text, 16)) if "x" in text else float(text))
        if kind == "word" and self._peek() == "(":
            return _call(text, self._arguments())
        if kind == "word" and text.lower() in _CONSTANTS:
            return _constant(_CONSTANTS[text.lower()])
        if kind == "word" and text.lower() == "variables":
            return self._variable()
        raise InputError("condition", f"{text} is not supported in a condition")

    def end(self) -> None:
        """Check that nothing is left."""
        if self._next < len(self._tokens):
            raise InputError("condition", f"unexpected {self._tokens[self._next][1]} in the condition")

    def _variable(self) -> Node:
        sign = self._take("[ or a dot")[1]
        kind, text = self._take("the name of a variable")
        if sign == "[" and kind == "string":
            name = text[1:-1].replace("''", "'")
            self._expect("]")
        elif sign == "." and kind == "word":
            name = text
        else:
            raise InputError("condition", "write variables['name'] or variables.name in a condition")
        return lambda context: context.variable(name)

    def _arguments(self) -> list[Node]:
        self._expect("(")
        arguments: list[Node] = []
        if self._peek() == ")":
            self._expect(")")
            return arguments
        while True:
            arguments.append(self.value())
            sign = self._take(", or )")[1]
            if sign == ")":
                return arguments
            if sign != ",":
                raise InputError("condition", f"expected , or ) before {sign} in the condition")

    def _peek(self) -> str:
        return self._tokens[self._next][1] if self._next < len(self._tokens) else ""

    def _take(self, wanted: str) -> tuple[str, str]:
        if self._next >= len(self._tokens):
            raise InputError("condition", f"the condition ends where {wanted} should be")
        self._next += 1
        return self._tokens[self._next - 1]

    def _expect(self, sign: str) -> None:
        found = self._take(sign)[1]
        if found != sign:
            raise InputError("condition", f"expected {sign} before {found} in the condition")


def _constant(value: Value) -> Node:
    return lambda _context: value
