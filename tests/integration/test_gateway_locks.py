"""Behind the gateway: lock files are those of a direct run, and many clients at once are served alike."""

import os
import re
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from hashlib import sha256
from pathlib import Path

import pytest

from azure_devops_emulator import Organization, Service
from support.behind import Behind
from support.command import Command
from support.http_service import Answer, Raw, serving
from support.programs import QUIET, Programs

TOKEN = "lock-canary-55aa-token"
ORGANIZATION = f"""
[organization]
name = "fabrikam"
[[projects]]
name = "alpha"
[[feeds]]
name = "one"
packages = ["AlphaPackage==1.0.0", "BetaPackage==2.0.0"]
[feeds.roles]
"Ada Palmer" = "Feed Owner"
[[identities]]
name = "Ada Palmer"
[[identities.tokens]]
label = "Ada's"
value = "{TOKEN}"
scopes = ["app_token"]
"""


@pytest.fixture
def service() -> Iterator[Service]:
    with Service(Organization.parse(ORGANIZATION), https=True) as one:
        yield one


@pytest.fixture
def command(tmp_path: Path, service: Service) -> Command:
    one = Command(tmp_path)
    authorities = tmp_path / "authorities.pem"
    authorities.write_bytes(service.ca_pem)
    one.environ |= QUIET | {
        "TMPDIR": str(tmp_path),
        "PIP_AUTHENTICATE_TOKEN": TOKEN,
        **dict.fromkeys(("SSL_CERT_FILE", "PIP_CERT", "REQUESTS_CA_BUNDLE"), str(authorities)),
    }
    return one


@pytest.mark.slow
def test_a_lock_of_uv_is_that_of_a_direct_run(command: Command, service: Service, programs: Programs) -> None:
    feed = service.resolve("{feed:one}")
    command.environ["PATH"] = f"{programs.place('uv')}{os.pathsep}{command.environ['PATH']}"
    command.write(
        "pyproject.toml",
        '[project]\nname = "sample"\nversion = "1"\nrequires-python = ">=3.10"\n'
        f'dependencies = ["AlphaPackage"]\n[[tool.uv.index]]\nname = "one"\nurl = "{feed}"\ndefault = true\n',
    )
    lock, locks = command.project / "uv.lock", []
    for way in ("gateway", "env"):
        ended = command("run", "--via", way, "--indexes", feed, "--", "uv", "lock")
        assert ended.returncode == 0, ended.stderr
        locks.append(lock.read_bytes())
        lock.unlink()
    assert locks[0] == locks[1]
    assert feed.rstrip("/").encode() in locks[0]
    lock.write_bytes(locks[0])
    service.log.clear()
    for words in (
        ("sync", "--frozen"),
        ("sync", "--locked"),
        ("add", "BetaPackage"),
        ("run", "python", "-c", "pass"),
    ):
        ended = command("run", "--via", "gateway", "--indexes", feed, "--", "uv", *words)
        assert ended.returncode == 0, ended.stderr
    assert b"betapackage" in lock.read_bytes()
    assert {record.status for record in service.log if record.host == "pkgs"} <= {200, 303, 405}
    ports = set(re.findall(rb"(?:127\.0\.0\.1|localhost|\[::1\]):(\d+)", lock.read_bytes()))
    assert ports == {str(service.port).encode()}


@pytest.mark.slow
def test_a_lock_of_poetry_names_the_index_itself(
    command: Command, service: Service, programs: Programs
) -> None:
    feed = service.resolve("{feed:one}")
    command.environ["PATH"] = f"{programs.place('poetry')}{os.pathsep}{command.environ['PATH']}"
    command.write(
        "pyproject.toml",
        '[project]\nname = "sample"\nversion = "1"\nrequires-python = ">=3.10"\n'
        'dependencies = ["AlphaPackage"]\n[tool.poetry]\npackage-mode = false\n'
        f'[[tool.poetry.source]]\nname = "one"\nurl = "{feed}"\npriority = "primary"\n',
    )
    for words in (("lock",), ("install",)):
        ended = command("run", "--via", "gateway", "--indexes", feed, "--", "poetry", *words)
        assert ended.returncode == 0, ended.stdout + ended.stderr
    assert feed.rstrip("/") in (command.project / "poetry.lock").read_text(encoding="utf-8")


def test_many_clients_at_once_get_the_same(command: Command, service: Service) -> None:
    feed = service.resolve("{feed:one}")
    one = Behind(command, TOKEN, feed)
    try:
        with ThreadPoolExecutor(12) as pool:
            pages = list(pool.map(lambda _: one.get(f"{feed}alphapackage/"), range(24)))
        assert {status for status, _, _ in pages} == {200}
        assert len({sha256(body).hexdigest() for _, _, body in pages}) == 1
    finally:
        one.end()


def test_a_client_that_goes_away_frees_the_index(command: Command) -> None:
    freed = threading.Event()

    def endless(connection: object) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")  # type: ignore[attr-defined]
        try:
            while True:
                connection.sendall(b"x" * 65536)  # type: ignore[attr-defined]
        except OSError:
            freed.set()

    page = b'<a href="/f/demo-1.0.tar.gz">x</a>'
    with serving() as index:
        index.routes["GET /simple/demo/"] = lambda _: Answer(200, page, "OK", [("Content-Type", "text/html")])
        index.routes["GET /f/demo-1.0.tar.gz"] = lambda _: Raw(endless)
        one = Behind(command, TOKEN, f"{index.url}/simple/")
        try:
            with closing(one.door()) as door:
                url = f"{index.url}/f/demo-1.0.tar.gz"
                door.sendall(one.head(f"GET {url} HTTP/1.1\nHost: 127.0.0.1:{index.port}"))
                assert b"200" in door.recv(1000)
                time.sleep(0.2)
                assert not freed.is_set()
            assert freed.wait(1.0)
        finally:
            one.end()
