"""What people install: the tool alone, and the emulator alone."""

import os
import shutil
import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

import build_dist
from pip_authenticate import __version__
from support.pythons import pretender, pythons

ROOT = Path(__file__).parents[2]


def built(kind: str, project: Path, folder: Path) -> Path:
    """Build a distribution as an index would get it."""
    command = {
        "wheel": [
            sys.executable,
            "-m",
            "pip",
            "wheel",
            "--quiet",
            "--no-deps",
            "-w",
            str(folder),
            str(project),
        ],
        "sdist": [sys.executable, "-m", "hatchling", "build", "-t", "sdist", "-d", str(folder)],
    }[kind]
    ended = subprocess.run(command, cwd=project, capture_output=True, text=True, timeout=300, check=False)
    assert ended.returncode == 0, ended.stderr
    (file,) = folder.iterdir()
    return file


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below a folder that somebody wrote."""
    return {
        file.relative_to(folder).as_posix(): file.read_bytes()
        for file in folder.rglob("*")
        if file.is_file() and file.parent.name != "__pycache__"
    }


@pytest.mark.slow
@pytest.mark.parametrize(
    ("project", "package", "command", "other"),
    [
        (ROOT, "pip_authenticate", "pip-authenticate", "azure_devops_emulator"),
        (ROOT / "emulator", "azure_devops_emulator", "azure-devops-emulator", "pip_authenticate"),
    ],
)
def test_a_wheel_holds_its_package_and_nothing_else(
    tmp_path: Path, project: Path, package: str, command: str, other: str
) -> None:
    with zipfile.ZipFile(built("wheel", project, tmp_path)) as wheel:
        names = wheel.namelist()
        (metadata,) = [name for name in names if name.endswith(".dist-info/METADATA")]
        (entries,) = [name for name in names if name.endswith("entry_points.txt")]
        tops = {name.split("/")[0] for name in names}
        assert tops == {package, metadata.split("/")[0]}
        sources = contents(project / "src" / package)
        assert {name: wheel.read(name) for name in names if name.startswith(f"{package}/")} == {
            f"{package}/{name}": sources[name] for name in sources
        }
        assert f"{package}/py.typed" in names
        assert any("licenses/LICENSE" in name for name in names)
        assert f"{command} = {package}.cli:main" in wheel.read(entries).decode()
        asked = [line for line in wheel.read(metadata).decode().splitlines() if "Requires-Dist" in line]
        assert not any(other.replace("_", "-") in line for line in asked)


@pytest.mark.slow
def test_the_source_distribution_holds_the_tool_alone(tmp_path: Path) -> None:
    with tarfile.open(built("sdist", ROOT, tmp_path)) as archive:
        inside = {name.partition("/")[2] for name in archive.getnames()}
    assert "src/pip_authenticate/task.py" in inside
    assert not [name for name in inside if name.startswith(("emulator/", "node_modules/", "dist/", ".venv/"))]


# ---- each from a clean environment ---------------------------------------------------------------


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of `make dist`."""
    folder = tmp_path_factory.mktemp("dist")
    assert build_dist.main([str(folder)]) == 0
    return folder


def started(command: list[str], folder: Path, **env: str) -> "subprocess.CompletedProcess[str]":
    """Run a command in an empty folder, with an empty home and little else."""
    home = folder / "home"
    home.mkdir(exist_ok=True)
    given = {"PATH": os.defpath, "HOME": str(home), "LANG": "C.UTF-8", **env}
    return subprocess.run(
        command, env=given, cwd=home, capture_output=True, text=True, timeout=60, check=False
    )


def works(command: list[str], folder: Path) -> None:
    """It answers, and it gives settings without asking anybody."""
    version = started([*command, "--version"], folder)
    assert (version.returncode, version.stdout, version.stderr) == (
        0,
        f"pip-authenticate {__version__}\n",
        "",
    )
    help_ = started([*command, "--help"], folder)
    assert (help_.returncode, help_.stderr) == (0, "")
    assert help_.stdout.startswith("usage: pip-authenticate COMMAND")
    assert "artifactFeeds " in started([*command, "inputs"], folder).stdout
    url = "https://pkgs.dev.azure.com/o/_packaging/f/pypi/simple/"
    told = started(
        [*command, "env", url, "--client=pip", "--output=sh"], folder, PIP_AUTHENTICATE_TOKEN="canary"
    )
    assert told.returncode == 0, told.stderr
    assert "PIP_INDEX_URL=" in told.stdout
    assert list((folder / "home").iterdir()) == []


@pytest.mark.slow
@pytest.mark.parametrize("pattern", ["*.whl", "*.tar.gz"])
def test_a_distribution_works_in_a_fresh_environment(dist: Path, tmp_path: Path, pattern: str) -> None:
    (file,) = dist.glob(pattern)
    venv.create(tmp_path / "fresh", with_pip=True)
    programs = tmp_path / "fresh" / "bin"
    command = [str(programs / "python"), "-m", "pip", "install", "--quiet", str(file)]
    home = {**os.environ, "HOME": str(tmp_path)}
    installed = subprocess.run(
        command, env=home, cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False
    )
    assert installed.returncode == 0, installed.stderr
    works([str(programs / "pip-authenticate")], tmp_path)


def test_the_source_distribution_makes_the_same_wheel(dist: Path, tmp_path: Path) -> None:
    (wheel,), (source,) = dist.glob("*.whl"), dist.glob("*.tar.gz")
    with tarfile.open(source) as archive:
        archive.extractall(tmp_path / "unpacked", filter="data")
    (project,) = (tmp_path / "unpacked").iterdir()
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(command, cwd=project, capture_output=True, timeout=300, check=True)
    assert (tmp_path / wheel.name).read_bytes() == wheel.read_bytes()


NEW = [pytest.param(file, id=f"{v[0]}.{v[1]}") for v, file in pythons().items() if v >= (3, 10)]


@pytest.mark.parametrize("python", NEW)
def test_the_single_file_works_with_any_python_and_nothing_installed(
    dist: Path, tmp_path: Path, python: Path
) -> None:
    file = Path(shutil.copy(dist / build_dist.NAME, tmp_path))
    works([str(python), "-S", str(file)], tmp_path)


def test_the_single_file_is_a_program(dist: Path, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python3").symlink_to(sys.executable)
    ended = started(
        [str(dist / build_dist.NAME), "--version"], tmp_path, PATH=str(tmp_path / "bin") + ":/usr/bin"
    )
    assert (ended.returncode, ended.stdout) == (0, f"pip-authenticate {__version__}\n")


def test_an_old_python_says_that_it_is_too_old(dist: Path, tmp_path: Path) -> None:
    ended = started([str(pretender(tmp_path)), str(dist / build_dist.NAME), "inputs"], tmp_path)
    assert ended.returncode == 1
    assert "pip-authenticate needs Python 3.10 or newer; this is Python 3.4." in ended.stderr


def test_the_single_file_holds_the_product_and_its_libraries_in_pure_python(dist: Path) -> None:
    with zipfile.ZipFile(dist / build_dist.NAME) as archive:
        names = archive.namelist()
        product = contents(ROOT / "src")
        assert {name: archive.read(name) for name in names if name.startswith("pip_authenticate/")} == product
    tops = {name.partition("/")[0].partition("-")[0] for name in names}
    assert tops == {"__main__.py", "idna", "pip_authenticate", "platformdirs", "tomli", "truststore"}
    assert not [name for name in names if name.endswith((".so", ".pyd", ".pyc"))]
    assert {name for name in names if name.startswith("idna-")} & {
        name for name in names if "LICENSE" in name
    }


def test_two_builds_are_the_same_byte_by_byte(dist: Path, tmp_path: Path) -> None:
    assert build_dist.main([str(tmp_path)]) == 0
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == contents(dist)
