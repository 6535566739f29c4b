"""Read TOML tables strictly: every fault is collected, nothing is guessed."""

import difflib
import re
import sys
from collections.abc import Iterable, Mapping
from datetime import date, datetime, timezone

from azure_devops_emulator.errors import EmulatorError, InputError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_PLACE = re.compile(r"line (\d+), column (\d+)")


def load_toml(text: str) -> dict[str, object]:
    """Parse TOML.

    Raises:
        InputError: the text is no TOML. Only the place of the fault is told, since the text may hold secrets.
    """
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        place = _PLACE.search(str(error))
        where = f"line {place[1]}, column {place[2]}" if place else "end of the file"
        raise InputError("broken-toml", "The organisation file is no valid TOML", context=where) from None


def nearest(word: str, known: Iterable[str]) -> str:
    """A hint that names the known word most like the given one, or all of them."""
    known = sorted(known)
    close = difflib.get_close_matches(word, known, 1, 0.6)
    return f"Did you mean {close[0]!r}?" if close else f"Known: {', '.join(known) or 'none'}."


class Table:
    """One TOML table: values are asked for by name and type, and what nobody asked for is a fault.

    Args:
        data: the parsed table.
        where: what the table is, for messages.
        faults: the list that every fault is added to.
    """

    def __init__(self, data: Mapping[str, object], where: str, faults: list[EmulatorError]) -> None:
        self._data = data
        self._asked: set[str] = set()
        self.where = where
        self.faults = faults

    def fault(self, slug: str, what: str, hint: str = "") -> None:
        """Add a fault of this table."""
        self.faults.append(InputError(slug, what, context=self.where, hint=hint))

    def __contains__(self, key: str) -> bool:
        return key in self._data

    def _value(self, key: str, kind: type | tuple[type, ...], wanted: str, *, required: bool) -> object:
        self._asked.add(key)
        value = self._data.get(key)
        if value is None:
            if required:
                self.fault("missing-key", f"The key {key!r} is missing", f"Give it {wanted}.")
        elif not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            self.fault("wrong-type", f"The key {key!r} must be {wanted}")
            value = None
        return value

    def text(self, key: str, default: str | None = None) -> str:
        """The text at a key; required unless a default is given; "" when it is faulty."""
        value = self._value(key, str, "a text", required=default is None)
        return str(value) if value is not None else default or ""

    def name(self) -> str:
        """The text at the key `name`; required, and not empty."""
        name = self.text("name")
        if not name and self._data.get("name") == "":
            self.fault("empty-name", "The key 'name' must not be empty")
        return name

    def choice(self, key: str, choices: Iterable[str], default: str | None = None) -> str:
        """The text at a key, one of the choices."""
        choices = tuple(choices)
        value = self.text(key, default)
        if value and value not in choices:
            self.fault("unknown-word", f"The key {key!r} cannot be {value!r}", nearest(value, choices))
        return value

    def flag(self, key: str, *, default: bool = False) -> bool:
        """The boolean at a key."""
        value = self._value(key, bool, "true or false", required=False)
        return default if value is None else bool(value)

    def number(self, key: str, default: int) -> int:
        """The whole number at a key."""
        value = self._value(key, int, "a whole number", required=False)
        return value if isinstance(value, int) else default

    def texts(self, key: str) -> list[str]:
        """The list of texts at a key; empty when it is absent."""
        value = self._value(key, list, "a list of texts", required=False) or []
        assert isinstance(value, list)  # noqa: S101 - what _value checked
        wrong = [entry for entry in value if not isinstance(entry, str)]
        if wrong:
            self.fault("wrong-type", f"The key {key!r} must be a list of texts")
            return []
        return value

    def mapping(self, key: str) -> dict[str, str]:
        """The table of texts at a key; empty when it is absent."""
        table = self.table(key)
        return {name: table.text(name) for name in table.keys()}  # noqa: SIM118 - a Table is no mapping

    def keys(self) -> list[str]:
        """All keys that the table has."""
        return list(self._data)

    def moment(self, key: str) -> datetime | None:
        """The date or date-time at a key, in UTC unless it says otherwise; None when it is absent."""
        value = self._value(key, (datetime, date), "a date or a date-time", required=False)
        if isinstance(value, datetime):
            return value if value.tzinfo else value.replace(tzinfo=timezone.utc)
        if isinstance(value, date):
            return datetime(value.year, value.month, value.day, tzinfo=timezone.utc)
        return None

    def has_table(self, key: str) -> bool:
        """Whether a table stands at a key."""
        return isinstance(self._data.get(key), dict)

    def table(self, key: str) -> "Table":
        """The table at a key; an empty one when it is absent."""
        value = self._value(key, dict, "a table", required=False)
        return Table(value if isinstance(value, dict) else {}, f"[{key}] of {self.where}", self.faults)

    def tables(self, key: str, title: str) -> list["Table"]:
        """The tables at a key, each called by its name if it has one.

        Args:
            key: the key of the array of tables.
            title: what one of them is called in messages.
        """
        value = self._value(key, list, "an array of tables", required=False) or []
        assert isinstance(value, list)  # noqa: S101 - what _value checked
        found = []
        for number, entry in enumerate(value, 1):
            if isinstance(entry, dict):
                found.append(Table(entry, f"{title} {entry.get('name') or number}", self.faults))
            else:
                self.fault("wrong-type", f"The key {key!r} must be an array of tables")
        return found

    def finish(self) -> None:
        """Report every key that nobody asked for."""
        for key in self._data:
            if key not in self._asked:
                self.fault("unknown-key", f"The key {key!r} is not known here", nearest(key, self._asked))
