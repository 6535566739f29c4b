"""A record of the gateway for people: as Markdown, as a page of HTML, and as the rows of a table.

It is shown from its JSON, which may have come from anywhere: every text is escaped.
"""

import html
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from pip_authenticate.summary import CELL, cell, visible

_SIZES = ("bytes", "kB", "MB", "GB")
_SHORT = 12
"""Digits of a digest that people compare; the whole one is in the JSON."""
_SAID = "*"
"""Marks what only the index says."""
_OWN = "-"
"""Stands for the upstream source of what was published to the feed itself."""
_PUBLICATION = ("file", "source", "sha256", "bytes")
_SEEN_ELSEWHERE = f"{_SAID} as the index says: not all of the file passed through the gateway."
_PUBLISHED = f"{_OWN} published to the feed, not saved from one of its upstream sources."
_STYLE = """\
:root { color-scheme: light dark; font: 1rem/1.5 system-ui, sans-serif; }
body { margin: 2rem auto; max-width: 80rem; padding: 0 1rem; }
div { overflow-x: auto; }
table { border-collapse: collapse; margin: 1rem 0 2rem; }
th, td { border-bottom: 1px solid color-mix(in srgb, currentColor 25%, transparent); \
padding: .3rem .8rem; text-align: left; vertical-align: top; overflow-wrap: anywhere; }
td:nth-child(6) { font-family: ui-monospace, monospace; font-size: .85em; }
"""


class Section(NamedTuple):
    """A table of a record.

    Args:
        title: what it shows, as a headline.
        head: names of its columns.
        rows: texts, as many in each as there are columns.
        note: a sentence below it, or empty.
    """

    title: str
    head: tuple[str, ...]
    rows: list[tuple[str, ...]]
    note: str = ""


def sections(told: Mapping[str, Any]) -> list[Section]:
    """What a record tells, in tables; those without a row are left out.

    Args:
        told: the record's JSON.

    Raises:
        LookupError, TypeError, AttributeError, ValueError: it is no record.
    """
    files = [_file(one) for one in told["files"]]
    notes = [_SEEN_ELSEWHERE] if any(map(_is_said, told["files"])) else []
    notes += [_PUBLISHED] if any(row[4] == _OWN for row in files) else []
    public = [(one["name"], ", ".join(one["versions"]), one["index"]) for one in told["public"]]
    every = [
        Section(
            "Packages fetched",
            ("package", "version", "file", "from", "saved from", "SHA-256", "bytes"),
            files,
            " ".join(notes),
        ),
        Section(
            "Packages published",
            ("file", "to", "SHA-256", "bytes"),
            [tuple(str(one[name]) for name in _PUBLICATION) for one in told["uploaded"]],
        ),
        Section(
            "From public indexes",
            ("package", "versions", "public index"),
            [tuple(map(str, row)) for row in public],
            "Where public indexes are guarded, no private index has these names. A version is known where "
            "its file came through the gateway.",
        ),
        Section(
            "Refused", ("request", "why"), [(str(one["request"]), str(one["why"])) for one in told["refused"]]
        ),
        Section("What went wrong", ("what",), [(str(why),) for why in told["failures"]]),
        Section(
            "Passed unread", ("host",), [(str(host),) for host in told["hosts"]],
            "What was asked of these hosts is not known: they are none of an index.",
        ),
    ]  # fmt: skip
    if told["is_cut"]:
        every.append(Section("Not all is here", ("what",), [("There was more than a record holds.",)]))
    return [section for section in every if section.rows]


def _file(one: Mapping[str, Any]) -> tuple[str, ...]:
    size = "" if one["bytes"] is None else str(one["bytes"])
    what = (str(one["name"]), str(one["version"]), str(one["file"]))
    return (*what, str(one["source"]), _saved_from(one), *_known(one, str(one["sha256"]), size))


def _saved_from(one: Mapping[str, Any]) -> str:
    """Where an index has a file from; empty where nobody says."""
    upstream = one["saved_from"]
    return "" if upstream is None else str(upstream) or _OWN


def _known(one: Mapping[str, Any], digest: str, size: str) -> Iterator[str]:
    """Digest and size, marked where only the index says them."""
    mark = _SAID if _is_said(one) else ""
    return (text and f"{text}{mark}" for text in (digest, size))


def _is_said(one: Mapping[str, Any]) -> bool:
    return not one["is_seen"] and bool(one["sha256"] or one["bytes"])


def table(told: Mapping[str, Any], most: int) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """The head and the rows of a short table of what was fetched.

    Args:
        told: the record's JSON.
        most: files that it shows.
    """
    rows = list[tuple[str, ...]]()
    for one in told["files"][:most]:
        what = (one["name"] or one["file"], one["version"], one["source"], _saved_from(one))
        rows.append((*what, *_known(one, one["sha256"][:_SHORT], _size(one["bytes"]))))
    return ("package", "version", "from", "saved from", "SHA-256", "size"), rows


def lines(told: Mapping[str, Any], most: int) -> Iterator[str]:
    """What stands below that table.

    Args:
        told: the record's JSON.
        most: things of a kind that are shown.
    """
    shown, more = told["files"][:most], len(told["files"]) - most
    if more > 0:
        yield f"and {more} more"
    if any(map(_is_said, shown)):
        yield _SEEN_ELSEWHERE
    if any(_saved_from(one) == _OWN for one in shown):
        yield _PUBLISHED
    for one in told["uploaded"]:
        yield f"Published to {one['source']}: {one['file']} (SHA-256 {one['sha256']})"
    if told["public"]:
        names = [" ".join((one["name"], *one["versions"])) for one in told["public"]]
        rest = [f"and {len(names) - most} more"] if len(names) > most else []
        yield f"From public indexes: {', '.join([*names[:most], *rest])}"


def _size(size: int | None) -> str:
    """A size as people say it."""
    if size is None:
        return ""
    number, unit = float(size), 0
    while number >= 1000 and unit < len(_SIZES) - 1:
        number, unit = number / 1000, unit + 1
    return f"{number:.1f} {_SIZES[unit]}" if unit else f"{size} bytes"


def markdown(told: Mapping[str, Any], most: int | None = None) -> str:
    """A record as Markdown (GitHub Flavored Markdown, "Tables").

    Args:
        told: the record's JSON.
        most: rows of a table; None for all.

    Raises:
        LookupError, TypeError, AttributeError, ValueError: it is no record.
    """
    return "\n".join(_markdown(sections(told), most)) or "Nothing went through the gateway.\n"


def _markdown(shown: Iterable[Section], most: int | None) -> Iterator[str]:
    for section in shown:
        yield f"### {section.title}\n"
        yield f"| {' | '.join(section.head)} |"
        yield f"|{'---|' * len(section.head)}"
        for row in section.rows[:most]:
            yield f"| {' | '.join(map(cell, row))} |"
        yield ""
        if most is not None and len(section.rows) > most:
            yield f"and {len(section.rows) - most} more\n"
        if section.note:
            yield f"{cell(section.note)}\n"


def page(told: Mapping[str, Any]) -> str:
    """A record as one page of HTML, which loads nothing and runs nothing.

    Args:
        told: the record's JSON.

    Raises:
        LookupError, TypeError, AttributeError, ValueError: it is no record.
    """
    return "\n".join(_page(sections(told)))


def _page(shown: list[Section]) -> Iterator[str]:
    yield "<!DOCTYPE html>"
    yield '<html lang="en"><head><meta charset="utf-8">'
    policy = "default-src 'none'; style-src 'unsafe-inline'"
    yield f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield f"<title>What was fetched</title><style>\n{_STYLE}</style></head><body>"
    yield "<h1>What was fetched</h1>"
    for section in shown:
        yield f"<h2>{section.title}</h2>"
        yield f"<div><table><thead><tr>{_cells('th', section.head)}</tr></thead><tbody>"
        yield from (f"<tr>{_cells('td', row)}</tr>" for row in section.rows)
        yield "</tbody></table></div>"
        if section.note:
            yield f"<p>{html.escape(section.note)}</p>"
    if not shown:
        yield "<p>Nothing went through the gateway.</p>"
    yield "</body></html>"


def _cells(tag: str, row: Iterable[str]) -> str:
    return "".join(f"<{tag}>{html.escape(visible(text)[:CELL])}</{tag}>" for text in row)
