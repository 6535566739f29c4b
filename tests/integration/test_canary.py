"""The canary: code that an installer runs finds the credential the usual way, and none behind the gateway."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote, urlsplit

import pytest
import trustme

from support import canary
from support.command import COMMAND, Command
from support.company import HOST, USER, Company, company
from support.installers import INSTALLERS, PYTHON, UNNAMED, Installer
from support.keyrings import Keyrings
from support.programs import QUIET, Programs
from support.watching import Watch

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="it reads /proc"),
]
CACHING = {name: value for name, value in QUIET.items() if not name.endswith(("_NO_CACHE", "_NO_CACHE_DIR"))}
PRESET = ("SSL_CERT_FILE", "PIP_CERT", "REQUESTS_CA_BUNDLE", "POETRY_CERTIFICATES_FEED_CERT")
"""Variables by which a company has installers trust its authorities."""


@pytest.fixture
def place(tmp_path_factory: pytest.TempPathFactory, authority: trustme.CA) -> Iterator[Company]:
    """Its feed has the canary."""
    packages = tmp_path_factory.mktemp("packages")
    canary.lay(packages)
    with company(authority, canary.token(), f'"{packages}"') as one:
        yield one


class Ended(NamedTuple):
    """How an installation ended, and what was seen of the credential.

    Args:
        said: all that was written to both streams.
        notes: of the canary.
        watch: of the process that looked at all others.
        entrance: the address of the web proxy that the installer was given.
        lock: what it locked; empty for one that locks nothing.
    """

    said: str
    notes: canary.Notes
    watch: Watch
    entrance: str
    lock: str


class Installation:
    """A project that needs the canary, and an installer.

    Args:
        place: has the canary.
        programs: have the installer.
        installer: and its project.
        folder: everything lies in it.
        authority_file: authorities to trust.
    """

    def __init__(
        self, place: Company, programs: Programs, installer: Installer, folder: Path, authority_file: str
    ) -> None:
        self.place, self.folder = place, folder
        self._installer = installer
        self.command = Command(folder)
        self.tmp = folder / "tmp with a blank"
        self.tmp.mkdir(mode=0o700)
        self._notes = folder / "notes.jsonl"
        for file, text in self._installer.files(place.feed, ["canary-source", "canary-start"]).items():
            self.command.write(file, text)
        pip_conf = f"[global]\nproxy = {place.proxy_address}\ncert = {authority_file}\n"
        (self.command.home / "pip.conf").write_text(pip_conf, encoding="utf-8")
        self.command.environ |= CACHING | {
            "PATH": f"{programs.place(self._installer.program)}{os.pathsep}{os.defpath}",
            "TMPDIR": str(self.tmp),
            "HTTPS_PROXY": place.proxy_address,
            **dict.fromkeys(PRESET, authority_file),
            "ALL_PROXY": place.proxy_address,
            "PIP_CONFIG_FILE": str(self.command.home / "pip.conf"),
            "UV_SYSTEM_CERTS": "1",
            canary.NOTES: str(self._notes),
        }

    @property
    def client(self) -> str:
        return self._installer.program

    def run(self, *before: str, typed: str = "", **environ: str) -> Ended:
        """Lock, install and start Python.

        Args:
            before: arguments of our command; nothing, to do without.
            typed: what stands on standard input.
            environ: variables beside those that it has anyway.
        """
        script = f"printenv HTTPS_PROXY && {self._installer.script} && {PYTHON} -c pass"
        with Watch(canary.spellings(self.place.token)) as watch:
            ended = subprocess.run(
                [*before, "sh", "-c", script],
                env={**self.command.environ, **environ},
                cwd=self.command.project,
                input=typed,
                capture_output=True,
                text=True,
                timeout=240,
                check=False,
            )
        said = ended.stdout + ended.stderr
        assert ended.returncode == 0, said
        lock = self._installer.lock
        return Ended(
            said,
            canary.notes(self._notes, self.place.token),
            watch,
            ended.stdout.partition("\n")[0],
            (self.command.project / lock).read_text(encoding="utf-8") if lock else "",
        )


@pytest.mark.parametrize("name", INSTALLERS)
def test_the_usual_way_everybody_finds_the_credential_and_behind_the_gateway_nobody(
    place: Company, programs: Programs, name: str, tmp_path: Path, authority_file: str
) -> None:
    """Neither the canary, nor who looks at all processes, nor who searches what is left.

    Lock files are the same byte for byte.
    """
    folders = tmp_path / "usual", tmp_path / "behind"
    for folder in folders:
        folder.mkdir()
    usual, behind = (
        Installation(place, programs, INSTALLERS[name], folder, authority_file) for folder in folders
    )
    found = the_usual_way(usual)
    place.service.log.clear()
    report = behind.folder / "report.json"
    ended = behind.run(
        *(COMMAND, "run", "--via", "gateway", "--client", behind.client, "--report", str(report)),
        *("--token-stdin", place.feed, "--"),
        typed=place.token,
    )
    check_nobody_found_it(behind, ended)
    assert list(behind.tmp.glob("pip-authenticate*")) == []
    assert "canary_source" in report.read_text(encoding="utf-8")
    assert ended.lock == found.lock
    check_lock(ended)


def the_usual_way(one: Installation) -> Ended:
    """What the built-in task sets, with a netrc file for installers that read no such variables.

    The canary and the watcher must find the credential, or nothing is proven by their not finding it.
    """
    token = one.place.token
    netrc = one.command.home / ".netrc"
    netrc.write_text(f"machine {HOST} login build password {token}\n", encoding="utf-8")
    netrc.chmod(0o600)
    opened = one.place.feed.replace("://", f"://build:{quote(token, safe='')}@")
    variables = ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "UV_DEFAULT_INDEX")
    ended = one.run(**dict.fromkeys(variables, opened))
    assert ended.notes.steps >= canary.STEPS
    assert {"variable PIP_INDEX_URL", "environ of a process", "file .netrc"} <= ended.notes.found
    assert any(kind.endswith(": environ") for kind in ended.watch.seen)
    assert netrc in canary.holding(one.folder, canary.spellings(token))
    return ended


@pytest.mark.parametrize("name", UNNAMED)
def test_beside_the_index_on_loopback_nobody_finds_it_either(
    place: Company, programs: Programs, name: str, tmp_path: Path, authority_file: str
) -> None:
    one = Installation(place, programs, UNNAMED[name], tmp_path, authority_file)
    own = ("--port", "0", "--client", name, "--no-guard", "--token-stdin")
    ended = one.run(COMMAND, "serve", *own, place.feed, "--", typed=place.token, PIP_CONFIG_FILE=os.devnull)
    check_nobody_found_it(one, ended)


def test_neither_variables_nor_keyring_show_it_behind_the_gateway(
    place: Company, programs: Programs, keyrings: Keyrings, tmp_path: Path, authority_file: str
) -> None:
    """A job whose steps have it in variables, and the program keyring with our back end, which reads them."""
    folders = tmp_path / "usual", tmp_path / "behind"
    for folder in folders:
        folder.mkdir()
    usual, behind = (
        Installation(place, programs, INSTALLERS["uv"], folder, authority_file) for folder in folders
    )
    for one in (usual, behind):
        del one.command.environ["PYTHON_KEYRING_BACKEND"]
        one.command.environ |= {
            "PATH": f"{one.command.environ['PATH']}{os.pathsep}{keyrings.beside}",
            "PIP_AUTHENTICATE_TOKEN": place.token,
            "PIP_AUTHENTICATE_INDEXES": place.feed,
            "MY_PAT": place.token,
        }
    assert {"keyring", "variable MY_PAT"} <= the_usual_way(usual).notes.found
    ended = behind.run(COMMAND, "run", "--via", "gateway", "--", typed="")
    assert ended.notes.found == set()
    assert not any(text.decode() in ended.said for text in canary.spellings(place.token))


def check_nobody_found_it(one: Installation, ended: Ended) -> None:
    """See that a credential was used, that neither canary nor watcher saw it, and that none is left."""
    assert ended.notes.steps >= canary.STEPS
    assert ended.notes.found == set()
    assert ended.watch.rounds > 20
    assert ended.watch.seen == set()
    spellings = canary.spellings(one.place.token)
    assert not any(text.decode() in ended.said for text in spellings)
    assert list(canary.holding(one.folder, spellings)) == []
    assert "warning:" not in ended.said
    check_requests(one.place)


def check_lock(ended: Ended) -> None:
    """See that a lock file names the feed itself, and nothing of the way to it."""
    secret = urlsplit(ended.entrance).password or ""
    assert len(secret) >= 20
    for text in ("127.0.0.1", "localhost", "::1", secret, quote(secret)):
        assert text not in ended.lock


def check_requests(place: Company) -> None:
    """See that the feed was asked with the credential, and the blob store without."""
    asked = [record for record in place.service.log if record.host == "pkgs"]
    assert asked
    assert all(record.identity == "Ada Palmer" for record in asked)
    blobs = [record for record in place.service.log if record.host == "blob"]
    assert blobs
    assert all(record.credential == "no credential" for record in blobs)
    assert {record.status for record in blobs} <= {200, 206}
    assert {record.user for record in place.proxy.log} == {USER}
