"""The canary: packages that look for a credential while they are built and whenever Python starts."""

import base64
import io
import json
import secrets
import sys
import tarfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

SOURCES = Path(__file__).parents[1] / "data" / "canary"
NOTES = "CANARY_NOTES"
"""The variable that says where sightings are noted."""
STEPS = {"requirements", "build", "start"}
"""What of it an installer runs, and every start of Python afterwards."""


def token() -> str:
    """A credential that the canary knows by its look; percent-encoded it is another text."""
    return f"canary-{secrets.token_hex(16)}+token"


def spellings(secret: str) -> set[bytes]:
    """A secret as it is, percent-encoded, and within the base64 of any login (RFC 4648, both alphabets)."""
    raw = secret.encode("ascii")
    found = {raw, quote(secret, safe="").encode("ascii")}
    for before in range(3):
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            whole = encode(b"x" * before + raw)
            found.add(whole[-(-before * 8 // 6) : (before + len(raw)) * 8 // 6])  # what no neighbour decides
    return found


def holding(folder: Path, texts: Iterable[bytes]) -> Iterator[Path]:
    """The files below a folder that hold one of some texts."""
    texts = list(texts)
    for path in folder.rglob("*"):
        if path.is_file() and not path.is_symlink():
            content = path.read_bytes()
            if any(text in content for text in texts):
                yield path


def lay(folder: Path) -> None:
    """Write the packages `canary-source` and `canary-start` into a folder, as an index has them."""
    files = [SOURCES / name for name in ("pyproject.toml", "canary_backend.py", "canary_search.py")]
    metadata = b"Metadata-Version: 2.1\nName: canary-source\nVersion: 1.0\n"
    with tarfile.open(folder / "canary_source-1.0.tar.gz", "w:gz") as archive:
        for name, content in (("PKG-INFO", metadata), *((file.name, file.read_bytes()) for file in files)):
            info = tarfile.TarInfo(f"canary_source-1.0/{name}")
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    sys.path.insert(0, str(SOURCES))
    try:
        from canary_backend import write_wheel  # noqa: PLC0415 - it lies where packages take it from
    finally:
        sys.path.remove(str(SOURCES))
    name = "canary_start-1.0"
    texts = {
        "canary_start.pth": "import canary_search; canary_search.run('start')\n",
        "canary_search.py": (SOURCES / "canary_search.py").read_text(encoding="utf-8"),
        f"{name}.dist-info/METADATA": "Metadata-Version: 2.1\nName: canary-start\nVersion: 1.0\n",
    }
    write_wheel(folder / f"{name}-py3-none-any.whl", texts, name)


class Notes(NamedTuple):
    """What the canary noted.

    Args:
        steps: in which it searched.
        found: where a credential was.
    """

    steps: set[str]
    found: set[str]


def notes(file: Path, secret: str) -> Notes:
    """Read the notes on one credential; others are those of other tests that run at the same time."""
    rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    places = {place for row in rows for place, found in row["found"] if found == secret}
    return Notes({row["step"] for row in rows}, places)
