"""A real pseudo-terminal, with a program that thinks a person sits in front of it."""

import os
import pty
import re
import select
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

SECONDS = 30
# The program becomes the leader of a session whose terminal is its standard input.
_LEAD = (
    "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); "
    "os.execv(sys.argv[1], sys.argv[1:])"
)


class Terminal:
    """A terminal, from its start to its end.

    Args:
        command: the program and its arguments.
        folder: where it is started.
        environ: its variables.
    """

    def __init__(self, command: list[str], folder: Path, environ: Mapping[str, str]) -> None:
        self._hand, screen = pty.openpty()
        self.process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", _LEAD, *command],
            stdin=screen,
            stdout=screen,
            stderr=screen,
            cwd=folder,
            env=dict(environ),
            start_new_session=True,
        )
        os.close(screen)
        self.seen = ""
        self._read = 0

    def close(self) -> None:
        """End the program, and take the terminal away."""
        self.process.kill()
        self.process.wait(SECONDS)
        if self._hand >= 0:
            self.hang_up()

    def type(self, text: str) -> None:
        """Press keys."""
        os.write(self._hand, text.encode())

    def hang_up(self) -> None:
        """Close the terminal's window."""
        os.close(self._hand)
        self._hand = -1

    def wait_for(self, pattern: str) -> "re.Match[str]":
        """Read until the screen shows something that it did not show before the last such call."""
        end = time.monotonic() + SECONDS
        while not (match := re.compile(pattern).search(self.seen, self._read)):
            left = end - time.monotonic()
            assert left > 0, f"{pattern} does not appear in {self.seen!r}"
            ready, _, _ = select.select([self._hand], [], [], left)
            if ready:
                try:
                    self.seen += os.read(self._hand, 65536).decode(errors="replace")
                except OSError:  # its last program has ended
                    assert re.compile(pattern).search(self.seen, self._read), self.seen
        self._read = match.end()
        return match
