"""`pip-authenticate report`: what `run --report` has written, as Markdown."""

import json
import sys
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from pip_authenticate import report
from pip_authenticate.command_line import guarded, plain_parser
from pip_authenticate.errors import InputError
from pip_authenticate.report import Report
from pip_authenticate.summary import cell

EXAMPLES = """\
  pip-authenticate report fetched.json >> "$GITHUB_STEP_SUMMARY"
"""
_LONGEST = 64 * 1024 * 1024


class _Work(NamedTuple):
    path: str
    report: Report


def main(arguments: list[str], environ: Mapping[str, str]) -> int:
    """Run the command; gives its exit code."""
    purpose = "Shows what run fetched through the gateway, as Markdown."
    made = plain_parser("report", purpose, EXAMPLES, words="FILE")
    made.add_argument("file", metavar="FILE", help="What run --report has written.")
    work = _Work(made.parse_args(arguments).file, report.standard(environ))
    return guarded(_show, lambda: work)


def _show(work: _Work) -> int:
    try:
        with open(work.path, encoding="utf-8") as file:
            told = json.loads(file.read(_LONGEST))
        text = "\n".join(_lines(told))
    except OSError as error:
        raise InputError("report-file", f"{work.path} cannot be read: {error.strerror}") from None
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        raise InputError(
            "report-file", f"{work.path} is no report", hint="Name a file that run --report has written."
        ) from None
    sys.stdout.write(f"{text}\n")
    return 0


def _lines(told: Mapping[str, Any]) -> Iterator[str]:
    yield "### Packages fetched"
    yield ""
    yield from _table(
        ("package", "version", "from", "SHA-256", "bytes"),
        [
            (one["name"] or one["file"], one["version"], one["source"], one["sha256"], one["bytes"] or "")
            for one in told["files"]
        ],
    )
    published = [(one["file"], one["source"], one["sha256"], one["bytes"]) for one in told["uploaded"]]
    if published:
        yield "### Packages published"
        yield ""
        yield from _table(("file", "to", "SHA-256", "bytes"), published)
    if told["public_names"]:
        names = ", ".join(map(cell, told["public_names"]))
        yield f"From public indexes, since no private one has them: {names}."
        yield ""
    for head, rows in (
        ("refused", [(one["request"], one["why"]) for one in told["refused"]]),
        ("what went wrong", [(why,) for why in told["failures"]]),
    ):
        if rows:
            yield from _table((head, "why")[: len(rows[0])], rows)


def _table(head: tuple[str, ...], rows: list[tuple[Any, ...]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield f"|{'---|' * len(head)}"
    for row in rows:
        yield f"| {' | '.join(cell(str(value)) for value in row)} |"
    yield ""
