"""Tells what went through the gateway: people, the summary of a CI's job, and a file."""

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

from pip_authenticate import shown_record
from pip_authenticate.command_line import Session
from pip_authenticate.errors import InputError
from pip_authenticate.index import AuthenticatedIndex
from pip_authenticate.surroundings import Surroundings, output_of

if TYPE_CHECKING:
    from pip_authenticate.gateway.record import Record

_SHOWN, _SUMMARIZED = 10, 200
"""Most files that are shown: to people on the spot, and in a summary."""
_ASKING_SECONDS = 15.0
"""How long the command may end later for a report."""


def see_place(session: Session) -> None:
    """See that a report could be written, before anything is fetched that it should tell of.

    Raises:
        InputError: it could not.
    """
    path = session.value("report")
    folder = os.path.dirname(path or "") or os.curdir
    if path and (os.path.isdir(path) or not os.access(folder, os.W_OK | os.X_OK)):
        raise InputError(
            "report-file",
            f"{session.chosen['report'].origin}: nothing can be written to {path}",
            hint="Name a file in a folder that is there.",
        )


def tell(session: Session, record: "Record", indexes: list[AuthenticatedIndex]) -> None:
    """Say what went through the gateway.

    Args:
        session: of the command.
        record: of the gateway.
        indexes: those that may be asked for a report where they have files from.
    """
    path, shown = session.value("report"), session.report
    if path and indexes:
        _ask_origins(session, record, indexes)
    told = record.told()
    head, rows = shown_record.table(told, _SHOWN)
    if rows:
        shown.table(head, rows)
    for line in shown_record.lines(told, _SHOWN):
        shown.line(line)
    for why in record.warnings():
        shown.warning(why)
    cleaned = shown.cleaned(told)
    if record.is_worth_telling:
        _summarize(session, shown_record.markdown(cleaned, _SUMMARIZED))
    if path:
        _write(session, path, cleaned)


def _ask_origins(session: Session, record: "Record", indexes: list[AuthenticatedIndex]) -> None:
    """Have feeds say what they have saved from upstream; the report can do without."""
    from pip_authenticate.azure.feeds import FeedsService  # noqa: PLC0415 - few runs ask
    from pip_authenticate.deadline import Deadline  # noqa: PLC0415
    from pip_authenticate.gateway import saved  # noqa: PLC0415
    from pip_authenticate.transport import Transport  # noqa: PLC0415

    settings, debug = session.settings, session.report.debug
    transport = Transport(settings.proxy, settings.certificates, debug, Deadline(_ASKING_SECONDS))
    with session.report.waiting("asking the feeds what they have saved from upstream"):
        saved.ask(record, indexes, FeedsService(settings, transport), transport, debug)


def _summarize(session: Session, markdown: str) -> None:
    """Show a summary where the CI has a place for it; standard output is the program's."""
    name = output_of(session.environ)
    module = import_module(f"pip_authenticate.outputs.{name.replace('-', '_')}")
    around = Surroundings(
        session.environ, session.report.hand, is_terminal=False, shows_secrets=False, place=lambda _: []
    )
    module.Output(around).summarize(markdown)


def _write(session: Session, path: str, told: dict[str, Any]) -> None:
    from json import dumps  # noqa: PLC0415 - most runs write none

    try:
        with open(path, "w", encoding="utf-8") as file:
            file.write(f"{dumps(told, indent=2, ensure_ascii=False)}\n")
    except OSError as error:
        session.report.warning(f"The report cannot be written to {path}: {error.strerror}.")
