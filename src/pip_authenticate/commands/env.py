"""`pip-authenticate env`: settings for what comes next, as lines of a shell or as a CI takes them."""

import os
from collections.abc import Mapping

from pip_authenticate import handover
from pip_authenticate.command_line import Session, guarded, parser

EXAMPLES = """\
  eval "$(pip-authenticate env)"                       for the rest of this shell
  pip-authenticate env --client uv --output github     for the later steps of a job
  pip-authenticate env project1/myFeed --organization fabrikam
  pip-authenticate env --output files --directory auth --verify fail
"""


def main(arguments: list[str], environ: Mapping[str, str]) -> int:
    """Run the command; gives its exit code."""
    made = parser("env", "Writes settings for what runs next.", EXAMPLES, entries=True)
    made.add_argument("--show-secrets", action="store_true", help="Write secrets to a terminal, too.")
    parsed = made.taken(arguments)
    return guarded(_deliver, lambda: Session(parsed, environ, os.getcwd()))


def _deliver(session: Session) -> int:
    return handover.to(
        session.value("output"),
        session,
        folder=session.value("directory"),
        shows_secrets=session.arguments.show_secrets,
    )
