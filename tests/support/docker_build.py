"""`docker build` without Docker: runs the RUN lines of a Dockerfile here, each with its secrets mounted.

What a line sees as /root is a new folder, which is gone afterwards, like the mount of a secret; another one
is a variable of the line. A secret that was not given is an error where BuildKit makes it one. Docker
documentation, "Dockerfile reference", "RUN --mount=type=secret", and "docker buildx build", "--secret".
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

OUTSIDE = ("PIP_AUTHENTICATE_", "PIP_INDEX", "PIP_EXTRA", "PIP_TRUSTED", "UV_")
"""How variables begin that a build sees only where somebody gives them to it."""
INSTRUCTIONS = {"FROM", "RUN", "COPY", "WORKDIR", "USER"}


def instructions(text: str) -> list[tuple[str, str]]:
    """The instructions of a Dockerfile, each with its arguments.

    Raises:
        SystemExit: there is one that is not known here.
    """
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    joined = "\n".join(lines).replace("\\\n", " ")
    found = [(*line.split(None, 1), "")[:2] for line in joined.splitlines() if line.strip()]
    unknown = [name for name, _ in found if name.upper() not in INSTRUCTIONS]
    if unknown:
        sys.exit(f"unknown instruction: {unknown[0]}")
    return [(name.upper(), rest) for name, rest in found]


def pairs(text: str) -> dict[str, str]:
    """The `name=value` pairs of an option."""
    return dict(word.split("=", 1) for word in text.split(","))


def run(line: str, secrets: dict[str, str]) -> int:
    """Run one line; gives its exit code."""
    mounts = [pairs(found) for found in re.findall(r"--mount=(\S+)", line)]
    command = re.sub(r"--mount=\S+\s*", "", line)
    with tempfile.TemporaryDirectory() as root:
        environ = {name: value for name, value in os.environ.items() if not name.startswith(OUTSIDE)}
        environ["HOME"] = str(Path(root, "root"))
        for mount in mounts:
            if mount["type"] != "secret" or mount["id"] not in secrets:
                sys.exit(f"no such secret: {mount}")
            if "env" in mount:
                environ[mount["env"]] = os.environ[secrets[mount["id"]]]
                continue
            target = Path(root, mount.get("target", f"/run/secrets/{mount['id']}").lstrip("/"))
            target.parent.mkdir(parents=True)
            shutil.copy(secrets[mount["id"]], target)
        return subprocess.run(["/bin/sh", "-c", command], env=environ, check=False).returncode


def main() -> int:
    """Build; gives the exit code of the first line that fails."""
    parser = argparse.ArgumentParser()
    parser.add_argument("command", choices=["build"])
    parser.add_argument("--secret", action="append", default=[])
    parser.add_argument("--network", choices=["host"])  # it has no other
    parser.add_argument("folder", type=Path)
    given = parser.parse_args()
    secrets = {
        found["id"]: found["env"] if "env" in found else found["src"] for found in map(pairs, given.secret)
    }
    text = (given.folder / "Dockerfile").read_text(encoding="utf-8")
    codes = (run(rest, secrets) for name, rest in instructions(text) if name == "RUN")
    return next((code for code in codes if code), 0)


if __name__ == "__main__":
    sys.exit(main())
