"""`pip-authenticate serve`: an index on loopback that has the credentials, so that nobody else needs any."""

import os
import sys
from collections.abc import Mapping

from pip_authenticate import child_process
from pip_authenticate.child_process import CannotStart
from pip_authenticate.command_line import Session, counted, guarded, parser, parted

EXAMPLES = """\
  pip-authenticate serve project1/myFeed --organization fabrikam -- pip install HelloTestPackage
  pip-authenticate serve project1/myFeed --organization fabrikam --report got.json -- pip list
  pip-authenticate serve --port 0 project1/myFeed --organization fabrikam -- printenv PIP_INDEX_URL
"""


def main(arguments: list[str], environ: Mapping[str, str]) -> int:
    """Run the command; gives the exit code of the program that it started, if any."""
    own, program = parted(arguments)
    purpose = (
        "Serves an index on loopback, which has the credentials of all that are named: to a program, or "
        "until it is ended."
    )
    made = parser("serve", purpose, EXAMPLES, entries=True, words="[-- PROGRAM [ARGUMENT ...]]")
    parsed = made.taken(own)
    code = guarded(
        lambda session: _serve(session, program),
        lambda: Session(parsed, environ, os.getcwd(), program[0] if program else ""),
    )
    return child_process.ended_with(code)


def _serve(session: Session, program: list[str]) -> int:
    from pip_authenticate import behind_door  # noqa: PLC0415 - help and usage need none of it

    try:
        path = child_process.located(program[0], session.environ) if program else ""
        found = session.find()
        session.tell_verdicts(found)
        session.report.line(f"An index with the credentials for {counted(found)}; nobody else gets any.")
        return behind_door.serve(session, found, path, program, _write)
    except CannotStart as error:
        session.report.error(f"{program[0]} {error.why}.")
        return error.code


def _write(text: str) -> None:
    """Write lines at once: who waits for them can be served from then on."""
    sys.stdout.write(text)
    sys.stdout.flush()
