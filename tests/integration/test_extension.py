"""The extension, packed by the real tfx, and the ways to it: make, npm, the documentation's commands."""

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

import build_extension
import build_task
import check_task
import tfx
from pip_authenticate import __version__
from support.task import Connection, Task, environment

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "ci" / "azure-pipelines-task.md").read_text(encoding="utf-8")
MANIFEST = json.loads((ROOT / "extension" / "vss-extension.json").read_text(encoding="utf-8"))
BUILT_IN = "5e3feff0-c5ae-11e8-a7d0-4bd3b8229800"
NAME = "PythonAuthenticate"

Json = dict[str, Any]


def call(*command: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    """Runs a command in the project's folder; npm is as it is without any variable of its own."""
    env = {name: value for name, value in os.environ.items() if not name.lower().startswith("npm_config_")}
    env |= variables
    return subprocess.run(
        command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=600, check=False
    )


def make(*arguments: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    """Runs make with the environment that runs the tests, which is not set up anew."""
    here = f"BIN={Path(sys.executable).parent}"
    return call("make", "--silent", "--old-file=setup", here, *arguments, **variables)


def packed(publisher: str, folder: Path) -> Path:
    """The extension of a publisher, built as `make extension` does but for the place."""
    ended = call(sys.executable, "tools/build_extension.py", "--publisher", publisher, str(folder))
    assert ended.returncode == 0, ended.stderr
    (file,) = folder.iterdir()
    assert ended.stdout.startswith(f"{file}: ")
    return file


@pytest.fixture(scope="module")
def acme(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The extension that the publisher acme builds."""
    return packed("acme", tmp_path_factory.mktemp("acme"))


@pytest.fixture(scope="module")
def unpacked(acme: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What is in it."""
    folder = tmp_path_factory.mktemp("unpacked")
    with zipfile.ZipFile(acme) as archive:
        archive.extractall(folder)
    return folder


@pytest.fixture
def stage(unpacked: Path, tmp_path: Path) -> Path:
    """The folder that tfx packs, to spoil."""
    folder = Path(shutil.copytree(unpacked, tmp_path / "stage"))
    shutil.copy(ROOT / "extension" / "vss-extension.json", folder)
    return folder


def manifest(file: Path) -> Json:
    """The task.json in an extension."""
    with zipfile.ZipFile(file) as archive:
        return dict(json.loads(archive.read(f"{NAME}/task.json")))


# ---- what is in it -------------------------------------------------------------------------------


@pytest.mark.slow
def test_says_who_made_it_and_which_version_it_is(acme: Path, unpacked: Path) -> None:
    assert acme.name == f"acme.pip-authenticate-{__version__}.vsix"
    spaces = {"v": "http://schemas.microsoft.com/developer/vsx-schema/2011"}
    said = ET.parse(unpacked / "extension.vsixmanifest").getroot()  # noqa: S314 - of our own making
    identity = said.find("v:Metadata/v:Identity", spaces)
    target = said.find("v:Installation/v:InstallationTarget", spaces)
    assert identity is not None
    assert target is not None
    assert (identity.get("Publisher"), identity.get("Id")) == ("acme", "pip-authenticate")
    assert identity.get("Version") == __version__
    assert target.get("Id") == "Microsoft.VisualStudio.Services"
    assets = {asset.get("Type", "").rpartition("Services.")[2]: asset.get("Path") for asset in said.iter()}
    assert (
        assets.items()
        >= {
            "Icons.Default": "icon.png",
            "Content.Details": "overview.md",
            "Content.License": "LICENSE.txt",
        }.items()
    )


@pytest.mark.slow
def test_holds_page_icon_licence_and_the_whole_task(acme: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(acme) as archive:
        inside = {name: archive.read(name) for name in archive.namelist() if not name.endswith("/")}
    for name, source in (("overview.md", "extension/overview.md"), ("LICENSE.txt", "LICENSE")):
        assert inside[name] == (ROOT / source).read_bytes()
    icon = inside["icon.png"]
    assert icon[:8] == b"\x89PNG\r\n\x1a\n"
    assert (int.from_bytes(icon[16:20], "big"), int.from_bytes(icon[20:24], "big")) == (128, 128)

    uploaded = build_task.build(tmp_path)
    files = [file for file in uploaded.rglob("*") if file.is_file()]
    named = {f"{NAME}/{file.relative_to(uploaded).as_posix()}": file.read_bytes() for file in files}
    assert {name for name in inside if name.startswith(f"{NAME}/")} == named.keys()
    assert [name for name in named if inside[name] != named[name]] == [f"{NAME}/task.json"]


@pytest.mark.slow
def test_its_task_has_no_fault_and_runs(unpacked: Path) -> None:
    assert check_task.check(unpacked / NAME) == []
    env = environment(connections=[Connection.token(1, "https://h.example/simple", "t0ken")])
    run = Task(unpacked / NAME).run_shim(env)
    assert run.succeeded()
    assert run.index_urls() == ["https://build:t0ken@h.example/simple"]


@pytest.mark.slow
def test_two_publishers_have_one_name_and_two_ids(acme: Path, tmp_path: Path) -> None:
    other = packed("umbrella-2", tmp_path)
    assert manifest(acme)["name"] == manifest(other)["name"] == NAME != build_task.NAME
    ids = {manifest(acme)["id"], manifest(other)["id"], build_task.task_id(NAME), BUILT_IN}
    assert len(ids) == 4
    assert manifest(acme)["id"] == build_task.task_id("ACME", "pip-authenticate", NAME)


def test_its_contribution_is_the_task_whose_files_it_has() -> None:
    (contribution,) = MANIFEST["contributions"]
    assert contribution["properties"]["name"] == NAME
    assert MANIFEST["files"] == [{"path": NAME}]
    assert not {"publisher", "version"} & MANIFEST.keys()


# ---- what tfx warns of ---------------------------------------------------------------------------


def spoil(stage: Path, **changes: object) -> None:
    """Changes what the staged task.json says."""
    file = stage / NAME / "task.json"
    said = json.loads(file.read_text(encoding="utf-8"))
    file.write_text(json.dumps({**said, **changes}), encoding="utf-8")


def pack(stage: Path) -> Path:
    return build_extension.pack(stage, "acme", __version__, stage.parent / "x.vsix")


@pytest.mark.slow
def test_packs_what_is_whole(stage: Path) -> None:
    assert zipfile.is_zipfile(pack(stage))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"execution": {"Node24": {"target": "index.js"}}}, "index.js"),
        ({"friendlyName": "x" * 41}, "friendlyName"),
        ({"id": "pip-authenticate"}, "guid"),
        ({"execution": {"Node10": {"target": "shim.js"}}}, "end-of-life"),
    ],
)
def test_a_warning_of_tfx_is_a_fault(stage: Path, changes: Json, said: str) -> None:
    spoil(stage, **changes)
    with pytest.raises(tfx.ToolError) as caught:
        pack(stage)
    assert any(said in str(line) for line in caught.value.args)
    assert all(str(line).startswith("warning:") for line in caught.value.args)


@pytest.mark.slow
def test_an_error_of_tfx_is_a_fault(stage: Path) -> None:
    (stage / "icon.png").unlink()
    with pytest.raises(tfx.ToolError) as caught:
        pack(stage)
    assert "icon.png" in str(caught.value)


def test_a_task_with_a_fault_is_not_packed_and_no_earlier_file_is_left(tmp_path: Path) -> None:
    project = tmp_path / "project"
    for part in ("task", "extension"):
        shutil.copytree(ROOT / part, project / part)
    for part in ("LICENSE", "pyproject.toml"):
        shutil.copy(ROOT / part, project)
    (project / "task" / "shim.js").write_text("'use strict';\nconst = 1;\n")
    shutil.copytree(ROOT / "src" / "pip_authenticate", project / "src" / "pip_authenticate")
    output = tmp_path / "out"
    output.mkdir()
    (output / f"acme.pip-authenticate-{__version__}.vsix").touch()
    with pytest.raises(build_task.BuildError, match="Node cannot read it"):
        build_extension.build("acme", output, project)
    assert list(output.iterdir()) == []


# ---- make ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "Say who publishes the extension: make extension PUBLISHER=ID"),
        (("PUBLISHER=",), "Say who publishes the extension: make extension PUBLISHER=ID"),
        (("PUBLISHER=acme corp",), "PUBLISHER='acme corp' is no publisher's id"),
        (('PUBLISHER=acme"; echo oh; "',), "PUBLISHER='acme\"; echo oh; \"' is no publisher's id"),
        (("PUBLISHER=-acme",), "PUBLISHER='-acme' is no publisher's id"),
        (("PUBLISHER=a/../b",), "PUBLISHER='a/../b' is no publisher's id"),
    ],
)
def test_an_extension_needs_a_publisher(arguments: tuple[str, ...], said: str) -> None:
    ended = make("extension", *arguments)
    assert ended.returncode != 0
    assert ended.stdout == ""
    (line, *of_make) = ended.stderr.splitlines()
    assert line.startswith(said)
    assert all(line.startswith("make") for line in of_make)


def test_make_says_why_a_task_cannot_have_a_name() -> None:
    ended = make("task", "NAME=Pip Authenticate")
    assert ended.returncode != 0
    assert ended.stderr.splitlines()[:2] == [
        "'name' must consist of letters, digits and hyphens",
        "Pip Authenticate was not built: 1 fault(s).",
    ]


def test_a_variable_of_the_machine_names_no_task() -> None:
    shown = "--eval=show:; @echo $$NAME"
    assert make(shown, "show", NAME="DESKTOP-7").stdout == "PipAuthenticate\n"
    assert make(shown, "show", "NAME=Other").stdout == "Other\n"


# ---- npm -----------------------------------------------------------------------------------------


def test_tfx_is_pinned_and_its_lock_names_no_registry() -> None:
    wanted = json.loads((ROOT / "package.json").read_text(encoding="utf-8"))["devDependencies"]
    lock = json.loads((ROOT / "package-lock.json").read_text(encoding="utf-8"))["packages"]
    own = lock.pop("")
    assert own["devDependencies"] == wanted
    assert wanted["tfx-cli"] == "0.23.1"
    assert all(lock[f"node_modules/{name}"]["version"] == version for name, version in wanted.items())
    for name, package in lock.items():
        assert package["integrity"].startswith("sha512-"), name
        assert "resolved" not in package, name
        addresses = {key for key, value in package.items() if "://" in json.dumps(value)}
        assert addresses <= {"funding"}, name


def test_what_npm_says_of_a_registry_out_of_reach_is_shown(tmp_path: Path) -> None:
    for name in ("package.json", "package-lock.json"):
        shutil.copy(ROOT / name, tmp_path)
    settings = f"registry=http://127.0.0.1:9/\nfetch-retries=0\ncache={tmp_path / 'cache'}\n"
    (tmp_path / ".npmrc").write_text(settings)
    (tmp_path / "node_modules").mkdir()
    (tmp_path / "node_modules" / ".installed").write_text("as an older lock pinned it")
    code = "import sys, pathlib, tfx; tfx.command(pathlib.Path(sys.argv[1]))"
    ended = call(sys.executable, "-c", code, str(tmp_path), PYTHONPATH=str(ROOT / "tools"))
    assert ended.returncode == 1
    assert "npm could not install what package-lock.json lists: npm error code ECONNREFUSED" in ended.stderr


# ---- the documentation ---------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("command", re.findall(r"^\.venv/bin/python (tools/tfx\.py .*)$", PAGE, re.MULTILINE))
def test_the_documentations_commands_are_tfxs(command: str) -> None:
    words = command.partition("#")[0].split()
    options = {word for word in words if word.startswith("--")}
    verbs = words[1 : min(words.index(option) for option in options)]
    ended = call(sys.executable, words[0], *verbs, "--help", "--no-color")
    assert ended.returncode == 0, ended.stderr
    assert f"tfx {' '.join(verbs)}" in ended.stdout
    assert options <= set(re.findall(r"--[a-z-]+", ended.stdout))


def test_the_documentation_names_the_task_as_it_is() -> None:
    full = f"acme.{MANIFEST['id']}.{MANIFEST['contributions'][0]['id']}.{NAME}@1"
    assert full in PAGE
    assert set(re.findall(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", PAGE)) == {
        build_task.task_id(build_task.NAME)
    }
    assert f"- task: {NAME}@1" in (ROOT / "extension" / "overview.md").read_text(encoding="utf-8")
