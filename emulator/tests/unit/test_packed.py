"""Zip files that others made: what is read, and what is refused before anything is unpacked."""

import io
import stat
import struct
import zipfile
from pathlib import Path

import pytest

from azure_devops_emulator import packed
from azure_devops_emulator.errors import InputError
from emulator_support.tasks import zipped


def with_member(name: str, mode: int = 0, method: int = zipfile.ZIP_STORED, data: bytes = b"x") -> bytes:
    """A zip file with one member of this name, file mode and compression."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        member = zipfile.ZipInfo("placeholder")
        member.filename = name
        member.external_attr = mode << 16
        member.compress_type = method
        archive.writestr(member, data)
    return stream.getvalue()


def test_files_come_out_as_they_went_in(tmp_path: Path) -> None:
    files = {"task.json": b"{}", "lib/a b/ü.py": b"\x00\xff", "empty": b""}
    assert packed.read(zipped({**files, "folder/": b""}), "x.zip") == files
    packed.write(files, tmp_path / "new")
    written = {p.relative_to(tmp_path / "new").as_posix(): p.read_bytes() for p in tmp_path.rglob("*.*")}
    assert written == {"task.json": b"{}", "lib/a b/ü.py": b"\x00\xff"}
    assert (tmp_path / "new" / "empty").read_bytes() == b""


def test_a_folder_of_it() -> None:
    files = {"a/task.json": b"1", "a/b/c": b"2", "ab/d": b"3"}
    assert packed.below(files, "a/") == {"task.json": b"1", "b/c": b"2"}
    assert packed.below(files, "") == files
    assert packed.below(files, "c") == {}


@pytest.mark.parametrize(
    "name",
    [
        "../outside",
        "a/../../outside",
        "/etc/outside",
        "a//b",
        "./a",
        "a/.",
        "a/... ",
        "C:outside",
        "C:/outside",
        "..\\outside",
        "a\\b",
        "a/b.",
        "a/b ",
        "a\nb",
        "stream:hidden",
    ],
)
def test_a_path_that_could_lead_elsewhere_is_refused(name: str) -> None:
    with pytest.raises(InputError, match="a path that is not allowed"):
        packed.read(with_member(name), "x.zip")


def test_a_refusal_shows_a_bounded_part_of_a_path() -> None:
    with pytest.raises(InputError) as caught:
        packed.read(with_member("../" * 20_000 + "x"), "x.zip")
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR, stat.S_IFSOCK])
def test_what_is_no_plain_file_is_refused(kind: int) -> None:
    with pytest.raises(InputError, match="no plain file"):
        packed.read(with_member("link", kind | 0o777, data=b"/etc/passwd"), "x.zip")
    assert packed.read(with_member("file", stat.S_IFREG | 0o755), "x.zip") == {"file": b"x"}


def test_other_compression_is_refused() -> None:
    with pytest.raises(InputError, match="no plain file"):
        packed.read(with_member("file", method=zipfile.ZIP_LZMA), "x.zip")


@pytest.mark.parametrize("names", [("a", "A"), ("a", "a/b"), ("a/b", "A"), ("a/b/c", "a/B")])
def test_two_files_of_one_path_are_refused(names: tuple[str, str]) -> None:
    with pytest.raises(InputError, match="two files of one path"):
        packed.read(zipped(dict.fromkeys(names, b"")), "x.zip")


@pytest.mark.parametrize(
    "data", [b"", b"no zip", zipped({"a": b"b" * 100})[:-30]], ids=["empty", "text", "cut off"]
)
def test_what_is_no_zip_file_is_refused(data: bytes) -> None:
    with pytest.raises(InputError, match=r"^x\.zip is no zip file that can be read"):
        packed.read(data, "x.zip")


def test_broken_content_is_refused() -> None:
    stored = with_member("file", data=b"content")
    with pytest.raises(InputError, match="is no zip file that can be read"):
        packed.read(stored.replace(b"content", b"CONTENT"), "x.zip")


def test_an_encrypted_file_is_refused() -> None:
    data = bytearray(with_member("file"))
    central = data.index(b"PK\x01\x02")
    for place in (6, central + 8):
        struct.pack_into("<H", data, place, 1)
    with pytest.raises(InputError, match="is no zip file that can be read"):
        packed.read(bytes(data), "x.zip")


def test_sizes_are_bounded_by_what_is_declared_and_no_more_is_unpacked() -> None:
    bomb = zipped({f"{number}": bytes(packed.LARGEST_CONTENT // 8) for number in range(9)})
    assert len(bomb) < 1_000_000
    with pytest.raises(InputError, match="too large"):
        packed.read(bomb, "x.zip")
    liar = bytearray(zipped({"a": bytes(1_000_000)}))
    for place in (22, liar.index(b"PK\x01\x02") + 24):
        struct.pack_into("<L", liar, place, 10)
    with pytest.raises(InputError, match="is no zip file that can be read"):
        packed.read(bytes(liar), "x.zip")
    with pytest.raises(InputError, match="too large"):
        packed.read(bytes(packed.LARGEST_FILE + 1), "x.zip")


def test_the_number_of_files_is_bounded() -> None:
    with pytest.raises(InputError, match="more than 20000 files"):
        packed.read(zipped({str(number): b"" for number in range(20_001)}), "x.zip")
