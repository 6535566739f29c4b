"""Text files of others: read with a bound, and never waited for."""

import os
from pathlib import Path

import pytest

from pip_authenticate import text_files
from pip_authenticate.text_files import TooLongError, UnreadableError


def test_what_is_no_file_is_none(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "missing", tmp_path, tmp_path / "pipe", "\0", ""):
        assert text_files.read(str(path)) is None
        assert text_files.read_toml(str(path)) == {}


def test_a_mark_of_the_encoding_is_no_text(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"\xef\xbb\xbfa = 1\n")
    assert text_files.read(str(file)) == "a = 1\n"
    assert text_files.read_toml(str(file)) == {"a": 1}


def test_bytes_that_are_no_text_are_refused_unless_wanted(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"canary\xff")
    with pytest.raises(UnreadableError) as refused:
        text_files.read(str(file))
    assert str(refused.value) == "is no UTF-8 text"
    assert text_files.read(str(file), errors="surrogateescape") == "canary\udcff"


def test_the_longest_file_is_read_and_no_longer_one(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"x" * text_files.LONGEST)
    assert len(text_files.read(str(file)) or "") == text_files.LONGEST
    with file.open("ab") as stream:
        stream.write(b"x")
    with pytest.raises(TooLongError):
        text_files.read(str(file))


@pytest.mark.parametrize(
    ("text", "why"), [("canary = = 1", "no TOML"), ("a = " + "[" * 9000, "nested|no TOML")]
)
def test_what_is_no_toml_is_not_quoted(tmp_path: Path, text: str, why: str) -> None:
    (tmp_path / "file").write_text(text, encoding="utf-8")
    with pytest.raises(UnreadableError, match=why) as refused:
        text_files.read_toml(str(tmp_path / "file"))
    assert "canary" not in str(refused.value)
    assert refused.value.__cause__ is None
