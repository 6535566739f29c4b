"""Names of feeds, templates of their addresses, and where the job's token may go."""

import pytest

from pip_authenticate.azure.addresses import Collection, belongs_to
from pip_authenticate.azure.feed_addresses import FeedAddress
from pip_authenticate.azure.feed_names import Feed, parse_feed
from pip_authenticate.azure.routes import fill
from pip_authenticate.errors import InputError
from pip_authenticate.index import IndexUrl


@pytest.mark.parametrize(
    ("entry", "feed"),
    [
        ("feed", Feed("feed")),
        ("project/feed", Feed("feed", "project")),
        ("feed@view", Feed("feed@view")),
        ("My Project/feed.x@Release", Feed("feed.x@Release", "My Project")),
        ("a" * 64, Feed("a" * 64)),
        ("größe/müll", Feed("müll", "größe")),
        ("50%", Feed("50%")),
        ("it's", Feed("it's")),
    ],
)
def test_entries_are_read(entry: str, feed: Feed) -> None:
    assert parse_feed(entry) == feed
    assert str(feed) == entry


@pytest.mark.parametrize(
    "entry",
    [
        "a/b/c", "//", "/", "@v", "a@", "a@b@c", "p/@v", "a b", "a\tb", "a\x00b", "a\u2028b",
        "a\u00a0b", "_a", ".a", "a.", "..", "p/..", "../f", "_p/f", "p./f",
        "a" * 65, "p" * 65 + "/f", "a@" + "v" * 65,
        *(f"a{char}b" for char in '~;{}\\+=<>|?:&$*"#[]'), *(f"p{char}p/f" for char in '\\:*?"<>|;#${}+=[]'),
    ],
)  # fmt: skip
def test_names_that_the_service_forbids_are_refused(entry: str) -> None:
    with pytest.raises(InputError) as refused:
        parse_feed(entry)
    assert refused.value.slug == "feed-unusable"
    assert refused.value.what


@pytest.mark.parametrize(
    ("template", "feed", "path"),
    [
        ("{project}/_packaging/{feedId}/pypi/simple", Feed("f"), "_packaging/f/pypi/simple"),
        ("{project}/_packaging/{feedId}/pypi/simple", Feed("f", "p"), "p/_packaging/f/pypi/simple"),
        ("{project}/_packaging/{feedId}/pypi/simple/{name}", Feed("f"), "_packaging/f/pypi/simple"),
        ("/{project}/_packaging/{FEEDID}/{area}/{resource}/", Feed("f@v"), "_packaging/f%40v/pypi/simple"),
        ("{*project}/x/{feed_id}", Feed("f", "a b"), "a%20b/x/f"),
        ("{feedId}", Feed("50%/"), "50%25%2F"),
        ("{feedId}", Feed("(it's)!*~"), "(it's)!*~"),
        ("", Feed("f"), ""),
    ],
)
def test_templates_are_filled(template: str, feed: Feed, path: str) -> None:
    assert fill(template, feed) == path


def collection(uri: str, *, is_hosted: bool = True) -> Collection:
    return Collection.parse(uri, is_hosted=is_hosted)


OWN = [
    ("https://dev.azure.com/contoso/", "https://pkgs.dev.azure.com/contoso/_packaging/f/pypi/simple/"),
    ("https://dev.azure.com/Contoso", "https://pkgs.dev.azure.com/CONTOSO/p/_packaging/f@v/pypi/simple"),
    ("https://dev.azure.com/contoso/", "https://contoso.pkgs.visualstudio.com/_packaging/f/pypi/simple/"),
    ("https://contoso.visualstudio.com/", "https://pkgs.dev.azure.com/contoso/_packaging/f/pypi/simple/"),
    ("https://contoso.visualstudio.com/", "https://contoso.pkgs.visualstudio.com/p/_packaging/f/pypi/simple"),
    (
        "https://contoso.visualstudio.com/DefaultCollection/",
        "https://contoso.pkgs.visualstudio.com/DefaultCollection/_packaging/f/pypi/simple",
    ),
]
FOREIGN = [
    "https://pkgs.dev.azure.com/fabrikam/_packaging/f/pypi/simple/",
    "https://pkgs.dev.azure.com/fabrikam/contoso/_packaging/f/pypi/simple/",
    "https://pkgs.dev.azure.com/contoso2/_packaging/f/pypi/simple/",
    "https://pkgs.dev.azure.com/_packaging/f/pypi/simple/",
    "https://fabrikam.pkgs.visualstudio.com/contoso/_packaging/f/pypi/simple/",
    "https://pkgs.dev.azure.com.evil.example/contoso/_packaging/f/pypi/simple/",
    "https://evil-pkgs.dev.azure.com/contoso/_packaging/f/pypi/simple/",
    "https://evil.dev.azure.com/contoso/_packaging/f/pypi/simple/",
    "https://evil.example/contoso/_packaging/f/pypi/simple/",
    "http://pkgs.dev.azure.com/contoso/_packaging/f/pypi/simple/",
    "https://pkgs.dev.azure.com:8443/contoso/_packaging/f/pypi/simple/",
    "https://contoso.pkgs.visualstudio.com.evil.example/_packaging/f/pypi/simple/",
    "https://evilcontoso.pkgs.visualstudio.com/_packaging/f/pypi/simple/",
]


@pytest.mark.parametrize(("home", "url"), OWN)
def test_addresses_of_the_own_organisation_are_known(home: str, url: str) -> None:
    assert belongs_to(IndexUrl.parse(url)[0], collection(home))


@pytest.mark.parametrize("url", FOREIGN)
@pytest.mark.parametrize("home", ["https://dev.azure.com/contoso/", "https://contoso.visualstudio.com/"])
def test_addresses_elsewhere_are_not(home: str, url: str) -> None:
    assert not belongs_to(IndexUrl.parse(url)[0], collection(home))


@pytest.mark.parametrize(
    ("url", "own"),
    [
        ("https://tfs.example/tfs/Default/_packaging/f/pypi/simple", True),
        ("https://tfs.example/tfs/Default/p/_packaging/f/pypi/simple", True),
        ("https://tfs.example/tfs/Default2/_packaging/f/pypi/simple", False),
        ("https://tfs.example/tfs/_packaging/f/pypi/simple", False),
        ("http://tfs.example/tfs/Default/_packaging/f/pypi/simple", False),
        ("https://tfs.example:8080/tfs/Default/_packaging/f/pypi/simple", False),
    ],
)
def test_on_premises_only_what_is_below_the_collection_is_its_own(url: str, own: bool) -> None:  # noqa: FBT001
    home = collection("https://tfs.example/tfs/Default/", is_hosted=False)
    assert belongs_to(IndexUrl.parse(url)[0], home) is own


@pytest.mark.parametrize(
    "path",
    [
        "/contoso/../fabrikam/_packaging/f/pypi/simple",
        "/contoso/%2e%2E/fabrikam/_packaging/f/pypi/simple",
        "/contoso/./_packaging/f/pypi/simple",
        "/contoso/_packaging/../pypi/simple",
        "/contoso/_packaging/%2E/pypi/simple",
        "/contoso/_packaging/f/npm/simple",
        "/contoso/f/pypi/simple",
    ],
)
def test_a_path_that_leads_elsewhere_is_no_feeds(path: str) -> None:
    assert FeedAddress.of(IndexUrl("https", "h", 443, path)) is None


def test_plain_http_is_for_servers_on_premises_and_this_machine() -> None:
    collection("http://tfs.example/tfs/Default/", is_hosted=False)
    collection("http://127.0.0.1:8080/contoso/")
    with pytest.raises(InputError, match="not encrypted"):
        collection("http://dev.azure.com/contoso/")
