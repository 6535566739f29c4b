import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from azure_devops_emulator.jobs import commands
from emulator_support.agent import DATA

VECTORS = [
    json.loads(line) for line in (DATA / "agent-vectors.jsonl").read_text(encoding="utf-8").splitlines()
]
TEXT = st.text(st.characters(exclude_categories=["Cs"]))


@pytest.mark.parametrize("vector", VECTORS, ids=[f"{one['decode']}-{one['line']}" for one in VECTORS])
def test_reads_a_line_as_the_agent_does(vector: dict[str, Any]) -> None:
    command = commands.parse(vector["line"], decode_percents=vector["decode"])
    if not vector["ok"]:
        assert command is None
        return
    assert command is not None
    assert (command.area, command.event, command.data) == (vector["area"], vector["event"], vector["data"])
    assert dict(command.properties) == vector["props"]


@given(value=TEXT.filter(bool), data=TEXT)
@example(value="%3B", data="%AZP25")
@example(value="%AZP2525]", data="%0A\r\n;]")
def test_any_text_survives_the_way_through_a_command(value: str, data: str) -> None:
    value, data = (commands.escape(text, decode_percents=True) for text in (value, data))
    line = f"##vso[area.event name={value};]{data}"
    assert "\n" not in line
    assert "\r" not in line
    command = commands.parse(line, decode_percents=True)
    assert command is not None
    assert commands.escape(command.properties["NAME"], decode_percents=True) == value
    assert commands.escape(command.data, decode_percents=True) == data


@given(TEXT)
def test_escaping_is_undone(text: str) -> None:
    assert commands.unescape(commands.escape(text, decode_percents=True), decode_percents=True) == text


@given(TEXT.filter(lambda text: not any(code in text for code in ("%3B", "%0D", "%0A", "%5D"))))
def test_without_the_knob_texts_survive_that_hold_none_of_the_four_sequences(text: str) -> None:
    escaped = commands.escape(text, decode_percents=False)
    assert commands.unescape(escaped, decode_percents=False) == text


def test_without_the_knob_the_four_sequences_cannot_be_sent() -> None:
    assert commands.unescape(commands.escape("%3B", decode_percents=False), decode_percents=False) == ";"


@given(st.text())
def test_any_line_is_read_or_not_but_never_breaks_the_reader(line: str) -> None:
    commands.parse(line, decode_percents=True)
    commands.parse(f"##vso[{line}]{line}", decode_percents=True)
