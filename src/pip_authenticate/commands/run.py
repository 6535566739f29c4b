"""`pip-authenticate run`: starts one program with the settings, and leaves nothing behind."""

import os
from collections.abc import Mapping

from pip_authenticate import child_environment, child_process, passing_folder
from pip_authenticate.authenticate import Found, client
from pip_authenticate.child_process import CannotStart, Run
from pip_authenticate.client_settings import ClientSettings
from pip_authenticate.command_line import Session, counted, guarded, parser, parted
from pip_authenticate.errors import InputError
from pip_authenticate.private_files import paths
from pip_authenticate.proxies import is_gateway

EXAMPLES = """\
  pip-authenticate run -- pip install -r requirements.txt    the indexes that the project names
  pip-authenticate run project1/myFeed --organization fabrikam -- pip install HelloTestPackage
  pip-authenticate run --guard -- pip install -r requirements.txt    needs the extra secretless
  pip-authenticate run --via env -- sh -c 'pip download HelloTestPackage'
"""
_OF_GATEWAY = ("allow-upload", "guard", "public", "report")
"""Options that mean something behind the gateway only."""


def main(arguments: list[str], environ: Mapping[str, str]) -> int:
    """Run the command; gives the exit code of the program that it started."""
    own, program = parted(arguments)
    purpose = "Starts a program with the credentials of the indexes that it uses."
    made = parser("run", purpose, EXAMPLES, entries=True, words="-- PROGRAM [ARGUMENT ...]")
    parsed = made.taken(own)
    if not program:
        made.error("no program to run: it stands behind --, as in -- uv sync")
    code = guarded(
        lambda session: _run(session, program), lambda: Session(parsed, environ, os.getcwd(), program[0])
    )
    return child_process.ended_with(code)


def _run(session: Session, program: list[str]) -> int:
    try:
        path = child_process.located(program[0], session.environ)  # before anybody is asked for anything
        if is_gateway(session.environ.get("HTTPS_PROXY", "")):
            session.report.warning(
                "This runs behind the gateway of another run, which opens its indexes without this one, and "
                "hides the credential from it: leave one of the two out."
            )
        found = session.find()
        session.tell_verdicts(found)
        way = _way(session, found)
        if way == "gateway":
            from pip_authenticate import behind_gateway  # noqa: PLC0415 - no other way needs any of it

            secrets = list(session.withheld(found))
            return behind_gateway.run(session, found, path, program, secrets, _summary(session, found))
        told = session.client_settings(found, session.wish(by_files=way == "files"))
        for text in told.notes:
            session.report.line(text)
        session.report.line(_summary(session, found))
        environ = child_environment.without(session.environ, session.withheld(found))
        environ |= {variable.name: variable.value.reveal() for variable in told.variables}
        with child_process.attended() as start:
            if not told.files:
                return start(path, program, environ)
            return _with_files(start, told, path, program, environ, session.environ)
    except CannotStart as error:
        session.report.error(f"{program[0]} {error.why}.")
        return error.code


def _way(session: Session, found: Found) -> str:
    """How credentials are handed over: what was chosen, or else the safest way that can be had.

    Raises:
        InputError: something is asked for that the chosen way does not do.
    """
    chosen: str | None = session.value("via")
    away = [name for name in session.clients if not client(name).RUNS_HERE]
    asked = [name for name in _OF_GATEWAY if session.value(name)]
    if chosen in {"files", "env"} and asked:
        raise InputError(
            "needs-gateway",
            f"{session.chosen[asked[0]].origin} needs the gateway, and {session.chosen['via'].origin} says "
            f"{chosen}",
            hint="Leave one of them out.",
        )
    if away and (chosen == "gateway" or asked):
        raise InputError(
            "runs-elsewhere",
            f"{away[0]} gets a file with the credential: what reads it runs elsewhere, without a gateway",
            hint=f"Say --via files, or leave {away[0]} out of --client.",
        )
    if chosen and session.is_of_project("via") and chosen != "gateway" and _has_gateway():
        session.report.warning(
            f"{session.chosen['via'].origin} lets code that the program runs see the credential. If you have "
            "not written that, say --via gateway."
        )
    if chosen or asked:
        return chosen or "gateway"
    if session.value("publish"):  # publishers read variables, and would else ask the public index
        if found.indexes and _has_gateway():
            session.report.line(
                "For --publish the program gets the credential in its variables; with --allow-upload it "
                "publishes through the gateway, and gets none."
            )
        return "env"
    return "gateway" if found.indexes and not away and _has_gateway() else "files"


def _has_gateway() -> bool:
    from pip_authenticate import behind_gateway  # noqa: PLC0415 - who says how needs none of it

    return behind_gateway.is_installed()


def _with_files(
    start: Run,
    told: ClientSettings,
    path: str,
    program: list[str],
    environ: dict[str, str],
    places: Mapping[str, str],
) -> int:
    with passing_folder.passing(places) as folder:
        folder.write(told.files)
        environ |= {name: path.reveal() for name, path in paths(folder.path, told.files).items()}
        return start(path, program, environ)


def _summary(session: Session, found: Found) -> str:
    if not found.indexes:
        unknown = found.warnings or session.project.faults
        return "No index gets a credential." if unknown else "No index needs a credential."
    return f"Credentials for {', '.join(session.clients)} and {counted(found)}."
