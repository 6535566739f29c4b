"""Behind the gateway: what a project has locked stays as it is, and many clients at once are served alike.

That what each installer locks is what it would lock without the gateway stands in `test_canary`.
"""

import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path

import pytest
import trustme

from support import wheels
from support.behind import Behind
from support.certificates import server_context
from support.command import Command
from support.company import Company, company
from support.http_service import Answer, Raw, serving
from support.programs import QUIET, Programs

TOKEN = "lock-canary-55aa-token"
PACKAGES = ("AlphaPackage", "BetaPackage", "GammaPackage", "DeltaPackage")


@pytest.fixture
def place(authority: trustme.CA, tmp_path: Path) -> Iterator[Company]:
    folder = tmp_path / "packages"
    folder.mkdir()
    for number, name in enumerate(PACKAGES, 1):
        wheels.write(folder, name, "1.0", f"# {name}\n" * number * 30_000)
    with company(authority, TOKEN, f'"{folder}"') as one:
        yield one


@pytest.fixture
def command(tmp_path: Path, place: Company, authority_file: str) -> Command:
    one = Command(tmp_path)
    one.environ |= QUIET | {
        "TMPDIR": str(tmp_path),
        "PIP_AUTHENTICATE_TOKEN": TOKEN,
        "HTTPS_PROXY": place.proxy_address,
        **dict.fromkeys(("SSL_CERT_FILE", "PIP_CERT", "REQUESTS_CA_BUNDLE"), authority_file),
    }
    return one


@pytest.mark.slow
def test_uv_does_everything_with_a_locked_project(
    command: Command, place: Company, programs: Programs
) -> None:
    command.environ["PATH"] = f"{programs.place('uv')}{os.pathsep}{command.environ['PATH']}"
    command.write(
        "pyproject.toml",
        '[project]\nname = "sample"\nversion = "1"\nrequires-python = ">=3.10"\n'
        'dependencies = ["AlphaPackage"]\n[[tool.uv.index]]\nname = "one"\n'
        f'url = "{place.feed}"\ndefault = true\n',
    )
    lock, locks = command.project / "uv.lock", []
    for way in ("env", "gateway"):
        ended = command("run", "--via", way, "--indexes", place.feed, "--", "uv", "lock")
        assert ended.returncode == 0, ended.stderr
        locks.append(lock.read_bytes())
        if way == "env":
            lock.unlink()
    assert locks[0] == locks[1]
    assert place.feed.rstrip("/").encode() in locks[0]
    without = ["uv", "sync", "--frozen"]
    ended = subprocess.run(
        without, env=command.environ, cwd=command.project, capture_output=True, text=True, check=False
    )
    assert "401" in ended.stderr
    for words in (
        ("sync", "--frozen"),
        ("sync", "--locked", "--reinstall"),
        ("add", "BetaPackage"),
        ("run", "python", "-c", "import alphapackage, betapackage"),
        (
            "tool",
            "run",
            "--default-index",
            place.feed,
            "--from",
            "GammaPackage",
            "python",
            "-c",
            "import gammapackage",
        ),
    ):
        ended = command("run", "--via", "gateway", "--indexes", place.feed, "--", "uv", *words)
        assert ended.returncode == 0, ended.stderr
        assert "warning:" not in ended.stderr
    text = lock.read_text(encoding="utf-8")
    assert "betapackage" in text
    assert not re.search("127\\.0\\.0\\.1|localhost|::1", text)


@pytest.mark.slow
def test_twelve_installers_at_once_get_the_same(command: Command, place: Company, programs: Programs) -> None:
    places = (str(programs.place("uv")), str(programs.place("pip")), command.environ["PATH"])
    command.environ["PATH"] = os.pathsep.join(places)
    names = " ".join(PACKAGES)
    script = f"""
for each in 1 2 3 4 5 6 7 8; do
    uv pip install --quiet --target uv$each {names} & all="$all $!"
done
for each in 1 2 3 4; do
    pip install --quiet --target pip$each {names} & all="$all $!"
done
for each in $all; do wait $each || exit 1; done
"""
    ended = command(
        "run", "--via", "gateway", "--client", "pip", "--client", "uv", "--report", "report.json",
        place.feed, "--", "sh", "-c", script,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    assert "warning:" not in ended.stderr
    folders = [
        command.project / f"{name}{number}"
        for name, most in (("uv", 8), ("pip", 4))
        for number in range(1, most + 1)
    ]
    modules = {name.lower(): digests(folders, f"{name.lower()}.py") for name in PACKAGES}
    assert {name: len(found) for name, found in modules.items()} == dict.fromkeys(modules, 1)
    report = json.loads((command.project / "report.json").read_text(encoding="utf-8"))
    assert {file["name"] for file in report["files"]} == set(modules)


def digests(folders: list[Path], name: str) -> set[str]:
    """The SHA-256 of a file of each folder."""
    return {sha256((folder / name).read_bytes()).hexdigest() for folder in folders}


Endless = Callable[[object], None]


@pytest.fixture
def freed() -> threading.Event:
    """Set when nobody wants the endless body any more."""
    return threading.Event()


@pytest.fixture
def endless(freed: threading.Event) -> Endless:
    """Sends a body that does not end."""

    def send(connection: object) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")  # type: ignore[attr-defined]
        try:
            while True:
                connection.sendall(b"x" * 65536)  # type: ignore[attr-defined]
        except OSError:
            freed.set()

    return send


@pytest.mark.parametrize("is_encrypted", [True, False])
def test_a_killed_pip_frees_the_index(
    tmp_path: Path,
    authority: trustme.CA,
    authority_file: str,
    endless: Endless,
    freed: threading.Event,
    *,
    is_encrypted: bool,
) -> None:
    command, started = Command(tmp_path), threading.Event()
    name = "demo-1.0-py3-none-any.whl"
    page = f'<a href="/f/{name}">x</a>'.encode()

    def download(_: object) -> Raw:
        started.set()
        return Raw(endless)

    context = server_context(authority, "127.0.0.1") if is_encrypted else None
    with serving(lambda _: Answer(404), context) as index:
        index.routes["GET /simple/demo/"] = lambda _: Answer(200, page, "OK", [("Content-Type", "text/html")])
        index.routes[f"GET /f/{name}"] = download
        one = Behind(command, TOKEN, f"{index.url}/simple/", SSL_CERT_FILE=authority_file)
        try:
            pip = subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "pip",
                    "download",
                    "--isolated",
                    "--no-deps",
                    "--cert",
                    one.environ["PIP_CERT"],
                    "--index-url",
                    f"{index.url}/simple/",
                    "demo",
                ],
                env=one.environ,
                cwd=command.project,
                stdout=subprocess.DEVNULL,
            )
            assert started.wait(30)
            assert not freed.wait(0.3)
            pip.send_signal(signal.SIGKILL)
            assert freed.wait(1.0)
            pip.wait()
        finally:
            one.end()
