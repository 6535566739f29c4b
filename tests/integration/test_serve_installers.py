"""Real installers at the index on loopback: caches, parts of wheels, whose a name is, and the canary."""

import json
import os
import subprocess
import sys
import venv
import zipfile
from collections.abc import Iterator, Mapping
from hashlib import sha256
from pathlib import Path

import pytest

from azure_devops_emulator import Fault, Service
from support import canary
from support.azure_shape import download, store
from support.command import Command
from support.door import Door
from support.feed import organization
from support.http_service import Answer, Request, serving
from support.programs import QUIET, Programs

pytestmark = pytest.mark.slow
TOKEN = "serve-canary-8e11-token"
METADATA = "Metadata-Version: 2.1\nName: demo\nVersion: 1.0\n"
CACHES = ("PIP_NO_CACHE_DIR", "UV_NO_CACHE")
DOWNLOADS = {
    "pip": "pip --python {python} install --target {target} {packages}",
    "uv": "uv pip install --python {python} --target {target} {packages}",
}


@pytest.fixture
def command(tmp_path: Path) -> Command:
    one = Command(tmp_path)
    one.environ |= {name: value for name, value in QUIET.items() if name not in CACHES}
    one.environ |= {
        "TMPDIR": str(tmp_path),
        "PIP_CACHE_DIR": str(tmp_path / "pip"),
        "UV_CACHE_DIR": str(tmp_path / "uv"),
    }
    return one


@pytest.fixture
def private() -> Iterator[Service]:
    with Service(organization('"corp-package==1.0", "corp-other==2.0"', "", TOKEN)) as service:
        yield service


def installed(
    programs: Programs,
    command: Command,
    installer: str,
    environ: Mapping[str, str],
    target: str,
    *packages: str,
) -> "subprocess.CompletedProcess[str]":
    """Install packages, without anything but an installer's own variables."""
    words = (
        DOWNLOADS[installer].format(python=sys.executable, target=target, packages=" ".join(packages)).split()
    )
    return subprocess.run(
        [str(programs.place(installer) / words[0]), *words[1:]],
        env={**command.environ, **environ}, cwd=command.project,
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


def told(door: Door) -> dict[str, str]:
    """What the door's program is told of indexes."""
    return {name: value for name, value in door.environ.items() if name.startswith(("PIP_", "UV_"))}


def asked(service: Service, host: str = "") -> list[str]:
    return [f"{one.method} {one.status}" for one in service.log if not host or one.host == host]


@pytest.mark.parametrize("installer", DOWNLOADS)
def test_a_second_run_asks_the_feed_nothing(
    command: Command, private: Service, programs: Programs, installer: str
) -> None:
    """And a first one of uv fetches each wheel once; both ask more where they ask the feed themselves."""
    feed, packages = private.resolve("{feed:one}"), ("corp-package", "corp-other")
    door = Door(command, TOKEN, "--client", installer, feed)
    try:
        for target in ("first", "second"):
            before = len(private.log)
            ended = installed(programs, command, installer, told(door), target, *packages)
            assert ended.returncode == 0, ended.stderr
            assert len(list((command.project / target).glob("*.dist-info"))) == 2
            if target == "first":
                assert asked(private, "blob").count("GET 200") == 2
            else:
                assert len(private.log) == before
        assert private.log
        assert all(one.status != 400 for one in private.log)
    finally:
        assert "warning" not in door.end()
    address = feed.replace("://", f"://build:{TOKEN}@")
    direct = {"PIP_INDEX_URL": address, "UV_DEFAULT_INDEX": address, "PIP_TRUSTED_HOST": feed.split("/")[2]}
    for target in ("third", "fourth"):
        before = len(private.log)
        assert installed(programs, command, installer, direct, target, *packages).returncode == 0
        assert len(private.log) > before
    fetched = asked(private, "blob").count("GET 200")
    assert fetched > 4, "each wheel twice: by pip in two runs, by uv in one"


def wheel(folder: Path, payload: bytes = b"") -> Path:
    """A wheel of `demo` that installs, with something in it."""
    file = folder / "demo-1.0-py3-none-any.whl"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("demo.bin", payload)
        archive.writestr("demo-1.0.dist-info/METADATA", METADATA)
        archive.writestr(
            "demo-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr("demo-1.0.dist-info/RECORD", "")
    return file


def test_a_pip_that_breaks_off_at_the_former_name_of_metadata(
    command: Command, programs: Programs, tmp_path: Path
) -> None:
    """That of 22.3 to 23.1 ends with a traceback where a page in JSON has `dist-info-metadata` (PEP 714)."""
    content = wheel(tmp_path).read_bytes()
    file = {
        "filename": "demo-1.0-py3-none-any.whl",
        "url": "/files/demo-1.0-py3-none-any.whl",
        "hashes": {"sha256": sha256(content).hexdigest()},
        "dist-info-metadata": {"sha256": sha256(METADATA.encode()).hexdigest()},
    }
    page = json.dumps({"meta": {"api-version": "1.0"}, "name": "demo", "files": [file]}).encode()
    python = str(programs.environment("pip-23.0", "pip==23.0.1") / "python")
    command_ = [python, "-m", "pip", "install", "--target", "got", "demo"]
    with serving() as feed:
        headers = [("Content-Type", "application/vnd.pypi.simple.v1+json")]
        feed.routes["GET /simple/demo/"] = lambda _: Answer(200, page, headers=headers)
        feed.routes[f"GET {file['url']}"] = lambda _: Answer(200, content)
        feed.routes[f"GET {file['url']}.metadata"] = lambda _: Answer(200, METADATA.encode())
        door = Door(command, TOKEN, "--client", "pip", f"{feed.url}/simple/")
        try:
            for environ, is_installed in (
                ({"PIP_INDEX_URL": f"{feed.url}/simple/"}, False),
                (told(door), True),
            ):
                ended = subprocess.run(
                    command_, env={**command.environ, **environ}, cwd=command.project,
                    capture_output=True, text=True, timeout=120, check=False,
                )  # fmt: skip
                assert (ended.returncode == 0) == is_installed, ended.stderr
        finally:
            door.end()


def test_uv_reads_metadata_by_parts(command: Command, programs: Programs, tmp_path: Path) -> None:
    """Of a large wheel, a twentieth at most crosses for them; then all of it once, to be installed."""
    file = wheel(tmp_path, os.urandom(3_000_000))
    content = file.read_bytes()
    crossed = list[int]()

    def counted(request: Request) -> Answer:
        answer = store(content)(request)
        if request.method == "HEAD" or not isinstance(answer, Answer):
            return answer  # type: ignore[return-value]
        crossed.append(len(answer.body))
        return answer

    page = f'<a href="../../files/{file.name}#sha256={sha256(content).hexdigest()}">x</a>'.encode()
    command.write("in.txt", "demo\n")
    with serving(counted) as blob, serving() as feed:
        feed.routes["GET /simple/demo/"] = lambda _: Answer(
            200, page, headers=[("Content-Type", "text/html")]
        )
        route = download(f"{blob.url}/blob?sig=x")
        feed.routes[f"GET /files/{file.name}"] = feed.routes[f"HEAD /files/{file.name}"] = route
        door = Door(command, TOKEN, "--client", "uv", f"{feed.url}/simple/")
        try:
            compile_ = [
                str(programs.place("uv") / "uv"),
                "pip",
                "compile",
                "--python",
                sys.executable,
                "in.txt",
            ]
            ended = subprocess.run(
                compile_,
                env={**command.environ, **told(door), "UV_REQUIRE_METADATA_RANGE_REQUESTS": "1"},
                cwd=command.project, capture_output=True, text=True, timeout=120, check=False,
            )  # fmt: skip
            assert ended.returncode == 0, ended.stderr
            assert "demo==1.0" in ended.stdout
            assert 0 < sum(crossed) <= 0.05 * len(content)
            assert installed(programs, command, "uv", told(door), "got", "demo").returncode == 0
            assert len(content) <= sum(crossed) <= 1.05 * len(content)
        finally:
            door.end()


DOUBTS = {
    "401": Fault("answer", status=401, times=0),
    "503": Fault("unavailable", times=0),
    "sign-in-page": Fault("sign-in-page", times=0),
}


@pytest.mark.parametrize("installer", DOWNLOADS)
def test_a_strangers_package_comes_only_where_no_private_index_has_it(
    command: Command, private: Service, programs: Programs, installer: str
) -> None:
    with Service(organization("", '"corp-package==99.0", "open-package==2.0"', TOKEN)) as stranger:
        public = stranger.public_index_url.replace("127.0.0.1", "localhost")
        door = Door(command, TOKEN, "--client", installer, "--public", public, private.resolve("{feed:one}"))
        environ = told(door) | {"PIP_TRUSTED_HOST": f"{door.place} localhost", "UV_HTTP_RETRIES": "0"}
        try:
            ended = installed(programs, command, installer, environ, "got", "corp-package", "open-package")
            assert ended.returncode == 0, ended.stderr
            names = {path.name for path in (command.project / "got").glob("*.dist-info")}
            assert names == {"corp_package-1.0.dist-info", "open_package-2.0.dist-info"}
            assert not [one for one in stranger.log if "corp" in one.path]
        finally:
            assert "From public indexes: open-package" in door.end()
        for name, fault in DOUBTS.items():
            private.faults.add(fault)
            door = Door(
                command, TOKEN, "--client", installer, "--public", public, private.resolve("{feed:one}")
            )
            environ |= told(door) | {"PIP_TRUSTED_HOST": f"{door.place} localhost"}
            try:
                ended = installed(programs, command, installer, environ, name, "corp-package")
                assert ended.returncode != 0
            finally:
                assert "does not say whether it has corp-package" in door.end()
                private.faults.clear()
        # What happens otherwise: nothing guards pip from what it is offered.
        bare = {"PIP_INDEX_URL": public, "UV_DEFAULT_INDEX": public, "PIP_TRUSTED_HOST": "localhost"}
        ended = installed(programs, command, installer, bare, "bare", "corp-package")
        assert ended.returncode == 0, ended.stderr
        assert (command.project / "bare" / "corp_package-99.0.dist-info").is_dir()


@pytest.mark.skipif(sys.platform != "linux", reason="it reads /proc")
@pytest.mark.parametrize("installer", ["pip", "uv"])
def test_the_canary_finds_nothing(programs: Programs, tmp_path: Path, installer: str) -> None:
    """Not in variables of the job, either. It finds the credential the usual way, as `test_canary` shows."""
    packages, token, home = tmp_path / "packages", canary.token(), tmp_path / "environment"
    packages.mkdir()
    canary.lay(packages)
    venv.create(home, with_pip=False)
    command = Command(tmp_path)
    command.environ |= QUIET | {
        "PATH": f"{programs.place(installer)}{os.pathsep}{os.defpath}",
        "TMPDIR": str(tmp_path),
        canary.NOTES: str(tmp_path / "notes.jsonl"),
    }
    install = {"pip": "pip --python {0} install", "uv": "uv pip install --python {0}"}[installer]
    python = home / "bin" / "python"
    script = f"{install.format(python)} canary-source canary-start && {python} -c pass"
    with Service(organization("", "", token, json.dumps(str(packages)))) as service:
        ended = command(
            "serve", "--port", "0", "--client", installer, service.resolve("{feed:one}"),
            "--", "sh", "-c", script, PIP_AUTHENTICATE_TOKEN=token, MY_PAT=token,
        )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    notes = canary.notes(tmp_path / "notes.jsonl", token)
    assert notes.steps >= canary.STEPS
    assert notes.found == set()
    assert token not in ended.stdout + ended.stderr
