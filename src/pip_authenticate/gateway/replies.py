"""What both doors answer with: streams, headers of indexes, and refusals that the record is told of."""

from collections.abc import Awaitable, Callable, Container, Iterable, Iterator
from typing import TypeVar

from aiohttp import ClientResponse, web

from pip_authenticate.gateway.fence import HEADERS, Guarded
from pip_authenticate.gateway.guard import what_is_missing
from pip_authenticate.gateway.packing import UNDONE
from pip_authenticate.gateway.record import Record
from pip_authenticate.gateway.upstream import ERROR_BYTES, FAILED, Upstream, read

_HELP = "pip-authenticate check says more"
# A client that is asked for a login asks a person, or sends what it finds elsewhere.
_ASKS_FOR_LOGIN = frozenset({401, 407})
HURRY_SECONDS = 0.01
"""How long `shutdown` of a server lets requests go on; aiohttp takes 0 for no limit."""


class Replies:
    """Answers that are no package's.

    Args:
        upstream: knows what no answer may repeat.
        record: is told why something was refused, or failed.
    """

    def __init__(self, upstream: Upstream, record: Record) -> None:
        self._upstream = upstream
        self._record = record

    def refused(self, what: str, why: str, status: int = 403) -> web.Response:
        """What does not pass, and why."""
        self._record.refuse(what, why)
        return web.Response(status=status, text=f"Refused by pip-authenticate: {why}.\n")

    def failed(self, why: str, status: int = 502) -> web.Response:
        """What should have worked, and why it did not."""
        self._record.fail(why)
        return web.Response(status=status, text=f"{why.rstrip('.')}.\n")

    async def error(self, answer: ClientResponse, index: Guarded) -> web.Response:
        """An error of an index, without what it may repeat of a secret."""
        status, content = answer.status, await read(answer, ERROR_BYTES)
        if status in _ASKS_FOR_LOGIN or status == 203:
            why = f"{index.source} does not accept the credential (status {status}); {_HELP}"
            return self.failed(why, 403)
        missing = what_is_missing(content or b"") if status == 404 else ""
        if missing:
            return self.failed(
                f"{index.source}: {self._upstream.scrubbed(missing).rstrip('.')}; {_HELP}", 404
            )
        reply = response(whole(self._upstream.headers_of(answer)), status, web.Response())
        reply.body = self._upstream.scrubbed_bytes(content or b"")
        return reply

    async def streamed(
        self,
        request: web.BaseRequest,
        answer: ClientResponse,
        reply: web.StreamResponse,
        seen: Callable[[bytes], object] = lambda _: None,
        is_right: Callable[[], bool] | None = None,
    ) -> bool:
        """Hand an answer on while it comes; whether all of it was sent.

        Where the body breaks off, or is not right, so does the client's.

        Args:
            request: whose answer it is.
            answer: of who was asked.
            reply: what is sent, but for its body.
            seen: is shown every piece of the body, as far as it was sent, or before.
            is_right: says of a body that was seen whole whether it may be used; its last piece waits for
                that.
        """
        held, pieces = b"", answer.content.iter_any()
        try:
            await reply.prepare(request)
            while True:
                try:
                    piece = await anext(pieces)
                except StopAsyncIteration:
                    break
                except FAILED:
                    self._record.fail(f"{answer.url.host} broke off in the middle of an answer")
                    raise ConnectionResetError from None
                ready, held = (piece, b"") if is_right is None else (held, piece)
                if ready:
                    await reply.write(ready)
                seen(piece)  # while the client reads
            if is_right is not None and not is_right():
                raise ConnectionResetError
            if held:
                await reply.write(held)
            await reply.write_eof()
        except ConnectionError:
            if request.transport:
                request.transport.abort()
            return False
        return True


class _Log:
    """What aiohttp tells of requests that are none, and of defects: in its own words with a traceback.

    Args:
        fail: is told in a line.
    """

    def __init__(self, fail: Callable[[str], None]) -> None:
        self._fail = fail

    def exception(self, *told: object, exc_info: object = None) -> None:
        """Tell of an exception."""
        del told
        self._fail(f"A request could not be answered: {type(exc_info).__name__}")

    def debug(self, *told: object, **more: object) -> None:
        """Tell nobody."""


def http(
    handler: Callable[[web.BaseRequest], Awaitable[web.StreamResponse]],
    fail: Callable[[str], None],
    *,
    ends_with_client: bool = False,
) -> web.Server:
    """A server of HTTP.

    Args:
        handler: answers a request.
        fail: is told of requests that are none.
        ends_with_client: whether it is stopped when the client hangs up, so that nobody is asked in vain.
    """
    return web.Server(
        handler,
        handler_cancellation=ends_with_client,
        access_log=None,
        logger=_Log(fail),
        keepalive_timeout=75,
        max_line_size=32 * 1024,
        max_field_size=32 * 1024,
    )


def further(headers: Iterable[tuple[str, str]], names: Container[str] = HEADERS) -> dict[str, str]:
    """What of a request's headers goes further."""
    kept = dict[str, str]()
    for name, value in headers:
        key = name.lower()
        if key in names:
            kept[key] = f"{kept[key]}, {value}" if key in kept else value
    return kept


def whole(headers: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """Headers of a body that is sent at once, which may have another length than it had, and is unpacked."""
    for name, value in headers:
        key = name.lower()
        if key != "content-length" and not (key == "content-encoding" and value.lower() in UNDONE):
            yield name, value


_Response = TypeVar("_Response", bound=web.StreamResponse)


def response(headers: Iterable[tuple[str, str]], status: int, reply: _Response) -> _Response:
    """An answer with an index's headers."""
    reply.set_status(status)
    for name, value in headers:
        reply.headers.add(name, value)
    return reply
