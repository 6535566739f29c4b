"""A door's life: it answers in a thread of its own, for as long as something else goes on."""

import threading
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, TypeAlias

_SECONDS_TO_END = 2.0

Serve: TypeAlias = Callable[[Awaitable[object]], Coroutine[Any, Any, None]]
"""Answers until something is over."""


@contextmanager
def answering(
    made: Callable[[], Serve], fail: Callable[[str], None], tell: Callable[[str], None]
) -> Iterator[None]:
    """Answer until a block ends; to be begun when nothing is forked any more.

    Args:
        made: gives what answers; called in the thread, so that what it loads keeps nobody waiting.
        fail: is told if that ends before the block.
        tell: is told of trouble after which it goes on.
    """
    end = _End()
    thread = threading.Thread(target=_answer, args=(made, end, fail, tell), daemon=True, name="gateway")
    thread.start()
    try:
        yield
    finally:
        if end.say():
            thread.join(_SECONDS_TO_END)


class _End:
    """What tells a thread to end; one that listens too late need not begin."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._is_said = False
        self._tell: Callable[[], object] | None = None

    def is_awaited_by(self, tell: Callable[[], object]) -> bool:
        """Have a function called at the end; whether that is still to come."""
        with self._lock:
            self._tell = tell
            return not self._is_said

    def say(self) -> bool:
        """Say that it is the end; whether somebody hears it."""
        with self._lock:
            self._is_said = True
            if self._tell:
                self._tell()
            return self._tell is not None


def _answer(
    made: Callable[[], Serve], end: _End, fail: Callable[[str], None], tell: Callable[[str], None]
) -> None:
    try:
        serve = made()
        import asyncio  # noqa: PLC0415 - the command need not wait for it

        loop = asyncio.new_event_loop()
        over: asyncio.Future[None] = loop.create_future()
        # asyncio would write tracebacks to standard error: hundreds, where there are too many connections.
        loop.set_exception_handler(lambda _, told: tell(f"Trouble in the gateway: {told['message']}"))

        def finish() -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(partial(over.set_result, None))

        async def served() -> None:
            await serve(over)
            left = asyncio.all_tasks() - {asyncio.current_task()}
            for task in left:
                task.cancel()
            await asyncio.gather(*left, return_exceptions=True)

        try:
            if end.is_awaited_by(finish):
                loop.run_until_complete(served())
        finally:
            loop.close()
    except Exception as error:  # noqa: BLE001 - a thread has nobody else to tell
        fail(f"The gateway ended early: {type(error).__name__}")
