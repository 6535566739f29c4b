"""How long the gateway waits for others, and keeps others waiting: who hangs, or sends what takes long."""

import os
import socket
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, suppress
from pathlib import Path

import pytest
import trustme

from support.behind import Behind
from support.certificates import server_context
from support.command import Command
from support.door import Door
from support.http_service import Answer, Request, Service, serving
from support.patience import until

TOKEN = "patience-canary-51c7-token"
PIP_SECONDS = 15
"""What pip waits for an answer, unless it is told otherwise."""
HTML = [("Content-Type", "text/html")]


@pytest.fixture
def command(tmp_path: Path, authority_file: str) -> Command:
    one = Command(tmp_path)
    (tmp_path / "tmp").mkdir(mode=0o700)
    one.environ |= {"TMPDIR": str(tmp_path / "tmp"), "SSL_CERT_FILE": authority_file}
    return one


@pytest.fixture
def index(authority: trustme.CA) -> Iterator[Service]:
    """A private index with a page of one file, and a page that does not come."""

    def answer(request: Request) -> Answer:
        if request.path == "/simple/late/":
            return Answer(404, delay=60)
        return Answer(200, b'<a href="../../demo-1.0.tar.gz">x</a>', "OK", HTML)

    with serving(answer, server_context(authority, "127.0.0.1")) as service:
        yield service


@pytest.fixture
def silent() -> Iterator[int]:
    """The port of somebody who takes connections and never says a word."""
    held = list[socket.socket]()

    def accept() -> None:
        with suppress(OSError):
            while True:
                held.append(listener.accept()[0])

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=accept, daemon=True).start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
    for connection in held:
        connection.close()


def test_who_hangs_is_told_of_before_installers_stop_waiting(command: Command, silent: int) -> None:
    """An index that never begins with TLS, and a web proxy that never answers."""

    def asked(host: str, proxy: str) -> tuple[int, float, str]:
        one = Behind(command, TOKEN, f"https://{host}/simple/", HTTPS_PROXY=proxy)
        began = time.monotonic()
        status, _, body = one.get(f"https://{host}/simple/demo/")
        return status, time.monotonic() - began, f"{body.decode()} {one.end()}"

    with ThreadPoolExecutor() as several:
        direct = several.submit(asked, f"127.0.0.1:{silent}", "")
        tunnelled = several.submit(asked, "index.example", f"http://127.0.0.1:{silent}")
    for status, seconds, said in (direct.result(), tunnelled.result()):
        assert (status, said.count("did not answer: ConnectionTimeoutError")) == (502, 2)
        assert seconds < PIP_SECONDS - 2


def test_an_end_does_not_wait_for_who_is_still_being_answered(command: Command, index: Service) -> None:
    page = f"{index.url}/simple/late/"
    with ThreadPoolExecutor() as several:
        one = Behind(command, TOKEN, f"{index.url}/simple/")
        asking = several.submit(one.get, page)
        _until_asked(index, 1)
        assert _seconds_to_end(one) < 1
        assert isinstance(asking.exception(5), OSError)
        door = Door(command, TOKEN, f"{index.url}/simple/")
        with closing(door.opened("/simple/late/")):
            _until_asked(index, 2)
            assert _seconds_to_end(door) < 1


@pytest.mark.skipif(sys.platform != "linux", reason="Linux tells of processes in /proc")
@pytest.mark.parametrize("beginning", ["<a ", "<base "])
def test_a_page_of_beginnings_keeps_nobody_waiting(command: Command, index: Service, beginning: str) -> None:
    """It is taken apart while others are answered, and so in a time that grows with its length only."""
    index.routes["GET /simple/odd/"] = lambda _: Answer(200, beginning.encode() * 100_000, "OK", HTML)
    one = Behind(command, TOKEN, f"{index.url}/simple/")
    one.get(f"{index.url}/simple/odd/")
    began = cpu_seconds(one.process.pid)
    assert one.get(f"{index.url}/simple/demo/")[0] == 200
    assert one.get(f"{index.url}/demo-1.0.tar.gz")[0] == 200
    assert cpu_seconds(one.process.pid) - began < 2
    one.end()


def cpu_seconds(number: int) -> float:
    """What a process has computed so far (proc(5))."""
    fields = Path(f"/proc/{number}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_more_connections_than_the_system_allows_are_told_of_in_a_line(
    command: Command, index: Service
) -> None:
    """And once they are gone, everybody comes in as before."""
    few = ("sh", "-c", 'ulimit -n 64; exec "$@"', "sh")
    one = Behind(command, TOKEN, f"{index.url}/simple/", started_by=few)
    with ExitStack() as crowd:
        for _ in range(80):
            crowd.enter_context(one.door())
        time.sleep(0.5)
    assert one.get(f"{index.url}/simple/demo/")[0] == 200
    said = one.end()
    assert said.count("socket.accept() out of system resource") == 1
    assert "Traceback" not in said


def _until_asked(index: Service, times: int) -> None:
    until(lambda: sum(request.path == "/simple/late/" for request in index.requests) >= times, 5.0)


def _seconds_to_end(one: Behind | Door) -> float:
    began = time.monotonic()
    assert one.end()
    return time.monotonic() - began
