"""Hands settings to an output: what the commands env and write have in common."""

import os
import sys
from importlib import import_module

from pip_authenticate import private_files, summary
from pip_authenticate.client_settings import ClientSettings, Variable
from pip_authenticate.command_line import NO_INDEX, Session, counted
from pip_authenticate.errors import Faults
from pip_authenticate.surroundings import Output, Surroundings, folder_of, output_of


def to(name: str, session: Session, *, folder: str = "", shows_secrets: bool = False) -> int:
    """Find everything, and hand it over; gives the exit code.

    Args:
        name: of the output; empty chooses that of the CI, or sh.
        session: of the command.
        folder: for an output that writes files where somebody wants them.
        shows_secrets: whether a terminal may show secrets.

    Raises:
        PipAuthenticateError: it cannot be done; nothing was handed over.
    """
    name = name or output_of(session.environ)
    module = import_module(f"pip_authenticate.outputs.{name.replace('-', '_')}")
    folder = os.path.abspath(folder) if folder else ""
    placed = list[str]()
    output: Output = module.Output(_around(session, folder, placed, shows_secrets=shows_secrets))
    session.tell_secrets(output.register)
    found = session.find()
    if not found.indexes and not found.left_out:
        session.report.warning(f"Nothing is set: {NO_INDEX}")
    clients = ", ".join(session.clients)
    shown = summary.of(found, clients) if found.indexes else ""
    try:
        session.tell_verdicts(found)
    except Faults:
        output.summarize(shown)
        raise
    wish = session.wish(by_files=output.by_files, addresses_too=output.by_files)
    told = session.client_settings(found, wish)
    for text in output.check(told):
        session.report.warning(text)
    output.register(told.secrets)
    _deliver(output, told, placed)
    for text in told.notes:
        session.report.line(text)
    output.summarize(shown)
    place = f"are in {folder}" if output.by_files else f"went to {name}"
    session.report.line(f"Settings for {clients} of {counted(found)} {place}.")
    for path in placed:
        session.report.line(f"Files with credentials are in {path}; remove it when they are not needed.")
    return 0


def _deliver(output: Output, told: ClientSettings, placed: list[str]) -> None:
    """Hand settings over; files that nobody is told of are removed."""
    try:
        output.deliver(told)
    except BaseException:
        for path in placed:
            private_files.remove(path)
        raise


def _around(session: Session, folder: str, placed: list[str], *, shows_secrets: bool) -> Surroundings:
    """What the output finds; folders that it has files placed in are noted."""
    environ = session.environ
    parent = folder_of(environ)

    def place(settings: ClientSettings) -> list[Variable]:
        placed.append(private_files.new_folder(parent))
        return private_files.place(placed[-1], settings.files)

    return Surroundings(
        environ,
        _write,
        is_terminal=sys.stdout.isatty(),
        shows_secrets=shows_secrets,
        folder=folder,
        place=place,
    )


def _write(text: str) -> None:
    """Write data at once: masks must reach who reads them before anything else does."""
    sys.stdout.write(text)
    sys.stdout.flush()
