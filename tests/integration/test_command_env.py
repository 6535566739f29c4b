"""The command env: settings for what runs next."""

import subprocess
from pathlib import Path

import pytest

from support import nasty
from support.command import Command

INDEX = "https://h.example/simple/"


@pytest.fixture
def command(tmp_path: Path) -> Command:
    return Command(tmp_path)


def values(script: str, *names: str) -> list[str]:
    """What a shell has in its variables after a script."""
    shown = " ".join(f'"${{{name}-unset}}"' for name in names)
    ended = subprocess.run(
        ["sh", "-c", f"{script}\nprintf '%s\\0' {shown}"], capture_output=True, check=True, timeout=30, env={}
    )
    return ended.stdout.decode("utf-8", "surrogateescape").split("\0")[:-1]


def test_a_shell_takes_the_settings(command: Command) -> None:
    token = nasty.PASSWORD.strip()
    ended = command("env", INDEX, "--client", "pip", "--output", "sh", PIP_AUTHENTICATE_TOKEN=token)
    assert ended.returncode == 0, ended.stderr
    (url,) = values(ended.stdout, "PIP_INDEX_URL")
    assert url.startswith("https://build:")
    assert url.endswith("@h.example/simple/")
    assert token not in ended.stderr


def test_a_feed_needs_an_organization_and_no_request(command: Command) -> None:
    ended = command(
        "env", "project1/my feed@view".replace(" ", "-"), "--organization", "fabrikam", "--client", "pip",
        PIP_AUTHENTICATE_TOKEN="t",
    )  # fmt: skip
    assert values(ended.stdout, "PIP_INDEX_URL") == [
        "https://build:t@pkgs.dev.azure.com/fabrikam/project1/_packaging/my-feed%40view/pypi/simple/"
    ]


def test_the_pipelines_own_token_opens_its_own_organization_only(command: Command) -> None:
    pipeline = {
        "SYSTEM_ACCESSTOKEN": "canary",
        "SYSTEM_COLLECTIONURI": "https://dev.azure.com/fabrikam/",
        "TF_BUILD": "",
    }
    own = command("env", "feed", "--client", "pip", **pipeline)
    assert "https://build:canary@pkgs.dev.azure.com/fabrikam/" in own.stdout
    foreign = "https://pkgs.dev.azure.com/other/_packaging/f/pypi/simple/"
    refused = command("env", foreign, "--client", "pip", **pipeline)
    assert refused.returncode == 1
    assert "other" in refused.stderr
    assert refused.stdout == ""


@pytest.mark.parametrize(
    "address", ["http://127.0.0.1:9/o/", "https://evil.example/o/", "http://evil.example/"]
)
def test_no_variable_makes_another_host_the_pipelines_own(command: Command, address: str) -> None:
    ended = command(
        "env", f"{address}_packaging/f/pypi/simple/", "--client", "pip",
        SYSTEM_ACCESSTOKEN="canary", SYSTEM_COLLECTIONURI=address,
    )  # fmt: skip
    assert ended.returncode == 1
    assert "canary" not in ended.stdout + ended.stderr


def test_a_token_of_one_organization_is_not_given_to_what_a_project_names_in_another(
    command: Command,
) -> None:
    lines = [
        f"--extra-index-url https://pkgs.dev.azure.com/{name}/_packaging/f/pypi/simple/\n"
        for name in ("one", "two")
    ]
    command.write("requirements.txt", "".join(lines))
    both = command("env", "--client", "pip", PIP_AUTHENTICATE_TOKEN="canary")
    assert "canary" not in both.stdout
    assert both.stderr.count("warning") == 2
    one = command("env", "--client", "pip", "--organization", "one", PIP_AUTHENTICATE_TOKEN="canary")
    assert "/one/" in one.stdout
    assert "/two/" not in one.stdout
    assert "two" in one.stderr


@pytest.mark.parametrize("via", ["files", "env"])
def test_no_client_that_knows_hosts_only_is_given_a_token_beside_another_organization(
    command: Command, via: str
) -> None:
    indexes = [
        f'[[tool.uv.index]]\nname = "{name}"\nurl = "https://pkgs.dev.azure.com/{name}/_packaging/f/pypi/simple/"\n'
        for name in ("one", "two")
    ]
    command.write("pyproject.toml", "".join(indexes))
    words = ("run", "--client", "uv", "--organization", "one", "--via", via, "--", "env")
    ended = command(*words, PIP_AUTHENTICATE_TOKEN="canary")
    assert ended.returncode == 1
    assert "/two/" in ended.stderr
    assert "canary" not in ended.stdout + ended.stderr


def test_who_has_credentials_sent_elsewhere_is_told(command: Command) -> None:
    command.write("requirements.txt", f"-i {INDEX}\n")
    command.write("pyproject.toml", f'[tool.pip-authenticate]\nindexes = ["{INDEX}"]\n')
    ended = command("env", "--client", "pip", PIP_AUTHENTICATE_TOKEN="t")
    assert "t@h.example" in ended.stdout
    assert "h.example" in ended.stderr
    assert "pyproject.toml" in ended.stderr


def test_what_was_not_written_for_this_is_not_given_a_credential(command: Command) -> None:
    command.write("requirements.txt", f"-i {INDEX}\n")
    ended = command("env", "--client", "pip", PIP_AUTHENTICATE_TOKEN="canary")
    assert ended.returncode == 0
    assert "canary" not in ended.stdout


@pytest.mark.parametrize("name", ["bash", "zsh", "fish"])
def test_completion_is_a_script(command: Command, name: str) -> None:
    ended = command("completion", name)
    assert ended.returncode == 0
    assert "check" in ended.stdout
    assert "--organization" in ended.stdout or "-l organization" in ended.stdout


def test_bash_completes_commands_options_and_values(command: Command) -> None:
    script = command("completion", "bash").stdout
    for words, expected in (
        (["che"], "check"),
        (["env", "--organi"], "--organization"),
        (["env", "--client", "pi"], "pip"),
    ):
        line = " ".join(f'"{word}"' for word in ["pip-authenticate", *words])
        asked = f"{script}\nCOMP_WORDS=({line}); COMP_CWORD={len(words)}; _pip_authenticate"
        asked += "; echo ${COMPREPLY[*]}"
        ended = subprocess.run(["bash", "-c", asked], capture_output=True, text=True, check=True, timeout=30)
        assert expected in ended.stdout.split()
