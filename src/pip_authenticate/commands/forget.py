"""`pip-authenticate forget`: removes what `write` has written."""

import os
from collections.abc import Mapping
from contextlib import closing
from typing import NamedTuple

from pip_authenticate import kept_folder, report
from pip_authenticate.command_line import FAILED, guarded, parser
from pip_authenticate.report import Report

EXAMPLES = """\
  pip-authenticate forget auth
"""


class _Work(NamedTuple):
    path: str
    report: Report


def main(arguments: list[str], environ: Mapping[str, str]) -> int:
    """Run the command; gives its exit code."""
    purpose = "Removes what write has written into a folder, and the folder if nothing else is in it."
    made = parser("forget", purpose, EXAMPLES, folder="Folder that the command write was told.")
    parsed = made.taken(arguments)
    told = report.standard(environ, is_quiet=parsed.quiet, is_verbose=parsed.verbose)
    return guarded(_forget, lambda: _Work(os.path.abspath(parsed.folder), told))


def _forget(work: _Work) -> int:
    path, told = work
    with closing(kept_folder.found(path)) as folder:
        left = kept_folder.forget(folder)
    for name in left.removed:
        told.debug(f"{name} is removed.")
    for name in left.changed:
        told.warning(
            f"{name} in {path} was changed since it was written; it stays. See if it holds a secret."
        )
    for name in left.others:
        told.warning(f"{name} in {path} was not written by this program; it stays.")
    told.line(f"{path} holds no settings any more.")
    return FAILED if left.changed else 0
