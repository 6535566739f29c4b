"""What a person sees while a command waits: one line on a terminal, for anything over a second."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from support.command import COMMAND, Command
from support.http_service import Answer, Request, Service, serving
from support.terminal import Terminal

LINE = "asking the indexes"


@pytest.fixture
def command(tmp_path: Path) -> Command:
    made = Command(tmp_path)
    made.environ |= {"PIP_AUTHENTICATE_TOKEN": "canary", "PIP_AUTHENTICATE_CLIENT": "pip", "TERM": "xterm"}
    return made


@pytest.fixture
def service() -> Iterator[Service]:
    """An index that thinks about its answer for as long as the address says."""

    def answer(request: Request) -> Answer:
        return Answer(200, b"<a>", delay=2.6 if "/slow/" in request.path else 0)

    with serving(answer) as one:
        yield one


def screen(command: Command, *arguments: str) -> str:
    """All that a terminal shows until the command ends."""
    with closing(Terminal([COMMAND, *arguments], command.project, command.environ)) as terminal:
        terminal.wait_for(r"ok .*\n.*accepted\.|Credentials for|Settings for")
        assert terminal.process.wait(30) == 0
        return terminal.seen


COMMANDS = {
    "check": ["check"],
    "env": ["env", "--verify=warn", "--output=sh"],
    "run": ["run", "--verify=warn"],
}


@pytest.mark.parametrize("name", COMMANDS)
def test_a_terminal_shows_how_long_it_takes(command: Command, service: Service, name: str) -> None:
    program = ["--", "true"] if name == "run" else []
    seen = screen(command, *COMMANDS[name], f"{service.url}/slow/", *program)
    assert f"\r{LINE} ... 1 s\r{LINE} ... 2 s" in seen
    shown, _, rest = seen.rpartition(f"{LINE} ... 2 s")
    assert rest.startswith("\r\x1b[K"), "it is wiped away before anything else is written"
    assert LINE not in rest
    assert shown


def test_what_is_done_in_a_moment_shows_nothing(command: Command, service: Service) -> None:
    assert LINE not in screen(command, "check", f"{service.url}/quick/")


@pytest.mark.parametrize("option", ["--quiet", "--verbose"])
def test_nor_where_nothing_or_everything_is_said(command: Command, service: Service, option: str) -> None:
    assert LINE not in screen(command, "check", option, f"{service.url}/slow/")


def test_a_file_or_pipe_gets_no_such_line(command: Command, service: Service) -> None:
    ended = command("check", f"{service.url}/slow/")
    assert ended.returncode == 0
    assert LINE not in ended.stdout + ended.stderr
