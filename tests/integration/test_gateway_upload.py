"""Publishing behind the gateway: to the first index, where that was allowed, and to no other place."""

import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

import pytest
import trustme

from azure_devops_emulator import Service as Emulator
from support import wheels
from support.behind import Behind
from support.certificates import server_context
from support.command import Command
from support.feed import organization
from support.http_service import Answer, Request, Service, serving
from support.programs import QUIET, Programs

TOKEN, FORMER = "upload-canary-81d2-token", "upload-canary-81d2-former"
PUBLISH = {
    "twine": "twine upload --non-interactive --disable-progress-bar dist/*",
    "uv": "uv publish",
    "poetry": "poetry publish --repository pip-authenticate",
    "pdm": "pdm publish --no-build",
}
"""Hatch is none of them: it publishes past every proxy."""


@pytest.fixture
def command(tmp_path: Path) -> Command:
    return Command(tmp_path)


# ---- the real publishers ------------------------------------------------------------------------------


@pytest.fixture
def emulator(tmp_path: Path, command: Command) -> Iterator[Emulator]:
    with Emulator(organization("", "", TOKEN), https=True) as one:
        file = tmp_path / "authorities.pem"
        file.write_bytes(one.ca_pem)
        trusted = dict.fromkeys(("SSL_CERT_FILE", "PIP_CERT", "REQUESTS_CA_BUNDLE"), str(file))
        command.environ |= QUIET | trusted
        yield one


@pytest.mark.parametrize(
    ("program", "given"),
    [
        ("twine", TOKEN),
        ("twine", FORMER),
        ("uv", FORMER),
        pytest.param("poetry", TOKEN, marks=pytest.mark.slow),
        pytest.param("pdm", TOKEN, marks=pytest.mark.slow),
    ],
)
def test_a_publisher_holds_no_credential(
    command: Command, emulator: Emulator, programs: Programs, tmp_path: Path, program: str, given: str
) -> None:
    """Nor does it notice that one ended before."""
    file, place = Path(wheels.sample(command.project, "1.0")), programs.place(program)
    command.write("pyproject.toml", '[project]\nname = "sample"\nversion = "1.0"\n')
    for name, text in (("token", given), ("fresh", TOKEN)):
        (tmp_path / name).write_text(text, encoding="utf-8")
        (tmp_path / name).chmod(0o600)
    command.environ["PATH"] = f"{place}{os.pathsep}{command.environ['PATH']}"
    script = f"env > seen; cp ../fresh ../token; {PUBLISH[program]} && python -m pip download -d got sample"
    ended = command(
        "run", "--via", "gateway", "--allow-upload", "--client", f"pip,{program}", "--report", "report.json",
        "--token-file", str(tmp_path / "token"), emulator.resolve("{feed:one}"), "--", "sh", "-c", script,
    )  # fmt: skip
    said, seen = ended.stdout + ended.stderr, (command.project / "seen").read_text(encoding="utf-8")
    assert ended.returncode == 0, said
    assert not any(token in text for token in (TOKEN, FORMER) for text in (said, seen))
    assert re.search("^[A-Z_]+_(PASSWORD|AUTH)=none$", seen, re.MULTILINE)
    answers = [(one.identity, one.status) for one in emulator.log if one.method == "POST"]
    assert answers == [("Ada Palmer", 200)]
    refused = [one for one in emulator.log if one.status == 401]
    assert len(refused) == (given == FORMER)
    content = file.read_bytes()
    assert (command.project / "got" / file.name).read_bytes() == content
    told = json.loads((command.project / "report.json").read_text(encoding="utf-8"))
    digest = sha256(content).hexdigest()
    (uploaded,) = told["uploaded"]
    assert (uploaded["file"], uploaded["bytes"], uploaded["sha256"]) == (file.name, len(content), digest)
    assert f"Published to {uploaded['source']}: {file.name} (SHA-256 {digest})" in ended.stderr
    shown = command("report", "report.json").stdout.partition("### Packages published")[2]
    assert f"| {file.name} | " in shown
    assert (told["refused"], told["failures"]) == ([], [])


# ---- what passes --------------------------------------------------------------------------------------

PATH = "/Org/_packaging/one/pypi/upload"
BOUNDARY = "0123456789abcdef"
KIND = f"multipart/form-data; boundary={BOUNDARY}"


def field(disposition: str, value: str) -> str:
    return f"--{BOUNDARY}\r\nContent-Disposition: form-data; {disposition}\r\n\r\n{value}\r\n"


CONTENT = field('name="content"; filename="sample-1.0.tar.gz"', "sdist\r\n--")
FORM = field('name=":action"', "file_upload") + CONTENT
END = f"--{BOUNDARY}--\r\n"


@pytest.fixture
def index(authority: trustme.CA, authority_file: str, command: Command) -> Iterator[Service]:
    """A feed that takes everything from whoever has the token."""
    with serving(taking, server_context(authority, "127.0.0.1")) as service:
        command.environ["SSL_CERT_FILE"] = authority_file
        yield service


def taking(request: Request) -> Answer:
    if not request.login or request.login[1] != TOKEN:
        return Answer(401, b"", "No", [("WWW-Authenticate", 'Basic realm="x"')])
    return Answer(200, b"welcome, " + TOKEN.encode(), "OK", [("Set-Cookie", "session=1")])


@contextmanager
def behind(command: Command, index: Service, *arguments: str) -> Iterator[Behind]:
    """A program behind the gateway for two feeds, until a block ends."""
    feeds = [f"{index.url}/Org/_packaging/{name}/pypi/simple/" for name in ("one", "two")]
    one = Behind(command, TOKEN, "--client", "twine", *arguments, *feeds)
    try:
        yield one
    finally:
        one.process.kill()
        one.process.communicate()


def post(body: str = FORM + END, *headers: str, line: str = f"POST {PATH} HTTP/1.1", kind: str = KIND) -> str:
    """A request as a publisher sends it, whose Host stands for itself."""
    own = (f"Content-Type: {kind}", f"Content-Length: {len(body)}", *headers)
    return "\r\n".join((line, "Host: {place}", *own, "", body))


def sent(one: Behind, index: Service, text: str) -> tuple[int, dict[str, str], bytes]:
    place = f"127.0.0.1:{index.port}"
    return one.inside(place, text.replace("{place}", place).encode("latin-1"))


def test_a_form_passes_with_the_headers_that_it_needs(command: Command, index: Service) -> None:
    more = ("Authorization: Basic bm9ib2R5Om5vbmU=", "Cookie: a=b", "X-HTTP-Method-Override: DELETE",
            "Range: bytes=0-1", "User-Agent: twine/7", "Accept: */*")  # fmt: skip
    with behind(command, index, "--allow-upload", "--report", "report.json") as one:
        status, shown, body = sent(one, index, post(FORM + END, *more))
        spelled = post(line=f"POST {PATH.replace('Org', 'org')}/ HTTP/1.1")
        assert sent(one, index, spelled)[0] == 200, "a last slash and capitals mean nothing in a feed's path"
        one.end()
    assert (status, body) == (200, b"welcome, ***")
    assert "set-cookie" not in shown
    before, first, *_ = index.requests
    assert (before.method, before.path) == ("GET", "/Org/_packaging/one/pypi/simple/")
    assert first.body == (FORM + END).encode()
    assert first.login == ("build", TOKEN)
    assert set(first.headers) == {
        "host", "user-agent", "accept", "accept-encoding", "content-type", "content-length", "authorization",
        "x-tfs-fedauthredirect",
    } - {"accept-encoding"}  # fmt: skip
    told = json.loads((command.project / "report.json").read_text(encoding="utf-8"))["uploaded"]
    assert [one["sha256"] for one in told] == [sha256(b"sdist\r\n--").hexdigest()]


REFUSED = {
    "PUT": post(line=f"PUT {PATH} HTTP/1.1"),
    "GET": f"GET {PATH} HTTP/1.1\r\nHost: {{place}}\r\n\r\n",
    "the second index": post(line=f"POST {PATH.replace('one', 'two')} HTTP/1.1"),
    "another feed": post(line=f"POST {PATH.replace('one', 'three')} HTTP/1.1"),
    "below it": post(line=f"POST {PATH}/more HTTP/1.1"),
    "above it": post(line="POST /Org/_packaging/one/pypi HTTP/1.1"),
    "a page": post(line="POST /Org/_packaging/one/pypi/simple/ HTTP/1.1"),
    "API": post(line="POST /Org/_apis/packaging/feeds HTTP/1.1"),
    "query": post(line=f"POST {PATH}?x=1 HTTP/1.1"),
    "empty query": post(line=f"POST {PATH}? HTTP/1.1"),
    "two slashes": post(line=f"POST {PATH}// HTTP/1.1"),
    "dots": post(line=f"POST {PATH.replace('one', 'two/../one')} HTTP/1.1"),
    "encoded dots": post(line=f"POST {PATH.replace('one', 'two/%2e%2e/one')} HTTP/1.1"),
    "absolute form": post(line=f"POST https://{{place}}{PATH} HTTP/1.1"),
    "another Host": post().replace("{place}", "other.example"),
    "two hosts": post(FORM, "Host: other.example"),
    "chunks": f"POST {PATH} HTTP/1.1\r\nHost: {{place}}\r\nContent-Type: {KIND}\r\n"
    "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunks and a length": post("0\r\n\r\n", "Transfer-Encoding: chunked"),
    "two lengths": post(FORM + END, "Content-Length: 1"),
    "no length": f"POST {PATH} HTTP/1.1\r\nHost: {{place}}\r\nContent-Type: {KIND}\r\n\r\n",
    "nothing": post(""),
    "two kinds": post(FORM + END, f"Content-Type: {KIND}"),
    "JSON": post("{}", kind="application/json"),
    "two boundaries": post(kind=f"{KIND}; boundary=x"),
    "compressed": post(FORM + END, "Content-Encoding: gzip"),
    "expectations": post(FORM + END, "Expect: 100-continue"),
    "upgrade": post(FORM + END, "Connection: Upgrade", "Upgrade: h2c"),
}


def test_nothing_else_is_open(command: Command, index: Service) -> None:
    with behind(command, index, "--allow-upload") as one:
        for name, text in REFUSED.items():
            assert sent(one, index, text)[0] in {400, 403}, name
        assert index.requests == []
        assert sent(one, index, post())[0] == 200
        assert "published to the first index only" in one.end()


MALFORMED = {
    "no form": "x" * len(FORM + END),
    "no end": FORM,
    "no file": field('name=":action"', "file_upload") + END,
    "a field for a file": field('name="content"', "sdist") + END,
    "two files": FORM + CONTENT + END,
    "two names": field('name="content"; filename="a.whl"; filename*=UTF-8\'\'b.whl', "sdist") + END,
    "a path": field('name="content"; filename="../a.whl"', "sdist") + END,
}


def test_what_is_no_form_of_one_file_is_cut_off(command: Command, index: Service) -> None:
    with behind(command, index, "--allow-upload", "--report", "report.json") as one:
        for name, body in MALFORMED.items():
            assert sent(one, index, post(body))[0] == 403, name
        one.end()
    for request in index.requests:
        assert request.method == "GET" or len(request.body) < int(request.headers["content-length"])
    told = json.loads((command.project / "report.json").read_text(encoding="utf-8"))
    assert told["uploaded"] == []
    assert [one["why"] for one in told["refused"]] == ["it is no form as publishers send it"]


def test_a_credential_that_ends_at_the_upload_itself_is_renewed_for_the_next(
    command: Command, index: Service, tmp_path: Path
) -> None:
    file = tmp_path / "token"
    file.write_text(FORMER, encoding="utf-8")
    file.chmod(0o600)
    index.routes["GET /Org/_packaging/one/pypi/simple/"] = lambda _: Answer(200)
    feed = f"{index.url}/Org/_packaging/one/pypi/simple/"
    one = Behind(command, "", "--allow-upload", "--token-file", str(file), feed)
    try:
        file.write_text(TOKEN, encoding="utf-8")
        assert sent(one, index, post())[0] == 503
        assert sent(one, index, post())[0] == 200
    finally:
        said = one.end()
    assert said.count("Published to") == 1


def test_an_index_that_takes_no_credential_is_told_of(command: Command, index: Service) -> None:
    index.routes[f"POST {PATH}"] = lambda _: Answer(401, b"", "No")
    with behind(command, index, "--allow-upload") as one:
        assert sent(one, index, post())[0] == 403
        assert "does not accept the credential (status 401)" in one.end()


# ---- who allows it ------------------------------------------------------------------------------------


def test_without_leave_nothing_is_published(command: Command, index: Service) -> None:
    with behind(command, index) as one:
        assert sent(one, index, post())[0] == 403
        assert "TWINE_REPOSITORY_URL" not in one.environ
        assert "--allow-upload lets packages be published" in one.end()
    assert index.requests == []


@pytest.mark.parametrize(
    ("arguments", "feed", "hint"),
    [
        (("--via", "gateway", "--publish"), "one", "say --allow-upload in its place"),
        (("--via", "files", "--allow-upload"), "one", "--allow-upload needs the gateway"),
        (("--via", "gateway", "--allow-upload"), "one@Release", "Name a feed first, without a view"),
    ],
)
def test_what_cannot_be_published_to_is_said_before(
    command: Command, arguments: tuple[str, ...], feed: str, hint: str
) -> None:
    command.environ |= {"PIP_AUTHENTICATE_TOKEN": TOKEN, "PIP_AUTHENTICATE_CLIENT": "pip"}
    url = f"https://pkgs.dev.azure.com/fabrikam/_packaging/{feed}/pypi/simple/"
    ended = command("run", *arguments, url, "--", "true")
    assert ended.returncode == 1
    assert hint in ended.stderr


def test_no_file_of_a_project_allows_it(command: Command, index: Service) -> None:
    command.write("pyproject.toml", "[tool.pip-authenticate]\nallow-upload = true\n")
    with behind(command, index) as one:
        assert sent(one, index, post())[0] == 403
