"""What the gateway remembers of pages: so much and no more."""

import pytest

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


def test_a_page_that_was_taken_apart_before_names_the_same() -> None:
    links = Links()
    links.learn(HOME, f"{URL}aaaa/", page("aaaa"), "text/html").take_apart()
    assert links.find(ORIGIN, "/files/aaaa-1.0.tar.gz")
    assert not links.find(ORIGIN, "/files/aaaa-2.0.tar.gz")
