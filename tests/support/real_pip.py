"""The real pip, with nothing set but what a test gives it."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path


def download(
    folder: Path, variables: Mapping[str, str], *packages: str
) -> "subprocess.CompletedProcess[str]":
    """Let pip download packages, without their dependencies, into a folder.

    Args:
        folder: where to.
        variables: pip's own settings.
        packages: names.
    """
    clean = {
        "PATH": os.defpath,
        "HOME": str(folder),
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_NO_CACHE_DIR": "1",
        "PIP_NO_INPUT": "1",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_RETRIES": "0",
    }
    return subprocess.run(
        [sys.executable, "-m", "pip", "download", "--no-deps", "-d", str(folder), *packages],
        env={**clean, **variables},
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def downloaded(folder: Path) -> list[str]:
    """Names and versions of the wheels in a folder."""
    return sorted("-".join(file.name.split("-")[:2]) for file in folder.glob("*.whl"))
