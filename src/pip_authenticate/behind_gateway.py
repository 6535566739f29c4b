"""Runs a program behind the gateway: it gets addresses, and no credential."""

from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from importlib.util import find_spec
from typing import TYPE_CHECKING

from pip_authenticate import child_environment, child_process, passing_folder, publishing, telling
from pip_authenticate.authenticate import Found, client, with_uploads
from pip_authenticate.command_line import Session
from pip_authenticate.errors import InputError
from pip_authenticate.index import Credential, IndexUrl
from pip_authenticate.secret import Secret

if TYPE_CHECKING:
    from pip_authenticate.gateway.fence import Guarded

_EXTRA = ("aiohttp", "cryptography", "multipart", "packaging")
"""What the extra `secretless` installs; most of it is loaded once the program has been started."""
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
        InputError: the extra that this needs is not installed, or the report has no place.
        DeliveryError: the program would not go through the gateway, or nobody knows where uploads go.
    """
    require()
    from pip_authenticate.gateway import hiding  # noqa: PLC0415
    from pip_authenticate.gateway.life import Gateway  # noqa: PLC0415 - no other way needs any of it

    telling.see_place(session)
    uploads = session.value("allow-upload")
    if session.value("publish") and not uploads:
        raise InputError(
            "no-upload",
            "--publish does not open the gateway: the program could publish whatever it likes",
            hint="Where it shall, say --allow-upload in its place.",
        )
    nobody = found._replace(
        indexes=[index._replace(credential=Credential("nobody", Secret("none"))) for index in found.indexes],
        strangers=[],
    )
    wish = session.wish(by_files=True)._replace(publish=uploads, opens_nothing=True)
    told = session.client_settings(nobody, wish)
    environ = child_environment.without(session.environ, secrets)
    environ |= {variable.name: variable.value.reveal() for variable in told.variables}
    indexes = _guarded(session, found, environ)
    latest = [found]

    def renew() -> "list[Guarded]":
        latest[:] = [session.find_anew()]
        return private(latest[0])

    gateway = Gateway(
        indexes,
        session.way_on,
        renew,
        secrets,
        session.report.debug,
    )
    session.tell_secrets(gateway.learn)
    session.report.register(gateway.secrets)
    put_out_of_sight(session, found, secrets)
    for place in session.project.uv_proxies if {"uv", "hatch"} & set(session.clients) else ():
        session.report.warning(
            f"{place} names a web proxy for uv, which goes there, past the gateway, without a credential: "
            "name it in HTTPS_PROXY instead, and the gateway goes through it."
        )
    exposure = hiding.exposure()
    but = f" But it can read them in the gateway's memory: {exposure}." if exposure else ""
    if found.indexes:
        summary = f"{summary[:-1]}, behind a gateway; the program gets none.{but}"
    code = 0
    try:
        with passing_folder.passing(session.environ) as folder:
            environ |= gateway.variables(environ, folder)
            session.report.line(summary)
            with child_process.attended(partial(gateway.running, at_once=asks_at_once(session))) as start:
                code = start(path, program, environ)
        return code
    finally:
        # Whoever ends a program by a signal waits for nothing.
        telling.tell(session, gateway.record, latest[0].indexes if code >= 0 else [])


def asks_at_once(session: Session) -> bool:
    """Whether the program is known to ask an index for many things at once."""
    return any(client(name).ASKS_AT_ONCE for name in session.started)


def require() -> None:
    """Look for what the extra installs, and load none of it.

    Raises:
        InputError: something is not there.
    """
    missing = next(_missing(), "")
    if missing:
        raise InputError(
            "no-gateway",
            f"The gateway needs a package that is not installed: {missing}",
            hint="Install pip-authenticate[secretless].",
        )


def put_out_of_sight(session: Session, found: Found, secrets: list[Secret]) -> None:
    """Hide what this process has of a credential; who else shows it to all that runs beside it is told."""
    from pip_authenticate.gateway import hiding  # noqa: PLC0415 - no other way needs it

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
    if session.arguments.token_stdin:
        hiding.put_away_input()


def is_installed() -> bool:
    """Whether the extra is there."""
    return not any(_missing())


def _missing() -> Iterator[str]:
    return (package for package in _EXTRA if find_spec(package) is None)


def _guarded(session: Session, found: Found, environ: Mapping[str, str]) -> "list[Guarded]":
    """The indexes that the gateway opens: private ones with their credentials, and public ones to guard."""
    from pip_authenticate.gateway import defaults  # noqa: PLC0415 - no other way needs it
    from pip_authenticate.gateway.fence import Guarded  # noqa: PLC0415

    own = private(found)
    if session.value("allow-upload") and own:
        upload = publishing.upload_of(with_uploads(found.indexes))
        own[0] = own[0]._replace(upload=upload)
    wanted = session.value("guard")
    named = [IndexUrl.parse(text)[0] for text in session.value("public")] or found.strangers
    if wanted is not False and own:
        asking = [name for name in session.clients if wanted or not environ.get(_PRIMARY.get(name, ""))]
        named = [*named, *defaults.asked_by(asking, environ, session.deadline, session.report.warning)]
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
