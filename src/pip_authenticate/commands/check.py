"""`pip-authenticate check`: why it does not work, and what to do."""

import json
import os
import sys
from collections.abc import Mapping
from typing import NamedTuple

from pip_authenticate import authenticate
from pip_authenticate.authenticate import Found
from pip_authenticate.command_line import NO_INDEX, Session, guarded, parser
from pip_authenticate.errors import DeliveryError, PipAuthenticateError
from pip_authenticate.report import has_colour, painted
from pip_authenticate.verify import Verdict

EXAMPLES = """\
  pip-authenticate check                                      every index that the project names
  pip-authenticate check project1/myFeed --organization fabrikam
  pip-authenticate check --json --package HelloTestPackage    for programs; tries a download, too
"""
_WORDS = {"good": ("ok", "green"), "limited": ("limited", "yellow"), "bad": ("failed", "red")}
_NEEDED = 1
"""Exit code where something is wrong."""


class Row(NamedTuple):
    """One thing that was checked.

    Args:
        subject: an index, or a client.
        grade: `good`, `limited` or `bad`.
        text: what is the case, and what to do.
        source: where the index is named; empty for a client.
        provider: what gave its credential, or empty.
    """

    subject: str
    grade: str
    text: str
    source: str = ""
    provider: str = ""


def main(arguments: list[str], environ: Mapping[str, str]) -> int:
    """Run the command; gives its exit code: 0 all is good, 1 something is wrong, 2 wrong usage."""
    purpose = "Asks every index whether it accepts its credential, and says what to do."
    made = parser("check", purpose, EXAMPLES, entries=True)
    made.add_argument("--json", action="store_true", help="Write JSON.")
    parsed = made.taken(arguments)
    return guarded(_check, lambda: Session(parsed, environ, os.getcwd()))


def _check(session: Session) -> int:
    session.settings = session.settings._replace(verify="warn")
    found = session.find()
    if found.indexes:
        session.tell_clients()
    rows = [
        *(_of_index(verdict) for verdict in found.verdicts),
        *(
            Row(str(index.url), "bad", "No credential was found for it; see the warning.", index.source)
            for index in found.left_out
        ),
        *(Row("project", "bad", str(fault)) for fault in _faults(session)),
        *_of_clients(session, found),
        *_of_keyring(session, found),
        *_of_gateway(session, found),
    ]
    if session.arguments.json:
        sys.stdout.write(json.dumps(session.report.cleaned([row._asdict() for row in rows]), indent=2) + "\n")
    elif rows:
        sys.stdout.write(_table(rows, session))
    if not rows:
        session.report.warning(f"Nothing to check: {NO_INDEX}")
    return _NEEDED if any(row.grade == "bad" for row in rows) else 0


def _faults(session: Session) -> tuple[PipAuthenticateError, ...]:
    """What is wrong with files that could not be read: nobody knows what they name."""
    return session.project.faults if session.settings.project_folder else ()


def _of_index(verdict: Verdict) -> Row:
    index = verdict.target
    return Row(str(index.url), verdict.grade, verdict.text, index.source, index.provider)


def _of_clients(session: Session, found: Found) -> list[Row]:
    """Clients that would not find what they need."""
    rows = list[Row]()
    for client in session.clients if found.indexes else ():
        alone = session.settings._replace(clients=(client,))
        try:
            told = authenticate.client_settings(
                found.indexes, alone, session.wish(by_files=True), found.strangers
            )
        except DeliveryError as error:
            rows.append(Row(client, "bad", str(error)))
            continue
        rows.extend(Row(client, "limited", text) for text in (*told.warnings, *told.notes))
    return rows


def _of_keyring(session: Session, found: Found) -> list[Row]:
    """What keeps clients that ask keyring from an answer, where it seems to be in use."""
    from pip_authenticate.keyring_doctor import Doctor  # noqa: PLC0415 - few people use it

    indexes = [*(index.url for index in found.indexes), *(index.url for index in found.left_out)]
    doctor = Doctor(session.environ, session.project, indexes, session.clients, session.deadline)
    if not doctor.is_needed:
        return []
    with session.report.waiting("asking the programs that use keyring"):
        return [Row(f"{one.subject}, by keyring", one.grade, one.text) for one in doctor.findings()]


def _of_gateway(session: Session, found: Found) -> list[Row]:
    """Whether the code that an installer runs can read the gateway's memory, where that is how `run` goes."""
    from pip_authenticate import behind_gateway  # noqa: PLC0415 - as above
    from pip_authenticate.gateway import hiding  # noqa: PLC0415

    is_used = session.value("via") in {None, "gateway"} and behind_gateway.is_installed()
    why = hiding.exposure() if found.indexes and is_used else ""
    text = f"The credential is not protected in the gateway's memory: {why}."
    return [Row("gateway of run", "limited", text)] if why else []


def _table(rows: list[Row], session: Session) -> str:
    """Rows for people: the verdict, the subject, and below what is the case."""
    colour = has_colour(sys.stdout, session.environ)
    width = max(len(word) for word, _ in _WORDS.values())
    lines = list[str]()
    for row in rows:
        word, name = _WORDS[row.grade]
        origin = " ".join(
            filter(None, (row.source and f"({row.source})", row.provider and f"by {row.provider}"))
        )
        subject = session.report.clean(f"{row.subject}  {origin}".rstrip())
        lines.append(f"{painted(f'{word:{width}}', name, on=colour)}  {subject}")
        lines.append(f"{'':{width}}  {session.report.clean(row.text)}")
    return "\n".join(lines) + "\n"
