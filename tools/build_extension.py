"""Packs the task into an extension of Azure DevOps, dist/extension/PUBLISHER.pip-authenticate-VERSION.vsix.

Its task has a name that no built-in task has and an id of its own for each publisher, so it can stand beside
the built-in one, and beside the same extension of somebody else.
"""

import argparse
import json
import re
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import build_task
import pip_authenticate
import tfx
from build_task import ROOT, BuildError

MANIFEST = "vss-extension.json"
PAGE = (MANIFEST, "overview.md", "icon.png")


def build(publisher: str, output: Path, root: Path = ROOT) -> Path:
    """Builds the extension into a file of its name below `output`, in place of an earlier one.

    Raises:
        BuildError: with every fault found; no file of that name is left then.
        ToolError: tfx found a fault, or is not to be had; no file of that name is left then, either.
    """
    check_publisher(publisher)
    manifest = json.loads((root / "extension" / MANIFEST).read_text(encoding="utf-8"))
    version = pip_authenticate.__version__
    target = output / f"{publisher}.{manifest['id']}-{version}.vsix"
    target.unlink(missing_ok=True)
    output.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".extension-", dir=output) as workshop:
        stage = Path(workshop) / "stage"
        task = manifest["contributions"][0]["properties"]["name"]
        build_task.build(stage, root, task, (publisher, manifest["id"]))
        for name in PAGE:
            shutil.copyfile(root / "extension" / name, stage / name)
        shutil.copyfile(root / "LICENSE", stage / "LICENSE.txt")
        pack(stage, publisher, version, Path(workshop) / target.name).replace(target)
    return target


def check_publisher(publisher: str) -> None:
    """The publisher is one of the Marketplace, by its id."""
    if not publisher:
        raise BuildError(
            "Say who publishes the extension: make extension PUBLISHER=ID, with the ID of your publisher on "
            "https://marketplace.visualstudio.com/manage"
        )
    if not re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?", publisher):
        raise BuildError(
            f"PUBLISHER={publisher!r} is no publisher's id, which has letters, digits and hyphens between"
        )


def pack(stage: Path, publisher: str, version: str, file: Path) -> Path:
    """Lets tfx pack a folder into a file; what it warns of is a fault.

    Raises:
        ToolError: with what tfx says.
    """
    override = json.dumps({"version": version})
    command = ["--root", stage, "--manifests", MANIFEST, "--publisher", publisher, "--override", override]
    tfx.run("extension", "create", *map(str, command), "--output-path", str(file))
    return file


def main(arguments: Sequence[str] | None = None) -> int:
    """Builds and says what came of it.

    Returns:
        The process's exit code: 0, or 1 if there was a fault.
    """
    parser = argparse.ArgumentParser(description="Pack the task into an extension.")
    parser.add_argument("--publisher", default="", help="the publisher's id on the Marketplace")
    parser.add_argument(
        "output", nargs="?", type=Path, default=ROOT / "dist" / "extension", help="folder for it"
    )
    chosen = parser.parse_args(arguments)
    try:
        target = build(chosen.publisher, chosen.output)
    except (BuildError, tfx.ToolError) as error:
        print(*error.args, sep="\n", file=sys.stderr)
        return 1
    print(f"{target}: {target.stat().st_size / 1024:.0f} KiB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
