"""`pip-authenticate run`: starts one program with the settings, and leaves nothing behind."""

import os
from collections.abc import Iterator, Mapping
from contextlib import closing
from typing import TYPE_CHECKING

from pip_authenticate import child_environment, child_process, passing_folder
from pip_authenticate.authenticate import Found
from pip_authenticate.child_process import CannotStart, Run
from pip_authenticate.client_settings import ClientSettings
from pip_authenticate.command_line import Session, counted, guarded, parser
from pip_authenticate.errors import InputError
from pip_authenticate.index import Credential, IndexUrl
from pip_authenticate.private_files import paths
from pip_authenticate.secret import Secret

if TYPE_CHECKING:
    from pip_authenticate.gateway.fence import Guarded
    from pip_authenticate.gateway.record import Record

EXAMPLES = """\
  pip-authenticate run -- pip install -r requirements.txt    the indexes that the project names
  pip-authenticate run project1/myFeed --organization fabrikam -- pip install HelloTestPackage
  pip-authenticate run --via gateway -- pip install -r requirements.txt
  pip-authenticate run --via env -- sh -c 'pip download HelloTestPackage'
"""
_END = "--"
_PRIMARY = {"pip": "PIP_INDEX_URL", "uv": "UV_DEFAULT_INDEX"}
"""Variables that name the index which takes the public one's place."""


def main(arguments: list[str], environ: Mapping[str, str]) -> int:
    """Run the command; gives the exit code of the program that it started."""
    own, program = _parted(arguments)
    purpose = "Starts a program with the credentials of the indexes that it uses."
    made = parser("run", purpose, EXAMPLES, entries=True, words="-- PROGRAM [ARGUMENT ...]")
    parsed = made.parse_args(own)
    if not program:
        made.error("no program to run: it stands behind --, as in -- uv sync")
    code = guarded(
        lambda session: _run(session, program), lambda: Session(parsed, environ, os.getcwd(), program[0])
    )
    if code < 0:
        child_process.end_by(-code)
    return code if code >= 0 else 128 - code


def _parted(arguments: list[str]) -> tuple[list[str], list[str]]:
    """Own arguments, and the program with its arguments."""
    if _END not in arguments:
        return arguments, []
    end = arguments.index(_END)
    return arguments[:end], arguments[end + 1 :]


def _run(session: Session, program: list[str]) -> int:
    try:
        path = child_process.located(program[0], session.environ)  # before anybody is asked for anything
        found = session.find()
        session.tell_verdicts(found)
        if session.value("via") == "gateway":
            return _through_gateway(session, found, path, program)
        # Publishers read variables, and would else ask the public index: who wants files must say so.
        publishes = session.value("publish") and session.chosen["via"].origin == "default"
        by_files = session.value("via") == "files" and not publishes
        told = session.client_settings(found, session.wish(by_files=by_files))
        for text in told.notes:
            session.report.line(text)
        session.report.line(_summary(session, found))
        environ = child_environment.without(session.environ, _secrets(session, found))
        environ |= {variable.name: variable.value.reveal() for variable in told.variables}
        with child_process.attended() as start:
            if not told.files:
                return start(path, program, environ)
            return _with_files(start, told, path, program, environ, session.environ)
    except CannotStart as error:
        session.report.error(f"{program[0]} {error.why}.")
        return error.code


def _with_files(
    start: Run,
    told: ClientSettings,
    path: str,
    program: list[str],
    environ: dict[str, str],
    places: Mapping[str, str],
) -> int:
    with closing(passing_folder.made(places)) as folder:
        try:
            folder.write(told.files)
            environ |= {name: path.reveal() for name, path in paths(folder.path, told.files).items()}
            return start(path, program, environ)
        finally:
            folder.remove_all()


def _through_gateway(session: Session, found: Found, path: str, program: list[str]) -> int:
    """Run the program behind a gateway that has the credentials; it gets addresses only.

    Raises:
        InputError: the extra that this needs is not installed.
        DeliveryError: the program would not go through the gateway.
    """
    try:
        from pip_authenticate.gateway import hiding  # noqa: PLC0415 - no other way needs any of it
        from pip_authenticate.gateway.life import Gateway  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise InputError(
            "no-gateway",
            f"--via gateway needs a package that is not installed: {error.name}",
            hint="Install pip-authenticate[secretless].",
        ) from None
    if session.value("publish"):
        raise InputError(
            "no-upload", "--publish does not go with --via gateway, which lets nothing be uploaded"
        )
    settings, secrets = session.settings, list(_secrets(session, found))
    nobody = found._replace(
        indexes=[index._replace(credential=Credential("nobody", Secret("none"))) for index in found.indexes],
        strangers=[],
    )
    told = session.client_settings(nobody, session.wish(by_files=True))
    environ = child_environment.without(session.environ, secrets)
    environ |= {variable.name: variable.value.reveal() for variable in told.variables}
    indexes = _guarded(session, found, environ)
    gateway = Gateway(
        indexes,
        settings.proxy,
        settings.certificates,
        lambda: _private(session.find_anew()),
        secrets,
        session.report.debug,
    )
    session.tell_secrets(gateway.learn)
    session.report.register(gateway.secrets)
    for ancestor in hiding.showing(secrets):
        session.report.warning(
            f"The variables of {ancestor}, which started this run, show the credential to every program: "
            "give it with --token-stdin or --token-file, or set it for this command only."
        )
    hiding.hide(secrets)
    session.report.line(f"{_summary(session, found)[:-1]}, behind a gateway; the program gets none.")
    with closing(passing_folder.made(session.environ)) as folder:
        try:
            environ |= gateway.variables(environ, folder)
            with child_process.attended(gateway.running) as start:
                return start(path, program, environ)
        finally:
            folder.remove_all()
            _tell(session, gateway.record)


def _guarded(session: Session, found: Found, environ: Mapping[str, str]) -> "list[Guarded]":
    """The indexes that the gateway opens: private ones with their credentials, and public ones to guard."""
    from pip_authenticate.gateway import defaults  # noqa: PLC0415 - no other way needs it
    from pip_authenticate.gateway.fence import Guarded  # noqa: PLC0415

    private = _private(found)
    wanted = session.value("guard")
    named = [IndexUrl.parse(text)[0] for text in session.value("public")] or found.strangers
    if wanted is not False and private:
        asking = [name for name in session.clients if wanted or not environ.get(_PRIMARY.get(name, ""))]
        named = [*named, *defaults.asked_by(asking, environ, session.deadline)]
    known = {index.url.key for index in private}
    public = {url.key: url for url in named if url.key not in known}
    if wanted is False and public:
        session.report.warning(
            "Public indexes are not guarded: a stranger's package of a private one's name can come from "
            f"{', '.join(url.origin.host for url in public.values())}."
        )
        origins = {index.url.origin for index in private}
        return private + [Guarded(url, str(url), None) for url in public.values() if url.origin in origins]
    return private + [Guarded(url, str(url), None, is_public=True) for url in public.values()]


def _private(found: Found) -> "list[Guarded]":
    """The indexes with what opens them."""
    from pip_authenticate.gateway.fence import Guarded  # noqa: PLC0415 - no other way needs it

    return [
        Guarded(index.url, index.source, index.credential.authorization, expires=index.credential.expires)
        for index in found.indexes
    ]


def _tell(session: Session, record: "Record") -> None:
    """Say what went through the gateway, and write it into the file that was asked for."""
    shown = session.report
    for line in record.lines():
        shown.line(line)
    for why in record.warnings():
        shown.warning(why)
    path = session.value("report")
    if not path:
        return
    from json import dumps  # noqa: PLC0415 - most runs write none

    text = dumps(shown.cleaned(record.told()), indent=2, ensure_ascii=False)
    try:
        with open(path, "w", encoding="utf-8") as file:
            file.write(f"{text}\n")
    except OSError as error:
        shown.warning(f"The report cannot be written to {path}: {error.strerror}.")


def _secrets(session: Session, found: Found) -> Iterator[Secret]:
    """What the program shall find in none of the caller's variables."""
    settings = session.settings
    yield from filter(None, (settings.token, settings.pipeline_token, *session.used))
    for credential in {index.credential for index in found.indexes}:
        yield from credential.spellings


def _summary(session: Session, found: Found) -> str:
    if not found.indexes:
        unknown = found.warnings or session.project.faults
        return "No index gets a credential." if unknown else "No index needs a credential."
    return f"Credentials for {', '.join(session.clients)} and {counted(found)}."
