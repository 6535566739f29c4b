"""A feed of many projects, by https, and a wire of some length before it; a process of its own.

`python feed.py FOLDER ONE_WAY_MILLISECONDS` writes the feed's certificate authority and the list of projects
into a folder, prints the ports of feed and wire as JSON, and ends with its standard input.
"""

import asyncio
import base64
import gzip
import io
import json
import random
import ssl
import sys
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple, cast

import trustme
from aiohttp import web

TOKEN = "benchmark-feed-token"  # noqa: S105 - opens nothing
USER = "build"
ROOTS, PROJECTS = 22, 45
"""Projects that are asked for, and all that come with them."""
FORMER = 200
"""Files of former versions that a page shows, as pages of the public index do."""
WHEELS_BYTES, STREAM_BYTES = 22_000_000, 200 * 1024 * 1024
STREAM = "stream/bench_stream-1.0-py3-none-any.whl"
"""A large file, for who measures memory; the page of bench-stream names it."""
AUTHORITY = "authority.pem"
JSON = "application/vnd.pypi.simple.v1+json"


class File(NamedTuple):
    """A file of the newest version, and what a page says of it."""

    name: str
    content: bytes
    metadata: bytes


def name_of(number: int) -> str:
    """What a project is called."""
    return f"bench-project-{number:02}"


def _needs(number: int) -> Iterator[int]:
    """What a project depends on: each rank on the next one, so that clients learn of them one by one."""
    if number < ROOTS:
        yield ROOTS + number % 11
    elif number < ROOTS + 11:
        yield number + 11
    elif number < PROJECTS - 1:
        yield PROJECTS - 1


def _sizes(chance: random.Random) -> list[int]:
    """Bytes of each wheel, as they are: few are large."""
    shares = [min(chance.paretovariate(1.2), 12) for _ in range(PROJECTS)]
    return [int(share / sum(shares) * WHEELS_BYTES) for share in shares]


def wheel(name: str, version: str, needs: Iterable[str], payload: bytes) -> File:
    """A wheel that installs."""
    module = name.replace("-", "_")
    stem = f"{module}-{version}"
    told = "".join(f"Requires-Dist: {other}\n" for other in needs)
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{told}".encode()
    tag = b"Wheel-Version: 1.0\nGenerator: bench\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    parts = {
        f"{module}.py": b"",
        f"{module}_data.bin": payload,
        f"{stem}.dist-info/METADATA": metadata,
        f"{stem}.dist-info/WHEEL": tag,
    }
    listed = "".join(f"{path},,\n" for path in [*parts, f"{stem}.dist-info/RECORD"])
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for path, content in (parts | {f"{stem}.dist-info/RECORD": listed.encode()}).items():
            archive.writestr(path, content)
    return File(f"{stem}-py3-none-any.whl", packed.getvalue(), metadata)


def page(number: int, file: File, chance: random.Random) -> tuple[bytes, bytes]:
    """The page of a project, as JSON and as HTML."""
    files = list[dict[str, Any]]()
    for former in range(FORMER):
        kind = ("-py3-none-any.whl", ".tar.gz")[former % 2]
        files.append(
            {
                "filename": f"{name_of(number).replace('-', '_')}-0.{former // 2}{kind}",
                "hashes": {"sha256": chance.randbytes(32).hex()},
                "core-metadata": {"sha256": chance.randbytes(32).hex()} if former % 2 == 0 else False,
            }
        )
    metadata = {"sha256": sha256(file.metadata).hexdigest()}
    files.append(
        {
            "filename": file.name,
            "hashes": {"sha256": sha256(file.content).hexdigest()},
            "core-metadata": metadata,
        }
    )
    for one in files:
        one |= {
            "url": f"../../files/{number}/{one['filename']}",
            "requires-python": ">=3.8",
            "size": 100_000,
            "upload-time": "2024-02-03T04:05:06.789012Z",
            "yanked": False,
        }
    told = {"meta": {"api-version": "1.1"}, "name": name_of(number), "versions": ["1.0"], "files": files}
    anchors = "\n".join(
        f'<a href="{one["url"]}#sha256={one["hashes"]["sha256"]}" data-requires-python="&gt;=3.8"'
        + (f' data-core-metadata="sha256={known["sha256"]}"' if (known := one["core-metadata"]) else "")
        + f">{one['filename']}</a><br/>"
        for one in files
    )
    return json.dumps(told).encode(), f"<!DOCTYPE html><html><body>{anchors}</body></html>".encode()


class Feed:
    """Answers whoever knows the token."""

    def __init__(self) -> None:
        chance = random.Random(10)  # noqa: S311 - the same feed for everybody who measures
        self._pages = dict[str, tuple[bytes, bytes]]()
        self._files = dict[str, bytes]()
        for number, size in enumerate(_sizes(chance)):
            needs = map(name_of, _needs(number))
            file = wheel(name_of(number), "1.0", needs, chance.randbytes(size))
            self._pages[name_of(number)] = page(number, file, chance)
            self._files[f"{number}/{file.name}"] = file.content
            self._files[f"{number}/{file.name}.metadata"] = file.metadata
        link = f'<a href="../../files/{STREAM}">stream</a>'.encode()
        self._pages["bench-stream"] = (b"{}", link)
        self._packed = {
            name: (gzip.compress(as_json, 6), gzip.compress(as_html, 6))
            for name, (as_json, as_html) in self._pages.items()
        }
        self._expected = "Basic " + base64.b64encode(f"{USER}:{TOKEN}".encode()).decode()

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request."""
        if request.headers.get("Authorization") != self._expected:
            return web.Response(status=401, headers={"WWW-Authenticate": "Basic"})
        _, kind, rest = request.path.split("/", 2)
        name = rest.rstrip("/")
        if rest == STREAM:
            return await _stream(request)
        if kind == "simple" and name in self._pages:
            return self._page(name, request)
        content = self._files.get(name) if kind == "files" else None
        if content is None:
            return web.Response(status=404)
        headers = {"Content-Type": "application/octet-stream", "Accept-Ranges": "bytes"}
        part = request.http_range
        if part.start is None and part.stop is None:
            return web.Response(body=content, headers=headers)
        first, last, _ = part.indices(len(content))
        headers["Content-Range"] = f"bytes {first}-{last - 1}/{len(content)}"
        return web.Response(status=206, body=content[first:last], headers=headers)

    def _page(self, name: str, request: web.BaseRequest) -> web.Response:
        is_packed = "gzip" in request.headers.get("Accept-Encoding", "")
        is_json = JSON in request.headers.get("Accept", "")
        headers = {"Content-Type": JSON if is_json else "text/html", "Cache-Control": "max-age=600"}
        if is_packed:
            headers["Content-Encoding"] = "gzip"
        as_json, as_html = (self._packed if is_packed else self._pages)[name]
        return web.Response(body=as_json if is_json else as_html, headers=headers)


async def _stream(request: web.BaseRequest) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Length": str(STREAM_BYTES)})
    await response.prepare(request)
    piece = bytes(1024 * 1024)
    for _ in range(STREAM_BYTES // len(piece)):
        await response.write(piece)
    return response


class _End(asyncio.Protocol):
    """One end of a wire: what it hears is said at the other end a while later, in order."""

    def __init__(self, seconds: float, port: int = 0) -> None:
        self._seconds = seconds
        self._port = port
        self._transport: asyncio.Transport | None = None
        self._opening: asyncio.Task[None] | None = None
        self._queue = asyncio.Queue[bytes]()
        self.other: _End | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        if self._port:
            self._opening = asyncio.ensure_future(self._open())

    async def _open(self) -> None:
        """Reach the other side; the greeting of TCP, which loopback gave at once, takes one round trip."""
        await asyncio.sleep(2 * self._seconds)
        loop, other = asyncio.get_running_loop(), _End(self._seconds)
        with suppress(OSError):
            await loop.create_connection(lambda: other, "127.0.0.1", self._port)
        self.other, other.other = other, self
        while not self._queue.empty():
            self.data_received(self._queue.get_nowait())

    def data_received(self, data: bytes) -> None:
        if self.other is None:
            self._queue.put_nowait(data)
        else:
            asyncio.get_running_loop().call_later(self._seconds, self.other.say, data)

    def say(self, data: bytes) -> None:
        if self._transport and not self._transport.is_closing():
            self._transport.write(data)

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        if self.other:
            asyncio.get_running_loop().call_later(self._seconds, self.other.hang_up)

    def hang_up(self) -> None:
        """End this side, too."""
        if self._transport:
            self._transport.close()


async def serve(folder: Path, seconds: float) -> None:
    """Serve until standard input ends."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(folder / AUTHORITY))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1", "localhost").configure_cert(context)
    loop = asyncio.get_running_loop()
    server = web.Server(Feed().answer, access_log=None, keepalive_timeout=75)
    feed = await loop.create_server(server, "127.0.0.1", 0, ssl=context, backlog=256)
    port = feed.sockets[0].getsockname()[1]
    wire = await loop.create_server(lambda: _End(seconds, port), "127.0.0.1", 0, backlog=256)
    print(json.dumps([port, wire.sockets[0].getsockname()[1]]), flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1]), float(sys.argv[2]) / 1000))
