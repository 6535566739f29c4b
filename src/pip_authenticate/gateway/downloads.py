"""The way to a file: where an index sends its readers, followed for them.

Azure Artifacts answers with 303 and a signed address of a blob store, and HEAD with 405. The store answers
400 to who shows it a credential.
"""

import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager

from aiohttp import ClientResponse

from pip_authenticate import redirects
from pip_authenticate.errors import ServiceError
from pip_authenticate.gateway.fence import Guarded
from pip_authenticate.gateway.upstream import ERROR_BYTES, Upstream, read
from pip_authenticate.origin import origin_of

_REDIRECTS = 5
_STATUSES = frozenset({301, 302, 303, 307, 308})
_NO_HEAD = frozenset({405, 501})
_SECONDS = 60.0
"""How long a signed address is used again; they are good for some minutes at least."""
_MOST = 1000


class Downloads:
    """Asks for files, for as long as their readers follow no redirect themselves.

    Args:
        upstream: asks.
    """

    def __init__(self, upstream: Upstream) -> None:
        self._upstream = upstream
        self._ends = dict[str, tuple[str, float]]()
        self._without_head = set[object]()

    @asynccontextmanager
    async def opened(
        self, method: str, url: str, headers: Mapping[str, str], home: Guarded
    ) -> AsyncIterator[ClientResponse]:
        """Ask for a file; gives the answer of who has it, which may be an error.

        The credential goes to the index's own origin only. Who does not answer HEAD is asked with GET; nobody
        reads that body. Where a redirect has led is asked again for a while, since readers ask for parts.

        Args:
            method: GET or HEAD.
            url: of the file, as the index's page says it.
            headers: of the client's that go with it.
            home: the index.

        Raises:
            ServiceError: it leads away from encryption, or on and on.
            Exception: one of upstream.FAILED.
        """
        end, until = self._ends.get(url, ("", 0.0))
        if until > time.monotonic():
            async with self._asked(method, end, headers, home) as answer:
                if answer.status < 300 or answer.status in {304, 416}:
                    yield answer
                    return
        self._ends.pop(url, None)  # so that they stand in the order in which they end
        place, way = url, "GET" if home.url.key in self._without_head else method
        for _ in range(_REDIRECTS + 1):
            async with self._asked(way, place, headers, home) as answer:
                if place == url and answer.method != method:
                    self._without_head.add(home.url.key)
                onward = ""
                if answer.status in _STATUSES:
                    onward = redirects.target(method, place, answer.headers.get("location", ""))
                if not onward:
                    if place != url:
                        self._remember(url, place)
                    yield answer
                    return
                await read(answer, ERROR_BYTES)  # the connection can be used again
            place, way = onward, method
        raise redirects.endless(home.url.origin, _REDIRECTS)

    def _remember(self, url: str, end: str) -> None:
        now = time.monotonic()
        while self._ends and next(iter(self._ends.values()))[1] < now:
            del self._ends[next(iter(self._ends))]
        if len(self._ends) < _MOST:
            self._ends[url] = (end, now + _SECONDS)

    @asynccontextmanager
    async def _asked(
        self, method: str, url: str, headers: Mapping[str, str], home: Guarded
    ) -> AsyncIterator[ClientResponse]:
        """Ask one place."""
        origin = origin_of(url.partition("?")[0])
        own = home if origin == home.url.origin else None
        if own is None and origin.is_exposed:
            raise ServiceError("insecure-redirect", f"{home.source} leads to plain http ({origin.host})")
        async with AsyncExitStack() as stack:
            answer = await stack.enter_async_context(self._upstream.ask(method, url, headers, own))
            if method == "HEAD" and answer.status in _NO_HEAD:
                await stack.aclose()
                answer = await stack.enter_async_context(self._upstream.ask("GET", url, headers, own))
            yield answer
