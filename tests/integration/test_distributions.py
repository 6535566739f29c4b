"""What people install: the tool alone, and the emulator alone."""

import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

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
