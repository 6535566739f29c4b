"""A real nginx with a configuration of a test's, on loopback."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from support import debian
from support.behind import is_open

_SECONDS = 20.0
_MAIN = """
{user}
worker_processes 2;
pid nginx.pid;
error_log error.log notice;
events {{}}
http {{
    access_log access.log;
    client_body_temp_path temp/body; proxy_temp_path temp/proxy; fastcgi_temp_path temp/fastcgi;
    uwsgi_temp_path temp/uwsgi; scgi_temp_path temp/scgi;
    include {server};
}}
"""


class Nginx:
    """nginx, started by whoever runs the tests; its workers are nobody where that is possible.

    Args:
        folder: an empty one.
        packages: where to unpack it to, where the machine has none.
        server: the text of the file that it includes.
        port: where that says that it listens.
    """

    def __init__(self, folder: Path, packages: Path, server: str, port: int) -> None:
        known = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
        root = None if known else debian.unpacked(packages, "nginx", "libpcre2-8-0")
        program = known or f"{root}/usr/sbin/nginx"
        self._environ = {"PATH": os.defpath} | (debian.libraries(root) if root else {})
        self.folder, self._port = folder, port
        (folder / "temp").mkdir()
        self._command = [program, "-p", str(folder), "-c", str(folder / "nginx.conf"), "-e", "error.log"]
        self._configure(server)
        is_root = sys.platform != "win32" and os.geteuid() == 0
        main = _MAIN.format(user="user nobody nogroup;" if is_root else "", server=folder / "feed.conf")
        (folder / "nginx.conf").write_text(main, encoding="utf-8")
        self._process = subprocess.Popen([*self._command, "-g", "daemon off;"], env=self._environ)
        end = time.monotonic() + _SECONDS
        while not is_open("127.0.0.1", port):
            assert self._process.poll() is None, self.said
            assert time.monotonic() < end, self.said
            time.sleep(0.05)

    def _configure(self, server: str) -> None:
        (self.folder / "feed.conf").write_text(server, encoding="utf-8")

    def script(self, folder: Path) -> None:
        """Write a program `nginx` that means this one, as another on PATH means the machine's."""
        variables = [f"{name}='{value}'" for name, value in self._environ.items() if name != "PATH"]
        words = " ".join(f"'{word}'" for word in self._command)
        file = folder / "nginx"
        file.write_text(f'#!/bin/sh\n{" ".join(variables)} exec {words} "$@"\n', encoding="utf-8")
        file.chmod(0o755)

    @property
    def said(self) -> str:
        """What it wrote into its logs."""
        files = sorted(self.folder.glob("*.log"))
        return "".join(file.read_text(encoding="utf-8", errors="replace") for file in files)

    @property
    def arguments(self) -> bytes:
        """What the system shows of its processes, to everybody."""
        numbers = [str(self._process.pid), *self.workers]
        return b"".join(Path(f"/proc/{number}/cmdline").read_bytes() for number in numbers)

    @property
    def workers(self) -> set[str]:
        """The numbers of the processes that serve; those that a reload has replaced end by themselves."""
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children")
        return set(children.read_text(encoding="ascii").split())

    def reload(self, server: str) -> None:
        """Serve by another text, and wait until nobody serves by the former one."""
        former = self.workers
        self._configure(server)
        subprocess.run([*self._command, "-s", "reload"], env=self._environ, capture_output=True, check=True)
        end = time.monotonic() + _SECONDS
        while former & self.workers or not self.workers:
            assert time.monotonic() < end, self.said
            time.sleep(0.05)

    def stop(self) -> None:
        """End it."""
        self._process.terminate()
        self._process.wait(_SECONDS)
