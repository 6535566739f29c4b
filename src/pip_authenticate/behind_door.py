"""Serves an index on loopback that adds credentials to requests, to one program or until a person ends it."""

import re
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING

from pip_authenticate import behind_gateway, child_environment, child_process, telling
from pip_authenticate.authenticate import Found
from pip_authenticate.command_line import Session
from pip_authenticate.errors import InputError
from pip_authenticate.index import IndexUrl
from pip_authenticate.printed import export

if TYPE_CHECKING:
    from pip_authenticate.gateway.door import Door
    from pip_authenticate.gateway.fence import Guarded

_PRIMARY = ("PIP_INDEX_URL", "UV_DEFAULT_INDEX", "UV_INDEX_URL")
_OTHERS = ("PIP_EXTRA_INDEX_URL", "UV_INDEX", "UV_EXTRA_INDEX_URL")
_TAKEN = frozenset({*_PRIMARY, *_OTHERS, "PIP_PROXY"})
"""Variables that lead past the door, or name what it has already."""
_NAME = re.compile(r"^[\w.-]+=(?=https?://)")
_REQUIREMENTS = (".txt", ".in")
"""Ends of files that pip reads beside any variable."""
_ENDS = ("SIGINT", "SIGTERM", "SIGHUP")


def serve(session: Session, found: Found, path: str, program: list[str], write: Callable[[str], None]) -> int:
    """Serve; gives the program's exit code as `child_process` does, or 0 where a person ended it.

    Args:
        session: of the command.
        found: the indexes, with the credentials that the door has.
        path: of the program, or empty for none.
        program: its name and its arguments.
        write: takes the lines of a shell, where there is no program.

    Raises:
        InputError: the extra that this needs is not installed, or the report has no place.
        DeliveryError: the door cannot be opened.
    """
    behind_gateway.require()
    from pip_authenticate.gateway.door import Door  # noqa: PLC0415 - no other command needs any of it

    telling.see_place(session)
    secrets = list(session.withheld(found))
    environ = child_environment.without(session.environ, secrets)
    door = Door(
        _guarded(session, found, environ),
        session.value("port"),
        session.way_on,
        lambda: behind_gateway.private(session.find_anew()),
        secrets,
        session.report.debug,
        is_guarded=session.value("guard") is not False,
    )
    session.tell_secrets(door.learn)
    session.report.register(door.secrets)
    behind_gateway.put_out_of_sight(session, found, secrets)
    for place in session.requirements_with_an_index(found):
        session.report.warning(f"{place} names its index itself: pip then asks that, and not this one.")
    own = door.variables(environ)
    try:
        if not program:
            return _until_told(session, door, own, write)
        kept = {name: value for name, value in environ.items() if name not in _TAKEN}
        at_once = behind_gateway.asks_at_once(session)
        with child_process.attended(partial(door.running, at_once=at_once)) as start:
            return start(path, program, kept | own)
    finally:
        telling.tell(session, door.record, found.indexes)


def _until_told(
    session: Session, door: "Door", variables: Mapping[str, str], write: Callable[[str], None]
) -> int:
    """Serve until a signal comes; whoever waits for the lines can be served from then on."""
    over = threading.Event()
    for name in _ENDS:
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), lambda *_: over.set())
    with door.running():
        lines = [export(name, value) for name, value in variables.items()]
        lines += [f"unset {name}\n" for name in sorted(_TAKEN - set(variables))]
        write("".join(lines))
        session.report.line("An index is served until this is ended (Ctrl+C).")
        over.wait()
    return 0


def _guarded(session: Session, found: Found, environ: Mapping[str, str]) -> "list[Guarded]":
    """What the door is made of: private indexes in their order, then public ones.

    Nobody asks those that variables and files name beside the door any more: it has them all.
    """
    from pip_authenticate.gateway import defaults  # noqa: PLC0415 - as above
    from pip_authenticate.gateway.fence import Guarded  # noqa: PLC0415

    own, wanted = behind_gateway.private(found), session.value("guard")
    is_first = bool(session.settings.entries) and not session.value("only-extra")
    named = [IndexUrl.parse(text)[0] for text in session.value("public")] or found.strangers
    named = [*named, *_named(session, environ, own, is_first=is_first)]
    if wanted or not (is_first or _has_primary(session, environ)):
        named += defaults.asked_by(session.clients, environ, session.deadline, session.report.warning)
    public = behind_gateway.others(named, own)
    if wanted is False and public:
        behind_gateway.warn(session, public)
    return own + [Guarded(url, str(url), None, is_public=True) for url in public]


def _has_primary(session: Session, environ: Mapping[str, str]) -> bool:
    """Whether something takes the place of the index that installers ask by default."""
    mentions = session.project.mentions
    return any(map(environ.get, _PRIMARY)) or any(one.name == "index-url" for one in mentions)


def _named(
    session: Session, environ: Mapping[str, str], own: "list[Guarded]", *, is_first: bool
) -> Iterator[IndexUrl]:
    """The indexes that the caller's variables and pip's own files name; what pip reads there counts no more.

    Args:
        session: of the command.
        environ: the caller's variables.
        own: the private indexes.
        is_first: whether one of these takes the place of the primary one.
    """
    known = {index.url.key for index in own}
    for name in _OTHERS if is_first else (*_PRIMARY, *_OTHERS):
        for word in environ.get(name, "").split():
            try:
                url, secret = IndexUrl.parse(_NAME.sub("", word))
            except InputError:
                session.report.warning(f"{name} names something that is no index by http; it is left out.")
                continue
            if secret and url.key not in known:
                session.report.warning(
                    f"{name} has a credential for {url}, which is asked without it: name that index yourself."
                )
            yield url
    read = {"index-url": not is_first and not environ.get("PIP_INDEX_URL")}
    read["extra-index-url"] = not environ.get("PIP_EXTRA_INDEX_URL")  # a variable comes before a file
    for mention in session.project.mentions:
        if read.get(mention.name) and not mention.place.endswith(_REQUIREMENTS):
            yield mention.url
