"""Packages: those made up are as valid as real ones, and real ones are read from folders."""

import base64
import csv
import hashlib
import io
import tarfile
import zipfile
from pathlib import Path

import pytest
from packaging.version import Version

from azure_devops_emulator.errors import InputError
from azure_devops_emulator.services.packages import from_bytes, in_folder, made_up, newest_first


def test_a_made_up_wheel_lists_its_own_files_correctly() -> None:
    wheel = made_up("Hello.Test-Package==1.0", "the feed f")
    assert wheel.file == "Hello_Test_Package-1.0-py3-none-any.whl"
    assert (wheel.name, wheel.key, wheel.trimmed_version) == ("Hello.Test-Package", "hello-test-package", "1")
    assert wheel.sha256 == hashlib.sha256(wheel.content()).hexdigest()
    with zipfile.ZipFile(io.BytesIO(wheel.content())) as archive:
        assert archive.testzip() is None
        record = list(
            csv.reader(io.StringIO(archive.read("Hello_Test_Package-1.0.dist-info/RECORD").decode()))
        )
        assert sorted(row[0] for row in record) == sorted(archive.namelist())
        for path, digest, size in record[:-1]:
            content = archive.read(path)
            encoded = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).decode().rstrip("=")
            assert (digest, int(size)) == (f"sha256={encoded}", len(content))
        assert record[-1][1:] == ["", ""]


def test_a_made_up_module_says_what_it_is_and_where_it_came_from() -> None:
    wheel = made_up("HelloTestPackage==1.0.0", 'the "feed" f')
    with zipfile.ZipFile(io.BytesIO(wheel.content())) as archive:
        known: dict[str, object] = {}
        exec(archive.read("hellotestpackage.py"), known)  # noqa: S102 - made a line above
    assert (known["NAME"], known["VERSION"]) == ("HelloTestPackage", "1.0.0")
    assert known["ORIGIN"] == 'the "feed" f'


def test_the_same_package_has_the_same_bytes() -> None:
    assert made_up("a==1", "x").content() == made_up("a==1", "x").content()
    assert made_up("a==1", "x").sha256 != made_up("a==1", "y").sha256


@pytest.mark.parametrize(
    "specification", ["", "a", "a=1", "a==", "==1", "a == 1", "a==1;b", "-a==1", "a==one"]
)
def test_what_is_no_specification(specification: str) -> None:
    with pytest.raises(InputError) as raised:
        made_up(specification, "x")
    assert raised.value.slug == "no-specification"


@pytest.mark.parametrize(
    ("version", "trimmed"),
    [("2.31.0", "2.31"), ("4.0.0", "4"), ("22.12.0", "22.12"), ("1.20.0.dev1", "1.20.dev1"), ("0.0", "0")],
)
def test_versions_in_links_lose_their_trailing_zeros(version: str, trimmed: str) -> None:
    assert made_up(f"a=={version}", "x").trimmed_version == trimmed


def test_newest_first_is_by_version_not_by_text() -> None:
    found = newest_first(
        made_up(f"a=={version}", "x") for version in ("1.9", "1.10", "2.0.dev1", "1.10.post1")
    )
    assert [str(d.version) for d in found] == ["2.0.dev1", "1.10.post1", "1.10", "1.9"]


def test_a_folder_of_wheels_and_sdists(tmp_path: Path) -> None:
    wheel = made_up("Some.Thing==1.0", "x")
    (tmp_path / wheel.file).write_bytes(wheel.content())
    with tarfile.open(tmp_path / "other_thing-2.0.tar.gz", "w:gz") as archive:
        text = b"Metadata-Version: 2.1\nName: Other.Thing\nVersion: 2.0\nRequires-Python: >=3.9\n\nWords.\n"
        for name in ("other_thing-2.0/PKG-INFO", "other_thing-2.0/src/other.egg-info/PKG-INFO"):
            entry = tarfile.TarInfo(name)
            entry.size = len(text)
            archive.addfile(entry, io.BytesIO(text))
    (tmp_path / "README.txt").write_text("no distribution", encoding="utf-8")
    sdist, read = sorted(in_folder(tmp_path), key=lambda d: d.name)
    assert (sdist.name, sdist.version, sdist.requires_python) == ("Other.Thing", Version("2.0"), ">=3.9")
    assert (read.name, read.requires_python, read.sha256) == ("Some.Thing", ">=3.8", wheel.sha256)
    assert read.content() == wheel.content()


@pytest.mark.parametrize(
    ("file", "slug"),
    [
        ("thing.whl", "no-distribution"),
        ("thing.tar.gz", "no-distribution"),
        ("thing-1.0.zip", "broken-distribution"),
        ("thing-1.0-py3-none-any.whl", "broken-distribution"),
        ("thing-1.0.tar.gz", "broken-distribution"),
    ],
)
def test_files_that_are_no_distributions(file: str, slug: str, tmp_path: Path) -> None:
    (tmp_path / file).write_bytes(b"neither")
    with pytest.raises(InputError) as raised:
        in_folder(tmp_path)
    assert (raised.value.slug, raised.value.context) == (slug, file)


def test_an_archive_without_metadata_is_known_by_its_name() -> None:
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w") as archive:
        archive.writestr("thing.py", "")
    read = from_bytes("thing-1.0-py3-none-any.whl", memory.getvalue())
    assert (read.name, read.requires_python) == ("thing", "")


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError) as raised:
        in_folder(tmp_path / "none")
    assert raised.value.slug == "no-folder"
