"""`pip-authenticate report`, and what `--via gateway` needs."""

import json
import re
import subprocess
import sys
from html import unescape
from pathlib import Path

import pytest

from support.command import Command

ONE = {
    "name": "demo",
    "version": "1.0",
    "file": "demo-1.0.tar.gz",
    "source": "feed one",
    "saved_from": None,
    "sha256": "00",
    "bytes": 7,
    "is_seen": True,
}
TOLD = {
    "files": [
        ONE,
        {**ONE, "saved_from": ""},
        {**ONE, "name": "<b>|`x`", "bytes": None, "is_seen": False, "saved_from": "PyPI"},
    ],
    "public": [{"name": "open-package", "index": "https://h/simple/", "versions": ["2.0"]}],
    "uploaded": [{"file": "mine-1.0.tar.gz", "source": "feed one", "sha256": "11", "bytes": 8}],
    "refused": [{"request": "GET https://h/_apis", "why": "no page of an index names it"}],
    "failures": ["it does not answer"],
    "hosts": ["elsewhere.example"],
    "is_cut": True,
}


@pytest.fixture
def command(tmp_path: Path) -> Command:
    return Command(tmp_path)


def test_a_report_is_shown_as_markdown(command: Command) -> None:
    command.write("report.json", json.dumps(TOLD))
    ended = command("report", "report.json")
    assert ended.returncode == 0, ended.stderr
    rows = [unescape(row) for row in ended.stdout.splitlines()]
    assert "| demo | 1.0 | demo-1.0.tar.gz | feed one |  | 00 | 7 |" in rows
    assert "| <b>|`x` | 1.0 | demo-1.0.tar.gz | feed one | PyPI | 00* |  |" in rows
    assert "| demo | 1.0 | demo-1.0.tar.gz | feed one | - | 00 | 7 |" in rows
    assert "| open-package | 2.0 | https://h/simple/ |" in rows
    assert "| mine-1.0.tar.gz | feed one | 11 | 8 |" in rows
    assert "| GET https://h/_apis | no page of an index names it |" in rows
    assert {"| it does not answer |", "| elsewhere.example |"} <= set(rows)
    assert "There was more" in ended.stdout
    assert "<b>" not in ended.stdout


def test_a_report_is_shown_as_a_page_that_loads_and_runs_nothing(command: Command) -> None:
    command.write("report.json", json.dumps(TOLD))
    ended = command("report", "--format", "html", "report.json")
    assert ended.returncode == 0, ended.stderr
    assert "<td>&lt;b&gt;|`x`</td>" in ended.stdout
    assert "<td>feed one</td><td>PyPI</td>" in ended.stdout
    assert "color-scheme: light dark" in ended.stdout
    assert not re.search(r"<script|<link|<img|src=|href=|url\(|@import", ended.stdout)


def test_a_report_of_nothing(command: Command) -> None:
    nothing: dict[str, object] = {
        name: [] for name in ("files", "public", "uploaded", "refused", "failures", "hosts")
    } | {"is_cut": False}
    command.write("report.json", json.dumps(nothing))
    for form in ("markdown", "html"):
        assert (
            "Nothing went through the gateway." in command("report", "--format", form, "report.json").stdout
        )


def test_a_form_that_is_none(command: Command) -> None:
    ended = command("report", "--format", "pdf", "report.json")
    assert ended.returncode == 2
    assert "--format" in ended.stderr


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"files": 1}', '{"files": [{}]}', "\udcff"])
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
