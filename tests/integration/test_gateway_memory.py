"""The gateway's memory: who can read the credential there, and what a person is told of it."""

import os
import re
import shutil
import socket
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

import pip_authenticate
from support.behind import Behind
from support.command import COMMAND, Command
from support.http_service import Answer, Service, serving

TOKEN = "memory-canary-c0ffee-token"
NOBODY = 65534
PLACES = ("environ", "mem", "fd")
READER = """
import os, sys
for path in sys.argv[1:]:
    try:
        os.listdir(path) if path.endswith("fd") else open(path, "rb").read(0)
        print("readable")
    except PermissionError:
        print("refused")
"""
HAS_ALL_POWERS = sys.platform == "linux" and bool(
    int(re.findall(r"CapEff:\t(\w+)", Path("/proc/self/status").read_text(encoding="ascii"))[0], 16) >> 19 & 1
)
MAY_USE_DOCKER = os.access("/var/run/docker.sock", os.W_OK)
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="Linux tells of processes in /proc")


class User(NamedTuple):
    """Who is not root: this user, or nobody where this is root.

    Args:
        command: with a home of theirs.
        started_by: what runs a program as them.
        python: one that they can run, with what the product needs.
    """

    command: Command
    started_by: tuple[str, ...]
    python: str


@pytest.fixture
def user() -> Iterator[User]:
    with tempfile.TemporaryDirectory() as folder:
        command = Command(Path(folder))
        command.environ |= {"TMPDIR": folder, "PYTHONDONTWRITEBYTECODE": "1"}
        if os.geteuid():
            yield User(command, (), sys.executable)
            return
        product = str(Path(pip_authenticate.__file__).parents[1])
        command.environ["PYTHONPATH"] = os.pathsep.join((product, sysconfig.get_path("purelib")))
        for path in (Path(folder), *Path(folder).rglob("*")):
            os.chown(path, NOBODY, NOBODY)
        start = ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups")
        yield User(command, start, next(filter(is_for_nobody, pythons())))


def pythons() -> Iterator[str]:
    """This Python, and the system's of the same version: root's own may lie where nobody else comes."""
    yield sys.executable
    yield from filter(
        None, [shutil.which(f"python{sys.version_info[0]}.{sys.version_info[1]}", path=os.defpath)]
    )


def is_for_nobody(python: str) -> bool:
    try:
        return not subprocess.run([python, "-c", ""], user=NOBODY, cwd="/", check=False).returncode
    except PermissionError:
        return False


@pytest.fixture
def index() -> Iterator[Service]:
    with serving(lambda _: Answer(404, b"")) as service:
        yield service


def test_nobody_of_this_user_reads_the_memory_of_the_run(user: User, index: Service) -> None:
    """What they can read of the program that it starts."""
    started_by = (*user.started_by, user.python) if user.started_by else ()
    one = Behind(
        user.command, TOKEN, f"{index.url}/simple/", started_by=started_by, python=user.python
    )  # fmt: skip
    try:
        for number, word in ((one.child, "readable"), (one.process.pid, "refused")):
            paths = [f"/proc/{number}/{place}" for place in PLACES]
            ended = subprocess.run(
                [*user.started_by, user.python, "-I", "-c", READER, *paths],
                capture_output=True, text=True, timeout=30, check=True, cwd="/",
            )  # fmt: skip
            assert ended.stdout.split() == [word] * len(PLACES)
    finally:
        said = one.end()
    assert ("in the gateway's memory" in said) == (os.geteuid() != 0 and MAY_USE_DOCKER)


SHOWING = {
    ".netrc": "machine 127.0.0.1 login x password other-canary",
    "_netrc": f"machine elsewhere.example login x password {TOKEN}",
    ".pip/pip.conf": "[global]\nindex-url = http://x:other-canary@127.0.0.1:1/simple/",
    ".config/pip/pip.conf": f"[global]\nextra-index-url = https://{TOKEN}@elsewhere.example/simple/",
    "own.netrc": "machine 127.0.0.1 login x password other-canary",
}
HARMLESS = {
    ".netrc": "machine elsewhere.example login x password other-canary",
    "_netrc": "nonsense",
    ".pip/pip.conf": "[global]\nindex-url = http://127.0.0.1:1/simple/",
    ".config/pip/pip.conf": "[global]\nindex-url = http://VssSessionToken@127.0.0.1:1/simple/",
}


@pytest.mark.parametrize("files", [SHOWING, HARMLESS], ids=["showing", "harmless"])
def test_files_of_the_user_that_show_a_credential_are_named(
    command: Command, index: Service, files: dict[str, str]
) -> None:
    for name, text in files.items():
        (command.home / name).parent.mkdir(parents=True, exist_ok=True)
        (command.home / name).write_text(text, encoding="utf-8")
    environ = {"PIP_AUTHENTICATE_TOKEN": TOKEN, "PIP_CONFIG_FILE": "", "NETRC": ""}
    words = ("run", "--via", "gateway", f"{index.url}/simple/", "--", "true")
    told = command(*words, **environ).stderr
    told += command(*words, **{**environ, "NETRC": str(command.home / "own.netrc")}).stderr
    named = {name for name in SHOWING if f"{command.home / name} shows a credential " in told}
    assert named == (set(SHOWING) if files is SHOWING else set())
    assert "canary" not in told


def found_in_memory(number: int, text: bytes) -> bool:
    """Whether a process's memory holds a text."""
    with Path(f"/proc/{number}/mem").open("rb", buffering=0) as memory:
        for line in Path(f"/proc/{number}/maps").read_text(encoding="utf-8").splitlines():
            start, end = (int(part, 16) for part in line.split()[0].split("-"))
            if " rw" in line and "[v" not in line:
                memory.seek(start)
                if text in memory.read(end - start):
                    return True
    return False


@pytest.mark.skipif(not HAS_ALL_POWERS, reason="only who may read everything can show it")
def test_root_reads_it_and_run_and_check_say_so(command: Command, index: Service) -> None:
    one = Behind(command, TOKEN, f"{index.url}/simple/")
    assert found_in_memory(one.process.pid, TOKEN.encode())
    assert not found_in_memory(one.child, TOKEN.encode())
    assert "it can read them in the gateway's memory: it runs as root" in one.end()
    ended = checked(command, index)
    assert "not protected in the gateway's memory: it runs as root" in ended


def checked(command: Command, index: Service, *started_by: str, **environ: str) -> str:
    """What `check` shows where `run` would go through the gateway."""
    ended = subprocess.run(
        [*started_by, COMMAND, "check", f"{index.url}/simple/"],
        env=command.environ | {"PIP_AUTHENTICATE_TOKEN": TOKEN} | environ,
        cwd=command.project, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert index.url in ended.stdout
    return ended.stdout


def test_where_nobody_can_read_it_nothing_is_said(command: Command, index: Service) -> None:
    """Nor where another way is used, or there is no gateway at all."""
    powerless = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"] if os.geteuid() == 0 else []
    assert ("gateway" in checked(command, index, *powerless)) == MAY_USE_DOCKER
    assert "gateway" not in checked(command, index, PIP_AUTHENTICATE_VIA="files")


def test_who_may_use_docker_is_told(tmp_path: Path) -> None:
    powerless = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"] if os.geteuid() == 0 else []
    code = "import sys; from pip_authenticate.gateway import hiding; print(hiding.exposure(sys.argv[1]))"
    place = str(tmp_path / "docker.sock")
    told = list[str]()
    with socket.socket(socket.AF_UNIX) as service:
        for is_there in (False, True):
            if is_there:
                service.bind(place)
            ended = subprocess.run(
                [*powerless, sys.executable, "-c", code, place],
                capture_output=True, text=True, timeout=30, check=True,
            )  # fmt: skip
            told.append(ended.stdout.strip())
    assert told[0] == ""
    assert "Docker" in told[1]


@pytest.fixture
def command(tmp_path: Path) -> Command:
    one = Command(tmp_path)
    one.environ["TMPDIR"] = str(tmp_path)
    return one
