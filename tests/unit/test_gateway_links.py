"""What the gateway remembers of pages: so much and no more."""

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pip_authenticate.gateway.fence import Guarded
from pip_authenticate.gateway.links import Link, Links
from pip_authenticate.index import IndexUrl
from pip_authenticate.origin import Origin

URL = "https://index.example/simple/"
ORIGIN = Origin("https", "index.example", 443)
HOME = Guarded(IndexUrl.parse(URL)[0], "feed", None)


def page(name: str) -> bytes:
    return f'<a href="/files/{name}-1.0.tar.gz">{name}</a>'.encode()


def learned(links: Links, *names: str) -> set[str]:
    """Learn the pages of some names; those whose files are known then."""
    for name in names:
        links.learn(HOME, f"{URL}{name}/", page(name), "text/html")
    found = {name for name in names if links.find(ORIGIN, f"/files/{name}-1.0.tar.gz")}
    assert found == {name for name in names if links.knows(name)}
    return found


def test_pages_are_remembered() -> None:
    assert learned(Links(), "aaaa", "bbbb", "cccc") == {"aaaa", "bbbb", "cccc"}


def test_the_oldest_are_forgotten_where_there_are_too_many() -> None:
    links = Links(most=2 * len(page("aaaa")))
    assert learned(links, "aaaa", "bbbb", "cccc") == {"bbbb", "cccc"}
    assert learned(links, "dddd") == {"dddd"}
    assert not links.knows("bbbb")


def test_a_page_that_comes_again_counts_once() -> None:
    links = Links(most=2 * len(page("aaaa")))
    assert learned(links, "aaaa", "bbbb", "bbbb", "bbbb") == {"aaaa", "bbbb"}


def test_a_page_that_is_longer_than_all_is_remembered_alone() -> None:
    assert learned(Links(most=1), "aaaa", "bbbb") == {"bbbb"}


def found(content: str, kind: str, target: str) -> Link | None:
    links = Links()
    links.learn(HOME, f"{URL}demo/", content.encode(), kind)
    return links.find(ORIGIN, target)


DIGEST = "ab" * 32
FILE = "demo-1.0+x.tar.gz"


def listed(url: str, digest: str = DIGEST) -> str:
    return f'{{"files": [{{"url": "{url}", "hashes": {{"sha256": "{digest}"}}}}]}}'


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (f'<a href="../../files/{FILE}#sha256={DIGEST}">x</a>', "text/html"),
        (f'<a href="../../files/demo-1.0%2Bx.tar.gz#sha256={DIGEST}">x</a>', "text/html"),
        (f'<a href="../../files/demo-1.0&#43;x.tar.gz#sha256={DIGEST}">x</a>', "text/html"),
        (f"<base href='/files/'><a href='{FILE}#sha256={DIGEST}'>x</a>", "text/html"),
        (listed(f"../../files/{FILE}"), "x/json"),
        (listed("\\/files\\/demo-1.0\\u002bx.tar.gz"), "x/json"),
        (listed("/files/demo-1.0%2bx.tar.gz", DIGEST.upper()), "x/json"),
    ],
)
@pytest.mark.parametrize("suffix", ["", ".metadata"])
def test_a_link_is_found_however_it_is_written(content: str, kind: str, suffix: str) -> None:
    for asked in (FILE, FILE.replace("+", "%2B")):
        link = found(content, kind, f"/files/{asked}{suffix}")
        assert link
        assert (link.file, link.sha256) == (FILE, DIGEST)


@pytest.mark.parametrize(
    ("said", "size", "sha256"),
    [
        ('"size": 12, "hashes": {}', 12, ""),
        ('"size": -1, "hashes": null', None, ""),
        ('"size": true, "hashes": []', None, ""),
        ('"size": 1e3, "hashes": {"sha256": "no"}', None, ""),
        ('"hashes": {"sha256": null}', None, ""),
    ],
)
def test_what_a_page_says_wrongly_is_not_taken(said: str, size: int | None, sha256: str) -> None:
    link = found(f'{{"files": [{{"url": "/files/{FILE}", {said}}}]}}', "x/json", f"/files/{FILE}")
    assert link
    assert (link.size, link.sha256) == (size, sha256)


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", '{"files": 1}', '{"files": [1]}', '{"files": [{}]}', "{" * 5000]
)
def test_a_page_that_is_none_names_nothing(content: str) -> None:
    assert found(content, "x/json", f"/files/{FILE}") is None


OTHERS = [
    {"filename": f"demo-0.{number}.tar.gz", "url": f"/files/demo-0.{number}.tar.gz"} for number in range(50)
]
ELSEWHERE = [{"filename": FILE, "url": f"/elsewhere/{FILE}"}]
ASKED = {"filename": FILE, "url": f"/files/{FILE}", "hashes": {"sha256": DIGEST}, "size": 7}
INSIDE = {"core-metadata": {"sha256": "0" * 64}, "more": {"of": {"this": [{}, {"kind": FILE}]}}, **ASKED}


@pytest.mark.parametrize("form", [{}, {"indent": 2}, {"separators": (",", ":")}, {"ensure_ascii": False}])
@pytest.mark.parametrize(
    "files",
    [
        [ASKED],
        [*OTHERS, ASKED, *OTHERS],
        [*ELSEWHERE, ASKED, *ELSEWHERE],
        [INSIDE],
        [{**ASKED, "yanked": '"quoted" \\ \\" {[ \u00e4\u20ac'}, *OTHERS],
        [*OTHERS, {**OTHERS[0], "yanked": f'"{FILE}" {{"url": "/files/{FILE}"}}'}, INSIDE],
        [{"yanked": "a long one " * 2000, **ASKED}],
        [{**OTHERS[0], "yanked": FILE * 100}, ASKED],
        [{**ASKED, "yanked": "a long one " * 2000}],
    ],
)
def test_a_file_is_found_wherever_it_stands(files: list[dict[str, object]], form: dict[str, Any]) -> None:
    content = json.dumps({"name": "demo", "files": files, "versions": [FILE]}, **form)
    for suffix in ("", ".metadata"):
        link = found(content, "x/json", f"/files/{FILE}{suffix}")
        assert link == Link(HOME, FILE, DIGEST, 7)
    assert found(content, "x/json", f"/others/{FILE}") is None
    assert found(content, "x/json", "/files/demo-1.0.tar.gz") is None


STRANGE = {"filename": FILE, "url": f"/files/{FILE}"}


@pytest.mark.parametrize("before", ["", "{", "\\", '\\"', '"', "\u00e4", "[{}]"])
@pytest.mark.parametrize("text", [json.dumps(STRANGE), "{" + json.dumps(STRANGE), f"/files/{FILE}", FILE])
def test_what_stands_in_a_text_is_no_file(before: str, text: str) -> None:
    """Whoever publishes a package says why a version is yanked."""
    for reason in (before + text, before + json.dumps(text), before + text + before):
        files = [{**OTHERS[0], "yanked": reason}, *OTHERS]
        for is_ascii in (False, True):
            content = json.dumps({"files": files}, ensure_ascii=is_ascii)
            assert found(content, "x/json", f"/files/{FILE}") is None


@given(reasons=st.lists(st.text(alphabet='{}[]",:\\ a', max_size=12), max_size=4), is_named=st.booleans())
def test_the_same_files_are_found_as_by_who_reads_the_whole_page(
    reasons: list[str], *, is_named: bool
) -> None:
    files = [{**OTHERS[0], "yanked": reason, "why": [f"{reason}{FILE}", reason]} for reason in reasons]
    content = json.dumps({"files": [*files, *([ASKED] if is_named else [])]})
    assert (found(content, "x/json", f"/files/{FILE}") is not None) is is_named


@pytest.mark.parametrize(
    "entry", [{"filename": FILE, "url": f"/elsewhere/{FILE}"}, {"url": "/files/x", "yanked": FILE * 10}]
)
def test_a_page_that_repeats_a_name_takes_no_longer_than_it_is_long(entry: dict[str, object]) -> None:
    content = json.dumps({"files": [*[entry] * 20_000, ASKED]})
    started = time.process_time()
    assert found(content, "x/json", f"/files/{FILE}")
    assert time.process_time() - started < 20
