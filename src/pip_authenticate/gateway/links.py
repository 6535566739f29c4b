"""What the pages of indexes show: only a file that a page names is downloaded."""

import html
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import chain, islice, product
from typing import NamedTuple
from urllib.parse import unquote, urljoin, urlsplit

from pip_authenticate.gateway.fence import Guarded
from pip_authenticate.origin import DEFAULT_PORTS, Origin

# Each looks no further than the next one begins: else a page of beginnings takes hours.
_ANCHOR = re.compile(r"""<a\s(?:(?!<a\s)[^>])*?href\s*=\s*(?:"([^"]*)"|'([^']*)')""", re.IGNORECASE)
_BASE = re.compile(r"""<base\s(?:(?!<base\s)[^>])*?href\s*=\s*["']([^"']*)["']""", re.IGNORECASE)
_SHA256 = re.compile(r"sha256=([0-9a-f]{64})", re.IGNORECASE)
_LARGEST = 2**53
"""More bytes than any file has, and than every reader of JSON can count."""
_NO_FILES = (ValueError, LookupError, TypeError, AttributeError, RecursionError)
"""What is raised where a page is none, or an entry of it."""
_DECODER = json.JSONDecoder()
_ENTRY_BYTES, _DEEPEST = 8 * 1024, 8
"""How far from its name a file's entry begins and ends at most, and how many objects begin between."""
_MOST_AROUND = 16
"""How often a name is looked for that stands in its entry twice; who repeats it is read from end to end."""
_METADATA = ".metadata"
"""What is added to a file's address for its metadata (PEP 658)."""


class Link(NamedTuple):
    """A file that a page names.

    Args:
        home: the index whose page.
        file: its name.
        sha256: what the page says of it, or empty.
        size: what the page says of it, in bytes (PEP 700), or None.
    """

    home: Guarded
    file: str
    sha256: str
    size: int | None = None


class _Shown(NamedTuple):
    """A link as it stands on a page, with what that says of its file; nothing of it is looked at yet.

    Args:
        href: the address, which HTML may have escaped, with its fragment.
        hashes: digests by algorithm, where the page is JSON.
        size: in bytes, where the page is JSON.
    """

    href: str
    hashes: object = None
    size: object = None

    def said(self) -> tuple[str, str, int | None]:
        """The address, its digest or an empty text, and its size or None, of what stands in JSON."""
        return self.href, _digest(self.hashes), _size(self.size)


class Listing:
    """A page as it came; taken apart when a file is asked for that cannot be found without that.

    Args:
        home: the index whose page.
        url: of the page.
        content: of the page.
        kind: its media type.

    Attributes:
        base: what its links are relative to; once it was taken apart.
        size: in bytes.
    """

    def __init__(self, home: Guarded, url: str, content: bytes, kind: str) -> None:
        self.home = home
        self.base = url
        self.size = len(content)
        self._content: bytes | None = content
        self._is_json = "json" in kind
        self._every: Sequence[_Shown] = ()
        self._escaped: Sequence[_Shown] = ()
        self._glanced = dict[str, list[tuple[str, str, int | None]]]()

    def glance(self, name: str) -> Iterable[tuple[str, str, int | None]]:
        """Of what `links` gives, what shows where a page in JSON has the name as it is.

        Reading all of a page would take longer than all else that is done for a file: it has thousands.
        """
        if not self._is_json or self._content is None:
            return ()
        found = self._glanced.get(name)
        if found is None:
            around = _around(self._content, name.encode("utf-8", "replace"))
            found = [shown.said() for shown in around if file_name(shown.href) == name]
            if found:  # a file is asked for twice, its metadata being a part of it
                self._glanced[name] = found
        return found

    def _take_apart(self) -> None:
        """Find the links; nothing, where that is done."""
        if self._content is not None:
            text = self._content.decode("utf-8", "replace")
            self._every = _of_json(text) if self._is_json else self._of_html(text)
            self._escaped = [shown for shown in self._every if "%" in shown.href or "&" in shown.href]
            self._content = None

    def links(self, name: str) -> Iterator[tuple[str, str, int | None]]:
        """The links to files of a name: each address, its digest or an empty text, and its size or None."""
        self._take_apart()
        # A page has thousands of links, and few of them are ever asked for.
        for shown in (*(shown for shown in self._every if name in shown.href), *self._escaped):
            href, digest, size = shown.said()
            if not self._is_json:
                href, _, fragment = html.unescape(href).partition("#")
                told = _SHA256.search(fragment)
                digest = told[1].lower() if told else ""
            if file_name(href) == name:
                yield href, digest, size

    def _of_html(self, text: str) -> list[_Shown]:
        told = _BASE.search(text)
        if told:
            self.base = urljoin(self.base, html.unescape(told[1]))
        return [_Shown(double or single) for double, single in _ANCHOR.findall(text)]


class Links:
    """Remembers what pages show; pages are read, and addresses resolved, when a file is asked for.

    Args:
        most: bytes of pages that are remembered; those of the projects that came first are forgotten first.
    """

    def __init__(self, most: int = 64 * 1024 * 1024) -> None:
        self._by_project = dict[str, dict[str, Listing]]()
        self._most, self._size = most, 0

    def learn(self, index: Guarded, url: str, content: bytes, kind: str) -> Listing:
        """Remember a page, which it gives; of each address, the last one.

        Args:
            index: whose page it is.
            url: of the page.
            content: of the page.
            kind: its media type.
        """
        from packaging.utils import canonicalize_name  # noqa: PLC0415 - as below

        project = canonicalize_name(file_name(url.rstrip("/")))
        pages = self._by_project.setdefault(project, {})
        self._size += len(content) - (pages[url].size if url in pages else 0)
        listing = pages[url] = Listing(index, url, content, kind)
        while self._size > self._most and len(self._by_project) > 1:
            oldest = next(iter(self._by_project))
            self._size -= sum(page.size for page in self._by_project.pop(oldest).values())
        return listing

    def knows(self, project: str) -> bool:
        """Whether a page of a normalised name is remembered."""
        return project in self._by_project

    def find(self, origin: Origin, target: str) -> Link | None:
        """The file that a request is for; None where no page has shown it yet."""
        name = file_name(target)
        project = project_of(name)
        if project is None:  # a page can hold other links, too
            return None
        others = (pages for key, pages in self._by_project.items() if key != project[0])
        knowns = tuple(dict.fromkeys((name, name.removesuffix(_METADATA))))
        for pages in chain([self._by_project.get(project[0], {})], others):
            for look, page, known in product((Listing.glance, Listing.links), pages.values(), knowns):
                for href, sha256, size in look(page, known):
                    if _is_at(page.base, href, origin, target, name[len(known) :]):
                        return Link(page.home, known, sha256, size)
        return None


def _of_json(text: str) -> list[_Shown]:
    try:
        return [_shown(one) for one in json.loads(text)["files"]]
    except _NO_FILES:
        return []


def _shown(file: dict[str, object]) -> _Shown:
    """What a page in JSON says of a file.

    Raises:
        Exception: one of _NO_FILES.
    """
    return _Shown(str(file["url"]), file.get("hashes"), file.get("size"))


def _around(content: bytes, name: bytes) -> Iterator[_Shown]:
    """What a page in JSON says of the files in whose entries a name stands."""
    places = (found.start() for found in re.finditer(re.escape(name), content))
    return filter(None, (_entry(content, at) for at in islice(places, _MOST_AROUND)))


def _entry(content: bytes, at: int) -> _Shown | None:
    """The entry of a file that a place of a page in JSON is in; None where it is in none."""
    start = at
    for _ in range(_DEEPEST):
        start = content.rfind(b"{", max(at - _ENTRY_BYTES, 0), start)
        if start < 0:
            return None
        text = content[start : at + _ENTRY_BYTES].decode("utf-8", "replace")
        try:
            shown = _shown(_DECODER.raw_decode(text)[0])
        except _NO_FILES:
            continue
        return None if _is_in_text(content, start) else shown
    return None


def _is_in_text(content: bytes, at: int) -> bool:
    """Whether a place of a text in JSON is within one of its strings."""
    before = content[:at]
    if b"\\" in before:
        before = before.replace(b"\\\\", b"").replace(b'\\"', b"")
    return before.count(b'"') % 2 == 1


def _digest(hashes: object) -> str:
    """The SHA-256 among digests, in hexadecimal digits; empty where there is none."""
    found = _SHA256.fullmatch(f"sha256={hashes.get('sha256')}") if isinstance(hashes, dict) else None
    return found[1].lower() if found else ""


def _size(value: object) -> int | None:
    """A number of bytes; None where it is none."""
    return value if type(value) is int and 0 <= value < _LARGEST else None


def _is_at(base: str, href: str, origin: Origin, target: str, suffix: str) -> bool:
    """Whether a link, with something added to its path, is the address that is asked for."""
    place, path, query = _resolved(base, href)
    asked, _, asked_query = target.partition("?")
    return place == origin and path + suffix == unquote(asked) and query == asked_query


@lru_cache(maxsize=256)
def _resolved(base: str, href: str) -> tuple[Origin | None, str, str]:
    """Where a link leads: origin, decoded path and query; no origin where it leads nowhere."""
    try:
        parts = urlsplit(urljoin(base, href))
        port = parts.port or DEFAULT_PORTS[parts.scheme]
    except (ValueError, KeyError):
        return None, "", ""
    return Origin(parts.scheme, (parts.hostname or "").lower(), port), unquote(parts.path), parts.query


def file_name(address: str) -> str:
    """The last segment of an address, decoded."""
    name = address.partition("?")[0].rpartition("/")[2]
    return unquote(name) if "%" in name else name


@lru_cache(maxsize=256)
def project_of(file: str) -> tuple[str, str] | None:
    """Name and version of what a file holds; None where its name says neither (PEP 427, PEP 625)."""
    from packaging.utils import (  # noqa: PLC0415 - what is loaded before the command starts makes it wait
        InvalidSdistFilename,
        InvalidWheelFilename,
        parse_sdist_filename,
        parse_wheel_filename,
    )

    name = file.removesuffix(_METADATA)
    try:
        if name.endswith(".whl"):
            project, version, _, _ = parse_wheel_filename(name)
        else:
            project, version = parse_sdist_filename(name)
    except (InvalidWheelFilename, InvalidSdistFilename):
        return None
    return project, str(version)
