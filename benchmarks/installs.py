"""Measure installs through the gateway beside direct ones with the credential in the URL.

Each round runs every way once, in random order; a figure is the median of the rounds, and its floor is the
same install without a gateway, from the same rounds. A client is timed by itself, once the gateway answers:
the gateway's own start has a row of its own in budgets.py.
"""

import argparse
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from feed import AUTHORITY, PROJECTS, ROOTS, STREAM_BYTES, TOKEN, USER, name_of

COMMAND = str(Path(sys.executable).with_name("pip-authenticate"))
UV = "uv==0.13.9"
ONE_WAY_MILLISECONDS = 10
_TIMED = """
import json, os, socket, subprocess, sys, time
from urllib.parse import urlsplit

place = urlsplit(os.environ.get("HTTPS_PROXY", ""))
if place.port:
    with socket.create_connection((place.hostname, place.port)) as door:
        door.sendall(b"GET / HTTP/1.0\\r\\n\\r\\n")
        assert b"407" in door.recv(100)
started = time.perf_counter()
ended = subprocess.run(sys.argv[2:], capture_output=True, text=True)
with open(sys.argv[1], "w") as file:
    json.dump(time.perf_counter() - started, file)
sys.stderr.write(ended.stderr)
sys.exit(ended.returncode)
"""
"""Runs a client once the gateway answers, and writes down how long that took."""


class Feed(NamedTuple):
    """A feed that is up.

    Args:
        places: host and port, by the wire that leads there.
        authority: file of the certificate authority that clients must know.
    """

    places: Mapping[str, str]
    authority: str

    def url(self, wire: str, login: str = "") -> str:
        """The index, with a login where it is given."""
        return f"https://{login}{self.places[wire]}/simple/"


class Took(NamedTuple):
    """Seconds of an install: of its client alone, and with all that it needs around it."""

    client: float
    whole: float


BARE, FAR = "loopback", f"{2 * ONE_WAY_MILLISECONDS} ms round trips"
BUDGETS = {(FAR, "uv"): 1.0, (FAR, "pip"): 1.05, (BARE, "uv"): 1.4, (BARE, "pip"): 1.25}


@contextmanager
def serving(folder: Path) -> Iterator[Feed]:
    """Have a feed, in a process of its own."""
    command = [sys.executable, str(Path(__file__).with_name("feed.py")), folder, str(ONE_WAY_MILLISECONDS)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        near, far = json.loads(process.stdout.readline() if process.stdout else "")
        yield Feed({BARE: f"127.0.0.1:{near}", FAR: f"127.0.0.1:{far}"}, str(folder / AUTHORITY))


def clients(folder: Path) -> dict[str, Callable[[str], list[str]]]:
    """The commands of cold clients, by the folder that they put things into."""
    venv.create(folder, with_pip=True)
    python = folder / "bin" / "python"
    subprocess.run([python, "-m", "pip", "install", "--quiet", "--upgrade", "pip", UV], check=True)
    roots = [name_of(number) for number in range(ROOTS)]
    uv = [str(folder / "bin" / "uv"), "pip", "install", "--quiet", "--no-cache", "--python", str(python)]
    pip = [str(python), "-m", "pip", "--disable-pip-version-check", "--no-input", "download", "--quiet"]
    return {
        "uv": lambda place: [*uv, "--target", place, *roots],
        "pip": lambda place: [*pip, "--no-cache-dir", "--dest", place, *roots],
    }


def timed(command: Sequence[str], around: Sequence[str], environ: Mapping[str, str], place: str) -> Took:
    """Run a client within a command that starts it; it must have fetched everything."""
    told = f"{place}.json"
    started = time.perf_counter()
    ended = subprocess.run(
        [*around, sys.executable, "-I", "-c", _TIMED, told, *command],
        env=environ, cwd=os.path.dirname(place), capture_output=True, text=True, check=False,
    )  # fmt: skip
    whole = time.perf_counter() - started
    found = {name.partition("-")[0] for name in os.listdir(place) if name.startswith("bench_project")}
    found = {name.removesuffix(".py").removesuffix("_data.bin") for name in found}
    if ended.returncode or len(found) != PROJECTS:
        sys.exit(f"{command[0]} did not do what is measured: {len(found)} {ended.stdout}{ended.stderr}")
    shutil.rmtree(place)
    return Took(json.loads(Path(told).read_text(encoding="ascii")), whole)


def ways(feed: Feed, wire: str, home: str) -> dict[str, tuple[list[str], dict[str, str]]]:
    """How a client comes to the feed: what starts it, and with which variables."""
    plain = {
        "PATH": os.defpath, "HOME": home, "PIP_CONFIG_FILE": os.devnull, "UV_NO_CONFIG": "1",
        "SSL_CERT_FILE": feed.authority, "PIP_CERT": feed.authority,
    }  # fmt: skip
    direct = feed.url(wire, f"{USER}:{TOKEN}@")
    gateway = [COMMAND, "run", "--via", "gateway", "--client", "pip,uv", feed.url(wire), "--"]
    return {
        "direct": ([], {**plain, "PIP_INDEX_URL": direct, "UV_DEFAULT_INDEX": direct}),
        "gateway": (gateway, {**plain, "PIP_AUTHENTICATE_TOKEN": TOKEN}),
    }


def bench(rounds: int, wires: Sequence[str]) -> None:
    """Print the rows."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        known = clients(folder / "clients")
        with serving(folder) as feed:
            cells = [
                (wire, client, way, around, environ)
                for wire in wires
                for client in known
                for way, (around, environ) in ways(feed, wire, temporary).items()
            ]
            took = dict[tuple[str, str, str], list[Took]]()
            for turn in range(rounds + 1):
                for wire, client, way, around, environ in random.sample(cells, len(cells)):
                    place = tempfile.mkdtemp(dir=temporary)
                    one = timed(known[client](place), around, environ, place)
                    if turn:  # the first one warms the caches of the system
                        took.setdefault((wire, client, way), []).append(one)
    for (wire, client, way), all_of_it in took.items():
        if way == "direct":
            continue
        floor = took[wire, client, "direct"]
        ratio = statistics.median(x.client for x in all_of_it) / statistics.median(x.client for x in floor)
        print(
            f"| {client} of {PROJECTS} wheels, {wire}, through the {way} | {BUDGETS[wire, client]:.2f} "
            f"| {ratio:.2f}: {shown(x.client for x in all_of_it)}, with its start "
            f"{shown(x.whole for x in all_of_it)} | direct {shown(x.client for x in floor)} |",
            flush=True,
        )


def shown(values: Iterator[float]) -> str:
    """Median and range of seconds."""
    all_of_it = list(values)
    return f"{statistics.median(all_of_it):.2f} s ({min(all_of_it):.2f}-{max(all_of_it):.2f})"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Measure installs through the gateway.")
    parser.add_argument("--rounds", type=int, default=7, help="counted runs of each figure (default 7)")
    bench(parser.parse_args().rounds, (FAR, BARE))
