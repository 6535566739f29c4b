"""The index on loopback: who comes in, what pages and files become, and what an index may do."""

import gzip
import html.parser
import http.client
import io
import json
import os
import socket
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from urllib.parse import urljoin

import pytest
import trustme

from support.azure_shape import Route, download, store
from support.certificates import server_context
from support.command import Command
from support.door import Door
from support.http_service import Answer, Raw, Request, Service, raw, serving
from support.patience import until
from support.web_proxy import proxying

TOKEN = "serve-canary-7f3a9c-token"
JSON, HTML = "application/vnd.pypi.simple.v1+json", "text/html"
WHEEL = "demo-1.0-py3-none-any.whl"


def wheel(text: str = "") -> bytes:
    """A wheel `demo` 1.0; with a text of its own."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("demo.py", text)
        archive.writestr("demo-1.0.dist-info/METADATA", METADATA)
    return content.getvalue()


METADATA = b"Metadata-Version: 2.1\nName: demo\nVersion: 1.0\n"
CONTENT = wheel("x = 1\n" * 5000)
DIGEST = sha256(CONTENT).hexdigest()


class Place:
    """A private index, a blob store, a public index, and a door that is made of the indexes."""

    def __init__(self, command: Command, private: Service, blob: Service, public: Service) -> None:
        self.private, self.blob, self.public = private, blob, public
        public_url = f"http://localhost:{public.port}/simple/"
        self.command = command
        self.door = Door(
            command,
            TOKEN,
            "--report",
            "report.json",
            "--public",
            public_url,
            "--guard",
            "--client",
            "netrc",
            f"{private.url}/feed/simple/",
        )
        self._names = 0

    def page(self, content: bytes, kind: str = HTML, name: str = "") -> str:
        """Have the private index show a page; the name of its project."""
        if not name:
            self._names += 1
            name = f"project-{self._names}"
        self.private.routes[f"GET /feed/simple/{name}/"] = guarded(
            lambda _: Answer(200, content, headers=[("Content-Type", kind)])
        )
        return name

    def file(self, answer: Route, metadata: bytes = b"") -> str:
        """Have the private index answer for a file of a page of its own; the file's address at the door."""
        self._names += 1
        path = f"/feed/files/{self._names}/{WHEEL}"
        project = self.page(f'<a href="{path}#sha256={DIGEST}">x</a>'.encode())
        self.private.routes[f"GET {path}"] = self.private.routes[f"HEAD {path}"] = guarded(answer)
        if metadata:
            self.private.routes[f"GET {path}.metadata"] = guarded(lambda _: Answer(200, metadata))
        return f"/files/{DIGEST}/{project}/{WHEEL}"

    def asked(self, service: Service, what: str) -> list[Request]:
        """The requests whose address holds a text."""
        return [request for request in service.requests if what in request.target]


def guarded(route: Route) -> Route:
    def answer(request: Request) -> "Answer | Raw":
        return route(request) if request.login == ("build", TOKEN) else Answer(401)

    return answer


def nothing(_: Request) -> Answer:
    return Answer(404)


@contextmanager
def placed(folder: Path) -> Iterator[Place]:
    command = Command(folder)
    with serving(guarded(nothing)) as private, serving(store(CONTENT)) as blob, serving(nothing) as public:
        one = Place(command, private, blob, public)
        try:
            yield one
        finally:
            one.door.close()


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with placed(tmp_path_factory.mktemp("serve")) as one:
        yield one


def links(content: bytes) -> "list[dict[str, str | None]]":
    """The attributes of a page's anchors."""
    found = []

    class Reader(html.parser.HTMLParser):
        def handle_starttag(self, tag: str, attrs: "list[tuple[str, str | None]]") -> None:
            if tag == "a":
                found.append(dict(attrs))

    Reader().feed(content.decode())
    return found


# ---- who comes in -----------------------------------------------------------------------------------


def test_its_address_is_all_that_the_program_is_told(place: Place) -> None:
    environ = place.door.environ
    assert (
        place.door.address
        == f"http://serve:{environ['PIP_INDEX_URL'][13:].partition('@')[0]}@{place.door.place}/simple/"
    )
    assert environ["UV_DEFAULT_INDEX"] == environ["PIP_EXTRA_INDEX_URL"] == environ["PIP_INDEX_URL"]
    assert environ["PIP_TRUSTED_HOST"] == place.door.place
    assert environ["NO_PROXY"] == environ["no_proxy"] == "127.0.0.1"
    assert TOKEN not in json.dumps(environ)


@pytest.mark.parametrize("login", ["", "Basic", "Basic c2VydmU6c2VydmU=", "Bearer x", "Basic ÿ"])
def test_without_the_secret_nothing_passes(place: Place, login: str) -> None:
    before = len(place.private.requests)
    status, shown, _ = place.door.get("/simple/demo/", Authorization=login)
    assert (status, shown["www-authenticate"]) == (401, 'Basic realm="pip-authenticate"')
    assert len(place.private.requests) == before


@pytest.mark.skipif(sys.platform != "linux" or os.geteuid() != 0, reason="only root can be somebody else")
def test_another_user_does_not_come_in(place: Place) -> None:
    name = place.page(b"")
    script = f"exec 3<>/dev/tcp/127.0.0.1/{place.door.port}; cat >&3; head -n 1 <&3"
    for user, status in ((65534, b"403"), (0, b"200")):
        ended = subprocess.run(
            ["/bin/bash", "-c", script], input=place.door.request(f"/simple/{name}/"), user=user, cwd="/",
            capture_output=True, timeout=30, check=True,
        )  # fmt: skip
        assert ended.stdout.split()[1] == status


@pytest.mark.skipif(
    sys.platform != "linux" or os.geteuid() != 0, reason="only root can start as somebody else"
)
def test_root_comes_in_to_everybody(tmp_path: Path) -> None:
    """An image that is built on the machine's own network is built by root."""
    script = (
        "import os, socket; from pip_authenticate.gateway.entrance import Entrance\n"
        "os.seteuid(65534); door = Entrance('x', 0, admits_root=True); strict = Entrance()\n"
        "os.seteuid(0)\n"
        "for one in (door, strict):\n"
        "    client = socket.create_connection((one.origin.host, one.origin.port))\n"
        "    print(one.is_own(client.getsockname()))\n"
    )
    ended = subprocess.run(
        [sys.executable, "-I", "-c", script],
        capture_output=True, text=True, timeout=30, check=True, cwd=tmp_path,
    )  # fmt: skip
    assert ended.stdout == "True\nFalse\n"


REFUSED = {
    "POST": ("/simple/demo/", "POST", {}),
    "PUT": ("/simple/demo/", "PUT", {}),
    "DELETE": ("/simple/demo/", "DELETE", {}),
    "CONNECT": ("other.example:443", "CONNECT", {}),
    "OPTIONS": ("*", "OPTIONS", {}),
    "another Host": ("/simple/demo/", "GET", {"Host": "other.example"}),
    "a name that leads here": ("/simple/demo/", "GET", {"Host": "localhost:{port}"}),
    "no Host": ("/simple/demo/", "GET", {"Host": ""}),
    "a body": ("/simple/demo/", "GET", {"Content_Length": "4"}),
    "an upgrade": ("/simple/demo/", "GET", {"Connection": "Upgrade", "Upgrade": "h2c"}),
    "the index's own path": ("/feed/simple/demo/", "GET", {}),
    "dots": ("/simple/../../_apis/", "GET", {}),
    "encoded dots": ("/simple/%2e%2e/_apis/", "GET", {}),
    "twice encoded dots": ("/simple/%252e%252e/", "GET", {}),
    "encoded slash": ("/simple/..%2f_apis/", "GET", {}),
    "backslash": ("/simple\\demo/", "GET", {}),
    "two slashes": ("//simple/demo/", "GET", {}),
    "absolute form": ("http://127.0.0.1/simple/demo/", "GET", {}),
    "query": ("/simple/demo/?x=1", "GET", {}),
    "below a page": ("/simple/demo/more", "GET", {}),
    "a name that is none": ("/simple/-demo-/", "GET", {}),
    "a file that no page names": (f"/files/{DIGEST}/demo/{WHEEL}", "GET", {}),
    "a file of another digest": (f"/files/{'0' * 64}/demo/other-1.0.tar.gz", "GET", {}),
    "an address as a file": ("/files/unknown/demo/http:%2F%2Fx", "GET", {}),
    "API": ("/_apis/projects", "GET", {}),
}


@pytest.mark.parametrize("name", REFUSED)
def test_nothing_else_is_open(place: Place, name: str) -> None:
    target, method, headers = REFUSED[name]
    before = len(place.private.requests)
    place.page(b"", name="demo")
    sent = {key: value.format(port=place.door.port) for key, value in headers.items()}
    status, _, _ = place.door.get(target, method, **sent)
    assert status in {400, 403, 404}
    assert all(request.target == "/feed/simple/demo/" for request in place.private.requests[before:])


def test_of_a_clients_headers_only_harmless_ones_go_further(place: Place) -> None:
    target = place.file(lambda _: Answer(200, CONTENT))
    place.door.get(target, Cookie="a=b", X_Forwarded_Host="evil", User_Agent="pip/26.3")
    (request,) = place.asked(place.private, WHEEL)[-1:]
    assert set(request.headers) <= {
        "host", "accept", "user-agent", "accept-encoding", "authorization", "x-tfs-fedauthredirect",
    }  # fmt: skip
    assert request.login == ("build", TOKEN)


# ---- pages ------------------------------------------------------------------------------------------

FILE = {
    "filename": WHEEL,
    "url": "../../files/x",
    "hashes": {"sha256": DIGEST, "md5": "0" * 32},
    "requires-python": ">=3.8",
    "yanked": 'a "reason" & more',
    "core-metadata": {"sha256": "1" * 64},
    "size": 5,
}


def test_pages_become_what_a_client_wants(place: Place) -> None:
    """Both forms of a page in both forms say the same."""
    given = {"meta": {"api-version": "1.1"}, "name": "x", "files": [FILE], "versions": ["1.0"]}
    attributes = (
        f'href="../../files/{WHEEL}#sha256={DIGEST}" data-requires-python="&gt;=3.8" '
        f'data-yanked="a &quot;reason&quot; &amp; more" data-dist-info-metadata="sha256={"1" * 64}"'
    )
    for name in (
        place.page(json.dumps(given).encode(), JSON),
        place.page(f"<!doctype html><body><!-- <a href=no>no</a> --><A {attributes}>x</A>".encode()),
    ):
        _, shown, content = place.door.get(f"/simple/{name}/", Accept=JSON)
        assert shown["content-type"] == JSON
        (file,) = json.loads(content)["files"]
        assert file["url"] == f"../../files/{DIGEST}/{name}/{WHEEL}"
        assert file["hashes"]["sha256"] == DIGEST
        assert file["core-metadata"] == {"sha256": "1" * 64}
        assert "dist-info-metadata" not in file
        assert (file["requires-python"], file["yanked"]) == (FILE["requires-python"], FILE["yanked"])
        _, shown, content = place.door.get(f"/simple/{name}/", Accept=HTML)
        assert shown["content-type"] == HTML
        assert links(content) == [
            {
                "href": f"../../files/{DIGEST}/{name}/{WHEEL}#sha256={DIGEST}",
                "data-requires-python": ">=3.8",
                "data-yanked": 'a "reason" & more',
                "data-core-metadata": f"sha256={'1' * 64}",
                "data-dist-info-metadata": f"sha256={'1' * 64}",
            }
        ]


NEGOTIATED = {
    "": HTML,
    "*/*": HTML,
    "text/*": HTML,
    "application/*": JSON,
    HTML: HTML,
    JSON: JSON,
    "application/vnd.pypi.simple.latest+json": JSON,
    f"{JSON}, application/vnd.pypi.simple.v1+html; q=0.1, text/html; q=0.01": JSON,
    f"{JSON};q=0.2, text/html": HTML,
    f"{JSON};q=0, */*": HTML,
    "application/vnd.pypi.simple.v1+html": "application/vnd.pypi.simple.v1+html",
    f"{HTML};q=0.5, {JSON};q=0.5": JSON,
    "image/png": "",
    "application/vnd.pypi.simple.v2+json": "",
    f"{JSON};q=0": "",
    f"{JSON};q=x": "",
}


@pytest.mark.parametrize("accept", NEGOTIATED)
def test_the_form_of_a_page_is_the_one_that_a_client_likes_best(place: Place, accept: str) -> None:
    name = place.page(b"", name="negotiated")
    status, shown, _ = place.door.get(f"/simple/{name}/", Accept=accept)
    assert (status, shown["content-type"] if status == 200 else "") == (
        200 if NEGOTIATED[accept] else 406,
        NEGOTIATED[accept],
    )


def test_a_page_is_asked_for_once_and_answered_with_304(place: Place) -> None:
    name = place.page(b"<a href='a-1.0.tar.gz'>a</a>")
    threads = [threading.Thread(target=place.door.get, args=(f"/simple/{name}/",)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    status, shown, content = place.door.get(f"/simple/{name}/")
    assert (status, shown["cache-control"], shown["vary"]) == (200, "no-cache", "Accept")
    status, again, content = place.door.get(f"/simple/{name}/", If_None_Match=f'"x", W/{shown["etag"]}')
    assert (status, content, again["etag"]) == (304, b"", shown["etag"])
    assert place.door.get(f"/simple/{name}/", Accept=JSON)[1]["etag"] != shown["etag"]
    status, head, content = place.door.get(f"/simple/{name}/", "HEAD")
    assert (status, content, head["content-length"]) == (200, b"", shown["content-length"])
    assert len(place.asked(place.private, name)) == 1


def test_connections_are_opened_for_who_knows_the_secret_only(
    tmp_path: Path, authority: trustme.CA, authority_file: str
) -> None:
    command = Command(tmp_path)
    context, name = server_context(authority, "index.example"), "index.example:443"
    with serving(lambda _: Answer(404), context) as service, proxying({name: service.port}) as proxy:
        door = Door(
            command, TOKEN, "https://index.example/feed/simple/",
            SSL_CERT_FILE=authority_file, HTTPS_PROXY=f"http://127.0.0.1:{proxy.port}",
        )  # fmt: skip
        try:
            until(lambda: len(proxy.targets) == 1, 10.0)
            for _ in range(3):
                assert door.get("/simple/demo/", Authorization="")[0] == 401
            time.sleep(0.3)
            assert len(proxy.targets) == 1
            for _ in range(2):
                assert door.get("/simple/demo/")[0] == 404
            until(lambda: len(proxy.targets) == 24, 10.0)
        finally:
            door.close()


def test_names_are_normalised_and_pages_have_a_slash(place: Place) -> None:
    place.page(b"", name="some-name")
    assert place.door.get("/simple/Some.__Name/")[0] == 200
    status, shown, _ = place.door.get("/simple/Some.Name")
    assert (status, shown["location"]) == (301, "Some.Name/")


def test_links_lead_back_whatever_they_look_like(place: Place) -> None:
    """Relative, absolute, with a base, with odd signs; on another host without the credential."""
    for spelling in ("+", "%2B"):
        place.private.routes[f"GET /feed/deep/a-1.0{spelling}x.tar.gz"] = guarded(lambda _: Answer(200, b"a"))
    place.private.routes["GET /feed/simple/based/c-1.0.tar.gz"] = guarded(lambda _: Answer(200, b"c"))
    texts = {
        "relative": ('<a href="../../deep/a-1.0%2Bx.tar.gz">a</a>', b"a"),
        "absolute": (f'<a href="{place.private.url}/feed/deep/a-1.0+x.tar.gz">a</a>', b"a"),
        "rooted": ("<a href='/feed/deep/a-1.0+x.tar.gz'>a</a>", b"a"),
        "base": ('<base href="../../deep/"><a href=a-1.0+x.tar.gz>a</a>', b"a"),
        "based": ('<a href="c-1.0.tar.gz">c</a>', b"c"),
        "elsewhere": (f'<a href="http://127.0.0.1:{place.blob.port}/d-1.0.tar.gz">d</a>', CONTENT),
    }
    for name, (text, expected) in texts.items():
        place.page(text.encode(), name=name)
        ((attributes),) = links(place.door.get(f"/simple/{name}/")[2])
        target = urljoin(f"/simple/{name}/", attributes["href"] or "")
        assert target.startswith(f"/files/unknown/{name}/")
        status, shown, content = place.door.get(target)
        assert (status, content) == (200, expected), name
        assert "immutable" not in shown.get("cache-control", "")
    assert all("authorization" not in request.headers for request in place.blob.requests)


def test_the_page_of_all_names_lists_the_private_ones(place: Place) -> None:
    place.private.routes["GET /feed/simple/"] = guarded(
        lambda _: Answer(200, b'<a href="b/">b</a> <a href="a/">A</a>', headers=[("Content-Type", HTML)])
    )
    status, _, content = place.door.get("/simple/", Accept=JSON)
    assert (status, json.loads(content)["projects"]) == (200, [{"name": "A"}, {"name": "b"}])
    assert [one["href"] for one in links(place.door.get("/simple/")[2])] == ["A/", "b/"]


def test_an_index_may_compress(place: Place) -> None:
    text = gzip.compress(b'<a href="a-1.0.tar.gz">a</a>')
    place.private.routes["GET /feed/simple/packed/"] = guarded(
        lambda _: Answer(200, text, headers=[("Content-Type", HTML), ("Content-Encoding", "gzip")])
    )
    status, shown, content = place.door.get("/simple/packed/", Accept_Encoding="gzip")
    assert (status, len(links(content))) == (200, 1)
    assert "content-encoding" not in shown


def test_what_is_no_page_is_none(place: Place) -> None:
    for content in (b"[", b"[]", b'"x"', b"[" * 100_000):
        name = place.page(content, JSON)
        status, _, said = place.door.get(f"/simple/{name}/")
        assert (status, b"cannot be read" in said) == (502, True)
    odd = {
        "files": [1, {}, {"filename": 1, "url": "x"}, {"filename": "a-1.0.tar.gz", "url": "a", "hashes": []}]
    }
    name = place.page(json.dumps(odd).encode(), JSON)
    assert len(links(place.door.get(f"/simple/{name}/")[2])) == 1


# ---- whose a name is --------------------------------------------------------------------------------


def test_a_public_page_is_for_names_that_no_private_index_has(place: Place) -> None:
    place.public.routes["GET /simple/open/"] = lambda _: Answer(
        200, b'<a href="../../files/open-1.0.tar.gz">x</a><a href="https://files.example/b.whl">x</a>',
        headers=[("Content-Type", HTML)],
    )  # fmt: skip
    place.public.routes["GET /simple/owned/"] = place.public.routes["GET /simple/open/"]
    place.page(b'<a href="owned-1.0.tar.gz">x</a>', name="owned")
    assert [one["href"] for one in links(place.door.get("/simple/open/")[2])] == [
        f"http://localhost:{place.public.port}/files/open-1.0.tar.gz", "https://files.example/b.whl",
    ]  # fmt: skip
    (own,) = links(place.door.get("/simple/Owned/")[2])
    assert own["href"] == "../../files/unknown/owned/owned-1.0.tar.gz"
    assert place.asked(place.public, "owned") == []
    assert place.door.get("/simple/nowhere/")[0] == 404


@pytest.mark.parametrize("status", [200, 203, 302, 401, 403, 429, 500, 503])
def test_where_that_is_not_sure_nothing_comes(place: Place, status: int) -> None:
    """Also with status 200, where what comes is no page."""
    name = f"doubtful-{status}"
    headers = [("Content-Type", "text/html" if status == 203 else "text/plain"), ("Location", "/_signin")]
    place.private.routes[f"GET /feed/simple/{name}/"] = lambda _: Answer(status, b"x", headers=headers)
    place.public.routes[f"GET /simple/{name}/"] = lambda _: Answer(200, b"", headers=[("Content-Type", HTML)])
    got, _, said = place.door.get(f"/simple/{name}/")
    assert (got, b"does not say whether it has" in said) == (502, True)
    assert place.asked(place.public, name) == []
    place.page(b"", name=name)  # a doubt is not remembered
    assert place.door.get(f"/simple/{name}/")[0] == 200


# ---- files ------------------------------------------------------------------------------------------


def azure(place: Place) -> Route:
    return download(f"http://127.0.0.1:{place.blob.port}/blob?sig=a%2Fb")


def test_a_blob_store_is_asked_without_the_credential(place: Place) -> None:
    target = place.file(azure(place))
    before = len(place.blob.requests)
    status, shown, content = place.door.get(target)
    assert (status, content) == (200, CONTENT)
    assert shown["etag"] == f'"{DIGEST}"'
    assert shown["cache-control"] == "max-age=31536000, immutable"
    assert "location" not in shown
    (request,) = place.blob.requests[before:]
    assert request.target == "/blob?sig=a%2Fb"
    assert "authorization" not in request.headers


def test_what_a_client_has_is_answered_without_asking(place: Place) -> None:
    target = place.file(azure(place))
    before = len(place.private.requests)
    status, shown, content = place.door.get(target, If_None_Match=f'"{DIGEST}"')
    assert (status, content, shown["etag"]) == (304, b"", f'"{DIGEST}"')
    assert len(place.private.requests) == before + 1  # its page


def test_head_and_parts_of_files(place: Place) -> None:
    target = place.file(azure(place))
    status, shown, content = place.door.get(target, "HEAD")
    assert (status, content, shown["content-length"]) == (200, b"", str(len(CONTENT)))
    assert shown["accept-ranges"] == "bytes"
    status, shown, content = place.door.get(target, Range="bytes=10-19")
    assert (status, content) == (206, CONTENT[10:20])
    assert shown["content-range"] == f"bytes 10-19/{len(CONTENT)}"
    assert place.door.get(target, Range="bytes=-5")[2] == CONTENT[-5:]
    status, shown, _ = place.door.get(target, Range=f"bytes={len(CONTENT)}-")
    assert (status, shown["content-range"]) == (416, f"bytes */{len(CONTENT)}")
    assert place.door.get(target, Range="bytes=10-19", If_Range=f'"{DIGEST}"')[0] == 206
    assert place.door.get(target, Range="bytes=10-19", If_Range='"another"')[0] == 200
    # Where a redirect has led is asked again without asking the feed, and HEAD is tried once.
    asked = place.asked(place.private, target.rpartition("/")[2])
    assert [one.method for one in asked if one.method == "HEAD"] == ["HEAD"]
    assert asked[-1].method == "GET"
    number = asked[-1].target
    assert len([one for one in asked if one.target == number]) <= 2


def test_an_index_without_ranges_promises_none(place: Place) -> None:
    target = place.file(lambda _: Answer(200, CONTENT))
    status, shown, content = place.door.get(target, Range="bytes=0-1")
    assert (status, content) == (200, CONTENT)
    assert "accept-ranges" not in shown


def test_a_signed_address_that_ended_is_asked_for_again(place: Place) -> None:
    target = place.file(azure(place))
    assert place.door.get(target)[0] == 200

    def ended(_: Request) -> Answer:
        del place.blob.routes["GET /blob"]
        return Answer(403)

    place.blob.routes["GET /blob"] = ended
    assert place.door.get(target)[0] == 200


@pytest.mark.parametrize("body", [b"another content", CONTENT + b"x", CONTENT[:-1], b""])
def test_another_content_than_the_page_names_breaks_off(place: Place, body: bytes) -> None:
    target = place.file(lambda _: Answer(200, body))
    with place.door.opened(target) as door:
        got = b""
        try:
            while piece := door.recv(65536):
                got += piece
        except ConnectionResetError:
            pass
    assert len(got.partition(b"\r\n\r\n")[2]) < max(len(body), 1)


def test_what_an_index_breaks_off_breaks_off(place: Place) -> None:
    head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(CONTENT)}\r\n\r\n".encode()
    target = place.file(lambda _: raw(head + CONTENT[:100]))
    with pytest.raises((ConnectionError, http.client.IncompleteRead)):
        place.door.get(target)


REDIRECTS = {
    "plain http": "http://other.example/blob",
    "no http": "ftp://127.0.0.1/x",
    "a file": "file:///etc/passwd",
    "a login": "http://user:password@127.0.0.1/x",
    "a sign-in": "/_signin?x",
}


@pytest.mark.parametrize("name", REDIRECTS)
def test_a_redirect_that_leads_astray_is_not_followed(place: Place, name: str) -> None:
    target = place.file(download(REDIRECTS[name]))
    assert place.door.get(target)[0] == 502


def test_redirects_end(place: Place) -> None:
    target = place.file(lambda request: Answer(302, b"", headers=[("Location", request.target)]))
    before = len(place.private.requests)
    assert place.door.get(target)[0] == 502
    assert len(place.private.requests) - before <= 8


def test_a_page_for_people_is_no_file(place: Place) -> None:
    target = place.file(lambda _: Answer(200, b"<html>", headers=[("Content-Type", "text/html")]))
    assert place.door.get(target)[0] == 502


@pytest.mark.parametrize("status", [401, 203, 404, 500])
def test_errors_say_nothing_secret(place: Place, status: int) -> None:
    headers = [("WWW-Authenticate", "Basic"), ("Set-Cookie", "a=b")]
    target = place.file(lambda _: Answer(status, f"you sent {TOKEN}".encode(), headers=headers))
    got, shown, content = place.door.get(target)
    assert got == {401: 403, 203: 403}.get(status, status)
    assert not {"www-authenticate", "set-cookie"} & set(shown)
    assert TOKEN.encode() not in content


def test_metadata_that_is_promised_is_there(place: Place) -> None:
    """Where the index has none, the wheel has."""
    target = place.file(lambda _: Answer(200, CONTENT))
    status, shown, content = place.door.get(f"{target}.metadata")
    assert (status, content, shown["etag"]) == (200, METADATA, f'"{DIGEST}.metadata"')
    other = place.file(lambda _: Answer(200, b"another wheel"))
    assert place.door.get(f"{other}.metadata")[0] == 502
    own = place.file(lambda _: Answer(200, CONTENT), b"its own")
    assert place.door.get(f"{own}.metadata")[2] == b"its own"


def test_who_goes_away_frees_the_index(place: Place) -> None:
    """Also where the index keeps silent."""
    freed = threading.Event()

    def endless(connection: socket.socket) -> None:
        connection.sendall(f"HTTP/1.1 200 OK\r\nContent-Length: {10**9}\r\n\r\nx".encode())
        connection.settimeout(20)
        if connection.recv(1) == b"":
            freed.set()

    target = place.file(lambda _: Raw(endless))
    with place.door.opened(target) as door:
        door.recv(100)
        time.sleep(0.2)
        assert not freed.is_set()
    assert freed.wait(1.0)


def test_the_record_has_it_all(tmp_path: Path) -> None:
    with placed(tmp_path) as place:
        assert place.door.get(place.file(download(f"{place.blob.url}/blob?sig=x")))[0] == 200
        with pytest.raises((ConnectionError, http.client.IncompleteRead)):
            place.door.get(place.file(lambda _: Answer(200, b"another")))
        place.public.routes["GET /simple/open/"] = lambda _: Answer(
            200, b"", headers=[("Content-Type", HTML)]
        )
        assert place.door.get("/simple/open/")[0] == 200
        assert place.door.get("/elsewhere")[0] == 404
        said = place.door.end()
        assert place.door.process.returncode == 0
        assert "Traceback" not in said
        assert "The gateway refused" in said
        text = (place.command.project / "report.json").read_text(encoding="utf-8")
        report = json.loads(text)
        assert any(f"sent another {WHEEL} than its page names" in why for why in report["failures"])
        (file,) = [one for one in report["files"] if one["file"] == WHEEL]
        assert (file["name"], file["version"], file["bytes"]) == ("demo", "1.0", len(CONTENT))
        assert [one["name"] for one in report["public"]] == ["open"]
        for secret in (TOKEN, place.door.login, "sig="):
            assert secret not in said + text
