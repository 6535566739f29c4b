"""Whatever an organisation file says: it is read, or its faults are told as data."""

from hypothesis import given
from hypothesis import strategies as st

from azure_devops_emulator.errors import EmulatorError, InputError, each
from azure_devops_emulator.organization import Organization
from emulator_support.service import ORGANIZATION

LINES = ORGANIZATION.splitlines()
WORDS = st.sampled_from(["name", "feed", "public", "roles", "view", "[[feeds]]", "[public]", "[behaviour]"])
VALUES = st.sampled_from(
    ['""', '"x"', "1", "true", "[]", "[1]", "{}", "{ a = 1 }", "2025-01-01", '["a==1"]', "3.5"]
)


def read(text: str) -> None:
    """Read an organisation file; nothing but the project's own errors may come of it."""
    told: list[EmulatorError] = []
    try:
        Organization.parse(text)
    except EmulatorError as error:
        told.extend(each(error))
    assert all(isinstance(one, InputError) and one.what for one in told)


@given(st.integers(0, len(LINES) - 1), VALUES)
def test_any_value_may_be_of_another_type(number: int, value: str) -> None:
    key, equals, _ = LINES[number].partition("=")
    read("\n".join([*LINES[:number], f"{key}{equals} {value}" if equals else "", *LINES[number + 1 :]]))


@given(st.integers(0, len(LINES) - 1), WORDS, VALUES)
def test_any_line_may_be_another(number: int, word: str, value: str) -> None:
    line = word if word.startswith("[") else f"{word} = {value}"
    read("\n".join([*LINES[:number], line, *LINES[number + 1 :]]))


@given(st.sets(st.integers(0, len(LINES) - 1), max_size=5))
def test_any_lines_may_be_missing(numbers: set[int]) -> None:
    read("\n".join(line for number, line in enumerate(LINES) if number not in numbers))


@given(st.text(max_size=40))
def test_any_text(text: str) -> None:
    read(text)
