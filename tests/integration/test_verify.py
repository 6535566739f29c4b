"""The input `verify`: every kind of index, every answer, and the words that a person reads."""

import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from azure_devops_emulator import Fault, Record
from support import tokens
from support.federated import Job, contoso
from support.task import Connection, Run, Task, stored

PAGE = "/simple/pip-authenticate-no-such-package/"
JOB = "alpha Build Service (contoso)"
COLLABORATOR = "Feed and Upstream Reader (Collaborator)"
HIDDEN = """
[[feeds]]
name = "hidden"
project = "beta"
packages = ["Hidden==1.0"]
roles = { "alpha Build Service (contoso)" = "Reader" }
"""


@pytest.fixture
def job() -> Iterator[Job]:
    with contoso(HIDDEN) as one:
        yield one


def olga(job: Job) -> Connection:
    """A service connection to a feed of the organisation, with the token of its owner."""
    return Connection.token(7, job.feed("shared"), "canary-olga")


KINDS: dict[str, Callable[[Job], dict[str, Any]]] = {
    "organisation": lambda _: {"feeds": "shared"},
    "project": lambda _: {"feeds": "alpha/parts"},
    "view": lambda _: {"feeds": "shared@Release"},
    "federated": lambda job: {"INPUT_FEEDURL": job.feed("deliveries"), "federation": "robot"},
    "connection": lambda job: {"connections": (olga(job),)},
    "private": lambda job: {"connections": (job.connection("depot"),)},
}
SOURCES = {
    "organisation": "feed shared",
    "project": "feed alpha/parts",
    "view": "feed shared@Release",
    "federated": "federated service connection",
    "connection": "service connection",
    "private": "service connection",
}


def run(task: Task, job: Job, verify: str = "warn", **options: Any) -> Run:  # noqa: ANN401 - the job's own
    """Run the task with verification."""
    return task.run(job.environment(INPUT_VERIFY=verify, **options))


def of_verifying(job: Job) -> list[Record]:
    """The requests that verifying made."""
    asked = ("/_apis/packaging/feeds", "/_apis/connectionData", "/private/", "/download/")
    return [
        record
        for record in job.asked()
        if record.path.startswith("/blob/")
        or PAGE in record.path
        or any(part in record.path for part in asked)
    ]


def the_warning(found: Run) -> str:
    """The one warning of a run that went on all the same."""
    assert found.result == "Succeeded", found.errors
    assert found.variables["PIP_INDEX_URL"]
    (warning,) = found.warnings
    return warning


# ---- every kind of index, when all is well -----------------------------------------------------


@pytest.mark.parametrize("kind", ["organisation", "project", "view", "federated", "connection"])
def test_a_feed_that_can_be_read_and_saved_to(task: Task, job: Job, kind: str) -> None:
    found = run(task, job, "fail", **KINDS[kind](job))
    assert found.succeeded(), found.errors
    assert not found.warnings
    (line,) = [line for line in found.plain if line.startswith("Verified ")]
    assert line.endswith("may read and save from upstream.")
    assert re.search(r"\([0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\)", line), "the identity's id"
    assert len(of_verifying(job)) == 2


def test_another_index_that_accepts_its_credential(task: Task, job: Job) -> None:
    found = run(task, job, "fail", **KINDS["private"](job))
    assert found.succeeded(), found.errors
    assert not found.warnings
    assert f"Verified {job.connection('depot').url}: The credential is accepted." in found.plain
    assert len(of_verifying(job)) == 2


def test_all_kinds_at_once(task: Task, job: Job) -> None:
    found = everything(task, job, "fail")
    assert found.succeeded(), found.errors
    assert len([line for line in found.plain if line.startswith("Verified ")]) == 6
    assert len(of_verifying(job)) <= 2 * 6 + 5, "two for each, and one for each that was written with GUIDs"


def everything(task: Task, job: Job, verify: str = "warn") -> Run:
    """A run with an index of each kind."""
    return run(
        task,
        job,
        verify,
        feeds="shared, alpha/parts, shared@Release",
        connections=(
            job.connection("depot"),
            Connection.token(7, job.feed("personal"), "canary-olga"),
        ),
        federation="robot",
        INPUT_FEEDURL=job.feed("deliveries"),
    )


@pytest.mark.parametrize("verify", ["", "off", "OFF"])
def test_nothing_is_asked_without_the_input(task: Task, job: Job, verify: str) -> None:
    found = run(task, job, verify, feeds="deliveries")
    assert found.succeeded(), found.errors
    assert not of_verifying(job)


def test_another_word_is_refused(task: Task, job: Job) -> None:
    found = run(task, job, "perhaps", feeds="shared")
    assert found.failed_cleanly()
    assert "off, warn and fail" in found.errors[0]
    assert not of_verifying(job)


# ---- every kind of index, every answer ---------------------------------------------------------

CONDITIONAL = '{"message": "VS403463: The conditional access policy of your administrator has failed."}'
# What is answered → what is said of a feed, and of another index (empty: it is accepted).
ANSWERS: dict[str, tuple[Fault, str, str]] = {
    "401": (Fault("answer", status=401), "not accept", "refuses the credential"),
    "403": (Fault("answer", status=403), "has no role that reads the feed", "refuses the credential"),
    "400": (Fault("answer", status=400), "answers with status 400", "answers with status 400"),
    "405": (Fault("answer", status=405), "answers with status 405", "answers with status 405"),
    "conditional access": (
        Fault("answer", status=401, headers={"Content-Type": "application/json"}, body=CONDITIONAL),
        "A conditional access policy blocks",
        "A conditional access policy blocks",
    ),
    "sign-in redirect": (Fault("sign-in-redirect"), "sign-in page (status 302)", "sign-in page (status 302)"),
    "sign-in page": (Fault("sign-in-page"), "sign-in page (status 203)", "sign-in page (status 203)"),
    "html": (Fault("html"), "something else stands in its place", ""),
    "json": (Fault("broken-json"), "something else stands in its place", ""),
    "endless": (Fault("endless-body"), "something else stands in its place", ""),
    "loop": (Fault("redirect", times=0), "redirects without end", "redirects without end"),
    "throttled": (
        Fault("throttle", times=0, retry_after="3600"),
        "limiting requests (status 429)",
        "limiting requests (status 429)",
    ),
    "unavailable": (
        Fault("unavailable", times=0, retry_after="3600"),
        "in trouble (status 503",
        "in trouble (status 503",
    ),
    "throttled once": (Fault("throttle", retry_after="0"), "", ""),
    "slow": (Fault("delay", seconds=0.1, retry_after="1"), "", ""),
}


@pytest.mark.parametrize("kind", list(KINDS))
@pytest.mark.parametrize("answer", list(ANSWERS))
def test_every_answer_of_every_kind(task: Task, job: Job, kind: str, answer: str) -> None:
    fault, of_feed, of_other = ANSWERS[answer]
    fault.path = PAGE
    job.service.faults.add(fault)
    found = run(task, job, **KINDS[kind](job))
    said = of_other if kind == "private" else of_feed
    assert found.result == "Succeeded", found.errors
    assert not found.errors
    lines = [line for line in found.plain if line.startswith("Verified ")]
    if said:
        (warning,) = found.warnings
        assert said in warning
        assert warning.startswith("http://127.0.0.1:"), "the index is named first"
        assert warning.count(". ") >= 1, "what is the case, and what to do about it"
        assert not lines
    else:
        assert not found.warnings
        assert len(lines) == 1
    if not fault.retry_after and fault.kind != "redirect":
        assert len(of_verifying(job)) <= 2
    for secret in (job.token.get_secret_value(), "canary-olga", "canary-depot"):
        assert not found.leaks(secret)


def test_what_does_not_get_better_by_waiting(task: Task, job: Job) -> None:
    """All in one run, since each of them is tried again and again."""
    personal = next(feed.id for feed in job.service.organization.feeds if feed.name == "personal")
    job.service.faults.add(Fault("reset", path=f"/private/.*{PAGE}", times=0))
    job.service.faults.add(Fault("truncated-body", path=f"{personal}/.*{PAGE}", times=0))
    job.service.faults.add(Fault("deactivated", path=PAGE, times=0))
    found = everything(task, job)
    assert found.result == "Succeeded"
    warnings = "\n".join(found.warnings)
    assert len(found.warnings) == 6 + warnings.count("have different credentials on one host")
    assert warnings.count("The organisation at 127.0.0.1 is deactivated (it says: TF24668") == 4
    assert warnings.count("did not answer") == 2


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "private"])
def test_an_expired_credential(task: Task, job: Job, kind: str) -> None:
    job.service.faults.add(Fault("expired-token", path=PAGE))
    warning = the_warning(run(task, job, **KINDS[kind](job)))
    assert "status 401" in warning
    assert SOURCES[kind] in warning
    if kind == "connection":
        assert "has expired. Create a new one" in warning


# ---- fail and warn -----------------------------------------------------------------------------


@pytest.mark.parametrize("kind", list(KINDS))
def test_fail_sets_nothing_and_empties_what_was_there(task: Task, job: Job, kind: str) -> None:
    job.service.faults.add(Fault("answer", path=PAGE, status=403))
    before = "http://build:canary-old@127.0.0.1:9/simple/"
    found = run(task, job, "fail", **KINDS[kind](job), **stored(PIP_INDEX_URL=before))
    assert found.failed_cleanly()
    assert found.variables == {"PIP_INDEX_URL": ""}
    assert len(found.errors) == 1
    assert "403" in found.errors[0]


def test_fail_tells_all_faults_at_once(task: Task, job: Job) -> None:
    found = run(task, job, "fail", feeds="parts, shared, deliveries")
    assert found.failed_cleanly()
    assert len(found.errors) == 2
    assert "alpha/parts" in found.errors[0]
    assert "deliveries" in found.errors[1]


def test_what_pip_can_use_does_not_fail(task: Task, job: Job) -> None:
    found = run(task, job, "fail", feeds="mirror")
    assert found.result == "Succeeded"
    assert "not save packages from upstream" in the_warning(found)


# ---- who, what it has, what it needs, where ----------------------------------------------------


def test_a_job_without_a_role(task: Task, job: Job) -> None:
    warning = the_warning(run(task, job, feeds="deliveries"))
    identity = job.service.organization.identity(JOB)
    assert identity
    assert f"{JOB} ({identity.id}) has no role that reads the feed deliveries" in warning
    assert f"In Artifacts, feed deliveries, Feed settings, Permissions, give '{JOB}'" in warning
    assert "'Project Collection Build Service (contoso)'" in warning
    assert "at least Reader" in warning
    assert COLLABORATOR in warning
    assert len(of_verifying(job)) == 2


def test_a_job_that_may_only_read(task: Task, job: Job) -> None:
    warning = the_warning(run(task, job, feeds="mirror"))
    assert "may read what the feed has, but not save packages from upstream sources" in warning
    assert f"give '{JOB}'" in warning
    assert f"{COLLABORATOR}; it has less now." in warning


def test_a_job_of_another_project(task: Task, job: Job) -> None:
    token = job.service.mint_job_token("beta")
    found = run(task, job, feeds="alpha/parts", token=token, SYSTEM_TEAMPROJECT="beta")
    warning = the_warning(found)
    assert "beta Build Service (contoso) (" in warning
    assert "The feed belongs to the project alpha" in warning
    assert "Read project-level information" in warning


def test_a_project_that_does_not_let_the_job_in(task: Task, job: Job) -> None:
    """The service says that there is no such project; without a closer look it would pass for readable."""
    warning = the_warning(run(task, job, feeds="beta/hidden"))
    assert "The project of the feed beta/hidden does not exist, or does not let this identity in" in warning
    assert f"must grant '{JOB}' 'Read project-level information'" in warning


def test_a_view_that_does_not_exist(task: Task, job: Job) -> None:
    warning = the_warning(run(task, job, feeds="shared@Beta"))
    assert "The feed shared has no view Beta." in warning


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("parts", "Did you mean alpha/parts?"),
        ("shard", "Did you mean shared?"),
        ("alpha/shared", "Did you mean shared?"),
        ("mirrors@Local", "Did you mean mirror?"),
        ("nothinglikeit", "The identity can see 3 feeds, none with a similar name"),
    ],
)
def test_did_you_mean(task: Task, job: Job, asked: str, said: str) -> None:
    warning = the_warning(run(task, job, feeds=asked))
    assert "does not exist there" in warning
    assert said in warning
    assert len(of_verifying(job)) == 2


def test_a_service_principal_without_a_role(task: Task, job: Job) -> None:
    warning = the_warning(run(task, job, federation="robot", INPUT_FEEDURL=job.feed("closed")))
    assert "robot (" in warning
    assert "has no role that reads the feed closed" in warning
    assert "give this identity at least Reader" in warning
    assert "Build Service" not in warning


def test_a_service_principal_that_may_only_read(task: Task, job: Job) -> None:
    warning = the_warning(run(task, job, federation="robot", INPUT_FEEDURL=job.feed("alpha/parts")))
    assert f"The identity of federated service connection {job.connection('robot').id} (" in warning
    assert "not save packages from upstream" in warning


@pytest.mark.parametrize(("connection", "organization"), [("stranger", ""), ("robot", "family")])
def test_a_service_principal_that_is_no_member(
    task: Task, job: Job, connection: str, organization: str
) -> None:
    url = job.feed("photos" if organization else "shared", organization)
    warning = the_warning(run(task, job, federation=connection, INPUT_FEEDURL=url))
    assert (
        f"does not accept the token of federated service connection {job.connection(connection).id}"
        in warning
    )
    assert "Add its service principal in Organization settings, Users" in warning


@pytest.mark.parametrize(
    ("token", "said"),
    [
        ("canary-nora", "Nora Nobody ("),
        ("canary-rita-old", "has expired. Create a new one"),
        ("canary-revoked", "is not accepted. Check that it is complete, not revoked"),
        ("canary-olga-reads", "or its token lacks the scope Packaging (Read & write)"),
        ("canary-rita", "rita.reader@example.test ("),
    ],
)
def test_the_token_of_a_person(task: Task, job: Job, token: str, said: str) -> None:
    connection = Connection.token(7, job.feed("shared"), token)
    found = run(task, job, connections=(connection,))
    assert said in the_warning(found)
    assert len(of_verifying(job)) <= 2
    assert not found.leaks(token)


def test_a_token_that_tells_a_scope_for_reading_only(task: Task, job: Job) -> None:
    """Scope beats role: the token itself says enough, so that nobody is asked."""
    token = tokens.token({"scp": "vso.packaging vso.code"})
    answer = Fault("answer", path=PAGE, status=404, reason="Not Found", body="no such package")
    job.service.faults.add(answer)
    connection = Connection.token(7, job.feed("shared"), token)
    warning = the_warning(run(task, job, connections=(connection,)))
    assert "the token's scope vso.packaging allows reading only" in warning
    assert "Packaging (Read & write)" in warning
    assert len(of_verifying(job)) == 1


def test_an_expired_token_of_the_job(task: Task, job: Job) -> None:
    old = job.service.mint_job_token("alpha", lifetime=timedelta(seconds=-5))
    warning = the_warning(run(task, job, feeds=job.feed("shared"), token=old))
    assert "has expired" in warning
    assert "VS30063" in warning


@pytest.mark.parametrize(("user", "password"), [("keeper", "canary-wrong"), ("nobody", "canary-depot")])
def test_another_index_that_refuses(task: Task, job: Job, user: str, password: str) -> None:
    connection = Connection.login(7, job.connection("depot").url, user, password)
    warning = the_warning(run(task, job, connections=(connection,)))
    assert f"refuses the credential of service connection {connection.id} (status 401)" in warning
    assert "in the service connection" in warning


def test_another_index_that_is_not_there(task: Task, job: Job) -> None:
    connection = Connection.login(7, f"{job.service.origin}/nowhere/simple/", "u", "canary-p")
    assert "no index answers there" in the_warning(run(task, job, connections=(connection,)))


def test_verdicts_call_feeds_by_their_names_where_their_urls_have_guids(task: Task, job: Job) -> None:
    found = run(
        task, job, feeds="mirror", federation="robot", INPUT_FEEDURL=job.feed("alpha/parts"),
    )  # fmt: skip
    assert found.result == "Succeeded"
    assert "In Artifacts, feed alpha/parts, Feed settings" in found.warnings[0]
    assert "In Artifacts, feed mirror, Feed settings" in found.warnings[1]
    assert not re.search(r"feed [0-9a-f]{8}-", "\n".join(found.warnings))


# ---- verifyPackage -----------------------------------------------------------------------------


def test_a_download_that_may_be_had(task: Task, job: Job) -> None:
    found = run(task, job, "fail", feeds="shared", INPUT_VERIFYPACKAGE="Shared")
    assert found.succeeded(), found.errors
    asked = [(record.host, record.status, record.credential) for record in of_verifying(job)]
    assert ("pkgs", 303, "job token") in asked
    assert ("blob", 206, "no credential") in asked, "one byte, and no credential for the blob store"


@pytest.mark.parametrize("kind", ["job", "federated", "connection"])
def test_a_download_that_is_refused(task: Task, job: Job, kind: str) -> None:
    options: dict[str, dict[str, Any]] = {
        "job": {"feeds": "mirror"},
        "federated": {"federation": "robot", "INPUT_FEEDURL": job.feed("mirror")},
        "connection": {"connections": (Connection.token(7, job.feed("mirror"), "canary-rita"),)},
    }
    found = run(task, job, "fail", INPUT_VERIFYPACKAGE="Upstream", **options[kind])
    assert found.failed_cleanly()
    (error,) = found.errors
    assert "The index lists Upstream, but its newest file cannot be downloaded (status 403" in error
    assert f"give '{JOB}'" in error if kind == "job" else "give this identity" in error
    assert COLLABORATOR in error


def test_a_package_that_the_feed_does_not_have(task: Task, job: Job) -> None:
    found = run(task, job, "fail", feeds="shared", INPUT_VERIFYPACKAGE="Nonesuch")
    assert found.succeeded(), found.errors
    assert len(of_verifying(job)) == 1


def test_a_page_that_is_none_is_not_believed(task: Task, job: Job) -> None:
    job.service.faults.add(Fault("html", path="/simple/"))
    warning = the_warning(run(task, job, feeds="shared", INPUT_VERIFYPACKAGE="Shared"))
    assert "something else stands in its place" in warning


def test_a_download_from_another_index(task: Task, job: Job) -> None:
    options = KINDS["private"](job)
    assert run(task, job, "fail", INPUT_VERIFYPACKAGE="Crate", **options).succeeded()
    job.service.faults.add(Fault("answer", path="/private/depot/files/", status=403))
    found = run(task, job, "fail", INPUT_VERIFYPACKAGE="crate", **options)
    assert found.failed_cleanly()
    assert "The index lists crate" in found.errors[0]
