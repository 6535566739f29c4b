"""`pip-authenticate env`: settings for what comes next, as lines of a shell or as a CI takes them."""

import os
import sys
from collections.abc import Mapping
from importlib import import_module

from pip_authenticate import private_files, summary
from pip_authenticate.client_settings import ClientSettings, Variable
from pip_authenticate.command_line import Session, counted, guarded, parser
from pip_authenticate.index import TOKEN_USER
from pip_authenticate.surroundings import Output, Surroundings

EXAMPLES = """\
  eval "$(pip-authenticate env)"                       for the rest of this shell
  pip-authenticate env --client uv --output github     for the later steps of a job
  pip-authenticate env project1/myFeed --organization fabrikam
"""
# Where a CI keeps files for the rest of a job, and by which variable it is known.
_CI = (
    ("GITHUB_ACTIONS", "github", "RUNNER_TEMP"),
    ("TF_BUILD", "azure-pipelines", "AGENT_TEMPDIRECTORY"),
    ("GITLAB_CI", "gitlab", ""),
    ("CIRCLECI", "circleci", ""),
)


def main(arguments: list[str], environ: Mapping[str, str]) -> int:
    """Run the command; gives its exit code."""
    made = parser("env", "Writes settings for what runs next.", EXAMPLES)
    made.add_argument("--show-secrets", action="store_true", help="Write secrets to a terminal, too.")
    parsed = made.parse_args(arguments)
    return guarded(_deliver, lambda: Session(parsed, environ, os.getcwd()))


def _deliver(session: Session) -> int:
    name = session.value("output") or _output_of(session.environ)
    module = import_module(f"pip_authenticate.outputs.{name.replace('-', '_')}")
    output: Output = module.Output(_around(session))
    session.tell_secrets(output.register)
    found = session.find()
    told = session.client_settings(found, by_files=False)
    for text in output.check(told):
        session.report.warning(text)
    output.register(secret for secret in told.secrets if secret.reveal() != TOKEN_USER)
    _delivered(output, told, session)
    clients = ", ".join(session.clients)
    for text in told.notes:
        session.report.line(text)
    if found.indexes:
        output.summarize(summary.of(found, clients))
    session.report.line(f"Settings for {clients} of {counted(found)} went to {name}.")
    return 0


def _delivered(output: Output, told: ClientSettings, session: Session) -> None:
    """Hand settings over; files that nobody is told of are removed."""
    try:
        output.deliver(told)
    except BaseException:
        for folder in session.folders:
            private_files.remove(folder)
        raise
    for folder in session.folders:
        session.report.line(f"Files with credentials are in {folder}; remove it when they are not needed.")


def _output_of(environ: Mapping[str, str]) -> str:
    return next((output for variable, output, _ in _CI if environ.get(variable)), "sh")


def _around(session: Session) -> Surroundings:
    environ = session.environ
    parent = next((environ[folder] for _, _, folder in _CI if folder and environ.get(folder)), None)

    def place(settings: ClientSettings) -> list[Variable]:
        folder = private_files.new_folder(parent)
        if any(file.variables != ("SUMMARY",) for file in settings.files):
            session.folders.append(folder)
        return private_files.place(folder, settings.files)

    return Surroundings(
        environ,
        _write,
        is_terminal=sys.stdout.isatty(),
        shows_secrets=session.arguments.show_secrets,
        place=place,
    )


def _write(text: str) -> None:
    """Write data at once: masks must reach who reads them before anything else does."""
    sys.stdout.write(text)
    sys.stdout.flush()
