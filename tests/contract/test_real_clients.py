"""Every client for real: its newest version installs from an emulated organisation, and publishes to it."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, Protocol
from urllib.parse import quote

import pytest

from azure_devops_emulator import Organization, Record, Service
from pip_authenticate.azure.forms import upload_address
from pip_authenticate.client_settings import ClientSettings, Wish
from pip_authenticate.clients import hatch, pdm, pipenv, poetry, twine, uv
from pip_authenticate.index import AuthenticatedIndex, Credential, IndexUrl
from pip_authenticate.secret import Secret
from support import nasty, wheels
from support.programs import Programs, applied

pytestmark = pytest.mark.slow

USER = "depot user@example.test"


class Place(NamedTuple):
    """An organisation with a feed, and a private index on another host.

    Args:
        service: serves both.
        indexes: the feed, and the other one.
    """

    service: Service
    indexes: list[AuthenticatedIndex]

    @property
    def secrets(self) -> set[str]:
        """The secrets, raw and percent-encoded."""
        raw = {index.credential.secret.reveal() for index in self.indexes}
        return raw | {quote(secret, safe="") for secret in raw}

    def asked(self) -> list[Record]:
        """The requests since the last question."""
        found = list(self.service.log)
        self.service.log.clear()
        return found


@contextmanager
def place(password: str, *, is_apart: bool = False) -> Iterator[Place]:
    """Two feeds that a password opens.

    Args:
        password: opens both.
        is_apart: whether the second index is no feed, but one of another host, with a user name of traps.
            (Not for netrc files: the host of the organisation's blobs is the same, and wants no credential.)
    """
    written = json.dumps(password, ensure_ascii=False)
    text = f"""
[organization]
name = "fabrikam"
[[projects]]
name = "alpha"
[[feeds]]
name = "one"
packages = ["AlphaPackage==1.0.0"]
[feeds.roles]
"Ada Palmer" = "Feed Owner"
[[feeds]]
name = "two"
packages = ["DepotPackage==2.0.0"]
[feeds.roles]
"Ada Palmer" = "Feed Owner"
[[identities]]
name = "Ada Palmer"
[[identities.tokens]]
label = "Ada's"
value = {written}
scopes = ["app_token"]
[[private_indexes]]
name = "depot"
user = {json.dumps(USER)}
password = {written}
packages = ["DepotPackage==2.0.0"]
"""
    with Service(Organization.parse(text)) as service:
        depot = service.resolve("{private:depot}").replace("127.0.0.1", "localhost")
        urls = (service.resolve("{feed:one}"), depot if is_apart else service.resolve("{feed:two}"))
        first, second = (IndexUrl.parse(url)[0] for url in urls)
        token = Credential("build", Secret(password))
        login = Credential(USER, Secret(password)) if is_apart else token
        yield Place(
            service,
            [
                AuthenticatedIndex(first, token, "feed one", upload=upload_address(first)),
                AuthenticatedIndex(second, login, "the other one"),
            ],
        )


def project(*lines: str) -> str:
    """A pyproject.toml that needs both packages."""
    head = ("[project]", 'name = "sample"', 'version = "1"', 'requires-python = ">=3.10"')
    return "\n".join((*head, 'dependencies = ["AlphaPackage", "DepotPackage"]', *lines, ""))


class RealClient:
    """The contract; a subclass names its client.

    Attributes:
        name: of the client.
        password: the worst that it takes in variables.
        variables_only: whether indexes are named or not, where variables are all that it is told.
        lock: the file that it locks into, or empty.
        lock_has_addresses: whether indexes are named in there.
        is_told: whether a job's variables tell it of the first index.
        install: the command.
    """

    name: str
    client: Any
    password = nasty.TOKEN
    variables_only: tuple[bool, ...] = ()
    lock = ""
    lock_has_addresses = True
    is_told = True
    install: tuple[str, ...]

    def told(self, one: Place, wish: Wish, *, is_named: bool = False) -> ClientSettings:
        indexes = [
            index._replace(names=((self.name, name),) if is_named else ())
            for index, name in zip(one.indexes, ("my-feed", "depot"), strict=True)
        ]
        found: ClientSettings = self.client.settings_for(indexes, wish)
        return found

    def lay_out(self, folder: Path, urls: list[str], *, is_named: bool) -> None:
        """Write the project's files."""
        raise NotImplementedError

    def folder(self, tmp_path: Path, name: str, one: Place, *, is_named: bool) -> Path:
        folder = tmp_path / name
        folder.mkdir()
        self.lay_out(folder, [str(index.url) for index in one.indexes], is_named=is_named)
        return folder

    def installed(self, folder: Path) -> set[str]:
        return {
            file.name.split("-")[0].lower()
            for file in folder.rglob("*.dist-info")
            if file.name.lower().startswith(("alpha", "depot"))
        }

    def check_install(
        self, programs: Programs, one: Place, tmp_path: Path, wish: Wish, *, is_named: bool
    ) -> dict[str, str]:
        """Install, look at what was left behind, erase, and see that nothing opens the indexes any more."""
        folder = self.folder(
            tmp_path, "first", one, is_named=is_named or not (wish.can_unset or self.is_told)
        )
        private = tmp_path / "private"
        private.mkdir()
        env = applied(self.told(one, wish, is_named=is_named), private)
        ended = programs.run(folder, env, *self.install)
        assert ended.returncode == 0, ended.stdout + ended.stderr
        assert self.installed(folder) == {"alphapackage", "depotpackage"}
        assert not any(secret in ended.stdout + ended.stderr for secret in one.secrets)
        self.check_left(folder, one)
        one.asked()
        self.check_erased(programs, one, tmp_path, env, wish, is_named=is_named)
        return env

    def check_left(self, folder: Path, one: Place) -> None:
        for file in folder.rglob("*"):
            if file.is_file():
                text = file.read_bytes().decode("utf-8", "replace")
                assert not any(secret in text for secret in one.secrets), file
        if self.lock and self.lock_has_addresses:
            lock = (folder / self.lock).read_text(encoding="utf-8")
            assert all(str(index.url).rstrip("/") in lock for index in one.indexes)

    def check_erased(
        self,
        programs: Programs,
        one: Place,
        tmp_path: Path,
        env: dict[str, str],
        wish: Wish,
        *,
        is_named: bool,
    ) -> None:
        folder = self.folder(tmp_path, "second", one, is_named=True)
        told = self.told(one, wish, is_named=is_named)
        emptied = {variable.name for variable in told.variables if variable.can_be_emptied}
        paths = {name for file in told.files for name in file.variables}
        left = dict.fromkeys((name for name in env if name in emptied | paths), "")
        ended = programs.run(folder, left, *self.install)
        assert ended.returncode != 0, "the project still installs"
        asked = one.asked()
        assert asked, "the client asks the indexes that the project names"
        assert {record.credential for record in asked} == {"no credential"}


class Way(Protocol):
    """A way to tell a client."""

    def __call__(self, programs: Programs, client: RealClient, tmp_path: Path, *, is_named: bool) -> None:
        """Prove it."""


def in_variables(programs: Programs, client: RealClient, tmp_path: Path, *, is_named: bool) -> None:
    is_apart = is_named in client.variables_only
    with place(client.password if is_apart else nasty.TOKEN, is_apart=is_apart) as one:
        client.check_install(programs, one, tmp_path, Wish(), is_named=is_named)


def by_files(programs: Programs, client: RealClient, tmp_path: Path, *, is_named: bool) -> None:
    with place(nasty.TOKEN) as one:
        env = client.check_install(programs, one, tmp_path, Wish(by_files=True), is_named=is_named)
        assert not any(secret in value for value in env.values() for secret in one.secrets)


def for_a_job(programs: Programs, client: RealClient, tmp_path: Path, *, is_named: bool) -> None:
    with place(nasty.TOKEN) as one:
        client.check_install(programs, one, tmp_path, Wish(can_unset=False), is_named=is_named)


class Uv(RealClient):
    name, client = "uv", uv
    password = nasty.PASSWORD
    variables_only = (True, False)
    lock = "uv.lock"
    install = ("uv", "sync")

    def lay_out(self, folder: Path, urls: list[str], *, is_named: bool) -> None:
        table = "[[tool.uv.index]]"
        lines = [table, 'name = "my-feed"', f'url = "{urls[0]}"']
        lines += [table, 'name = "depot"', f'url = "{urls[1]}"', "explicit = true"]
        lines += ["[tool.uv.sources]", 'depotpackage = { index = "depot" }']
        (folder / "pyproject.toml").write_text(project(*(lines if is_named else ())), encoding="utf-8")


class Poetry(RealClient):
    name, client = "poetry", poetry
    password = nasty.ASCII
    variables_only = (True,)
    lock = "poetry.lock"
    install = ("poetry", "install", "--no-root")

    def lay_out(self, folder: Path, urls: list[str], *, is_named: bool) -> None:
        del is_named  # it asks sources of its own files only
        lines = ["[tool.poetry]", "packages = []"]
        for name, url in zip(("my-feed", "depot"), urls, strict=True):
            lines += ["[[tool.poetry.source]]", f'name = "{name}"', f'url = "{url}"']
        (folder / "pyproject.toml").write_text(project(*lines), encoding="utf-8")


class Pdm(RealClient):
    name, client = "pdm", pdm
    lock, lock_has_addresses = "pdm.lock", False
    is_told = False
    install = ("pdm", "install", "--no-self")

    def lay_out(self, folder: Path, urls: list[str], *, is_named: bool) -> None:
        lines = []
        for name, url in zip(("my-feed", "depot"), urls, strict=True):
            if is_named or name == "depot":
                lines += ["[[tool.pdm.source]]", f'name = "{name}"', f'url = "{url}"']
        if is_named:
            lines += ["[[tool.pdm.source]]", 'name = "pypi"', f'url = "{urls[0]}"']
        (folder / "pyproject.toml").write_text(project(*lines), encoding="utf-8")


class Pipenv(RealClient):
    name, client = "pipenv", pipenv
    lock = "Pipfile.lock"
    install = ("pipenv", "install")

    def lay_out(self, folder: Path, urls: list[str], *, is_named: bool) -> None:
        del is_named
        lines = []
        for name, url in zip(("my-feed", "depot"), urls, strict=True):
            lines += ["[[source]]", f'name = "{name}"', f'url = "{url}"', "verify_ssl = true"]
        lines += ["[packages]", 'alphapackage = "*"', 'depotpackage = {version = "*", index = "depot"}', ""]
        (folder / "Pipfile").write_text("\n".join(lines), encoding="utf-8")


class Hatch(RealClient):
    name, client = "hatch", hatch
    password = nasty.ASCII
    variables_only = (False,)
    install = ("hatch", "env", "create")

    def lay_out(self, folder: Path, urls: list[str], *, is_named: bool) -> None:
        del urls, is_named  # it knows no indexes of its own
        lines = ["[tool.hatch.envs.default]", "skip-install = true", f'installer = "{self.installer}"']
        lines += ['dependencies = ["AlphaPackage", "DepotPackage"]']
        text = "\n".join(("[project]", 'name = "sample"', 'version = "1"', *lines, ""))
        (folder / "pyproject.toml").write_text(text, encoding="utf-8")

    installer = "pip"

    def check_erased(
        self,
        programs: Programs,
        one: Place,
        tmp_path: Path,
        env: dict[str, str],
        wish: Wish,
        *,
        is_named: bool,
    ) -> None:
        """Nothing names the indexes any more: the installers ask another one, without a credential."""
        del wish
        folder = self.folder(tmp_path, "second", one, is_named=is_named)
        public = IndexUrl.parse(one.service.public_index_url)[0]
        plain = {"PIP_INDEX_URL": str(public), "UV_DEFAULT_INDEX": str(public)}
        ended = programs.run(folder, {**dict.fromkeys(env, ""), **plain}, *self.install)
        assert ended.returncode != 0
        assert {(record.host, record.credential) for record in one.asked()} == {("public", "no credential")}


class HatchWithUv(Hatch):
    password = nasty.PASSWORD
    installer = "uv"


CLIENTS = (Uv, Poetry, Pdm, Pipenv)
INSTALLERS = (Hatch, HatchWithUv)


@pytest.mark.parametrize("way", [in_variables, by_files, for_a_job])
@pytest.mark.parametrize("client", INSTALLERS)
def test_an_environment_is_made_and_erased(
    programs: Programs, tmp_path: Path, client: type[RealClient], way: Way
) -> None:
    way(programs, client(), tmp_path, is_named=False)


@pytest.mark.parametrize("way", [in_variables, by_files, for_a_job])
@pytest.mark.parametrize("is_named", [True, False])
@pytest.mark.parametrize("client", CLIENTS)
def test_a_project_is_installed_locked_and_erased(
    programs: Programs, tmp_path: Path, client: type[RealClient], *, is_named: bool, way: Way
) -> None:
    way(programs, client(), tmp_path, is_named=is_named)


def test_pdm_sends_every_password_that_stands_in_its_address(programs: Programs, tmp_path: Path) -> None:
    with place(nasty.PASSWORD) as one:
        (tmp_path / "pyproject.toml").write_text(project().replace(', "DepotPackage"', ""), encoding="utf-8")
        env = applied(pdm.settings_for(one.indexes[:1], Wish()), tmp_path)
        ended = programs.run(tmp_path, env, *Pdm.install)
        assert ended.returncode == 0, ended.stdout + ended.stderr


# ---- publishing --------------------------------------------------------------------------------


class Publishing(NamedTuple):
    """How a client publishes.

    Args:
        client: its module.
        program: its name.
        password: the worst that it sends.
        command: with everything in variables.
        address: options that name the address, where a job's variables cannot.
    """

    client: Any
    program: str
    password: str
    command: tuple[str, ...]
    address: tuple[str, ...] = ()


PUBLISHERS = (
    Publishing(
        twine,
        "twine",
        nasty.ASCII,
        ("twine", "upload", "--non-interactive", "--disable-progress-bar", "{wheel}"),
        ("--config-file", "{PYPIRC_PATH}", "--repository", "pip-authenticate"),
    ),
    Publishing(uv, "uv", nasty.PASSWORD, ("uv", "publish"), ("--publish-url", "{upload}")),
    Publishing(poetry, "poetry", nasty.ASCII, ("poetry", "publish", "--repository", "pip-authenticate")),
    Publishing(pdm, "pdm", nasty.PASSWORD, ("pdm", "publish", "--no-build"), ("--repository", "{upload}")),
    Publishing(hatch, "hatch", nasty.PASSWORD, ("hatch", "publish", "--no-prompt")),
)


def sample(folder: Path, version: str) -> str:
    """A project that is ready to be published; gives the path of its wheel."""
    text = f'[project]\nname = "sample"\nversion = "{version}"\nrequires-python = ">=3.10"\n'
    (folder / "pyproject.toml").write_text(text, encoding="utf-8")
    return wheels.sample(folder, version)


@pytest.mark.parametrize("publisher", PUBLISHERS, ids=lambda publisher: publisher.program)
def test_publishing_by_files_works_or_is_said_not_to(
    programs: Programs, tmp_path: Path, publisher: Publishing
) -> None:
    """Poetry and uv take the credential from the netrc file, twine from its own; PDM and Hatch from none."""
    with place(nasty.TOKEN) as one:
        told = publisher.client.settings_for(one.indexes[:1], Wish(publish=True, by_files=True))
        assert not any(variable.is_secret for variable in told.variables)
        env, file = applied(told, tmp_path), sample(tmp_path, "1")
        words = (*publisher.command, *(publisher.address if "PYPIRC_PATH" in env else ()))
        shown = [word.format(wheel=file, PYPIRC_PATH=env.get("PYPIRC_PATH")) for word in words]
        ended = programs.run(tmp_path, env, *shown)
        published = [record.identity for record in one.asked() if record.method == "POST"]
    assert published == ([] if told.warnings else ["Ada Palmer"]), ended.stdout + ended.stderr
    assert bool(told.warnings) == (publisher.program in {"pdm", "hatch"})


@pytest.mark.parametrize("can_unset", [True, False])
@pytest.mark.parametrize("publisher", PUBLISHERS, ids=lambda publisher: publisher.program)
def test_publishing(programs: Programs, tmp_path: Path, publisher: Publishing, *, can_unset: bool) -> None:
    """The first index takes the upload; emptied, the variables open it no more."""
    needs_file = not can_unset and publisher.program == "pdm"  # for the index, not for the upload
    with place(nasty.TOKEN if needs_file else publisher.password) as one:
        indexes = (
            one.indexes[:1]
            if publisher.program != "poetry"
            else [one.indexes[0]._replace(names=(("poetry", "my-feed"),))]
        )
        told = publisher.client.settings_for(indexes, Wish(publish=True, can_unset=can_unset))
        env = applied(told, tmp_path)
        upload = str(one.indexes[0].upload)

        def publish(version: str, variables: dict[str, str]) -> tuple[int, str]:
            words = publisher.command if can_unset else (*publisher.command, *publisher.address)
            file = sample(tmp_path, version)
            shown = [
                word.format(wheel=file, upload=upload, PYPIRC_PATH=env.get("PYPIRC_PATH")) for word in words
            ]
            ended = programs.run(tmp_path, variables, *shown)
            Path(file).unlink()
            return ended.returncode, ended.stdout + ended.stderr

        code, output = publish("1", env)
        assert code == 0, output
        assert not any(secret in output for secret in one.secrets)
        (record,) = [record for record in one.asked() if record.method == "POST"]
        assert (record.status, record.identity) == (200, "Ada Palmer")
        if not can_unset:
            assert all(variable.can_be_emptied for variable in told.variables)
            for file in tmp_path.glob("pip-authenticate-*/*"):
                file.unlink()
            code, output = publish("2", dict.fromkeys(env, ""))
            assert code != 0, output
            assert {record.identity for record in one.asked()} <= {"anonymous"}
