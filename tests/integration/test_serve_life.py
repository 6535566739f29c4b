"""The index on loopback: how it begins and ends, and what becomes of the caller's variables."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import urlopen

import pytest

from pip_authenticate.options import PORT
from support.behind import is_gone, is_open, shown_variables
from support.command import COMMAND, Command
from support.door import Door
from support.http_service import Answer, Request, Service, serving
from support.patience import until

TOKEN = "serve-life-canary-2b7d-token"
HTML = [("Content-Type", "text/html")]


@pytest.fixture(scope="module")
def index() -> Iterator[Service]:
    """A private index with the packages `demo` and `corp`."""

    def answer(request: Request) -> Answer:
        if request.login != ("build", TOKEN):
            return Answer(401)
        found = request.target in {"/simple/demo/", "/simple/corp/"}
        return Answer(200, b'<a href="corp-1.0.tar.gz">x</a>', headers=HTML) if found else Answer(404)

    with serving(answer) as service:
        yield service


@pytest.fixture
def command(tmp_path: Path) -> Command:
    one = Command(tmp_path)
    (tmp_path / "tmp").mkdir()
    one.environ |= {"TMPDIR": str(tmp_path / "tmp"), "PIP_AUTHENTICATE_CLIENT": "netrc"}
    return one


# ---- with a program ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("script", "code"), [("exit 0", 0), ("exit 3", 3), ("kill -TERM $$", -signal.SIGTERM)]
)
def test_it_ends_as_the_program_does(command: Command, index: Service, script: str, code: int) -> None:
    url = f"{index.url}/simple/"
    ended = command("serve", "--port", "0", url, "--", "sh", "-c", script, PIP_AUTHENTICATE_TOKEN=TOKEN)
    assert ended.returncode == code
    assert list(Path(command.environ["TMPDIR"]).iterdir()) == []


def test_a_program_that_is_not_there(command: Command, index: Service) -> None:
    ended = command("serve", f"{index.url}/simple/", "--", "no-such-program", PIP_AUTHENTICATE_TOKEN=TOKEN)
    assert ended.returncode == 127
    assert "no-such-program was not found" in ended.stderr


def test_signals_are_handed_on_and_the_door_goes_with_the_program(command: Command, index: Service) -> None:
    door = Door(command, TOKEN, f"{index.url}/simple/")
    assert is_open("127.0.0.1", door.port)
    door.process.send_signal(signal.SIGTERM)
    assert door.process.wait(10) == -signal.SIGTERM
    assert is_gone(door.child)
    assert not is_open("127.0.0.1", door.port)
    door.close()


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nothing kills it")
def test_the_program_is_killed_with_it(command: Command, index: Service) -> None:
    door = Door(command, TOKEN, f"{index.url}/simple/")
    for number in (door.process.pid, door.child):
        assert TOKEN.encode() not in shown_variables(number)
    door.process.kill()
    until(lambda: is_gone(door.child))
    until(lambda: not is_open("127.0.0.1", door.port))
    door.close()


def test_what_is_in_the_callers_way_is_taken_away(command: Command, index: Service) -> None:
    """Variables that would lead an installer past the door, or hold a credential."""
    url = f"{index.url}/simple/"
    door = Door(
        command, TOKEN, url,
        PIP_EXTRA_INDEX_URL=f"http://build:{TOKEN}@127.0.0.1:{index.port}/simple/ {url}",
        UV_INDEX=f"mine={url}", UV_INDEX_URL=url, UV_EXTRA_INDEX_URL=url,
        PIP_TRUSTED_HOST="other.example", NO_PROXY="a.example", PIP_PROXY="http://proxy.example:3128",
        MY_PAT=TOKEN,
    )  # fmt: skip
    try:
        for name in ("UV_INDEX", "UV_INDEX_URL", "UV_EXTRA_INDEX_URL", "PIP_PROXY", "MY_PAT"):
            assert name not in door.environ
        assert door.environ["PIP_EXTRA_INDEX_URL"] == door.address
        assert door.environ["PIP_TRUSTED_HOST"] == f"other.example {door.place}"
        assert door.environ["NO_PROXY"] == "a.example,127.0.0.1"
        assert door.environ["HTTPS_PROXY"] == "http://proxy.example:3128"
        assert TOKEN not in json.dumps(door.environ)
        assert door.get("/simple/demo/")[0] == 200
    finally:
        door.end()


@pytest.mark.parametrize("guard", ["", "--no-guard"])
def test_what_the_callers_variables_name_is_merged(command: Command, index: Service, guard: str) -> None:
    """By the owner rule; without it, the files of all are offered together, and a person is warned."""
    page = b'<a href="corp-99.0.tar.gz">x</a><a href="corp-1.0.tar.gz">x</a>'
    with serving(lambda _: Answer(200, page, headers=HTML)) as stranger:
        names = [guard] if guard else []
        door = Door(
            command, TOKEN, *names, f"{index.url}/simple/",
            PIP_EXTRA_INDEX_URL=f"http://me:secret-of-mine@127.0.0.1:{stranger.port}/simple/",
        )  # fmt: skip
        try:
            files = json.loads(door.get("/simple/corp/", Accept="application/vnd.pypi.simple.v1+json")[2])[
                "files"
            ]
            assert [one["filename"] for one in files] == ["corp-1.0.tar.gz", "corp-99.0.tar.gz"][
                : 2 if guard else 1
            ]
            assert door.get("/simple/open/")[0] == 200
        finally:
            said = door.end()
        assert ("are not guarded" in said) == bool(guard)
        assert "which is asked without it" in said
        assert "secret-of-mine" not in said + json.dumps(door.environ)
        assert all("authorization" not in request.headers for request in stranger.requests)


@pytest.mark.parametrize(
    ("arguments", "variable", "served"),
    [
        ((), "variable", {"extra"}),
        (("--only-extra",), "variable", {"extra", "variable"}),
        (("--only-extra",), "", {"extra", "primary"}),
    ],
)
def test_pips_own_files_count_as_pip_reads_them(
    command: Command, index: Service, arguments: tuple[str, ...], variable: str, served: set[str]
) -> None:
    """An index that takes the place of the primary one takes it from the caller's, too."""
    asked = set[str]()

    def answer(request: Request) -> Answer:
        asked.add(request.path.split("/")[1])
        return Answer(404)

    with serving(answer) as others:
        url = f"http://localhost:{others.port}"
        command.write("pip.conf", f"[global]\nindex-url = {url}/primary/\nextra-index-url = {url}/extra/\n")
        door = Door(
            command, TOKEN, *arguments, f"{index.url}/simple/",
            PIP_CONFIG_FILE=str(command.project / "pip.conf"),
            PIP_INDEX_URL=variable and f"{url}/{variable}/",
        )  # fmt: skip
        try:
            assert door.get("/simple/nowhere/")[0] == 404
        finally:
            door.end()
    assert asked == served


def test_a_credential_that_is_not_taken_any_more_is_renewed_once(command: Command, index: Service) -> None:
    file = command.project / "token"
    file.write_text("the-former-canary-token", encoding="utf-8")
    file.chmod(0o600)
    before = len(index.requests)
    door = Door(command, "", "--token-file", str(file), f"{index.url}/simple/")
    try:
        file.write_text(TOKEN, encoding="utf-8")
        with ThreadPoolExecutor(12) as pool:
            names = ["demo", "corp"] * 6
            ended = list(pool.map(lambda name: door.get(f"/simple/{name}/")[0], names))
        assert ended == [200] * 12
    finally:
        assert "warning" not in door.end()
    logins = [request.login for request in index.requests[before:]]
    assert logins.count(("build", TOKEN)) == 2
    assert logins.count(("build", "the-former-canary-token")) <= 2


# ---- without one ------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_until_it_is_told_to_end(command: Command, index: Service, number: int) -> None:
    """What it writes is for a shell, and is written once it listens."""
    process = subprocess.Popen(
        [COMMAND, "serve", "--port", "0", f"{index.url}/simple/"],
        env={**command.environ, "PIP_AUTHENTICATE_TOKEN": TOKEN, "UV_INDEX": "x=http://127.0.0.1:1/"},
        cwd=command.project, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout
    lines = ""
    while "unset UV_INDEX_URL" not in lines:
        line = process.stdout.readline()
        assert line
        lines += line
    shown = subprocess.run(
        ["sh", "-c", f"{lines}env"], env={"UV_INDEX": "x", "PATH": os.defpath},
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    environ = dict(line.split("=", 1) for line in shown.splitlines() if "=" in line)
    assert "UV_INDEX" not in environ
    parts = urlsplit(environ["PIP_INDEX_URL"])
    assert environ["PIP_TRUSTED_HOST"] == f"127.0.0.1:{parts.port}"
    with pytest.raises(OSError, match="401"):
        urlopen(f"http://127.0.0.1:{parts.port}/simple/", timeout=10)
    process.send_signal(number)
    _, said = process.communicate(timeout=10)
    assert process.returncode == 0
    assert "until this is ended" in said
    assert TOKEN not in lines + said


def test_a_port_that_somebody_has_is_an_error(command: Command, index: Service) -> None:
    with socket.create_server(("127.0.0.1", 0)) as squatter:
        port = squatter.getsockname()[1]
        url = f"{index.url}/simple/"
        ended = command("serve", "--port", str(port), url, "--", "true", PIP_AUTHENTICATE_TOKEN=TOKEN)
    assert ended.returncode == 1
    assert f"Somebody listens on port {port} of this machine already" in ended.stderr
    assert "--port" in ended.stderr
    for text in ("-1", "65536", "http", "1.5"):
        assert command("serve", f"--port={text}", url, "--", "true").returncode == 2


def test_the_port_is_always_the_same(command: Command, index: Service) -> None:
    """Or is said to be taken; another test, or a person, may have it."""
    ended = command(
        "serve", f"{index.url}/simple/", "--", "printenv", "PIP_INDEX_URL", PIP_AUTHENTICATE_TOKEN=TOKEN
    )
    assert f"@127.0.0.1:{PORT}/simple/" in ended.stdout or f"port {PORT} of this machine" in ended.stderr
