"""`pip-authenticate write`: the settings as files in a private folder, for later steps and for Docker."""

import os
from collections.abc import Mapping
from contextlib import closing

from pip_authenticate import kept_folder, private_files
from pip_authenticate.client_settings import ClientSettings, PrivateFile
from pip_authenticate.command_line import Session, counted, guarded, parser
from pip_authenticate.outputs import dotenv, sh
from pip_authenticate.secret import Secret
from pip_authenticate.surroundings import Output, Surroundings

EXAMPLES = """\
  pip-authenticate write ~/.cache/feeds        then, in each later step: . ~/.cache/feeds/variables.sh
  pip-authenticate write auth project1/myFeed --organization fabrikam
  pip-authenticate forget auth                 removes it all
"""
_FORMS = (("variables.sh", sh.Output), ("variables.env", dotenv.Output))
"""Files that hold the variables, each in the form of an output."""


def main(arguments: list[str], environ: Mapping[str, str]) -> int:
    """Run the command; gives its exit code."""
    made = parser(
        "write",
        "Writes the settings as files into a private folder; again refreshes them.",
        EXAMPLES,
        folder="Folder for the files: a new or empty one, or one that this command has written.",
    )
    parsed = made.parse_args(arguments)
    return guarded(_write, lambda: Session(parsed, environ, os.getcwd()))


def _write(session: Session) -> int:
    path = os.path.abspath(session.arguments.folder)
    found = session.find()
    told = session.client_settings(found, by_files=True)
    files = [*told.files, *_variables(session, path, told)]
    with closing(kept_folder.made_or_found(path)) as folder:
        kept_folder.refresh(folder, files)
    for text in told.notes:
        session.report.line(text)
    session.report.line(f"Settings for {', '.join(session.clients)} of {counted(found)} are in {path}.")
    return 0


def _variables(session: Session, folder: str, told: ClientSettings) -> list[PrivateFile]:
    """Files with all variables, in the forms of which all can be expressed there."""
    settings = ClientSettings((*private_files.variables(folder, told.files), *told.variables))
    files = list[PrivateFile]()
    for name, form in _FORMS:
        written = list[str]()
        around = Surroundings(
            session.environ, written.append, is_terminal=False, shows_secrets=False, place=lambda _: []
        )
        output: Output = form(around)
        output.check(settings)
        output.deliver(settings)
        files.append(PrivateFile(name, Secret("".join(written))))
    return files
