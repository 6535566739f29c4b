"""What a person reads on standard error: one line for each thing, in colour only on a terminal."""

import os
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TextIO

from pip_authenticate.logging_commands import harmless
from pip_authenticate.secret import MASK, Secret

_LOGIN = re.compile(r"(?<=://)[^/?#\\\s]{1,4096}@")
_PREFIX = "pip-authenticate: "
_COLUMN = 60
"""Widest column of a table, in characters."""
_COLOURS = {"red": "31", "yellow": "33", "green": "32", "dim": "2", "bold": "1"}


def has_colour(stream: TextIO, environ: Mapping[str, str]) -> bool:
    """Whether to write in colour: NO_COLOR, else FORCE_COLOR (no-color.org), else a terminal decides."""
    if environ.get("NO_COLOR"):
        return False
    if environ.get("FORCE_COLOR"):
        return environ["FORCE_COLOR"] != "0"
    return stream.isatty() and environ.get("TERM", "") != "dumb"


def painted(text: str, colour: str, *, on: bool) -> str:
    """A text in a colour, where there are any."""
    return f"\x1b[{_COLOURS[colour]}m{text}\x1b[0m" if on else text


class Report:
    """Writes lines for people; known secrets are masked, and text from outside acts on nothing.

    Args:
        stream: where to.
        environ: says whether there are colours.
        is_quiet: whether only warnings and errors are written.
        is_verbose: whether everything is.
    """

    def __init__(
        self, stream: TextIO, environ: Mapping[str, str], *, is_quiet: bool = False, is_verbose: bool = False
    ) -> None:
        self._stream = stream
        self._has_colour = has_colour(stream, environ)
        self._is_quiet, self._is_verbose = is_quiet, is_verbose
        self._secrets = set[str]()

    def register(self, secrets: Iterable[Secret]) -> None:
        """Mask secrets from now on."""
        self._secrets |= {secret.reveal() for secret in secrets if len(secret.reveal()) > 3}

    def error(self, text: str) -> None:
        """Say why the command failed."""
        self._write("error: ", "red", text)

    def warning(self, text: str) -> None:
        """Say what a person should know."""
        self._write("warning: ", "yellow", text)

    def line(self, text: str) -> None:
        """Say what was done."""
        if not self._is_quiet:
            self._write("", "dim", text)

    def table(self, head: Iterable[str], rows: Iterable[Iterable[str]]) -> None:
        """Say what was done in columns: none of them is empty, or wider than a person reads."""
        if self._is_quiet:
            return
        shown = [[_shortened(self.clean(text)) for text in row] for row in (head, *rows)]
        columns = [column for column in zip(*shown, strict=True) if any(column[1:])]
        widths = [max(map(len, column)) for column in columns]
        for number, row in enumerate(zip(*columns, strict=True)):
            text = "  ".join(f"{text:{width}}" for text, width in zip(row, widths, strict=True)).rstrip()
            self.hand(f"{_PREFIX}{painted(text, 'bold', on=self._has_colour and not number)}\n")

    def hand(self, text: str) -> None:
        """Write a text as it is, which may be for the agent of a CI that reads this stream."""
        try:
            self._stream.write(text)
            self._stream.flush()
        except (OSError, ValueError):  # nobody reads it
            self._stream = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115

    def debug(self, text: str) -> None:
        """Say what happens, to who wants to know."""
        if self._is_verbose:
            self._write("", "dim", text)

    @contextmanager
    def waiting(self, what: str) -> Iterator[None]:
        """Say on a terminal what is being done, once that takes longer than a moment."""
        if self._is_quiet or self._is_verbose or not self._stream.isatty():
            yield
            return
        import threading  # noqa: PLC0415 - only a terminal is told how long it takes

        over = threading.Event()

        def tell() -> None:
            seconds = 1
            while not over.wait(1):
                self._stream.write(f"\r{what} ... {seconds} s")
                self._stream.flush()
                seconds += 1

        teller = threading.Thread(target=tell, daemon=True)
        teller.start()
        try:
            yield
        finally:
            over.set()
            teller.join()
            self._stream.write("\r\x1b[K")

    def clean(self, text: str) -> str:
        """A text that may be shown, in one line."""
        for secret in sorted(self._secrets, key=len, reverse=True):
            text = text.replace(secret, MASK)
        return harmless(_LOGIN.sub("***@", text))

    def cleaned(self, value: Any) -> Any:  # noqa: ANN401 - whatever JSON can hold
        """The same for every text within lists and objects."""
        if isinstance(value, str):
            return self.clean(value)
        if isinstance(value, dict):
            return {name: self.cleaned(inner) for name, inner in value.items()}
        return [self.cleaned(inner) for inner in value] if isinstance(value, list | tuple) else value

    def _write(self, label: str, colour: str, text: str) -> None:
        shown = painted(label, colour, on=self._has_colour) if label else ""
        self.hand(f"{_PREFIX}{shown}{self.clean(text)}\n")


def _shortened(text: str) -> str:
    """A text that fits into a column: addresses differ at their ends more than in the middle."""
    return text if len(text) <= _COLUMN else f"{text[: _COLUMN // 2 - 3]}...{text[-_COLUMN // 2 :]}"


def standard(environ: Mapping[str, str], *, is_quiet: bool = False, is_verbose: bool = False) -> Report:
    """A report on standard error; on nothing where a program without a terminal has none."""
    stream = sys.stderr or open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
    return Report(stream, environ, is_quiet=is_quiet, is_verbose=is_verbose)
