"""Several credentials in one organisation: what the real pip does with them, with and without the task."""

import io
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import pytest

from azure_devops_emulator import Agent, Fault, Organization, Pipeline, Service
from support.federated import Job, contoso, credential_of, without_credential
from support.http_service import Answer as ServerAnswer
from support.http_service import Request, serving
from support.real_pip import download, downloaded
from support.task import Connection, Run, Task, environment

EXAMPLES = Path(__file__).parents[2] / "examples"
JOB, RITA = "alpha Build Service (contoso)", "Rita Reader"
GUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"


@pytest.fixture
def job() -> Iterator[Job]:
    with contoso() as one:
        yield one


def index(url: str, token: str) -> str:
    return url.replace("://", f"://build:{token}@")


def downloads(job: Job) -> dict[str, set[tuple[str, int]]]:
    """By package: who asked for its file, and the answer."""
    found: dict[str, set[tuple[str, int]]] = {}
    for record in job.asked("pkgs"):
        match = re.search(r"/pypi/download/([^/]+)/", record.path)
        if match:
            found.setdefault(match[1], set()).add((record.identity, record.status))
    return found


def urls(run: Run) -> list[str]:
    """The indexes that were set, without credentials."""
    given = " ".join(run.variables.get(name, "") for name in ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL"))
    return [without_credential(url) for url in given.split()]


def personal(job: Job, feed: str, token: str = "canary-rita", number: int = 7) -> Connection:
    """A service connection to a feed of the organisation, with a person's token."""
    return Connection.token(number, job.feed(feed), token)


# ---- the fault ---------------------------------------------------------------------------------


def test_without_the_task_pip_sends_the_first_token_for_every_download(job: Job, tmp_path: Path) -> None:
    variables = {
        "PIP_INDEX_URL": index(job.feed("shared"), job.token.get_secret_value()),
        "PIP_EXTRA_INDEX_URL": index(job.feed("personal"), "canary-rita"),
    }
    ended = download(tmp_path, variables, "Personal")
    assert ended.returncode != 0
    assert "403" in ended.stderr
    assert downloads(job) == {"personal": {(JOB, 403)}}
    pages = {
        record.identity
        for record in job.asked("pkgs")
        if record.path.endswith("personal/pypi/simple/personal/")
    }
    assert pages == {RITA}, "the page was read with the right token"


def test_in_the_other_order_the_other_feed_fails(job: Job, tmp_path: Path) -> None:
    variables = {
        "PIP_INDEX_URL": index(job.feed("personal"), "canary-nora"),
        "PIP_EXTRA_INDEX_URL": index(job.feed("shared"), job.token.get_secret_value()),
    }
    assert download(tmp_path, variables, "Shared").returncode != 0
    assert downloads(job) == {"shared": {("Nora Nobody", 403)}}


# ---- the mend ----------------------------------------------------------------------------------


def test_with_the_task_each_feed_gets_its_own_token(task: Task, job: Job, tmp_path: Path) -> None:
    run = task.run(job.environment(feeds="shared", connections=(job.connection("personal"),)))
    assert run.succeeded(), run.errors
    assert all(
        re.fullmatch(rf"http://[^/]+/pkgs/contoso/_packaging/{GUID}/pypi/simple/?", url) for url in urls(run)
    )
    assert len(job.asked("feeds")) == 2, "each feed is asked for once"
    ended = download(tmp_path, run.variables, "Shared", "Personal")
    assert ended.returncode == 0, ended.stderr
    assert downloaded(tmp_path) == ["Personal-4.0.0", "Shared-1.1.0"]
    assert downloads(job) == {"shared": {(JOB, 303)}, "personal": {(RITA, 303)}}


def test_feeds_of_projects_and_views(task: Task, job: Job, tmp_path: Path) -> None:
    run = task.run(
        job.environment(feeds="shared@Release, alpha/parts", connections=(personal(job, "personal@Release"),))
    )
    assert run.succeeded(), run.errors
    paths = [re.sub(GUID, "GUID", url.partition("/pkgs/")[2]).rstrip("/") for url in urls(run)]
    assert paths == [
        "contoso/_packaging/GUID@GUID/pypi/simple",
        "contoso/GUID/_packaging/GUID/pypi/simple",
        "contoso/_packaging/GUID@GUID/pypi/simple",
    ]
    ended = download(tmp_path, run.variables, "Shared", "Part", "Personal")
    assert ended.returncode == 0, ended.stderr
    assert downloaded(tmp_path) == ["Part-3.0.0", "Personal-4.0.0", "Shared-1.0.0"], "the view's version"
    assert downloads(job) == {"shared": {(JOB, 303)}, "part": {(JOB, 303)}, "personal": {(RITA, 303)}}


def test_a_view_and_its_own_feed_with_different_tokens(task: Task, job: Job, tmp_path: Path) -> None:
    """Both live under the feed's GUID, but a view's segment is another one."""
    run = task.run(job.environment(feeds="shared@Release", connections=(personal(job, "shared"),)))
    assert run.succeeded(), run.errors
    ended = download(tmp_path, run.variables, "Shared")
    assert ended.returncode == 0, ended.stderr
    assert downloads(job) == {"shared": {(RITA, 303)}}, "the newest version, which only the feed has"
    ended = download(tmp_path, run.variables, "Shared==1.0.0")
    assert ended.returncode == 0, ended.stderr


def test_the_federated_identity_and_the_jobs_own(task: Task, job: Job, tmp_path: Path) -> None:
    run = task.run(job.environment(job.feed("deliveries"), federation="robot", feeds="shared"))
    assert run.succeeded(), run.errors
    ended = download(tmp_path, run.variables, "Delivered", "Shared")
    assert ended.returncode == 0, ended.stderr
    assert downloads(job) == {"delivered": {("robot", 303)}, "shared": {(JOB, 303)}}


def test_another_organisation_with_two_tokens_of_its_own(task: Task, job: Job, tmp_path: Path) -> None:
    there = (
        Connection.token(1, job.feed("foreign", "northwind"), "canary-fred"),
        Connection.token(2, job.feed("second", "northwind"), "canary-greta"),
    )
    run = task.run(job.environment(feeds="shared", connections=there))
    assert run.succeeded(), run.errors
    own, *others = urls(run)
    assert own.rstrip("/") == job.feed("shared").rstrip("/"), "an organisation with one credential stays"
    assert all(re.search(rf"/northwind/_packaging/{GUID}/", url) for url in others)
    ended = download(tmp_path, run.variables, "Shared", "Foreign", "Second")
    assert ended.returncode == 0, ended.stderr
    assert downloads(job) == {
        "shared": {(JOB, 303)},
        "foreign": {("Fred Foreigner", 303)},
        "second": {("Greta Guest", 303)},
    }


def test_two_organisations_of_one_host_whose_names_are_spelled_otherwise(
    task: Task, job: Job, tmp_path: Path
) -> None:
    """Links carry an organisation's own spelling, and pip compares letter by letter."""
    there = Connection.token(
        1, job.feed("foreign", "northwind").replace("northwind", "NorthWind"), "canary-fred"
    )
    own = Connection.token(2, job.feed("shared").replace("/contoso/", "/CONTOSO/"), "canary-olga")
    run = task.run(job.environment(connections=(there, own)))
    assert run.succeeded(), run.errors
    assert urls(run) == [job.feed("foreign", "northwind"), job.feed("shared")]
    ended = download(tmp_path, run.variables, "Shared", "Foreign")
    assert ended.returncode == 0, ended.stderr
    assert downloads(job) == {"shared": {("Olga Owner", 303)}, "foreign": {("Fred Foreigner", 303)}}


def wheel(name: str) -> bytes:
    """The smallest wheel there is."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        folder = f"{name}-1.0.dist-info"
        archive.writestr(f"{folder}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        archive.writestr(f"{folder}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{folder}/RECORD", "")
    return content.getvalue()


def test_two_repositories_of_one_host_whose_addresses_are_spelled_otherwise(
    task: Task, tmp_path: Path
) -> None:
    """A server writes `re%70o-one` into its links as `repo-one`."""
    logins = {"repo-one": ("u", "one-canary"), "repo-two": ("u", "two-canary")}

    def answer(request: Request) -> ServerAnswer:
        repository, _, rest = unquote(request.path).strip("/").partition("/")
        name = repository.replace("repo-", "pkg")
        if request.login != logins.get(repository):
            return ServerAnswer(401, headers=[("WWW-Authenticate", 'Basic realm="x"')])
        if rest == f"simple/{name}":
            file = f"{name}-1.0-py3-none-any.whl"
            page = f'<!DOCTYPE html><a href="/{repository}/files/{file}">{file}</a>'
            return ServerAnswer(200, page.encode(), headers=[("Content-Type", "text/html")])
        return ServerAnswer(200, wheel(name)) if rest.startswith("files/") else ServerAnswer(404)

    with serving(answer) as service:
        connections = [
            Connection.login(1, f"{service.url}/re%70o-one/simple/", *logins["repo-one"]),
            Connection.login(2, f"{service.url}/repo%2dtwo/simple/", *logins["repo-two"]),
        ]
        run = task.run(environment(connections=connections))
        assert run.succeeded(), run.errors
        assert urls(run) == [f"{service.url}/{name}/simple/" for name in logins]
        (warning,) = run.warnings
        assert all(f"service connection {connection.id}" in warning for connection in connections)
        assert "23.1" in warning
        ended = download(tmp_path, run.variables, "pkgone", "pkgtwo")
        assert ended.returncode == 0, ended.stderr
        files = {(one.path, one.login) for one in service.requests if "/files/" in one.path}
        assert files == {
            (f"/{name}/files/{name.replace('repo-', 'pkg')}-1.0-py3-none-any.whl", login)
            for name, login in logins.items()
        }


def test_one_credential_for_each_organisation_needs_no_question(task: Task, job: Job) -> None:
    there = Connection.token(1, job.feed("foreign", "northwind"), "canary-fred")
    run = task.run(job.environment(feeds="shared, alpha/parts", connections=(there, job.connection("depot"))))
    assert run.succeeded(), run.errors
    assert not job.asked("feeds")
    assert not [url for url in urls(run) if re.search(GUID, url)]


def test_each_token_goes_to_the_feeds_service_for_its_own_feed_only(task: Task, job: Job) -> None:
    run = task.run(job.environment(feeds="shared", connections=(job.connection("personal"),)))
    assert run.succeeded(), run.errors
    assert {(record.identity, record.path.rpartition("/")[2]) for record in job.asked("feeds")} == {
        (JOB, "shared"),
        (RITA, "personal"),
    }


# ---- two credentials for one index -------------------------------------------------------------


@pytest.mark.parametrize("spelling", ["name", "case", "guid"])
def test_two_credentials_for_one_index(task: Task, job: Job, spelling: str) -> None:
    feed = next(feed for feed in job.service.organization.feeds if feed.name == "shared")
    name = {"name": "shared", "case": "SHARED", "guid": feed.id}[spelling]
    run = task.run(job.environment(feeds="shared", connections=(personal(job, name),)))
    assert run.succeeded()
    (url,) = run.index_urls()
    assert credential_of(url)[1] == job.token.get_secret_value(), "the first one counts, as pip takes it"
    (warning,) = run.warnings
    assert "with different credentials" in warning
    assert "feed shared" in warning
    assert f"service connection {personal(job, name).id}" in warning
    assert not run.leaks("canary-rita")


def test_two_credentials_for_an_index_elsewhere(task: Task, job: Job) -> None:
    depot = job.connection("depot")
    other = Connection.login(3, depot.url.rstrip("/"), "keeper", "canary-other")
    run = task.run(job.environment(connections=(depot, other)))
    assert run.succeeded()
    (url,) = run.index_urls()
    assert credential_of(url)[1] == "canary-depot"
    assert depot.id in run.warnings[0]
    assert other.id in run.warnings[0]


def test_the_same_credential_twice_is_one_index(task: Task, job: Job) -> None:
    again = personal(job, "personal", number=8)
    run = task.run(job.environment(connections=(job.connection("personal"), again)))
    assert run.succeeded(), run.errors
    assert len(urls(run)) == 1


# ---- what can go wrong -------------------------------------------------------------------------


def test_a_feed_that_the_token_does_not_open(task: Task, job: Job) -> None:
    run = task.run(job.environment(feeds="shared", connections=(personal(job, "closed"),)))
    assert run.failed_cleanly()
    assert f"service connection {personal(job, 'closed').id}" in run.errors[0]
    assert "403" in run.errors[0]
    assert not run.leaks("canary-rita")


def test_a_feed_that_does_not_exist(task: Task, job: Job) -> None:
    run = task.run(job.environment(feeds="shared", connections=(personal(job, "parts"),)))
    assert run.failed_cleanly()
    assert "project/feed" in run.errors[0]


def test_a_feed_that_cannot_be_read_is_left_to_verify(task: Task, job: Job) -> None:
    connections = (job.connection("personal"),)
    run = task.run(job.environment(feeds="nowhere", connections=connections, INPUT_VERIFY="warn"))
    assert run.succeeded(), run.errors
    assert any("The feed nowhere does not exist there" in text for text in run.warnings)
    assert urls(run)[0] == job.feed("nowhere").rstrip("/")
    assert re.search(rf"/_packaging/{GUID}/", urls(run)[1]), "the other one gets its GUIDs all the same"


@pytest.mark.parametrize("verify", ["off", "warn", "fail"])
def test_a_feeds_service_that_tells_no_guids_fails_the_run(task: Task, job: Job, verify: str) -> None:
    job.service.faults.add(Fault("answer", path=r"^/feeds/.*/feeds/", status=403, times=0))
    connections = (job.connection("personal"),)
    run = task.run(job.environment(feeds="shared", connections=connections, INPUT_VERIFY=verify))
    assert run.result == "Failed"
    assert not run.variables, "an index by name could be sent the other's token"


def test_the_example_installs_from_both_feeds(task: Task) -> None:
    with Service(Organization.load(EXAMPLES / "organization.toml")) as service:
        agent = Agent(service=service, project="project1", task_dirs=[task.folder])
        result = agent.run(Pipeline.load(EXAMPLES / "two-identities.yml"))
        seen = {
            (record.identity, record.status)
            for record in service.log
            if record.host == "pkgs" and "/download/" in record.path
        }
    assert result.result == "Succeeded", result.log
    assert "Successfully installed HelloTestPackage-1.0.0 PartnerPackage-2.0.0" in result.log
    assert seen == {("project1 Build Service (fabrikam)", 303), ("Cleo Marsh", 303)}
