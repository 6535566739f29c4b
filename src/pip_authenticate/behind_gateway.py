"""Runs a program behind the gateway: it gets addresses, and no credential."""

from collections.abc import Iterable, Mapping
from contextlib import closing
from typing import TYPE_CHECKING

from pip_authenticate import child_environment, child_process, passing_folder
from pip_authenticate.authenticate import Found
from pip_authenticate.command_line import Session
from pip_authenticate.errors import InputError
from pip_authenticate.index import Credential, IndexUrl
from pip_authenticate.secret import Secret

if TYPE_CHECKING:
    from pip_authenticate.gateway.fence import Guarded
    from pip_authenticate.gateway.record import Record

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
        raise lacking(error) from None
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
    gateway = Gateway(
        indexes,
        settings.proxy,
        settings.certificates,
        lambda: private(session.find_anew()),
        secrets,
        session.report.debug,
    )
    session.tell_secrets(gateway.learn)
    session.report.register(gateway.secrets)
    warn_of_ancestors(session, secrets)
    hiding.hide(secrets)
    session.report.line(f"{summary[:-1]}, behind a gateway; the program gets none.")
    with closing(passing_folder.made(session.environ)) as folder:
        try:
            environ |= gateway.variables(environ, folder)
            with child_process.attended(gateway.running) as start:
                return start(path, program, environ)
        finally:
            folder.remove_all()
            tell(session, gateway.record)


def lacking(error: ModuleNotFoundError) -> InputError:
    """The error that the extra is not installed."""
    return InputError(
        "no-gateway",
        f"The gateway needs a package that is not installed: {error.name}",
        hint="Install pip-authenticate[secretless].",
    )


def warn_of_ancestors(session: Session, secrets: list[Secret]) -> None:
    """Say who shows a credential to everything that runs beside it."""
    from pip_authenticate.gateway import hiding  # noqa: PLC0415 - no other way needs it

    for ancestor in hiding.showing(secrets):
        session.report.warning(
            f"The variables of {ancestor}, which started this run, show the credential to every program: "
            "give it with --token-stdin or --token-file, or set it for this command only."
        )


def _guarded(session: Session, found: Found, environ: Mapping[str, str]) -> "list[Guarded]":
    """The indexes that the gateway opens: private ones with their credentials, and public ones to guard."""
    from pip_authenticate.gateway import defaults  # noqa: PLC0415 - no other way needs it
    from pip_authenticate.gateway.fence import Guarded  # noqa: PLC0415

    own = private(found)
    wanted = session.value("guard")
    named = [IndexUrl.parse(text)[0] for text in session.value("public")] or found.strangers
    if wanted is not False and own:
        asking = [name for name in session.clients if wanted or not environ.get(_PRIMARY.get(name, ""))]
        named = [*named, *defaults.asked_by(asking, environ, session.deadline)]
    public = others(named, own)
    if wanted is False and public:
        warn(session, public)
        origins = {index.url.origin for index in own}
        return own + [Guarded(url, str(url), None) for url in public if url.origin in origins]
    return own + [Guarded(url, str(url), None, is_public=True) for url in public]


def others(named: Iterable[IndexUrl], own: "list[Guarded]") -> list[IndexUrl]:
    """Indexes, each once, that are none of some others."""
    known = {index.url.key for index in own}
    return list({url.key: url for url in named if url.key not in known}.values())


def warn(session: Session, public: list[IndexUrl]) -> None:
    """Say what it means that public indexes are not guarded."""
    hosts = dict.fromkeys(url.origin.host for url in public)
    session.report.warning(
        "Public indexes are not guarded: a stranger's package of a private one's name can come from "
        f"{', '.join(hosts)}."
    )


def private(found: Found) -> "list[Guarded]":
    """The indexes with what opens them."""
    from pip_authenticate.gateway.fence import Guarded  # noqa: PLC0415 - no other way needs it

    return [
        Guarded(index.url, index.source, index.credential.authorization, expires=index.credential.expires)
        for index in found.indexes
    ]


def tell(session: Session, record: "Record") -> None:
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
