"""The documentation says what the software does: names, files, snippets."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

import build_pictures
from azure_devops_emulator import Agent, Organization, Pipeline, Service
from pip_authenticate import settings
from support import snippets
from support.snippets import documented, is_development
from support.task import Task

ROOT = Path(__file__).parent.parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
ARCHITECTURE = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    """The README's fenced snippets in a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


def commands() -> list[str]:
    """The command lines for who works on the project, without comments; others run elsewhere as snippets."""
    own = [one for one in documented() if one.language == "sh" and is_development(one)]
    lines = [line.partition("#")[0].strip() for one in own for line in one.text.splitlines()]
    return list(dict.fromkeys(line for line in lines if line))


def test_the_readme_is_a_screen_of_what_matters() -> None:
    assert len(README.splitlines()) < 120


def test_what_is_made_of_the_sources_is_up_to_date() -> None:
    command = [sys.executable, str(ROOT / "tools" / "build_reference.py"), "--check"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout


def test_every_failure_has_one_place_of_its_own() -> None:
    page = (ROOT / "docs" / "failures.md").read_text(encoding="utf-8")
    slugs = re.findall(r"^### ([a-z-]+)$", page, re.MULTILINE)
    assert slugs == sorted(set(slugs))
    sources = (file.read_text(encoding="utf-8") for file in (ROOT / "src").rglob("*.py"))
    raised = {
        slug
        for text in sources
        for slug in re.findall(r'(?:Input|Service|Delivery)Error\(\s*"([a-z-]+)",', text)
    }
    assert raised
    assert raised <= set(slugs)


def test_the_pictures_show_what_the_command_shows() -> None:
    for name, picture in build_pictures.pictures().items():
        assert (build_pictures.PICTURES / name).read_text(encoding="utf-8") == picture, "run make pictures"


def test_the_site_is_built_and_asks_no_other_host(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mkdocs", "build", "--quiet", "--site-dir", str(tmp_path / "site")]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    pages = sorted((tmp_path / "site").rglob("*.html"))
    assert len(pages) > len(snippets.pages()) - 1
    for page in pages:
        loaded = re.findall(
            r"<(?:script|link|img|iframe)\b[^>]*\b(?:src|href)=.https?:[^>]*>", page.read_text()
        )
        assert loaded == []


def test_every_input_is_declared() -> None:
    declared = json.loads((ROOT / "task" / "task.json").read_text(encoding="utf-8"))["inputs"]
    known = [item.name for item in settings.INPUTS]
    assert [item["name"] for item in declared] == known
    assert [item.get("aliases", [""])[0] for item in declared] == [item.alias for item in settings.INPUTS]


@pytest.mark.parametrize("snippet", blocks("yaml"))
def test_the_pipeline_snippets_run(snippet: str, task: Task, tmp_path: Path) -> None:
    file = tmp_path / "pipeline.yml"
    file.write_text(snippet, encoding="utf-8")
    with Service(Organization.load(ROOT / "examples" / "organization.toml")) as service:
        result = Agent(service=service, project="project1", task_dirs=[task.folder]).run(Pipeline.load(file))
    assert result.result == "Succeeded", "\n".join(result.log)
    assert any("Successfully installed" in line for line in result.log)


@pytest.mark.parametrize("command", [line for line in commands() if line.startswith("make ")])
def test_the_make_targets_exist(command: str) -> None:
    ended = subprocess.run([*command.split(), "-n"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr


@pytest.mark.parametrize("command", [line for line in commands() if not line.startswith("make ")])
def test_the_commands_are_understood_as_they_are_written(command: str) -> None:
    folder, program, *words = re.split(r"(?<=\.venv/bin)/| ", command)
    assert folder == ".venv/bin", "a reader's shell finds it only in the project's environment"
    start = [Path(sys.executable).parent / program, *words, "--help"]
    ended = subprocess.run(start, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr


@pytest.mark.parametrize(
    "path", sorted(set(re.findall(r"`((?:[a-z_]+/)*[a-z_]+\.(?:py|js|toml|yml))`", ARCHITECTURE)))
)
def test_every_file_that_the_architecture_names_exists(path: str) -> None:
    product = ROOT / "src" / "pip_authenticate"
    assert any((place / path).is_file() for place in (ROOT, product))


@pytest.mark.parametrize(
    "path",
    [
        *re.findall(r"\]\(([A-Za-z/-]+(?:\.md)?)[#)]", README + ARCHITECTURE),
        *re.findall(r"(?:src|srcset)=\"([^\"]+)\"", README),
    ],
)
def test_every_link_inside_the_project_leads_somewhere(path: str) -> None:
    assert (ROOT / path).exists()
