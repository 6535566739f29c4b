"""What a thief would try on the command: files of a project, names, echoes, left-overs."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from support.command import COMMAND, Command
from support.http_service import json_answer, serving

FEED = "https://pkgs.dev.azure.com/fabrikam/_packaging/f/pypi/simple/"
EVIL = "https://evil.example/simple/"
TOKEN = "canary-of-a-thief"
ECHO = json_answer({"message": f"no role for {TOKEN} there"}, status=403)


@pytest.fixture
def command(tmp_path: Path) -> Command:
    made = Command(tmp_path)
    made.environ["PIP_AUTHENTICATE_TOKEN"] = TOKEN
    return made


def uv_index(name: str, url: str) -> str:
    return f"[[tool.uv.index]]\nname = '{name}'\nurl = '{url}'\n"


def env(command: Command, *words: str, **environ: str) -> "subprocess.CompletedProcess[str]":
    return command("env", "--output", "json", *words, **environ)


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example\\@pkgs.dev.azure.com/fabrikam/_packaging/f/pypi/simple/",
        "https://evil.example\\\\@pkgs.dev.azure.com/fabrikam/_packaging/f/pypi/simple/",
        "https:\\\\evil.example\\@pkgs.dev.azure.com/fabrikam/_packaging/f/pypi/simple/",
    ],
)
def test_no_backslash_makes_another_host_a_login(command: Command, url: str) -> None:
    command.write("pyproject.toml", uv_index("n", url))
    ended = env(command, "--client", "uv", "--organization", "fabrikam")
    assert TOKEN not in ended.stdout


@pytest.mark.parametrize(
    "files",
    [
        {"pyproject.toml": uv_index("n", FEED), "uv.toml": f"[[index]]\nname = 'n'\nurl = '{EVIL}'\n"},
        {"pyproject.toml": uv_index("my_n", EVIL) + uv_index("my-n", FEED)},
        {"pyproject.toml": uv_index("N", EVIL) + uv_index("n", FEED)},
        {
            "pyproject.toml": f"[[tool.poetry.source]]\nname = 'my-n'\nurl = '{FEED}'\n"
            f"[[tool.poetry.source]]\nname = 'my_n'\nurl = '{EVIL}'\n"
        },
    ],
)
def test_a_name_that_can_mean_two_indexes_gets_no_credential(command: Command, files: dict[str, str]) -> None:
    for name, text in files.items():
        command.write(name, text)
    ended = env(command, "--organization", "fabrikam", "--client", "uv,poetry")
    variables = json.loads(ended.stdout) if ended.stdout else {}
    assert not [name for name in variables if name.startswith(("UV_INDEX_", "POETRY_"))]
    assert TOKEN not in ended.stdout
    assert "evil.example" in ended.stderr
    assert "different indexes" in ended.stderr


def test_the_root_of_a_workspace_counts_for_its_members(command: Command) -> None:
    command.write("pyproject.toml", uv_index("n", EVIL))
    member = command.project / "member"
    member.mkdir()
    (member / "pyproject.toml").write_text(uv_index("n", FEED))
    command.project = member
    ended = env(command, "--organization", "fabrikam", "--client", "uv")
    assert TOKEN not in ended.stdout


@pytest.mark.parametrize("organization", ["https://evil.example/C", "evilorg", "http://127.0.0.1:9/C"])
def test_no_file_of_a_project_moves_the_pipelines_token(command: Command, organization: str) -> None:
    base = organization if "://" in organization else f"https://pkgs.dev.azure.com/{organization}"
    command.write(
        "pyproject.toml",
        f'[tool.pip-authenticate]\norganization = "{organization}"\n'
        + uv_index("n", f"{base}/_packaging/f/pypi/simple/"),
    )
    ended = env(
        command, "--client", "uv", PIP_AUTHENTICATE_TOKEN="", SYSTEM_ACCESSTOKEN=TOKEN,
        SYSTEM_COLLECTIONURI="https://dev.azure.com/fabrikam/",
    )  # fmt: skip
    assert TOKEN not in ended.stdout


def test_the_users_own_file_says_who_a_token_is_for(command: Command) -> None:
    own = command.home / ".config" / "pip-authenticate"
    own.mkdir(parents=True)
    (own / "pip-authenticate.toml").write_text('organization = "fabrikam"\n')
    evil = "https://pkgs.dev.azure.com/evilorg/_packaging/f/pypi/simple/"
    command.write(
        "pyproject.toml", '[tool.pip-authenticate]\norganization = "evilorg"\n' + uv_index("n", evil)
    )
    ended = env(command, "--client", "uv")
    assert TOKEN not in ended.stdout
    assert "evilorg" in ended.stderr


def test_what_was_only_found_gets_no_token_without_encryption(command: Command) -> None:
    command.write("pyproject.toml", '[tool.pip-authenticate]\nindexes = ["http://evil.example/simple/"]\n')
    command.write("requirements.txt", "-i http://evil.example/simple/\n")
    assert TOKEN not in env(command, "--client", "pip").stdout


@pytest.mark.parametrize(
    "line",
    [
        "--extra-index-url https://pkgs.dev.azure.com/other/_packaging/f/pypi/simple/?a=b",
        "--extra-index-url https://pkgs.dev.azure.com/other/_packaging/f/pypi/simple/#x",
        "--extra-index-url http://pkgs.dev.azure.com/fabrikam/_packaging/f/pypi/simple/",
        "--extra-index-url https://pkgs.dev.azure.com:8443/fabrikam/_packaging/f/pypi/simple/",
        "--find-links https://pkgs.dev.azure.com/other/_packaging/f/pypi/download/",
        "x @ https://pkgs.dev.azure.com/other/_packaging/f/pypi/download/x/1/x-1.tar.gz",
    ],
)
def test_no_netrc_file_is_written_beside_a_stranger_on_the_same_host(command: Command, line: str) -> None:
    command.write("requirements.txt", f"--index-url {FEED}\n{line}\n")
    ended = command("run", "--via", "files", "--organization", "fabrikam", "--client", "pip", "--", "env")
    assert ended.returncode == 1
    assert "pkgs.dev.azure.com" in ended.stderr


def test_a_server_that_echoes_a_token_is_not_quoted_in_json(command: Command) -> None:
    with serving() as service:
        index = f"{service.url}/C/_packaging/f/pypi/simple/"
        for path in ("_packaging/f/pypi/simple/pip-authenticate-no-such-package/", "_apis/connectionData"):
            service.routes[f"GET /C/{path}"] = lambda _: ECHO
        for words in (("check", index, "--json"), ("whoami", index, "--json"), ("check", index)):
            ended = command(*words, "--organization", f"{service.url}/C")
            assert "no role for *** there" in ended.stdout
            assert TOKEN not in ended.stdout + ended.stderr


@pytest.mark.parametrize("client", ["netrc"])
def test_nothing_is_left_where_nobody_could_be_told(command: Command, tmp_path: Path, client: str) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    with Path("/dev/full").open("w") as full:
        ended = subprocess.run(
            [COMMAND, "env", FEED, "--client", client],
            env={**command.environ, "TMPDIR": str(temporary)},
            cwd=command.project,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
        )
    assert ended.returncode == 1
    assert "Traceback" not in ended.stderr
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize("words", [["--help"], ["completion", "bash"], ["config", "--json"]])
def test_a_full_output_is_no_traceback(command: Command, words: list[str]) -> None:
    with Path("/dev/full").open("w") as full:
        ended = subprocess.run(
            [COMMAND, *words], env=command.environ, cwd=command.project, stdout=full,
            stderr=subprocess.PIPE, text=True, timeout=60, check=False,
        )  # fmt: skip
    assert ended.returncode == 1
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize(
    "words",
    [
        ["config", "--organization", f"https://u:{TOKEN}@dev.azure.com/fabrikam"],
        ["config", "--json", "--indexes", f"https://u:{TOKEN}@h.example/simple"],
        ["env", f"--token={TOKEN}"],
        ["env", f"--tok={TOKEN}", FEED],
    ],
)
def test_no_argument_is_repeated_where_it_may_be_a_secret(command: Command, words: list[str]) -> None:
    ended = command(*words, PIP_AUTHENTICATE_TOKEN="")
    assert TOKEN not in ended.stdout + ended.stderr


def test_an_ordinary_user_name_is_no_mask(command: Command, tmp_path: Path) -> None:
    file = tmp_path / "github-env"
    file.touch()
    words = ("env", FEED, "--client", "twine", "--publish", "--output", "github")
    ended = command(*words, GITHUB_ENV=str(file))
    assert "::add-mask::build\n" not in ended.stdout
    assert f"::add-mask::{TOKEN}\n" in ended.stdout


def test_nothing_waits_for_a_pipe(command: Command, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    own = command.home / ".config" / "pip-authenticate"
    own.mkdir(parents=True)
    os.mkfifo(own / "pip-authenticate.toml")
    ended = command("run", FEED, "--client", "pip", "--", "true", NETRC=str(pipe))
    assert ended.returncode == 0


def test_a_thousand_indexes_are_no_burden(command: Command) -> None:
    feeds = "".join(uv_index(f"n{number}", FEED.replace("/f/", f"/f{number}/")) for number in range(1000))
    command.write("pyproject.toml", feeds)
    ended = env(command, "--client", "uv", "--organization", "fabrikam", "--timeout", "60")
    assert len(json.loads(ended.stdout)) == 2000
