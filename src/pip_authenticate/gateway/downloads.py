"""The way to a file: where an index sends its readers, followed for them.

Azure Artifacts answers with 303 and a signed address of a blob store, and HEAD with 405. The store answers
400 to who shows it a credential.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager

from aiohttp import ClientResponse

from pip_authenticate import redirects
from pip_authenticate.errors import ServiceError
from pip_authenticate.gateway.fence import Guarded
from pip_authenticate.gateway.upstream import Upstream
from pip_authenticate.origin import origin_of

_REDIRECTS = 5
_STATUSES = frozenset({301, 302, 303, 307, 308})
_NO_HEAD = frozenset({405, 501})


@asynccontextmanager
async def opened(
    method: str, url: str, headers: Mapping[str, str], home: Guarded, upstream: Upstream
) -> AsyncIterator[ClientResponse]:
    """Ask for a file; gives the answer of who has it, which may be an error.

    The credential goes to the index's own origin only. Who does not answer HEAD is asked with GET; nobody
    reads that body.

    Args:
        method: GET or HEAD.
        url: of the file, as the index's page says it.
        headers: of the client's that go with it.
        home: the index.
        upstream: asks.

    Raises:
        ServiceError: it leads away from encryption, or on and on.
        Exception: one of upstream.FAILED.
    """
    for _ in range(_REDIRECTS + 1):
        origin = origin_of(url.partition("?")[0])
        own = home if origin == home.url.origin else None
        if own is None and origin.is_exposed:
            raise ServiceError("insecure-redirect", f"{home.source} leads to plain http ({origin.host})")
        async with AsyncExitStack() as stack:
            answer = await stack.enter_async_context(upstream.ask(method, url, headers, own))
            if method == "HEAD" and answer.status in _NO_HEAD:
                await stack.aclose()
                answer = await stack.enter_async_context(upstream.ask("GET", url, headers, own))
            onward = ""
            if answer.status in _STATUSES:
                onward = redirects.target(method, url, answer.headers.get("location", ""))
            if not onward:
                yield answer
                return
        url = onward
    raise redirects.endless(home.url.origin, _REDIRECTS)
