"""Builds the folder that GitHub installs as an action, dist/action, and checks it.

GitHub takes an action out of a repository as it stands at a tag. So what a release's branch and tags hold is
this folder; the sources on other branches have no libraries, and say so when somebody uses them.
"""

import argparse
import os
import re
import shutil
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import check_task
from build_task import EXTRAS, ROOT, BuildError, assemble_library, put_together

OWN_FILES = (
    *("action.yml", "LICENSE"),
    *("action/main.js", "action/post.js", "action/inputs.js", "action/runner.js"),
    *("task/python.js", "task/output.js", "task/main.py"),
)
_TARGET = re.compile(r"^  (?:pre|main|post): (\S+)$", re.MULTILINE)
_REQUIRED = re.compile(r"require\('(\.[^']*)'\)")


def build(output: Path, root: Path = ROOT) -> Path:
    """Builds the action, in place of an earlier one.

    Raises:
        BuildError: with every fault found; nothing is left there then.
    """

    def fill(fresh: Path) -> Iterator[str]:
        assemble(fresh, root)
        yield from check(fresh)

    put_together(output, fill)
    return output


def assemble(folder: Path, root: Path) -> None:
    """Copies everything that belongs to the action, each file to where the sources have it."""
    for name in OWN_FILES:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(root / name, folder / name)
    assemble_library(folder / "task" / "lib", root, without=EXTRAS)
    for file in folder.rglob("*"):
        file.chmod(0o755 if file.is_dir() else 0o644)


def check(folder: Path) -> Iterator[str]:
    """Every fault of a built action: all its parts must be there, and readable for what reads them."""
    scripts = sorted(folder.rglob("*.js"))
    yield from (
        f"{name}: missing" for name in sorted(needed(folder, scripts)) if not (folder / name).is_file()
    )
    for script in scripts:
        yield from check_task.node_faults(script)
    yield from check_task.python_faults(folder / "task")


def needed(folder: Path, scripts: Sequence[Path]) -> set[str]:
    """Paths of the files that an action consists of, or that its manifest and its scripts name."""
    manifest = (folder / "action.yml").read_text(encoding="utf-8")
    required = {
        os.path.relpath(script.parent / name, folder)
        for script in scripts
        for name in _REQUIRED.findall(script.read_text(encoding="utf-8"))
    }
    return {*OWN_FILES, *_TARGET.findall(manifest), *required}


def main(arguments: Sequence[str] | None = None) -> int:
    """Builds and says what came of it.

    Returns:
        The process's exit code: 0, or 1 if there was a fault.
    """
    parser = argparse.ArgumentParser(description="Build the action that GitHub installs.")
    parser.add_argument("output", nargs="?", type=Path, default=ROOT / "dist" / "action", help="where")
    try:
        target = build(parser.parse_args(arguments).output)
    except BuildError as error:
        print(*error.args, sep="\n", file=sys.stderr)
        return 1
    files = [file for file in target.rglob("*") if file.is_file()]
    print(f"{target}: {len(files)} files, {sum(file.stat().st_size for file in files) / 1024:.0f} KiB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
