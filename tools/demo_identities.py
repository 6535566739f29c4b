"""Open a feed without any stored secret: on a laptop, in a job of GitHub, on a machine with an identity."""

import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import scenes
from azure_devops_emulator import CiJob, Organization, Programs, Service, SignedIn

ROOT = Path(__file__).resolve().parent.parent
EXAMPLES = ROOT / "examples"
HOSTED = "https://pkgs.dev.azure.com/fabrikam/"
JOB = CiJob("github", subject="repo:fabrikam@1234/sample@5678:ref:refs/heads/main")


class Reader(scenes.Reader):
    """Somebody who holds no token at all.

    Args:
        folder: an empty one.
        service: the organisation.
        tools: where uv, keyring and this program are.
        pips: where pip is: it would pass over a keyring beside itself.
    """

    def __init__(self, folder: Path, service: Service, tools: Path, pips: Path) -> None:
        self.service = service
        self.programs = Programs(service, folder / "bin")
        given = {
            "PIP_AUTHENTICATE_ORGANIZATION": service.collection_uri,
            "AZURE_AUTHORITY_HOST": service.authority,
        }
        super().__init__(folder, (folder / "bin", pips, tools), given)
        self.index = f"{service.address('pkgs')}project1/_packaging/myFeed/pypi/simple/"

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


def main() -> list[scenes.Outcome]:
    """Play all scenes."""
    organization = Organization.load(EXAMPLES / "identities.toml")
    with tempfile.TemporaryDirectory() as folder:
        tools = scenes.installed(Path(folder) / "tools", "uv", f"{ROOT}[keyring]")
        pips = scenes.installed(Path(folder) / "pip", "pip>=26.2")  # which asks keyring without a user name

        @contextmanager
        def reader(place: Path) -> Iterator[Reader]:
            with Service(organization) as service:
                yield Reader(place, service, tools, pips)

        return scenes.play(SCENES, reader)


if __name__ == "__main__":
    sys.exit(scenes.tell(main()))
