"""nginx in front of a feed: the documentation's own configuration, the real nginx, the real clients."""

import base64
import http.client
import os
import re
import ssl
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import pytest
import trustme

from azure_devops_emulator import Organization, Service
from support.command import COMMAND, Command
from support.http_service import unused_port
from support.nginx import Nginx
from support.patience import until
from support.programs import QUIET, Programs
from support.snippets import ROOT, Snippet, snippets

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="it comes as a Debian package")

FORMER, TOKEN = "nginx-canary-61c0-former", "nginx-canary-61c0-token"
ORGANIZATION = f"""
[organization]
name = "fabrikam"
[behaviour]
simple_json = true
[[projects]]
name = "project1"
readers = ["Ada Palmer"]
[[feeds]]
name = "myFeed"
project = "project1"
packages = ["HelloTestPackage==1.0.0"]
[feeds.roles]
"Ada Palmer" = "Feed Owner"
[[feeds]]
name = "other"
project = "project1"
packages = ["HelloTestPackage==2.0.0"]
[feeds.roles]
"Ada Palmer" = "Feed Owner"
[[identities]]
name = "Ada Palmer"
[[identities.tokens]]
label = "the former one"
value = "{FORMER}"
scopes = ["app_token"]
[[identities.tokens]]
label = "the new one"
value = "{TOKEN}"
scopes = ["app_token"]
"""
PAGE = snippets(ROOT / "docs" / "nginx.md")
INCLUDE = "    include /etc/nginx/feed/nginx-authorization.conf;\n"
FEED = "/pkgs/fabrikam/project1/_packaging/myFeed/pypi/simple/"


def shown(language: str) -> Snippet:
    """The first snippet of the page in a language."""
    return next(one for one in PAGE if one.language == language)


class Answer(NamedTuple):
    """What came back: status, headers by lower-case name, body."""

    status: int
    headers: dict[str, str]
    text: str


class Office(NamedTuple):
    """An organisation, a server in front of its feed, and somebody who keeps that up.

    Args:
        service: the organisation.
        command: in whose project the folder `feed` lies.
        nginx: the server, without the line that adds the credential.
        port: where it listens.
        server: the text of its configuration.
        authorities: a file of those that a client trusts: the server's, and the blob store's.
        download: the path of a file of the feed.
    """

    service: Service
    command: Command
    nginx: Nginx
    port: int
    server: str
    authorities: str
    download: str

    def keep_up(self, token: str, words: str = "") -> "subprocess.CompletedProcess[str]":
        """What the page has cron do, or other words of it."""
        words = words or shown("text").text.partition(" root ")[2]
        values = {
            "/etc/nginx/feed": "feed",
            "--organization fabrikam": f"--organization {self.service.collection_uri}",
        }
        for before, after in values.items():
            words = words.replace(before, after)
        environ = self.command.environ | {"PIP_AUTHENTICATE_TOKEN": token}
        return subprocess.run(
            ["sh", "-c", words], env=environ, cwd=self.command.project, capture_output=True, text=True,
            timeout=60, check=False,
        )  # fmt: skip

    def ask(self, path: str = FEED, method: str = "GET", **headers: str) -> Answer:
        """An answer of the server, on a connection of its own."""
        answer = answer_of("127.0.0.1", self.port, self.authorities, method, path, headers)
        assert not any(token in str(answer) for token in spelled())
        return answer

    @property
    def asked(self) -> list[str]:
        """The credentials that the feed was shown."""
        return [record.credential for record in self.service.log if record.host == "pkgs"]


def spelled() -> list[str]:
    """Every form of the tokens that could turn up somewhere."""
    pairs = [base64.b64encode(f"build:{token}".encode()).decode() for token in (FORMER, TOKEN)]
    return [FORMER, TOKEN, *pairs]


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where nginx is unpacked to, once."""
    return tmp_path_factory.mktemp("packages")


@pytest.fixture
def office(tmp_path: Path, authority: trustme.CA, packages: Path) -> Iterator[Office]:
    command, port = Command(tmp_path), unused_port()
    with Service(Organization.parse(ORGANIZATION), https=True) as service:
        files = {name: tmp_path / f"{name}.pem" for name in ("feed", "server", "key", "client")}
        files["feed"].write_bytes(service.ca_pem)
        files["client"].write_bytes(service.ca_pem + authority.cert_pem.bytes())
        issued = authority.issue_cert("127.0.0.1")
        files["server"].write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
        files["key"].write_bytes(issued.private_key_pem.bytes())
        download = a_file_of(service, str(files["feed"]))
        project, feed = re.findall(r"[0-9a-f-]{36}", download)
        place = service.origin.partition("://")[2]
        values = {
            "server pkgs.dev.azure.com:443": f"server {place}",
            "proxy_ssl_name pkgs.dev.azure.com": "proxy_ssl_name localhost",
            "pkgs.dev.azure.com": place,
            "/fabrikam/": "/pkgs/fabrikam/",
            "PROJECT-GUID": project,
            "FEED-GUID": feed,
            "listen 443": f"listen 127.0.0.1:{port}",
            "/etc/nginx/packages.pem": str(files["server"]),
            "/etc/nginx/packages.key": str(files["key"]),
            "/etc/ssl/certs/ca-certificates.crt": str(files["feed"]),
            "allow 10.0.0.0/8": "allow 127.0.0.1",
        }
        server = shown("nginx").text
        assert INCLUDE in server
        for before, after in values.items():
            assert before in server
            server = server.replace(before, after)
        folder, programs = tmp_path / "nginx", tmp_path / "bin"
        folder.mkdir()
        programs.mkdir()
        nginx = Nginx(folder, packages, server.replace(INCLUDE, ""), port)
        nginx.script(programs)
        (programs / "pip-authenticate").symlink_to(COMMAND)
        command.environ["PATH"] = f"{programs}{os.pathsep}{command.environ['PATH']}"
        command.environ["SSL_CERT_FILE"] = str(files["feed"])
        server = server.replace("/etc/nginx/feed", str(command.project / "feed"))
        service.log.clear()
        try:
            yield Office(service, command, nginx, port, server, str(files["client"]), download)
        finally:
            nginx.stop()


def answer_of(
    host: str, port: int, authorities: str, method: str, path: str, headers: Mapping[str, str]
) -> Answer:
    """The answer to a request, on a connection of its own."""
    context = ssl.create_default_context(cafile=authorities)
    with closing(http.client.HTTPSConnection(host, port, timeout=30, context=context)) as connection:
        connection.request(method, path, headers=headers)
        with connection.getresponse() as answer:
            named = {name.lower(): value for name, value in answer.getheaders()}
            return Answer(answer.status, named, answer.read().decode())


def a_file_of(service: Service, authorities: str) -> str:
    """The path of a file as the feed's own page names it."""
    login = base64.b64encode(f"x:{TOKEN}".encode()).decode()
    place = urlsplit(service.origin)
    text = answer_of(
        str(place.hostname), place.port or 443, authorities, "GET", f"{FEED}hellotestpackage/",
        {"Authorization": f"Basic {login}"},
    ).text  # fmt: skip
    found = re.search(rf'href="{re.escape(service.origin)}([^"#]+)', text)
    assert found, text
    return found[1]


def opened(office: Office, token: str = FORMER) -> None:
    """Have the server add a credential."""
    words = shown("sh").text.strip()
    assert words.startswith("pip-authenticate write feed ")
    ended = office.keep_up(token, words)
    assert ended.returncode == 0, ended.stderr
    assert "include nginx-authorization.conf" in ended.stderr
    assert token not in ended.stdout + ended.stderr
    office.nginx.reload(office.server)
    assert office.ask().status == 200


def test_clients_install_from_the_feed_without_a_credential(
    office: Office, programs: Programs, tmp_path: Path
) -> None:
    refused = office.ask()
    assert refused.status == 401, "without the line the feed lets nobody in"
    assert "www-authenticate" not in refused.headers, "and nobody is asked for a login"
    opened(office)
    folder = office.command.project / "feed"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()} == {0o600}
    own = f"https://127.0.0.1:{office.port}/pkgs/fabrikam/"
    for name in ("pip.conf", "uv.toml"):
        text = next(one for one in PAGE if one.title == name).text
        written = text.replace("https://packages.fabrikam.example/fabrikam/", own)
        assert own in written
        (tmp_path / name).write_text(written, encoding="utf-8")
    uv = str(programs.place("uv") / "uv")
    trusted = dict.fromkeys(("SSL_CERT_FILE", "PIP_CERT"), office.authorities)
    around = {
        "PATH": os.defpath, "HOME": str(tmp_path / "home"), **QUIET, **trusted,
        "PIP_CONFIG_FILE": str(tmp_path / "pip.conf"), "UV_CONFIG_FILE": str(tmp_path / "uv.toml"),
    }  # fmt: skip
    office.service.log.clear()
    for words in (
        [sys.executable, "-m", "pip", "install", "--target", "by-pip", "HelloTestPackage"],
        [uv, "pip", "install", "--python", sys.executable, "--target", "by-uv", "HelloTestPackage"],
    ):
        ended = subprocess.run(
            words, env=around, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False
        )
        assert ended.returncode == 0, ended.stdout + ended.stderr
    for name in ("by-pip", "by-uv"):
        assert list((tmp_path / name).glob("*-1.0.0.dist-info"))
    assert set(office.asked) == {"the former one"}
    assert {record.credential for record in office.service.log if record.host == "blob"} == {"no credential"}
    for kind in ("text/html", "application/vnd.pypi.simple.v1+json"):
        answer = office.ask(f"{FEED}hellotestpackage/", Accept=kind)
        assert kind in answer.headers["content-type"]
        assert f'"{office.download}' in answer.text
        assert "https://" not in answer.text
    assert not any(token.encode() in office.nginx.arguments for token in spelled())
    assert not any(token in office.nginx.said for token in spelled())


def refused_requests(office: Office) -> dict[str, tuple[str, str]]:
    """Methods and targets that the fence keeps out, by what they try."""
    page, download = f"{FEED}hellotestpackage/", office.download
    return {
        "POST": ("POST", page),
        "PUT": ("PUT", page),
        "DELETE": ("DELETE", download),
        "OPTIONS": ("OPTIONS", FEED),
        "another feed": ("GET", page.replace("myFeed", "other")),
        "another feed's file": (
            "GET",
            re.sub(r"(_packaging/).{36}", rf"\g<1>{'0' * 8}-{'0' * 27}", download),
        ),
        "an upload": ("GET", FEED.replace("simple", "upload")),
        "an API": ("GET", "/pkgs/fabrikam/_apis/packaging/feeds"),
        "the root": ("GET", "/"),
        "below a page": ("GET", f"{page}more"),
        "dots": ("GET", f"{FEED}../../../other/pypi/simple/"),
        "encoded dots": ("GET", f"{FEED}%2e%2e/%2e%2e/%2e%2e/other/pypi/simple/"),
        "twice encoded dots": ("GET", f"{FEED}%252e%252e/"),
        "an encoded slash": ("GET", f"{FEED}..%2f..%2f..%2fother/pypi/simple/"),
        "a backslash": ("GET", f"{FEED}..\\"),
        "a line break": ("GET", f"{FEED}x%0d%0aHost:x/"),
        "one at the end": ("GET", f"{FEED}%0a"),
        "one after a name": ("GET", f"{FEED}hellotestpackage/%0a"),
        "one after a file": ("GET", f"{office.download}%0a"),
        "another server": ("GET", f"https://elsewhere.example{FEED.replace('myFeed', 'other')}"),
    }


def test_nothing_else_of_the_feeds_host_is_open(office: Office) -> None:
    opened(office)
    office.service.log.clear()
    for name, (method, target) in refused_requests(office).items():
        answer = office.ask(target, method)
        assert answer.status in {400, 403, 405}, name
        assert method == "HEAD" or "<center>nginx" in answer.text, f"the feed was asked: {name}"
    assert office.service.log == []
    login = base64.b64encode(b"x:y").decode()
    answer = office.ask(f"{FEED}?x=1", Authorization=f"Basic {login}", Cookie="a=b")
    assert answer.status == 200
    assert office.asked == ["the former one"], "whatever login a client has, it ends at nginx"
    office.nginx.reload(office.server.replace("allow 127.0.0.1", "allow 10.0.0.0/8"))
    assert office.ask().status == 403, "it lets in whom it shall, and nobody else"


def test_a_new_token_is_taken_on_without_a_failed_request(office: Office) -> None:
    opened(office)
    statuses, is_over = list[int](), threading.Event()

    def use() -> None:
        while not is_over.is_set():
            statuses.append(office.ask().status)

    users = [threading.Thread(target=use) for _ in range(3)]
    for user in users:
        user.start()
    try:
        ended = office.keep_up(TOKEN)
        assert (ended.returncode, ended.stdout) == (0, ""), ended.stderr
        until(lambda: office.asked[-20:] == ["the new one"] * 20, 20.0)
    finally:
        is_over.set()
        for user in users:
            user.join()
    assert set(statuses) == {200}
    assert {"the former one", "the new one"} == set(office.asked)
    before = (office.command.project / "feed" / "nginx-authorization.conf").read_bytes()
    ended = office.keep_up("no-token-of-this-place")
    assert ended.returncode != 0
    assert "does not accept" in ended.stderr or "401" in ended.stderr
    assert (office.command.project / "feed" / "nginx-authorization.conf").read_bytes() == before
    assert office.ask().status == 200


def test_one_server_is_for_one_index(tmp_path: Path) -> None:
    command = Command(tmp_path)
    urls = [f"https://pkgs.dev.azure.com/fabrikam/_packaging/{name}/pypi/simple/" for name in ("one", "two")]
    ended = command("write", "feed", *urls, "--client", "nginx", PIP_AUTHENTICATE_TOKEN=TOKEN)
    assert ended.returncode == 1
    assert "nginx gets the credential of one index, and here are 2" in ended.stderr
    assert not (command.project / "feed").exists()
