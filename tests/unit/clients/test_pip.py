"""What pip reads."""

import time

import pytest

from pip_authenticate.clients import pip
from pip_authenticate.errors import InputError
from pip_authenticate.index import AuthenticatedIndex, Credential, IndexUrl
from pip_authenticate.secret import Secret


def index(url: str, secret: str = "s", source: str = "feed x") -> AuthenticatedIndex:
    return AuthenticatedIndex(IndexUrl.parse(url)[0], Credential("u", Secret(secret)), source)


A, B, C = (index(f"https://{name}.example/simple") for name in "abc")


def test_the_first_index_is_primary_and_the_others_are_extra() -> None:
    roles = pip.roles([A, B, C], only_extra=False)
    assert [(role.target, role.word) for role in roles] == [(A, "primary"), (B, "extra"), (C, "extra")]
    assert {name: value.reveal() for name, value in pip.assignments(roles).items()} == {
        "PIP_INDEX_URL": "https://u:s@a.example/simple",
        "PIP_EXTRA_INDEX_URL": "https://u:s@b.example/simple https://u:s@c.example/simple",
    }


def test_all_are_extra_on_request() -> None:
    roles = pip.roles([A, B], only_extra=True)
    assert {role.word for role in roles} == {"extra"}
    assert list(pip.assignments(roles)) == ["PIP_EXTRA_INDEX_URL"]


def test_no_index_no_variable() -> None:
    assert pip.assignments(pip.roles([], only_extra=False)) == {}


def test_the_same_index_with_the_same_credential_counts_once() -> None:
    roles = pip.roles([A, index("https://A.example/simple/"), B], only_extra=False)
    assert [role.target for role in roles] == [A, B]


def test_the_same_index_with_two_credentials_is_an_error_that_names_both_sources() -> None:
    other = index("https://a.example/simple/", "canary", "service connection y")
    with pytest.raises(InputError) as refused:
        pip.roles([A, B, other], only_extra=False)
    assert "feed x" in str(refused.value)
    assert "service connection y" in str(refused.value)
    assert "canary" not in str(refused.value)


@pytest.mark.parametrize(
    "value",
    [
        "https://contoso@pkgs.dev.azure.com/contoso/_packaging/f/pypi/simple/",
        "https://Contoso@contoso.pkgs.visualstudio.com/_packaging/f/pypi/simple/",
    ],
)
def test_a_name_that_the_url_says_anyway_is_no_credential(value: str) -> None:
    assert not pip.holds_credential(Secret(value))
    assert not list(pip.secrets_in(Secret(value)))
    assert pip.holds_credential(Secret(f"https://t0ken@h.example/ {value}"))


@pytest.mark.parametrize(
    ("value", "shown", "secrets"),
    [
        ("https://u:p@h/x", "https://***@h/x", {"p"}),
        ("https://token@h/x", "https://***@h/x", {"token"}),
        ("https://u:p%40@h/x", "https://***@h/x", {"p%40", "p@"}),
        ("https://a:one@h/x http://b:two@i/y", "https://***@h/x http://***@i/y", {"one", "two"}),
        ("https://a@b:p@h/x", "https://***@h/x", {"p"}),
        ("https://u:p/q@h/x", "https://***@h/x", {"p/q"}),
        ("https://u:p?q#r@h/x", "https://***@h/x", {"p?q#r"}),
        ("https://:p@h/", "https://***@h/", {"p"}),
        ("https://u:@h/", "https://***@h/", set()),
    ],
)
def test_credentials_in_a_value_are_found_and_hidden(value: str, shown: str, secrets: set[str]) -> None:
    assert pip.holds_credential(Secret(value))
    assert pip.without_credentials(Secret(value)) == shown
    assert secrets <= {secret.reveal() for secret in pip.secrets_in(Secret(value))}


@pytest.mark.parametrize(
    "value",
    [
        "https://user:pa ssCANARY@host/simple",
        "https://user:pa\tCANARY@host.example/simple",
        "https://host.example/simple?token=CANARY",
        "https://host.example/simple#CANARY@x",
        "//user:CANARY@host/",
        "user:CANARY@host/simple",
        "https://user:12345/CANARY@h/s",
        "https://user:123#CANARY@h/s",
        "https:/u:CANARY@h/",
        "https://host.example/simple user:CANARY@host",
        "https://john.doe:12345/CANARY@host/simple",
        "https://user:pa /CANARY@host/simple",
        "https://u:CANARY%40h/",
        "h.example/simple?token=CANARY",
        "https://h.example/s#token=CANARY",
    ],
)
def test_what_may_hide_a_credential_counts_as_one(value: str) -> None:
    assert pip.holds_credential(Secret(value))
    assert "CANARY" not in pip.without_credentials(Secret(value))
    assert any("CANARY" in secret.reveal() for secret in pip.secrets_in(Secret(value)))


@pytest.mark.parametrize("value", ["://:x" * 24_000, "https://" + "@" * 60_000, "a@" * 60_000, "//" * 60_000])
def test_long_values_are_read_in_no_time(value: str) -> None:
    began = time.monotonic()
    pip.without_credentials(Secret(value))
    list(pip.secrets_in(Secret(value)))
    assert time.monotonic() - began < 5


@pytest.mark.parametrize(
    "value",
    [
        "",
        "https://h/x",
        "https://h/_packaging/feed@view/pypi/simple",
        "https://h:8443/p/_packaging/feed@view/pypi/simple/",
        "https://h.example/feed@view/simple",
        "http://localhost/feed@view/simple",
        "https://[::1]:8443/_packaging/feed@view/pypi/simple",
        "/a/path@place",
    ],
)
def test_an_at_sign_elsewhere_is_no_credential(value: str) -> None:
    assert not pip.holds_credential(Secret(value))
    assert pip.without_credentials(Secret(value)) == value
    assert list(pip.secrets_in(Secret(value))) == []


@pytest.mark.parametrize(
    ("text", "sendable"), [("ascii", True), ("üß\xff", True), ("€", False), ("😀", False)]
)
def test_pip_sends_latin_1_only(text: str, sendable: bool) -> None:  # noqa: FBT001
    assert pip.can_send(Credential("u", Secret(text))) is sendable
    assert pip.can_send(Credential(text, Secret("s"))) is sendable
