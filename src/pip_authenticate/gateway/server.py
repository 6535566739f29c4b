"""The gateway's server: who comes in, whom they want, and what they are given."""

import asyncio
import hashlib
import ssl
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import TypeVar, cast

from aiohttp import ClientResponse, web
from multidict import CIMultiDict
from yarl import URL

from pip_authenticate.errors import PipAuthenticateError
from pip_authenticate.gateway import relay
from pip_authenticate.gateway.entrance import Entrance
from pip_authenticate.gateway.fence import HEADERS, Fence, File, Guarded, Page, Refusal, Request
from pip_authenticate.gateway.guard import ACCEPT, Guard
from pip_authenticate.gateway.links import Link, Links, file_name, project_of
from pip_authenticate.gateway.record import Fetched, Record
from pip_authenticate.gateway.upstream import ERROR_BYTES, FAILED, PAGE_BYTES, Upstream, passed_on, read
from pip_authenticate.origin import DEFAULT_PORTS, Origin

_HANDSHAKE_SECONDS = 10.0
_CONNECTED = b"HTTP/1.1 200 Connection established\r\n\r\n"
# A client that is asked for a login asks a person, or sends what it finds elsewhere.
_ASKS_FOR_LOGIN = frozenset({401, 407})


class Server:
    """Answers the clients behind the gateway.

    Args:
        entrance: where they come in.
        fence: says what passes.
        contexts: what shows a certificate, by host.
        upstream: asks the indexes.
        guard: knows whose a name is, where public pages are guarded.
        record: is told what happens.
    """

    def __init__(
        self,
        entrance: Entrance,
        fence: Fence,
        contexts: Mapping[str, ssl.SSLContext],
        upstream: Upstream,
        guard: Guard,
        record: Record,
    ) -> None:
        self._entrance = entrance
        self._fence = fence
        self._contexts = contexts
        self._upstream = upstream
        self._guard = guard
        self._record = record
        self._links = Links()
        self._pages = dict[tuple[str, str], asyncio.Task[None]]()
        self._inner = {origin: _http(partial(self._within, origin)) for origin in fence.origins}

    async def serve(self, over: Awaitable[object]) -> None:
        """Answer until something is over."""
        loop = asyncio.get_running_loop()
        outer = _http(self._outside)
        listener = await loop.create_server(outer, sock=self._entrance.socket)
        try:
            await over
        finally:
            listener.close()
            for server in (outer, *self._inner.values()):
                await server.shutdown(0)
            await self._upstream.close()

    # ---- what comes to the proxy itself ----

    async def _outside(self, request: web.BaseRequest) -> web.StreamResponse:
        peer = request.transport.get_extra_info("peername") if request.transport else None
        if not peer or not self._entrance.is_own(peer[:2]):
            return self._refused("a connection", "it comes from another user of this machine")
        if not self._entrance.knows(request.headers.get("Proxy-Authorization", "")):
            challenge = {"Proxy-Authenticate": 'Basic realm="pip-authenticate"'}
            return web.Response(status=407, text="This proxy serves one command.\n", headers=challenge)
        if request.method == "CONNECT":
            return await self._connect(request)
        try:
            url = URL(request.raw_path, encoded=True)
            place = Origin("http", (url.host or "").lower(), url.port or DEFAULT_PORTS["http"])
        except ValueError:
            place = Origin("", "", 0)
        if not place.host or not request.raw_path.lower().startswith("http://"):
            return self._refused(request.method, "it names no http address")
        if self._fence.opens(place):
            target = request.raw_path[len("http://") :]
            target = target[target.find("/") :] if "/" in target else "/"
            return await self._inside(place, target, request)
        if self._fence.forbids(place):
            return self._refused(f"http://{place.netloc}", "the host of an index is open for that only")
        self._record.pass_unread(place.host)
        return await self._plain(request)

    async def _connect(self, request: web.BaseRequest) -> web.StreamResponse:
        host, _, port = request.raw_path.rpartition(":")
        host = host.removeprefix("[").removesuffix("]").lower()
        place = Origin("https", host, int(port) if port.isascii() and port.isdigit() else 0)
        transport = cast("asyncio.Transport", request.transport)
        if not host or not 0 < place.port < 65536:
            return self._refused("a tunnel", "it leads to no host and port")
        if self._fence.opens(place):
            server = self._inner[place]
            transport.write(_CONNECTED)
            inner = server()
            try:
                inside = await asyncio.get_running_loop().start_tls(
                    transport,
                    inner,
                    self._contexts[host],
                    server_side=True,
                    ssl_handshake_timeout=_HANDSHAKE_SECONDS,
                )
            except (OSError, ssl.SSLError):
                self._record.fail(
                    f"A program did not accept the certificate of this run for {host}: it reads its "
                    "authorities from elsewhere."
                )
                raise _taken_over(request) from None
            if inside is None:
                raise _taken_over(request)
            inner.connection_made(inside)
            raise _taken_over(request)
        if self._fence.forbids(place):
            return self._refused(f"{host}:{place.port}", "the host of an index is open for that only")
        try:
            other = await relay.reached(place, self._upstream)
        except PipAuthenticateError as error:
            return self._failed(f"{host}: {error}")
        except FAILED:
            return web.Response(status=502, text=f"{host} cannot be reached.\n")
        self._record.pass_unread(place.host)
        transport.write(_CONNECTED)
        relay.joined(transport, other)
        raise _taken_over(request)

    async def _plain(self, request: web.BaseRequest) -> web.StreamResponse:
        """A request by http for a host that is not guarded."""
        sent = CIMultiDict(passed_on(request.headers))
        sent.setdefault("Accept-Encoding", "identity")
        body = request.content if request.body_exists else None
        try:
            async with self._upstream.ask(request.method, request.raw_path, sent, None, body) as answer:
                headers = self._upstream.headers_of_others(answer)
                return await _streamed(request, answer, headers)
        except PipAuthenticateError as error:
            return self._failed(str(error))
        except FAILED:
            return web.Response(status=502, text="The host cannot be reached.\n")

    # ---- what is asked of an index ----

    async def _within(self, origin: Origin, request: web.BaseRequest) -> web.StreamResponse:
        """A request inside of a tunnel that is opened here."""
        return await self._inside(origin, request.raw_path, request)

    async def _inside(self, origin: Origin, target: str, request: web.BaseRequest) -> web.StreamResponse:
        asked = Request(request.method, origin, target, tuple(request.headers.items()))
        passage = self._fence.judge(asked)
        if isinstance(passage, Refusal):
            return self._refused(f"{request.method} {asked.shown}", passage.why)
        try:
            if isinstance(passage, Page):
                return await self._page(passage, asked)
            return await self._file(passage, asked, request)
        except PipAuthenticateError as error:
            return self._failed(str(error))
        except FAILED as error:
            return self._failed(f"{origin.host} did not answer: {type(error).__name__}")

    async def _page(self, page: Page, asked: Request) -> web.StreamResponse:
        if page.home.is_public and page.project:
            verdict = await self._guard.verdict(page.project)
            if verdict.owner:
                return web.Response(status=404, text=f"{page.project} is a name of {verdict.owner.source}.\n")
            if verdict.doubt:
                return self._failed(verdict.doubt)
            self._record.show_publicly(page.home, page.project)
        headers = {**_further(asked), "accept-encoding": "gzip, deflate"}
        async with self._upstream.ask(asked.method, asked.url, headers, page.home) as answer:
            if answer.status >= 400 or answer.status == 203:
                return await self._error(answer, page.home)
            content = await read(answer, PAGE_BYTES)
            if content is None:
                return self._failed(f"A page of {page.home.source} is too long")
            self._learn(page.home, asked.url, answer.status, content, answer.headers.get("content-type", ""))
            response = _response(_whole(self._upstream.headers_of(answer)), answer.status, web.Response())
            if asked.method == "GET":
                response.body = self._upstream.scrubbed_bytes(content)
            return response

    def _learn(self, index: Guarded, url: str, status: int, content: bytes, kind: str) -> None:
        if status == 200:
            self._links.learn(index, url, content, kind.lower())

    async def _file(self, file: File, asked: Request, request: web.BaseRequest) -> web.StreamResponse:
        link = await self._link(file, asked)
        if link is None and file.home is None and self._fence.is_public(asked.origin):
            headers = {**_further(asked), "accept-encoding": "identity"}
            async with self._upstream.ask(asked.method, asked.url, headers, None) as answer:
                return await _streamed(request, answer, self._upstream.headers_of_others(answer))
        if link is None:
            return self._refused(f"{asked.method} {asked.shown}", "no page of an index names it")
        headers = {**_further(asked), "accept-encoding": "identity"}
        async with self._upstream.ask(asked.method, asked.url, headers, link.home) as answer:
            if answer.status >= 400 or answer.status == 203:
                return await self._error(answer, link.home)
            is_fetched = asked.method == "GET" and file_name(asked.target) == link.file
            digest, sizes = hashlib.sha256(), [0]

            def see(piece: bytes) -> None:
                digest.update(piece)
                sizes[0] += len(piece)

            sent = await _streamed(request, answer, self._upstream.headers_of(answer), see)
            if is_fetched and answer.status == 200:
                seen = Fetched(link.file, link.home, digest.hexdigest(), sizes[0], is_seen=True)
                self._record.fetch(seen)
            elif is_fetched and (300 <= answer.status < 400 or answer.status == 206):
                self._record.fetch(Fetched(link.file, link.home, link.sha256, link.size, is_seen=False))
            return sent

    async def _link(self, file: File, asked: Request) -> Link | None:
        """The file that is asked for; where no page has shown it yet, pages are asked for it."""
        link = self._links.find(asked.origin, asked.target)
        project = project_of(file_name(asked.target))
        if link is None and project:
            own = [file.home] if file.home else self._fence.indexes
            for index in own:
                if index.url.origin != asked.origin:
                    continue
                await self._shown(index, project[0])
                link = self._links.find(asked.origin, asked.target)
                if link:
                    break
        if link is None and file.home and not file.home.is_public:
            return Link(file.home, file_name(asked.target).removesuffix(".metadata"), "")
        return link

    async def _shown(self, index: Guarded, project: str) -> None:
        """Read a page, once for everybody who waits for it."""
        key = (str(index.url), project)
        if key not in self._pages:
            self._pages[key] = asyncio.ensure_future(self._read_page(index, project))
        await asyncio.shield(self._pages[key])

    async def _read_page(self, index: Guarded, project: str) -> None:
        url = f"{str(index.url).rstrip('/')}/{project}/"
        headers = {"accept": ACCEPT, "accept-encoding": "gzip, deflate"}
        async with self._upstream.ask("GET", url, headers, index) as answer:
            content = await read(answer, PAGE_BYTES)
            if content is not None:
                self._learn(index, url, answer.status, content, answer.headers.get("content-type", ""))

    # ---- answers ----

    async def _error(self, answer: ClientResponse, index: Guarded) -> web.Response:
        """An error of an index, without what it may repeat of a secret."""
        status, content = answer.status, await read(answer, ERROR_BYTES)
        if status in _ASKS_FOR_LOGIN or status == 203:
            return self._failed(f"{index.source} does not accept the credential (status {status})", 403)
        response = _response(_whole(self._upstream.headers_of(answer)), status, web.Response())
        response.body = self._upstream.scrubbed_bytes(content or b"")
        return response

    def _refused(self, what: str, why: str) -> web.Response:
        self._record.refuse(what, why)
        return web.Response(status=403, text=f"Refused by pip-authenticate: {why}.\n")

    def _failed(self, why: str, status: int = 502) -> web.Response:
        self._record.fail(why)
        return web.Response(status=status, text=f"{why.rstrip('.')}.\n")


def _http(handler: Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]) -> web.Server:
    return web.Server(
        handler, access_log=None, keepalive_timeout=75, max_line_size=32 * 1024, max_field_size=32 * 1024
    )


async def _streamed(
    request: web.BaseRequest,
    answer: ClientResponse,
    headers: Iterable[tuple[str, str]],
    seen: Callable[[bytes], object] = lambda _: None,
) -> web.StreamResponse:
    """Hand an answer on while it comes.

    Args:
        request: whose answer it is.
        answer: of who was asked.
        headers: what is sent with it.
        seen: is shown every piece of the body.

    Raises:
        ConnectionError: the body broke off; so does the client's.
    """
    response = _response(headers, answer.status, web.StreamResponse())
    await response.prepare(request)
    try:
        async for piece in answer.content.iter_any():
            seen(piece)
            await response.write(piece)
    except FAILED:
        if request.transport:
            request.transport.abort()
        raise ConnectionResetError from None
    await response.write_eof()
    return response


def _taken_over(request: web.BaseRequest) -> asyncio.CancelledError:
    """Have what spoke HTTP on a connection leave it to others; what this gives ends its task."""
    request.protocol.transport = None  # it would close it
    request.protocol.connection_lost(None)
    return asyncio.CancelledError()


def _further(asked: Request) -> dict[str, str]:
    """What of a request's headers goes further."""
    kept = dict[str, str]()
    for name, value in asked.headers:
        key = name.lower()
        if key in HEADERS:
            kept[key] = f"{kept[key]}, {value}" if key in kept else value
    return kept


def _whole(headers: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """Headers of a body that is sent at once, which may have another length than it had."""
    return ((name, value) for name, value in headers if name.lower() != "content-length")


_Response = TypeVar("_Response", bound=web.StreamResponse)


def _response(headers: Iterable[tuple[str, str]], status: int, response: _Response) -> _Response:
    """An answer with an index's headers."""
    response.set_status(status)
    for name, value in headers:
        response.headers.add(name, value)
    return response
