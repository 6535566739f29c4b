"""Credentials in text that may be anything, and what may be shown of it."""

import time

import pytest

from pip_authenticate.redaction import hosts_in, secrets_in, shown_name
from pip_authenticate.secret import Secret


@pytest.mark.parametrize(
    "value",
    [
        "https://contoso@pkgs.dev.azure.com/contoso/_packaging/f/pypi/simple/",
        "https://Contoso@contoso.pkgs.visualstudio.com/_packaging/f/pypi/simple/",
    ],
)
def test_a_name_that_the_url_says_anyway_is_no_credential(value: str) -> None:
    assert not list(secrets_in(Secret(value)))
    assert list(secrets_in(Secret(f"https://t0ken@h.example/ {value}")))


@pytest.mark.parametrize(
    ("value", "secrets"),
    [
        ("https://u:p@h/x", {"p"}),
        ("https://token@h/x", {"token"}),
        ("https://u:p%40@h/x", {"p%40", "p@"}),
        ("https://a:one@h/x http://b:two@i/y", {"one", "two"}),
        ("https://a@b:p@h/x", {"p"}),
        ("https://u:p/q@h/x", {"p/q"}),
        ("https://u:p?q#r@h/x", {"p?q#r"}),
        ("https://:p@h/", {"p"}),
        ("https://u:@h/", set()),
    ],
)
def test_credentials_in_a_value_are_found(value: str, secrets: set[str]) -> None:
    assert secrets <= {secret.reveal() for secret in secrets_in(Secret(value))}


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
    assert "CANARY" not in hosts_in(Secret(value))
    assert any("CANARY" in secret.reveal() for secret in secrets_in(Secret(value)))


@pytest.mark.parametrize("value", ["://:x" * 24_000, "https://" + "@" * 60_000, "a@" * 60_000, "//" * 60_000])
def test_long_values_are_read_in_no_time(value: str) -> None:
    began = time.monotonic()
    hosts_in(Secret(value))
    list(secrets_in(Secret(value)))
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
    assert list(secrets_in(Secret(value))) == []


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("https://u:p@h.example/x", "h.example"),
        (
            "https://pypi.fury.example/t0ken-in-a-path/simple/ https://i.example/",
            "pypi.fury.example, i.example",
        ),
        ("https://h.example/simple?token=x", "h.example"),
        ("https://localhost/pw@h/", "localhost"),
        ("user:pw@h.example/simple", "an address that cannot be read"),
        ("https://a.example/ https://a.example/x", "a.example"),
        ("", "nothing"),
    ],
)
def test_of_an_address_the_host_alone_is_shown(value: str, shown: str) -> None:
    assert hosts_in(Secret(value)) == shown


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("00000001-0000-4000-8000-00000000000c", "00000001-0000-4000-8000-00000000000c"),
        ("my connection", "my connection"),
        ("https://u:p@h.example/", "***"),
        ("token@h", "***"),
        ("x" * 101, "***"),
    ],
)
def test_a_name_is_shown_where_it_can_be_no_more(name: str, shown: str) -> None:
    assert shown_name(name) == shown
