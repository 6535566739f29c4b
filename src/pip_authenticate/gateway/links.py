"""What the pages of indexes show: only a file that a page names is downloaded."""

import html
import json
import re
from typing import NamedTuple
from urllib.parse import unquote, urljoin, urlsplit

from packaging.utils import (
    InvalidSdistFilename,
    InvalidWheelFilename,
    NormalizedName,
    parse_sdist_filename,
    parse_wheel_filename,
)

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
    """A link as it stands on a page."""

    home: Guarded
    base: str
    href: str
    sha256: str
    size: int | None


class Links:
    """Remembers what pages show; addresses are resolved when their file is asked for."""

    def __init__(self) -> None:
        self._by_file = dict[str, dict[_Shown, None]]()

    def learn(self, index: Guarded, url: str, content: bytes, kind: str) -> None:
        """Remember the files of a page.

        Args:
            index: whose page it is.
            url: of the page.
            content: of the page.
            kind: its media type.
        """
        text = content.decode("utf-8", "replace")
        base, found = url, list[tuple[str, str, int | None]]()
        if "json" in kind:
            found = _of_json(text)
        else:
            told = _BASE.search(text)
            base = urljoin(url, html.unescape(told[1])) if told else url
            for double, single in _ANCHOR.findall(text):
                href, _, fragment = html.unescape(double or single).partition("#")
                digest = _SHA256.search(fragment)
                found.append((href, digest[1].lower() if digest else "", None))
        for href, sha256, size in found:
            name = file_name(href)
            if name:
                self._by_file.setdefault(name, {})[_Shown(index, base, href, sha256, size)] = None

    def find(self, origin: Origin, target: str) -> Link | None:
        """The file that a request is for; None where no page has shown it yet."""
        name = file_name(target)
        if project_of(name) is None:  # a page can hold other links, too
            return None
        for name_of_file in dict.fromkeys((name, name.removesuffix(_METADATA))):
            for shown in self._by_file.get(name_of_file, ()):
                if _is_at(shown, origin, target, name[len(name_of_file) :]):
                    return Link(shown.home, name_of_file, shown.sha256, shown.size)
        return None


def _of_json(text: str) -> list[tuple[str, str, int | None]]:
    try:
        page = json.loads(text)
        return [
            (str(one["url"]), _digest(one.get("hashes", {}).get("sha256")), _size(one.get("size")))
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


def _is_at(shown: _Shown, origin: Origin, target: str, suffix: str) -> bool:
    try:
        parts = urlsplit(urljoin(shown.base, shown.href))
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
    return unquote(address.partition("?")[0].rpartition("/")[2])


def project_of(file: str) -> tuple[NormalizedName, str] | None:
    """Name and version of what a file holds; None where its name says neither (PEP 427, PEP 625)."""
    name = file.removesuffix(_METADATA)
    try:
        if name.endswith(".whl"):
            project, version, _, _ = parse_wheel_filename(name)
        else:
            project, version = parse_sdist_filename(name)
    except (InvalidWheelFilename, InvalidSdistFilename):
        return None
    return project, str(version)
