"""The real Pythons of this machine, of every version, and one that claims to be old."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

Version = tuple[int, int]
# Where no old one is installed, the running one claims to be old.
PRETENDER = """
import runpy, sys
sys.version_info = (3, 4, 1)
sys.argv[:] = sys.argv[-2:]
runpy.run_path(sys.argv[0])
"""


def pythons() -> dict[Version, Path]:
    """One interpreter of each version that can be found on this machine, the running one included."""
    versions = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    names = ["python2.7", *(f"python3.{minor}" for minor in range(5, 20))]
    files = [
        *sorted(versions.glob("*/bin/python")),
        *(Path(found) for found in map(shutil.which, names) if found),
    ]
    found = dict(filter(None, map(interpreter, files)))
    found[sys.version_info[:2]] = Path(sys.executable)
    return dict(sorted(found.items()))


def interpreter(file: Path) -> tuple[Version, Path] | None:
    """An interpreter's version and own place (not a version manager's shim), or None if it does not run."""
    code = "import sys; print('%d %d' % sys.version_info[:2]); print(sys.executable)"
    ended = subprocess.run([file, "-c", code], capture_output=True, text=True, timeout=30, check=False)
    if ended.returncode:
        return None
    numbers, place = ended.stdout.splitlines()
    major, minor = map(int, numbers.split())
    return (major, minor), Path(place)


def pretender(folder: Path) -> Path:
    """This Python, claiming to be an old one."""
    file = folder / "pretender"
    file.write_text(f"#!{sys.executable}\n{PRETENDER}", encoding="utf-8")
    file.chmod(0o755)
    return file
