"""What pip reads."""

import pytest

from pip_authenticate.clients import pip
from pip_authenticate.index import AuthenticatedIndex, Credential, IndexUrl
from pip_authenticate.secret import Secret


def index(url: str, secret: str = "s", source: str = "feed x") -> AuthenticatedIndex:
    return AuthenticatedIndex(IndexUrl.parse(url)[0], Credential("u", Secret(secret)), source)


A, B, C = (index(f"https://{name}.example/simple") for name in "abc")


def test_the_first_index_is_primary_and_the_others_are_extra() -> None:
    roles = pip.roles([A, B, C], only_extra=False).roles
    assert [(role.target, role.word) for role in roles] == [(A, "primary"), (B, "extra"), (C, "extra")]
    assert {name: value.reveal() for name, value in pip.assignments(roles).items()} == {
        "PIP_INDEX_URL": "https://u:s@a.example/simple",
        "PIP_EXTRA_INDEX_URL": "https://u:s@b.example/simple https://u:s@c.example/simple",
    }


def test_all_are_extra_on_request() -> None:
    roles = pip.roles([A, B], only_extra=True).roles
    assert {role.word for role in roles} == {"extra"}
    assert list(pip.assignments(roles)) == ["PIP_EXTRA_INDEX_URL"]


def test_no_index_no_variable() -> None:
    assert pip.assignments(pip.roles([], only_extra=False).roles) == {}


def test_the_same_index_with_the_same_credential_counts_once() -> None:
    roles = pip.roles([A, index("https://A.example/simple/"), B], only_extra=False).roles
    assert [role.target for role in roles] == [A, B]


def test_of_two_credentials_for_one_index_the_first_one_counts() -> None:
    other = index("https://a.example/simple/", "canary", "service connection y")
    found = pip.roles([A, B, other], only_extra=False)
    assert [role.target for role in found.roles] == [A, B]
    assert found.doubled == [(A, other)]


@pytest.mark.parametrize(
    ("text", "sendable"), [("ascii", True), ("üß\xff", True), ("€", False), ("😀", False)]
)
def test_pip_sends_latin_1_only(text: str, sendable: bool) -> None:  # noqa: FBT001
    assert pip.can_send(Credential("u", Secret(text))) is sendable
    assert pip.can_send(Credential(text, Secret("s"))) is sendable
