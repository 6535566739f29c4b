"""The canary: code that an installer runs finds the credential the usual way, and none behind the gateway."""

import os
import sys
import venv
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from azure_devops_emulator import Organization, Service
from support import canary
from support.command import Command
from support.programs import QUIET, Programs

if TYPE_CHECKING:
    import subprocess

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="it reads /proc"),
]
INSTALLERS = {
    "pip": "pip --python {python} install canary-source canary-start && {python} -c pass",
    "uv": "uv pip install --python {python} canary-source canary-start && {python} -c pass",
}


class Place(NamedTuple):
    """An organisation by https, with a feed that has the canary."""

    service: Service
    token: str
    authorities: Path

    @property
    def feed(self) -> str:
        return self.service.resolve("{feed:one}")


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    packages, token = tmp_path / "packages", canary.token()
    packages.mkdir()
    canary.lay(packages)
    text = f"""
[organization]
name = "fabrikam"
[[projects]]
name = "alpha"
[[feeds]]
name = "one"
folders = ["{packages}"]
[feeds.roles]
"Ada Palmer" = "Feed Owner"
[[identities]]
name = "Ada Palmer"
[[identities.tokens]]
label = "Ada's"
value = "{token}"
scopes = ["app_token"]
"""
    with Service(Organization.parse(text), https=True) as service:
        authorities = tmp_path / "authorities.pem"
        authorities.write_bytes(service.ca_pem)
        yield Place(service, token, authorities)


class Searched(NamedTuple):
    """How an installation ended, and what the canary noted."""

    ended: "subprocess.CompletedProcess[str]"
    notes: canary.Notes


def install(
    place: Place, programs: Programs, installer: str, tmp_path: Path, *way: str, **more: str
) -> Searched:
    """Install the canary and start Python, with the token on standard input unless it stands in `more`."""
    home = tmp_path / "environment"
    venv.create(home, with_pip=False)
    tmp = tmp_path / "tmp"
    tmp.mkdir(mode=0o700)
    command = Command(tmp_path)
    command.environ |= QUIET | {
        "PATH": f"{programs.place(installer)}{os.pathsep}{os.defpath}",
        "TMPDIR": str(tmp),
        **dict.fromkeys(("SSL_CERT_FILE", "PIP_CERT"), str(place.authorities)),
        canary.NOTES: str(tmp_path / "notes.jsonl"),
    }
    typed = [] if more else ["--token-stdin"]
    script = INSTALLERS[installer].format(python=home / "bin" / "python")
    ended = command("run", *way, *typed, place.feed, "--", "sh", "-c", script, typed=place.token, **more)
    assert ended.returncode == 0, ended.stderr
    assert sorted(tmp.iterdir()) == []
    return Searched(ended, canary.notes(tmp_path / "notes.jsonl", place.token))


@pytest.mark.slow
@pytest.mark.parametrize("installer", INSTALLERS)
def test_the_usual_way_the_canary_finds_the_credential(
    place: Place, programs: Programs, installer: str, tmp_path: Path
) -> None:
    client = ("--client", installer)
    _, notes = install(place, programs, installer, tmp_path, "--via", "env", *client)
    assert notes.steps >= canary.STEPS
    variable = {"pip": "PIP_INDEX_URL", "uv": "UV_DEFAULT_INDEX"}[installer]
    assert f"variable {variable}" in notes.found
    assert "environ of another process" in notes.found


@pytest.mark.slow
@pytest.mark.parametrize("installer", INSTALLERS)
@pytest.mark.parametrize("is_in_a_variable", [False, True])
def test_behind_the_gateway_the_canary_finds_nothing(
    place: Place, programs: Programs, installer: str, tmp_path: Path, *, is_in_a_variable: bool
) -> None:
    more = {"PIP_AUTHENTICATE_TOKEN": place.token, "MY_PAT": place.token} if is_in_a_variable else {}
    way = ("--via", "gateway", "--client", installer)
    ended, notes = install(place, programs, installer, tmp_path, *way, **more)
    assert notes.steps >= canary.STEPS
    assert notes.found == set()
    assert place.token not in ended.stdout + ended.stderr
    assert "warning" not in ended.stderr
    asked = [record for record in place.service.log if record.host == "pkgs"]
    assert asked
    assert all(record.identity == "Ada Palmer" for record in asked)
    blobs = [record for record in place.service.log if record.host == "blob"]
    assert blobs
    assert all(record.credential == "no credential" for record in blobs)
    assert {record.status for record in blobs} == {200}
