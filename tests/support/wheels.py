"""Wheels to publish."""

import zipfile
from pathlib import Path


def sample(folder: Path, version: str) -> str:
    """A wheel of the project `sample` in its folder `dist`; gives its path."""
    name = f"sample-{version}"
    file = folder / "dist" / f"{name}-py3-none-any.whl"
    file.parent.mkdir(exist_ok=True)
    with zipfile.ZipFile(file, "w") as archive:
        about = f"Metadata-Version: 2.1\nName: sample\nVersion: {version}\n"
        archive.writestr(f"{name}.dist-info/METADATA", about)
        tags = "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        archive.writestr(f"{name}.dist-info/WHEEL", tags)
        archive.writestr(f"{name}.dist-info/RECORD", "")
    return str(file)
