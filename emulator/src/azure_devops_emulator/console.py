"""Showing a job's log: in colour on a terminal, plain otherwise."""

import re
from collections.abc import Mapping
from typing import TextIO

_TAGGED = re.compile(r"##\[(section|error|warning|debug|command|group)\]")
_COLOURS = {
    "section": "32",
    "error": "31",
    "warning": "33",
    "debug": "35",
    "command": "34",
    "group": "1",
}


class Console:
    """Writes lines to a stream.

    Args:
        stream: where to.
        environ: the environment; NO_COLOR in it (with any text) switches colours off.
    """

    def __init__(self, stream: TextIO, environ: Mapping[str, str]) -> None:
        self._stream = stream
        self._coloured = stream.isatty() and not environ.get("NO_COLOR") and environ.get("TERM") != "dumb"

    def line(self, text: str) -> None:
        """Write one line of a log, at once."""
        match = _TAGGED.match(text)
        if match is None and text.startswith("[command]"):
            match = _TAGGED.match("##" + text)
        if match is not None and self._coloured:
            text = f"\x1b[{_COLOURS[match[1]]}m{text}\x1b[0m"
        self._stream.write(f"{text}\n")
        self._stream.flush()
