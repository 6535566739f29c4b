"""Distributions: wheels and sdists, made up on the spot or read from a folder."""

import base64
import hashlib
import io
import re
import tarfile
import zipfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from email.parser import HeaderParser
from pathlib import Path

from packaging.utils import (
    InvalidSdistFilename,
    InvalidWheelFilename,
    canonicalize_name,
    canonicalize_version,
    parse_sdist_filename,
    parse_wheel_filename,
)
from packaging.version import VERSION_PATTERN, InvalidVersion, Version

from azure_devops_emulator.errors import InputError

_SPECIFICATION = re.compile(
    rf"([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)==({VERSION_PATTERN})", re.VERBOSE | re.IGNORECASE
)
_MADE_UP_NEEDS = ">=3.8"


@dataclass(frozen=True)
class Distribution:
    """One file that pip can install.

    Args:
        file: file name.
        name: project name as its author writes it.
        version: its version (PEP 440).
        sha256: hexadecimal digest of the content, or "" when it is not known.
        requires_python: the versions of Python it is for, or "".
        content: gives the bytes; may block (a disk, a network).
    """

    file: str
    name: str
    version: Version
    sha256: str
    requires_python: str
    content: Callable[[], bytes] = field(repr=False, compare=False)

    @property
    def key(self) -> str:
        """The normalised project name (PEP 503)."""
        return canonicalize_name(self.name)

    @property
    def trimmed_version(self) -> str:
        """The version without trailing zeros, as Azure Artifacts writes it into links."""
        return canonicalize_version(self.version)


def newest_first(distributions: Iterable[Distribution]) -> list[Distribution]:
    """Sort for an index page: newest version first, then by file name."""
    by_name = sorted(distributions, key=lambda distribution: distribution.file)
    return sorted(by_name, key=lambda distribution: distribution.version, reverse=True)


def identify(file: str) -> tuple[str, Version]:
    """The normalised name and the version that a file name states.

    Raises:
        InputError: it is the name of neither a wheel nor an sdist.
    """
    try:
        if file.endswith(".whl"):
            name, version, _, _ = parse_wheel_filename(file)
        else:
            name, version = parse_sdist_filename(file)
    except (InvalidWheelFilename, InvalidSdistFilename, InvalidVersion):
        raise InputError(
            "no-distribution",
            "The file is neither a wheel nor an sdist",
            context=file,
            hint="Wheels end in .whl and sdists in .tar.gz; both names state project and version.",
        ) from None
    return name, version


def specified(specification: str) -> tuple[str, Version]:
    """Name and version of `name==version`.

    Raises:
        InputError: the specification is not of that form.
    """
    match = _SPECIFICATION.fullmatch(specification.strip())
    if not match:
        raise InputError(
            "no-specification",
            "A made-up package is written name==version",
            context=specification,
            hint="For example HelloTestPackage==1.0.0.",
        )
    return match[1], Version(match[2])


def made_up(specification: str, origin: str) -> Distribution:
    """Build a tiny wheel in memory; its module says what it is and where it came from.

    Args:
        specification: `name==version`.
        origin: where the wheel is published, in words; the module's ORIGIN.

    Raises:
        InputError: the specification is not of that form.
    """
    name, version = specified(specification)
    content = _wheel(name, version, origin)
    return Distribution(
        file=f"{_escaped(name)}-{version}-py3-none-any.whl",
        name=name,
        version=version,
        sha256=hashlib.sha256(content).hexdigest(),
        requires_python=_MADE_UP_NEEDS,
        content=lambda: content,
    )


def in_folder(folder: Path) -> list[Distribution]:
    """The wheels and sdists that lie in a folder.

    Raises:
        InputError: there is no such folder, or a file in it is named like a distribution but is none.
    """
    if not folder.is_dir():
        raise InputError("no-folder", "There is no such folder of packages", context=str(folder))
    files = [path for path in folder.iterdir() if path.name.endswith((".whl", ".tar.gz", ".zip"))]
    return [_from_file(path) for path in sorted(files)]


def from_bytes(file: str, content: bytes) -> Distribution:
    """A distribution from its file name and its bytes.

    Raises:
        InputError: the file name is no distribution's, or the content cannot be opened.
    """
    key, version = identify(file)
    name, requires_python = _metadata(file, content)
    return Distribution(
        file, name or key, version, hashlib.sha256(content).hexdigest(), requires_python, lambda: content
    )


def _from_file(path: Path) -> Distribution:
    read = from_bytes(path.name, path.read_bytes())
    return Distribution(
        read.file, read.name, read.version, read.sha256, read.requires_python, path.read_bytes
    )


def _metadata(file: str, content: bytes) -> tuple[str, str]:
    """Name and Requires-Python from the metadata inside; empty where they are not said."""
    text = ""
    try:
        if file.endswith((".whl", ".zip")):
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                wanted = ".dist-info/METADATA" if file.endswith(".whl") else "/PKG-INFO"
                inside = [name for name in archive.namelist() if name.endswith(wanted)]
                text = archive.read(min(inside, key=len)).decode() if inside else ""
        else:
            with tarfile.open(fileobj=io.BytesIO(content)) as archive:
                members = [member for member in archive.getmembers() if member.name.endswith("/PKG-INFO")]
                opened = archive.extractfile(min(members, key=lambda m: len(m.name))) if members else None
                text = opened.read().decode() if opened else ""
    except (zipfile.BadZipFile, tarfile.TarError, OSError, EOFError, UnicodeDecodeError):
        raise InputError("broken-distribution", "The file cannot be opened", context=file) from None
    headers = HeaderParser().parsestr(text)
    return headers.get("Name", ""), headers.get("Requires-Python", "")


def _escaped(name: str) -> str:
    return re.sub(r"[-_.]+", "_", name)


def _wheel(name: str, version: Version, origin: str) -> bytes:
    module = _escaped(name).lower()
    information = f"{_escaped(name)}-{version}.dist-info"
    code = (
        f'"""A package made up by the emulator."""\n\n'
        f"NAME = {name!r}\nVERSION = {str(version)!r}\nORIGIN = {origin!r}\n\n"
        'if __name__ == "__main__":\n    print(f"{NAME} {VERSION} from {ORIGIN}")\n'
    )
    files = {
        f"{module}.py": code,
        f"{information}/METADATA": (
            f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
            f"Summary: Made up by the emulator; published in {origin}\nRequires-Python: {_MADE_UP_NEEDS}\n"
        ),
        f"{information}/WHEEL": (
            "Wheel-Version: 1.0\nGenerator: azure-devops-emulator\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        ),
    }
    rows = []
    for path, text in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
        rows.append(f"{path},sha256={digest},{len(text.encode())}\n")
    files[f"{information}/RECORD"] = "".join(rows) + f"{information}/RECORD,,\n"
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w") as archive:
        for path, text in files.items():
            entry = zipfile.ZipInfo(path, (2020, 1, 1, 0, 0, 0))
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, text)
    return memory.getvalue()
