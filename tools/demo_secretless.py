"""Install a canary, whose code searches for the credential: the usual way, and behind the gateway."""

import importlib
import shlex
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

import scenes
from azure_devops_emulator import Organization, Service

ROOT = Path(__file__).resolve().parent.parent
HERE = Path(sys.executable).parent
ORGANIZATION = """
[organization]
name = "fabrikam"
[[projects]]
name = "project1"
readers = ["Ada Palmer"]
[[feeds]]
name = "myFeed"
project = "project1"
folders = ["{packages}"]
packages = ["HelloTestPackage==1.0.0"]
[feeds.roles]
"Ada Palmer" = "Feed and Upstream Reader"
[[identities]]
name = "Ada Palmer"
[[identities.tokens]]
label = "good"
value = "{token}"
scopes = ["app_token"]
[public]
packages = ["HelloTestPackage==99.0"]
"""


class Reader(scenes.Reader):
    """Somebody with a token, and a feed that has the canary.

    Args:
        folder: an empty one.
        service: the organisation.
        token: opens it.
        pips: where pip is.
        birds: knows the canary.
    """

    def __init__(self, folder: Path, service: Service, token: str, pips: Path, birds: ModuleType) -> None:
        self.canary, self.notes, self.token = birds, folder / "notes.jsonl", token
        super().__init__(folder, (pips, HERE), {birds.NOTES: str(self.notes), "TMPDIR": str(folder)})
        self.feed = service.resolve("{feed:project1/myFeed}")
        self.public = service.public_index_url.replace("127.0.0.1", "localhost")

    def with_login(self, token: str) -> str:
        """The feed's URL as the built-in task hands it over."""
        return self.feed.replace("://", f"://build:{token}@")

    def installs(self, *before: str, entered: str = "", **given: str) -> str:
        """Install the canary, start Python, and say where it found the credential."""
        script = "pip install --quiet --no-input --target got canary-source canary-start && "
        script += f"{shlex.quote(sys.executable)} -c 'import site; site.addsitedir(\"got\")'"
        done = self.types(*before, "sh", "-c", script, given=given, entered=entered)
        if done.returncode or self.token in done.stdout + done.stderr:
            return "nowhere that counts: the installation failed, or said it"
        return ", ".join(sorted(self.canary.notes(self.notes, self.token).found))


def usual(reader: Reader) -> bool:
    """The canary, installed the usual way: it finds the credential."""
    found = reader.installs(PIP_INDEX_URL=reader.with_login(reader.token))
    print(f"With PIP_INDEX_URL, code that pip installs has found the credential here: {found}.")
    return "variable PIP_INDEX_URL" in found


def behind(reader: Reader) -> bool:
    """The canary, installed behind the gateway: it finds nothing."""
    found = reader.installs(
        "pip-authenticate", "run", "--token-stdin", reader.feed, "--", entered=reader.token
    )
    print(f"Behind the gateway, the same code has found the credential here: {found or 'nowhere'}.")
    return not found


def confused(reader: Reader) -> bool:
    """A stranger's package of a private one's name, and an expired token: pip alone takes it, run refuses."""
    pip = ("pip", "download", "--no-deps", "--no-input", "-d")
    package = "HelloTestPackage"
    alone = reader.types(
        *pip,
        "alone",
        package,
        given={"PIP_INDEX_URL": reader.with_login("expired"), "PIP_EXTRA_INDEX_URL": reader.public},
    )
    guarded = ("pip-authenticate", "run", reader.feed, "--public", reader.public, "--client", "pip", "--")
    by_run = reader.types(*guarded, *pip, "guarded", package, given={"PIP_AUTHENTICATE_TOKEN": "expired"})
    print(
        "With an expired token pip alone has taken the stranger's 99.0; behind the gateway it took nothing."
    )
    return "99.0" in alone.stdout and by_run.returncode != 0 and not list(reader.folder.glob("guarded/*"))


SCENES: tuple[Callable[[Reader], bool], ...] = (usual, behind, confused)


def main() -> list[scenes.Outcome]:
    """Play all scenes."""
    sys.path.insert(0, str(ROOT / "tests"))
    birds: ModuleType = importlib.import_module("support.canary")
    with tempfile.TemporaryDirectory() as folder:
        packages, token = Path(folder) / "packages", birds.token()
        packages.mkdir()
        birds.lay(packages)
        organization = Organization.parse(ORGANIZATION.format(packages=packages, token=token))
        pips = scenes.installed(Path(folder) / "programs", "pip>=26.2")

        @contextmanager
        def reader(place: Path) -> Iterator[Reader]:
            with Service(organization) as service:
                yield Reader(place, service, token, pips, birds)

        return scenes.play(SCENES, reader)


if __name__ == "__main__":
    sys.exit(scenes.tell(main()))
