"""The fence: no spelling of an address leads to another feed."""

import pytest

from pip_authenticate.gateway.fence import Fence, File, Guarded, Page, Refusal, Request, Upload
from pip_authenticate.index import IndexUrl


def judged(feed: str, path: str) -> Page | File | Upload | Refusal:
    url, _ = IndexUrl.parse(f"https://pkgs.dev.azure.com/fabrikam/_packaging/{feed}/pypi/simple/")
    fence = Fence([Guarded(url, f"feed {feed}", None)])
    headers = (("Host", url.origin.netloc),)
    return fence.judge(Request("GET", url.origin, f"/fabrikam/_packaging/{path}", headers))


@pytest.mark.parametrize(
    ("feed", "path"),
    [
        ("strasse", "stra%C3%9Fe/pypi/simple/demo/"),  # sharp s
        ("strasse", "stra%C3%9Fe/pypi/download/demo/1.0/demo-1.0.tar.gz"),
        ("secret", "%C5%BFecret/pypi/simple/demo/"),  # long s
        ("kilo", "%E2%84%AAilo/pypi/simple/demo/"),  # sign of Kelvin
        ("\ufffd", "%FF/pypi/simple/demo/"),  # no UTF-8
        ("one", "one/pypi/download/%C0%AE%C0%AE/%C0%AE%C0%AE/demo-1.0.tar.gz"),  # dots in too many bytes
        ("one", "one/pypi/download/..%20/.../demo-1.0.tar.gz"),
    ],
)
def test_letters_that_are_only_like_others_lead_nowhere(feed: str, path: str) -> None:
    passage = judged(feed, path)
    assert isinstance(passage, Refusal) or passage == File(None)


@pytest.mark.parametrize(
    "path",
    [
        "MYFEED/pypi/download/demo/1.0/demo-1.0.tar.gz",
        "myFeed/pypi/download/demo/1!2.0%2Blocal/demo-1!2.0+local-py3-none-any.whl",
        "myFeed/pypi/download/demo/1.0~x/demo%20thing-1.0.zip",
    ],
)
def test_capitals_mean_nothing_in_a_feeds_path(path: str) -> None:
    passage = judged("myFeed", path)
    assert isinstance(passage, File)
    assert passage.home
