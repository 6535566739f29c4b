"""Use the command as a reader would: real installers, a publication, a check; against an emulated server."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

from azure_devops_emulator import Organization, Service

ROOT = Path(__file__).resolve().parent.parent
EXAMPLES = ROOT / "examples"
COMMAND = str(Path(sys.executable).with_name("pip-authenticate"))
PROGRAMS = ("uv", "poetry", "twine")
TOKEN = "fake-token-of-ada-everything"  # noqa: S105 - made up, see examples/organization.toml
HOSTED = "https://pkgs.dev.azure.com/fabrikam/"


class Reader:
    """Somebody with a folder, a home and a server.

    Args:
        folder: an empty one.
        address: of the server's collection; it takes the place of the organisation in the examples.
        programs: where the real installers are.
    """

    def __init__(self, folder: Path, address: str, programs: Path) -> None:
        self.folder = folder
        self.address = address
        home = folder / "home"
        home.mkdir()
        self.environ = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "UV_"))},
            **{name: os.environ[name] for name in ("PIP_CERT", "UV_NATIVE_TLS") if name in os.environ},
            "HOME": str(home),
            "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
            "PIP_CONFIG_FILE": os.devnull,
            "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring",
            "PIP_AUTHENTICATE_TOKEN": TOKEN,
            "PIP_AUTHENTICATE_ORGANIZATION": address,
        }

    def project(self, name: str) -> Path:
        """A copy of an example's project, whose index is the emulated one."""
        target = self.folder / name
        shutil.copytree(EXAMPLES / name, target)
        file = target / "pyproject.toml"
        file.write_text(file.read_text(encoding="utf-8").replace(HOSTED, self.address), encoding="utf-8")
        return target

    def types(self, *words: str, where: Path) -> "subprocess.CompletedProcess[str]":
        """Run a command, and show it with its output."""
        print(f"$ {' '.join(words)}", flush=True)
        done = subprocess.run(
            [COMMAND if word == "pip-authenticate" else word for word in words],
            cwd=where,
            env=self.environ,
            text=True,
            capture_output=True,
            check=False,
        )
        print(done.stdout + done.stderr, flush=True)
        return done


def uv(reader: Reader) -> bool:
    """uv, with nothing configured but the project's own index."""
    project = reader.project("project")
    done = reader.types("pip-authenticate", "run", "--", "uv", "sync", where=project)
    lock = (project / "uv.lock").read_text(encoding="utf-8")
    return "hellotestpackage==1.0.0" in done.stderr and TOKEN not in lock and reader.address in lock


def poetry(reader: Reader) -> bool:
    """Poetry, whose lock file holds the index's own address and no secret."""
    project = reader.project("poetry-project")
    done = reader.types("pip-authenticate", "run", "--", "poetry", "install", "-n", where=project)
    lock = (project / "poetry.lock").read_text(encoding="utf-8")
    return "hellotestpackage (1.0.0)" in done.stdout.lower() and TOKEN not in lock and reader.address in lock


def publication(reader: Reader) -> bool:
    """A publication with twine, and its install."""
    folder = reader.folder / "publication"
    folder.mkdir()
    name = "demopackage-1.0-py3-none-any.whl"
    metadata = "Metadata-Version: 2.1\nName: demopackage\nVersion: 1.0\n"
    with zipfile.ZipFile(folder / name, "w") as wheel:
        wheel.writestr("demopackage.py", "")
        wheel.writestr("demopackage-1.0.dist-info/METADATA", metadata)
        wheel.writestr("demopackage-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        wheel.writestr("demopackage-1.0.dist-info/RECORD", "")
    feed = "project1/myTestFeed1"
    publish = ("pip-authenticate", "run", feed, "--client", "twine", "--publish", "--via", "env")
    up = reader.types(*publish, "--", "twine", "upload", "--non-interactive", name, where=folder)
    pip = (sys.executable, "-m", "pip", "download", "--no-deps", "-d", "got", "demopackage")
    down = reader.types("pip-authenticate", "run", feed, "--client", "pip", "--", *pip, where=folder)
    return up.returncode == 0 and "Saved" in down.stdout and (folder / "got" / name).is_file()


def check(reader: Reader) -> bool:
    """A check with one good and one refused feed."""
    words = ("pip-authenticate", "check", "project1/myTestFeed1", "partners")
    done = reader.types(*words, where=reader.folder)
    verdicts = [line.split()[0] for line in done.stdout.splitlines() if not line.startswith(" ")]
    return done.returncode == 1 and verdicts == ["ok", "failed"] and "Permissions" in done.stdout


SCENES: tuple[Callable[[Reader], bool], ...] = (uv, poetry, publication, check)


def main() -> list[tuple[str, bool, float]]:
    """Play all scenes; what each shows, whether it did, and in how many seconds."""
    outcomes = []
    with tempfile.TemporaryDirectory() as folder:
        programs = Path(folder) / "programs"
        subprocess.run([sys.executable, "-m", "venv", str(programs)], check=True)
        scripts = programs / ("Scripts" if sys.platform == "win32" else "bin")
        install = [str(scripts / "python"), "-m", "pip", "install", "--quiet", *PROGRAMS]
        subprocess.run([*install, "--disable-pip-version-check"], check=True)
        organization = Organization.load(EXAMPLES / "organization.toml")
        for number, scene in enumerate(SCENES, 1):
            title = (scene.__doc__ or "").rstrip(".")
            print(f"\n=== {number} of {len(SCENES)}: {title}\n", flush=True)
            started = time.monotonic()
            place = Path(folder) / scene.__name__
            place.mkdir()
            with Service(organization, on_premises=True) as service:
                works = scene(Reader(place, service.collection_uri, scripts))
            outcomes.append((title, works, time.monotonic() - started))
    return outcomes


if __name__ == "__main__":
    results = main()
    for title, works, seconds in results:
        print(f"{'passed' if works else 'FAILED'}  {title} ({seconds:.1f} s)")
    sys.exit(sum(not works for _, works, _ in results))
