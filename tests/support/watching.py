"""A process that looks at the arguments and variables of all others while something runs.

Run as a program it is that process. What it looks for comes on its standard input, so that nothing of it
stands in its own arguments and variables.
"""

import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Iterable
from types import TracebackType

_PAUSE = 0.0015
_SECONDS = 300.0


class Watch:
    """Watches for as long as a block lasts.

    Args:
        texts: what to look for.

    Attributes:
        rounds: how often it looked.
        seen: where it saw one of the texts, as `NAME: cmdline` or `NAME: environ`.
    """

    def __init__(self, texts: Iterable[bytes]) -> None:
        self._texts = [text.decode("ascii") for text in texts]
        self.rounds = 0
        self.seen = set[str]()

    def __enter__(self) -> "Watch":  # noqa: PYI034 - Self needs Python 3.11
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps(self._texts) + "\n")
        self._process.stdin.flush()
        assert self._process.stdout.readline() == "watching\n"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        said, _ = self._process.communicate(timeout=30)
        self.rounds, seen = json.loads(said)
        self.seen = set(seen)


def _watch() -> None:
    texts = [text.encode("ascii") for text in json.loads(sys.stdin.readline())]
    # What runs already shows what it will show: it is looked at once, and left alone while time is short.
    known = {name for name in _numbers() if not _seen(name, texts)}
    sys.stdout.write("watching\n")
    sys.stdout.flush()
    seen, rounds, end = set[str](), 0, time.monotonic() + _SECONDS
    while time.monotonic() < end and not select.select([sys.stdin], [], [], _PAUSE)[0]:
        for name in _numbers() - known:
            seen.update(_seen(name, texts))
        rounds += 1
    sys.stdout.write(json.dumps([rounds, sorted(seen)]))


def _numbers() -> set[str]:
    """Of all processes."""
    return {name for name in os.listdir("/proc") if name.isdigit()}  # noqa: PTH208 - many times a second


def _seen(number: str, texts: list[bytes]) -> list[str]:
    found = []
    for kind in ("cmdline", "environ"):
        try:
            with open(f"/proc/{number}/{kind}", "rb") as file:  # noqa: PTH123 - many times a second
                content = file.read()
            if any(text in content for text in texts):
                with open(f"/proc/{number}/comm", encoding="utf-8", errors="replace") as file:  # noqa: PTH123
                    found.append(f"{file.read().strip()}: {kind}")
        except OSError:
            continue
    return found


if __name__ == "__main__":
    _watch()
