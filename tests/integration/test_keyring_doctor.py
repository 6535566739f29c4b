"""What check says of keyring: each mistake that people make, in a set-up that has it, with what mends it."""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from azure_devops_emulator import Organization, Service
from pip_authenticate.deadline import Deadline
from pip_authenticate.index import IndexUrl
from pip_authenticate.keyring_doctor import Doctor
from pip_authenticate.project import Project
from support.command import Command
from support.keyrings import Keyrings

pytestmark = pytest.mark.slow

ORGANIZATION = Path(__file__).parents[2] / "emulator" / "tests" / "data" / "organizations" / "contoso.toml"
TOKEN = "canary-olga"
OURS = "pip_authenticate.keyring_backend.Keyring"


@pytest.fixture
def server() -> Iterator[Service]:
    with Service(Organization.load(ORGANIZATION), on_premises=True) as service:
        yield service


class Desk:
    """A person's machine.

    Args:
        folder: an empty one.
        server: the organisation.
        keyrings: makes environments.
    """

    def __init__(self, folder: Path, server: Service, keyrings: Keyrings) -> None:
        self.command = Command(folder)
        self.keyrings = keyrings
        self.url = f"{server.collection_uri}_packaging/shared/pypi/simple/"
        self.host = self.url.split("/")[2]
        self.with_user = self.url.replace("://", "://VssSessionToken@")
        self.env = {"PIP_AUTHENTICATE_TOKEN": TOKEN, "PIP_AUTHENTICATE_ORGANIZATION": server.collection_uri}

    def project(self, table: str, url: str, *lines: str) -> None:
        """A project that names the index in a table of its file."""
        text = "\n".join((f"[[{table}]]", 'name = "feed"', f'url = "{url}"', *lines, ""))
        self.command.write("pyproject.toml", text)

    def pip(self, url: str) -> None:
        """A project for pip."""
        self.command.write("requirements.txt", f"--index-url {url}\n")

    def said(self, path: list[Path], **env: str) -> list[str]:
        """What check says of keyring, good things left out."""
        self.command.environ["PATH"] = os.pathsep.join((*map(str, path), os.defpath))
        ended = self.command("check", "--json", **self.env, **env)
        assert TOKEN not in ended.stdout + ended.stderr
        rows = json.loads(ended.stdout)
        assert len(rows) > 0, ended.stderr
        return [
            f"{row['subject']}: {row['text']}"
            for row in rows
            if "keyring" in row["subject"] and row["grade"] != "good"
        ]


@pytest.fixture
def desk(tmp_path: Path, server: Service, keyrings: Keyrings) -> Desk:
    return Desk(tmp_path, server, keyrings)


def only(said: list[str]) -> str:
    (line,) = said
    return line


STARTED = {"PIP_KEYRING_PROVIDER": "subprocess"}
IN_UV = {"UV_KEYRING_PROVIDER": "subprocess"}


def test_a_good_set_up_has_nothing_wrong(desk: Desk) -> None:
    pip = desk.keyrings.environment("pip", "pip")
    desk.pip(desk.url)
    assert desk.said([pip, desk.keyrings.beside], **STARTED) == []
    desk.project("tool.uv.index", desk.with_user)
    assert desk.said([pip, desk.keyrings.beside], **IN_UV) == []


def test_nothing_is_said_where_nobody_uses_it(desk: Desk) -> None:
    desk.project("tool.uv.index", desk.url)
    assert desk.said([desk.keyrings.environment("pip", "pip")]) == []


@pytest.mark.parametrize("chosen", ["", "keyring.backends.null.Keyring"])
def test_a_keyring_that_another_program_brought_along_is_no_mistake(desk: Desk, chosen: str) -> None:
    desk.pip(desk.url)
    place = desk.keyrings.environment("poetry", "poetry", "keyring")
    assert desk.said([place], **({"PYTHON_KEYRING_BACKEND": chosen} if chosen else {})) == []


# ---- 1: where it is installed ----------------------------------------------------------------------


def test_pip_starts_no_keyring_of_its_own_environment(desk: Desk) -> None:
    desk.pip(desk.url)
    line = only(desk.said([desk.keyrings.with_ours("pip")], **STARTED))
    assert "outside of its own environment" in line
    assert "uv tool install keyring --with 'pip-authenticate[keyring]'" in line


def test_pip_imports_no_keyring_of_another_environment(desk: Desk) -> None:
    desk.pip(desk.url)
    path = [desk.keyrings.environment("pip", "pip"), desk.keyrings.beside]
    line = only(desk.said(path, PIP_KEYRING_PROVIDER="import"))
    assert "not in its own environment" in line
    assert "pip install 'pip-authenticate[keyring]'" in line


def test_a_keyring_without_us_stands_before_one_with_us(desk: Desk) -> None:
    bare = desk.keyrings.environment("bare", "keyring")
    desk.project("tool.uv.index", desk.with_user)
    line = only(desk.said([bare, desk.keyrings.beside], **IN_UV))
    assert f"{bare / 'keyring'} has no back end of pip-authenticate" in line


@pytest.mark.parametrize("program", ["poetry", "pdm"])
def test_a_program_has_none_in_its_own_environment(desk: Desk, program: str) -> None:
    desk.project(f"tool.{program}.source", desk.url)
    place = desk.keyrings.only(desk.keyrings.environment(program, program, "keyring") / program)
    line = only(desk.said([place, desk.keyrings.beside]))
    assert f"{program} self add 'pip-authenticate[keyring]'" in line


def test_the_public_index_has_what_a_feed_that_needs_it_cannot_give(desk: Desk) -> None:
    """8, its second half: the plug-in is behind the feed that it is to open."""
    desk.pip(desk.url)
    line = only(desk.said([desk.keyrings.environment("pip", "pip")], PIP_KEYRING_PROVIDER="import"))
    assert line.endswith("--index-url https://pypi.org/simple/")


# ---- 2: user names ---------------------------------------------------------------------------------


def test_uv_needs_a_user_name(desk: Desk) -> None:
    desk.project("tool.uv.index", desk.url)
    path = [desk.keyrings.beside]
    assert "UV_INDEX_FEED_USERNAME=VssSessionToken" in only(desk.said(path, **IN_UV))
    assert desk.said(path, **IN_UV, UV_INDEX_FEED_USERNAME="VssSessionToken") == []
    desk.project("tool.uv.index", desk.url, 'authenticate = "always"')
    assert desk.said(path, **IN_UV) == []


def test_an_older_pip_needs_a_user_name(desk: Desk) -> None:
    path = [desk.keyrings.environment("older-pip", "pip==25.3"), desk.keyrings.beside]
    desk.pip(desk.url)
    line = only(desk.said(path, **STARTED))
    assert f"write VssSessionToken@{desk.host} in " in line
    desk.pip(desk.with_user)
    assert desk.said(path, **STARTED) == []


def test_poetry_needs_none(desk: Desk) -> None:
    path = [desk.keyrings.only(desk.keyrings.with_ours("poetry") / "poetry"), desk.keyrings.beside]
    desk.project("tool.poetry.source", desk.with_user)
    assert f"write {desk.url} in " in only(desk.said(path))
    desk.project("tool.poetry.source", desk.url)
    assert desk.said(path) == []


# ---- 3: providers ----------------------------------------------------------------------------------


def test_uv_knows_one_provider(desk: Desk) -> None:
    desk.project("tool.uv.index", desk.with_user)
    line = only(desk.said([desk.keyrings.beside], UV_KEYRING_PROVIDER="import"))
    assert "UV_KEYRING_PROVIDER must say subprocess" in line


def test_uv_s_own_file_names_one_that_it_does_not_know(desk: Desk) -> None:
    desk.project("tool.uv.index", desk.with_user, "[tool.uv]", 'keyring-provider = "import"')
    assert "pyproject.toml must say subprocess" in only(desk.said([]))


def test_pip_asks_none_without_input(desk: Desk) -> None:
    desk.pip(desk.url)
    path = [desk.keyrings.environment("pip", "pip"), desk.keyrings.beside]
    line = only(desk.said(path, PIP_NO_INPUT="1"))
    assert "pip config set global.keyring-provider subprocess" in line


# ---- 4: a user name that another back end insists on -----------------------------------------------


def test_artifacts_keyring_insists_on_a_user_name(desk: Desk) -> None:
    theirs = desk.keyrings.environment("theirs", "artifacts-keyring")
    desk.project("tool.uv.index", desk.url.replace("://", "://ada@"))
    first, second = desk.said([theirs], **IN_UV)
    assert "has no back end of pip-authenticate" in first
    assert f"write VssSessionToken@{desk.host} in " in second


# ---- 5: choices that switch it off, and old versions -----------------------------------------------


def test_a_variable_switches_it_off(desk: Desk) -> None:
    desk.project("tool.uv.index", desk.with_user)
    env = {**IN_UV, "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring"}
    line = only(desk.said([desk.keyrings.beside], **env))
    assert "PYTHON_KEYRING_BACKEND chooses another back end" in line
    assert OURS in line


def test_keyring_s_own_file_switches_it_off(desk: Desk) -> None:
    file = desk.command.home / ".config" / "python_keyring" / "keyringrc.cfg"
    file.parent.mkdir(parents=True)
    file.write_text("[backend]\ndefault-keyring = keyring.backends.null.Keyring\n", encoding="utf-8")
    desk.project("tool.uv.index", desk.with_user)
    line = only(desk.said([desk.keyrings.beside], **IN_UV))
    assert f"{file} chooses another back end" in line


def test_an_old_keyring_does_not_know_what_pip_says(desk: Desk) -> None:
    old = desk.keyrings.environment("old-keyring", desk.keyrings.ours)
    install = [str(old / "python"), "-m", "pip", "install", "--quiet", "keyring==25.2.0"]
    subprocess.run(install, timeout=300, check=True)
    desk.pip(desk.url)
    path = [desk.keyrings.environment("pip", "pip"), desk.keyrings.only(old / "keyring")]
    assert "need keyring 25.2.1 or newer" in only(desk.said(path, **STARTED))


# ---- 6 to 9 ----------------------------------------------------------------------------------------


def test_a_vault_has_an_entry_for_the_same_host(desk: Desk) -> None:
    bin_folder = desk.keyrings.environment("vault", desk.keyrings.ours, "keyrings.alt")
    desk.project("tool.uv.index", desk.with_user)
    path = [desk.keyrings.only(bin_folder / "keyring")]
    assert desk.said(path, **IN_UV) == []
    subprocess.run(
        [path[0] / "keyring", "set", desk.host, "VssSessionToken"],
        env=desk.command.environ,
        input="canary-old-password\n",
        text=True,
        timeout=60,
        check=True,
    )
    line = only(desk.said(path, **IN_UV))
    assert f"keyring del {desk.host}" in line
    assert "canary-old-password" not in line


def test_a_keyring_that_waits_for_a_desktop_is_not_waited_for(desk: Desk) -> None:
    folder = desk.command.home / "bin"
    folder.mkdir()
    (folder / "keyring").write_text("#!/bin/sh\nexec sleep 300\n", encoding="utf-8")
    (folder / "keyring").chmod(0o700)
    desk.project("tool.uv.index", desk.with_user)
    line = only(desk.said([folder], **IN_UV))
    assert f"PYTHON_KEYRING_BACKEND={OURS}" in line


def test_a_host_that_nobody_listed_is_named(desk: Desk) -> None:
    desk.pip(desk.url)
    strange = "https://devops.example/tfs/Other/_packaging/f/pypi/simple/"
    desk.command.write("requirements-dev.txt", f"--extra-index-url {strange}\n")
    path = [desk.keyrings.environment("pip", "pip"), desk.keyrings.beside]
    assert f"PIP_AUTHENTICATE_INDEXES={strange}" in only(desk.said(path, **STARTED))


# ---- what no client can do -------------------------------------------------------------------------


@pytest.mark.parametrize(("client", "grade"), [("uv", "bad"), ("pip", "limited")])
def test_organisations_on_one_host_are_told(desk: Desk, client: str, grade: str) -> None:
    urls = [
        f"https://pkgs.dev.azure.com/{name}/_packaging/f/pypi/simple/" for name in ("contoso", "northwind")
    ]
    path = [desk.keyrings.environment("pip", "pip"), desk.keyrings.beside]
    environ = {
        **desk.command.environ,
        **STARTED,
        **IN_UV,
        "PATH": os.pathsep.join((*map(str, path), os.defpath)),
    }
    indexes = [IndexUrl.parse(url)[0] for url in urls]
    found = Doctor(environ, Project(), indexes, (client,), Deadline()).findings()
    (one,) = [one for one in found if "share the host" in one.text]
    assert (one.subject, one.grade) == (client, grade)
    for name in ("contoso", "northwind"):
        assert f"https://{name}.pkgs.visualstudio.com/_packaging/f/pypi/simple/" in one.text
