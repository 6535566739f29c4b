"""The output `files`: one output among the others, whose files the real pip and the real uv work with."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from azure_devops_emulator import Organization, Service
from support import real_pip
from support.command import Command
from support.programs import Programs

ORGANIZATION = Path(__file__).parents[2] / "emulator" / "tests" / "data" / "organizations" / "contoso.toml"
TOKEN = "canary-olga"
HOLDERS = {"netrc", ".pypirc"}
"""The files that may hold the credential."""


@pytest.fixture
def server() -> Iterator[Service]:
    with Service(Organization.load(ORGANIZATION), on_premises=True) as service:
        yield service


@pytest.fixture
def command(tmp_path: Path, server: Service) -> Command:
    made = Command(tmp_path)
    for folder in (tmp_path, made.project, made.home):
        folder.chmod(0o700)
    made.environ |= {
        "PIP_AUTHENTICATE_ORGANIZATION": server.collection_uri,
        "PIP_AUTHENTICATE_TOKEN": TOKEN,
    }
    return made


def written(command: Command, *more: str) -> Path:
    """The folder, with two feeds of one organisation."""
    ended = command("env", "--output", "files", "--directory", "auth", *(more or ("shared", "deliveries")))
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout == ""
    assert TOKEN not in ended.stderr
    return command.project / "auth"


def texts(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text(encoding="utf-8") for path in folder.iterdir()}


def test_it_is_what_write_writes(command: Command) -> None:
    options = ("shared", "deliveries", "--client=pip", "--client=uv", "--client=twine", "--publish")
    by_output = texts(written(command, *options))
    assert command("forget", "auth").returncode == 0
    assert command("write", "auth", *options).returncode == 0
    assert texts(command.project / "auth") == by_output
    assert set(by_output) - {".pip-authenticate"} == {
        *HOLDERS, "pip.conf", "uv.toml", "variables.sh", "variables.env",
    }  # fmt: skip


def test_no_variable_and_no_file_of_addresses_holds_the_credential(command: Command) -> None:
    found = texts(written(command, "shared", "--client=pip", "--client=uv", "--client=twine", "--publish"))
    assert {name for name, text in found.items() if TOKEN in text} == HOLDERS


def test_variables_take_nothing_from_the_user(command: Command) -> None:
    """PIP_CONFIG_FILE would take the place of the user's file, UV_CONFIG_FILE that of the project's."""
    text = texts(written(command, "shared", "--client=pip", "--client=uv"))["variables.sh"]
    names = {line.partition("=")[0].removeprefix("export ") for line in text.splitlines()}
    assert names == {"NETRC", "PIP_INDEX_URL", "UV_DEFAULT_INDEX"}


@pytest.mark.parametrize("way", ["option", "variable"])
def test_the_folder_must_be_named(command: Command, way: str) -> None:
    options = ["--output", "files"] if way == "option" else []
    environ = {"PIP_AUTHENTICATE_OUTPUT": "files"} if way == "variable" else {}
    ended = command("env", "shared", *options, **environ)
    assert (ended.returncode, ended.stdout) == (1, "")
    (line,) = ended.stderr.splitlines()
    assert "--directory DIR" in line
    there = command("env", "shared", *options, **environ, PIP_AUTHENTICATE_DIRECTORY="auth")
    assert there.returncode == 0, there.stderr
    assert (command.project / "auth" / "netrc").is_file()


def test_what_the_variables_cannot_carry_is_refused_before_anything_is_written(command: Command) -> None:
    folder = command.project / "it's"
    ended = command("write", str(folder), "shared")
    assert ended.returncode == 1
    assert not folder.exists()


# ---- the programs -----------------------------------------------------------------------------------


def test_pip_works_with_the_configuration_and_the_netrc(command: Command, tmp_path: Path) -> None:
    folder, got = written(command, "shared", "deliveries", "--client=pip"), tmp_path / "got"
    got.mkdir()
    places = {"PIP_CONFIG_FILE": str(folder / "pip.conf"), "NETRC": str(folder / "netrc")}
    ended = real_pip.download(got, places, "Shared", "Delivered")
    assert ended.returncode == 0, ended.stderr
    assert real_pip.downloaded(got) == ["Delivered-1.2.0", "Shared-1.1.0"]
    listed = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"],
        env={"PATH": command.environ["PATH"], "HOME": str(tmp_path), **places},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert "global.index-url" in listed.stdout
    assert "global.extra-index-url" in listed.stdout
    assert TOKEN not in listed.stdout


def test_pip_works_with_what_it_was_told_by_its_own_files(command: Command, tmp_path: Path) -> None:
    """The configuration takes the place of the user's, so that it holds what that names, too."""
    url = f"{command.environ['PIP_AUTHENTICATE_ORGANIZATION']}_packaging/{{}}/pypi/simple/"
    command.write("requirements.txt", f"-i {url.format('shared')}\nShared\n")
    folder, got = written(command, "--client=pip"), tmp_path / "got"
    got.mkdir()
    assert "INDEX_URL" not in texts(folder)["variables.sh"]
    places = {"PIP_CONFIG_FILE": str(folder / "pip.conf"), "NETRC": str(folder / "netrc")}
    ended = real_pip.download(got, places, "Shared")
    assert ended.returncode == 0, ended.stderr


@pytest.mark.slow
@pytest.mark.parametrize("way", ["file", "variables"])
def test_uv_works_with_the_configuration_and_the_netrc(
    command: Command, programs: Programs, tmp_path: Path, way: str
) -> None:
    folder, project = written(command, "shared", "deliveries", "--client=uv"), tmp_path / "sample"
    project.mkdir()
    places = {"UV_CONFIG_FILE": str(folder / "uv.toml"), "NETRC": str(folder / "netrc")}
    if way == "variables":
        lines = [line.partition("=") for line in texts(folder)["variables.env"].splitlines()]
        places = {name: value.strip("'") for name, _, value in lines}
    (project / "in").write_text("Shared\nDelivered\n", encoding="utf-8")
    ended = programs.run(project, places, "uv", "pip", "compile", "in", "--emit-index-url", "--no-header")
    assert ended.returncode == 0, ended.stderr
    assert "shared==1.1.0" in ended.stdout
    assert "delivered==1.2.0" in ended.stdout
    assert TOKEN not in ended.stdout + ended.stderr


@pytest.mark.slow
def test_the_projects_own_configuration_of_uv_counts_beside_the_variables(
    command: Command, programs: Programs, tmp_path: Path
) -> None:
    """And does not beside UV_CONFIG_FILE, which is why no variable of ours is that."""
    folder, project = written(command, "shared", "--client=uv"), tmp_path / "sample"
    project.mkdir()
    (project / "uv.toml").write_text('exclude-newer = "2001-01-01"\n', encoding="utf-8")
    (project / "in").write_text("Shared\n", encoding="utf-8")
    lines = [line.partition("=") for line in texts(folder)["variables.env"].splitlines()]
    by_variables = {name: value.strip("'") for name, _, value in lines}
    by_file = {"UV_CONFIG_FILE": str(folder / "uv.toml"), "NETRC": str(folder / "netrc")}
    compiled = [
        programs.run(project, places, "uv", "pip", "compile", "in").returncode == 0
        for places in (by_variables, by_file)
    ]
    assert compiled == [False, True]
