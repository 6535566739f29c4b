"""What the pages of indexes show: only a file that a page names is downloaded."""

import html
import json
import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple
from urllib.parse import unquote, urljoin, urlsplit

from pip_authenticate.gateway.fence import Guarded
from pip_authenticate.origin import DEFAULT_PORTS, Origin

_ANCHOR = re.compile(r"""<a\s[^>]*?href\s*=\s*(?:"([^"]*)"|'([^']*)')""", re.IGNORECASE)
_BASE = re.compile(r"""<base\s[^>]*?href\s*=\s*["']([^"']*)["']""", re.IGNORECASE)
_SHA256 = re.compile(r"sha256=([0-9a-f]{64})", re.IGNORECASE)
_LARGEST = 2**53
"""More bytes than any file has, and than every reader of JSON can count."""
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
    """A link as it stands on a page, with what that says of its file."""

    href: str
    sha256: str
    size: int | None = None


class _Page:
    """A page as it came; read when a file is asked for that it may name.

    Args:
        home: the index whose page.
        url: of the page.
        content: of the page.
        kind: its media type.

    Attributes:
        base: what its links are relative to; once it was read.
        size: in bytes.
    """

    def __init__(self, home: Guarded, url: str, content: bytes, kind: str) -> None:
        self.home = home
        self.base = url
        self.size = len(content)
        self._content: bytes | None = content
        self._kind = kind
        self._files = dict[str, list[_Shown]]()

    def links(self, name: str) -> Sequence["_Shown"]:
        """The links to files of a name, as they stand there."""
        if self._content is not None:
            text = self._content.decode("utf-8", "replace")
            for shown in _of_json(text) if "json" in self._kind else self._of_html(text):
                self._files.setdefault(file_name(shown.href), []).append(shown)
            self._content = None
        return self._files.get(name, ())

    def _of_html(self, text: str) -> Iterator["_Shown"]:
        told = _BASE.search(text)
        if told:
            self.base = urljoin(self.base, html.unescape(told[1]))
        for double, single in _ANCHOR.findall(text):
            href, _, fragment = html.unescape(double or single).partition("#")
            digest = _SHA256.search(fragment)
            yield _Shown(href, digest[1].lower() if digest else "")


class Links:
    """Remembers what pages show; pages are read, and addresses resolved, when a file is asked for.

    Args:
        most: bytes of pages that are remembered; those of the projects that came first are forgotten first.
    """

    def __init__(self, most: int = 64 * 1024 * 1024) -> None:
        self._by_project = dict[str, dict[str, _Page]]()
        self._most, self._size = most, 0

    def learn(self, index: Guarded, url: str, content: bytes, kind: str) -> None:
        """Remember a page; of each address, the last one.

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
        pages[url] = _Page(index, url, content, kind)
        while self._size > self._most and len(self._by_project) > 1:
            oldest = next(iter(self._by_project))
            self._size -= sum(page.size for page in self._by_project.pop(oldest).values())

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
        for pages in (self._by_project.get(project[0], {}), *others):
            for page in pages.values():
                for known in dict.fromkeys((name, name.removesuffix(_METADATA))):
                    for shown in page.links(known):
                        if _is_at(page.base, shown.href, origin, target, name[len(known) :]):
                            return Link(page.home, known, shown.sha256, shown.size)
        return None


def _of_json(text: str) -> list[_Shown]:
    try:
        page = json.loads(text)
        return [
            _Shown(str(one["url"]), _digest(one.get("hashes", {}).get("sha256")), _size(one.get("size")))
            for one in page["files"]
        ]
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return []


def _digest(value: object) -> str:
    """A SHA-256 in hexadecimal digits; empty where it is none."""
    found = _SHA256.fullmatch(f"sha256={value}")
    return found[1].lower() if found else ""


def _size(value: object) -> int | None:
    """A number of bytes; None where it is none."""
    return value if type(value) is int and 0 <= value < _LARGEST else None


def _is_at(base: str, href: str, origin: Origin, target: str, suffix: str) -> bool:
    """Whether a link, with something added to its path, is the address that is asked for."""
    try:
        parts = urlsplit(urljoin(base, href))
        port = parts.port or DEFAULT_PORTS.get(parts.scheme)
    except ValueError:
        return False
    path, _, query = target.partition("?")
    return (
        (parts.scheme, (parts.hostname or "").lower(), port) == tuple(origin)
        and unquote(parts.path) + suffix == unquote(path)
        and parts.query == query
    )


def file_name(address: str) -> str:
    """The last segment of an address, decoded."""
    name = address.partition("?")[0].rpartition("/")[2]
    return unquote(name) if "%" in name else name


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
