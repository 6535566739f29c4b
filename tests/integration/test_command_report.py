"""`pip-authenticate report`, and what `--via gateway` needs."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from support.command import Command

ONE = {
    "name": "demo",
    "version": "1.0",
    "file": "demo-1.0.tar.gz",
    "source": "feed one",
    "sha256": "00",
    "bytes": 7,
}


@pytest.fixture
def command(tmp_path: Path) -> Command:
    return Command(tmp_path)


def test_a_report_is_shown_as_markdown(command: Command) -> None:
    told = {
        "files": [ONE, {**ONE, "name": "<b>|`x`", "bytes": None}],
        "public_names": ["open-package"],
        "refused": [{"request": "GET https://h/_apis", "why": "no page of an index names it"}],
        "failures": ["it does not answer"],
    }
    command.write("report.json", json.dumps(told))
    ended = command("report", "report.json")
    assert ended.returncode == 0, ended.stderr
    rows = ended.stdout.splitlines()
    assert "| demo | 1.0 | feed one | 00 | 7 |" in rows
    assert "From public indexes, since no private one has them: open-package." in rows
    assert "| it does not answer |" in rows
    assert "<b>" not in ended.stdout
    assert "no page of an index names it" in ended.stdout


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"files": 1}', "\udcff"])
def test_what_is_no_report_is_said_to_be_none(command: Command, text: str) -> None:
    (command.project / "report.json").write_text(text, encoding="utf-8", errors="surrogateescape")
    ended = command("report", "report.json")
    assert (ended.returncode, ended.stdout) == (1, "")
    assert "report.json is no report" in ended.stderr


def test_a_report_that_is_not_there(command: Command) -> None:
    ended = command("report", "none.json")
    assert ended.returncode == 1
    assert "none.json cannot be read" in ended.stderr


def test_without_the_extra_one_line_says_what_to_install(command: Command) -> None:
    hidden = (
        "import sys; sys.modules['aiohttp'] = None; from pip_authenticate import cli; sys.exit(cli.main())"
    )
    words = ["run", "--via", "gateway", "https://h.example/simple/", "--", "true"]
    ended = subprocess.run(
        [sys.executable, "-c", hidden, *words],
        env={**command.environ, "PIP_AUTHENTICATE_TOKEN": "canary-token"},
        cwd=command.project, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert ended.returncode == 1
    assert ended.stderr == (
        "pip-authenticate: error: The gateway needs a package that is not installed: aiohttp. "
        "Install pip-authenticate[secretless].\n"
    )


def test_nothing_is_uploaded_through_the_gateway(command: Command) -> None:
    words = ("run", "--via", "gateway", "--publish", "https://h.example/simple/", "--", "true")
    ended = command(*words, PIP_AUTHENTICATE_TOKEN="canary-token")
    assert ended.returncode == 1
    assert "lets nothing be uploaded" in ended.stderr
