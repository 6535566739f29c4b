"""What a run did, as one Markdown table without any secret, for people who would rather look than read."""

from collections.abc import Iterable
from typing import NamedTuple

from pip_authenticate.authenticate import Found
from pip_authenticate.index import Credential
from pip_authenticate.tokens import ends

_HEAD = "| index | named by | credential | for | until | verdict |\n|---|---|---|---|---|---|\n"
CELL = 500
"""Longest text of a cell, in characters."""


def of(found: Found, clients: str) -> str:
    """What was found, as a Markdown table without any secret; empty where nothing was."""
    verdicts = {verdict.target.url.key: f"{verdict.grade}: {verdict.text}" for verdict in found.verdicts}
    return table(
        Line(
            str(index.url),
            index.source,
            index.provider,
            clients,
            _until(index.credential),
            verdicts.get(index.url.key, ""),
        )
        for index in found.indexes
    )


def _until(credential: Credential) -> str:
    end = ends(credential.secret, credential.expires)
    return f"{end:%Y-%m-%d %H:%M} UTC" if end else ""


class Line(NamedTuple):
    """One index.

    Args:
        address: its URL.
        source: what names it.
        provider: what gave the credential.
        clients: programs that it is for.
        expires: when the credential ends, in UTC, or empty.
        verdict: what a check found, with its instruction, or empty.
    """

    address: str
    source: str
    provider: str
    clients: str
    expires: str
    verdict: str


def table(lines: Iterable[Line]) -> str:
    """The summary; empty where there is no index.

    Texts may come from outside: they are escaped, so that none is more than a text of its cell.
    """
    rows = "".join(f"| {' | '.join(map(cell, line))} |\n" for line in lines)
    return f"### Package indexes\n\n{_HEAD}{rows}" if rows else ""


def cell(text: str) -> str:
    """A text as a cell of a table, where it is nothing but a text."""
    return visible(text)[:CELL].translate(_ESCAPED)


def visible(text: str) -> str:
    """A text in one line, without what would change how others are shown."""
    return text if text.isprintable() else "".join(char if char.isprintable() else " " for char in text)


_MARKS = "|<>`*_[]()#&\\!~$"
"""What Markdown or HTML could take for more than a character."""
_ESCAPED = str.maketrans({char: f"&#{ord(char)};" for char in _MARKS})
