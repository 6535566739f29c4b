"""The gateway: who comes in, what passes, what an index may say, and how it ends."""

import gzip
import json
import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

import pytest
import trustme

from pip_authenticate.gateway import peers
from support import ipv6_only
from support.behind import Behind, is_gone, is_open, shown_variables
from support.certificates import client_files, server_context
from support.command import COMMAND, Command
from support.http_service import Answer, Request, Service, serving, unused_port
from support.patience import until
from support.programs import Programs
from support.web_proxy import proxying

TOKEN = "gateway-canary-7f3a9c-token"
PAGE = (
    b'<a href="../../files/demo-1.0-py3-none-any.whl#sha256=%s">demo</a>'
    b'<a href="https://elsewhere.example/demo-2.0.tar.gz">demo</a><a href="/_apis/projects">x</a>'
    % (b"0" * 64)
)
linux = pytest.mark.skipif(sys.platform != "linux", reason="Linux tells of processes in /proc")


@pytest.fixture
def command(tmp_path: Path) -> Command:
    one = Command(tmp_path)
    tmp = tmp_path / "tmp with a blank"
    tmp.mkdir(mode=0o700)
    one.environ["TMPDIR"] = str(tmp)
    return one


def left(command: Command) -> list[str]:
    return sorted(path.name for path in Path(command.environ["TMPDIR"]).iterdir())


@pytest.fixture
def index(authority: trustme.CA, authority_file: str, command: Command) -> Iterator[Service]:
    """A private index by https, which answers nobody without the token."""
    with serving(private, server_context(authority, "127.0.0.1")) as service:
        service.routes["GET /feed/simple/demo/"] = lambda request: guarded(
            request, Answer(200, PAGE, "OK", HTML)
        )
        service.routes["GET /feed/files/demo-1.0-py3-none-any.whl"] = lambda request: guarded(
            request, Answer(200, b"wheel" * 1000)
        )
        command.environ["SSL_CERT_FILE"] = authority_file
        yield service


HTML = [("Content-Type", "text/html")]


def private(request: Request) -> Answer:
    return guarded(request, Answer(404, b"nothing here"))


def guarded(request: Request, answer: Answer) -> Answer:
    challenge = [("WWW-Authenticate", 'Basic realm="x"')]
    return answer if request.login and request.login[1] == TOKEN else Answer(401, b"", "No", challenge)


@contextmanager
def behind(command: Command, index: Service, *arguments: str, **environ: str) -> Iterator[Behind]:
    """A program behind the gateway for the index, until a block ends."""
    one = Behind(command, TOKEN, *arguments, f"{index.url}/feed/simple/", **environ)
    try:
        yield one
    finally:
        one.process.kill()
        one.process.communicate()


# ---- what passes ------------------------------------------------------------------------------------


def test_a_page_that_could_not_be_read_is_asked_for_again(command: Command, index: Service) -> None:
    """By who wants a file without having asked for its page, as installers do that have a lock file."""
    answers = iter([Answer(503, b"", "Busy"), *[Answer(200, PAGE, "OK", HTML)] * 9])
    index.routes["GET /feed/simple/demo/"] = lambda request: guarded(request, next(answers))
    file = f"{index.url}/feed/files/demo-1.0-py3-none-any.whl"
    with behind(command, index) as one:
        assert [one.get(file)[0] for _ in range(3)] == [403, 200, 200]
    assert len([request for request in index.requests if request.path == "/feed/simple/demo/"]) == 2


@pytest.mark.parametrize("encoding", ["gzip", "x-gzip", "gzip, gzip", "identity"])
def test_a_client_can_read_a_page_however_it_is_encoded(
    command: Command, index: Service, encoding: str
) -> None:
    content = PAGE
    for _ in range(encoding.count("gzip")):
        content = gzip.compress(content)
    headers = [*HTML, ("Content-Encoding", encoding)]
    index.routes["GET /feed/simple/demo/"] = lambda request: guarded(
        request, Answer(200, content, "OK", headers)
    )
    with behind(command, index) as one:
        status, shown, got = one.get(f"{index.url}/feed/simple/demo/")
    for _ in range(shown.get("content-encoding", "").count("gzip")):
        got = gzip.decompress(got)
    assert (status, got) == (200, PAGE)


@pytest.mark.parametrize(
    ("accepted", "content", "sent"),
    [
        ("gzip, deflate", PAGE, gzip.compress(PAGE, mtime=0)),
        ("deflate, gzip;q=0", PAGE, PAGE),
        ("gzip", PAGE + TOKEN.encode(), PAGE + b"***"),
    ],
)
def test_a_packed_page_is_sent_as_it_came_to_who_takes_it_unless_it_repeats_a_secret(
    command: Command, index: Service, accepted: str, content: bytes, sent: bytes
) -> None:
    headers = [*HTML, ("Content-Encoding", "gzip")]
    index.routes["GET /feed/simple/demo/"] = lambda request: guarded(
        request, Answer(200, gzip.compress(content), "OK", headers)
    )
    with behind(command, index) as one:
        status, shown, got = one.get(f"{index.url}/feed/simple/demo/", f"Accept-Encoding: {accepted}")
        assert one.get(f"{index.url}/feed/files/demo-1.0-py3-none-any.whl")[0] == 200
    assert (status, got[10:]) == (200, sent[10:])  # behind the time that gzip notes
    assert shown.get("content-encoding") == ("gzip" if sent[:2] == b"\x1f\x8b" else None)


def test_a_file_that_comes_packed_goes_on_as_it_came(command: Command, index: Service) -> None:
    """Stores that take a .tar.gz for a packed .tar say so, and pip reads the file itself nonetheless."""
    content = gzip.compress(b"an archive")
    headers = [("Content-Encoding", "gzip")]
    index.routes["GET /feed/simple/demo/"] = lambda request: guarded(
        request, Answer(200, b'<a href="../../files/demo-1.0.tar.gz">demo</a>', "OK", HTML)
    )
    index.routes["GET /feed/files/demo-1.0.tar.gz"] = lambda request: guarded(
        request, Answer(200, content, "OK", headers)
    )
    with behind(command, index) as one:
        assert one.get(f"{index.url}/feed/simple/demo/")[0] == 200
        status, shown, got = one.get(f"{index.url}/feed/files/demo-1.0.tar.gz")
    assert (status, got, shown["content-encoding"]) == (200, content, "gzip")
    assert shown["content-length"] == str(len(content))


def test_pages_and_the_files_that_they_name_pass_with_the_credential(
    command: Command, index: Service
) -> None:
    with behind(command, index, "--report", "report.json") as one:
        status, _, body = one.get(f"{index.url}/feed/simple/demo/")
        assert (status, body) == (200, PAGE)
        status, _, body = one.get(f"{index.url}/feed/files/demo-1.0-py3-none-any.whl")
        assert (status, body) == (200, b"wheel" * 1000)
        assert one.get(f"{index.url}/_apis/projects")[0] == 403
        assert one.get(f"{index.url}/demo-2.0.tar.gz")[0] == 403
        said = one.end()
    assert all(request.login == ("build", TOKEN) for request in index.requests)
    assert re.search(r"demo +1\.0 .+ 5\.0 kB", said)
    report = json.loads((command.project / "report.json").read_text(encoding="utf-8"))
    (file,) = report["files"]
    assert (file["name"], file["version"], file["bytes"]) == ("demo", "1.0", 5000)
    assert file["index"] == f"{index.url}/feed/simple/"
    assert file["sha256"] == sha256(b"wheel" * 1000).hexdigest()
    assert [one["why"] for one in report["refused"]] == ["no page of an index names it"] * 2
    assert report["failures"] == []


def test_two_slashes_of_pipenv_lead_to_the_same_page(command: Command, index: Service) -> None:
    with behind(command, index) as one:
        assert one.get(f"{index.url}/feed/simple//demo/")[2] == PAGE
    assert [request.path for request in index.requests] == ["/feed/simple/demo/"]


def test_a_file_is_passed_though_its_page_was_never_asked_for(command: Command, index: Service) -> None:
    with behind(command, index) as one:
        status, _, _ = one.get(f"{index.url}/feed/files/demo-1.0-py3-none-any.whl")
        assert status == 200
        status, _, _ = one.get(f"{index.url}/feed/files/other-1.0-py3-none-any.whl")
        assert status == 403
    assert [request.path for request in index.requests] == [
        "/feed/simple/demo/", "/feed/files/demo-1.0-py3-none-any.whl", "/feed/simple/other/",
    ]  # fmt: skip


REFUSED = {
    "POST": "POST /feed/simple/demo/ HTTP/1.1\nHost: {place}\nContent-Length: 0",
    "PUT": "PUT /feed/simple/demo/ HTTP/1.1\nHost: {place}\nContent-Length: 0",
    "PATCH": "PATCH /feed/simple/demo/ HTTP/1.1\nHost: {place}\nContent-Length: 0",
    "DELETE": "DELETE /feed/simple/demo/ HTTP/1.1\nHost: {place}",
    "OPTIONS": "OPTIONS /feed/simple/demo/ HTTP/1.1\nHost: {place}",
    "API": "GET /_apis/projects HTTP/1.1\nHost: {place}",
    "other feed": "GET /feed2/simple/demo/ HTTP/1.1\nHost: {place}",
    "upload": "GET /feed/upload/ HTTP/1.1\nHost: {place}",
    "below a page": "GET /feed/simple/demo/more HTTP/1.1\nHost: {place}",
    "query": "GET /feed/simple/demo/?x=1 HTTP/1.1\nHost: {place}",
    "dots": "GET /feed/simple/../../_apis/ HTTP/1.1\nHost: {place}",
    "dot": "GET /feed/simple/./demo/ HTTP/1.1\nHost: {place}",
    "encoded dots": "GET /feed/simple/%2e%2e/%2E%2E/_apis/ HTTP/1.1\nHost: {place}",
    "twice encoded dots": "GET /feed/simple/%252e%252e/_apis/ HTTP/1.1\nHost: {place}",
    "encoded slash": "GET /feed/simple/..%2f_apis HTTP/1.1\nHost: {place}",
    "backslash": "GET /feed/simple\\..\\_apis HTTP/1.1\nHost: {place}",
    "two slashes": "GET //feed/simple/demo/ HTTP/1.1\nHost: {place}",
    "two slashes behind a page": "GET /feed/simple/demo// HTTP/1.1\nHost: {place}",
    "three slashes": "GET /feed/simple///demo/ HTTP/1.1\nHost: {place}",
    "two slashes and dots": "GET /feed/simple//../_apis/ HTTP/1.1\nHost: {place}",
    "absolute form": "GET https://{place}/feed/simple/demo/ HTTP/1.1\nHost: {place}",
    "other absolute form": "GET https://other.example/feed/simple/demo/ HTTP/1.1\nHost: {place}",
    "another Host": "GET /feed/simple/demo/ HTTP/1.1\nHost: other.example",
    "a body": "GET /feed/simple/demo/ HTTP/1.1\nHost: {place}\nContent-Length: 4\n\nbody",
    "chunks": "GET /feed/simple/demo/ HTTP/1.1\nHost: {place}\nTransfer-Encoding: chunked\n\n0",
    "upgrade": "GET /feed/simple/demo/ HTTP/1.1\nHost: {place}\nConnection: Upgrade\nUpgrade: h2c",
    "two ranges": "GET /feed/simple/demo/ HTTP/1.1\nHost: {place}\nRange: bytes=0-1\nRange: bytes=2-3",
}


@pytest.mark.parametrize("name", REFUSED)
def test_nothing_else_of_the_host_is_open(command: Command, index: Service, name: str) -> None:
    place = f"127.0.0.1:{index.port}"
    with behind(command, index) as one:
        text = REFUSED[name].format(place=place).replace("\n", "\r\n") + "\r\n\r\n"
        status, _, _ = one.inside(place, text.encode("latin-1"))
        assert status in {400, 403}
        said = one.end()
    assert index.requests == []
    assert status == 400 or "The gateway refused" in said


@pytest.mark.parametrize(
    "text",
    [
        "GET /feed/simple/demo/ HTTP/1.1\r\nHost: {place}\r\nHost: other.example\r\n\r\n",
        (
            "GET /feed/simple/demo/ HTTP/1.1\r\nHost: {place}\r\n"
            "Content-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n"
        ),
        "GET /feed/simple/demo/ HTTP/1.1\r\nHost : {place}\r\n\r\n",
        "GET /feed/simple/demo/ HTTP/1.1\nHost: {place}\n x: y\n\n",
    ],
)
def test_what_two_readers_could_read_differently_is_refused(
    command: Command, index: Service, text: str
) -> None:
    place = f"127.0.0.1:{index.port}"
    with behind(command, index) as one:
        assert one.inside(place, text.format(place=place).encode("latin-1"))[0] in {400, 403}
    assert index.requests == []


def test_of_a_clients_headers_only_harmless_ones_go_further(command: Command, index: Service) -> None:
    with behind(command, index) as one:
        one.get(
            f"{index.url}/feed/simple/demo/", "Authorization: Basic eDp5", "Cookie: a=b",
            "X-Forwarded-Host: evil",
            "X-HTTP-Method-Override: DELETE", "Accept: text/html", "User-Agent: pip/26.3", "If-None-Match: x",
        )  # fmt: skip
    (request,) = index.requests
    assert request.login == ("build", TOKEN)
    assert set(request.headers) == {
        "host", "accept", "user-agent", "if-none-match", "accept-encoding", "authorization",
        "x-tfs-fedauthredirect",
    }  # fmt: skip


def test_the_host_is_open_at_the_index_only(command: Command, index: Service) -> None:
    with behind(command, index) as one:
        status, door = one.tunnel(f"127.0.0.1:{unused_port()}")
        door.close()
        assert status == 403
        with one.door() as plain:
            plain.sendall(
                one.head(f"GET http://127.0.0.1:{index.port}/ HTTP/1.1\nHost: 127.0.0.1:{index.port}")
            )
            assert b"403" in plain.recv(100)
    assert index.requests == []


# ---- who comes in -----------------------------------------------------------------------------------


@pytest.mark.parametrize("login", ["", "Basic", "Basic cnVuOnJ1bg==", "Bearer x", "Basic ÿ"])
def test_without_the_secret_nothing_passes(command: Command, index: Service, login: str) -> None:
    with behind(command, index) as one:
        one.login = ""
        for request in ("CONNECT 127.0.0.1:{0}", "GET http://127.0.0.1:{0}/", "CONNECT other.example:443"):
            with one.door() as door:
                head = f"{request.format(index.port)} HTTP/1.1\r\nHost: x\r\n"
                door.sendall(f"{head}Proxy-Authorization: {login}\r\n\r\n".encode("latin-1"))
                assert door.recv(100).split()[1] == b"407"
    assert index.requests == []


def test_the_secret_of_a_former_run_is_none(command: Command, index: Service) -> None:
    with behind(command, index) as former, behind(command, index) as one:
        assert former.login != one.login
        one.login = former.login
        status, door = one.tunnel(f"127.0.0.1:{index.port}")
        door.close()
        assert status == 407


@linux
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
def test_another_user_does_not_come_in(command: Command, index: Service) -> None:
    with behind(command, index) as one:
        asked = f"CONNECT 127.0.0.1:{index.port} HTTP/1.1\nHost: 127.0.0.1:{index.port}"
        script = f"exec 3<>/dev/tcp/127.0.0.1/{one.port}; cat >&3; head -n 1 <&3"
        for user, status in ((65534, b"403"), (0, b"200")):
            ended = subprocess.run(
                ["/bin/bash", "-c", script], input=one.head(asked), user=user, cwd="/", capture_output=True,
                timeout=30, check=True,
            )  # fmt: skip
            assert ended.stdout.split()[1] == status


@linux
@pytest.mark.parametrize(("family", "host"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")])
@pytest.mark.parametrize("way", [peers.user_of, peers.asked, peers.listed])
def test_the_system_tells_whose_a_connection_is(
    family: int, host: str, way: Callable[[int, tuple[str, int], tuple[str, int]], int | None]
) -> None:
    with socket.create_server((host, 0), family=family) as server:
        far = server.getsockname()[:2]
        with socket.create_connection(far) as client:
            near = client.getsockname()[:2]
            assert way(family, near, far) == os.geteuid()
            assert way(family, (host, 1), far) == -1


# ---- what an index may say --------------------------------------------------------------------------


def test_nothing_that_a_client_could_log_in_by_comes_back(command: Command, index: Service) -> None:
    spelled = f"{TOKEN} YnVpbGQ6Z2F0ZXdheS1jYW5hcnktN2YzYTljLXRva2Vu".encode()  # build:gateway-canary...
    headers = [
        ("Set-Cookie", "session=1"), ("WWW-Authenticate", "Basic"), ("X-User", "ada"), ("ETag", f'"{TOKEN}"'),
        ("Content-Type", "text/html"),
    ]  # fmt: skip

    def answer(request: Request) -> Answer:
        return Answer(int(request.path.strip("/")[-3:]), b"you sent " + spelled, "OK", headers)

    for status in (200, 404, 500):
        index.routes[f"GET /feed/simple/s{status}/"] = answer
    with behind(command, index) as one:
        for status in (200, 404, 500):
            got, shown, body = one.get(f"{index.url}/feed/simple/s{status}/")
            assert got == status
            assert body == b"you sent *** ***"
            assert set(shown) <= {"etag", "content-type", "content-length", "date", "server"}
            assert shown["etag"] == '"***"'


@pytest.mark.parametrize("status", [401, 407, 203])
def test_a_client_is_never_asked_for_a_login(command: Command, index: Service, status: int) -> None:
    index.routes["GET /feed/simple/demo/"] = lambda _: Answer(status, b"Sign in", "No", HTML)
    with behind(command, index) as one:
        got, shown, _ = one.get(f"{index.url}/feed/simple/demo/")
        assert got == 403
        assert "www-authenticate" not in shown
        assert f"does not accept the credential (status {status})" in one.end()


def test_a_redirect_goes_to_the_client_as_it_is(command: Command, index: Service, stranger: Service) -> None:
    target = f"http://localhost:{stranger.port}/blob?sig=a%2Fb"
    index.routes["GET /feed/files/demo-1.0-py3-none-any.whl"] = lambda request: guarded(
        request, Answer(303, b"", "See Other", [("Location", target)])
    )
    with behind(command, index, "--report", "report.json") as one:
        status, shown, _ = one.get(f"{index.url}/feed/files/demo-1.0-py3-none-any.whl")
        assert (status, shown["location"]) == (303, target)
        assert one.get(target)[0] == 404
        one.end()
    (request,) = stranger.requests
    assert not {"authorization", "proxy-authorization"} & set(request.headers)
    (file,) = json.loads((command.project / "report.json").read_text(encoding="utf-8"))["files"]
    assert (file["sha256"], file["bytes"]) == ("0" * 64, None)


def test_no_other_index_gets_the_credential_of_the_one_whose_page_names_its_file(
    command: Command, index: Service, authority: trustme.CA
) -> None:
    with serving(tls=server_context(authority, "localhost")) as other:
        other.routes["GET /files/demo-9.0.tar.gz"] = lambda _: Answer(200, b"sdist")
        there = f"https://localhost:{other.port}"
        page = f'<a href="{there}/files/demo-9.0.tar.gz">demo</a>'.encode()
        index.routes["GET /feed/simple/demo/"] = lambda request: guarded(
            request, Answer(200, page, "OK", HTML)
        )
        with behind(command, index, "--public", f"{there}/simple/") as one:
            assert one.get(f"{index.url}/feed/simple/demo/")[0] == 200
            status, _, body = one.get(f"{there}/files/demo-9.0.tar.gz")
    assert (status, body) == (200, b"sdist")
    assert [(request.path, request.login) for request in other.requests] == [("/files/demo-9.0.tar.gz", None)]


def test_an_index_that_does_not_answer_is_told_at_the_end(command: Command, index: Service) -> None:
    index.close()
    with behind(command, index) as one:
        assert one.get(f"{index.url}/feed/simple/demo/")[0] == 502
        assert "127.0.0.1 did not answer" in one.end()


# ---- a credential that ends --------------------------------------------------------------------------


def test_a_credential_that_is_not_taken_any_more_is_renewed_once(command: Command, index: Service) -> None:
    """Twelve requests at the same time, and none of their clients hears of it."""
    file = command.project / "token"
    file.write_text("the-former-canary-token", encoding="utf-8")
    file.chmod(0o600)
    one = Behind(command, "", "--token-file", str(file), f"{index.url}/feed/simple/")
    try:
        file.write_text(TOKEN, encoding="utf-8")
        with ThreadPoolExecutor(12) as pool:
            ended = list(pool.map(lambda _: one.get(f"{index.url}/feed/simple/demo/")[0], range(12)))
        assert ended == [200] * 12
        file.write_text("another-canary-token", encoding="utf-8")
        assert one.get(f"{index.url}/feed/simple/demo/")[0] == 200
    finally:
        said = one.end()
    assert "warning" not in said
    assert {request.login for request in index.requests[-2:]} == {("build", TOKEN)}


def test_where_there_is_no_other_credential_the_reason_is_told(command: Command, index: Service) -> None:
    file = command.project / "token"
    file.write_text("the-former-canary-token", encoding="utf-8")
    file.chmod(0o600)
    one = Behind(command, "", "--token-file", str(file), f"{index.url}/feed/simple/")
    file.unlink()
    assert one.get(f"{index.url}/feed/simple/demo/")[0] == 403
    said = one.end()
    assert "The credential could not be renewed" in said
    assert "does not accept the credential (status 401)" in said


# ---- networks ---------------------------------------------------------------------------------------


def test_other_hosts_are_tunnelled_unread(command: Command, index: Service, authority: trustme.CA) -> None:
    with (
        serving(lambda _: Answer(200, b"other"), server_context(authority, "localhost")) as other,
        behind(command, index) as one,
    ):
        assert one.get(f"https://localhost:{other.port}/x")[2] == b"other"
        assert "authorization" not in other.requests[0].headers


def test_an_index_by_plain_http_passes_too(command: Command) -> None:
    with serving(private) as service, behind(command, service) as one:
        service.routes["GET /feed/simple/demo/"] = lambda request: guarded(request, Answer(200, PAGE))
        assert one.get(f"{service.url}/feed/simple/demo/")[0] == 200
        assert one.get(f"{service.url}/_apis/")[0] == 403
        assert [request.login for request in service.requests] == [("build", TOKEN)]


def test_the_callers_proxy_is_between_it_and_everybody(
    command: Command, authority: trustme.CA, authority_file: str
) -> None:
    login = ("user", "proxy-canary")
    context = server_context(authority, "index.example", "other.example")
    with (
        serving(private, context) as service,
        proxying({"index.example:443": service.port, "other.example:443": service.port}, login) as proxy,
    ):
        service.routes["GET /feed/simple/demo/"] = lambda request: guarded(request, Answer(200, PAGE))
        one = Behind(
            command, TOKEN, "https://index.example/feed/simple/", SSL_CERT_FILE=authority_file,
            HTTPS_PROXY=f"http://user:proxy-canary@127.0.0.1:{proxy.port}",
        )  # fmt: skip
        try:
            assert "proxy-canary" not in json.dumps(one.environ)
            assert one.get("https://index.example/feed/simple/demo/")[0] == 200
            assert one.get("https://other.example/feed/simple/demo/")[0] == 401
        finally:
            one.end()
    assert proxy.targets == ["CONNECT index.example:443", "CONNECT other.example:443"]
    assert [request.login for request in service.requests] == [("build", TOKEN), None]


@pytest.mark.parametrize(
    "value", ["127.0.0.1", "*", "x, 127.0.0.1:{port}", "127.0.0.0/8", "localhost,127.0.0.1,::1"]
)
@pytest.mark.parametrize("name", ["NO_PROXY", "no_proxy"])
def test_no_proxy_for_an_index_is_refused(command: Command, index: Service, name: str, value: str) -> None:
    environ = {name: value.format(port=index.port), "PIP_AUTHENTICATE_TOKEN": TOKEN}
    ended = command("run", "--via", "gateway", f"{index.url}/feed/simple/", "--", "true", **environ)
    assert ended.returncode == 1
    assert f"{name} names 127.0.0.1" in ended.stderr
    assert left(command) == []


def test_a_proxy_with_a_login_is_told_it_by_plain_http_too(command: Command) -> None:
    login = ("user", "proxy-canary")
    with (
        serving(private) as service,
        proxying({"index.example:80": service.port, "other.example:80": service.port}, login) as proxy,
    ):
        service.routes["GET /feed/simple/demo/"] = lambda request: guarded(request, Answer(200, PAGE))
        service.routes["GET /open/"] = lambda request: Answer(200, json.dumps([*request.headers]).encode())
        one = Behind(
            command, TOKEN, "http://index.example/feed/simple/",
            HTTP_PROXY=f"http://user:proxy-canary@127.0.0.1:{proxy.port}",
            HTTPS_PROXY=f"http://user:proxy-canary@127.0.0.1:{proxy.port}",
            http_proxy=f"http://user:proxy-canary@127.0.0.1:{proxy.port}",
        )  # fmt: skip
        try:
            assert one.get("http://index.example/feed/simple/demo/")[0] == 200
            status, _, content = one.get("http://other.example/open/")
            assert (status, b"proxy-authorization" in content) == (200, False)
            count = len(proxy.requests)
            assert one.get("http://other.example/open/", method="TRACE")[0] == 403
            assert len(proxy.requests) == count
        finally:
            one.end()


def test_a_proxy_that_uv_takes_before_the_gateway_is_told(command: Command, index: Service) -> None:
    file = command.home / ".config" / "uv" / "uv.toml"
    file.parent.mkdir(parents=True)
    file.write_text('https-proxy = "http://proxy.example:3128"\n', encoding="utf-8")
    for client, is_told in (("uv", True), ("pip", False)):
        with behind(command, index, "--client", client) as one:
            assert (f"{file} names a web proxy for uv" in one.end()) == is_told


def test_no_proxy_for_others_stays(command: Command, index: Service) -> None:
    with behind(command, index, NO_PROXY="other.example,10.0.0.0/8,27.0.0.1") as one:
        assert one.environ["NO_PROXY"] == "other.example,10.0.0.0/8,27.0.0.1"


@linux
@pytest.mark.slow
@pytest.mark.skipif(not ipv6_only.is_possible(), reason="this user can make no network of its own")
def test_a_machine_without_ipv4(programs: Programs, tmp_path: Path) -> None:
    code, said, entrance, got = ipv6_only.ended(tmp_path, programs.place("pip") / "pip")
    assert (code, got) == (0, ["AlphaPackage-1.0.0-py3-none-any.whl"]), said
    assert "@[::1]:" in entrance
    assert "warning:" not in said


def test_connections_are_opened_for_whoever_will_ask_for_many_things(
    command: Command, authority: trustme.CA, authority_file: str
) -> None:
    """One before anybody comes, and many with a second tunnel at the same time; no request comes of it."""
    context, place = server_context(authority, "index.example"), "index.example:443"
    with serving(private, context) as service, proxying({place: service.port}) as proxy:
        service.routes["GET /feed/simple/demo/"] = lambda request: guarded(request, Answer(200, PAGE))
        proxy_url = f"http://127.0.0.1:{proxy.port}"
        one = Behind(
            command, TOKEN, "https://index.example/feed/simple/", SSL_CERT_FILE=authority_file,
            HTTPS_PROXY=proxy_url,
        )  # fmt: skip
        tunnels = list[socket.socket]()
        try:
            until(lambda: len(proxy.targets) == 1, 10.0)
            tunnels.append(one.tunnel(place)[1])
            time.sleep(0.2)
            assert len(proxy.targets) == 1
            tunnels.append(one.tunnel(place)[1])
            until(lambda: len(proxy.targets) == 24, 10.0)
            tunnels.append(one.tunnel(place)[1])
            assert service.requests == []
            assert one.get("https://index.example/feed/simple/demo/")[0] == 200
        finally:
            for tunnel in tunnels:
                tunnel.close()
            one.end()
        assert len(proxy.targets) == 24
        assert len(service.requests) == 1


def test_connections_are_opened_at_once_for_a_client_that_is_known_for_that(
    command: Command, authority: trustme.CA, authority_file: str
) -> None:
    context, place = server_context(authority, "index.example"), "index.example:443"
    with serving(private, context) as service, proxying({place: service.port}) as proxy:
        one = Behind(
            command, TOKEN, "--client", "uv", "https://index.example/feed/simple/",
            SSL_CERT_FILE=authority_file, HTTPS_PROXY=f"http://127.0.0.1:{proxy.port}",
        )  # fmt: skip
        try:
            until(lambda: len(proxy.targets) == 24, 10.0)
        finally:
            one.end()
        assert service.requests == []


def test_many_indexes_share_the_connections_that_are_opened_ahead(
    command: Command, authority: trustme.CA, authority_file: str
) -> None:
    """A process may have 256 files on macOS, and each client's connection is one."""
    names = [f"index{number}.example" for number in range(12)]
    with serving(private, server_context(authority, *names)) as service:
        hosts = {f"{name}:443": service.port for name in names}
        with proxying(hosts) as proxy:
            one = Behind(
                command, TOKEN, "--client", "uv", *(f"https://{name}/feed/simple/" for name in names),
                SSL_CERT_FILE=authority_file, HTTPS_PROXY=f"http://127.0.0.1:{proxy.port}",
            )  # fmt: skip
            try:
                until(lambda: len(proxy.targets) == 96, 10.0)
                assert {proxy.targets.count(f"CONNECT {host}") for host in hosts} == {8}
            finally:
                one.end()
            assert len(proxy.targets) == 96


def test_a_public_index_is_shown_no_client_certificate(
    command: Command, authority: trustme.CA, authority_file: str, tmp_path: Path
) -> None:
    client = client_files(authority, tmp_path)

    def tls() -> ssl.SSLContext:
        return server_context(authority, "127.0.0.1", asks_client=True, insists=False)

    with serving(private, tls()) as own, serving(lambda _: Answer(200, PAGE, "OK", HTML), tls()) as public:
        one = Behind(
            command, TOKEN, "--guard", f"{public.url}/simple/", f"{own.url}/feed/simple/",
            SSL_CERT_FILE=authority_file, AGENT_CLIENTCERT=client.chain, AGENT_CLIENTCERTKEY=client.key,
        )  # fmt: skip
        try:
            assert one.get(f"{public.url}/simple/demo/")[0] == 200
        finally:
            one.end()
        assert {request.certificate for request in own.requests} == {True}
        assert {request.certificate for request in public.requests} == {False}


def test_an_index_that_cannot_be_reached_is_no_fault_before_it_is_asked(command: Command) -> None:
    """Nobody asked for anything: what was opened ahead in vain is not told."""
    with socket.create_server(("127.0.0.1", 0)) as closed:
        place = f"127.0.0.1:{closed.getsockname()[1]}"
    one = Behind(command, TOKEN, "--client", "uv", f"https://{place}/feed/simple/")
    assert one.get(f"https://{place}/feed/simple/demo/")[0] == 502
    assert one.end().count("did not answer") == 1


# ---- where the credential is ------------------------------------------------------------------------


@linux
def test_no_process_shows_the_credential(command: Command, index: Service) -> None:
    with behind(
        command, index, MY_PAT=TOKEN, PIP_EXTRA_INDEX_URL=f"https://x:{TOKEN}@a.example/simple"
    ) as one:
        assert TOKEN not in json.dumps(one.environ)
        assert one.environ["PIP_EXTRA_INDEX_URL"] == "https://a.example/simple"
        for number in (one.process.pid, one.child):
            assert TOKEN.encode() not in shown_variables(number)
            assert b"PATH=" in shown_variables(number)
        assert len(left(command)) == 1


@linux
def test_an_ancestor_that_shows_the_credential_is_named(command: Command, index: Service) -> None:
    arguments = [COMMAND, "run", "--via", "gateway", f"{index.url}/feed/simple/", "--", "true"]
    script = f"import subprocess, sys; sys.exit(subprocess.call({arguments}))"
    ended = subprocess.run(
        [sys.executable, "-c", script],
        env={**command.environ, "PIP_AUTHENTICATE_TOKEN": TOKEN},
        cwd=command.project, capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    assert "which started this run, show the credential" in ended.stderr
    assert "--token-stdin" in ended.stderr


@linux
def test_a_file_on_standard_input_cannot_be_read_once_more(command: Command, index: Service) -> None:
    """Where a shell keeps it in one, as zsh does what stands behind `<<<`."""
    with tempfile.TemporaryFile() as file:
        file.write(TOKEN.encode())
        arguments = ("--token-stdin", f"{index.url}/feed/simple/", "--", "cat", "/proc/self/fd/0")
        for way in ("gateway", "env"):
            file.seek(0)
            ended = subprocess.run(
                [COMMAND, "run", "--via", way, *arguments], env=command.environ, cwd=command.project,
                stdin=file, capture_output=True, text=True, timeout=60, check=True,
            )  # fmt: skip
            assert ended.stdout == ("" if way == "gateway" else TOKEN)


# ---- how it ends ------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", ["0", "3", "255"])
def test_the_exit_code_is_that_of_the_program(command: Command, index: Service, code: str) -> None:
    with behind(command, index, CODE=code) as one:
        one.end()
        assert one.process.returncode == int(code)
        assert not is_open(one.host, one.port)
    assert left(command) == []


@pytest.mark.parametrize("name", ["TERM", "INT", "HUP"])
def test_a_signal_ends_both(command: Command, index: Service, name: str) -> None:
    with behind(command, index) as one:
        number = signal.Signals[f"SIG{name}"]
        one.process.send_signal(number)
        until(lambda: one.process.poll() is not None)
        assert one.process.returncode == -number
        assert is_gone(one.child)
        assert not is_open(one.host, one.port)
    assert left(command) == []


@linux
@pytest.mark.parametrize("end", ["exit", "kill program", "kill run"])
def test_an_agent_that_waits_for_the_end_of_both_streams_goes_on_at_once(
    command: Command, index: Service, end: str
) -> None:
    with behind(command, index) as one:
        assert one.process.stdin
        assert one.get(f"{index.url}/feed/simple/demo/")[0] == 200
        if end == "exit":
            one.process.stdin.close()
            one.process.stdin = None
        else:
            os.kill(one.child if end == "kill program" else one.process.pid, signal.SIGKILL)
        one.process.communicate(timeout=1.0)
        assert one.process.returncode == (0 if end == "exit" else -signal.SIGKILL)
        assert is_gone(one.child)
        assert not is_open(one.host, one.port)
    until(lambda: left(command) == [], 1.0)


def test_a_program_that_cannot_be_run(command: Command, index: Service) -> None:
    file = command.project / "tool"
    file.write_text("#!/no/such/interpreter\n", encoding="utf-8")
    file.chmod(0o755)
    ended = command(
        "run", "--via", "gateway", f"{index.url}/feed/simple/", "--", "./tool", PIP_AUTHENTICATE_TOKEN=TOKEN
    )
    assert ended.returncode == 126
    assert left(command) == []


def test_what_a_program_leaves_running_reaches_nobody(command: Command, index: Service) -> None:
    url = f"{index.url}/feed/simple/"
    ended = command(
        "run", "--via", "gateway", url, "--", "sh", "-c", "sleep 30 >/dev/null 2>&1 & echo $! $HTTPS_PROXY",
        PIP_AUTHENTICATE_TOKEN=TOKEN,
    )  # fmt: skip
    number, address = ended.stdout.split()
    os.kill(int(number), signal.SIGKILL)
    with (
        pytest.raises(ConnectionRefusedError),
        socket.create_connection(("127.0.0.1", int(address.rpartition(":")[2])), timeout=1),
    ):
        pass
