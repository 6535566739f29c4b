"""A record for people: no text in it is more than a text, whoever wrote it."""

import html
from html.parser import HTMLParser
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from pip_authenticate import shown_record
from support import nasty

HOSTILE = (
    "</td></table><script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "a | b\n| c",
    "[x](javascript:y) ![x](https://h.example)",
    "\u202egnp.exe",
    "https://h.example/<b>?a=1&b=`2`",
)
TEXTS = st.one_of(
    st.text(max_size=40),
    st.text(st.sampled_from("|\\`<>&\"'*_[]()#!~$\n\r -:x/"), max_size=40),
    st.sampled_from([*HOSTILE, *nasty.COMMANDS, *nasty.LINE_ENDS, nasty.PASSWORD]),
)


def record(text: str, other: str) -> dict[str, Any]:
    """A record in which every text is one of two."""
    file = {
        "name": text, "version": other, "file": text, "source": other, "saved_from": text, "sha256": "00",
        "bytes": 7, "is_seen": False,
    }  # fmt: skip
    return {
        "files": [file],
        "public": [{"name": text, "index": other, "versions": [text, other]}],
        "uploaded": [{"file": text, "source": other, "sha256": "00", "bytes": 7}],
        "refused": [{"request": text, "why": other}],
        "failures": [text],
        "hosts": [other],
        "is_cut": True,
    }


class Page(HTMLParser):
    """Reads the tags of a page, and the texts of its cells."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags = list[tuple[str, tuple[str, ...]]]()
        self.cells = list[str]()
        self._is_in = False
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, tuple(name for name, _ in attrs)))
        self._is_in = tag == "td"
        if self._is_in:
            self.cells.append("")

    def handle_endtag(self, tag: str) -> None:
        self._is_in = self._is_in and tag != "td"

    def handle_data(self, data: str) -> None:
        if self._is_in:
            self.cells[-1] += data


def expected(told: dict[str, Any]) -> list[str]:
    """The texts of all rows, one behind the other, each in one line."""
    cells = [cell for section in shown_record.sections(told) for row in section.rows for cell in row]
    return ["".join(char if char.isprintable() else " " for char in cell) for cell in cells]


@given(TEXTS, TEXTS)
def test_in_markdown_no_text_leaves_its_cell(one: str, other: str) -> None:
    told = record(one, other)
    markdown = shown_record.markdown(told)
    rows = [row for row in markdown.split("\n") if row.startswith("| ")]
    heads = {f"| {' | '.join(section.head)} |" for section in shown_record.sections(told)}
    found = [cell for row in rows if row not in heads for cell in row[2:-2].split(" | ")]
    assert [html.unescape(cell) for cell in found] == expected(told)
    assert all(line.isprintable() for line in markdown.split("\n"))
    assert "<" not in markdown


@given(TEXTS, TEXTS)
def test_in_html_no_text_is_more_than_a_text(one: str, other: str) -> None:
    told = record(one, other)
    page, plain = Page(shown_record.page(told)), Page(shown_record.page(record("x", "y")))
    assert page.cells == expected(told)
    assert page.tags == plain.tags
    assert {tag for tag, _ in page.tags} == {
        "html", "head", "meta", "title", "style", "body", "h1", "h2", "div", "table", "thead", "tbody", "tr",
        "th", "td", "p",
    }  # fmt: skip


def test_a_table_has_no_more_rows_than_it_may() -> None:
    told = record("a", "b")
    told["files"] *= 30
    assert shown_record.markdown(told, 20).count("\n| a | b | a |") == 20
    assert "and 10 more" in shown_record.markdown(told, 20)
    assert "more" not in shown_record.markdown({**told, "is_cut": False})
