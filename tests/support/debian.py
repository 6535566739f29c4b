"""Debian packages, downloaded by name and unpacked into a folder of the tests; nothing is installed."""

import subprocess
from pathlib import Path


def unpacked(folder: Path, *packages: str) -> Path:
    """The root of packages, which are unpacked when they are first asked for.

    Args:
        folder: for these packages alone.
        packages: their names.
    """
    root = folder / "root"
    if root.exists():
        return root
    archives = folder / "packages"
    for path in (archives, folder / "lists" / "partial"):
        path.mkdir(parents=True)
    download = ["apt-get", "-qq", "-o", "APT::Sandbox::User=root", "download", *packages]
    if subprocess.run(download, cwd=archives, capture_output=True, check=False, timeout=120).returncode:
        # The machine keeps no lists of packages: some of our own, so that nothing of its is changed.
        own = ["-o", f"Dir::State::lists={folder / 'lists'}", "-o", f"Dir::Cache={folder}"]
        update = [*download[:4], *own, "update"]
        subprocess.run(update, capture_output=True, check=True, timeout=300)
        subprocess.run(
            [*download[:4], *own, *download[4:]], cwd=archives, capture_output=True, check=True, timeout=120
        )
    for package in archives.glob("*.deb"):
        subprocess.run(["dpkg", "-x", package, root], check=True, timeout=60)
    return root


def libraries(root: Path) -> dict[str, str]:
    """Variables by which programs below a root find their libraries."""
    return {"LD_LIBRARY_PATH": ":".join(map(str, root.glob("usr/lib/*-linux-*")))}
