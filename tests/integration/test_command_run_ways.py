"""The command run: how it hands credentials over where nobody says how, and who may say it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from support.command import Command
from support.http_service import serving

URL = "https://pkgs.dev.azure.com/contoso/_packaging/feed/pypi/simple/"
TOKEN = "ways-canary-52d1"


@pytest.fixture
def command(tmp_path: Path) -> Command:
    one = Command(tmp_path)
    tmp_path.chmod(0o700)
    one.environ |= {
        "TMPDIR": str(tmp_path),
        "PIP_AUTHENTICATE_TOKEN": TOKEN,
        "PIP_AUTHENTICATE_CLIENT": "pip",
    }
    return one


def settings(command: Command, text: str) -> None:
    """Write the user's own settings."""
    file = command.home / ".config" / "pip-authenticate" / "pip-authenticate.toml"
    file.parent.mkdir(parents=True)
    file.write_text(text, encoding="utf-8")


def way(ended: "subprocess.CompletedProcess[str]") -> str:
    """How a program that printed its variables was told."""
    assert ended.returncode == 0, ended.stderr
    told = dict(line.partition("=")[::2] for line in ended.stdout.splitlines())
    if TOKEN in told.get("PIP_INDEX_URL", ""):
        return "env"
    assert TOKEN not in ended.stdout
    return "gateway" if "HTTPS_PROXY" in told else "files" if "NETRC" in told else "none"


def test_the_gateway_is_the_default_where_it_is_installed(command: Command) -> None:
    assert way(command("run", URL, "--", "env")) == "gateway"


def test_without_the_extra_files_are_the_default(command: Command) -> None:
    hidden = (
        "import sys; sys.modules['aiohttp'] = None; from pip_authenticate.cli import main; sys.exit(main())"
    )
    ended = subprocess.run(
        [sys.executable, "-c", hidden, "run", URL, "--", "env"],
        env=command.environ, cwd=command.project, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert way(ended) == "files"


def test_a_command_that_uses_no_index_needs_no_gateway(command: Command) -> None:
    assert way(command("run", "--", "env")) == "none"


def test_publishers_are_told_by_variables(command: Command) -> None:
    ended = command("run", "--publish", URL, "--", "env")
    assert way(ended) == "env"
    assert "with --allow-upload it publishes through the gateway" in ended.stderr


def test_nothing_is_announced_that_does_not_come(command: Command) -> None:
    ended = command("run", URL, "--", "env", NO_PROXY="pkgs.dev.azure.com")
    assert ended.returncode == 1
    assert "Credentials for" not in ended.stderr
    ended = command("run", "--guard", "--", "env")
    assert ended.returncode == 0
    assert ended.stderr == "pip-authenticate: No index needs a credential.\n"


@pytest.mark.parametrize("chosen", ["env", "files", "gateway"])
def test_a_person_chooses_by_option_variable_or_file(command: Command, chosen: str) -> None:
    assert way(command("run", "--via", chosen, URL, "--", "env")) == chosen
    assert way(command("run", URL, "--", "env", PIP_AUTHENTICATE_VIA=chosen)) == chosen
    settings(command, f'via = "{chosen}"\n')
    assert way(command("run", URL, "--", "env")) == chosen


def test_a_project_chooses_after_its_user_and_not_in_silence(command: Command) -> None:
    command.write("pyproject.toml", '[tool.pip-authenticate]\nvia = "env"\n')
    ended = command("run", URL, "--", "env")
    assert way(ended) == "env"
    assert "pyproject.toml:2 lets code that the program runs see the credential" in ended.stderr
    settings(command, 'via = "gateway"\n')
    ended = command("run", URL, "--", "env")
    assert way(ended) == "gateway"
    assert "lets code" not in ended.stderr


@pytest.mark.parametrize(
    "words", [("--guard",), ("--public", "https://open.example/simple/"), ("--report", "report.json")]
)
def test_what_only_the_gateway_does_is_not_left_undone(command: Command, words: tuple[str, ...]) -> None:
    assert way(command("run", *words, URL, "--", "env")) == "gateway"
    ended = command("run", *words, "--via", "files", URL, "--", "env")
    assert ended.returncode == 1
    assert ended.stderr == (
        f"pip-authenticate: error: {words[0]} needs the gateway, and --via says files. "
        "Leave one of them out.\n"
    )
    assert ended.stdout == ""


@pytest.mark.parametrize("words", [("run", "--via", "gateway"), ("serve", "--port", "0")])
def test_a_report_that_has_no_place_is_said_before_anything_is_run(
    command: Command, words: tuple[str, ...]
) -> None:
    for place in ("nowhere/report.json", "."):
        ended = command(*words, "--report", place, URL, "--", "touch", "ran")
        assert ended.returncode == 1
        assert f"--report: nothing can be written to {place}" in ended.stderr
    assert not (command.project / "ran").exists()
    command.write("report.json", "a former run's")
    ended = command(*words, "--report", "report.json", URL, "--", "cat", "report.json")
    assert ended.stdout == "a former run's"
    assert (command.project / "report.json").read_text(encoding="utf-8").startswith("{")


def test_a_run_within_a_run_says_why_there_is_no_credential(command: Command) -> None:
    inner = (str(Path(sys.executable).with_name("pip-authenticate")), "run", URL, "--", "true")
    ended = command("run", URL, "--", *inner)
    assert ended.returncode == 1
    assert "runs behind the gateway of another run, which opens its indexes without this one" in ended.stderr
    assert "behind the gateway of another" not in command("run", URL, "--", "true").stderr


def test_the_authority_is_in_no_folder_that_others_may_write_to(command: Command, tmp_path: Path) -> None:
    folder = tmp_path / "anybody's"
    folder.mkdir()
    folder.chmod(0o777)
    ended = command("run", URL, "--", "env", TMPDIR=str(folder))
    assert way(ended) == "gateway"
    told = dict(line.partition("=")[::2] for line in ended.stdout.splitlines())
    assert not told["SSL_CERT_FILE"].startswith(str(folder) + os.sep)


@pytest.mark.parametrize("form", [["--guard", "{}"], ["--guard={}"], ["--guard", "--public", "{}"]])
def test_a_url_behind_guard_is_a_public_index_and_gets_no_credential(
    command: Command, form: list[str]
) -> None:
    with serving() as private, serving() as public:
        url = public.url.replace("127.0.0.1", "localhost") + "/simple/"
        got = "import sys, urllib.request as u; u.urlopen(sys.argv[1] + 'demo/')"
        words = ["--client", "pip", *(word.format(url) for word in form), f"{private.url}/feed/simple/"]
        command("run", *words, "--", sys.executable, "-c", got, url)
        assert [request.path for request in private.requests] == ["/feed/simple/demo/"]
        assert "authorization" in private.requests[0].headers
        assert [request.path for request in public.requests] == ["/simple/demo/"]
        assert "authorization" not in public.requests[0].headers


@pytest.mark.parametrize("name", ["docker", "nginx"])
def test_what_runs_elsewhere_gets_its_file(command: Command, name: str) -> None:
    ended = command("run", "--client", name, URL, "--", "env")
    assert ended.returncode == 0
    assert "HTTPS_PROXY" not in ended.stdout
    ended = command("run", "--client", name, "--via", "gateway", URL, "--", "env")
    assert ended.returncode == 1
    assert ended.stderr.startswith(f"pip-authenticate: error: {name} gets a file with the credential")
