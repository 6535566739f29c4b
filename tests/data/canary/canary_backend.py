"""A build back end (PEP 517) that searches in every step, and then builds the wheel."""

import base64
import hashlib
import zipfile
from pathlib import Path

import canary_search

NAME = "canary_source-1.0"
METADATA = "Metadata-Version: 2.1\nName: canary-source\nVersion: 1.0\n"
WHEEL = "Wheel-Version: 1.0\nGenerator: canary\nRoot-Is-Purelib: true\nTag: py3-none-any\n"


def get_requires_for_build_wheel(config_settings: object = None) -> list[str]:
    """Need nothing."""
    del config_settings
    canary_search.run("requirements")
    return []


def prepare_metadata_for_build_wheel(metadata_directory: str, config_settings: object = None) -> str:
    """Write the metadata."""
    del config_settings
    canary_search.run("metadata")
    folder = Path(metadata_directory, f"{NAME}.dist-info")
    folder.mkdir()
    (folder / "METADATA").write_text(METADATA, encoding="utf-8")
    (folder / "WHEEL").write_text(WHEEL, encoding="utf-8")
    return folder.name


def build_wheel(
    wheel_directory: str, config_settings: object = None, metadata_directory: str | None = None
) -> str:
    """Build the wheel."""
    del config_settings, metadata_directory
    canary_search.run("build")
    file = Path(wheel_directory, f"{NAME}-py3-none-any.whl")
    write_wheel(file, {"canary_source.py": "", f"{NAME}.dist-info/METADATA": METADATA}, NAME)
    return file.name


def write_wheel(file: Path, texts: dict[str, str], name: str) -> None:
    """Write a wheel of some texts (binary distribution format)."""
    texts = {**texts, f"{name}.dist-info/WHEEL": WHEEL}
    rows = []
    with zipfile.ZipFile(file, "w") as archive:
        for path, text in texts.items():
            digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
            rows.append(f"{path},sha256={digest},{len(text.encode())}\n")
            archive.writestr(path, text)
        rows.append(f"{name}.dist-info/RECORD,,\n")
        archive.writestr(f"{name}.dist-info/RECORD", "".join(rows))
