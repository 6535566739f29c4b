"""The owner rule: a stranger's package of a private one's name comes only where no private index has it."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import pytest

from azure_devops_emulator import Fault, Service
from support.behind import Behind
from support.command import COMMAND, Command
from support.door import Door
from support.feed import organization
from support.programs import QUIET, Programs

TOKEN = "guard-canary-8e11-token"
DOUBTS = {
    "401": Fault("answer", status=401),
    "403": Fault("answer", status=403),
    "429": Fault("answer", status=429),
    "500": Fault("answer", status=500),
    "503": Fault("unavailable"),
    "reset": Fault("reset", times=0),
    "cut off": Fault("answer", status=200, headers={"Content-Type": "application/json"}, body="{"),
    "sign-in page": Fault("sign-in-page"),
    "sign-in redirect": Fault("sign-in-redirect"),
    "expired token": Fault("expired-token"),
}
SLOW = {
    "timeout": Fault("delay", seconds=60, times=0),
    "trickle": Fault("trickle", seconds=0.5, times=0),
}
"""Doubts of who waits for long; in the second one no single byte is late, but all of them take minutes."""
SHORT = {"PIP_AUTHENTICATE_TIMEOUT": "2", "PIP_TIMEOUT": "4", "UV_HTTP_TIMEOUT": "4"}
"""What has everybody lose patience soon, the gateway first."""


class Places(NamedTuple):
    """A private feed with `corp-package` 1.0, and a public index with 99.0 of it and of another package."""

    private: Service
    public: Service

    @property
    def feed(self) -> str:
        return self.private.resolve("{feed:one}")

    @property
    def stranger(self) -> str:
        return self.public.public_index_url.replace("127.0.0.1", "localhost")


@pytest.fixture
def places() -> Iterator[Places]:
    owned = '"corp-package==1.0"'
    public = '"corp-package==99.0", "open-package==2.0"'
    feed, others = organization(owned, "", TOKEN), organization("", public, TOKEN)
    with Service(feed) as private, Service(others) as stranger:
        yield Places(private, stranger)


@pytest.fixture
def command(tmp_path: Path) -> Command:
    one = Command(tmp_path)
    one.environ |= QUIET | {"TMPDIR": str(tmp_path)}
    return one


def asked(command: Command, places: Places, name: str, *more: str, **environ: str) -> tuple[int, str]:
    """Ask the public index for a page through the gateway: its status, and what is said at the end."""
    own = ("--client", "pip", "--public", places.stranger)
    one = Behind(command, TOKEN, *own, *more, places.feed, **environ)
    try:
        status, _, _ = one.get(f"{places.stranger}{name}/")
        return status, one.end()
    finally:
        one.process.kill()
        one.process.communicate()


@pytest.mark.parametrize("name", ["corp-package", "Corp_Package", "corp.package", "CORP--package"])
def test_what_a_private_index_has_the_public_one_has_not(command: Command, places: Places, name: str) -> None:
    assert asked(command, places, name)[0] == 404
    assert not [record for record in places.public.log if "corp" in record.path.lower()]


def test_what_no_private_index_has_comes_from_the_public_one(command: Command, places: Places) -> None:
    status, said = asked(command, places, "open-package")
    assert status == 200
    assert "From public indexes: open-package" in said
    assert [record.status for record in places.private.log] == [404]


@pytest.mark.parametrize("name", [*DOUBTS, *SLOW])
def test_where_that_is_not_sure_nothing_comes(command: Command, places: Places, name: str) -> None:
    places.private.faults.add((DOUBTS | SLOW)[name])
    status, said = asked(command, places, "corp-package", **SHORT if name in SLOW else {})
    assert status == 502
    assert "does not say whether it has corp-package" in said
    assert not [record for record in places.public.log if record.host == "public"]


@pytest.mark.parametrize("name", SLOW)
def test_the_index_on_loopback_waits_for_nobody_without_end(
    command: Command, places: Places, name: str
) -> None:
    places.private.faults.add(SLOW[name])
    door = Door(command, TOKEN, "--client", "pip", "--public", places.stranger, places.feed, **SHORT)
    try:
        assert door.get("/simple/corp-package/")[0] == 502
        assert "does not say whether it has corp-package: it does not answer" in door.end()
    finally:
        door.close()
    assert not [record for record in places.public.log if record.host == "public"]


@pytest.mark.parametrize("wrong", ["/alpha/_packaging/one/", "/_packaging/onne/", "/no-such/_packaging/one/"])
def test_a_feed_that_is_not_there_owns_no_name_and_frees_none(
    command: Command, places: Places, wrong: str
) -> None:
    assert asked(command, places, "open-package")[0] == 200
    feed = places.feed.replace("/_packaging/one/", wrong)
    one = Behind(command, TOKEN, "--client", "pip", "--public", places.stranger, feed)
    try:
        status, _, _ = one.get(f"{places.stranger}open-package/")
        assert one.get(f"{feed}open-package/")[0] == 404
        said = one.end()
    finally:
        one.process.kill()
        one.process.communicate()
    assert status == 502
    assert "does not say whether it has open-package" in said
    assert said.count("does not exist") + said.count("doesn't exist") == 2
    assert "pip-authenticate check says more" in said


def test_without_the_guard_a_person_is_warned(command: Command, places: Places) -> None:
    status, said = asked(command, places, "corp-package", "--no-guard")
    assert status == 200
    assert "Public indexes are not guarded" in said


@pytest.mark.parametrize("more", ["?x=1", "/"])
def test_no_other_spelling_leads_past_the_guard(command: Command, places: Places, more: str) -> None:
    assert asked(command, places, f"corp-package/{more}".replace("//", "/") + "x/..")[0] == 403
    assert asked(command, places, f"corp-package/{more}")[0] == 403
    assert not [record for record in places.public.log if record.host == "public"]


def test_the_index_that_an_installed_pip_asks_is_guarded(
    command: Command, places: Places, tmp_path: Path
) -> None:
    """It is asked without any credential: code may run at its start, too."""
    (tmp_path / "bin").mkdir()
    pip = tmp_path / "bin" / "pip"
    pip.write_text(
        f"#!/bin/sh\nenv > {tmp_path}/seen\n"
        f"echo '-i, --index-url <url>  Base URL (default'\necho '     {places.stranger}).'\n",
        encoding="utf-8",
    )
    pip.chmod(0o700)
    command.environ["PATH"] = f"{tmp_path / 'bin'}:{command.environ['PATH']}"
    one = Behind(command, TOKEN, "--client", "pip", "--only-extra", places.feed, MY_PAT=TOKEN)
    try:
        assert one.get(f"{places.stranger}corp-package/")[0] == 404
    finally:
        one.end()
    seen = (tmp_path / "seen").read_text(encoding="utf-8")
    assert "PATH=" in seen
    assert TOKEN not in seen


INSTALLS = {
    "pip": "pip download --no-deps --index-url {stranger} --extra-index-url {feed} --dest got {name}",
    "uv": "uv pip install --no-deps --index {stranger} --default-index {feed} "
    "--index-strategy unsafe-best-match --target got {name}",
}


@pytest.mark.slow
@pytest.mark.parametrize("installer", INSTALLS)
@pytest.mark.parametrize("is_guarded", [True, False])
def test_an_installer_takes_the_private_package(
    command: Command, places: Places, programs: Programs, installer: str, *, is_guarded: bool
) -> None:
    command.environ["PATH"] = f"{programs.place(installer)}:{command.environ['PATH']}"
    script = INSTALLS[installer].format(stranger=places.stranger, feed=places.feed, name="corp-package")
    guard = ["--public", places.stranger] if is_guarded else ["--no-guard"]
    ended = command(
        "run", "--via", "gateway", "--client", installer, *guard, "--report", "report.json", places.feed,
        "--", *script.split(), PIP_AUTHENTICATE_TOKEN=TOKEN, PIP_TRUSTED_HOST="localhost",
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    got = {path.name for path in (command.project / "got").iterdir()}
    version = "1.0" if is_guarded else "99.0"
    assert [name for name in got if f"-{version}" in name], got
    report = json.loads((command.project / "report.json").read_text(encoding="utf-8"))
    assert [file["version"] for file in report["files"]] == ([version] if is_guarded else [])


@pytest.mark.slow
def test_an_installer_that_meets_an_expired_token_installs_nothing(
    command: Command, places: Places, programs: Programs
) -> None:
    command.environ["PATH"] = f"{programs.place('pip')}:{command.environ['PATH']}"
    script = INSTALLS["pip"].format(stranger=places.stranger, feed=places.feed, name="corp-package").split()
    for way in ("gateway", "env"):
        places.private.faults.add(Fault("expired-token", times=0))
        guard = ["--public", places.stranger] if way == "gateway" else []
        ended = command(
            "run", "--via", way, "--client", "pip", *guard, places.feed, "--", *script,
            PIP_AUTHENTICATE_TOKEN=TOKEN, PIP_TRUSTED_HOST="localhost",
        )  # fmt: skip
        if way == "gateway":
            assert ended.returncode != 0
            assert "does not say whether it has corp-package" in ended.stderr
            assert list((command.project / "got").iterdir()) == []
        else:  # what happens otherwise
            assert ended.returncode == 0
            assert [path.name for path in (command.project / "got").iterdir()] == [
                "corp_package-99.0-py3-none-any.whl"
            ]


ALONE = {
    "pip": "pip download --no-deps --index-url {stranger} --dest got {name}",
    "uv": "uv pip install --no-deps --default-index {stranger} --target got {name}",
}
"""Installers that ask the public index only."""
UNREACHABLE: dict[str, Callable[[str], str]] = {
    "refused connection": lambda feed: feed.replace(feed.split("/")[2], "127.0.0.1:1"),
    "no TLS": lambda feed: feed.replace("http://", "https://"),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", [*DOUBTS, "timeout", *UNREACHABLE, "404"])
def test_real_installers_take_the_public_package_only_after_404(
    command: Command, places: Places, programs: Programs, name: str
) -> None:
    """In both shapes: beside the private index, and alone. After 404 each takes it, the live control."""
    command.environ["PATH"] = ":".join(
        (*(str(programs.place(installer)) for installer in INSTALLS), command.environ["PATH"])
    )
    if name in DOUBTS | SLOW:
        places.private.faults.add(replace((DOUBTS | SLOW)[name], times=0))
    feed = UNREACHABLE[name](places.feed) if name in UNREACHABLE else places.feed
    package = "open-package" if name == "404" else "corp-package"
    forms = [*INSTALLS.values(), *ALONE.values()]
    scripts = [
        form.replace(" got ", f" got{number} ").format(stranger=places.stranger, feed=feed, name=package)
        for number, form in enumerate(forms)
    ]
    ended = command(
        "run", "--client", "pip,uv", "--public", places.stranger, feed, "--", "sh", "-c",
        "".join(f"{{ {script}; echo ended $?; }} & " for script in scripts) + "wait",
        PIP_AUTHENTICATE_TOKEN=TOKEN, PIP_TRUSTED_HOST="localhost", PIP_RETRIES="0", UV_HTTP_RETRIES="0",
        **SHORT if name in SLOW else {},
    )  # fmt: skip
    codes = [line for line in ended.stdout.splitlines() if line.startswith("ended ")]
    assert len(codes) == len(forms)
    got = [path.name for path in command.project.glob("got*/[!.]*")]
    if name == "404":
        assert codes == ["ended 0"] * len(forms), ended.stderr
        assert len([one for one in got if one.startswith("open_package-2.0")]) == len(forms)
    else:
        assert "ended 0" not in codes
        assert got == []
        assert f"does not say whether it has {package}" in ended.stderr
        assert not [record for record in places.public.log if record.host == "public"]


@pytest.mark.skipif(sys.platform == "win32", reason="the program is a script of a shell")
@pytest.mark.parametrize(("content", "times"), [("echo usage", 1), ("exit 3", 1), ("", 0)])
def test_an_index_that_nobody_names_is_told_of(command: Command, content: str, times: int) -> None:
    """A pip that does not say what it asks; where there is none, nobody asks anything."""
    folder = command.project / "programs"
    folder.mkdir()
    if content:
        (folder / "pip").write_text(f"#!/bin/sh\n{content}\n", encoding="ascii")
        (folder / "pip").chmod(0o755)
    (folder / "true").symlink_to(shutil.which("true") or "")
    arguments = ("run", "--via", "gateway", "--guard", "--client", "pip", "https://index.example/simple/")
    environ = {**command.environ, "PATH": str(folder), "PIP_AUTHENTICATE_TOKEN": "t0ken"}
    ended = subprocess.run(
        [COMMAND, *arguments, "--", "true"], env=environ, cwd=command.project,
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    assert ended.stderr.count("pip does not say which index it asks by default") == times
