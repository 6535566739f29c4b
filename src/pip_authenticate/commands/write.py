"""`pip-authenticate write`: the settings as files in a private folder, for later steps and for Docker.

The same as `env --output files --directory DIR`.
"""

import os
from collections.abc import Mapping

from pip_authenticate import handover
from pip_authenticate.command_line import Session, guarded, parser

EXAMPLES = """\
  pip-authenticate write ~/.cache/feeds        then, in each later step: . ~/.cache/feeds/variables.sh
  pip-authenticate write auth project1/myFeed --organization fabrikam
  pip-authenticate forget auth                 removes it all
"""


def main(arguments: list[str], environ: Mapping[str, str]) -> int:
    """Run the command; gives its exit code."""
    made = parser(
        "write",
        "Writes the settings as files into a private folder; again refreshes them.",
        EXAMPLES,
        entries=True,
        folder="Folder for the files: a new or empty one, or one that this command has written.",
    )
    parsed = made.taken(arguments)
    return guarded(_write, lambda: Session(parsed, environ, os.getcwd()))


def _write(session: Session) -> int:
    return handover.to("files", session, folder=session.arguments.folder)
