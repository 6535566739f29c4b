"""Reading zip files that others made: of bounded size, with plain files below one folder only."""

import stat
import zipfile
import zlib
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path

from azure_devops_emulator.errors import InputError

LARGEST_FILE = 64 * 1024 * 1024
"""How many bytes a zip file may have."""
LARGEST_CONTENT = 256 * 1024 * 1024
"""How many bytes everything in a zip file may have, unpacked."""
_MOST_FILES = 20_000
_LONGEST_SHOWN = 200
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_FOREIGN = frozenset('\\:*?"<>|')


def read(data: bytes, place: str) -> dict[str, bytes]:
    """All files in a zip file, by their paths in it.

    Args:
        data: the zip file.
        place: what it is, for messages.

    Raises:
        InputError: it is none, is too large, or holds what has no business in it: a path that leads out of a
            folder or means something else on another system, a link, or two files of one path.
    """
    if len(data) > LARGEST_FILE:
        raise _fault("is too large", place, f"more than {LARGEST_FILE} bytes")
    try:
        with zipfile.ZipFile(BytesIO(data)) as archive:
            members = [member for member in archive.infolist() if not member.is_dir()]
            _check(members, place)
            return {member.filename: _content(archive, member) for member in members}
    except InputError:
        raise
    # What zipfile raises for encrypted files and broken ones of every kind.
    except (zipfile.BadZipFile, zlib.error, RuntimeError, EOFError, ValueError) as error:
        raise _fault("is no zip file that can be read", place, str(error)) from error


def _content(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    """What a file holds; no more than it declares is ever unpacked."""
    with archive.open(member) as stream:
        return stream.read(member.file_size)


def _check(members: list[zipfile.ZipInfo], place: str) -> None:
    """See that the files can be unpacked without harm."""
    if len(members) > _MOST_FILES:
        raise _fault("is too large", place, f"more than {_MOST_FILES} files")
    if sum(member.file_size for member in members) > LARGEST_CONTENT:
        raise _fault("is too large", place, f"more than {LARGEST_CONTENT} bytes when unpacked")
    files: set[str] = set()
    folders: set[str] = set()
    for member in members:
        name = member.filename
        kind = stat.S_IFMT(member.external_attr >> 16)
        if kind not in {0, stat.S_IFREG} or member.compress_type not in _METHODS:
            raise _fault("holds something that is no plain file", place, name)
        parts = name.split("/")
        if not all(map(_is_harmless, parts)):
            raise _fault("holds a path that is not allowed", place, name)
        lower = [part.lower() for part in parts]
        path = "/".join(lower)
        above = {"/".join(lower[:depth]) for depth in range(1, len(lower))}
        if path in files | folders or above & files:
            raise _fault("holds two files of one path", place, name)
        files.add(path)
        folders |= above


def _is_harmless(part: str) -> bool:
    """Whether a part of a path names the same file below the same folder on every system."""
    return (
        part.strip(". ") != "" and part == part.rstrip(". ") and part.isprintable() and not _FOREIGN & {*part}
    )


def _fault(what: str, place: str, context: str) -> InputError:
    return InputError("zip", f"{place} {what}", context=context[:_LONGEST_SHOWN])


def below(files: Mapping[str, bytes], folder: str) -> dict[str, bytes]:
    """The files of one folder, by their paths below it.

    Args:
        files: by path.
        folder: its path; "" for that of all files.
    """
    prefix = f"{folder.strip('/')}/".lstrip("/")
    return {name[len(prefix) :]: data for name, data in files.items() if name.startswith(prefix)}


def write(files: Mapping[str, bytes], folder: Path) -> None:
    """Write files that `read` gave below a folder that is not there yet."""
    for name, data in files.items():
        path = folder.joinpath(*name.split("/"))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
