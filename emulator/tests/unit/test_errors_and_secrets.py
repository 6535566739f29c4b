"""What an error says, and what a secret does not."""

import pytest

from azure_devops_emulator.errors import EmulatorError, Faults, InputError, each
from azure_devops_emulator.secret import Secret


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (InputError("x", "there is no feed"), "there is no feed."),
        (InputError("x", "there is no feed", context="line 3"), "there is no feed (line 3)."),
        (InputError("x", "Is it there?", hint="Look."), "Is it there? Look."),
        (InputError("x", "no feed", context="line 3", hint="Add it."), "no feed (line 3). Add it."),
    ],
)
def test_an_error_is_one_line(error: EmulatorError, text: str) -> None:
    assert str(error) == text


def test_a_group_stands_for_its_members() -> None:
    first, second = InputError("a", "one"), InputError("b", "two")
    assert each(Faults([first, second])) == (first, second)
    assert each(first) == (first,)
    assert str(Faults([first, second])) == "one; two."


def test_a_secret_is_shown_by_no_way_of_writing() -> None:
    secret = Secret("canary")
    for text in (str(secret), repr(secret), f"{secret}", f"{secret:>10}", f"{[secret]}", f"{secret!r}"):
        assert "canary" not in text
        assert "***" in text
    assert secret.reveal() == "canary"


def test_secrets_are_equal_by_their_text() -> None:
    assert len({Secret("a"), Secret("a"), Secret("b")}) == 2
    assert Secret("a") != "a"
    assert not Secret("")
