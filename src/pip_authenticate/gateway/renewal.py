"""The credentials in use: renewed where one is about to expire, and where an index does not take it."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import TypeAlias

from pip_authenticate.errors import PipAuthenticateError
from pip_authenticate.gateway.fence import Guarded
from pip_authenticate.secret import Secret

EARLY = timedelta(minutes=2)
"""How long before its end a credential is renewed: longer than a request takes to begin."""

Renew: TypeAlias = Callable[[], list[Guarded]]
"""Gives the private indexes with credentials that were asked for anew; may take its time."""


class Credentials:
    """What opens each index now.

    Args:
        indexes: with their first credentials.
        renew: asks for new ones.
        fail: is told why there are none.

    Attributes:
        indexes: as they were given.
    """

    def __init__(self, indexes: list[Guarded], renew: Renew, fail: Callable[[str], None]) -> None:
        self.indexes = indexes
        self._current = {index.url.key: index for index in indexes}
        self._renew = renew
        self._fail = fail
        self._renewing: asyncio.Task[None] | None = None
        self._is_over = False

    async def of(self, index: Guarded) -> Secret | None:
        """What a request for an index gets; renewed where it is about to expire."""
        current = self._current.get(index.url.key, index)
        if current.expires and current.expires - datetime.now(timezone.utc) < EARLY:
            await self.renewed(index, current.authorization)
        return self._current.get(index.url.key, index).authorization

    async def renewed(self, index: Guarded, refused: Secret | None) -> bool:
        """Whether there is another credential than one that was refused; all who ask wait for one renewal.

        Where a renewal brings nothing new, there is none after it.
        """
        current = self._current.get(index.url.key, index)
        if current.authorization is None or current.authorization != refused:
            return current.authorization is not None
        if self._is_over:
            return False
        if self._renewing is None:
            self._renewing = asyncio.ensure_future(self._ask())
        await asyncio.shield(self._renewing)
        return self._current.get(index.url.key, index).authorization != refused

    async def _ask(self) -> None:
        before = [index.authorization for index in self._current.values()]
        try:
            for index in await asyncio.to_thread(self._renew):
                self._current[index.url.key] = index
        except PipAuthenticateError as error:
            self._fail(f"The credential could not be renewed: {error}")
        finally:
            self._renewing = None
        self._is_over = before == [index.authorization for index in self._current.values()]
