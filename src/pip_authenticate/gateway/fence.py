"""The fence: which requests pass, and what they ask for. It opens nothing and asks nobody."""

import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import unquote

from pip_authenticate.azure.feed_addresses import FeedAddress
from pip_authenticate.index import IndexUrl
from pip_authenticate.origin import Origin
from pip_authenticate.secret import Secret

if TYPE_CHECKING:
    from datetime import datetime

HEADERS = ("accept", "range", "if-range", "if-none-match", "if-modified-since", "user-agent")
"""What of a client's headers goes further; everything else ends here."""
_METHODS = frozenset({"GET", "HEAD"})
# What clients write into a path. Encoded are the signs of versions and names only: no dot, slash, backslash,
# percent sign or control character can hide.
_PATH = re.compile(
    r"(/([A-Za-z0-9._~!$&'()*+,;=:@-]|%(2[014Bb]|40|5[BDbd]|7[Ee]|[89A-Fa-f][0-9A-Fa-f]))*)+", re.ASCII
)
NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?")
_LONGEST = 4096


class Guarded(NamedTuple):
    """An index whose host the gateway opens.

    Args:
        url: of the index.
        source: what people call it.
        authorization: what requests for it get; None where it needs nothing.
        is_public: whether its pages are for names only that no private index owns.
        expires: when the credential ends, or None where nobody says.
    """

    url: IndexUrl
    source: str
    authorization: Secret | None
    is_public: bool = False
    expires: "datetime | None" = None


class Page(NamedTuple):
    """A request for a page: of a project, or of the index itself, whose project is empty."""

    home: Guarded
    project: str


class File(NamedTuple):
    """A request for a file.

    Args:
        home: the index below whose own address it is; None where only a page can say whose it is.
    """

    home: Guarded | None


class Refusal(NamedTuple):
    """Why a request does not pass, as the end of a sentence about it."""

    why: str


class Request(NamedTuple):
    """What a client asks for.

    Args:
        method: of HTTP.
        origin: whom it is for: whom a tunnel leads to, or the door itself.
        target: what stands between method and version.
        headers: pairs as they came.
    """

    method: str
    origin: Origin
    target: str
    headers: Sequence[tuple[str, str]]

    @property
    def url(self) -> str:
        """The address that is asked for."""
        return f"{self.origin.scheme}://{self.origin.netloc}{self.target}"

    @property
    def shown(self) -> str:
        """The address without its query, which may be signed."""
        return self.url.partition("?")[0]


class Fence:
    """What passes to the guarded hosts.

    Args:
        indexes: whose pages and files may be asked for.
    """

    def __init__(self, indexes: Iterable[Guarded]) -> None:
        self.indexes = list(indexes)
        self.origins = {index.url.origin for index in self.indexes}
        self._hosts = {index.url.origin.host for index in self.indexes if not index.is_public}

    def opens(self, origin: Origin) -> bool:
        """Whether connections to a host are opened."""
        return origin in self.origins

    def forbids(self, origin: Origin) -> bool:
        """Whether a host has a private index, but not by this scheme and port."""
        return origin.host in self._hosts and origin not in self.origins

    def judge(self, request: Request) -> Page | File | Refusal:
        """Say what a request is for, or why it does not pass."""
        from packaging.utils import canonicalize_name  # noqa: PLC0415 - the command needs not wait for it

        wrong = malformed(request)
        if wrong:
            return Refusal(wrong)
        path, _, query = request.target.partition("?")
        for index in self.indexes:
            if index.url.origin != request.origin:
                continue
            rest = _below(path, index.url.path, ignores_case=FeedAddress.of(index.url) is not None)
            if rest is not None and len(rest) <= 1 and not query:
                name = rest[0] if rest else ""
                if not name or NAME.fullmatch(name):
                    return Page(index, canonicalize_name(name) if name else "")
            if _is_download(path, index.url) or (index.is_public and rest is not None):
                return File(index)
        return File(None)

    def is_public(self, origin: Origin) -> bool:
        """Whether a host is opened for its public index only: what else it has needs no credential."""
        return all(index.is_public for index in self.indexes if index.url.origin == origin)


def malformed(request: Request) -> str:
    """What no client of an index would send, or empty."""
    if request.method not in _METHODS:
        return "only GET and HEAD pass"
    names = [name.lower() for name, _ in request.headers]
    hosts = [value for name, value in request.headers if name.lower() == "host"]
    ports = {request.origin.netloc.lower(), f"{request.origin.netloc}:{request.origin.port}".lower()}
    if len(hosts) != 1 or hosts[0].lower() not in ports:
        return "its Host is another one"
    if {"transfer-encoding", "upgrade", "expect", "te", "trailer"} & set(names):
        return "it carries headers that no request for an index has"
    if any(name.lower() == "content-length" and value.strip() != "0" for name, value in request.headers):
        return "it carries a body"
    if any(names.count(name) > 1 for name in HEADERS if name != "accept"):
        return "it carries a header twice"
    path = request.target.partition("?")[0]
    if len(request.target) > _LONGEST or not request.target.isascii() or not request.target.isprintable():
        return "its address is none of an index"
    segments = path.split("/")[1:]
    if not _PATH.fullmatch(path) or any(part in {".", ".."} for part in segments) or "" in segments[:-1]:
        return "its path leads elsewhere"
    return ""


def _below(path: str, base: str, *, ignores_case: bool) -> list[str] | None:
    """The segments of a path below another one; None where it is not below it."""
    own, above = ([unquote(part) for part in text.split("/") if part] for text in (path, base))
    head = own[: len(above)]
    if ignores_case:  # Azure DevOps does in paths
        head, above = [part.casefold() for part in head], [part.casefold() for part in above]
    return own[len(above) :] if head == above else None


def _is_download(path: str, index: IndexUrl) -> bool:
    """Whether a path is one of the downloads of a feed, as its pages write them (project, version, file)."""
    if FeedAddress.of(index) is None:
        return False
    base = f"{index.path.rstrip('/').rpartition('/')[0]}/download/"
    rest = _below(path, base, ignores_case=True)
    return rest is not None and len(rest) == 3
