"""What the gateway remembers of pages: so much and no more."""

from pip_authenticate.gateway.fence import Guarded
from pip_authenticate.gateway.links import Links
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
