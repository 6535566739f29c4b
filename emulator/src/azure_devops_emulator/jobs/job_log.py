"""The log of a job: what a person reads, masked, and what the processes really wrote."""

from collections.abc import Callable
from dataclasses import dataclass

from azure_devops_emulator.jobs.masker import Masker


@dataclass(frozen=True)
class RawLine:
    """One line as a process wrote it, before any masking.

    Args:
        step: the display name of the step.
        stream: `stdout` or `stderr`.
        text: the line, perhaps with secrets in it.
    """

    step: str
    stream: str
    text: str


class JobLog:
    """Collects the lines of a job.

    Args:
        masker: every line goes through it.
        debug: whether debug lines are written.
        echo: gets every masked line as it comes, or None.

    Attributes:
        lines: the masked lines.
        raw: the unmasked lines of the processes, for tests.
    """

    def __init__(self, masker: Masker, *, debug: bool, echo: Callable[[str], object] | None = None) -> None:
        self._masker = masker
        self._echo = echo
        self.debug = debug
        self.lines: list[str] = []
        self.raw: list[RawLine] = []

    def write(self, text: str, tag: str = "") -> None:
        """Write a message, masked as a whole; a line break in it begins a new line.

        Args:
            text: the message.
            tag: `section`, `error`, `warning`, `debug`, or empty.
        """
        if tag == "debug" and not self.debug:
            return
        prefix = f"##[{tag}]" if tag else ""
        for line in self._masker.mask(prefix + text).replace("\r\n", "\n").replace("\r", "\n").split("\n"):
            self.lines.append(line)
            if self._echo is not None:
                self._echo(line)
