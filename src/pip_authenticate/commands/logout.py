"""`pip-authenticate logout`: forgets who signed in, and every token that is kept."""

from collections.abc import Mapping
from typing import NamedTuple

from pip_authenticate import report, stored_login, user_folders
from pip_authenticate.command_line import guarded, plain_parser
from pip_authenticate.deadline import Deadline
from pip_authenticate.report import Report
from pip_authenticate.token_cache import TokenCache

EXAMPLES = """\
  pip-authenticate logout
"""


class _Work(NamedTuple):
    environ: Mapping[str, str]
    report: Report


def main(arguments: list[str], environ: Mapping[str, str]) -> int:
    """Run the command; gives its exit code."""
    purpose = "Forgets who signed in with login, and every token that is kept between runs."
    made = plain_parser("logout", purpose, EXAMPLES)
    made.add_argument("-q", "--quiet", action="store_true", help="Say nothing but warnings and errors.")
    parsed = made.taken(arguments)
    told = report.standard(environ, is_quiet=parsed.quiet)
    return guarded(_logout, lambda: _Work(environ, told))


def _logout(work: _Work) -> int:
    path = user_folders.state_folder(work.environ)
    had_login = stored_login.forget(path)
    tokens = TokenCache(path, Deadline(), work.report.debug).forget()
    if not had_login and not tokens:
        work.report.line("Nobody had signed in, and no token was kept.")
    else:
        who = "The sign-in is forgotten" if had_login else "Nobody had signed in"
        work.report.line(f"{who}; tokens removed: {tokens}.")
    return 0
