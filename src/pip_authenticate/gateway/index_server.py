"""The second door's server: an index on loopback, made of private and public ones."""

import asyncio
import weakref
from collections.abc import Awaitable
from typing import NamedTuple
from urllib.parse import unquote

from aiohttp import ClientResponse, web
from packaging.utils import canonicalize_name

from pip_authenticate.errors import PipAuthenticateError
from pip_authenticate.gateway import accepting, wheel_metadata
from pip_authenticate.gateway.downloads import Downloads
from pip_authenticate.gateway.entrance import Entrance
from pip_authenticate.gateway.fence import NAME, Request, changing, malformed
from pip_authenticate.gateway.record import Fetched, Passed, Record
from pip_authenticate.gateway.replies import Replies, further, http, response, whole
from pip_authenticate.gateway.shelf import Doubt, Place, Shelf
from pip_authenticate.gateway.upstream import FAILED, Upstream

_METADATA = ".metadata"
_FOR_PEOPLE = "text/html"
_MISSING = frozenset({404, 410})
_REPLACED = frozenset({"etag", "cache-control", "expires", "age", "vary", "last-modified", "location"})
"""Headers of a blob store that are not those of bytes that never change."""


class _File(NamedTuple):
    """What a file's address says.

    Args:
        digest: what its page says of it, or shelf.UNKNOWN.
        project: whose page names it.
        name: of the file.
        suffix: of what is asked for: the file itself, or `.metadata` (PEP 658).
    """

    digest: str
    project: str
    name: str
    suffix: str


class IndexServer:
    """Answers as an index does.

    Args:
        entrance: where clients come in.
        shelf: has the pages.
        upstream: asks the indexes.
        record: is told what happens.
    """

    def __init__(self, entrance: Entrance, shelf: Shelf, upstream: Upstream, record: Record) -> None:
        self._entrance = entrance
        self._shelf = shelf
        self._upstream = upstream
        self._record = record
        self._replies = Replies(upstream, record)
        self._downloads = Downloads(upstream)
        self._own = weakref.WeakSet[asyncio.BaseTransport]()
        self._heard = weakref.WeakSet[asyncio.BaseTransport]()

    async def serve(self, over: Awaitable[object]) -> None:
        """Answer until something is over."""
        server = http(self._answer, self._record.fail, ends_with_client=True)
        listener = await asyncio.get_running_loop().create_server(server, sock=self._entrance.socket)
        try:
            await over
        finally:
            listener.close()
            await server.shutdown(0)
            await self._upstream.close()

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        if not self._is_own(request):
            return self._replies.refused("a connection", "it comes from another user of this machine")
        asked = Request(
            request.method, self._entrance.origin, request.raw_path, tuple(request.headers.items())
        )
        wrong = malformed(asked) or changing(asked)
        if wrong:
            return self._replies.refused(f"{asked.method} {asked.shown}", wrong)
        if not self._entrance.knows(request.headers.get("Authorization", "")):
            challenge = {"WWW-Authenticate": 'Basic realm="pip-authenticate"'}
            return web.Response(status=401, text="This index serves one command.\n", headers=challenge)
        self._hear_of(request.transport)
        try:
            return await self._found(asked, request)
        except (Doubt, PipAuthenticateError) as error:
            return self._replies.failed(str(error))
        except FAILED as error:
            return self._replies.failed(f"An index did not answer: {type(error).__name__}")

    async def _found(self, asked: Request, request: web.BaseRequest) -> web.StreamResponse:
        """What an address stands for."""
        match [unquote(part) for part in asked.target.split("/")[1:]]:
            case ["simple", ""]:
                return await self._page("", asked)
            case ["simple", name, ""] if NAME.fullmatch(name):
                return await self._page(canonicalize_name(name), asked)
            case ["simple", name] if NAME.fullmatch(name):
                return web.Response(status=301, headers={"Location": f"{name}/"})
            case ["files", digest, project, name] if NAME.fullmatch(project):
                stem = name.removesuffix(_METADATA)
                file = _File(digest, canonicalize_name(project), stem, name[len(stem) :])
                return await self._file(file, asked, request)
        what = f"{asked.method} {asked.shown}"
        return self._replies.refused(what, "it is no address of this index", 404)

    def _is_own(self, request: web.BaseRequest) -> bool:
        """Whether a connection comes from a user who may come in; each is looked at once."""
        transport = request.transport
        if transport is None:
            return False
        if transport not in self._own:
            peer = transport.get_extra_info("peername")
            if not peer or not self._entrance.is_own(peer[:2]):
                return False
            self._own.add(transport)
        return True

    def _hear_of(self, transport: asyncio.BaseTransport | None) -> None:
        """Expect requests by a connection of who may ask; once for each."""
        if transport is not None and transport not in self._heard:
            self._heard.add(transport)
            for origin in self._shelf.origins:
                self._upstream.expect(origin)

    # ---- pages ----

    async def _page(self, project: str, asked: Request) -> web.StreamResponse:
        headers = dict[str, str]()
        for name, value in asked.headers:
            key = name.lower()
            headers[key] = f"{headers[key]}, {value}" if key in headers else value
        kind = accepting.chosen(headers.get("accept", ""))
        if not kind:
            return web.Response(status=406, text="Pages are HTML (PEP 503) or JSON (PEP 691).\n")
        kept = await self._shelf.page(project)
        if kept is None:
            return web.Response(status=404, text=f"No index has {project}.\n")
        content, tag = kept.form(kind)
        reply = web.Response(
            headers={
                "Content-Type": kind,
                "ETag": tag,
                "Cache-Control": "no-cache",  # who asks again gets an answer of a few bytes
                "Vary": "Accept",
            }
        )
        if _names(headers.get("if-none-match", ""), tag):
            reply.set_status(304)
        elif asked.method == "GET":
            reply.body = content
        else:
            reply.headers["Content-Length"] = str(len(content))
        return reply

    # ---- files ----

    async def _file(self, file: _File, asked: Request, request: web.BaseRequest) -> web.StreamResponse:
        kept = await self._shelf.page(file.project)
        place = kept.place(file.digest, file.name) if kept else None
        if place is None:
            return self._replies.refused(f"{asked.method} {asked.shown}", "no page names it", 404)
        tag = f'"{place.sha256}{file.suffix}"' if place.sha256 else ""
        headers = {**further(asked.headers), "accept-encoding": "identity"}
        if tag:  # the index's own tags are never seen
            if _names(headers.pop("if-none-match", ""), tag):
                return _tagged(web.Response(status=304), tag)
            if headers.pop("if-range", tag) != tag:
                headers.pop("range", None)
            headers.pop("if-modified-since", None)
        path, _, query = place.url.partition("?")
        url = path + file.suffix + (f"?{query}" if query else "")
        async with self._downloads.opened(asked.method, url, headers, place.home) as answer:
            if file.suffix and answer.status in _MISSING and file.name.endswith(".whl"):
                return await self._metadata(file, place, tag, asked)
            if answer.status == 416:
                return response(whole(self._upstream.headers_of(answer)), 416, web.Response())
            if answer.status == 203 or answer.status >= 400:
                return await self._replies.error(answer, place.home)
            kind = answer.headers.get("content-type", "")
            if answer.status not in {200, 206, 304} or (
                answer.status == 200 and kind.startswith(_FOR_PEOPLE)
            ):
                return self._replies.failed(f"{place.home.source} answers with no file: {file.name}")
            return await self._sent(file, place, tag, answer, request)

    async def _metadata(self, file: _File, place: Place, tag: str, asked: Request) -> web.StreamResponse:
        """What a page promises, and its index has not: pip ends where it is not found."""
        async with self._downloads.opened("GET", place.url, {}, place.home) as answer:
            if answer.status != 200:
                return await self._replies.error(answer, place.home)
            content = await wheel_metadata.read(answer, place.sha256)
        if content is None:
            return self._replies.failed(f"{place.home.source} sent another {file.name} than its page names")
        reply = web.Response(body=content if asked.method == "GET" else None)
        return _tagged(reply, tag) if tag else reply

    async def _sent(
        self, file: _File, place: Place, tag: str, answer: ClientResponse, request: web.BaseRequest
    ) -> web.StreamResponse:
        """Hand a file on, or a part of it."""
        shown = self._upstream.headers_of(answer)
        reply: web.StreamResponse = web.StreamResponse()
        if tag:
            shown = [pair for pair in shown if pair[0].lower() not in _REPLACED]
            reply = _tagged(reply, tag)
        response(shown, answer.status, reply)
        if request.method == "HEAD" or answer.status == 304:
            await reply.prepare(request)
            await reply.write_eof()
            return reply
        passed = Passed()

        def is_right() -> bool:
            if passed.sha256 == place.sha256:
                return True
            self._record.fail(f"{place.home.source} sent another {file.name} than its page names")
            return False

        is_whole = answer.status == 200 and not file.suffix
        checked = is_right if is_whole and tag else None
        if not await self._replies.streamed(request, answer, reply, passed.add, checked):
            return reply
        if is_whole:
            seen = Fetched(file.name, place.home, passed.sha256, passed.size, is_seen=True)
            self._record.fetch(seen)
        elif answer.status == 206:
            self._record.fetch(Fetched(file.name, place.home, place.sha256, None, is_seen=False))
        return reply


def _tagged(reply: web.StreamResponse, tag: str) -> web.StreamResponse:
    """A reply about bytes that never change: their digest is part of their address."""
    reply.headers["ETag"] = tag
    reply.headers["Cache-Control"] = "max-age=31536000, immutable"
    return reply


def _names(header: str, tag: str) -> bool:
    """Whether a list of tags has one (RFC 9110, section 13.1.2)."""
    known = {one.strip().removeprefix("W/") for one in header.split(",")}
    return tag in known or "*" in known
