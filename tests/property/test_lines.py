"""Any text that is printed stays one harmless line, and any command is ours."""

import json

from hypothesis import given
from hypothesis import strategies as st

from pip_authenticate import telemetry
from pip_authenticate.errors import InputError
from pip_authenticate.logging_commands import AzurePipelines, harmless
from pip_authenticate.secret import Secret
from support import nasty
from support.agent import MARK, read_command, read_lines

PIECES = st.sampled_from(
    [
        *nasty.COMMANDS,
        *nasty.LINE_ENDS,
        "#",
        "##",
        "##vso",
        "vso[",
        "[",
        "]",
        ";",
        ":",
        "::",
        "%0A",
        "%AZP25",
        "\x1b[2J",
        "\0",
        "\u200b",
        "\ud800",
    ]
)
TEXTS = st.lists(st.one_of(PIECES, st.text(st.characters()), st.text())).map("".join)
SECRETS = st.lists(
    st.one_of(st.text(st.characters(exclude_categories=["Cs"])), PIECES.filter(str.isprintable))
)


def written(secrets: list[str], method: str, *arguments: object) -> list[str]:
    """What an output writes, after secrets were registered, as the agent's lines."""
    lines: list[str] = []
    output = AzurePipelines(lines.append)
    output.register([Secret(text) for text in secrets])
    lines.clear()
    getattr(output, method)(*arguments)
    return read(lines)


def read(lines: list[str]) -> list[str]:
    """Lines as the agent reads them."""
    return read_lines("".join(f"{line}\n" for line in lines).encode("utf-8", "surrogateescape"))


@given(TEXTS, SECRETS, st.sampled_from(["debug", "warning", "error"]))
def test_a_message_is_one_command_of_ours(text: str, secrets: list[str], method: str) -> None:
    (line,) = written(secrets, method, text)
    assert line.startswith(MARK)
    assert MARK not in line[1:]
    assert "##[" not in line
    assert line.isprintable()
    command = read_command(line)
    assert command is not None
    assert command.name == ("task.debug" if method == "debug" else "task.logissue")
    assert command.data.isprintable()


@given(TEXTS, SECRETS)
def test_a_line_for_people_is_one_line_and_no_command(text: str, secrets: list[str]) -> None:
    (line,) = written(secrets, "line", text)
    assert read_command(line) is None
    assert not any(mark in line.lower() for mark in ("##vso[", "##["))
    assert not line.startswith(("::set-", "::add-mask::", "::error", "::warning", "::stop-commands::"))
    assert line.isprintable()


@given(TEXTS)
def test_harmless_text_is_left_as_it_is(text: str) -> None:
    assert harmless(harmless(text)) == harmless(text)


@given(st.text(st.characters(exclude_categories=["Cs"])), TEXTS)
def test_telemetry_is_one_line_and_arrives(name: str, text: str) -> None:
    lines: list[str] = []
    telemetry.publish("Packaging", "Pip", {name: text}, AzurePipelines(lines.append))
    (line,) = read(lines)
    command = read_command(line)
    assert command is not None
    assert command.name == "telemetry.publish"
    (shown,) = written([], "debug", text)
    seen = read_command(shown)
    assert seen is not None
    assert json.loads(command.data) == {name: seen.data}


@given(TEXTS, TEXTS, TEXTS, SECRETS)
def test_a_result_and_an_error_of_many_parts_are_one_line(
    what: str, context: str, hint: str, secrets: list[str]
) -> None:
    (line,) = written(secrets, "error", str(InputError("slug", what, context=context, hint=hint)))
    assert MARK not in line[1:]
    (line,) = written(secrets, "complete", "Failed", what)
    command = read_command(line)
    assert command is not None
    assert command.properties == {"result": "Failed"}


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), min_size=5), min_size=1), TEXTS, TEXTS)
def test_no_registered_secret_is_in_a_line(secrets: list[str], before: str, after: str) -> None:
    for secret in secrets:
        (line,) = written(secrets, "line", f"{before}{secret}{after}")
        plain = harmless(secret)
        if plain == secret:
            assert secret not in line or secret in harmless(before + "***" + after)
