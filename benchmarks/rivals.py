"""What other programs between a client and a feed do that this one must not: facts, each seen in this run.

Every program stands before the same two indexes by plain http on loopback: a private one, which asks for a
credential and has `owned` 1.0, and a public one, on which a stranger has published `owned` 99.0.
"""

import base64
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import NamedTuple

from feed import TOKEN, USER, File, wheel
from installs import COMMAND, RIVALS, UV, Started, installed, up

NAME = "owned"
_ASKING = """
import base64, http.client, json, os, sys
from urllib.parse import urljoin, urlsplit

def ask(url, **headers):
    place = urlsplit(url)
    connection = http.client.HTTPConnection(place.hostname, place.port)
    if place.username:
        pair = base64.b64encode(f"{place.username}:{place.password}".encode()).decode()
        headers["Authorization"] = f"Basic {pair}"
    connection.request("GET", place.path, headers=headers)
    answer = connection.getresponse()
    return answer.status, answer.getheader("Location") or "", answer.read()

page = urljoin(os.environ["PIP_INDEX_URL"], "owned/")
status, _, body = ask(page, Accept="text/html")
found = next(part for part in body.decode().split('"') if "owned-1.0" in part).partition("#")[0]
file = urljoin(page, found)
if not urlsplit(file).username and urlsplit(page).username:
    file = file.replace("://", "://" + urlsplit(page).netloc.rpartition("@")[0] + "@")
print(json.dumps(ask(file, Range="bytes=0-99")[:2]))
"""
"""Asks for the first bytes of the private wheel; prints the answer's status and Location."""

_SEARCHING = """
import base64, pathlib, sys

def holds(path):
    try:
        content = path.read_bytes()
    except OSError:
        return False
    return any(text in content for text in texts)

token = base64.b64decode(sys.argv[1])
texts = (token, base64.b64encode(b"build:" + token))
home = pathlib.Path.home()
processes = list(pathlib.Path("/proc").glob("[0-9]*"))
kinds = [kind for kind in ("environ", "cmdline") if any(holds(path / kind) for path in processes)]
found = {f"{kind} of a process" for kind in kinds}
found |= {f"file {path.name}" for path in home.iterdir() if path.is_file() and holds(path)}
print(", ".join(sorted(found)) or "nowhere")
"""
"""Looks for a credential as the code of a package can, and prints where there is one."""


class _Index(ThreadingHTTPServer):
    """An index with one project of one file.

    Args:
        version: of the file.
        size: of what it holds, in bytes.
        is_private: whether it asks for a credential.
    """

    daemon_threads = True

    def __init__(self, version: str, size: int, *, is_private: bool) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.file: File = wheel(NAME, version, (), {"data.bin": os.urandom(size)})
        self.is_private = is_private
        self.is_expired = False
        self.delay = 0.0
        self.sent = 0
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def url(self, login: str = "") -> str:
        """Its address, with a login where it is given."""
        return f"http://{login}127.0.0.1:{self.server_port}/simple/"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Index

    def do_GET(self) -> None:
        index = self.server
        known = not index.is_private or (
            self.headers.get("Authorization", "").startswith("Basic ") and not index.is_expired
        )
        link = f'<a href="/files/{index.file.name}">{index.file.name}</a>'
        if not known:
            self._answer(401, b"")
        elif self.path.startswith(f"/simple/{NAME}"):
            self._answer(200, f"<!DOCTYPE html><html><body>{link}</body></html>".encode(), "text/html")
        elif self.path == f"/files/{index.file.name}":
            time.sleep(index.delay if self.command == "GET" else 0)
            asked = self.headers.get("Range", "").removeprefix("bytes=").partition("-")
            if asked[0]:
                first, last = int(asked[0]), min(int(asked[2] or 1 << 40), len(index.file.content) - 1)
                part = index.file.content[first : last + 1]
                self._answer(206, part, of=f"bytes {first}-{last}/{len(index.file.content)}")
            else:
                self._answer(200, index.file.content)
        else:
            self._answer(404, b"")

    do_HEAD = do_GET  # noqa: N815 - the name that the library calls

    def _answer(self, status: int, body: bytes, kind: str = "application/octet-stream", of: str = "") -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Accept-Ranges", "bytes")
        if of:
            self.send_header("Content-Range", of)
        self.end_headers()
        if self.command == "HEAD":
            return
        if kind != "text/html":
            self.server.sent += len(body)
        self.wfile.write(body)

    def log_message(self, *_arguments: object) -> None:
        """Stay silent."""


class Seen(NamedTuple):
    """What a program did, for people."""

    taken: str
    taken_then: str
    location: str
    read: str
    resolved: str
    found: str


@contextmanager
def _serve(private: _Index, public: _Index, plain: Mapping[str, str]) -> Iterator[Started]:
    command = [
        COMMAND,
        "serve",
        "--port",
        "0",
        "--client",
        "pip",
        "--public",
        public.url(),
        private.url(),
        "--",
    ]
    yield Started(command, {**plain, "PIP_AUTHENTICATE_TOKEN": TOKEN})


def _programs(folder: Path) -> dict[str, Callable[..., AbstractContextManager[Started]]]:
    rivals = {name: installed(folder / name, needed) for name, needed in RIVALS.items()}

    @contextmanager
    def proxpi(private: _Index, public: _Index, plain: Mapping[str, str]) -> Iterator[Started]:
        with tempfile.TemporaryDirectory() as cache:
            environ = {
                **plain, "PROXPI_CACHE_DIR": cache, "PROXPI_INDEX_URL": private.url(f"{USER}:{TOKEN}@"),
                "PROXPI_EXTRA_INDEX_URLS": public.url(),
            }  # fmt: skip
            program = [str(rivals["proxpi"] / "gunicorn"), "--threads", "4", "proxpi.server:app", "--bind"]
            with up([*program, "127.0.0.1:{}"], environ) as port:
                yield Started([], {**plain, "PIP_INDEX_URL": f"http://127.0.0.1:{port}/index/"})

    @contextmanager
    def srs(private: _Index, public: _Index, plain: Mapping[str, str]) -> Iterator[Started]:
        netrc = Path(plain["HOME"], "netrc")
        netrc.write_text(f"machine 127.0.0.1 login {USER} password {TOKEN}\n", encoding="ascii")
        name = "simple-repository-server"
        program = [str(rivals[name] / name), "--stream-http-resources", private.url(), public.url()]
        with up([*program, "--host", "127.0.0.1", "--port", "{}"], {**plain, "NETRC": str(netrc)}) as port:
            yield Started([], {**plain, "PIP_INDEX_URL": f"http://127.0.0.1:{port}/simple/"})

    return {"serve": _serve, "proxpi": proxpi, "simple-repository-server": srs}


def facts() -> None:
    """Print the rows."""
    with tempfile.TemporaryDirectory() as home:
        plain = {"PATH": os.defpath, "HOME": home, "PIP_CONFIG_FILE": os.devnull, "PIP_NO_CACHE_DIR": "1"}
        python = str(installed(Path(home, "client"), ("pip", UV)) / "python")
        seen = {name: _seen(one, plain, python) for name, one in _programs(Path(home)).items()}
    rows = {
        "pip takes of the private 1.0 and the public 99.0": ("1.0", "taken"),
        "the same once the private index does not accept the credential": ("nothing", "taken_then"),
        "the credential in the answer where a file takes 1.5 s": ("no", "location"),
        "bytes that are read of a file of 2 MB where 100 are asked for": ("100", "read"),
        "where code that a client runs finds the credential": ("nowhere", "found"),
        "bytes that are read of it where uv resolves, without metadata on the page": ("100,000", "resolved"),
    }
    for name, (budget, field) in rows.items():
        told = "; ".join(f"{program}: {getattr(one, field)}" for program, one in seen.items())
        print(f"| {name} | {budget} | {told} | |", flush=True)


def _seen(
    program: Callable[..., AbstractContextManager[Started]], plain: Mapping[str, str], python: str
) -> Seen:
    """What a program does, started anew for each fact."""
    public = _Index("99.0", 1000, is_private=False)

    def private(**how: object) -> _Index:
        index = _Index("1.0", 2_000_000, is_private=True)
        for name, value in how.items():
            setattr(index, name, value)
        return index

    def output(started: Started, *command: str) -> str:
        ended = subprocess.run(
            [*started.around, *command], env=started.environ, capture_output=True, text=True, check=False
        )
        return ended.stdout if ended.returncode == 0 else ""

    def taken(index: _Index) -> str:
        with tempfile.TemporaryDirectory() as place, program(index, public, plain) as started:
            output(
                started, python, "-m", "pip", "download", "--retries", "0", "--no-input", "-qd", place, NAME
            )
            return ", ".join(file.name.split("-")[1] for file in Path(place).iterdir()) or "nothing"

    def asked(index: _Index) -> tuple[int, str]:
        with program(index, public, plain) as started:
            told = output(started, sys.executable, "-I", "-c", _ASKING)
            status, location = json.loads(told) if told else sys.exit("nobody was asked for a file")
        return status, location

    def resolved(index: _Index) -> str:
        with tempfile.NamedTemporaryFile("w", suffix=".in") as file, program(index, public, plain) as started:
            file.write(f"{NAME}==1.0")
            file.flush()
            given = {"UV_NO_CONFIG": "1", "UV_DEFAULT_INDEX": started.environ.get("PIP_INDEX_URL", "")}
            command = ["-m", "uv", "pip", "compile", "--no-cache", "-q", file.name]
            environ = {**started.environ, **given} if not started.around else started.environ
            if not output(Started(started.around, environ), python, *command):
                return "it fails"
        return f"{index.sent:,}"

    def found(index: _Index) -> str:
        with program(index, public, plain) as started:
            told = base64.b64encode(TOKEN.encode()).decode()
            return output(started, sys.executable, "-I", "-c", _SEARCHING, told).strip()

    slow, ranged = private(delay=1.5), private()
    location = asked(slow)[1]
    asked(ranged)
    return Seen(
        taken(private()),
        taken(private(is_expired=True)),
        "yes" if TOKEN in location else "no",
        f"{ranged.sent:,}",
        resolved(private()),
        found(private()),
    )


if __name__ == "__main__":
    facts()
