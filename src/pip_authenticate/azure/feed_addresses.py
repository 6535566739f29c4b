"""The URLs of feeds: which is that of an index, and which index another one means."""

import re
from typing import NamedTuple
from urllib.parse import unquote

from pip_authenticate.index import IndexUrl, leads_elsewhere

INDEX_PATH = re.compile(r"(?P<scope>/.*)?/_packaging/(?P<feed>[^/]+)/pypi/simple/?", re.IGNORECASE)
# What else a feed shows addresses for: other protocols, and uploads.
OTHER_PATH = re.compile(
    r"(?P<feed>.*/_packaging/[^/]+)/(pypi/(upload|download)|nuget|npm|maven|cargo|upack|pypi)(/.*)?",
    re.IGNORECASE,
)


class FeedAddress(NamedTuple):
    """The parts of the URL of a feed's index.

    Args:
        scope: path segments before `_packaging`: the organisation's, perhaps a project's.
        feed: name or GUID, with `@view` where there is one.
    """

    scope: tuple[str, ...]
    feed: str

    @classmethod
    def of(cls, url: IndexUrl) -> "FeedAddress | None":
        """Read the URL of an index; None where it is not one of a feed, or leads elsewhere with dots."""
        match = INDEX_PATH.fullmatch(url.path)
        if not match:
            return None
        scope = tuple(unquote(part) for part in (match["scope"] or "").split("/") if part)
        feed = unquote(match["feed"])
        if leads_elsewhere((*scope, feed)):
            return None
        return cls(scope, feed)


def index_meant(url: IndexUrl) -> str:
    """The index that is meant by another address of a feed (for uploads, for NuGet ...); empty elsewhere."""
    match = None if INDEX_PATH.fullmatch(url.path) else OTHER_PATH.fullmatch(url.path)
    return str(IndexUrl(*url.origin, f"{match['feed']}/pypi/simple/")) if match else ""
