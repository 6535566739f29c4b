"""Measure installs through the gateway beside direct ones, and beside those through other programs.

Each round runs every way once, in random order; a figure is the median of the rounds, and its floor is the
same install straight from the feed, with the credential in the URL, in the same rounds. A client is timed by
itself, once what it goes through answers: the gateway's own start has a row of its own in budgets.py.
"""

import argparse
import json
import os
import random
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path
from typing import NamedTuple, TypeAlias

from feed import AUTHORITY, STREAM, STREAM_BYTES, TOKEN, USER

from support import rivals  # where it is, feed has said

COMMAND = str(Path(sys.executable).with_name("pip-authenticate"))
UV = "uv==0.13.9"
ONE_WAY_MILLISECONDS = 10
BARE, FAR = "loopback", f"{2 * ONE_WAY_MILLISECONDS} ms round trips"
REQUIREMENTS, CONSTRAINTS = (
    Path(__file__).with_name(f"{name}.txt") for name in ("requirements", "constraints")
)
"""What is installed: 22 requirements, and the versions of what comes with them."""
RUN, SERVE = "run --via gateway", "serve"
COLD = f"{RUN}, without connections opened ahead"
BUDGETS = {
    (RUN, FAR, "uv"): "1.00", (RUN, FAR, "pip"): "1.05",
    (COLD, FAR, "uv"): "1.10",
    (RUN, BARE, "uv"): "1.40", (RUN, BARE, "pip"): "1.25",
    (SERVE, BARE, "uv"): "1.20", (SERVE, BARE, "pip"): "1.10",
}  # fmt: skip
"""Of each way, over a wire, by a client: how many times as long as a direct install it may take."""
_COLD = """
import sys
from pip_authenticate.cli import main
from pip_authenticate.gateway import upstream
upstream.FEW = upstream.MANY = 0
sys.exit(main())
"""
_TIMED = """
import json, os, socket, subprocess, sys, time
from urllib.parse import urlsplit

place = urlsplit(os.environ.get("HTTPS_PROXY") or os.environ["PIP_INDEX_URL"])
if place.scheme == "http":
    with socket.create_connection((place.hostname, place.port)) as door:
        door.sendall(b"GET / HTTP/1.0\\r\\n\\r\\n")
        assert door.recv(100)
started = time.perf_counter()
ended = subprocess.run(sys.argv[2:], capture_output=True, text=True)
with open(sys.argv[1], "w") as file:
    json.dump(time.perf_counter() - started, file)
sys.stderr.write(ended.stderr)
sys.exit(ended.returncode)
"""
"""Runs a client once what it goes through answers, and writes down how long that took."""
_STREAMED = """
import http.client, os, ssl, sys
from base64 import b64encode
from urllib.parse import urlsplit

def held():
    with open(f"/proc/{os.getppid()}/smaps_rollup") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("Pss:"))

place, host = urlsplit(os.environ["HTTPS_PROXY"]), sys.argv[1]
login = b64encode(f"{place.username}:{place.password}".encode()).decode()
context = ssl.create_default_context(cafile=os.environ["SSL_CERT_FILE"])
connection = http.client.HTTPSConnection(place.hostname, place.port, context=context)
connection.set_tunnel(host, headers={"Proxy-Authorization": f"Basic {login}"})
connection.request("GET", "/simple/bench-stream/")
connection.getresponse().read()
before, most, size = held(), 0, 0
connection.request("GET", "/files/" + sys.argv[2])
answer = connection.getresponse()
while piece := answer.read(1024 * 1024):
    size += len(piece)
    if size % (8 * 1024 * 1024) == 0:
        most = max(most, held())
print(before, most, size)
"""
"""Downloads a file through the gateway; prints the KiB that it held before, at most meanwhile, and bytes."""


class Feed(NamedTuple):
    """A feed that is up.

    Args:
        places: host and port, by the wire that leads there.
        authority: file of the certificate authority that clients must know.
        projects: how many it has, all of which are installed.
    """

    places: Mapping[str, str]
    authority: str
    projects: int

    def url(self, wire: str, login: str = "") -> str:
        """The index, with a login where it is given."""
        return f"https://{login}{self.places[wire]}/simple/"


class Took(NamedTuple):
    """Seconds of an install: of its client, of all that is around it, and of processors for the latter."""

    client: float
    whole: float
    processor: float


class Started(NamedTuple):
    """What a client is started with: before its own command, and its variables."""

    around: Sequence[str]
    environ: Mapping[str, str]


Way: TypeAlias = Callable[[], AbstractContextManager[Started]]
"""How a client comes to the feed."""


@contextmanager
def serving(folder: Path) -> Iterator[Feed]:
    """Have a feed, in a process of its own."""
    wheels = folder / "wheels"
    download = [sys.executable, "-m", "pip", "download", "--quiet", "--only-binary", ":all:"]
    wanted = ["--requirement", str(REQUIREMENTS), "--constraint", str(CONSTRAINTS)]
    subprocess.run([*download, "--dest", str(wheels), *wanted], check=True)
    script = str(Path(__file__).with_name("feed.py"))
    command = [sys.executable, script, str(folder), str(wheels), str(ONE_WAY_MILLISECONDS)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        near, far = json.loads(process.stdout.readline() if process.stdout else "")
        places = {BARE: f"127.0.0.1:{near}", FAR: f"127.0.0.1:{far}"}
        yield Feed(places, str(folder / AUTHORITY), len(list(wheels.iterdir())))


def installed(folder: Path, requirements: Iterable[str]) -> Path:
    """A virtual environment with some packages; the folder of its programs."""
    venv.create(folder, with_pip=True)
    install = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--upgrade"]
    subprocess.run([*install, *requirements], check=True)
    return folder / "bin"


def clients(folder: Path) -> dict[str, Callable[[str], list[str]]]:
    """The commands of cold clients, by the folder that they put things into."""
    programs = installed(folder, ("pip", UV))
    python = str(programs / "python")
    roots = REQUIREMENTS.read_text(encoding="ascii").split()
    uv = [str(programs / "uv"), "pip", "install", "--quiet", "--no-cache", "--python", python]
    pip = [python, "-m", "pip", "--disable-pip-version-check", "--no-input", "install", "--quiet"]
    return {
        "uv": lambda place: [*uv, "--target", place, *roots],
        "pip": lambda place: [*pip, "--no-cache-dir", "--target", place, *roots],
    }


def timed(command: Sequence[str], way: Way, place: str, projects: int) -> Took:
    """Run a client by a way; it must have put so many projects into a folder, which is removed."""
    told = f"{place}.json"
    with way() as (around, environ):
        started, before = time.perf_counter(), _processor()
        ended = subprocess.run(
            [*around, sys.executable, "-I", "-c", _TIMED, told, *command],
            env=environ, cwd=Path(place).parent, capture_output=True, text=True, check=False,
        )  # fmt: skip
        whole, processor = time.perf_counter() - started, _processor() - before
    found = len(list(Path(place).glob("*.dist-info")))
    if ended.returncode or found != projects:
        sys.exit(f"{command[0]} did not do what is measured: {found} {ended.stdout}{ended.stderr}")
    shutil.rmtree(place)
    return Took(json.loads(Path(told).read_text(encoding="ascii")), whole, processor)


def _processor() -> float:
    """Seconds of the processors that programs took which this one has started and seen end."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def ways(feed: Feed, wire: str, client: str, home: str, others: Mapping[str, Path]) -> dict[str, Way]:
    """How a client comes to the feed: `direct`, through the gateway, and through others."""
    plain = {
        "PATH": os.defpath, "HOME": home, "PIP_CONFIG_FILE": os.devnull, "UV_NO_CONFIG": "1",
        "SSL_CERT_FILE": feed.authority, "PIP_CERT": feed.authority, "REQUESTS_CA_BUNDLE": feed.authority,
    }  # fmt: skip
    secret = feed.url(wire, f"{USER}:{TOKEN}@")

    def at(index: str) -> dict[str, str]:
        return plain | {"PIP_INDEX_URL": index, "UV_DEFAULT_INDEX": index}

    @contextmanager
    def direct() -> Iterator[Started]:
        yield Started([], at(secret))

    @contextmanager
    def gateway(*command: str) -> Iterator[Started]:
        around = [
            *(command or (COMMAND,)),
            "run",
            "--via",
            "gateway",
            "--client",
            client,
            feed.url(wire),
            "--",
        ]
        yield Started(around, plain | {"PIP_AUTHENTICATE_TOKEN": TOKEN})

    def cold() -> AbstractContextManager[Started]:
        return gateway(sys.executable, "-I", "-c", _COLD)

    @contextmanager
    def serve() -> Iterator[Started]:
        around = [COMMAND, "serve", "--port", "0", "--client", client, feed.url(wire), "--"]
        yield Started(around, plain | {"PIP_AUTHENTICATE_TOKEN": TOKEN})

    @contextmanager
    def through(name: str) -> Iterator[Started]:
        folder, login = Path(home), (USER, TOKEN)
        with rivals.serving(name, others[name], folder, [feed.url(wire)], login, plain) as index:
            yield Started([], at(index))

    every: dict[str, Way] = {
        "direct": direct,
        RUN: gateway,
        COLD: cold,
        SERVE: serve,
        **{name: partial(through, name) for name in others},
    }
    if (COLD, wire, client) not in BUDGETS:
        del every[COLD]
    return every


def bench(rounds: int, *, with_rivals: bool) -> None:
    """Print the rows."""
    with tempfile.TemporaryDirectory() as home:
        folder = Path(home)
        known = clients(folder / "clients")
        chosen = rivals.REQUIREMENTS if with_rivals else {}
        others = {name: installed(folder / name, needed) for name, needed in chosen.items()}
        with serving(folder) as feed:
            _memory(feed, home)
            for wire in (FAR, BARE):
                for client, command in known.items():
                    every = ways(feed, wire, client, home, others)
                    _install(wire, client, command, every, rounds, feed.projects)


def _install(
    wire: str,
    client: str,
    command: Callable[[str], list[str]],
    ways: Mapping[str, Way],
    rounds: int,
    projects: int,
) -> None:
    """Print the rows of a client over a wire."""
    took = {name: list[Took]() for name in ways}
    with tempfile.TemporaryDirectory() as temporary:
        for turn in range(rounds + 1):
            for name in random.sample(list(ways), len(ways)):
                place = tempfile.mkdtemp(dir=temporary)
                one = timed(command(place), ways[name], place, projects)
                if turn:  # the first one warms the caches of the system
                    took[name].append(one)
    floor = took.pop("direct")
    for name, figures in took.items():
        ratio = statistics.median(one.client for one in figures) / statistics.median(
            one.client for one in floor
        )
        budget = BUDGETS.get((name, wire, client), "")
        whole = (
            ""
            if name in rivals.REQUIREMENTS
            else f"; with the start {_shown(one.whole for one in figures)}, "
            f"of processors {_shown(one.processor for one in figures)}"
        )
        print(
            f"| {client}, {projects} wheels, {wire}, through {name} | {budget} "
            f"| {ratio:.2f}: {_shown(one.client for one in figures)}{whole} "
            f"| direct {_shown(one.client for one in floor)}, "
            f"of processors {_shown(one.processor for one in floor)} |",
            flush=True,
        )


def _shown(values: Iterable[float]) -> str:
    """Median and range of seconds."""
    every = list(values)
    return f"{statistics.median(every):.2f} s ({min(every):.2f}-{max(every):.2f})"


def _memory(feed: Feed, home: str) -> None:
    """Print the row of the memory that a large download takes, where the system tells."""
    if sys.platform != "linux":
        return
    with ways(feed, BARE, "pip", home, {})[RUN]() as (around, environ):
        command = [*around, sys.executable, "-I", "-c", _STREAMED, feed.places[BARE], STREAM]
        told = subprocess.run(command, env=environ, check=True, capture_output=True, text=True).stdout
    before, most, size = map(int, told.split())
    if size != STREAM_BYTES:
        sys.exit("the download did not do what is measured")
    print(
        f"| memory while {STREAM_BYTES // 1024**2} MiB stream through the gateway | 45 MiB, + 8 MiB "
        f"| {most / 1024:.1f} MiB: + {(most - before) / 1024:.1f} MiB | before {before / 1024:.1f} MiB |",
        flush=True,
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Measure installs through the gateway.")
    parser.add_argument("--rounds", type=int, default=5, help="counted runs of each figure (default 5)")
    parser.add_argument("--alone", action="store_true", help="beside direct installs only")
    given = parser.parse_args()
    bench(given.rounds, with_rivals=not given.alone)
