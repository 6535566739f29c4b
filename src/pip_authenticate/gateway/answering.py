"""A door's life: it answers in a thread of its own, for as long as something else goes on."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias

_SECONDS_TO_END = 2.0

Serve: TypeAlias = Callable[[Awaitable[object]], Coroutine[Any, Any, None]]
"""Answers until something is over."""


@contextmanager
def answering(serve: Serve, fail: Callable[[str], None]) -> Iterator[None]:
    """Answer until a block ends; to be begun when nothing is forked any more.

    Args:
        serve: begins in the thread.
        fail: is told if it ends before that.
    """
    loop = asyncio.new_event_loop()
    over = loop.create_future()

    async def served() -> None:
        await serve(over)
        left = asyncio.all_tasks() - {asyncio.current_task()}
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    def run() -> None:
        try:
            loop.run_until_complete(served())
        except Exception as error:  # noqa: BLE001 - a thread has nobody else to tell
            fail(f"The gateway ended early: {type(error).__name__}")
        finally:
            loop.close()

    thread = threading.Thread(target=run, daemon=True, name="gateway")
    thread.start()
    try:
        yield
    finally:
        loop.call_soon_threadsafe(over.set_result, None)
        thread.join(_SECONDS_TO_END)
