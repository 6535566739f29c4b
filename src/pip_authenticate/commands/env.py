"""`pip-authenticate env`: settings for what comes next, as lines of a shell or as a CI takes them."""

import os
import sys
from collections.abc import Mapping
from importlib import import_module

from pip_authenticate import private_files
from pip_authenticate.command_line import Session, guarded, parser
from pip_authenticate.surroundings import Surroundings

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
    output = import_module(f"pip_authenticate.outputs.{name.replace('-', '_')}").Output(_around(session))
    found = session.find()
    told = session.client_settings(found, by_files=False)
    for text in output.check(told):
        session.report.warning(text)
    output.deliver(told)
    session.report.line(f"Settings for {', '.join(session.clients)}; {len(found.indexes)} index(es).")
    return 0


def _output_of(environ: Mapping[str, str]) -> str:
    return next((output for variable, output, _ in _CI if environ.get(variable)), "sh")


def _around(session: Session) -> Surroundings:
    environ = session.environ
    parent = next((environ[folder] for _, _, folder in _CI if folder and environ.get(folder)), None)
    return Surroundings(
        environ,
        sys.stdout.write,
        is_terminal=sys.stdout.isatty(),
        shows_secrets=session.arguments.show_secrets,
        private_folder=lambda: private_files.new_folder(parent),
    )
