"""Open a feed without any stored secret: on a laptop, in a job of GitHub, on a machine with an identity."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from azure_devops_emulator import CiJob, Organization, Programs, Service, SignedIn

ROOT = Path(__file__).resolve().parent.parent
EXAMPLES = ROOT / "examples"
HOSTED = "https://pkgs.dev.azure.com/fabrikam/"
JOB = CiJob("github", subject="repo:fabrikam@1234/sample@5678:ref:refs/heads/main")


class Reader:
    """Somebody who holds no token at all.

    Args:
        folder: an empty one.
        service: the organisation.
        tools: where uv, keyring and this program are.
        pips: where pip is: it would pass over a keyring beside itself.
    """

    def __init__(self, folder: Path, service: Service, tools: Path, pips: Path) -> None:
        self.folder = folder
        self.service = service
        self.programs = Programs(service, folder / "bin")
        (folder / "home").mkdir()
        self.environ = {
            **{
                name: value
                for name, value in os.environ.items()
                if not name.startswith(("PIP_", "UV_", "CI"))
            },
            **{name: os.environ[name] for name in ("PIP_CERT", "UV_NATIVE_TLS") if name in os.environ},
            "HOME": str(folder / "home"),
            "PATH": os.pathsep.join((str(folder / "bin"), str(pips), str(tools), os.environ["PATH"])),
            "PIP_CONFIG_FILE": os.devnull,
            "PIP_AUTHENTICATE_ORGANIZATION": service.collection_uri,
            "AZURE_AUTHORITY_HOST": service.authority,
        }
        self.index = f"{service.address('pkgs')}project1/_packaging/myFeed/pypi/simple/"

    def types(
        self, *words: str, where: Path | None = None, given: Mapping[str, str] | None = None
    ) -> "subprocess.CompletedProcess[str]":
        """Run a command, and show it with its output."""
        print(f"$ {' '.join(words)}", flush=True)
        done = subprocess.run(
            words,
            cwd=where or self.folder,
            env={**self.environ, **(given or {})},
            text=True,
            capture_output=True,
            check=False,
        )
        print(done.stdout + done.stderr, flush=True)
        return done

    @property
    def people(self) -> set[str]:
        """Who the feed was read as."""
        asked = {record.identity for record in self.service.log if record.host == "pkgs"}
        return asked - {"anonymous"}  # who asked for the tenant


def laptop(reader: Reader) -> bool:
    """A laptop, signed in with az: pip through keyring, uv through run."""
    reader.environ |= reader.programs.az(SignedIn("Ada Palmer"))
    reader.environ["PIP_AUTHENTICATE_INDEXES"] = reader.index
    pip = ("pip", "download", "--no-deps", "-d", "got", "--index-url", reader.index, "HelloTestPackage")
    by_keyring = reader.types(*pip, given={"PIP_KEYRING_PROVIDER": "subprocess"})
    project = reader.folder / "project"
    shutil.copytree(EXAMPLES / "project", project)
    file = project / "pyproject.toml"
    text = file.read_text(encoding="utf-8").replace(HOSTED, reader.service.address("pkgs"))
    file.write_text(text.replace("myTestFeed1", "myFeed"), encoding="utf-8")
    by_run = reader.types("pip-authenticate", "run", "--", "uv", "sync", where=project)
    asked_once = len(reader.programs.calls("az")) == 1  # the token is kept
    installed = "Saved" in by_keyring.stdout and "hellotestpackage==1.0.0" in by_run.stderr
    return installed and asked_once and reader.people == {"Ada Palmer"}


def github(reader: Reader) -> bool:
    """A job of GitHub without any stored secret."""
    reader.environ |= {"CI": "true", **reader.service.ci_variables(JOB, application="release-robot")}
    pip = ("pip", "download", "--no-deps", "-d", "got", "HelloTestPackage")
    done = reader.types("pip-authenticate", "run", reader.index, "--", *pip)
    return "Saved" in done.stdout and reader.people == {"release-robot"}


def machine(reader: Reader) -> bool:
    """A machine with a managed identity."""
    reader.environ |= reader.service.machine_variables("vm")
    reader.types("pip-authenticate", "whoami", reader.index, "--credential", "managed-identity")
    pip = ("pip", "download", "--no-deps", "-d", "got", "HelloTestPackage")
    named = ("--credential", "managed-identity")
    done = reader.types("pip-authenticate", "run", reader.index, *named, "--", *pip)
    return "Saved" in done.stdout and reader.people == {"build-machine"}


SCENES: tuple[Callable[[Reader], bool], ...] = (laptop, github, machine)


def _installed(folder: Path, *requirements: str) -> Path:
    """A virtual environment with some programs; gives the folder that they are in."""
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    scripts = folder / ("Scripts" if sys.platform == "win32" else "bin")
    install = [str(scripts / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*install, *requirements], check=True)
    return scripts


def main() -> list[tuple[str, bool, float]]:
    """Play all scenes; what each shows, whether it did, and in how many seconds."""
    outcomes = []
    with tempfile.TemporaryDirectory() as folder:
        tools = _installed(Path(folder) / "tools", "uv", f"{ROOT}[keyring]")
        pips = _installed(Path(folder) / "pip", "pip>=26.2")  # which asks keyring without a user name
        organization = Organization.load(EXAMPLES / "identities.toml")
        for number, scene in enumerate(SCENES, 1):
            title = (scene.__doc__ or "").rstrip(".")
            print(f"\n=== {number} of {len(SCENES)}: {title}\n", flush=True)
            started = time.monotonic()
            place = Path(folder) / scene.__name__
            place.mkdir()
            with Service(organization) as service:
                works = scene(Reader(place, service, tools, pips))
            outcomes.append((title, works, time.monotonic() - started))
    return outcomes


if __name__ == "__main__":
    results = main()
    for title, works, seconds in results:
        print(f"{'passed' if works else 'FAILED'}  {title} ({seconds:.1f} s)")
    sys.exit(sum(not works for _, works, _ in results))
