"""The gateway's server: who comes in, whom they want, and what they are given."""

import asyncio
import ssl
from collections.abc import Awaitable, Mapping
from functools import partial
from typing import cast

from aiohttp import ClientResponse, web
from multidict import CIMultiDict
from yarl import URL

from pip_authenticate.errors import PipAuthenticateError
from pip_authenticate.gateway import relay
from pip_authenticate.gateway.accepting import takes_gzip
from pip_authenticate.gateway.entrance import Entrance
from pip_authenticate.gateway.fence import (
    UPLOAD_HEADERS,
    Fence,
    File,
    Guarded,
    Page,
    Refusal,
    Request,
    Upload,
)
from pip_authenticate.gateway.form import Form
from pip_authenticate.gateway.guard import ACCEPT, HEADERS, Guard, page_url
from pip_authenticate.gateway.links import Link, Links, file_name, project_of
from pip_authenticate.gateway.packing import ASKED_FOR, GZIP, unpacked
from pip_authenticate.gateway.record import Fetched, Passed, Record, Uploaded
from pip_authenticate.gateway.replies import HURRY_SECONDS, Replies, further, http, response, whole
from pip_authenticate.gateway.upstream import (
    ERROR_BYTES,
    FAILED,
    PAGE_BYTES,
    SendAgain,
    Upstream,
    coding_of,
    passed_on,
    read,
    read_as_it_is,
)
from pip_authenticate.origin import DEFAULT_PORTS, Origin

_HANDSHAKE_SECONDS = 10.0
_CONNECTED = b"HTTP/1.1 200 Connection established\r\n\r\n"


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
        self._replies = Replies(upstream, record)
        self._links = Links()
        self._pages = dict[tuple[str, str], asyncio.Task[None]]()
        self._inner = {origin: http(partial(self._within, origin), record.fail) for origin in fence.origins}

    async def serve(self, over: Awaitable[object]) -> None:
        """Answer until something is over."""
        loop = asyncio.get_running_loop()
        outer = http(self._outside, self._record.fail)
        listener = await loop.create_server(outer, sock=self._entrance.socket)
        try:
            await over
        finally:
            listener.close()
            for server in (outer, *self._inner.values()):
                await server.shutdown(HURRY_SECONDS)
            await self._upstream.close()

    # ---- what comes to the proxy itself ----

    async def _outside(self, request: web.BaseRequest) -> web.StreamResponse:
        peer = request.transport.get_extra_info("peername") if request.transport else None
        if not peer or not self._entrance.is_own(peer[:2]):
            return self._replies.refused("a connection", "it comes from another user of this machine")
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
            return self._replies.refused(request.method, "it names no http address")
        if self._fence.opens(place):
            target = request.raw_path[len("http://") :]
            target = target[target.find("/") :] if "/" in target else "/"
            return await self._inside(place, target, request)
        if self._fence.forbids(place):
            return self._replies.refused(
                f"http://{place.netloc}", "the host of an index is open for that only"
            )
        self._record.pass_unread(place.host)
        return await self._plain(request)

    async def _connect(self, request: web.BaseRequest) -> web.StreamResponse:
        host, _, port = request.raw_path.rpartition(":")
        host = host.removeprefix("[").removesuffix("]").lower()
        place = Origin("https", host, int(port) if port.isascii() and port.isdigit() else 0)
        transport = cast("asyncio.Transport", request.transport)
        if not host or not 0 < place.port < 65536:
            return self._replies.refused("a tunnel", "it leads to no host and port")
        if self._fence.opens(place):
            server = self._inner[place]
            self._upstream.expect(place)
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
            return self._replies.refused(f"{host}:{place.port}", "the host of an index is open for that only")
        try:
            other = await relay.reached(place, self._upstream)
        except PipAuthenticateError as error:
            return self._replies.failed(f"{host}: {error}")
        except FAILED:
            return web.Response(status=502, text=f"{host} cannot be reached.\n")
        self._record.pass_unread(place.host)
        transport.write(_CONNECTED)
        relay.joined(transport, other)
        raise _taken_over(request)

    async def _plain(self, request: web.BaseRequest) -> web.StreamResponse:
        """A request by http for a host that is not guarded."""
        if request.method == "TRACE":
            return self._replies.refused("TRACE", "a web proxy could show its own login in the answer")
        sent = CIMultiDict(passed_on(request.headers))
        sent.setdefault("Accept-Encoding", "identity")
        body = request.content if request.body_exists else None
        try:
            async with self._upstream.ask(request.method, request.raw_path, sent, None, body) as answer:
                headers = self._upstream.headers_of_others(answer)
                reply = response(headers, answer.status, web.StreamResponse())
                await self._replies.streamed(request, answer, reply)
                return reply
        except PipAuthenticateError as error:
            return self._replies.failed(str(error))
        except FAILED:
            return web.Response(status=502, text="The host cannot be reached.\n")

    # ---- what is asked of an index ----

    async def _within(self, origin: Origin, request: web.BaseRequest) -> web.StreamResponse:
        """A request inside of a tunnel that is opened here."""
        return await self._inside(origin, request.raw_path, request)

    async def _inside(self, origin: Origin, target: str, request: web.BaseRequest) -> web.StreamResponse:
        asked = self._fence.plain(Request(request.method, origin, target, tuple(request.headers.items())))
        passage = self._fence.judge(asked)
        if isinstance(passage, Refusal):
            return self._replies.refused(f"{request.method} {asked.shown}", passage.why)
        try:
            if isinstance(passage, Page):
                return await self._page(passage, asked, request)
            if isinstance(passage, Upload):
                return await self._upload(passage, asked, request)
            return await self._file(passage, asked, request)
        except PipAuthenticateError as error:
            return self._replies.failed(str(error))
        except FAILED as error:
            return self._replies.failed(f"{origin.host} did not answer: {type(error).__name__}")

    async def _page(self, page: Page, asked: Request, request: web.BaseRequest) -> web.StreamResponse:
        if page.home.is_public and page.project:
            verdict = await self._guard.verdict(page.project)
            if verdict.owner:
                return web.Response(status=404, text=f"{page.project} is a name of {verdict.owner.source}.\n")
            if verdict.doubt:
                return self._replies.failed(verdict.doubt)
            self._record.show_publicly(page.home, page.project)
        headers = {**further(asked.headers), "accept-encoding": ASKED_FOR}
        async with self._upstream.ask(asked.method, asked.url, headers, page.home) as answer:
            if answer.status >= 400 or answer.status == 203:
                return await self._replies.error(answer, page.home)
            came = await read_as_it_is(answer, PAGE_BYTES)
            coding = coding_of(answer)
            content = None if came is None else unpacked(came, coding, PAGE_BYTES)
            if came is None or content is None:
                return self._replies.failed(f"A page of {page.home.source} is too long")
            self._learn(page.home, asked.url, answer, content)
            reply = response(whole(self._upstream.headers_of(answer)), answer.status, web.Response())
            if asked.method == "GET":
                reply.body = shown = self._upstream.scrubbed_bytes(content)
                is_clean, accepted = shown == content, request.headers.get("accept-encoding", "")
                if is_clean and coding.lower() in GZIP and takes_gzip(accepted):
                    reply.body, reply.headers["content-encoding"] = came, coding
            return reply

    def _learn(self, index: Guarded, url: str, answer: ClientResponse, content: bytes) -> None:
        """Remember a page, if it is one."""
        if answer.status == 200:
            self._links.learn(index, url, content, answer.headers.get("content-type", "").lower())

    async def _file(self, file: File, asked: Request, request: web.BaseRequest) -> web.StreamResponse:
        link = await self._link(file, asked)
        headers = {**further(asked.headers), "accept-encoding": "identity"}
        if link is None and file.home is None and self._fence.is_public(asked.origin):
            async with self._upstream.ask(asked.method, asked.url, headers, None) as answer:
                shown = self._upstream.headers_of_others(answer)
                reply = response(shown, answer.status, web.StreamResponse())
                await self._replies.streamed(request, answer, reply)
                return reply
        if link is None:
            return self._replies.refused(f"{asked.method} {asked.shown}", "no page of an index names it")
        async with self._upstream.ask(asked.method, asked.url, headers, link.home) as answer:
            if answer.status >= 400 or answer.status == 203:
                return await self._replies.error(answer, link.home)
            is_fetched = asked.method == "GET" and file_name(asked.target) == link.file
            passed = Passed()
            reply = response(self._upstream.headers_of(answer), answer.status, web.StreamResponse())
            is_sent = await self._replies.streamed(request, answer, reply, passed.add)
            if not is_sent:
                return reply
            if is_fetched and answer.status == 200:
                seen = Fetched(link.file, link.home, passed.sha256, passed.size, is_seen=True)
                self._record.fetch(seen)
            elif is_fetched and (300 <= answer.status < 400 or answer.status == 206):
                self._record.fetch(Fetched(link.file, link.home, link.sha256, link.size, is_seen=False))
            return reply

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
        reading = self._pages.get(key)
        if reading is None or (reading.done() and not self._links.knows(project)):
            reading = self._pages[key] = asyncio.ensure_future(self._read_page(index, project))
        await asyncio.shield(reading)

    async def _read_page(self, index: Guarded, project: str) -> None:
        url = page_url(index, project)
        async with self._upstream.ask("GET", url, HEADERS, index) as answer:
            content = await read(answer, PAGE_BYTES)
            if content is not None:
                self._learn(index, url, answer, content)

    async def _upload(self, upload: Upload, asked: Request, request: web.BaseRequest) -> web.StreamResponse:
        """Publish a package, which is handed on while it comes."""
        form = Form(upload.boundary, upload.size)
        body = form.passing(request.content.iter_any())
        headers = further(asked.headers, UPLOAD_HEADERS)
        try:
            # What comes once cannot be repeated: a credential that has ended is found and renewed before.
            async with self._upstream.ask("GET", str(upload.home.url), {"accept": ACCEPT}, upload.home):
                pass
            async with self._upstream.ask(asked.method, asked.url, headers, upload.home, body) as answer:
                if not 200 <= answer.status < 300 or answer.status == 203:
                    return await self._replies.error(answer, upload.home)
                self._record.upload(Uploaded(form.file, upload.home, form.passed.sha256, form.passed.size))
                reply = response(whole(self._upstream.headers_of(answer)), answer.status, web.Response())
                reply.body = self._upstream.scrubbed_bytes(await read(answer, ERROR_BYTES) or b"")
                return reply
        except SendAgain:  # twine does so by itself after such a status (measured with 7.0.0)
            return web.Response(status=503, text="The credential was renewed; send it again.\n")
        except FAILED:
            if form.fault:
                return self._replies.refused(f"{asked.method} {asked.shown}", form.fault)
            raise


def _taken_over(request: web.BaseRequest) -> asyncio.CancelledError:
    """Have what spoke HTTP on a connection leave it to others; what this gives ends its task."""
    request.protocol.transport = None  # it would close it
    request.protocol.connection_lost(None)
    return asyncio.CancelledError()
