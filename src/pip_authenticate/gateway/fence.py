"""The fence: which requests pass, and what they ask for. It opens nothing and asks nobody."""

import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import unquote_to_bytes

from pip_authenticate.azure.feed_addresses import FeedAddress
from pip_authenticate.index import IndexUrl
from pip_authenticate.origin import Origin
from pip_authenticate.secret import Secret

if TYPE_CHECKING:
    from datetime import datetime

HEADERS = ("accept", "range", "if-range", "if-none-match", "if-modified-since", "user-agent")
"""What of a client's headers goes further; everything else ends here."""
UPLOAD_HEADERS = ("accept", "user-agent", "content-type", "content-length")
"""The same for an upload."""
_METHODS = frozenset({"GET", "HEAD"})
_OF_BODIES = frozenset({"transfer-encoding", "content-encoding", "upgrade", "expect", "te", "trailer"})
_DOTS = frozenset({".", ".."})
# What clients write into a path. Encoded are the signs of versions and names only: no dot, slash, backslash,
# percent sign or control character can hide.
_PATH = re.compile(
    r"(/([A-Za-z0-9._~!$&'()*+,;=:@-]|%(2[014Bb]|40|5[BDbd]|7[Ee]|[89A-Fa-f][0-9A-Fa-f]))*)+", re.ASCII
)
NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?")
_PART = re.compile(r"[A-Za-z0-9]([A-Za-z0-9 ._~!+-]*[A-Za-z0-9])?")
"""Project, version or file of a download: nothing that a server could take for dots or a slash."""
_LONGEST = 4096
# Spelled so that every reader finds the same boundary (RFC 2046, section 5.1.1).
_FORM = re.compile(r"multipart/form-data; ?boundary=(\"?)([A-Za-z0-9'+_.-]{1,70})\1", re.IGNORECASE)
_SIZE = re.compile("[1-9][0-9]{0,14}", re.ASCII)


class Guarded(NamedTuple):
    """An index whose host the gateway opens.

    Args:
        url: of the index.
        source: what people call it.
        authorization: what requests for it get; None where it needs nothing.
        is_public: whether its pages are for names only that no private index owns.
        expires: when the credential ends, or None where nobody says.
        upload: where packages may be published to; None where none may.
    """

    url: IndexUrl
    source: str
    authorization: Secret | None
    is_public: bool = False
    expires: "datetime | None" = None
    upload: IndexUrl | None = None


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


class Upload(NamedTuple):
    """A request that publishes a package.

    Args:
        home: the index that takes it.
        boundary: what stands between the fields of its form.
        size: of the form, in bytes.
    """

    home: Guarded
    boundary: str
    size: int


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
        self._grounds = [_Ground.of(index) for index in self.indexes]

    def opens(self, origin: Origin) -> bool:
        """Whether connections to a host are opened."""
        return origin in self.origins

    def forbids(self, origin: Origin) -> bool:
        """Whether a host has a private index, but not by this scheme and port."""
        return origin.host in self._hosts and origin not in self.origins

    def plain(self, request: Request) -> Request:
        """A request as every client but Pipenv writes it.

        That one adds `/NAME/` to an index's address also where it ends with a slash; without the page it
        locks no hashes (measured with 2026.10.3).
        """
        for index in self.indexes:
            base = index.url.path.rstrip("/") + "/"
            if index.url.origin == request.origin and request.target.startswith(f"{base}/"):
                return request._replace(target=base + request.target[len(base) + 1 :])
        return request

    def judge(self, request: Request) -> Page | File | Upload | Refusal:
        """Say what a request is for, or why it does not pass."""
        from packaging.utils import canonicalize_name  # noqa: PLC0415 - the command needs not wait for it

        wrong = malformed(request)
        if wrong:
            return Refusal(wrong)
        wrong = changing(request)
        if wrong:
            return self._upload(request) or Refusal(wrong)
        path, _, query = request.target.partition("?")
        segments = _segments(path)
        for index, pages, downloads in self._grounds:
            if index.url.origin != request.origin:
                continue
            rest = _below(segments, pages, ignores_case=bool(downloads))
            if rest is not None and len(rest) <= 1 and not query:
                name = rest[0] if rest else ""
                if not name or NAME.fullmatch(name):
                    return Page(index, canonicalize_name(name) if name else "")
            if _is_download(segments, downloads) or (index.is_public and rest is not None):
                return File(index)
        return File(None)

    def _upload(self, request: Request) -> Upload | Refusal | None:
        """What is published, or why nothing may be: with one method, to one address, as one kind of form."""
        if request.method != "POST":
            return None
        targets = [index for index in self.indexes if index.upload]
        if not targets:
            return Refusal("only GET and HEAD pass; --allow-upload lets packages be published")
        for index in targets:
            url = index.upload
            if url and url.origin == request.origin and "?" not in request.target:
                if _below(_segments(request.target), _segments(url.path), ignores_case=True) != []:
                    continue
                kinds, sizes = _values(request, "content-type"), _values(request, "content-length")
                kind = _FORM.fullmatch(kinds[0]) if len(kinds) == 1 else None
                if not kind or len(sizes) != 1 or not _SIZE.fullmatch(sizes[0]):
                    return Refusal("it is no form of a known length")
                return Upload(index, kind[2], int(sizes[0]))
        return Refusal("packages are published to the first index only")

    def is_public(self, origin: Origin) -> bool:
        """Whether a host is opened for its public index only: what else it has needs no credential."""
        return all(index.is_public for index in self.indexes if index.url.origin == origin)


def malformed(request: Request) -> str:
    """What no client of an index would send, or empty."""
    names = [name.lower() for name, _ in request.headers]
    hosts, netloc = _values(request, "host"), request.origin.netloc.lower()
    if len(hosts) != 1 or hosts[0].lower() not in {netloc, f"{netloc}:{request.origin.port}"}:
        return "its Host is another one"
    known = set(names)
    if not known.isdisjoint(_OF_BODIES):
        return "it carries headers that no request for an index has"
    if len(known) < len(names) and any(names.count(name) > 1 for name in HEADERS if name != "accept"):
        return "it carries a header twice"
    path = request.target.partition("?")[0]
    if len(request.target) > _LONGEST or not request.target.isascii() or not request.target.isprintable():
        return "its address is none of an index"
    segments = path.split("/")[1:]
    if not _PATH.fullmatch(path) or not _DOTS.isdisjoint(segments) or "" in segments[:-1]:
        return "its path leads elsewhere"
    return ""


def changing(request: Request) -> str:
    """Why a request is none that only reads, or empty."""
    if request.method not in _METHODS:
        return "only GET and HEAD pass"
    if any(value.strip() != "0" for value in _values(request, "content-length")):
        return "it carries a body"
    return ""


def _values(request: Request, name: str) -> list[str]:
    """The values of a header, by its name in lower case."""
    return [value for key, value in request.headers if key.lower() == name]


class _Ground(NamedTuple):
    """What of its host an index has, as segments of paths.

    Args:
        home: the index.
        pages: above its pages.
        downloads: above the files of a feed, as its pages write them; empty where it is none.
    """

    home: Guarded
    pages: list[bytes]
    downloads: list[bytes]

    @classmethod
    def of(cls, index: Guarded) -> "_Ground":
        """The one of an index."""
        pages = _segments(index.url.path)
        return cls(index, pages, [*pages[:-1], b"download"] if FeedAddress.of(index.url) else [])


def _segments(path: str) -> list[bytes]:
    return [unquote_to_bytes(part) for part in path.split("/") if part]


def _below(own: list[bytes], above: list[bytes], *, ignores_case: bool) -> list[str] | None:
    """The segments of a path below another one; None where it is not below it."""
    head = own[: len(above)]
    if ignores_case:  # Azure DevOps does in paths; other letters than those of ASCII name other feeds
        head, above = [part.lower() for part in head], [part.lower() for part in above]
    return [part.decode("utf-8", "replace") for part in own[len(above) :]] if head == above else None


def _is_download(own: list[bytes], downloads: list[bytes]) -> bool:
    """Whether a path is one of the downloads of a feed (project, version, file)."""
    rest = _below(own, downloads, ignores_case=True) if downloads else None
    return rest is not None and len(rest) == 3 and all(map(_PART.fullmatch, rest))
