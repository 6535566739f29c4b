"""Nothing of this machine gets into an emulated job: a clean environment and a fresh Python."""

import ast
import os
import subprocess
import sys
from pathlib import Path

from emulator_support.agent import Bench, output, service

ORGANIZATION = """
[organization]
name = "fabrikam"
[[projects]]
name = "one"
[public]
packages = ["PublicPackage==1.0.0"]
"""
PIPELINE = """
steps:
- script: |
    cd "$HOME" && echo "home:" $(find . -type f | grep -E 'netrc|config|pip|pypirc|cache')
    env
    pip config list
    python -c "import netrc; print(netrc.netrc().hosts)"
    pip --version
    pip install --dry-run PublicPackage
    pip install --no-deps canary-package && exit 9
    pip install PublicPackage
    python -m pip show PublicPackage
    pip cache dir || true
"""


def machine_with_canaries(folder: Path) -> dict[str, str]:
    """The environment of a machine whose every setting would be seen in a job."""
    home = folder / "canary-home"
    for file in (".netrc", ".pypirc", ".config/pip/pip.conf", ".pip/pip.conf", "named.conf", "wheels/x"):
        (home / file).parent.mkdir(parents=True, exist_ok=True)
        text = (
            "machine 127.0.0.1 login canary password canary\n"
            if file == ".netrc"
            else "[global]\ncanary = canary\n"
        )
        (home / file).write_text(text, encoding="utf-8")
    (home / ".netrc").chmod(0o600)
    canary = "http://canary.invalid/simple/"
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "XDG_CONFIG_HOME": str(home / ".config"),
        "XDG_CONFIG_DIRS": str(home / ".config"),
        "NETRC": str(home / ".netrc"),
        "PIP_INDEX_URL": canary,
        "PIP_EXTRA_INDEX_URL": canary,
        "PIP_FIND_LINKS": str(home / "wheels"),
        "PIP_CONFIG_FILE": str(home / "named.conf"),
        "PIP_CACHE_DIR": str(home / "cache"),
        "PIP_NO_INDEX": "1",
        "PYTHONPATH": str(home),
        "http_proxy": canary,
        "https_proxy": canary,
        "CANARY_TOKEN": "canary",
        "SYSTEM_ACCESSTOKEN": "canary",
    }


def test_nothing_of_the_machine_gets_into_a_job(tmp_path: Path) -> None:
    (tmp_path / "organization.toml").write_text(ORGANIZATION, encoding="utf-8")
    (tmp_path / "pipeline.yml").write_text(PIPELINE, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "azure_devops_emulator", "run", str(tmp_path / "pipeline.yml")],
        env=machine_with_canaries(tmp_path),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    log = done.stdout
    assert done.returncode == 0, log + done.stderr
    leaked = [line for line in log.splitlines() if "canary" in line.lower() and "canary-package" not in line]
    assert leaked == []
    assert "Successfully installed PublicPackage-1.0.0" in log
    assert "Looking in indexes: http://127.0.0.1:" in log
    assert "No such file or directory" in log  # there is no netrc
    assert "home: ./.config/pip/pip.conf\n" in log
    assert "pip cache commands can not function since cache is disabled" in log
    assert log.endswith("Job result: Succeeded\n")


def test_what_the_whole_machine_configures_for_pip_is_overridden(tmp_path: Path) -> None:
    everyone = tmp_path / "xdg" / "pip"
    everyone.mkdir(parents=True)
    (everyone / "pip.conf").write_text(
        "[global]\nindex-url = http://canary.invalid/\nextra-index-url = http://canary.invalid/\n"
        "no-index = true\nproxy = http://canary.invalid/\n[install]\nfind-links =\n  /canary\n  /canary2\n",
        encoding="utf-8",
    )
    script = """
        command -v python python3 pip
        echo $AGENT_HOMEDIRECTORY/python/bin
        pip config list
        pip download --no-deps some-package
    """
    with service(tmp_path) as one:
        result = Bench(one, tmp_path).run(
            {"script": script},
            python=True,
            agent_environment={"XDG_CONFIG_DIRS": str(tmp_path / "xdg")},
        )
    lines = output(result)
    assert lines[:3] == [f"{lines[3]}/{name}" for name in ("python", "python3", "pip")]
    assert f"global.index-url='{one.public_index_url}'" in lines
    assert {"global.extra-index-url=''", "global.no-index=''", "install.find-links=''"} <= set(lines)
    # pip lists what is overridden, too; what it does shows what counts.
    done = lines[lines.index(f"Looking in indexes: {one.public_index_url}") :]
    assert "canary" not in "\n".join(done)
    assert result.result == "Failed"


def test_the_jobs_configuration_of_pip_holds_in_every_environment(tmp_path: Path) -> None:
    """What a step makes with `venv` asks the stand-in too, and `pip install --user` stays in the job."""
    script = """
        python -m venv made
        made/bin/python -m pip download --no-deps some-package
        pip install --quiet --user ./package
        own-tool
        python -c "import own_module; print(own_module.__file__)"
        python -c "import sys; print([p for p in sys.path if 'packages' in p])"
        echo "$HOME"
    """
    package = tmp_path / "package"
    package.mkdir()
    (package / "own_module.py").write_text("def main(): print('own tool')\n", encoding="utf-8")
    (package / "pyproject.toml").write_text(
        "[build-system]\nrequires = []\nbuild-backend = 'backend'\nbackend-path = ['.']\n"
        "[project]\nname = 'own'\nversion = '1'\n",
        encoding="utf-8",
    )
    (package / "backend.py").write_text(
        "import zipfile\n"
        "def build_wheel(folder, config_settings=None, metadata_directory=None):\n"
        "    info = 'own-1.dist-info/'\n"
        "    with zipfile.ZipFile(f'{folder}/own-1-py3-none-any.whl', 'w') as wheel:\n"
        "        wheel.write('own_module.py')\n"
        "        wheel.writestr(info + 'METADATA', 'Metadata-Version: 2.1\\nName: own\\nVersion: 1\\n')\n"
        "        wheel.writestr(info + 'WHEEL', 'Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\n')\n"
        "        points = '[console_scripts]\\nown-tool = own_module:main\\n'\n"
        "        wheel.writestr(info + 'entry_points.txt', points)\n"
        "        wheel.writestr(info + 'RECORD', '')\n"
        "    return 'own-1-py3-none-any.whl'\n",
        encoding="utf-8",
    )
    with service(tmp_path) as one:
        result = Bench(one, tmp_path).run({"script": script}, python=True)
    lines = output(result)
    home = lines[-1]
    assert f"Looking in indexes: {one.public_index_url}" in lines
    assert "own tool" in lines
    assert lines[-3].startswith(f"{home}/.local/lib/")
    # Nothing of this machine's own packages is within reach.
    assert all(path.startswith(home.removesuffix("home")) for path in ast.literal_eval(lines[-2]))
