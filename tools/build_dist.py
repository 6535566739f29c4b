"""Builds what people install apart from CIs: a wheel, a source distribution and one file that runs by itself.

The single file, dist/pip-authenticate.pyz, holds the package and the libraries it needs, all in pure Python:
the very files that the task brings along. Two builds of the same sources are the same, byte by byte.
"""

import argparse
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path

from build_task import ROOT, BuildError, assemble_library

NAME = "pip-authenticate.pyz"
SHEBANG = b"#!/usr/bin/env python3\n"
# Old Pythons must be able to read it, to say that they are too old.
MAIN = """\
import sys

if sys.version_info < (3, 10):
    sys.exit("pip-authenticate needs Python 3.10 or newer; this is Python %d.%d." % sys.version_info[:2])

from pip_authenticate.cli import main

sys.exit(main())
"""
LONG_AGO = (1980, 1, 1, 0, 0, 0)  # the first time that a zip file can say
UNIX = 3
REGULAR_FILE = 0o100644 << 16


def build_distributions(output: Path, root: Path = ROOT) -> list[Path]:
    """Builds the wheel and the source distribution, in place of earlier ones.

    Raises:
        BuildError: with what the builder says.
    """
    output.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".distributions-", dir=output) as workshop:
        command = [sys.executable, "-m", "hatchling", "build", "-d", str(Path(workshop).resolve())]
        ended = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=300, check=False)
        if ended.returncode:
            raise BuildError(f"hatchling: {ended.stderr.strip()}")
        return [file.replace(output / file.name) for file in sorted(Path(workshop).iterdir())]


def build_file(output: Path, root: Path = ROOT) -> Path:
    """Builds the single file, in place of an earlier one.

    Raises:
        BuildError: a library is not as it was reviewed, or has no version in pure Python.
    """
    output.mkdir(parents=True, exist_ok=True)
    target = output / NAME
    with tempfile.TemporaryDirectory(prefix=f".{NAME}-", dir=output) as workshop:
        library = Path(workshop) / "library"
        assemble_library(library, root)
        (library / "__main__.py").write_text(MAIN, encoding="utf-8", newline="\n")
        fresh = Path(workshop) / NAME
        pack(library, fresh)
        fresh.chmod(0o755)
        fresh.replace(target)
    return target


def pack(folder: Path, file: Path) -> None:
    """Packs a folder into a program: a zip file behind a line that says what runs it (Python: zipapp)."""
    with file.open("wb") as stream:
        stream.write(SHEBANG)
        with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
            for path in sorted(path for path in folder.rglob("*") if path.is_file()):
                member = zipfile.ZipInfo(path.relative_to(folder).as_posix(), LONG_AGO)
                member.compress_type = zipfile.ZIP_DEFLATED
                member.create_system, member.external_attr = UNIX, REGULAR_FILE
                archive.writestr(member, path.read_bytes())


def main(arguments: Sequence[str] | None = None) -> int:
    """Builds all and says what came of it.

    Returns:
        The process's exit code: 0, or 1 if there was a fault.
    """
    parser = argparse.ArgumentParser(description="Build wheel, source distribution and single file.")
    parser.add_argument("output", nargs="?", type=Path, default=ROOT / "dist", help="folder for them")
    output: Path = parser.parse_args(arguments).output
    try:
        built = [*build_distributions(output), build_file(output)]
    except BuildError as error:
        print(*error.args, sep="\n", file=sys.stderr)
        return 1
    for file in built:
        print(f"{file}: {file.stat().st_size / 1024:.0f} KiB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
