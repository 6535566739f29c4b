"""A feed of real wheels, by https and HTTP/2, and a wire of some length before it; a process of its own.

`python feed.py FOLDER WHEELS ONE_WAY_MILLISECONDS` writes what clients trust into a folder, prints the ports
of feed and wire as JSON, and ends with its standard input. The feed is a real nginx with files: what it
takes of the processors, which a real one would not share with its clients, is as little as can be.
"""

import asyncio
import base64
import gzip
import json
import os
import random
import socket
import ssl
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple, cast

import trustme
from packaging.utils import canonicalize_name

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))
from support.nginx import Nginx

TOKEN = "benchmark-feed-token"  # noqa: S105 - opens nothing
USER = "build"
FORMER = 200
"""Files of former versions that a page shows, as pages of the public index do."""
STREAM_BYTES = 200 * 1024 * 1024
STREAM = "stream/bench_stream-1.0-py3-none-any.whl"
"""A large file, for who measures memory; the page of bench-stream names it."""
AUTHORITY = "authority.pem"
JSON = "application/vnd.pypi.simple.v1+json"


_SERVER = """
map $http_accept $kind {{ default html; "~simple.v1.json" json; }}
server {{
    listen 127.0.0.1:{port} ssl http2;
    ssl_certificate {folder}/leaf.pem;
    ssl_certificate_key {folder}/key.pem;
    keepalive_requests 10000;
    root {folder}/www;
    types {{ {json} json; text/html html; }}
    default_type application/octet-stream;
    absolute_redirect off;
    if ($http_authorization != "Basic {login}") {{ return 401; }}
    location /simple/ {{
        gzip_static on;
        add_header Cache-Control max-age=600;
        rewrite [^/]$ $uri/ permanent;
        rewrite ^ ${{uri}}index.$kind break;
    }}
    location /files/ {{ sendfile on; }}
}}
"""
"""Pages in the form that is asked for, packed as they lie there, and files; for who knows the token."""


class File(NamedTuple):
    """A wheel, and what a page says of it.

    Args:
        path: where it lies.
        project: its normalised name.
        content: its bytes.
        metadata: what is in its METADATA.
    """

    path: Path
    project: str
    content: bytes
    metadata: bytes

    @classmethod
    def at(cls, path: Path) -> "File":
        """Read one."""
        project, version, *_ = path.name.split("-")
        with zipfile.ZipFile(path) as archive:
            metadata = archive.read(f"{project}-{version}.dist-info/METADATA")
        return cls(path, canonicalize_name(project), path.read_bytes(), metadata)


def page(file: File, chance: random.Random) -> tuple[bytes, bytes]:
    """The page of a project, with former versions, as JSON and as HTML."""
    module, newest, files = file.project.replace("-", "_"), file.path.name, list[dict[str, Any]]()
    for former in range(FORMER):
        kind = ("-py3-none-any.whl", ".tar.gz")[former % 2]
        files.append(
            {
                "filename": f"{module}-0.0.{former // 2}{kind}",
                "hashes": {"sha256": chance.randbytes(32).hex()},
                "core-metadata": {"sha256": chance.randbytes(32).hex()} if former % 2 == 0 else False,
            }
        )
    metadata = {"sha256": sha256(file.metadata).hexdigest()}
    files.append(
        {
            "filename": newest,
            "hashes": {"sha256": sha256(file.content).hexdigest()},
            "core-metadata": metadata,
        }
    )
    for one in files:
        one |= {
            "url": f"../../files/{file.project}/{one['filename']}",
            "requires-python": ">=3.8",
            "size": 100_000,
            "upload-time": "2024-02-03T04:05:06.789012Z",
            "yanked": False,
        }
    told = {"meta": {"api-version": "1.1"}, "name": file.project, "versions": [], "files": files}
    anchors = "\n".join(
        f'<a href="{one["url"]}#sha256={one["hashes"]["sha256"]}" data-requires-python="&gt;=3.8"'
        + (f' data-core-metadata="sha256={known["sha256"]}"' if (known := one["core-metadata"]) else "")
        + f">{one['filename']}</a><br/>"
        for one in files
    )
    return json.dumps(told).encode(), f"<!DOCTYPE html><html><body>{anchors}</body></html>".encode()


def _written(folder: Path, wheels: Path) -> None:
    """Have the feed's pages and files in a folder, as nginx finds them."""
    chance = random.Random(10)  # noqa: S311 - the same feed for everybody who measures
    for file in map(File.at, sorted(wheels.glob("*.whl"))):
        of_page, of_files = folder / "simple" / file.project, folder / "files" / file.project
        of_page.mkdir(parents=True)
        of_files.mkdir(parents=True)
        for kind, content in zip(("json", "html"), page(file, chance), strict=True):
            (of_page / f"index.{kind}").write_bytes(content)
            (of_page / f"index.{kind}.gz").write_bytes(gzip.compress(content, 6))
        (of_files / file.path.name).write_bytes(file.content)
        (of_files / f"{file.path.name}.metadata").write_bytes(file.metadata)
    of_page, large = folder / "simple" / "bench-stream", folder / "files" / STREAM
    of_page.mkdir()
    large.parent.mkdir()
    (of_page / "index.html").write_text(f'<a href="../../files/{STREAM}">stream</a>', encoding="ascii")
    large.touch()
    os.truncate(large, STREAM_BYTES)


@contextmanager
def serving(folder: Path, wheels: Path) -> Iterator[int]:
    """Have the feed on a port.

    Args:
        folder: is told what clients trust: this feed's authority, and those of the machine, as on every
            machine of a firm that has an authority.
        wheels: folder of what the feed has.
    """
    authority = trustme.CA()
    leaf = authority.issue_cert("127.0.0.1", "localhost")
    known = ssl.create_default_context().get_ca_certs(binary_form=True)
    trusted = [*map(ssl.DER_cert_to_PEM_cert, known), authority.cert_pem.bytes().decode("ascii")]
    (folder / AUTHORITY).write_text("".join(trusted), encoding="ascii")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory() as temporary:
        own = Path(temporary)
        own.chmod(0o755)  # nginx may read it as somebody else
        _written(own / "www", wheels)
        (own / "nginx").mkdir()
        leaf.private_key_pem.write_to_path(str(own / "key.pem"))
        leaf.cert_chain_pems[0].write_to_path(str(own / "leaf.pem"))
        login = base64.b64encode(f"{USER}:{TOKEN}".encode()).decode()
        server = _SERVER.format(port=port, folder=own, login=login, json=JSON)
        running = Nginx(own / "nginx", own / "packages", server, port)
        try:
            yield port
        finally:
            running.stop()


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


async def wire(port: int, seconds: float) -> None:
    """Lead to a port until standard input ends."""
    loop = asyncio.get_running_loop()
    far = await loop.create_server(lambda: _End(seconds, port), "127.0.0.1", 0, backlog=256)
    print(json.dumps([port, far.sockets[0].getsockname()[1]]), flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    with serving(Path(sys.argv[1]), Path(sys.argv[2])) as served:
        asyncio.run(wire(served, float(sys.argv[3]) / 1000))
