"""`pip-authenticate config`: every setting, its value, and where that came from."""

import json
import os
import sys
from collections.abc import Mapping

from pip_authenticate.command_line import Session, guarded, parser
from pip_authenticate.secret import MASK
from pip_authenticate.user_folders import settings_file

EXAMPLES = """\
  pip-authenticate config           one setting a line
  pip-authenticate config --json    the same for programs
"""
_TOKENS = ("PIP_AUTHENTICATE_TOKEN", "SYSTEM_ACCESSTOKEN")


def main(arguments: list[str], environ: Mapping[str, str]) -> int:
    """Run the command; gives its exit code."""
    made = parser("config", "Lists every setting, its value, and where that came from.", EXAMPLES)
    made.add_argument("--json", action="store_true", help="Write JSON.")
    parsed = made.taken(arguments)
    return guarded(_list, lambda: Session(parsed, environ, os.getcwd()))


def _list(session: Session) -> int:
    rows = [
        {"name": name, "value": given.value, "origin": given.origin} for name, given in session.chosen.items()
    ]
    rows += [
        {"name": name, "value": MASK if session.environ.get(name) else "", "origin": "variable"}
        for name in _TOKENS
    ]
    rows += [
        {"name": "clients in use", "value": session.clients, "origin": "see client"},
        {"name": "project's files", "value": session.project.table_file, "origin": "found"},
        {"name": "user's file", "value": settings_file(session.environ), "origin": "platform"},
    ]
    if session.arguments.json:
        sys.stdout.write(json.dumps(session.report.cleaned(rows), indent=2) + "\n")
        return 0
    width = max(len(str(row["name"])) for row in rows)
    for row in rows:
        value = row["value"]
        shown = ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)
        sys.stdout.write(f"{row['name']:{width}}  {session.report.clean(shown) or '-'}  ({row['origin']})\n")
    return 0
