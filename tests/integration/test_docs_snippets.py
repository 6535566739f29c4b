"""Every snippet of the documentation does what the documentation says, in a project and an organisation of its own."""

import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from azure_devops_emulator import Agent, Organization, Pipeline, Service
from pip_authenticate.project import parse_toml
from support.programs import Programs
from support.snippets import ROOT, Project, Snippet, documented, matches
from support.task import Task

ORGANIZATION = ROOT / "tests" / "data" / "documentation.toml"
DEVELOPMENT = ("make ", ".venv/bin/")
"""Lines of who works on the project itself; tests/unit/test_docs.py reads them."""
NOT_RUN = Counter()
"""How many snippets no test runs, by page and language: there is no machine for them."""
LANGUAGES = {"sh", "text", "toml", "ini", "yaml", "dockerfile", "python", "powershell", "bat", "fish"}
SNIPPETS = documented()


def of(language: str, title: str = "") -> list[object]:
    """Parameters of a test: the snippets of a language, slow ones marked."""
    found = [
        one
        for one in SNIPPETS
        if one.is_run and one.language == language and one.title.endswith(title) and bool(one.title) == bool(title)
    ]
    return [pytest.param(one, id=str(one), marks=[pytest.mark.slow] if one.tools else []) for one in found]


def is_development(snippet: Snippet) -> bool:
    """Whether each of its lines is of who works on the project itself."""
    return all(line.startswith(DEVELOPMENT) for line in snippet.text.splitlines())


def output_of(snippet: Snippet) -> str:
    """What the page says that a snippet writes, or nothing."""
    after = SNIPPETS[SNIPPETS.index(snippet) + 1 :][:1]
    told = [one for one in after if one.page == snippet.page and one.language == "text" and not one.classes]
    return told[0].text if told else ""


@pytest.fixture(scope="module")
def server() -> Iterator[Service]:
    with Service(Organization.load(ORGANIZATION), on_premises=True) as service:
        yield service


@pytest.fixture
def project(tmp_path: Path, server: Service, programs: Programs) -> Project:
    return Project(tmp_path, server, programs)


@pytest.mark.parametrize("snippet", of("sh"))
def test_the_lines_of_shells_run_and_show_what_they_should(snippet: Snippet, project: Project) -> None:
    if is_development(snippet):
        pytest.fail  # noqa: B018
    project.lay_out(snippet)
    ended = project.run(snippet.text, snippet.tools)
    assert ended.returncode == 0, ended.stdout
    assert matches(project.filled(output_of(snippet)), ended.stdout), ended.stdout


def test_the_snippets_that_nothing_runs_are_these() -> None:
    assert Counter(f"{one.page} {one.language}" for one in SNIPPETS if not one.is_run) == NOT_RUN


def test_every_language_has_a_test() -> None:
    assert {one.language for one in SNIPPETS} <= LANGUAGES
