"""Verification of indexes that redirect: to another index for what they lack, or to a person's sign-in."""

from collections.abc import Iterator

import pytest

from support.http_service import Answer, Service, serving
from support.task import Connection, Run, Task, environment

PROBE = "/simple/pip-authenticate-no-such-package/"


@pytest.fixture
def stranger() -> Iterator[Service]:
    """Somewhere else."""
    with serving(lambda _: Answer(200, b"<!DOCTYPE html><title>Links for x</title>")) as service:
        yield service


def run(task: Task, service: Service, package: str = "") -> Run:
    connection = Connection.login(1, f"{service.url}/simple/", "user", "canary")
    return task.run(environment(connections=[connection], INPUT_VERIFY="fail", INPUT_VERIFYPACKAGE=package))


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_an_index_that_refers_to_another_one_has_accepted_the_credential(
    task: Task, stranger: Service, status: int
) -> None:
    there = [("Location", f"{stranger.url}/simple/x/")]
    with serving(lambda _: Answer(status, headers=there)) as index:
        found = run(task, index)
        assert [request.login for request in index.requests] == [("user", "canary")]
    assert found.succeeded(), found.errors
    assert any("The credential is accepted" in line and "127.0.0.1" in line for line in found.plain)
    assert stranger.requests == []


def test_for_a_package_that_it_lacks_too(task: Task, stranger: Service) -> None:
    there = [("Location", f"{stranger.url}/simple/pkg/")]
    with serving(lambda _: Answer(302, headers=there)) as index:
        found = run(task, index, "pkg")
    assert found.result == "Succeeded", found.errors
    assert any("No index that can be read lists the package pkg" in text for text in found.warnings)
    assert stranger.requests == []


@pytest.mark.parametrize(
    "path", ["/users/sign_in", "/login?next=/simple", "/signin", "/sso/start", "/saml/x"]
)
@pytest.mark.parametrize("elsewhere", [True, False])
def test_a_sign_in_is_no_acceptance(
    task: Task,
    stranger: Service,
    path: str,
    elsewhere: bool,  # noqa: FBT001
) -> None:
    there = [("Location", f"{stranger.url if elsewhere else ''}{path}")]
    page = Answer(200, b"<!DOCTYPE html><title>Sign in</title>", headers=[("Content-Type", "text/html")])
    with serving(lambda request: Answer(302, headers=there) if "/simple/" in request.path else page) as index:
        found = run(task, index)
    assert found.failed_cleanly()
    assert "redirects to a sign-in page" in found.errors[0]
    assert stranger.requests == []
