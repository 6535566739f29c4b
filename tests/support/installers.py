"""Projects that every installer locks and installs from one index, which they name."""

from collections.abc import Callable
from typing import NamedTuple

_HEAD = '[project]\nname = "sample"\nversion = "1"\nrequires-python = ">=3.10"\n'
PYTHON = ".venv/bin/python"
"""The Python that everything is installed for, in the project's folder."""


class Installer(NamedTuple):
    """What one installer needs, and what it is told.

    Args:
        files: of a project, by name, for an index's address and the packages that are needed.
        script: of a shell: locks and installs.
        lock: the file that it locks into, or empty.
        program: its name; `hatch` has two, by what installs in its environments.
    """

    files: Callable[[str, list[str]], dict[str, str]]
    script: str
    lock: str
    program: str


def _pyproject(packages: list[str], *lines: str) -> dict[str, str]:
    return {"pyproject.toml": "\n".join((f"{_HEAD}dependencies = {packages}", *lines, ""))}


def _pip(index: str, packages: list[str]) -> dict[str, str]:
    return {"requirements.txt": "\n".join((f"--index-url {index}", *packages, ""))}


def _uv(index: str, packages: list[str]) -> dict[str, str]:
    return _pyproject(packages, "[[tool.uv.index]]", 'name = "feed"', f'url = "{index}"', "default = true")


def _poetry(index: str, packages: list[str]) -> dict[str, str]:
    source = ("[[tool.poetry.source]]", 'name = "feed"', f'url = "{index}"', 'priority = "primary"')
    return _pyproject(packages, "[tool.poetry]", "package-mode = false", *source)


def _pdm(index: str, packages: list[str]) -> dict[str, str]:
    return _pyproject(packages, "[[tool.pdm.source]]", 'name = "pypi"', f'url = "{index}"')


def _pipenv(index: str, packages: list[str]) -> dict[str, str]:
    source = ("[[source]]", 'name = "feed"', f'url = "{index}"', "verify_ssl = true")
    return {"Pipfile": "\n".join((*source, "[packages]", *(f'{name} = "*"' for name in packages), ""))}


def _hatch(installer: str) -> Callable[[str, list[str]], dict[str, str]]:
    def files(index: str, packages: list[str]) -> dict[str, str]:
        named = {"pip": "PIP_INDEX_URL", "uv": "UV_DEFAULT_INDEX"}[installer]
        return _pyproject(
            [],
            "[tool.hatch.envs.default]",
            'path = ".venv"',
            "skip-install = true",
            f'installer = "{installer}"',
            f"dependencies = {packages}",
            "[tool.hatch.envs.default.env-vars]",
            f'{named} = "{{env:{named}:{index}}}"',  # the index, unless the caller says how to open it
        )

    return files


def _unnamed(_: str, packages: list[str]) -> dict[str, str]:
    return {"requirements.txt": "\n".join((*packages, ""))}


INSTALLERS = {
    "pip": Installer(
        _pip,
        "python -m venv --without-pip .venv"
        " && pip lock --requirement requirements.txt --output pylock.toml"
        f" && pip --python {PYTHON} install --requirement requirements.txt",
        "pylock.toml",
        "pip",
    ),
    "uv": Installer(_uv, "uv lock && uv sync --locked", "uv.lock", "uv"),
    "poetry": Installer(_poetry, "poetry lock && poetry install", "poetry.lock", "poetry"),
    "pdm": Installer(_pdm, "pdm lock && pdm sync --no-self", "pdm.lock", "pdm"),
    "pipenv": Installer(_pipenv, "pipenv lock && pipenv sync", "Pipfile.lock", "pipenv"),
    "hatch": Installer(_hatch("pip"), "hatch env create", "", "hatch"),
    "hatch with uv": Installer(_hatch("uv"), "hatch env create", "", "hatch"),
}

"""Projects that name their index."""
UNNAMED = {
    "pip": Installer(
        _unnamed,
        f"python -m venv --without-pip .venv && pip --python {PYTHON} install --requirement requirements.txt",
        "",
        "pip",
    ),
    "uv": Installer(_unnamed, "uv venv && uv pip install --requirement requirements.txt", "", "uv"),
}
"""Projects that leave to variables which index there is."""
