"""Waiting for what happens elsewhere."""

import time
from collections.abc import Callable


def until(happened: Callable[[], object], seconds: float = 1.0) -> None:
    """Wait until something has happened.

    Raises:
        AssertionError: it has not, in so many seconds.
    """
    end = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.01)
