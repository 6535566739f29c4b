"""Tokens: whom they belong to, and what they allow."""

import base64
import json
from datetime import timedelta

import pytest
from pydantic import SecretStr

from azure_devops_emulator.description.model import Role
from azure_devops_emulator.organization import Organization
from azure_devops_emulator.services.identities import Caller, Rejection, Tokens, may_see, role_in
from emulator_support.service import ORGANIZATION, basic

ACME = Organization.parse(ORGANIZATION)
TOKENS = Tokens(ACME)


def caller(header: str | None) -> Caller:
    found = TOKENS.authenticate(header)
    assert isinstance(found, Caller), found
    return found


def rejection(header: str) -> Rejection:
    found = TOKENS.authenticate(header)
    assert isinstance(found, Rejection), found
    return found


def job(project: str = "rockets", lifetime: timedelta = timedelta(hours=1)) -> SecretStr:
    return TOKENS.mint(ACME.build_service(ACME.project(project)), lifetime)


@pytest.mark.parametrize("user", ["", "build", "VssSessionToken", "anything at all"])
def test_any_user_name_goes_with_a_token(user: str) -> None:
    assert caller(basic("token-rita", user)).name == "Rita Reader"
    assert caller(basic(job(), user)).name == "rockets Build Service (acme)"


def test_without_a_credential_the_caller_is_anonymous() -> None:
    assert caller(None).identity is None
    assert caller(None).name == "anonymous"


@pytest.mark.parametrize(
    ("header", "label"),
    [
        (basic("", "token-rita"), "a user name only"),
        ("Basic " + base64.b64encode(b"token-rita").decode(), "a user name only"),
        (basic("token-nobody"), "an unknown token"),
        ("Basic %%%", "a broken credential"),
        ("Basic " + base64.b64encode(b"\xff\xfe:x").decode(), "a broken credential"),
        ("Bearer token-rita", "a bearer token"),
        ("Negotiate abc", "a credential of another scheme"),
        ("", "a credential of another scheme"),
    ],
)
def test_credentials_that_are_rejected(header: str, label: str) -> None:
    found = rejection(header)
    assert found.label == label
    assert "token-" not in repr(found)


def test_a_job_token_is_accepted_as_bearer_too() -> None:
    assert caller(f"Bearer {job().get_secret_value()}").label == "job token"


def test_a_job_token_looks_like_one() -> None:
    head, payload, _ = job().get_secret_value().split(".")
    padded = [base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)) for part in (head, payload)]
    assert json.loads(padded[0])["typ"] == "JWT"
    claims = json.loads(padded[1])
    assert claims["nameid"] == ACME.build_service(ACME.project("rockets")).id
    assert claims["exp"] > claims["nbf"]


def test_a_job_token_cannot_be_changed_or_come_from_elsewhere() -> None:
    head, payload, signature = job().get_secret_value().split(".")
    other = job("OF Engineering").get_secret_value().split(".")[1]
    assert rejection(basic(f"{head}.{other}.{signature}")).label == "an unknown token"
    assert rejection(basic(f"{head}.{payload}.")).label == "an unknown token"
    foreign = Tokens(ACME).mint(ACME.identities[0], timedelta(hours=1))
    assert rejection(basic(foreign)).label == "an unknown token"


def test_expired_tokens_say_so() -> None:
    assert rejection(basic("token-rita-old")).type_key == "AccessCheckException"
    assert rejection(basic("token-rita-old")).name == "Rita Reader"
    expired = rejection(basic(job(lifetime=timedelta(seconds=-1))))
    assert expired.message.startswith("VS30063")
    assert TOKENS.expired(caller(basic("token-rita"))).label == "rita, expired"
    assert TOKENS.expired(caller(basic(job()))) == expired


@pytest.mark.parametrize(
    ("token", "roles"),
    [
        ("token-olga", [Role.ADMINISTRATOR, Role.ADMINISTRATOR]),
        ("token-olga-reads", [Role.READER, Role.READER]),
        ("token-olga-codes", [Role.NONE, Role.NONE]),
        ("token-paul", [Role.CONTRIBUTOR, Role.NONE]),
        ("token-carl", [Role.COLLABORATOR, Role.NONE]),
        ("token-carl-reads", [Role.READER, Role.NONE]),
        ("token-nora", [Role.NONE, Role.NONE]),
    ],
)
def test_the_scope_limits_the_role(token: str, roles: list[Role]) -> None:
    assert [role_in(caller(basic(token)), feed) for feed in ACME.feeds[:2]] == roles


def test_a_view_can_be_open_to_those_without_a_role() -> None:
    feed = ACME.feeds[0]
    nora = caller(basic("token-nora"))
    assert [role_in(nora, feed, view) for view in feed.views] == [Role.NONE, Role.NONE, Role.READER]
    assert role_in(caller(None), feed, feed.views[2]) is Role.NONE


def test_everyone_reads_a_public_feed() -> None:
    paintings = ACME.feeds[3]
    assert role_in(caller(None), paintings) is Role.READER
    assert role_in(caller(basic("token-nora")), paintings) is Role.READER
    assert role_in(caller(basic("token-carl")), paintings) is Role.COLLABORATOR


def test_who_may_see_a_project() -> None:
    rockets, engineering, gallery = ACME.projects
    collection = caller(basic(TOKENS.mint(ACME.build_service(None), timedelta(hours=1))))
    own = caller(basic(job()))
    rita = caller(basic("token-rita"))
    seen = {
        who.name: [may_see(ACME, who, project) for project in (rockets, engineering, gallery)]
        for who in (collection, own, rita, caller(None))
    }
    assert seen == {
        "Project Collection Build Service (acme)": [True, True, True],
        "rockets Build Service (acme)": [True, False, True],
        "Rita Reader": [True, False, True],
        "anonymous": [False, False, True],
    }
