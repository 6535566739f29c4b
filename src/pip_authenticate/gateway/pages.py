"""Pages of indexes, read and written: HTML (PEP 503) and JSON (PEP 691) say the same.

A page is kept as JSON says it; what HTML cannot say (sizes, upload times) gets lost in HTML only.
"""

import html
import json
import re
from collections.abc import Callable, Iterable, Mapping
from html.parser import HTMLParser
from typing import Any, NamedTuple, TypeAlias
from urllib.parse import urljoin

from pip_authenticate.gateway.links import file_name

Fields: TypeAlias = dict[str, Any]
"""An object of JSON."""

Address: TypeAlias = Callable[[str, Fields], str]

_RELATIVE = re.compile(rb'"url"\s*:\s*"(?!https?://)')
_HASH = re.compile(r"(md5|sha1|sha224|sha256|sha384|sha512)=([0-9a-fA-F]+)")
_VERSION = re.compile(r"1\.[0-9]{1,4}")
_METADATA = ("core-metadata", "dist-info-metadata")
"""Both spellings of who says that a file's metadata can be had (PEP 714)."""
_OLDEST = {"api-version": "1.0"}


class Page(NamedTuple):
    """What a page says.

    Args:
        base: what its links are relative to.
        fields: as JSON has them: `files`, each with at least a name and an address, or `projects` on the
            page of all names.
    """

    base: str
    fields: Fields

    @property
    def names(self) -> list[str]:
        """The projects that it lists."""
        return [one["name"] for one in _rows(self.fields, "projects") if isinstance(one.get("name"), str)]


def _rows(fields: Fields, key: str) -> list[Fields]:
    found = fields.get(key)
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def read(url: str, content: bytes, kind: str) -> Page | None:
    """What a page says; None where it is none of its kind.

    Args:
        url: of the page.
        content: of the page.
        kind: its media type.
    """
    text = content.decode("utf-8", "replace")
    if "json" not in kind:
        reader = _Reader(url)
        reader.feed(text)
        reader.close()
        return Page(reader.base, reader.fields)
    try:
        fields = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(fields, dict):
        return None
    fields["files"] = [
        one
        for one in _rows(fields, "files")
        if isinstance(one.get("filename"), str) and isinstance(one.get("url"), str)
    ]
    return Page(url, fields)


class _Reader(HTMLParser):
    """Reads the anchors of a page (PEP 503; attributes: PEP 592, PEP 658, PEP 714)."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self.base = url
        self.fields: Fields = {"meta": dict(_OLDEST), "files": [], "projects": []}
        self._anchor: Fields | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "base" and given.get("href"):
            self.base = urljoin(self.base, given["href"] or "")
        elif tag == "meta" and given.get("name") == "pypi:repository-version":
            told = given.get("content") or ""
            if _VERSION.fullmatch(told):
                self.fields["meta"]["api-version"] = told
        elif tag == "a" and given.get("href"):
            href, _, fragment = (given["href"] or "").partition("#")
            self._anchor = {"name": ""}
            self.fields["projects"].append(self._anchor)
            if file_name(href):
                self.fields["files"].append(_file(href, fragment, given))

    def handle_data(self, data: str) -> None:
        if self._anchor is not None:
            self._anchor["name"] += data.strip()

    def handle_endtag(self, tag: str) -> None:
        if tag == "a":
            self._anchor = None


def _file(href: str, fragment: str, attributes: Mapping[str, str | None]) -> Fields:
    digest = _HASH.search(fragment)
    found: Fields = {
        "filename": file_name(href),
        "url": href,
        "hashes": {digest[1]: digest[2].lower()} if digest else {},
    }
    if attributes.get("data-requires-python"):
        found["requires-python"] = attributes["data-requires-python"]
    if "data-yanked" in attributes:
        found["yanked"] = attributes["data-yanked"] or True
    for name in _METADATA:
        if f"data-{name}" in attributes:
            told = _HASH.search(attributes[f"data-{name}"] or "")
            found[name] = {told[1]: told[2].lower()} if told else True
    return found


# ---- what a client is given ---------------------------------------------------------------------------


def united(pages: Iterable[tuple[Page, Address]], project: str) -> Fields:
    """One page for the files of several; of two files of one name the first one counts.

    Args:
        pages: each with what gives the address of a file of its, of what its links are relative to and
            the file; its files are changed.
        project: the normalised name.
    """
    fields: Fields = {}
    files = dict[str, Fields]()
    for page, address in pages:
        fields = fields or {key: value for key, value in page.fields.items() if key != "projects"}
        for one in page.fields["files"]:
            if one["filename"] in files:
                continue
            files[one["filename"]] = one
            one["url"] = address(page.base, one)
            former = one.pop("dist-info-metadata", None)  # pip 22.3 to 23.1 break off at it in JSON
            if former and not one.get("core-metadata"):
                one["core-metadata"] = former
            one.pop("gpg-sig", None)  # nobody asks for signatures any more
    meta = fields.get("meta")
    return {
        **fields,
        "meta": meta if isinstance(meta, dict) else _OLDEST,
        "name": project,
        "files": list(files.values()),
    }


def is_ready(content: bytes, kind: str) -> bool:
    """Whether a page can be handed on as it is: JSON whose links are all absolute."""
    return "json" in kind and not _RELATIVE.search(content)


def listed(names: Iterable[str]) -> Fields:
    """The page of all names."""
    return {"meta": _OLDEST, "projects": [{"name": name} for name in sorted(set(names))]}


def as_json(fields: Fields) -> bytes:
    """A page as JSON."""
    return json.dumps(fields, separators=(",", ":")).encode("ascii")


def as_html(content: bytes) -> bytes:
    """A page as HTML.

    Args:
        content: the page as JSON.
    """
    fields = json.loads(content)
    if "projects" in fields:
        title, anchors = "Simple index", [_anchor(f"{name}/", name) for name in Page("", fields).names]
    else:
        title, anchors = f"Links for {fields['name']}", [_linked(one) for one in fields["files"]]
    version = html.escape(str(fields["meta"].get("api-version", "1.0")))
    head = f'<meta name="pypi:repository-version" content="{version}"><title>{html.escape(title)}</title>'
    lines = "<br>\n".join(anchors)
    text = f"<!DOCTYPE html>\n<html><head>{head}</head><body>\n{lines}\n</body></html>\n"
    return text.encode("utf-8", "surrogatepass")


def _linked(file: Fields) -> str:
    hashes = _hashes(file.get("hashes"))
    digest = f"#{hashes[0]}" if hashes else ""
    attributes = dict[str, str]()
    if file.get("requires-python"):
        attributes["requires-python"] = str(file["requires-python"])
    if file.get("yanked"):
        attributes["yanked"] = "" if file["yanked"] is True else str(file["yanked"])
    told = file.get("core-metadata")
    if told:
        attributes |= dict.fromkeys(_METADATA, next(iter(_hashes(told)), "true"))
    return _anchor(file["url"] + digest, file["filename"], attributes)


def _hashes(value: object) -> list[str]:
    """Digests as HTML has them, that of SHA-256 first."""
    found = value if isinstance(value, dict) else {}
    return [f"{name}={found[name]}" for name in sorted(found, key=lambda name: (name != "sha256", name))]


def _anchor(href: str, text: str, attributes: Mapping[str, str] | None = None) -> str:
    shown = "".join(f' data-{name}="{html.escape(value)}"' for name, value in (attributes or {}).items())
    return f'<a href="{html.escape(href)}"{shown}>{html.escape(text)}</a>'
