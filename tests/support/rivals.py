"""Other programs that stand between installers and an index, with what they need to open it."""

import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote, urlsplit

from support.behind import is_open

PROXPI, SRS = "proxpi", "simple-repository-server"
REQUIREMENTS = {
    PROXPI: ("proxpi==1.3.1", "gunicorn==27.0.1"),
    SRS: ("simple-repository-server==0.10.0",),
}
"""What is installed for each, pinned: what is said of them was seen of these versions."""
NETRC, LOG = "netrc", "server.log"
"""Files that a program may keep while it serves: what opens the index, and what it says."""
_SECONDS = 30.0


@contextmanager
def serving(
    name: str,
    programs: Path,
    folder: Path,
    indexes: Sequence[str],
    login: tuple[str, str],
    environ: Mapping[str, str],
) -> Iterator[str]:
    """Have a program serve some indexes, of which the first one wants a login; gives what pip is told to ask.

    Args:
        name: one of REQUIREMENTS.
        programs: the folder of its executables.
        folder: where it may keep things.
        indexes: addresses, the most important one first.
        login: user name and password.
        environ: its variables beside those that say all of this.
    """
    private, *others = indexes
    place, (user, password) = urlsplit(private), login
    with socket.create_server(("127.0.0.1", 0)) as free, tempfile.TemporaryDirectory(dir=folder) as own:
        port = str(free.getsockname()[1])
        free.close()
        if name == PROXPI:
            opened = place._replace(netloc=f"{quote(user)}:{quote(password, safe='')}@{place.netloc}")
            environ = {**environ, "PROXPI_INDEX_URL": opened.geturl(), "PROXPI_CACHE_DIR": own}
            if others:  # it takes an empty text for an address
                environ["PROXPI_EXTRA_INDEX_URLS"] = ",".join(others)
            command = ["gunicorn", "--threads", "16", "--bind", f"127.0.0.1:{port}", "proxpi.server:app"]
        else:
            netrc = Path(own, NETRC)
            netrc.write_text(f"machine {place.hostname} login {user} password {password}\n", encoding="ascii")
            environ = {**environ, "NETRC": str(netrc)}
            command = [SRS, "--stream-http-resources", *indexes, "--host", "127.0.0.1", "--port", port]
        command[0] = str(programs / command[0])
        with (
            Path(own, LOG).open("wb") as log,
            subprocess.Popen(command, env=environ, stdout=log, stderr=log) as process,
        ):
            try:
                _await(int(port), process)
                yield f"http://127.0.0.1:{port}/{'index' if name == PROXPI else 'simple'}/"
            finally:
                process.terminate()


def _await(port: int, process: "subprocess.Popen[bytes]") -> None:
    """Wait until somebody listens."""
    end = time.monotonic() + _SECONDS
    while time.monotonic() < end and process.poll() is None:
        if is_open("127.0.0.1", port):
            return
        time.sleep(0.05)
    raise RuntimeError(f"nobody listens on port {port}")
