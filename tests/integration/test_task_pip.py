"""The end of the way: the real pip installs with what the task set."""

import base64
import hashlib
import io
import os
import subprocess
import venv
import zipfile
from pathlib import Path

import pytest

from support.agent import expand
from support.http_service import Answer, Request, serving
from support.organisation import TOKEN, Organisation
from support.task import Connection, Task, environment, stored

# What HTTP Basic authentication can carry from pip: Latin-1.
PASSWORD = "p%$()[];@:/?#&+ '\"`\\|<>^{}~!*,=%41%0A%5D%AZP25$(Build.BuildId)üß"
USER = "üser@contoso.com %40$(Build.BuildId)"


def wheel(name: str, version: str = "1.0") -> bytes:
    """A wheel with one module."""
    info = f"{name}-{version}.dist-info"
    files = {
        f"{name}.py": f"VERSION = {version!r}\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = []
    for path, text in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
        record.append(f"{path},sha256={digest},{len(text.encode())}")
    files[f"{info}/RECORD"] = "\n".join([*record, f"{info}/RECORD,,", ""])
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w") as archive:
        for path, text in files.items():
            archive.writestr(path, text)
    return memory.getvalue()


class Index:
    """A simple repository with one package, for those who know user name and password."""

    def __init__(self, package: str, logins: list[tuple[str, str]]) -> None:
        self.package = package
        self.logins = logins
        self.file = f"{package}-1.0-py3-none-any.whl"
        self.refused: list[Request] = []

    def __call__(self, request: Request) -> Answer:
        """Answer one request."""
        if _latin_login(request) not in self.logins:
            self.refused.append(request)
            return Answer(401, b"", "Unauthorized", [("WWW-Authenticate", 'Basic realm="x"')])
        if request.path.endswith(f"/simple/{self.package}/"):
            page = (
                f'<!DOCTYPE html><html><body><a href="../../files/{self.file}">{self.file}</a></body></html>'
            )
            return Answer(200, page.encode(), "OK", [("Content-Type", "text/html")])
        if request.path.endswith(self.file):
            return Answer(200, wheel(self.package), "OK", [("Content-Type", "application/octet-stream")])
        return Answer(404, b"", "Not Found")


def _latin_login(request: Request) -> tuple[str, str] | None:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return None
    user, _, password = base64.b64decode(token).decode("latin-1").partition(":")
    return user, password


@pytest.fixture(scope="module")
def pip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pip of a fresh virtual environment."""
    folder = tmp_path_factory.mktemp("venv")
    venv.create(folder, with_pip=True)
    return folder / ("Scripts/pip.exe" if os.name == "nt" else "bin/pip")


def install(
    pip: Path, home: Path, package: str, variables: dict[str, str]
) -> "subprocess.CompletedProcess[str]":
    """Install a package with the variables, and nothing else that pip would read."""
    env = {
        "PATH": os.defpath,
        "HOME": str(home),
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_NO_INPUT": "1",
        "PIP_NO_CACHE_DIR": "1",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_RETRIES": "0",
        **variables,
    }
    command = [str(pip), "install", "--no-deps", "--target", str(home / "target"), package]
    return subprocess.run(command, env=env, cwd=home, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("knob", ["true", "false"])
def test_pip_installs_with_any_password(task: Task, pip: Path, tmp_path: Path, knob: str) -> None:
    index = Index("hellotest", [(USER, PASSWORD)])
    with serving(index) as service:
        connection = Connection.login(1, f"{service.url}/simple/", USER, PASSWORD)
        run = task.run(environment(connections=[connection], DECODE_PERCENTS=knob))
        assert run.succeeded()
        later = {name: expand(value, {"Build.BuildId": "5"}) for name, value in run.variables.items()}
        ended = install(pip, tmp_path, "hellotest", later)
    assert ended.returncode == 0, ended.stderr
    assert (tmp_path / "target" / "hellotest.py").is_file()
    assert index.refused == []


def test_pip_takes_the_extra_index_for_what_the_primary_one_lacks(
    task: Task, hosted: Organisation, pip: Path, tmp_path: Path
) -> None:
    first, second = Index("first", [("build", TOKEN)]), Index("second", [("build", TOKEN)])
    with serving(first) as one, serving(second) as two:
        connections = [
            Connection.token(1, f"{one.url}/simple/", TOKEN),
            Connection.token(2, f"{two.url}/simple", TOKEN),
        ]
        run = task.run(environment(connections=connections, organisation=hosted))
        ended = install(pip, tmp_path, "second", run.variables)
    assert ended.returncode == 0, ended.stderr
    assert (tmp_path / "target" / "second.py").is_file()


def test_an_erased_variable_is_unset_to_pip(task: Task, pip: Path, tmp_path: Path) -> None:
    index = Index("hellotest", [("u", "p")])
    with serving(index) as service:
        connection = Connection.login(1, f"{service.url}/simple", "u", "p")
        old = "http://u:old@127.0.0.1:9/simple"
        run = task.run(environment(connections=[connection]) | stored(PIP_EXTRA_INDEX_URL=old))
        assert run.variables["PIP_EXTRA_INDEX_URL"] == ""
        ended = install(pip, tmp_path, "hellotest", {"PIP_EXTRA_INDEX_URL": old, **run.variables})
    assert ended.returncode == 0, ended.stderr
    assert "127.0.0.1:9" not in ended.stdout + ended.stderr
