"""Tokens that are kept between runs: asked for once, by whoever is first; private, whole, and not on a CI."""

import json
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import random

import pytest

from support.command import Command
from support.federated import credential_of
from support.http_service import json_answer
from support.identities import (
    APPLICATION,
    CANARY,
    CLIENT,
    FOREVER,
    PERSON,
    SESSION,
    TENANT,
    TOKEN_PATH,
    Identities,
    identities,
)

PROCESSES = 20
EXCHANGE = f"POST {TOKEN_PATH}"
SESSIONS = "POST /sessions/_apis/Token/SessionTokens"
# Keeps a long token again and again until it is killed: it ends so soon that no run takes it as it is.
WRITER = """
import sys, time
from datetime import datetime, timedelta, timezone
from pip_authenticate.deadline import Deadline
from pip_authenticate.index import Credential
from pip_authenticate.secret import Secret
from pip_authenticate.token_cache import TokenCache
cache = TokenCache(sys.argv[1], Deadline(60), print)
soon = datetime.now(timezone.utc) + timedelta(seconds=200)
print("ready", flush=True)
number = 0
while True:
    number += 1
    made = Credential("build", Secret(chr(97 + number % 26) * 500_000), soon)
    cache.fetch(("who", "where", "write"), lambda: made)
"""


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Identities]:
    (tmp_path / "world").mkdir()
    with identities(tmp_path / "world") as made:
        yield made


@pytest.fixture
def command(tmp_path: Path, world: Identities) -> Command:
    (tmp_path / "command").mkdir()
    made = Command(tmp_path / "command")
    made.environ |= {**world.environ, "AZURE_CLIENT_ID": CLIENT, "AZURE_CLIENT_SECRET": CANARY}
    return made


def state(command: Command) -> Path:
    return command.home / ".local" / "state" / "pip-authenticate"


def opened(command: Command, world: Identities, *more: str, **environ: str) -> str:
    """What opens the index, after one run of the command."""
    ended = command("env", "--client", "pip", "--output", "json", "--verbose", *more, world.index, **environ)
    assert ended.returncode == 0, ended.stderr
    assert CANARY not in ended.stderr
    return credential_of(json.loads(ended.stdout)["PIP_INDEX_URL"])[1]


def test_twenty_processes_ask_once(world: Identities, command: Command) -> None:
    good = world.service.routes[EXCHANGE]

    def slow(request: object) -> object:
        time.sleep(1)
        return good(request)  # type: ignore[arg-type]

    world.service.routes[EXCHANGE] = slow  # type: ignore[assignment]
    with ThreadPoolExecutor(PROCESSES) as pool:
        given = list(pool.map(lambda _: opened(command, world), range(PROCESSES)))
    assert given == [APPLICATION] * PROCESSES
    assert world.asked.count(EXCHANGE) == 1


def test_twenty_processes_of_a_person_start_one_program(world: Identities, command: Command) -> None:
    answer = {"accessToken": PERSON, "expires_on": FOREVER}
    world.program("az", f"sleep 1; echo '{json.dumps(answer)}'")
    (command.home / ".azure").mkdir()
    profile = {"subscriptions": [{"isDefault": True, "tenantId": TENANT, "user": {"name": "ada@example"}}]}
    (command.home / ".azure" / "azureProfile.json").write_text(json.dumps(profile))
    with ThreadPoolExecutor(PROCESSES) as pool:
        given = list(
            pool.map(lambda _: opened(command, world, "--credential", "azure-cli"), range(PROCESSES))
        )
    assert given == [SESSION] * PROCESSES
    assert len(world.calls("az")) == world.asked.count(SESSIONS) == 1


def test_a_later_run_asks_nobody(world: Identities, command: Command) -> None:
    opened(command, world)
    asked = len(world.asked)
    assert opened(command, world) == APPLICATION
    assert len(world.asked) == asked == 2


def test_files_are_private(world: Identities, command: Command) -> None:
    opened(command, world)
    (file,) = state(command).iterdir()
    assert stat.S_IMODE(state(command).stat().st_mode) == 0o700
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert CANARY not in file.name


@pytest.mark.parametrize("who", ["CLIENT", "scope"])
def test_another_identity_and_another_scope_get_a_token_of_their_own(
    world: Identities, command: Command, who: str
) -> None:
    opened(command, world)
    more = ("--identity", TENANT) if who == "CLIENT" else ("--scope", "read")
    opened(command, world, *more)
    assert world.asked.count(EXCHANGE) == len(list(state(command).iterdir())) == 2


@pytest.mark.parametrize("variable", ["CI", "TF_BUILD", "GITHUB_ACTIONS", "GITLAB_CI", "JENKINS_URL"])
def test_a_ci_keeps_nothing_unless_asked(world: Identities, command: Command, variable: str) -> None:
    order = ("--credential", "service-principal")
    environ = {variable: "true", "AGENT_TEMPDIRECTORY": ""}
    opened(command, world, *order, **environ)
    assert not state(command).exists()
    opened(command, world, *order, "--cache", "on", **environ)
    assert len(list(state(command).iterdir())) == 1


def test_no_cache_keeps_and_reads_nothing(world: Identities, command: Command) -> None:
    opened(command, world)
    opened(command, world, "--no-cache")
    assert world.asked.count(EXCHANGE) == 2
    assert len(list(state(command).iterdir())) == 1


@pytest.mark.parametrize(
    "spoil",
    [
        lambda lines: [*lines[:-4], str(int(time.time()) + 60), *lines[-3:]],  # ends before an install does
        lambda lines: [*lines[:-4], "x", *lines[-3:]],
        lambda lines: ["somebody else", *lines[1:]],
        lambda lines: lines[1:],
        lambda lines: lines[:-2],
        lambda _: [],
        lambda _: ["\0" * 100],
    ],
)
def test_what_is_stale_or_looks_foreign_is_not_used(
    world: Identities, command: Command, spoil: "Callable[[list[str]], list[str]]"
) -> None:
    opened(command, world)
    (file,) = state(command).iterdir()
    text = file.read_text()
    spoilt = "\n".join(spoil(text.split("\n")))
    assert spoilt != text
    file.write_text(spoilt)
    assert opened(command, world) == APPLICATION
    assert world.asked.count(EXCHANGE) == 2
    renewed = file.read_text().split("\n")
    assert (renewed[:3], renewed[4:]) == (text.split("\n")[:3], text.split("\n")[4:]), "all but its end"


def test_a_file_of_somebody_elses_making_is_not_followed(world: Identities, command: Command) -> None:
    opened(command, world)
    (file,) = state(command).iterdir()
    elsewhere = command.home / "elsewhere"
    elsewhere.write_text(file.read_text().replace(APPLICATION, "planted"))
    file.unlink()
    file.symlink_to(elsewhere)
    assert opened(command, world) == APPLICATION
    assert "planted" in elsewhere.read_text(), "what a link leads to stays as it is"


def test_a_folder_that_others_may_write_to_is_not_used(world: Identities, command: Command) -> None:
    opened(command, world)
    state(command).chmod(0o777)
    assert opened(command, world) == APPLICATION
    assert world.asked.count(EXCHANGE) == 2


def test_a_token_of_unknown_end_is_not_kept(world: Identities, command: Command) -> None:
    world.service.routes[EXCHANGE] = lambda _: json_answer({"access_token": APPLICATION})
    opened(command, world)
    assert list(state(command).iterdir()) == []


def test_whoever_is_killed_while_writing_leaves_a_whole_file(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    for _ in range(15):
        with subprocess.Popen(
            [sys.executable, "-c", WRITER, str(folder)], stdout=subprocess.PIPE, text=True
        ) as writer:
            assert writer.stdout
            assert writer.stdout.readline() == "ready\n"
            time.sleep(0.05 + 0.1 * random())  # noqa: S311 - anywhere between two writes
            os.kill(writer.pid, signal.SIGKILL)
        (file,) = [path for path in folder.iterdir() if path.suffix == ".token"]
        *key, _, username, text, end = file.read_text().split("\n")
        assert (key, username, end) == (["who", "where", "write"], "build", "")
        assert text == text[0] * 500_000
    left = [path for path in folder.iterdir() if path.suffix != ".token"]
    assert len(left) <= 1, "what a killed one left is removed by the next"
