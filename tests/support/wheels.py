"""Wheels of nothing but a name, a version and perhaps a module."""

import zipfile
from pathlib import Path


def sample(folder: Path, version: str) -> str:
    """A wheel of the project `sample` in its folder `dist`, to be published; gives its path."""
    place = folder / "dist"
    place.mkdir(exist_ok=True)
    return str(write(place, "sample", version))


def write(folder: Path, name: str, version: str, module: str = "") -> Path:
    """Write a wheel, whose path this gives.

    Args:
        folder: where to.
        name: of the project.
        version: of the project.
        module: the text of a module that is called like it, in lower case.
    """
    stem = f"{name.lower()}-{version}"
    file = folder / f"{stem}-py3-none-any.whl"
    with zipfile.ZipFile(file, "w") as archive:
        if module:
            archive.writestr(f"{name.lower()}.py", module)
        about = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        archive.writestr(f"{stem}.dist-info/METADATA", about)
        tags = "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        archive.writestr(f"{stem}.dist-info/WHEEL", tags)
        archive.writestr(f"{stem}.dist-info/RECORD", "")
    return file
