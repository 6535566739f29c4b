"""The commands check, whoami and config: what a person sees."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from azure_devops_emulator import Organization, Service
from support.command import Command
from support.http_service import Answer, serving

if TYPE_CHECKING:
    import subprocess

ORGANIZATION = Path(__file__).parents[2] / "emulator" / "tests" / "data" / "organizations" / "contoso.toml"
GOOD, READER, STRANGER = "canary-olga", "canary-rita", "canary-nora"


@pytest.fixture
def command(tmp_path: Path) -> Command:
    return Command(tmp_path)


@pytest.fixture
def server() -> Iterator[Service]:
    """A server on premises: its feeds are below its own address."""
    with Service(Organization.load(ORGANIZATION), on_premises=True) as service:
        yield service


def test_a_good_index_is_ok(command: Command, server: Service) -> None:
    ended = command("check", "shared", "--organization", server.collection_uri, PIP_AUTHENTICATE_TOKEN=GOOD)
    assert ended.returncode == 0
    assert ended.stdout.startswith("ok ")
    assert "may read and save from upstream" in ended.stdout
    assert "canary" not in ended.stdout


def test_a_refused_one_is_told_with_what_to_do(command: Command, server: Service) -> None:
    ended = command(
        "check", "shared", "--organization", server.collection_uri, PIP_AUTHENTICATE_TOKEN=STRANGER
    )
    assert ended.returncode == 1
    assert ended.stdout.startswith("failed")
    assert "Nora Nobody" in ended.stdout
    assert "Permissions" in ended.stdout
    assert "canary" not in ended.stdout + ended.stderr


def test_for_which_clients_is_said_where_nobody_has_chosen_them(command: Command, server: Service) -> None:
    command.write("pyproject.toml", "[tool.poetry]\n")
    arguments = ("check", "shared", "--organization", server.collection_uri)
    told = command(*arguments, PIP_AUTHENTICATE_TOKEN=GOOD).stderr
    assert told == (
        "pip-authenticate: For poetry, as the project's files and PATH show; --client chooses others.\n"
    )
    for more in (["--client", "pip"], ["--quiet"]):
        assert command(*arguments, *more, PIP_AUTHENTICATE_TOKEN=GOOD).stderr == ""


def test_the_project_says_which_indexes(command: Command, server: Service) -> None:
    command.write(
        "pyproject.toml",
        f'[[tool.uv.index]]\nname = "ours"\nurl = "{server.collection_uri}_packaging/shared/pypi/simple"\n'
        '[[tool.poetry.source]]\nname = "theirs"\nurl = "https://index.example/simple"\n',
    )
    ended = command("check", "--json", "--organization", server.collection_uri, PIP_AUTHENTICATE_TOKEN=READER)
    rows = json.loads(ended.stdout)
    assert rows[0]["subject"] == f"{server.collection_uri}_packaging/shared/pypi/simple"
    assert rows[0]["provider"] == "explicit-token"
    assert rows[0]["grade"] in {"good", "limited"}
    assert "ours" in rows[0]["source"]
    assert "theirs" in ended.stderr
    assert "warning" in ended.stderr


def test_without_a_credential_check_fails_and_says_how_to_give_one(command: Command, server: Service) -> None:
    command.write("requirements.txt", f"-i {server.collection_uri}_packaging/shared/pypi/simple\n")
    ended = command("check", "--organization", server.collection_uri)
    assert ended.returncode == 1
    assert "--token-file" in ended.stderr
    assert ended.stdout.startswith("failed")


def test_where_nothing_is_named_check_says_so(command: Command) -> None:
    ended = command("check")
    assert ended.returncode == 0
    assert ended.stdout == ""
    assert "Name one: a feed or a URL." in ended.stderr


@pytest.mark.parametrize("given", ["file", "stdin", "variable", "pipeline"])
def test_a_token_is_read_from_where_it_is_given(command: Command, server: Service, given: str) -> None:
    command.write("token", f"{GOOD}\n")
    options = {"file": ["--token-file", "token"], "stdin": ["--token-stdin"]}.get(given, [])
    variable = {"variable": "PIP_AUTHENTICATE_TOKEN", "pipeline": "SYSTEM_ACCESSTOKEN"}.get(given)
    ended = command(
        "whoami", "shared", "--organization", server.collection_uri, *options,
        typed=GOOD if given == "stdin" else "",
        **({variable: GOOD} if variable else {}),
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    assert "Olga Owner" in ended.stdout
    assert ended.stdout.startswith("pipeline-token" if given == "pipeline" else "explicit-token")
    assert "canary" not in ended.stdout + ended.stderr


PLACES = {"file": ["--token-file", "token"], "stdin": ["--token-stdin"], "variable": []}


def with_token(
    command: Command, place: str, text: str, *arguments: str
) -> "subprocess.CompletedProcess[str]":
    """Run a command that finds a text where it looks for the token."""
    command.write("token", text)
    variables = {"PIP_AUTHENTICATE_TOKEN": text} if place == "variable" else {}
    return command(*arguments, *PLACES[place], typed=text if place == "stdin" else "", **variables)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("around", ["{}\n", " {}\r\n", "\n\t{}", "\ufeff{}"])
def test_blanks_and_line_ends_around_a_token_are_none_of_it(
    command: Command, server: Service, place: str, around: str
) -> None:
    asked = ("whoami", "shared", "--organization", server.collection_uri)
    ended = with_token(command, place, around.format(GOOD), *asked)
    assert ended.returncode == 0, ended.stderr
    assert "Olga Owner" in ended.stdout


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(
    "text", ["canary\nof two", "canary\r\nof two", "canary\tx", "canary\x7f", "canary\u2028x"]
)
def test_a_line_end_or_control_character_in_it_makes_it_none(command: Command, place: str, text: str) -> None:
    ended = with_token(command, place, text, "env", "https://h.example/simple/", "--output", "sh")
    assert (ended.returncode, ended.stdout) == (1, "")
    (line,) = ended.stderr.splitlines()
    assert "holds no token" in line
    assert "canary" not in line


def test_where_nothing_is_named_whoami_says_what_to_do(command: Command) -> None:
    ended = command("whoami")
    assert (ended.returncode, ended.stdout) == (1, "")
    assert "Name one: a feed or a URL." in ended.stderr


def test_whoami_is_data_for_programs(command: Command, server: Service) -> None:
    ended = command(
        "whoami", "shared", "--json", "--organization", server.collection_uri, PIP_AUTHENTICATE_TOKEN=GOOD
    )
    (one,) = json.loads(ended.stdout)
    assert one["identity"].startswith("Olga Owner (")
    assert one["indexes"] == [f"{server.collection_uri}_packaging/shared/pypi/simple/"]


def test_a_token_that_is_not_accepted_is_no_identity(command: Command, server: Service) -> None:
    ended = command(
        "whoami", "shared", "--organization", server.collection_uri, PIP_AUTHENTICATE_TOKEN="canary-wrong"
    )
    assert ended.returncode == 1
    assert "did not accept" in ended.stdout
    assert "canary" not in ended.stdout + ended.stderr


@pytest.mark.parametrize(
    ("status", "told"),
    [
        (429, "is limiting requests (status 429). Try again later."),
        (503, "is in trouble (status 503, "),
        (403, "refuses the credential of index {url} (status 403). Check the token, and whose it is."),
    ],
)
def test_a_person_is_told_what_a_person_can_do(command: Command, status: int, told: str) -> None:
    """No job has to be run again, and there is no service connection whose settings could be looked at."""
    with serving(lambda _: Answer(status)) as service:
        url = f"{service.url}/simple/"
        ended = command("check", url, PIP_AUTHENTICATE_TOKEN=GOOD)
    assert ended.returncode == 1
    assert told.format(url=url) in ended.stdout
    for words in ("job", "agent", "service connection", "pipeline"):
        assert words not in ended.stdout


def test_config_says_where_each_value_came_from(command: Command) -> None:
    command.write("pyproject.toml", '[tool.pip-authenticate]\nclient = ["pip"]\nnonsense = 1\n')
    own = command.home / ".config" / "pip-authenticate"
    own.mkdir(parents=True)
    (own / "pip-authenticate.toml").write_text('organization = "of-the-file"\nclient = ["pip"]\n')
    ended = command(
        "config", "--json", "--timeout", "5", PIP_AUTHENTICATE_OUTPUT="sh", PIP_AUTHENTICATE_TOKEN="canary"
    )
    rows = {row["name"]: row for row in json.loads(ended.stdout)}
    assert rows["timeout"] == {"name": "timeout", "value": 5.0, "origin": "--timeout"}
    assert rows["output"]["origin"] == "PIP_AUTHENTICATE_OUTPUT"
    assert rows["client"]["origin"].endswith("pyproject.toml:2")
    assert rows["organization"]["origin"].endswith("pip-authenticate.toml:1")
    assert rows["publish"]["origin"] == "default"
    assert rows["PIP_AUTHENTICATE_TOKEN"]["value"] == "***"
    assert "canary" not in ended.stdout + ended.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--organization", "no name", "f"], "name cannot be one"),
        (["a/b/c", "--organization", "contoso"], "more than one slash"),
        (["f"], "--organization"),
        (["https://u:canary@h.example/simple"], "password"),
        (["https://h.example/_packaging/f/nuget/v3/index.json"], "is meant"),
        (["--token-file", "/nowhere", "https://h.example/"], "/nowhere"),
        (["https://h.example/"], "No credential was found"),
    ],
)
def test_what_cannot_be_used_is_one_line(command: Command, arguments: list[str], words: str) -> None:
    ended = command("check", *arguments)
    assert ended.returncode == 1
    assert ended.stdout == ""
    (line,) = ended.stderr.splitlines()
    assert words in line
    assert line.startswith("pip-authenticate: error: ")
    assert "canary" not in line


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("pyproject.toml", b"[canary"),
        ("pyproject.toml", b"\xff\xfe"),
        ("uv.toml", b"x" * 1_100_000),
        ("Pipfile", b"canary = = 2"),
    ],
)
def test_a_file_that_cannot_be_read_is_a_warning(command: Command, name: str, content: bytes) -> None:
    (command.project / name).write_bytes(content)
    ended = command("check")
    (warning, *_) = ended.stderr.splitlines()
    assert name in warning
    assert warning.startswith("pip-authenticate: warning: ")
    assert "canary" not in ended.stderr


def test_colour_is_for_terminals(command: Command, server: Service) -> None:
    arguments = ("check", "shared", "--organization", server.collection_uri)
    plain = command(*arguments, PIP_AUTHENTICATE_TOKEN=GOOD).stdout
    forced = command(*arguments, PIP_AUTHENTICATE_TOKEN=GOOD, FORCE_COLOR="1").stdout
    refused = command(*arguments, PIP_AUTHENTICATE_TOKEN=GOOD, FORCE_COLOR="1", NO_COLOR="1").stdout
    assert "\x1b" not in plain
    assert re.sub(r"\x1b\[\d+m", "", forced) == plain != forced
    assert refused == plain
