"""Does many things at once, within the deadline of a run."""

import math
import threading
from collections.abc import Callable
from typing import TypeVar

from pip_authenticate.deadline import Deadline

THREADS = 20
"""Most things that are done at once."""

_S = TypeVar("_S")
_T = TypeVar("_T")


def in_parallel(function: Callable[[_S], _T], items: list[_S], deadline: Deadline) -> list[_T]:
    """Apply a function to all items at once; the results keep the items' order.

    Raises:
        Cancelled: the run shall stop.
        Exception: the first one that the function raised.
    """
    if len(items) < 2:
        return [function(item) for item in items]
    waiting = list(enumerate(items))[::-1]
    outcomes, failures = dict[int, _T](), dict[int, BaseException]()

    def work() -> None:
        while waiting:
            try:
                position, item = waiting.pop()
            except IndexError:  # another thread was faster
                return
            try:
                deadline.check()
                outcomes[position] = function(item)
            except BaseException as error:  # noqa: BLE001 - handed to the caller's thread
                failures[position] = error

    # Daemons, unlike those of a ThreadPoolExecutor: a cancelled run does not wait for them.
    threads = [threading.Thread(target=work, daemon=True) for _ in items[:THREADS]]
    for thread in threads:
        thread.start()
    for thread in threads:
        deadline.join(thread, math.inf)
    if failures:
        raise failures[min(failures)]
    return [outcomes[position] for position in range(len(items))]
