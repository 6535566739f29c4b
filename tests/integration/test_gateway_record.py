"""The record of a run behind the gateway: what it holds, and who is shown it."""

import json
import re
import signal
import sys
from collections.abc import Iterator
from hashlib import sha256
from html import unescape
from pathlib import Path
from typing import Any

import pytest

import azure_devops_emulator
from pip_authenticate.gateway.fence import Guarded
from pip_authenticate.gateway.record import Record, Uploaded
from pip_authenticate.index import IndexUrl
from support.behind import SECONDS, Behind
from support.command import Command
from support.http_service import Answer, Request, Service, serving

TOKEN = "record-canary-51c0-token"
SIGNATURE = "signature-canary-77aa"
HTML = [("Content-Type", "text/html")]
JSON = [("Content-Type", "application/vnd.pypi.simple.v1+json")]
CONTENT = b"wheel" * 1000
WHEEL = "demo-{0}-py3-none-any.whl"
SAID = {"hashes": {"sha256": "a" * 64}, "size": 123456}


@pytest.fixture
def command(tmp_path: Path) -> Command:
    one = Command(tmp_path)
    one.environ["TMPDIR"] = str(tmp_path)
    return one


@pytest.fixture
def index() -> Iterator[Service]:
    """A private index by http on loopback: some of its files it sends, others a blob store has."""
    names = [WHEEL.format(f"1.{number}") for number in range(12)] + [WHEEL.format("2.0")]
    files = [{"filename": name, "url": f"../../files/{name}", **SAID} for name in names]

    def answer(request: Request) -> Answer:
        if not request.login or request.login[1] != TOKEN:
            return Answer(401, b"")
        if request.path == "/feed/simple/demo/":
            return Answer(200, json.dumps({"files": files}).encode(), "OK", JSON)
        if "demo-2.0" in request.path:
            location = f"http://localhost:1/blob?sig={SIGNATURE}&se=2026"
            return Answer(303, b"", "See Other", [("Location", location)])
        return Answer(200, CONTENT) if request.path.startswith("/feed/files/demo-1.") else Answer(404, b"")

    with serving(answer) as service:
        yield service


def fetched(
    command: Command, index: Service, *names: str, arguments: tuple[str, ...] = (), **environ: str
) -> tuple[str, dict[str, Any]]:
    """Fetch files through the gateway: what is said at the end, and the report."""
    more = ("--report", "report.json", *arguments)
    one = Behind(command, TOKEN, *more, f"{index.url}/feed/simple/", **environ)
    try:
        for name in names:
            one.get(f"{index.url}/feed/{name}")
        said = one.end()
    finally:
        one.process.kill()
        one.process.communicate()
    told: dict[str, Any] = json.loads((command.project / "report.json").read_text(encoding="utf-8"))
    return said, told


# ---- what it holds ----------------------------------------------------------------------------------


def test_what_was_sent_is_known_and_what_lay_elsewhere_is_the_pages_word(
    command: Command, index: Service
) -> None:
    said, told = fetched(command, index, "files/" + WHEEL.format("1.0"), "files/" + WHEEL.format("2.0"))
    sent, elsewhere = told["files"]
    assert sent == {
        "file": WHEEL.format("1.0"),
        "name": "demo",
        "version": "1.0",
        "index": f"{index.url}/feed/simple/",
        "source": sent["source"],
        "is_public": False,
        "saved_from": None,
        "sha256": sha256(CONTENT).hexdigest(),
        "bytes": 5000,
        "is_seen": True,
    }
    assert (elsewhere["version"], elsewhere["is_seen"]) == ("2.0", False)
    assert (elsewhere["sha256"], elsewhere["bytes"]) == ("a" * 64, 123456)
    assert "aaaaaaaaaaaa*" in said
    assert "* as the index says" in said


def test_of_a_file_in_ranges_the_page_says_what_it_is(command: Command, index: Service) -> None:
    index.routes["GET /feed/files/" + WHEEL.format("1.0")] = lambda _: Answer(206, CONTENT[:10])
    _, told = fetched(command, index, "files/" + WHEEL.format("1.0"))
    (file,) = told["files"]
    assert (file["sha256"], file["bytes"], file["is_seen"]) == ("a" * 64, 123456, False)


@pytest.mark.parametrize("version", ["1.0", "2.0"])
def test_the_metadata_of_a_file_is_not_the_file(command: Command, index: Service, version: str) -> None:
    """Also where another place has it."""
    said, told = fetched(command, index, "files/" + WHEEL.format(version) + ".metadata")
    assert told["files"] == []
    assert "demo" not in said


@pytest.mark.parametrize(
    ("entry", "known"),
    [
        ({}, ("", None)),
        ({"size": -1, "hashes": {"sha256": "<b>"}}, ("", None)),
        ({"size": True, "hashes": {"sha256": ["a"]}}, ("", None)),
        ({"size": 10**400, "hashes": {"sha256": "B" * 64}}, ("b" * 64, None)),
    ],
)
def test_a_page_that_says_nothing_of_use_is_not_believed(
    command: Command, index: Service, entry: dict[str, object], known: tuple[str, int | None]
) -> None:
    page = json.dumps({"files": [{"url": f"../../files/{WHEEL.format('2.0')}", **entry}]}).encode()
    index.routes["GET /feed/simple/demo/"] = lambda _: Answer(200, page, "OK", JSON)
    _, told = fetched(command, index, "files/" + WHEEL.format("2.0"))
    (file,) = told["files"]
    assert (file["sha256"], file["bytes"]) == known


def test_no_secret_is_in_it(command: Command, index: Service) -> None:
    """Neither the credential, which the index repeats, nor what signs an address of the blob store."""
    index.routes["GET /feed/simple/other/"] = lambda _: Answer(500, TOKEN.encode())
    summary = command.project / "summary.md"
    names = ("files/" + WHEEL.format("2.0"), "simple/other/", f"x?sig={SIGNATURE}", f"{TOKEN}/x")
    said, told = fetched(command, index, *names, GITHUB_ACTIONS="true", GITHUB_STEP_SUMMARY=str(summary))
    assert len(told["refused"]) == 2
    for text in (said, json.dumps(told), summary.read_text(encoding="utf-8")):
        assert WHEEL.format("2.0") in text or "demo" in text
        assert TOKEN not in text
        assert SIGNATURE not in text


ORGANIZATION = f"""
[organization]
name = "fabrikam"
[[feeds]]
name = "one"
packages = ["Own==1.0"]
[feeds.roles]
"Ada Palmer" = "Feed Owner"
[[feeds.upstreams]]
name = "PyPI"
public = "stand-in"
[[identities]]
name = "Ada Palmer"
[[identities.tokens]]
label = "Ada's"
value = "{TOKEN}"
scopes = ["app_token"]
[public]
packages = ["Open==2.0.0"]
"""


@pytest.fixture
def feed() -> Iterator[azure_devops_emulator.Service]:
    """A feed with a package of its own and one of its upstream source's."""
    with azure_devops_emulator.Service(
        azure_devops_emulator.Organization.parse(ORGANIZATION), on_premises=True
    ) as service:
        yield service


def installed(command: Command, feed: azure_devops_emulator.Service, *arguments: str) -> str:
    """Fetch both packages as an installer does; what is said at the end."""
    url = feed.resolve("{feed:one}")
    one = Behind(command, TOKEN, *arguments, "--organization", feed.collection_uri, url)
    try:
        for name in ("own", "open"):
            page = one.get(f"{url}{name}/")[2].decode()
            assert one.get(page.partition('href="')[2].partition("#")[0])[0] == 303
        return one.end()
    finally:
        one.process.kill()
        one.process.communicate()


def test_what_a_feed_has_saved_from_upstream_is_told(
    command: Command, feed: azure_devops_emulator.Service
) -> None:
    said = installed(command, feed, "--report", "report.json")
    told = json.loads((command.project / "report.json").read_text(encoding="utf-8"))
    assert [(file["name"], file["version"], file["saved_from"]) for file in told["files"]] == [
        ("own", "1.0", ""),
        ("open", "2.0.0", "PyPI"),
    ]
    (head, own, saved) = (line for line in said.splitlines() if "  " in line)
    assert [line[head.index("saved from") :].split()[0] for line in (own, saved)] == ["-", "PyPI"]


def test_a_feed_that_does_not_tell_it_hinders_nothing(
    command: Command, feed: azure_devops_emulator.Service
) -> None:
    feed.faults.add(azure_devops_emulator.Fault("answer", "/_apis/packaging/", status=403, times=0))
    said = installed(command, feed, "--report", "report.json")
    told = json.loads((command.project / "report.json").read_text(encoding="utf-8"))
    assert [file["saved_from"] for file in told["files"]] == [None, None]
    assert "warning" not in said


def test_without_a_report_nobody_is_asked(command: Command, feed: azure_devops_emulator.Service) -> None:
    installed(command, feed)
    assert {"_apis" in record.path for record in feed.log} == {False}


def test_hosts_that_are_none_of_an_index_are_named(
    command: Command, index: Service, stranger: Service
) -> None:
    one = Behind(command, TOKEN, "--report", "report.json", f"{index.url}/feed/simple/")
    try:
        status, door = one.tunnel(f"localhost:{stranger.port}")
        door.close()
        assert status == 200
        assert one.get(f"http://127.0.0.2:{stranger.port}/x")[0] == 502  # nobody listens there
    finally:
        one.end()
    told = json.loads((command.project / "report.json").read_text(encoding="utf-8"))
    assert told["hosts"] == ["127.0.0.2", "localhost"]


def test_what_came_from_a_public_index_is_named(command: Command, index: Service, stranger: Service) -> None:
    """Its file lies beside its page here, so that the version is known; of the other one it is not."""
    public = f"http://localhost:{stranger.port}/simple/"
    link = b'<a href="/files/open_package-2.0-py3-none-any.whl">x</a>'
    stranger.routes["GET /simple/open-package/"] = lambda _: Answer(200, link, "OK", HTML)
    stranger.routes["GET /simple/other/"] = lambda _: Answer(200, b"", "OK", HTML)
    stranger.routes["GET /files/open_package-2.0-py3-none-any.whl"] = lambda _: Answer(200, CONTENT)
    summary = command.project / "summary.md"
    one = Behind(
        command, TOKEN, "--report", "report.json", "--client", "pip", "--public", public,
        f"{index.url}/feed/simple/", GITHUB_ACTIONS="true", GITHUB_STEP_SUMMARY=str(summary),
    )  # fmt: skip
    try:
        for path in ("simple/open-package/", "simple/other/", "files/open_package-2.0-py3-none-any.whl"):
            assert one.get(f"http://localhost:{stranger.port}/{path}")[0] == 200
    finally:
        said = one.end()
    told = json.loads((command.project / "report.json").read_text(encoding="utf-8"))
    assert told["public"] == [
        {"name": "open-package", "index": public, "versions": ["2.0"]},
        {"name": "other", "index": public, "versions": []},
    ]
    assert [file["is_public"] for file in told["files"]] == [True]
    assert "From public indexes: open-package 2.0, other\n" in said
    assert f"| open-package | 2.0 | {public} |" in unescape(summary.read_text(encoding="utf-8"))


def test_without_the_guard_the_public_host_is_named(
    command: Command, index: Service, stranger: Service
) -> None:
    public = f"http://localhost:{stranger.port}/simple/"
    one = Behind(
        command, TOKEN, "--report", "report.json", "--no-guard", "--public", public,
        f"{index.url}/feed/simple/",
    )  # fmt: skip
    try:
        one.get(f"{public}demo/")
    finally:
        one.end()
    told = json.loads((command.project / "report.json").read_text(encoding="utf-8"))
    assert told["hosts"] == ["localhost"]


def test_its_description_names_every_field(command: Command, index: Service) -> None:
    _, told = fetched(command, index, "files/" + WHEEL.format("1.0"), "none")
    record = Record()
    home = Guarded(IndexUrl.parse(index.url)[0], "", None)
    record.show_publicly(home, "demo")
    record.upload(Uploaded("demo-1.0.tar.gz", home, "", 0))
    told |= {name: value for name, value in record.told().items() if value}
    fields = {*told} | {
        f"{name}[].{field}"
        for name, rows in told.items()
        if isinstance(rows, list) and rows and isinstance(rows[0], dict)
        for field in rows[0]
    }
    text = (Path(__file__).parents[2] / "docs" / "secretless.md").read_text(encoding="utf-8")
    described = re.findall(r"^\| `([^`]+)` \|", text.partition("## The record")[2], re.MULTILINE)
    assert len(described) == len(set(described))
    assert set(described) == fields


# ---- who is shown it --------------------------------------------------------------------------------


def test_a_short_table_stands_at_the_end(command: Command, index: Service) -> None:
    names = ["files/" + WHEEL.format(f"1.{number}") for number in range(12)]
    said, _ = fetched(command, index, *names)
    lines = [line.removeprefix("pip-authenticate: ") for line in said.splitlines()]
    start = next(number for number, line in enumerate(lines) if line.startswith("package "))
    head, *rows, more = lines[start : start + 12]
    assert more == "and 2 more"
    assert head.split() == ["package", "version", "from", "SHA-256", "size"]
    for number, row in enumerate(rows):
        assert row.split()[:2] == ["demo", f"1.{number}"]
        assert row[head.index("SHA-256") :].split() == [sha256(CONTENT).hexdigest()[:12], "5.0", "kB"]


def test_in_colour_the_head_is_bold(command: Command, index: Service) -> None:
    said, _ = fetched(command, index, "files/" + WHEEL.format("1.0"), FORCE_COLOR="1")
    assert re.search(r"^pip-authenticate: \x1b\[1mpackage .+\x1b\[0m$", said, re.MULTILINE)


def test_whoever_ends_the_program_waits_for_no_feed(
    command: Command, feed: azure_devops_emulator.Service
) -> None:
    url = feed.resolve("{feed:one}")
    organization = ("--organization", feed.collection_uri)
    one = Behind(command, TOKEN, "--report", "report.json", *organization, url)
    page = one.get(f"{url}own/")[2].decode()
    assert one.get(page.partition('href="')[2].partition("#")[0])[0] == 303
    one.process.send_signal(signal.SIGTERM)
    one.process.wait(SECONDS)  # before its program is told to end
    one.end()
    assert one.process.returncode == -signal.SIGTERM
    assert not [record for record in feed.log if "_apis" in record.path]
    told = json.loads((command.project / "report.json").read_text(encoding="utf-8"))
    assert [file["saved_from"] for file in told["files"]] == [None]


def test_who_wants_quiet_gets_no_table_and_no_line(command: Command, index: Service) -> None:
    said, told = fetched(command, index, "files/" + WHEEL.format("1.0"), arguments=("--quiet",))
    assert said == ""
    assert len(told["files"]) == 1


def test_where_nothing_was_fetched_nothing_is_said_of_it(command: Command, index: Service) -> None:
    summary = command.project / "summary.md"
    said, _ = fetched(command, index, GITHUB_ACTIONS="true", GITHUB_STEP_SUMMARY=str(summary))
    assert "package" not in said
    assert not summary.exists()


def test_the_summary_of_a_step_on_github_has_it(command: Command, index: Service) -> None:
    summary = command.project / "summary.md"
    summary.write_text("# Before\n", encoding="utf-8")
    fetched(
        command, index, "files/" + WHEEL.format("1.0"), "_apis/x", GITHUB_ACTIONS="true",
        GITHUB_STEP_SUMMARY=str(summary),
    )  # fmt: skip
    text = summary.read_text(encoding="utf-8")
    assert text.startswith("# Before\n### Packages fetched\n")
    assert "| demo | 1.0 | demo-1.0-py3-none-any.whl |" in text
    assert "### Refused" in text


def test_an_agent_uploads_it_and_standard_output_stays_the_programs(
    command: Command, index: Service, tmp_path: Path
) -> None:
    code = (
        f"import urllib.request as r; print(len(r.urlopen('{index.url}/feed/simple/demo/').read()) > 0); "
        f"r.urlopen('{index.url}/feed/files/{WHEEL.format('1.0')}')"
    )
    ended = command(
        "run", "--via", "gateway", f"{index.url}/feed/simple/", "--", sys.executable, "-c", code,
        PIP_AUTHENTICATE_TOKEN=TOKEN, TF_BUILD="True", AGENT_TEMPDIRECTORY=str(tmp_path),
    )  # fmt: skip
    assert ended.stdout == "True\n"
    (path,) = re.findall(r"^##vso\[task\.uploadsummary\](.+)$", ended.stderr, re.MULTILINE)
    assert "| demo | 1.0 |" in Path(path).read_text(encoding="utf-8")
