"""The documentation's snippets, and a project in which they run as a reader would run them.

A snippet's info string says what it is: a language, perhaps a title, perhaps classes in braces.

| info string | what a test does with it |
|---|---|
| `sh`, `fish` | runs it in bash or fish, in an empty project with the page's files |
| `text` | compares it with what the `sh` before it wrote; an ellipsis is any text |
| any language with `title="NAME"` | writes that file into the project of every `sh` behind it |
| `{.LANGUAGE .not-run}` | nothing; such snippets are counted by name |
"""

import os
import re
import shutil
import subprocess
import sys
import venv
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple
from zipfile import ZipFile

from azure_devops_emulator import Service
from support.programs import QUIET, Programs

ROOT = Path(__file__).parents[2]
TOKEN = "fake-token-of-ada"
"""Opens the feeds of `fabrikam`."""
TOOLS = ("uv", "poetry", "pdm", "pipenv", "hatch", "twine", "tox", "nox")
"""Programs that snippets start, each installed from the package registry when it is first needed."""
SERVED = "http://127.0.0.1:8080/tfs/DefaultCollection/"
"""Where the documentation has the emulator serve `fabrikam`."""
_FENCE = re.compile(r"^( *)```(?!`)([^\n]+)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
_TITLE = re.compile(r'title="([^"]+)"')
_HTTP = "https://pkgs.dev.azure.com/fabrikam/"


def placeholders(service: Service) -> dict[str, str]:
    """What stands in the documentation, and what a test puts there; feeds and packages are as written.

    The organisation is a server on loopback, whose feeds are below its own address.
    """
    return {
        re.escape(SERVED): service.collection_uri,
        re.escape(_HTTP): service.address("pkgs"),
        r"\bfabrikam\b(?!\.toml)": service.collection_uri,
        r"\.pkgs\.dev\.azure\.com|\bpkgs\.dev\.azure\.com\b": service.origin.partition("://")[2],
    }


def filled(text: str, service: Service) -> str:
    """A text of the documentation with real addresses in place of those of `fabrikam`."""
    values = placeholders(service)
    pattern = "|".join(f"({one})" for one in values)
    return re.sub(pattern, lambda found: list(values.values())[(found.lastindex or 1) - 1], text)


class Snippet(NamedTuple):
    """A fenced block of a page.

    Args:
        page: its path below the project's root.
        line: of its first line.
        language: the first word of its info string.
        title: the name of the file that it shows, or empty.
        classes: other words of its info string.
        text: what it holds, without its indentation.
    """

    page: str
    line: int
    language: str
    title: str
    classes: tuple[str, ...]
    text: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"

    @property
    def is_run(self) -> bool:
        """Whether a test does something with it."""
        return "not-run" not in self.classes

    @property
    def tools(self) -> list[str]:
        """The programs that it starts."""
        words = re.findall(r"[\w-]+", self.text)
        found = {"uv" if word == "uvx" else word for word in words}
        return [name for name in TOOLS if name in found]


def snippets(page: Path) -> list[Snippet]:
    """The snippets of a page in their order."""
    text = page.read_text(encoding="utf-8")
    return [_snippet(page, text, found) for found in _FENCE.finditer(text)]


def _snippet(page: Path, text: str, found: "re.Match[str]") -> Snippet:
    indent, info, body = found.groups()
    title = _TITLE.search(info)
    words = re.findall(r"[\w+-]+", _TITLE.sub("", info))
    return Snippet(
        page.relative_to(ROOT).as_posix(),
        text.count("\n", 0, found.start()) + 1,
        words[0],
        title[1] if title else "",
        tuple(words[1:]),
        re.sub(rf"^{indent}", "", body, flags=re.MULTILINE),
    )


def pages() -> list[Path]:
    """Every page of the documentation."""
    return [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def documented() -> list[Snippet]:
    """Every snippet of the documentation."""
    return [snippet for page in pages() for snippet in snippets(page)]


def is_development(snippet: Snippet) -> bool:
    """Whether each of its lines is for who works on the project itself."""
    return all(line.startswith(("make ", ".venv/bin/")) for line in snippet.text.splitlines())


class Project:
    """A reader's project and home, with the command and the programs that a snippet starts on PATH.

    Args:
        folder: an empty one.
        service: the organisation `fabrikam`, on premises.
        programs: installs what a snippet starts.
    """

    def __init__(self, folder: Path, service: Service, programs: Programs) -> None:
        self._service = service
        self._programs = programs
        self.home, self.folder, self._bin = folder / "home", folder / "project", folder / "bin"
        for path in (self.home, self.folder, self._bin):
            path.mkdir()
        _build(self.folder / "dist")
        self.python = _environment(folder / "venv", service.public_index_url)
        self._offer(Path(sys.executable).with_name("pip-authenticate"))
        _script(
            self._bin / "docker", f'exec {sys.executable} {Path(__file__).with_name("docker_build.py")} "$@"'
        )
        self.variables = {
            **{name: value for name, value in QUIET.items() if name != "PYTHON_KEYRING_BACKEND"},
            "HOME": str(self.home),
            "PATH": os.pathsep.join((str(self.python.parent), str(self._bin), os.defpath)),
            "PIP_AUTHENTICATE_TOKEN": TOKEN,
            "PIP_AUTHENTICATE_PORT": "0",  # several tests may run at once
            "TMPDIR": str(folder),
        }

    def filled(self, text: str) -> str:
        """A text of the documentation with the addresses of this organisation."""
        return filled(text, self._service)

    def write(self, name: str, text: str) -> None:
        """Write a file of the project, or of the home."""
        path = self.home / name[2:] if name.startswith("~/") else self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(self.filled(text), encoding="utf-8")

    def lay_out(self, snippet: Snippet) -> None:
        """Write the files that the page shows before a snippet."""
        for before in snippets(ROOT / snippet.page):
            if before.line < snippet.line and before.title and before.is_run:
                self.write(before.title, before.text)

    def run(
        self, text: str, tools: list[str], shell: Sequence[str] = ("bash", "-eu"), **variables: str
    ) -> "subprocess.CompletedProcess[str]":
        """Run lines in a shell, which stops at the first one that fails if it can.

        Args:
            text: as the documentation has it.
            tools: programs that it starts.
            shell: what starts it.
            variables: beside those of the project.
        """
        for tool in tools:
            for program in self._programs.place(tool).iterdir():
                if program.name.startswith(tool):
                    self._offer(program)
        return subprocess.run(
            [*shell, "-c", self.filled(text)],
            env={**self.variables, **variables},
            cwd=self.folder,
            input=f"{TOKEN}\n",  # what a person types where a snippet asks for it
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=240,
            check=False,
        )

    def _offer(self, program: Path) -> None:
        link = self._bin / program.name
        if not link.exists():
            link.symlink_to(program)


def _build(folder: Path) -> None:
    """Put into a folder what a build of the project makes: a wheel of nothing but its name."""
    folder.mkdir()
    about = "sample-1.0.dist-info"
    files = {
        f"{about}/METADATA": "Metadata-Version: 2.1\nName: sample\nVersion: 1.0\n",
        f"{about}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{about}/RECORD": "",
    }
    with ZipFile(folder / "sample-1.0-py3-none-any.whl", "w") as wheel:
        for name, text in files.items():
            wheel.writestr(name, text)


def _environment(folder: Path, public_index: str) -> Path:
    """A virtual environment whose pip has the stand-in as its public index; gives its Python."""
    venv.create(folder, symlinks=True)
    (packages,) = folder.glob("lib/python*/site-packages")
    found = find_spec("pip")
    assert found
    assert found.origin
    source = Path(found.origin).parent
    shutil.copytree(source, packages / "pip", ignore=shutil.ignore_patterns("__pycache__"))
    for metadata in source.parent.glob("pip-*.dist-info"):
        shutil.copytree(metadata, packages / metadata.name)
    python = folder / "bin" / "python"
    for name in ("pip", "pip3"):
        public = f': "${{PIP_INDEX_URL:={public_index}}}"; export PIP_INDEX_URL'
        lines = f'[ -s "$PIP_CONFIG_FILE" ] || {{ {public}; }}\nexec {python} -m pip "$@"'
        _script(folder / "bin" / name, lines)
    return python


def _script(path: Path, lines: str) -> None:
    path.write_text(f"#!/bin/sh\n{lines}\n", encoding="utf-8")
    path.chmod(0o755)


def matches(expected: str, shown: str) -> bool:
    """Whether every line of an expected text was shown, in its order; an ellipsis is any text."""
    lines = iter(shown.splitlines())
    return all(
        any(re.fullmatch(_pattern(line), one.rstrip()) for one in lines)
        for line in expected.splitlines()
        if line.strip()
    )


def _pattern(line: str) -> str:
    return ".*".join(map(re.escape, line.rstrip().split("…")))
