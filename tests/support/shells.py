"""Real shells, and what they have in their environment after they have evaluated lines.

fish and zsh are Debian packages: where the machine has none, they are downloaded and unpacked.
"""

import os
import shutil
import subprocess
from pathlib import Path

from support import debian

_PACKAGES = ("fish", "zsh", "libpcre2-32-0")
_PLAIN = {"fish": "--no-config", "zsh": "-f"}
_EVALUATE = {"fish": "cat {} | source"}


class Shells:
    """Finds shells.

    Args:
        folder: where to unpack those that the machine has not.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def evaluate(self, name: str, lines: str) -> dict[str, str]:
        """The environment of a program that a shell starts after it has evaluated lines as people have it do.

        Args:
            name: of the shell.
            lines: as the command has written them.
        """
        program, libraries = self.place(name)
        file = self._folder / "lines"
        file.write_bytes(lines.encode("utf-8", "surrogateescape"))
        evaluate = _EVALUATE.get(name, 'eval "$(cat {})"').format(file)
        script = f"{evaluate}\nenv -0"
        command = [*program, "-c", script]
        env = {"PATH": os.defpath, "HOME": str(self._folder), **libraries}
        ended = subprocess.run(command, env=env, capture_output=True, check=False, timeout=60)
        assert ended.returncode == 0, ended.stderr
        found = ended.stdout.decode("utf-8", "surrogateescape").split("\0")[:-1]
        return dict(pair.split("=", 1) for pair in found)

    def place(self, name: str) -> tuple[list[str], dict[str, str]]:
        """What starts a shell that reads nobody's files, and variables by which it finds its libraries."""
        plain = [_PLAIN[name]] if name in _PLAIN else []
        known = shutil.which(name)
        if known:
            return [known, *plain], {}
        root = debian.unpacked(self._folder, *_PACKAGES)
        (program,) = (path for path in (root / "bin" / name, root / "usr" / "bin" / name) if path.exists())
        return [str(program), *plain], debian.libraries(root)
