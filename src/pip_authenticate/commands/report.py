"""`pip-authenticate report`: what `run --report` has written, for people."""

import json
import sys
from collections.abc import Mapping
from typing import NamedTuple

from pip_authenticate import report, shown_record
from pip_authenticate.command_line import guarded, plain_parser
from pip_authenticate.errors import InputError
from pip_authenticate.options import FORMATS
from pip_authenticate.report import Report

EXAMPLES = """\
  pip-authenticate report fetched.json >> "$GITHUB_STEP_SUMMARY"
  pip-authenticate report --format html fetched.json > fetched.html
"""
_LONGEST = 64 * 1024 * 1024
_FORMATS = dict(zip(FORMATS, (shown_record.markdown, shown_record.page), strict=True))


class _Work(NamedTuple):
    path: str
    format: str
    report: Report


def main(arguments: list[str], environ: Mapping[str, str]) -> int:
    """Run the command; gives its exit code."""
    purpose = "Shows what run fetched through the gateway, as Markdown or HTML."
    made = plain_parser("report", purpose, EXAMPLES, words="FILE")
    made.add_argument("file", metavar="FILE", help="What run --report has written.")
    made.add_argument(
        "--format",
        choices=FORMATS,
        default=FORMATS[0],
        metavar="FORMAT",
        help="markdown, or html: one page, which loads nothing. Default: markdown.",
    )
    parsed = made.taken(arguments)
    work = _Work(parsed.file, parsed.format, report.standard(environ))
    return guarded(_show, lambda: work)


def _show(work: _Work) -> int:
    try:
        with open(work.path, encoding="utf-8") as file:
            text = _FORMATS[work.format](json.loads(file.read(_LONGEST)))
    except OSError as error:
        raise InputError("report-file", f"{work.path} cannot be read: {error.strerror}") from None
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        raise InputError(
            "report-file", f"{work.path} is no report", hint="Name a file that run --report has written."
        ) from None
    sys.stdout.write(f"{text}\n")
    return 0
