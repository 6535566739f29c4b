"""What the files of a project name."""

import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pip_authenticate import project
from pip_authenticate.azure.forms import identity
from pip_authenticate.index import IndexUrl

URL = "https://pkgs.dev.azure.com/fabrikam/p/_packaging/f/pypi/simple/"
FILES = {
    "uv": ("pyproject.toml", f'[[tool.uv.index]]\nname = "a"\nurl = "{URL}"\n'),
    "uv in its own file": ("uv.toml", f'[[index]]\nname = "a"\nurl = "{URL}"\n'),
    "uv without a name": ("pyproject.toml", f'[[tool.uv.index]]\nurl = "{URL}"\n'),
    "uv of old": ("uv.toml", f'index-url = "{URL}"\nextra-index-url = ["{URL}"]\n'),
    "poetry": ("pyproject.toml", f'[[tool.poetry.source]]\nname = "a"\nurl = "{URL}"\n'),
    "pdm": ("pyproject.toml", f'[[tool.pdm.source]]\nname = "a"\nurl = "{URL}"\n'),
    "hatch": ("pyproject.toml", f'[tool.hatch.publish.index.repos.a]\nurl = "{URL}"\n'),
    "hatch's environment": (
        "pyproject.toml",
        f'[tool.hatch.envs.default.env-vars]\nPIP_INDEX_URL = "{URL}"\n',
    ),
    "pipenv": ("Pipfile", f'[[source]]\nname = "a"\nurl = "{URL}"\nverify_ssl = true\n'),
    "requirements": ("requirements.txt", f"--index-url {URL}\n"),
    "requirements, short": ("requirements-dev.txt", f"-i {URL}\nx==1\n"),
    "requirements, extra": ("requirements.in", f"--extra-index-url={URL}  # theirs\n"),
    "requirements, continued": ("requirements.txt", f"--extra-index-url \\\n  {URL}\n"),
}
CLIENTS = {"uv": "uv", "poetry": "poetry", "pdm": "pdm", "hatch": "hatch", "pipenv": "pipenv"}


def read(folder: Path, **environ: str) -> project.Project:
    return project.read(str(folder), {"PIP_CONFIG_FILE": os.devnull, **environ})


@pytest.mark.parametrize("kind", FILES)
def test_each_file_is_understood(tmp_path: Path, kind: str) -> None:
    name, text = FILES[kind]
    (tmp_path / name).write_text(text)
    found = read(tmp_path)
    assert {str(one.url) for one in found.mentions} == {URL}
    assert {one.place for one in found.mentions} == {str(tmp_path / name)}
    if 'name = "a"' in text or "repos.a" in text:
        assert [one.name for one in found.mentions] == ["a"]
    client = CLIENTS.get(kind.partition(" ")[0].removesuffix("'s"), "pip")
    assert client in found.clients
    assert found.faults == ()
    assert (tmp_path / name).read_text() == text


SPELLINGS = [
    "https://pkgs.dev.azure.com/fabrikam/p/_packaging/f/pypi/simple",
    "https://fabrikam@pkgs.dev.azure.com/fabrikam/p/_packaging/f/pypi/simple/",
    "https://PKGS.dev.azure.com/Fabrikam/P/_packaging/F/pypi/simple/",
    "https://fabrikam.pkgs.visualstudio.com/p/_packaging/f/pypi/simple/",
    "https://fabrikam.pkgs.visualstudio.com/DefaultCollection/p/_packaging/f/pypi/simple/",
    "https://pkgs.dev.azure.com:443/fabrikam/p/_packaging/%66/pypi/simple//",
    "https://user:pa%40ss@pkgs.dev.azure.com/fabrikam/p/_packaging/f/pypi/simple/",
    "https://${USER}:${PASSWORD}@pkgs.dev.azure.com/fabrikam/p/_packaging/f/pypi/simple/",
    "https://pkgs.dev.azure.com/${ORGANIZATION}/p/_packaging/f/pypi/simple/",
]


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_an_index_is_known_by_its_address_in_any_spelling(tmp_path: Path, spelling: str) -> None:
    (tmp_path / "pyproject.toml").write_text(f'[[tool.uv.index]]\nname = "Ours"\nurl = "{spelling}"\n')
    found = read(tmp_path, ORGANIZATION="fabrikam")
    assert found.names_of(IndexUrl.parse(URL)[0]) == (("uv", "Ours"),)
    assert "pa%40ss" not in repr(found)


OTHERS = [
    "https://pkgs.dev.azure.com/fabrikam/_packaging/f/pypi/simple/",
    "https://pkgs.dev.azure.com/other/p/_packaging/f/pypi/simple/",
    "https://pkgs.dev.azure.com/fabrikam/p/_packaging/f@v/pypi/simple/",
    "https://pkgs.dev.azure.com.evil.example/fabrikam/p/_packaging/f/pypi/simple/",
    "http://pkgs.dev.azure.com/fabrikam/p/_packaging/f/pypi/simple/",
    "https://index.example/fabrikam/P/_packaging/f/pypi/simple/",
]


@pytest.mark.parametrize("other", OTHERS)
def test_another_index_is_another(other: str) -> None:
    assert identity(IndexUrl.parse(other)[0]) != identity(IndexUrl.parse(URL)[0])


def test_what_is_no_index_is_none_of_ours(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text(
        "-i ./local\n-i file:///x\n# -i https://h.example/\n-i ftp://h.example/\n"
    )
    (tmp_path / "pyproject.toml").write_text(
        '[tool.uv]\nindex = 5\n[tool.poetry]\nsource = "x"\n[tool.pdm]\nsource = [1, {name = 2, url = 3}]\n'
    )
    found = read(tmp_path)
    assert found.mentions == ()
    assert found.faults == ()


def test_whatever_a_client_will_ask_is_known(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text(
        "--find-links https://h.example/links\nx @ https://h.example/x.whl#sha256=1\n-i https://i.example/s?q=1\n"
    )
    assert [str(one.url) for one in read(tmp_path).mentions] == [
        "https://h.example/links",
        "https://h.example/x.whl",
        "https://i.example/s",
    ]


def test_a_project_is_found_from_within(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(FILES["uv"][1])
    inner = tmp_path / "src" / "deep"
    inner.mkdir(parents=True)
    assert [one.name for one in read(inner).mentions] == ["a"]


def test_requirements_name_further_files(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text(
        "-r more/base.txt\n-r requirements.txt\n-r https://h.example/x\n"
    )
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "base.txt").write_text(f"-i {URL}\n-c ../nowhere.txt\n")
    assert [str(one.url) for one in read(tmp_path).mentions] == [URL]


def test_the_configurations_of_pip_and_uv_are_read(tmp_path: Path) -> None:
    project_folder, home, environment = tmp_path / "project", tmp_path / "home", tmp_path / "venv"
    for folder in (
        project_folder,
        home / ".config" / "pip",
        home / ".config" / "uv",
        home / ".pip",
        environment,
    ):
        folder.mkdir(parents=True)
    urls = [f"https://h{number}.example/simple/" for number in range(5)]
    (home / ".config" / "pip" / "pip.conf").write_text(f"[global]\nindex-url = {urls[0]}\n")
    (home / ".pip" / "pip.conf").write_text(f"[install]\nextra-index-url =\n  {urls[1]}\n  {urls[2]}\n")
    (environment / "pip.conf").write_text(f"[global]\nindex-url = {urls[3]}\n")
    (home / ".config" / "uv" / "uv.toml").write_text(f'[[index]]\nname = "x"\nurl = "{urls[4]}"\n')
    found = project.read(str(project_folder), {"HOME": str(home), "VIRTUAL_ENV": str(environment)})
    assert {str(one.url) for one in found.mentions} >= set(urls)
    nothing = read(
        project_folder, HOME=str(home), VIRTUAL_ENV=str(environment), XDG_CONFIG_HOME=str(tmp_path)
    )
    assert nothing.mentions == ()


def test_variables_name_indexes_too(tmp_path: Path) -> None:
    found = read(
        tmp_path, UV_INDEX=f"ours={URL} https://h.example/", PIP_EXTRA_INDEX_URL="https://i.example/"
    )
    assert [(one.client, one.name, one.place) for one in found.mentions] == [
        ("pip", "extra-index-url", "PIP_EXTRA_INDEX_URL"),
        ("uv", "ours", "UV_INDEX"),
        ("uv", "", "UV_INDEX"),
    ]


@pytest.mark.parametrize("name", ["pyproject.toml", "uv.toml", "Pipfile", "requirements.txt"])
def test_only_regular_files_are_read(tmp_path: Path, name: str) -> None:
    os.mkfifo(tmp_path / name)
    assert read(tmp_path).mentions == ()


@given(st.binary(max_size=300))
def test_any_content_is_understood_or_refused_without_being_quoted(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for name in ("pyproject.toml", "uv.toml", "Pipfile", "requirements.txt"):
            (Path(folder) / name).write_bytes(content)
        found = read(Path(folder))
        assert all(len(str(fault)) < 300 for fault in found.faults)
