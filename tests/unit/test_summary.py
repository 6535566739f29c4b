"""The summary: a table that texts from outside cannot leave, without any secret."""

import html
import re
from datetime import datetime, timezone

from hypothesis import given
from hypothesis import strategies as st

from pip_authenticate.authenticate import Found
from pip_authenticate.index import AuthenticatedIndex, Credential, IndexUrl
from pip_authenticate.secret import Secret
from pip_authenticate.summary import Line, of, table
from pip_authenticate.verify import Verdict
from support import nasty


def cells(markdown: str) -> list[list[str]]:
    """The texts of a table's rows (GitHub Flavored Markdown, "Tables"), its head left out."""
    title, empty, _head, _rule, *rows = markdown.rstrip("\n").split("\n")
    assert (title[:4], empty) == ("### ", "")
    return [[html.unescape(cell) for cell in row[2:-2].split(" | ")] for row in rows]


def test_every_index_is_a_row() -> None:
    lines = [
        Line("https://h.example/simple/", "feed one", "job token", "pip", "2026-01-02 03:04 UTC", "good: ok"),
        Line("https://h.example/other/", "argument", "", "pip, uv", "", ""),
    ]
    assert cells(table(lines)) == [list(line) for line in lines]
    assert table([]) == ""


HTML = ("<script>x</script>", "[x](y:z)", "a | b")
TEXTS = st.one_of(
    st.text(max_size=40),
    st.text(st.sampled_from("|\\`<>&*_[]()#!~$\n\r -:x"), max_size=40),
    st.sampled_from([*nasty.COMMANDS, *nasty.LINE_ENDS, nasty.PASSWORD, *HTML]),
)


@given(TEXTS, TEXTS)
def test_no_text_is_more_than_the_text_of_its_cell(one: str, other: str) -> None:
    line = Line("https://h.example/", one, other, "pip", "", "x")
    markdown = table([line])
    (found,) = cells(markdown)
    assert found == ["".join(char if char.isprintable() else " " for char in text) for text in line]
    row = markdown.rstrip("\n").split("\n")[-1]
    assert row.isprintable()
    assert row.count("|") == len(line) + 1
    assert not re.search(r"[`<>\[\]*\\!~$#]", re.sub(r"&#\d+;", "", row))


def test_of_what_was_found_no_secret_is_shown() -> None:
    url, _ = IndexUrl.parse("https://h.example/a%7Cb/simple/")
    end = datetime(2026, 1, 2, 3, 4, tzinfo=timezone.utc)
    credential = Credential("user", Secret("canary"), expires=end)
    index = AuthenticatedIndex(url, credential, "feed a|b", provider="job token")
    verdict = Verdict(index, "bad", "it is refused. Give the role Reader.")
    markdown = of(Found({}, [index], [], [verdict], {}, [], [], []), "pip, uv")
    assert "canary" not in markdown
    told = "bad: it is refused. Give the role Reader."
    assert cells(markdown) == [[str(url), "feed a|b", "job token", "pip, uv", "2026-01-02 03:04 UTC", told]]
