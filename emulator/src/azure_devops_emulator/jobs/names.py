"""Names as the agent compares and writes them: without case, and as environment variables."""

from collections.abc import Iterable, Iterator, MutableMapping
from typing import TypeVar

Value = TypeVar("Value")


def fold(name: str) -> str:
    """The form in which two names that differ only in case are equal.

    One character stays one character (a German sharp s is not turned into two letters), as
    .NET's ordinal comparison and its invariant upper-casing do.
    """
    return "".join(upper if len(upper := char.upper()) == 1 else char for char in name)


def environment_name(name: str, *, preserve_case: bool = False) -> str:
    """The environment variable for a variable, input or parameter name.

    Dots and blanks become underscores and the rest is upper-cased; nothing else changes
    (agent source: VarUtil.cs).
    """
    converted = name.replace(".", "_").replace(" ", "_")
    return converted if preserve_case else fold(converted)


class Names(MutableMapping[str, Value]):
    """A dictionary whose keys ignore case; the first spelling of a key is kept.

    Args:
        items: names and values; a later value of the same name wins.
    """

    def __init__(self, items: Iterable[tuple[str, Value]] = ()) -> None:
        self._entries: dict[str, tuple[str, Value]] = {}
        for name, value in items:
            self[name] = value

    def __getitem__(self, name: str) -> Value:
        return self._entries[fold(name)][1]

    def __setitem__(self, name: str, value: Value) -> None:
        key = fold(name)
        spelling = self._entries[key][0] if key in self._entries else name
        self._entries[key] = (spelling, value)

    def __delitem__(self, name: str) -> None:
        del self._entries[fold(name)]

    def __iter__(self) -> Iterator[str]:
        return (spelling for spelling, _ in self._entries.values())

    def __len__(self) -> int:
        return len(self._entries)

    def __repr__(self) -> str:
        return f"Names({list(self)!r})"
