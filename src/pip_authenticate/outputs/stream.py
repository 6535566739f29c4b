"""Writes whole pieces to a file descriptor, or says for good that it cannot."""

import os
import time
from threading import Lock

from pip_authenticate.errors import OutputLost

_PAUSE_SECONDS = 0.005


class Stream:
    """The only writer of a run.

    A pipe takes a part of what it is given, and an interrupted write returns with a part done. Half a
    command would be a variable cut inside a token: so the rest follows, or nothing ever does.

    Args:
        descriptor: open for writing.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._lock = Lock()
        self._lost = False

    def write(self, text: str) -> None:
        """Write one line, or several that belong together, and a line end.

        Raises:
            OutputLost: not all of it got out, now or in an earlier call.
        """
        rest = memoryview((text + "\n").encode("utf-8", "surrogateescape"))
        with self._lock:  # lines of several threads, cut and joined, could form a command
            if self._lost:
                raise OutputLost
            while rest:
                try:
                    rest = rest[os.write(self._descriptor, rest) :]
                except BlockingIOError:  # the other end set it so, and is slow
                    time.sleep(_PAUSE_SECONDS)
                except OSError:
                    self._lost = True
                    raise OutputLost from None
