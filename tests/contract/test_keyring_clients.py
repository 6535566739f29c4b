"""Every client for real with the keyring back end: what each asks for, with a user name and without.

The table of the documentation's page on keyring is what these tests say.
"""

import os
import subprocess
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from azure_devops_emulator import Organization, Record, Service
from support.keyrings import Keyrings, run

pytestmark = pytest.mark.slow

TOKEN = "canary-token-of-ada"
ORGANIZATION = f"""
[organization]
name = "fabrikam"
[[feeds]]
name = "one"
packages = ["AlphaPackage==1.0.0"]
[feeds.roles]
"Ada Palmer" = "Feed Owner"
[[identities]]
name = "Ada Palmer"
[[identities.tokens]]
label = "Ada's"
value = "{TOKEN}"
scopes = ["app_token"]
"""


class Place(NamedTuple):
    """A project's folder, and an organisation with a feed that the user's settings list."""

    folder: Path
    service: Service
    keyrings: Keyrings

    @property
    def env(self) -> dict[str, str]:
        """What a person sets once."""
        return {
            "PIP_AUTHENTICATE_TOKEN": TOKEN,
            "PIP_AUTHENTICATE_INDEXES": self.service.resolve("{feed:one}"),
        }

    def index_url(self, user: str) -> str:
        """The index as a project names it."""
        return with_user(self.service.resolve("{feed:one}"), user)

    def upload(self, user: str) -> str:
        """Where packages are published to."""
        return self.index_url(user).replace("/simple/", "/upload/")

    def run(self, path: list[Path], *command: str, **env: str) -> "tuple[bool, str]":
        """Whether a program did its work, and what it wrote; no token may be among that."""
        ended = run(self.folder, path, {**self.env, **env}, *command)
        shown = ended.stdout + ended.stderr
        assert TOKEN not in shown
        assert "Traceback" not in shown
        return ended.returncode == 0, shown

    def write(self, *lines: str) -> None:
        """Write the project's file."""
        head = ("[project]", 'name = "sample"', 'version = "1"', 'requires-python = ">=3.10"')
        text = "\n".join((*head, *lines, ""))
        (self.folder / "pyproject.toml").write_text(text, encoding="utf-8")

    def wheel(self) -> str:
        """The path of a build of the project."""
        file = self.folder / "dist" / "sample-1-py3-none-any.whl"
        file.parent.mkdir()
        with zipfile.ZipFile(file, "w") as archive:
            about = "Metadata-Version: 2.1\nName: sample\nVersion: 1\n"
            tags = "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
            for name, text in {"METADATA": about, "WHEEL": tags, "RECORD": ""}.items():
                archive.writestr(f"sample-1.dist-info/{name}", text)
        return str(file)

    def served(self) -> list[Record]:
        """What was given to whom the token is of."""
        return [record for record in self.service.log if record.identity == "Ada Palmer"]


def with_user(url: str, user: str) -> str:
    return url.replace("://", f"://{user}@") if user else url


@pytest.fixture
def place(tmp_path: Path, keyrings: Keyrings) -> Iterator[Place]:
    with Service(Organization.parse(ORGANIZATION)) as service:
        yield Place(tmp_path, service, keyrings)


USERS = ["", "ada"]
PACKAGE = 'dependencies = ["AlphaPackage"]'


def pip(place: Place, python: Path, path: list[Path], user: str, **env: str) -> tuple[bool, str]:
    command = ("-m", "pip", "download", "--no-deps", "--dest", "here", "--index-url", place.index_url(user))
    return place.run(path, str(python), *command, "AlphaPackage", **env)


@pytest.mark.parametrize("user", USERS)
@pytest.mark.parametrize("provider", ["auto", "import"])
def test_pip_imports_it(place: Place, user: str, provider: str) -> None:
    python = place.keyrings.with_ours("pip") / "python"
    done, shown = pip(place, python, [], user, PIP_KEYRING_PROVIDER=provider)
    assert done, shown
    assert place.served()


@pytest.mark.parametrize("user", USERS)
@pytest.mark.parametrize("provider", ["auto", "subprocess"])
def test_pip_starts_it(place: Place, user: str, provider: str) -> None:
    python = place.keyrings.environment("pip", "pip") / "python"
    done, shown = pip(place, python, [place.keyrings.beside], user, PIP_KEYRING_PROVIDER=provider)
    assert done, shown
    assert place.served()


@pytest.mark.parametrize("user", USERS)
def test_an_older_pip_starts_it_for_addresses_with_a_user_name(place: Place, user: str) -> None:
    python = place.keyrings.environment("older-pip", "pip==25.3") / "python"
    env = {"PIP_KEYRING_PROVIDER": "subprocess", "PIP_NO_INPUT": "1"}
    done, shown = pip(place, python, [place.keyrings.beside], user, **env)
    assert (done, bool(place.served())) == (bool(user), bool(user)), shown


@pytest.mark.parametrize("user", USERS)
def test_uv_starts_it_for_addresses_with_a_user_name(place: Place, user: str) -> None:
    uv = place.keyrings.environment("uv", "uv")
    command = ("uv", "pip", "install", "--target", "here", "--default-index", place.index_url(user))
    env = {"UV_KEYRING_PROVIDER": "subprocess"}
    done, shown = place.run([uv, place.keyrings.beside], *command, "AlphaPackage", **env)
    assert (done, bool(place.served())) == (bool(user), bool(user)), shown


@pytest.mark.parametrize("user", USERS)
def test_uv_starts_it_for_an_index_that_always_needs_a_credential(place: Place, user: str) -> None:
    uv = place.keyrings.environment("uv", "uv")
    index = ("[[tool.uv.index]]", 'name = "feed"', f'url = "{place.index_url(user)}"', "default = true")
    place.write(PACKAGE, *index, 'authenticate = "always"')
    env = {"UV_KEYRING_PROVIDER": "subprocess"}
    done, shown = place.run([uv, place.keyrings.beside], "uv", "sync", **env)
    assert done, shown
    assert place.served()


@pytest.mark.parametrize("user", USERS)
def test_poetry_asks_it_for_addresses_without_a_user_name(place: Place, user: str) -> None:
    poetry = place.keyrings.with_ours("poetry")
    source = ("[tool.poetry]", "packages = []", "[[tool.poetry.source]]", 'name = "feed"')
    place.write(PACKAGE, *source, f'url = "{place.index_url(user)}"')
    done, shown = place.run([poetry], "poetry", "install", "--no-root")
    assert (done, bool(place.served())) == (not user, not user), shown


@pytest.mark.parametrize("user", USERS)
def test_pdm_asks_it(place: Place, user: str) -> None:
    pdm = place.keyrings.with_ours("pdm")
    place.write(PACKAGE, "[[tool.pdm.source]]", 'name = "pypi"', f'url = "{place.index_url(user)}"')
    done, shown = place.run([pdm], "pdm", "install", "--no-self")
    assert done, shown
    assert place.served()


@pytest.mark.parametrize("user", USERS)
def test_pipx_has_its_pip_start_it(place: Place, user: str) -> None:
    """Pipx itself names the provider for its pip."""
    pipx = place.keyrings.environment("pipx", "pipx")
    home = {"PIPX_HOME": str(pipx.parent / "pipx-home"), "PIPX_BIN_DIR": str(pipx.parent / "apps")}
    made = [str(pipx / "pipx"), "install", "--quiet", "pycowsay"]
    subprocess.run(made, env={**os.environ, **home}, capture_output=True, timeout=180, check=True)
    command = ("pipx", "runpip", "pycowsay", "download", "--no-deps", "--dest", "here")
    index = ("--index-url", place.index_url(user))
    done, shown = place.run([pipx, place.keyrings.beside], *command, *index, "AlphaPackage", **home)
    assert done, shown
    assert place.served()


PUBLISHERS = {
    "uv": ("uv", "publish", "--publish-url", "{upload}", "{wheel}"),
    "uv as ada": ("uv", "publish", "--username", "ada", "--publish-url", "{upload}", "{wheel}"),
    "twine": (
        "twine",
        "upload",
        "--disable-progress-bar",
        "--non-interactive",
        "--repository-url",
        "{upload}",
        "{wheel}",
    ),
    "twine as ada": (
        "twine",
        "upload",
        "--disable-progress-bar",
        "--non-interactive",
        "-u",
        "ada",
        "--repository-url",
        "{upload}",
        "{wheel}",
    ),
    "hatch": ("hatch", "publish", "--no-prompt", "--repo", "{upload}", "{wheel}"),
    "hatch as ada": ("hatch", "publish", "--no-prompt", "--user", "ada", "--repo", "{upload}", "{wheel}"),
    "poetry": ("poetry", "publish", "--repository", "feed"),
    "pdm": ("pdm", "publish", "--no-build", "--repository", "{upload}"),
    "pdm as ada": ("pdm", "publish", "--no-build", "--username", "ada", "--repository", "{upload}"),
}
NEED_A_USER = {"uv", "hatch"}


@pytest.mark.parametrize("name", PUBLISHERS)
def test_publishing(place: Place, name: str) -> None:
    place.write()
    values = {"upload": place.upload(""), "wheel": place.wheel()}
    program, *arguments = (word.format(**values) for word in PUBLISHERS[name])
    path = (
        [place.keyrings.environment("uv", "uv"), place.keyrings.beside]
        if program == "uv"
        else [place.keyrings.with_ours(program)]
    )
    env = {"UV_KEYRING_PROVIDER": "subprocess", "POETRY_REPOSITORIES_FEED_URL": place.upload("")}
    done, shown = place.run(path, program, *arguments, **env)
    posted = [record.status for record in place.served() if record.method == "POST"]
    assert (done, posted) == ((False, []) if name in NEED_A_USER else (True, [200])), shown
