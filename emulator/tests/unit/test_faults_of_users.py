"""What an error says."""

import pytest

from azure_devops_emulator.errors import EmulatorError, Faults, InputError, each


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
