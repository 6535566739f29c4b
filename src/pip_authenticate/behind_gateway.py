"""Runs a program behind the gateway: it gets addresses, and no credential."""

from collections.abc import Mapping
from contextlib import closing
from importlib import import_module
from typing import TYPE_CHECKING

from pip_authenticate import child_environment, child_process, passing_folder
from pip_authenticate.authenticate import Found
from pip_authenticate.command_line import Session
from pip_authenticate.errors import InputError
from pip_authenticate.index import Credential, IndexUrl
from pip_authenticate.secret import Secret
from pip_authenticate.surroundings import Surroundings, output_of

if TYPE_CHECKING:
    from pip_authenticate.gateway.fence import Guarded
    from pip_authenticate.gateway.record import Record

_SHOWN, _SUMMARIZED = 10, 200
"""Most files that are shown: to people on the spot, and in a summary."""
_ASKING_SECONDS = 15.0
"""How long the command may end later for a report."""
_PRIMARY = {"pip": "PIP_INDEX_URL", "uv": "UV_DEFAULT_INDEX"}
"""Variables that name the index which takes the public one's place."""


def run(
    session: Session, found: Found, path: str, program: list[str], secrets: list[Secret], summary: str
) -> int:
    """Run a program; gives its exit code, as `child_process` does.

    Args:
        session: of the command.
        found: the indexes, with the credentials that the gateway has.
        path: of the program.
        program: its name and its arguments.
        secrets: what it shall find in none of the caller's variables.
        summary: a sentence about the credentials, for people.

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
            f"The gateway needs a package that is not installed: {error.name}",
            hint="Install pip-authenticate[secretless].",
        ) from None
    if session.value("publish"):
        raise InputError(
            "no-upload", "--publish does not go with --via gateway, which lets nothing be uploaded"
        )
    settings = session.settings
    nobody = found._replace(
        indexes=[index._replace(credential=Credential("nobody", Secret("none"))) for index in found.indexes],
        strangers=[],
    )
    told = session.client_settings(nobody, session.wish(by_files=True))
    environ = child_environment.without(session.environ, secrets)
    environ |= {variable.name: variable.value.reveal() for variable in told.variables}
    indexes = _guarded(session, found, environ)
    latest = [found]

    def renew() -> "list[Guarded]":
        latest[:] = [session.find_anew()]
        return _private(latest[0])

    gateway = Gateway(
        indexes,
        settings.proxy,
        settings.certificates,
        renew,
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
    hosts = {index.url.origin.host for index in found.indexes}
    for file, what in hiding.files_showing(session.environ, secrets, hosts):
        session.report.warning(
            f"{file} shows a credential {what} to every program: take it out, the gateway needs none there."
        )
    hiding.hide(secrets)
    exposure = hiding.exposure()
    but = f" But it can read them in the gateway's memory: {exposure}." if exposure else ""
    session.report.line(f"{summary[:-1]}, behind a gateway; the program gets none.{but}")
    code = 0
    with closing(passing_folder.made(session.environ)) as folder:
        try:
            environ |= gateway.variables(environ, folder)
            with child_process.attended(gateway.running) as start:
                code = start(path, program, environ)
            return code
        finally:
            folder.remove_all()
            if session.value("report") and code >= 0:  # whoever ends it by a signal waits for nothing
                _ask_origins(session, latest[0], gateway.record)
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


def _ask_origins(session: Session, found: Found, record: "Record") -> None:
    """Have feeds say what they have saved from upstream; the report can do without."""
    from pip_authenticate.azure.feeds import FeedsService  # noqa: PLC0415 - few runs ask
    from pip_authenticate.deadline import Deadline  # noqa: PLC0415
    from pip_authenticate.gateway import saved  # noqa: PLC0415
    from pip_authenticate.transport import Transport  # noqa: PLC0415

    settings, debug = session.settings, session.report.debug
    transport = Transport(settings.proxy, settings.certificates, debug, Deadline(_ASKING_SECONDS))
    with session.report.waiting("asking the feeds what they have saved from upstream"):
        saved.ask(record, found.indexes, FeedsService(settings, transport), transport, debug)


def _tell(session: Session, record: "Record") -> None:
    """Say what went through the gateway: to people, where a CI shows summaries, and in the file asked for."""
    from pip_authenticate import shown_record  # noqa: PLC0415 - no other way needs it

    shown, told = session.report, record.told()
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
    path = session.value("report")
    if not path:
        return
    from json import dumps  # noqa: PLC0415 - most runs write none

    try:
        with open(path, "w", encoding="utf-8") as file:
            file.write(f"{dumps(cleaned, indent=2, ensure_ascii=False)}\n")
    except OSError as error:
        shown.warning(f"The report cannot be written to {path}: {error.strerror}.")


def _summarize(session: Session, markdown: str) -> None:
    """Show a summary where the CI has a place for it; standard output is the program's."""
    name = output_of(session.environ)
    module = import_module(f"pip_authenticate.outputs.{name.replace('-', '_')}")
    around = Surroundings(
        session.environ, session.report.hand, is_terminal=False, shows_secrets=False, place=lambda _: []
    )
    module.Output(around).summarize(markdown)
