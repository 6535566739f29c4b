import io

import pytest

from azure_devops_emulator.console import Console


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("##[section]Starting", 32),
        ("##[error]no", 31),
        ("##[warning]hm", 33),
        ("##[debug]x", 35),
        ("[command]ls", 34),
    ],
)
def test_colours_on_a_terminal(line: str, code: int) -> None:
    stream = Terminal()
    Console(stream, {}).line(line)
    assert stream.getvalue() == f"\x1b[{code}m{line}\x1b[0m\n"


@pytest.mark.parametrize(
    ("stream", "environ"),
    [(io.StringIO(), {}), (Terminal(), {"NO_COLOR": "1"}), (Terminal(), {"TERM": "dumb"})],
)
def test_plain_elsewhere(stream: io.StringIO, environ: dict[str, str]) -> None:
    Console(stream, environ).line("##[error]no")
    assert stream.getvalue() == "##[error]no\n"


def test_other_lines_are_plain_everywhere() -> None:
    stream = Terminal()
    Console(stream, {}).line("text ##[error]")
    assert stream.getvalue() == "text ##[error]\n"
