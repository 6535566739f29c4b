"""Programs that read a netrc file read what we write alike."""

import netrc
import os
import shutil
import string
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from pip_authenticate import netrc_file, private_files
from pip_authenticate.index import AuthenticatedIndex, Credential, IndexUrl
from pip_authenticate.secret import Secret
from support import nasty
from support.http_service import Answer, Request, Service, serving
from support.programs import Programs

pytestmark = pytest.mark.slow

Reader = Callable[[Programs, Path, str, str | None], None]
SIGNS = "".join(sorted(set(string.punctuation) - set('"\\#')))


@pytest.fixture
def service() -> Iterator[Service]:
    """An index that asks for a login, and has nothing."""

    def answer(request: Request) -> Answer:
        if request.login is None:
            return Answer(401, headers=[("WWW-Authenticate", 'Basic realm="index"')])
        return Answer(404)

    with serving(answer) as one:
        yield one


def written(folder: Path, host: str, secret: str, own: str = "", user: str = "build") -> str:
    """The path of a file for one host."""
    url = IndexUrl.parse(f"http://{host}/simple/")[0]
    index = AuthenticatedIndex(url, Credential(user, Secret(secret)), "feed f")
    private_files.write(str(folder), [netrc_file.of([index], Secret(own))])
    return str(folder / netrc_file.NAME)


def run(command: list[str], env: Mapping[str, str], folder: Path) -> None:
    around = {"PATH": os.defpath, "HOME": str(folder)}
    subprocess.run(command, env={**around, **env}, cwd=folder, capture_output=True, timeout=60, check=False)


def of_pip(programs: Programs, folder: Path, url: str, file: str | None) -> None:
    del programs
    env = {"PIP_INDEX_URL": url, "PIP_CONFIG_FILE": os.devnull, "PIP_RETRIES": "0"}
    env |= {} if file is None else {"NETRC": file}
    run([sys.executable, "-m", "pip", "download", "--no-input", "sample"], env, folder)


def of_uv(programs: Programs, folder: Path, url: str, file: str | None) -> None:
    command = (
        "uv",
        "pip",
        "install",
        "--dry-run",
        "--python",
        sys.executable,
        "--default-index",
        url,
        "sample",
    )
    programs.run(folder, {} if file is None else {"NETRC": file}, *command)


def of_curl(programs: Programs, folder: Path, url: str, file: str | None) -> None:
    del programs
    options = ["--netrc"] if file is None else ["--netrc-file", file]
    run([CURL or "", "--silent", *options, url], {}, folder)


CURL = shutil.which("curl")
READERS: list[Reader] = [of_pip, of_uv, *([of_curl] if CURL else [])]


def heard(
    reader: Reader, programs: Programs, service: Service, folder: Path, file: str | None
) -> set[tuple[str, str]]:
    """The logins that a program sends with a file; None is the one in the home directory."""
    service.requests.clear()
    reader(programs, folder, f"{service.url}/simple/", file)
    assert service.requests
    return {request.login for request in service.requests if request.login}


@pytest.mark.parametrize("reader", READERS)
def test_all_signs_in_one_secret(
    programs: Programs, service: Service, tmp_path: Path, reader: Reader
) -> None:
    for secret in (nasty.TOKEN, SIGNS, SIGNS[::-1]):
        file = written(tmp_path, "127.0.0.1", secret, user=f"x{SIGNS}".replace(":", ""))
        assert heard(reader, programs, service, tmp_path, file) == {(f"x{SIGNS}".replace(":", ""), secret)}


@pytest.mark.parametrize("reader", [reader for reader in READERS if reader is not of_pip])
def test_each_sign_at_both_ends(programs: Programs, service: Service, tmp_path: Path, reader: Reader) -> None:
    for sign in SIGNS:
        file = written(tmp_path, "127.0.0.1", f"{sign}middle{sign}")
        assert heard(reader, programs, service, tmp_path, file) == {("build", f"{sign}middle{sign}")}


def test_each_sign_at_both_ends_for_python_and_so_for_pip(tmp_path: Path) -> None:
    """The requests in pip reads the file with Python's own module."""
    for sign in SIGNS:
        file = written(tmp_path, "h.example", f"{sign}middle{sign}")
        assert netrc.netrc(file).authenticators("h.example") == ("build", "", f"{sign}middle{sign}")


OWN = "machine 127.0.0.1 login me password mine\n"
BEFORE = "# a remark\nmachine c.example\n  login x\n  password y\n"


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("own", [OWN, BEFORE + OWN, "default login me password mine\n"])
def test_the_users_own_entries_stay_usable(
    programs: Programs, service: Service, tmp_path: Path, reader: Reader, own: str
) -> None:
    file = written(tmp_path, "other.example", "ours", own)
    assert heard(reader, programs, service, tmp_path, file) == {("me", "mine")}


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("own", [OWN, BEFORE + OWN, f"{BEFORE}default login me password mine\n"])
def test_the_credential_of_an_index_counts_before_the_users_own(
    programs: Programs, service: Service, tmp_path: Path, reader: Reader, own: str
) -> None:
    file = written(tmp_path, "127.0.0.1", "ours", own)
    assert heard(reader, programs, service, tmp_path, file) == {("build", "ours")}


def test_where_netrc_is_empty_pip_looks_at_none(programs: Programs, service: Service, tmp_path: Path) -> None:
    """So that a run which takes its own file back has to name the user's."""
    own = tmp_path / ".netrc"
    own.write_text(OWN, encoding="utf-8")
    own.chmod(0o600)
    assert heard(of_pip, programs, service, tmp_path, None) == {("me", "mine")}
    assert heard(of_pip, programs, service, tmp_path, "") == set()
    assert heard(of_pip, programs, service, tmp_path, str(own)) == {("me", "mine")}
