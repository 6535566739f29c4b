"""The task for other clients than pip: what it stores, where files lie, and what is left of earlier runs."""

import re
import shutil
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from azure_devops_emulator import Agent, Organization, Pipeline, Service
from pip_authenticate.authenticate import variables_of
from pip_authenticate.settings import CLIENTS
from support.organisation import TOKEN, Organisation
from support.shim import ANY_NODE, BEGIN
from support.shim import Agent as Machine
from support.task import Connection, Run, Task, environment, stored

EXAMPLES = Path(__file__).parents[2] / "examples"
OWN = "machine own.example login me password own-canary\n"
FEED = "https://pkgs.dev.azure.com/contoso/_packaging/one/pypi/simple/"


@pytest.fixture
def temporary(tmp_path: Path) -> Path:
    folder = tmp_path / "temporary"
    folder.mkdir()
    return folder


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder = tmp_path / "home"
    folder.mkdir()
    return folder


Start = Callable[..., Run]


@pytest.fixture
def start(task: Task, temporary: Path, home: Path) -> Start:
    """Start the task for some clients, after earlier runs."""

    def start(clients: str, *earlier: Run, **given: object) -> Run:
        others = {name: str(given.pop(name)) for name in list(given) if name.isupper()}
        env = environment(**given)  # type: ignore[arg-type]
        env |= {"AGENT_TEMPDIRECTORY": str(temporary), "HOME": str(home), "INPUT_CLIENTS": clients}
        for run in earlier:
            env |= run.later
        return task.run({**env, **others})

    return start


def folders(temporary: Path) -> list[Path]:
    """The folders in there; the summary of a run is a plain file, without any secret."""
    return sorted(entry for entry in temporary.iterdir() if entry.is_dir())


def connection(number: int = 1, password: str = "canary-p") -> Connection:
    return Connection.login(number, f"https://h{number}.example/simple", "u", password)


def test_uv_is_told_in_variables_that_a_later_run_erases(start: Start, temporary: Path) -> None:
    first = start("uv", connections=[connection(1), connection(2)])
    assert first.succeeded(), first.errors
    assert first.variables == {
        "UV_DEFAULT_INDEX": "https://u:canary-p@h1.example/simple",
        "UV_INDEX": "https://u:canary-p@h2.example/simple",
    }
    second = start("pip", first, connections=[connection(1)])
    assert second.variables == {
        "PIP_INDEX_URL": "https://u:canary-p@h1.example/simple",
        "UV_DEFAULT_INDEX": "",
        "UV_INDEX": "",
    }
    assert any("uv asks its own primary index again" in warning for warning in second.warnings)
    assert folders(temporary) == []
    for run in (first, second):
        assert run.leaks("canary-p", user="u") == []


def test_a_file_is_private_and_lies_where_the_agent_empties(start: Start, temporary: Path) -> None:
    run = start("netrc", connections=[connection()])
    assert run.succeeded(), run.errors
    (folder,) = folders(temporary)
    (file,) = folder.iterdir()
    assert run.variables == {"NETRC": str(file)}
    assert file.read_text(encoding="utf-8") == "machine h1.example login u password canary-p\n"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert run.leaks("canary-p", user="u") == []


@pytest.mark.parametrize("fails", [True, False])
def test_a_later_run_removes_the_files_of_an_earlier_one(
    start: Start, temporary: Path, *, fails: bool
) -> None:
    first = start("poetry,docker", connections=[connection()])
    assert set(first.variables) == {"NETRC", "PIP_AUTHENTICATE_NETRC"}
    others = temporary / "pip-authenticate-of-somebody-else"
    others.mkdir()
    second = start("pip", first, feeds="a/b/c" if fails else "")
    assert second.result == ("Failed" if fails else "Succeeded")
    assert second.variables == {"NETRC": "", "PIP_AUTHENTICATE_NETRC": ""}
    assert folders(temporary) == [others]


def test_a_run_that_writes_anew_leaves_one_folder(start: Start, temporary: Path) -> None:
    first = start("netrc", connections=[connection()])
    second = start("netrc", first, connections=[connection(password="canary-q")])
    (folder,) = folders(temporary)
    assert second.variables["NETRC"] == str(folder / "netrc") != first.variables["NETRC"]
    assert "canary-p" not in (folder / "netrc").read_text(encoding="utf-8")


@pytest.mark.parametrize("is_named", [True, False])
def test_the_users_own_entries_stay_usable(start: Start, home: Path, *, is_named: bool) -> None:
    """While the task's file is there, and afterwards: pip takes an empty NETRC for no file at all."""
    own = home / ("mine" if is_named else ".netrc")
    own.write_text(OWN, encoding="utf-8")
    given = {"NETRC": str(own)} if is_named else {}
    first = start("netrc", connections=[connection()], **given)
    text = Path(first.variables["NETRC"]).read_text(encoding="utf-8")
    assert text == f"machine h1.example login u password canary-p\n{OWN}"
    (home / ".netrc").write_text(OWN, encoding="utf-8")
    second = start("pip", first)
    assert second.variables == {"NETRC": str(home / ".netrc")}
    third = start("netrc", first, second, connections=[connection()])
    assert OWN in Path(third.variables["NETRC"]).read_text(encoding="utf-8")
    for run in (first, second, third):
        assert run.leaks("own-canary", "canary-p", user="u") == []


def test_what_the_user_has_set_stays(start: Start, temporary: Path) -> None:
    own = temporary / "pip-authenticate-mine"
    own.mkdir()
    (own / "netrc").write_text(OWN, encoding="utf-8")
    given = {"NETRC": str(own / "netrc"), "UV_INDEX": "https://u:own-canary@mirror.example/simple"}
    run = start("uv,pip", connections=[connection()], **given)
    assert set(run.variables) == {"PIP_INDEX_URL", "UV_DEFAULT_INDEX"}
    assert any(
        "UV_INDEX was not set by this task and stays: uv asks mirror.example" in w for w in run.warnings
    )
    failed = start("uv,netrc", feeds="a/b/c", **given)
    assert failed.failed_cleanly()
    assert failed.variables == {}
    assert (own / "netrc").read_text(encoding="utf-8") == OWN
    for one in (run, failed):
        assert one.leaks("own-canary") == []


@pytest.mark.parametrize("place", ["", "relative", "/does/not/exist"])
def test_without_a_folder_for_files_nothing_is_set(start: Start, place: str) -> None:
    run = start("pip,netrc", connections=[connection()], AGENT_TEMPDIRECTORY=place)
    assert run.failed_cleanly()
    assert run.variables == {}


def test_files_go_to_no_other_folder_than_the_agents(task: Task, tmp_path: Path) -> None:
    """A step can have set the variable, so that the files would be published."""
    work = tmp_path / "_work"
    for name in ("_temp", "artifacts"):
        (work / name).mkdir(parents=True)
    installed = Task(work / "_tasks" / "PipAuthenticate_a3a51958" / "1.0.0")
    shutil.copytree(task.folder, installed.folder)
    env = environment(connections=[connection()], INPUT_CLIENTS="netrc")
    refused = installed.run({**env, "AGENT_TEMPDIRECTORY": str(work / "artifacts")})
    assert refused.failed_cleanly()
    assert "a step has set it" in refused.errors[0]
    assert folders(work / "artifacts") == []
    assert installed.run({**env, "AGENT_TEMPDIRECTORY": str(work / "_temp")}).succeeded()
    assert len(folders(work / "_temp")) == 1


def test_publishing(start: Start, hosted: Organisation, temporary: Path) -> None:
    run = start("twine,uv,pdm,poetry,hatch", feeds="one", organisation=hosted, INPUT_PUBLISH="true")
    assert run.succeeded(), run.errors
    upload = f"{hosted.feed_service}_packaging/one/pypi/upload/"
    assert run.variables["HATCH_INDEX_REPO"] == upload
    assert run.variables["POETRY_REPOSITORIES_PIP_AUTHENTICATE_URL"] == upload
    for name in ("UV_PUBLISH_PASSWORD", "PDM_PUBLISH_PASSWORD", "HATCH_INDEX_AUTH"):
        assert run.variables[name] == TOKEN
    assert f"repository = {upload}" in Path(run.variables["PYPIRC_PATH"]).read_text(encoding="utf-8")
    assert any(f"uv publish --publish-url {upload}" in line for line in run.plain)
    assert not set(run.variables) & {"UV_PUBLISH_URL", "PDM_PUBLISH_REPO", "TWINE_PASSWORD"}
    assert run.leaks(TOKEN) == []
    later = start("pip", run)
    assert set(later.variables) == set(run.variables)
    assert not any(later.variables.values())
    assert later.leaks(TOKEN) == []
    assert folders(temporary) == []


def test_what_cannot_be_published_to_is_refused(start: Start) -> None:
    run = start("twine", connections=[connection()], INPUT_PUBLISH="true")
    assert run.failed_cleanly()
    assert "Nothing can be published to" in run.errors[0]


def test_a_client_that_cannot_publish_is_warned_of(start: Start, hosted: Organisation) -> None:
    run = start("pip", feeds="one", organisation=hosted, INPUT_PUBLISH="true")
    assert run.result == "Succeeded"
    assert run.warnings == ["None of the clients can publish: pip."]


def test_a_macro_in_a_password_that_stands_as_it_is_is_refused(start: Start) -> None:
    url = "https://h.example/contoso/_packaging/one/pypi/simple/"
    macro = Connection.login(1, url, "u", "canary$(Build.BuildId)")
    run = start("uv", connections=[macro], INPUT_PUBLISH="true")
    assert run.failed_cleanly()
    assert "UV_PUBLISH_PASSWORD would hold $(...)" in run.errors[0]
    assert run.variables == {}
    assert start("uv", connections=[macro]).succeeded()


def test_two_organisations_get_hosts_of_their_own(start: Start) -> None:
    given = [
        Connection.token(
            number, f"https://pkgs.dev.azure.com/{name}/_packaging/f/pypi/simple/", f"canary-{name}"
        )
        for number, name in enumerate(("contoso", "northwind"), 1)
    ]
    run = start("netrc", connections=given)
    text = Path(run.variables["NETRC"]).read_text(encoding="utf-8")
    assert text == "".join(
        f"machine {name}.pkgs.visualstudio.com login build password canary-{name}\n"
        for name in ("contoso", "northwind")
    )


def test_two_credentials_on_one_host_are_refused(start: Start, temporary: Path) -> None:
    given = [
        Connection.token(number, f"https://h.example/{number}/simple", f"canary-{number}")
        for number in (1, 2)
    ]
    run = start("uv", connections=given)
    assert run.failed_cleanly()
    assert "different credentials on one host, https://h.example" in run.errors[0]
    assert run.variables == {}
    assert folders(temporary) == []


def test_a_job_uses_the_file_with_an_address_that_holds_no_credential(task: Task, tmp_path: Path) -> None:
    """The whole way: an agent, its folders, and a later step of the same job."""
    file = tmp_path / "pipeline.yml"
    with Service(Organization.load(EXAMPLES / "organization.toml")) as service:
        url = service.resolve("{feed:project1/myTestFeed1}")
        file.write_text(
            "steps:\n"
            "- task: PipAuthenticate@1\n"
            "  inputs: { artifactFeeds: project1/myTestFeed1, clients: 'netrc' }\n"
            f"- script: pip install HelloTestPackage --index-url {url}\n",
            encoding="utf-8",
        )
        result = Agent(service=service, project="project1", task_dirs=[task.folder]).run(Pipeline.load(file))
    log = "\n".join(result.log)
    assert result.result == "Succeeded", log
    assert "Successfully installed HelloTestPackage-1.0.0" in log
    assert set(result.variables) & {"NETRC", "PIP_INDEX_URL"} == {"NETRC"}


# ---- the shim ----------------------------------------------------------------------------------


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def emptied(machine: Machine, env: dict[str, str], script: str = f"{BEGIN} exit 1") -> set[str]:
    machine.program("a", script)
    lines = machine.run("a", node=ANY_NODE, env=env).lines
    return {
        match[1] for line in lines if (match := re.match(r"##vso\[task.setvariable variable=(\w+);", line))
    }


def test_the_shim_knows_what_each_client_is_told(machine: Machine) -> None:
    """Without those that a job is never told, since they could not be emptied."""
    never = {
        *("UV_PUBLISH_URL", "PDM_PYPI_URL", "PDM_PUBLISH_REPO"),
        *("TWINE_REPOSITORY_URL", "TWINE_USERNAME", "TWINE_PASSWORD"),
    }
    known = machine.evaluate("shim.VARIABLES")
    assert isinstance(known, dict)
    assert {name: set(variables) for name, variables in known.items()} == {
        name: set(variables_of((name,))) - never for name in CLIENTS
    }


def test_a_run_that_dies_may_have_stored_what_its_clients_read(machine: Machine) -> None:
    known = machine.evaluate("shim.VARIABLES")
    assert isinstance(known, dict)
    for name in CLIENTS:
        assert emptied(machine, {"INPUT_CLIENTS": f" '{name.upper()}' "}) == set(known[name])
    assert emptied(machine, {"INPUT_CLIENTS": "uv, twine\nnonsense"}) == {*known["uv"], *known["twine"]}
    assert emptied(machine, {"INPUT_CLIENTS": "nonsense, constructor"}) == set(known["pip"])


def test_what_an_earlier_run_remembered_is_emptied_whatever_its_name(machine: Machine) -> None:
    env = stored(POETRY_HTTP_BASIC_MY_FEED_PASSWORD="canary", NETRC="/t/pip-authenticate-x/netrc")
    assert emptied(machine, env, "exit 86") == {"POETRY_HTTP_BASIC_MY_FEED_PASSWORD", "NETRC"}
    assert emptied(machine, {**env, "NETRC": "/mine"}, "exit 86") == {"POETRY_HTTP_BASIC_MY_FEED_PASSWORD"}


def test_python_inherits_what_it_may_have_to_erase(machine: Machine) -> None:
    names = {
        *variables_of(CLIENTS),
        "POETRY_HTTP_BASIC_MY_FEED_USERNAME",
        "POETRY_HTTP_BASIC_MY_FEED_PASSWORD",
    }
    machine.program("a", f"{BEGIN} export -p")
    listed = ", ".join(f'"{name}"' for name in sorted({*names, "UV_PYTHON", "PDM_PYTHON"}))
    env = dict.fromkeys((*names, "UV_PYTHON", "PDM_PYTHON"), "/x")
    lines = machine.run("a", env={**env, "VSTS_PUBLIC_VARIABLES": f"[{listed}]"}).lines
    seen = {line.removeprefix("export ").partition("=")[0] for line in lines}
    assert names <= seen
    assert not seen & {"UV_PYTHON", "PDM_PYTHON"}
