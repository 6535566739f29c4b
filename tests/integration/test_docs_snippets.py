"""Every snippet of the documentation does what the documentation says."""

import json
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

import tfx
from azure_devops_emulator import Agent, CiJob, Organization, Pipeline, Service
from pip_authenticate.text_files import read_toml
from support.programs import Programs
from support.runner import Runner, parsed
from support.shells import Shells
from support.snippets import (
    ROOT,
    SERVED,
    TOKEN,
    Project,
    Snippet,
    documented,
    filled,
    is_development,
    matches,
)
from support.task import Task

ORGANIZATION = ROOT / "examples" / "documentation.toml"
NOT_RUN = Counter({f"docs/ci/shells.md {shell}": 1 for shell in ("powershell", "bat")})
"""How many snippets no test runs, by page and language: there is no machine for them."""
SECRET = "${{ secrets.FEED_TOKEN }}"
INSTALLED = "Successfully installed"
LANGUAGES = {
    *("sh", "yml", "text", "toml", "ini", "yaml", "dockerfile", "python", "powershell", "bat", "fish"),
    "nginx",  # tests/integration/test_nginx.py
}
SNIPPETS = documented()


def of(language: str, title: str = "") -> list[object]:
    """Parameters of a test: the snippets of a language, slow ones marked."""
    found = [
        one
        for one in SNIPPETS
        if one.is_run
        and one.language == language
        and one.title.endswith(title)
        and bool(one.title) == bool(title)
        and not is_development(one)
    ]
    return [pytest.param(one, id=str(one), marks=[pytest.mark.slow] if one.tools else []) for one in found]


def output_of(snippet: Snippet) -> str:
    """What the page says that a snippet writes, or nothing."""
    after = SNIPPETS[SNIPPETS.index(snippet) + 1 :][:1]
    told = [one for one in after if one.page == snippet.page and one.language == "text" and not one.classes]
    return told[0].text if told else ""


@pytest.fixture(scope="module")
def public_packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the product and what it needs, as a reader would find it in the public index."""
    folder = tmp_path_factory.mktemp("public")
    build = ["wheel", "--quiet", "--no-build-isolation", "--wheel-dir", str(folder), f"{ROOT}[keyring]"]
    subprocess.run([sys.executable, "-m", "pip", *build], check=True, timeout=240)
    return folder


@pytest.fixture
def organization(public_packages: Path) -> Organization:
    """The organisation `fabrikam`, to which nothing was published yet."""
    public = f"[public]\nfolders = [{json.dumps(str(public_packages))}]\n"
    return Organization.parse(ORGANIZATION.read_text(encoding="utf-8") + public)


@pytest.fixture
def server(organization: Organization) -> Iterator[Service]:
    with Service(organization, on_premises=True) as service:
        yield service


@pytest.fixture
def project(tmp_path: Path, server: Service, programs: Programs) -> Project:
    return Project(tmp_path, server, programs)


@pytest.mark.parametrize("snippet", of("sh"))
def test_the_lines_of_shells_run_and_show_what_they_should(snippet: Snippet, project: Project) -> None:
    project.lay_out(snippet)
    ended = project.run(snippet.text, snippet.tools)
    assert ended.returncode == 0, ended.stdout
    assert TOKEN not in ended.stdout
    assert matches(project.filled(output_of(snippet)), ended.stdout), ended.stdout


@pytest.mark.parametrize("snippet", of("fish"))
def test_the_lines_of_fish_run_in_it(snippet: Snippet, project: Project, tmp_path: Path) -> None:
    (tmp_path / "shells").mkdir()
    shell, libraries = Shells(tmp_path / "shells").place("fish")
    ended = project.run(snippet.text, snippet.tools, shell, **libraries)
    assert ended.returncode == 0, ended.stdout
    assert TOKEN not in ended.stdout
    assert INSTALLED in ended.stdout


@pytest.mark.parametrize("snippet", of("yaml", "azure-pipelines.yml"))
def test_pipelines_of_azure_run(
    snippet: Snippet, organization: Organization, task: Task, tmp_path: Path
) -> None:
    """The task runs in an organisation of the service, the command in one of a server."""
    with Service(organization, on_premises="- task:" not in snippet.text) as service:
        file = tmp_path / "azure-pipelines.yml"
        file.write_text(filled(snippet.text, service), encoding="utf-8")
        agent = Agent(service=service, project="project1", task_dirs=[task.folder])
        ended = agent.run(Pipeline.load(file))
    assert ended.result == "Succeeded", "\n".join(ended.log)
    assert INSTALLED in "\n".join(ended.log)


@pytest.mark.parametrize("snippet", of("yaml", ".gitlab-ci.yml"))
def test_scripts_of_gitlab_run(snippet: Snippet, server: Service, programs: Programs, tmp_path: Path) -> None:
    jobs = {name: job for name, job in yaml.safe_load(snippet.text).items() if "script" in job}
    assert jobs
    for name, job in jobs.items():
        (tmp_path / name).mkdir()
        project = Project(tmp_path / name, server, programs)
        variables = {key: project.filled(value) for key, value in job["variables"].items()}
        ended = project.run("\n".join(job["script"]), [], ("sh", "-eu"), GITLAB_CI="true", **variables)
        assert ended.returncode == 0, ended.stdout
        assert INSTALLED in ended.stdout


@pytest.mark.parametrize("snippet", of("yaml", ".circleci/config.yml"))
def test_steps_of_circleci_run(snippet: Snippet, project: Project, tmp_path: Path) -> None:
    """Each in a bash of its own, which reads BASH_ENV first."""
    (tmp_path / "bash-env").touch()
    (job,) = yaml.safe_load(snippet.text)["jobs"].values()
    variables = {name: project.filled(value) for name, value in job["environment"].items()}
    around = {"CIRCLECI": "true", "BASH_ENV": str(tmp_path / "bash-env"), **variables}
    ends = [project.run(step["run"], [], **around) for step in job["steps"]]
    assert [ended.returncode for ended in ends] == [0] * len(ends), ends
    assert INSTALLED in ends[-1].stdout


@pytest.mark.parametrize(
    "snippet", [*of("yaml", "test.yml"), *of("yaml", "script.yml"), *of("yaml", "federated.yml")]
)
def test_workflows_of_github_are_valid(snippet: Snippet, tmp_path: Path) -> None:
    file = tmp_path / "workflow.yml"
    file.write_text(snippet.text, encoding="utf-8")
    validator = [*tfx.script("@action-validator/cli/cli.mjs"), str(file)]
    ended = subprocess.run(validator, capture_output=True, text=True, timeout=60, check=False)
    assert (ended.returncode, ended.stdout + ended.stderr) == (0, "")


@pytest.mark.parametrize("snippet", [*of("yaml", "test.yml"), *of("yaml", "script.yml")])
def test_steps_of_github_run(snippet: Snippet, project: Project, action: Path, tmp_path: Path) -> None:
    """Steps that use the action start it, steps that run lines get what steps before have set."""
    runner = Runner(tmp_path / "runner", action)
    (job,) = yaml.safe_load(project.filled(snippet.text.replace(SECRET, TOKEN)))["jobs"].values()
    variables, log = dict[str, str](), ""
    for step in job["steps"]:
        if "run" in step:
            files = runner.files()
            around = {**runner.own, **variables, **step.get("env", {}), **files}
            ended = project.run(step["run"], [], **around)
            assert ended.returncode == 0, ended.stdout
            variables |= parsed(Path(files["GITHUB_ENV"]).read_text(encoding="utf-8"))
            log += ended.stdout
        elif "pip-authenticate@" in step["uses"]:
            done = runner.main(step["with"])
            assert done.code == 0, done.log
            variables |= done.variables
    assert INSTALLED in log


@pytest.mark.parametrize("snippet", of("yaml", "federated.yml"))
def test_a_job_of_github_needs_no_stored_secret(
    snippet: Snippet, organization: Organization, programs: Programs, action: Path, tmp_path: Path
) -> None:
    with Service(organization) as service:
        project = Project(tmp_path, service, programs)
        runner = Runner(tmp_path / "runner", action)
        job = service.ci_variables(CiJob("github"), application="package-robot")
        text = snippet.text.replace("${{ vars.AZURE_CLIENT_ID }}", job.pop("AZURE_CLIENT_ID"))
        (steps,) = [one["steps"] for one in yaml.safe_load(text)["jobs"].values()]
        variables, log = {"PIP_AUTHENTICATE_TOKEN": "", "AZURE_AUTHORITY_HOST": service.authority}, ""
        for step in steps:
            files = runner.files()
            around = {**runner.own, **job, **variables, **step.get("env", {}), **files}
            ended = project.run(step["run"], [], **around)
            assert ended.returncode == 0, ended.stdout
            variables |= parsed(Path(files["GITHUB_ENV"]).read_text(encoding="utf-8"))
            log += ended.stdout
    assert INSTALLED in log


@pytest.mark.parametrize(
    "snippet", [pytest.param(one, id=str(one)) for one in SNIPPETS if one.title.endswith(".toml")]
)
def test_files_are_toml(snippet: Snippet, tmp_path: Path) -> None:
    (tmp_path / "file").write_text(snippet.text, encoding="utf-8")
    assert read_toml(str(tmp_path / "file"))


def test_the_documentation_has_its_organisation_served_where_it_says() -> None:
    """The line as it stands there, but for a port that is free, and an end."""
    lines = {
        line.partition("#")[0].strip()
        for one in SNIPPETS
        for line in one.text.splitlines()
        if "azure-devops-emulator serve" in line
    }
    (line,) = lines
    assert line.endswith(" --port 8080")
    words = [*line.removesuffix(" --port 8080").split(), "--port", "0", "--seconds", "20", "--show-tokens"]
    program = Path(sys.executable).parent / Path(words[0]).name
    with subprocess.Popen([program, *words[1:]], cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        shown = ""
        while "Log in with" not in shown:
            told = process.stdout.readline()
            assert told, shown
            shown += told
        process.terminate()
    (port,) = re.findall(r"^  collection +http://127\.0\.0\.1:(\d+)/", shown, re.MULTILINE)
    assert SERVED.replace("8080", port) in shown
    assert TOKEN in shown


def test_every_pipeline_has_a_test() -> None:
    known = (
        *("azure-pipelines.yml", ".gitlab-ci.yml", ".circleci/config.yml"),
        *("test.yml", "script.yml", "federated.yml"),
    )
    assert all(
        one.title.endswith(known)
        for one in SNIPPETS
        if one.language == "yaml" and one.page != "README.md"  # tests/unit/test_docs.py runs those
    )


def test_the_snippets_that_nothing_runs_are_these() -> None:
    assert Counter(f"{one.page} {one.language}" for one in SNIPPETS if not one.is_run) == NOT_RUN


def test_every_language_has_a_test() -> None:
    assert {one.language for one in SNIPPETS} <= LANGUAGES
