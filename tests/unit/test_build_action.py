"""What tools/build_action.py puts into the action's folder, and what it finds missing there."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import build_action
import tfx
from build_task import BuildError

ROOT = Path(__file__).parents[2]
WORKFLOW = ROOT / "examples" / "github-workflow.yml"


@pytest.fixture
def folder(action: Path, tmp_path: Path) -> Path:
    """A built action to spoil."""
    return Path(shutil.copytree(action, tmp_path / "spoilt"))


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, but for what Python has compiled in the meantime."""
    return {
        file.relative_to(folder).as_posix(): file.read_bytes()
        for file in folder.rglob("*")
        if file.is_file() and file.parent.name != "__pycache__"
    }


def test_holds_the_sources_as_they_are_and_the_libraries(action: Path) -> None:
    built = contents(action)
    own = {name for name in built if not name.startswith("task/lib/")}
    assert own == set(build_action.OWN_FILES)
    assert all(built[name] == (ROOT / name).read_bytes() for name in own)
    sources = contents(ROOT / "src")
    on_extras = {name for name in sources if "gateway" in name or "/keyring_" in name}
    assert on_extras
    for name in sources.keys() - on_extras:
        assert built[f"task/lib/{name}"] == sources[name]
    assert not {f"task/lib/{name}" for name in on_extras} & set(built)
    assert {"task/lib/idna/core.py", "task/lib/truststore/_api.py"} <= set(built)


def test_every_script_of_the_action_is_in_it() -> None:
    assert {f"action/{file.name}" for file in (ROOT / "action").iterdir()} <= set(build_action.OWN_FILES)


def test_two_builds_are_the_same_and_replace_each_other(action: Path, tmp_path: Path) -> None:
    target = tmp_path / "action"
    target.mkdir()
    (target / "stray").touch()
    assert contents(build_action.build(target)) == contents(action)
    assert list(tmp_path.iterdir()) == [target]


def test_has_no_fault(action: Path) -> None:
    assert list(build_action.check(action)) == []


@pytest.mark.parametrize("name", build_action.OWN_FILES[1:])
def test_finds_what_is_missing(folder: Path, name: str) -> None:
    (folder / name).unlink()
    assert list(build_action.check(folder)) == [f"{name}: missing"]


def test_finds_what_is_only_named(folder: Path) -> None:
    with (folder / "action" / "post.js").open("a") as script:
        script.write("require('../elsewhere.js');\n")
    manifest = folder / "action.yml"
    manifest.write_text(manifest.read_text() + "  pre: action/pre.js\n")
    assert list(build_action.check(folder)) == ["action/pre.js: missing", "elsewhere.js: missing"]


def test_finds_a_missing_package(folder: Path) -> None:
    shutil.rmtree(folder / "task" / "lib" / "pip_authenticate")
    assert list(build_action.check(folder)) == ["lib/pip_authenticate: missing"]


def test_finds_what_cannot_be_read(folder: Path) -> None:
    (folder / "action" / "post.js").write_text("const = 1;\n")
    (folder / "task" / "main.py").write_text("if")
    faults = list(build_action.check(folder))
    assert [fault.partition(":")[0] for fault in faults] == ["post.js", "main.py"]


def test_a_fault_leaves_nothing_not_even_an_earlier_build(tmp_path: Path) -> None:
    root = tmp_path / "project"
    for name in ("action", "task", "src"):
        shutil.copytree(ROOT / name, root / name)
    for name in ("action.yml", "LICENSE", "pyproject.toml"):
        shutil.copy(ROOT / name, root)
    (root / "action" / "runner.js").unlink()
    output = tmp_path / "out" / "action"
    output.mkdir(parents=True)
    with pytest.raises(BuildError, match=r"runner\.js: No such file"):
        build_action.build(output, root)
    assert list(output.parent.iterdir()) == []


# ---- what others say of it -----------------------------------------------------------------------


def test_the_inputs_are_the_ones_that_the_script_reads() -> None:
    declared = re.findall(r"^  ([a-z-]+):\n", (ROOT / "action.yml").read_text(), re.MULTILINE)
    scripts = "".join(file.read_text() for file in (ROOT / "action").glob("*.js"))
    read = {name for name in declared if f"'{name}'" in scripts or f"INPUT_{name.upper()}" in scripts}
    assert set(declared) == read
    assert set(re.findall(r"\(env, '([a-z-]+)'", scripts)) <= set(declared)


@pytest.mark.parametrize("file", [ROOT / "action.yml", WORKFLOW], ids=lambda file: file.name)
def test_the_validator_finds_nothing(file: Path, tmp_path: Path) -> None:
    """Its newest version, 0.6.0, is older than Node 24 and knows no such action."""
    copy = tmp_path / file.name
    copy.write_text(file.read_text().replace("using: node24", "using: node20"))
    command = [*tfx.script("@action-validator/cli/cli.mjs"), str(copy)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (ended.returncode, ended.stdout + ended.stderr) == (0, "")
    copy.write_text(copy.read_text().replace("runs", "run"))
    assert subprocess.run(command, capture_output=True, timeout=60, check=False).returncode == 1


def test_the_audit_finds_nothing(action: Path, tmp_path: Path) -> None:
    """The workflow names a version of this action by its tag, as people do that trust its owner."""
    config = tmp_path / "zizmor.yml"
    config.write_text('rules: {unpinned-uses: {config: {policies: {"acme/*": ref-pin}}}}\n')
    program = Path(sys.executable).with_name("zizmor")
    command = [str(program), "--offline", "--no-progress", "--format=json", "--config", str(config)]
    ended = subprocess.run(
        [*command, action / "action.yml", WORKFLOW], capture_output=True, text=True, timeout=60, check=False
    )
    assert (ended.returncode, json.loads(ended.stdout)) == (0, [])
    bad = tmp_path / "action.yml"
    bad.write_text(
        "name: x\ndescription: x\ninputs: {a: {description: x}}\nruns:\n  using: composite\n  steps:\n"
        "  - run: echo ${{ inputs.a }}\n    shell: bash\n"
    )
    assert subprocess.run([*command, bad], capture_output=True, timeout=60, check=False).returncode > 0
