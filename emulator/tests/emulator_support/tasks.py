"""Tasks as archives, written in a test: uploads and extensions, harmless and not."""

import io
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from emulator_support.agent import PROBE

PROBE_ID = "6b1d2c3e-4f50-4a61-8b72-9c83ad94bea5"
OTHER_ID = "11111111-2222-4333-8444-555555555555"
VSIX = "http://schemas.microsoft.com/developer/vsx-schema/2011"


def zipped(files: Mapping[str, bytes | str]) -> bytes:
    """A zip file."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return stream.getvalue()


def probe_files(**changes: object) -> dict[str, bytes]:
    """The files of the probe task, with other fields in its task.json."""
    files = {file.name: file.read_bytes() for file in PROBE.iterdir()}
    data: dict[str, Any] = json.loads(files["task.json"])
    files["task.json"] = json.dumps({**data, **changes}).encode()
    return files


def upload(**changes: object) -> bytes:
    """The probe task as it is uploaded."""
    return zipped(probe_files(**changes))


def version(minor: int, major: int = 1) -> dict[str, int]:
    """A version as task.json has it."""
    return {"Major": major, "Minor": minor, "Patch": 0}


def manifests(
    publisher: str, *contributions: tuple[str, str], identifier: str = "tools"
) -> dict[str, bytes | str]:
    """The two manifests of an extension.

    Args:
        publisher: its publisher.
        contributions: id and folder of each task.
        identifier: the extension's id.
    """
    entries: list[dict[str, object]] = [
        {"id": name, "type": "ms.vss-distributed-task.task", "properties": {"name": folder}}
        for name, folder in contributions
    ]
    entries.append({"id": "hub", "type": "ms.vss-web.hub", "properties": {"name": "Hub"}})
    identity = f'<Identity Language="en-US" Id="{identifier}" Version="1.0.0" Publisher="{publisher}"/>'
    return {
        "extension.vsixmanifest": f'<PackageManifest Version="2.0.0" xmlns="{VSIX}">'
        f"<Metadata>{identity}</Metadata></PackageManifest>",
        "extension.vsomanifest": json.dumps({"manifestVersion": 1, "contributions": entries}),
    }


def extension(folder: Path, publisher: str = "acme", **changes: object) -> Path:
    """An extension file with the probe task, as the contribution `probe` of the extension `tools`.

    Args:
        folder: where it is written.
        publisher: its publisher.
        changes: other fields of task.json.
    """
    files: dict[str, bytes | str] = manifests(publisher, ("probe", "Probe"))
    files |= {f"Probe/{name}": data for name, data in probe_files(**changes).items()}
    file = folder / f"{publisher}.tools-{len(list(folder.iterdir()))}.vsix"
    file.write_bytes(zipped(files))
    return file
