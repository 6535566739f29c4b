"""When a run must be over: its time, or a cancellation."""

import time
from typing import TYPE_CHECKING

from pip_authenticate.errors import Cancelled, ServiceError

if TYPE_CHECKING:
    import threading

RUN_SECONDS = 60.0
"""How long a run may ask and compute; start-up and output fit in beside it."""
_PIECE_SECONDS = 0.1


class Deadline:
    """The end of a run. Waiting and computing both ask it.

    A cancellation sets a flag and nothing else: an exception raised out of a signal handler could come
    between any two steps, also between the two halves of a command.

    Args:
        seconds: how long the run may take from now on.
    """

    def __init__(self, seconds: float = RUN_SECONDS) -> None:
        self._seconds = seconds
        self._end = time.monotonic() + seconds
        self._flags = [False]

    def within(self, seconds: float) -> "Deadline":
        """The end of a part of the run: in that many seconds at most, and whenever the run itself ends."""
        part = Deadline(max(min(seconds, self.remaining), 0.0))
        part._flags = self._flags
        return part

    @property
    def remaining(self) -> float:
        """Seconds until the end; negative after it."""
        return self._end - time.monotonic()

    @property
    def share(self) -> float:
        """How much of the time is left: 1 at the beginning, 0 at the end."""
        return self.remaining / self._seconds if self._seconds else 0.0

    def cancel(self) -> None:
        """Ask the run to stop; it does at its next check."""
        self._flags[0] = True

    @property
    def _cancelled(self) -> bool:
        return self._flags[0]

    def check(self) -> None:
        """Go on only while there is time.

        Raises:
            Cancelled: the run shall stop.
            ServiceError: the time is up.
        """
        if self._cancelled:
            raise Cancelled
        if self.remaining <= 0:
            raise ServiceError(
                "deadline",
                "The time of this run is used up",
                hint="Name fewer indexes, or try again when machine and network are less busy.",
            )

    def sleep(self, seconds: float) -> None:
        """Wait, in pieces.

        Raises:
            Cancelled: the run shall stop.
        """
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            if self._cancelled:
                raise Cancelled
            time.sleep(min(left, _PIECE_SECONDS))

    def join(self, thread: "threading.Thread", seconds: float) -> None:
        """Wait for a thread, in pieces; it may still be alive afterwards.

        Raises:
            Cancelled: the run shall stop.
        """
        end = time.monotonic() + seconds
        while thread.is_alive() and (left := end - time.monotonic()) > 0:
            if self._cancelled:
                raise Cancelled
            thread.join(min(left, _PIECE_SECONDS))
