"""The use case: find every index with its credential, and say what the clients read.

The only module that sees sources, providers and clients together; what it gives goes to an output.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeAlias

from pip_authenticate.client_settings import ClientSettings, Wish, merged
from pip_authenticate.deadline import Deadline
from pip_authenticate.errors import Faults, InputError, NotHere, PipAuthenticateError, ServiceError, each
from pip_authenticate.index import AuthenticatedIndex, Index, IndexUrl
from pip_authenticate.run import Named, Run, Tried, listed
from pip_authenticate.secret import Learned
from pip_authenticate.settings import Settings
from pip_authenticate.transport import Transport

if TYPE_CHECKING:
    from pip_authenticate.verify import Verdict

_SHOWN = 10
"""Most indexes that one warning names."""


Outcome: TypeAlias = AuthenticatedIndex | PipAuthenticateError


class Source(Protocol):
    """What a source's module looks like."""

    def indexes(self, run: Run) -> Named:
        """Find the indexes that the settings name, and what is wrong with others."""


class Provider(Protocol):
    """What a provider's module looks like."""

    def open_all(self, indexes: list[Index], run: Run) -> Sequence[Outcome]:
        """For each index itself with a credential, or why it gets none; raises what holds for all."""


class FreeProvider(Provider, Protocol):
    """What the module of a provider looks like that also opens indexes which name none.

    Its `open_all` gives a NotHere for an index that its credential is not for, and raises one where there is
    none after all: then the next provider is asked.
    """

    def absent(self, run: Run) -> str:
        """Why there can be no such credential here, as far as that is seen without asking anybody."""


class Client(Protocol):
    """What a client's module looks like."""

    VARIABLES: tuple[str, ...]
    """Names of the variables that it may set, whatever the indexes are called."""
    KNOWS_PATHS: bool
    """Whether it tells credentials on one host apart by paths, where variables tell it of them."""
    PUBLISHES: bool
    """Whether it can be asked to publish."""

    def settings_for(self, indexes: list[AuthenticatedIndex], wish: Wish) -> ClientSettings:
        """What the client reads so that it can use the indexes, each of which is there once."""


class _SourceRow(NamedTuple):
    """A row of SOURCES.

    Args:
        module: name of the source's module, which is imported where a run needs it.
        named_by: the setting without which it has nothing to find.
        asks: whether it, or the provider of what it names, sends requests.
    """

    module: str
    named_by: str
    asks: bool


SOURCES = {
    "Federated": _SourceRow("federated_urls", "federation", asks=True),
    "Internal": _SourceRow("artifact_feeds", "artifact_feeds", asks=True),
    "External": _SourceRow("service_connections", "connections", asks=False),
    "Arguments": _SourceRow("arguments", "entries", asks=False),
    "Project": _SourceRow("project_files", "project_folder", asks=False),
}
"""Every source by its name in telemetry, in the order in which their indexes reach a client."""


def _load(kind: str, name: str) -> Any:  # noqa: ANN401 - a module of either protocol
    """Import a part when a run comes to need it: on a fresh agent each costs its compilation."""
    return import_module(f"pip_authenticate.{kind}.{name.replace('-', '_')}")


Pair: TypeAlias = tuple[AuthenticatedIndex, AuthenticatedIndex]


class Found(NamedTuple):
    """What a run found.

    Args:
        counts: number of indexes by source, under the names of SOURCES.
        indexes: every one once, in the order in which they reach a client.
        doubled: pairs of the index that is used and one that names it with another credential.
        verdicts: on each index, where they were asked for.
        mixed: sources of indexes whose credentials pip may mix up, by the host that they share.
        warnings: about indexes of the project that get no credential.
        left_out: those that would have needed one.
        strangers: addresses that the project names, and that get no credential.
    """

    counts: dict[str, int]
    indexes: list[AuthenticatedIndex]
    doubled: list[Pair]
    verdicts: "list[Verdict]"
    mixed: dict[str, list[str]]
    warnings: list[str]
    left_out: list[Index]
    strangers: list[IndexUrl]


def resolve(settings: Settings, deadline: Deadline, debug: Callable[[str], None], learned: Learned) -> Found:
    """Find every index with its credential; sets nothing.

    Args:
        settings: what the run is told.
        deadline: the end of the run.
        debug: takes one line per request.
        learned: is told of every secret that the run comes to know.

    Raises:
        Faults: inputs or service connections that cannot be used, all at once.
        PipAuthenticateError: a service did not answer as it must.
        Cancelled: the run shall stop.
    """
    transport = Transport(settings.proxy, settings.certificates, debug, deadline)
    run = Run(settings, transport, learned)
    found = _opened(run)
    counts = {name: len(part) for name, part in found.items()}
    indexes, doubled = _each_once([index for part in found.values() for index in part])
    unsafe, mixed = dict[object, ServiceError](), dict[str, list[str]]()
    has_several, verdicts = len({index.credential for index in indexes}) > 1, list["Verdict"]()
    if has_several or settings.verify != "off":
        from pip_authenticate.azure.feeds import FeedsService  # noqa: PLC0415 - most runs need none of it

        service = FeedsService(settings, transport)
    if has_several:
        from pip_authenticate.azure import canonical  # noqa: PLC0415

        indexes, faulty, mixed = canonical.separate(indexes, service, transport)
        unsafe = {indexes[at].url.key: error for at, error in faulty.items()}
    indexes, more = _each_once(indexes)  # a name and a GUID may be one
    if settings.verify != "off":
        from pip_authenticate.verify import verify  # noqa: PLC0415

        verdicts = verify(indexes, settings, transport, service)
    # Nothing is downloaded from an index that cannot be read: no credential of its can go astray.
    for verdict in verdicts:
        if verdict.grade == "bad":
            unsafe.pop(verdict.target.url.key, None)
    if unsafe:
        raise Faults(list(unsafe.values()))
    if settings.project_folder or set(settings.clients) - {"pip"}:
        names = run.project.names_of
        indexes = [index._replace(names=(*index.names, *names(index.url))) for index in indexes]
    warnings = [*run.warnings, *_ambiguous(run), *_forgotten(run, indexes)]
    strangers = _strangers(run, indexes)
    return Found(counts, indexes, [*doubled, *more], verdicts, mixed, warnings, run.left_out, strangers)


def _ambiguous(run: Run) -> Iterator[str]:
    """A warning about names that mean several indexes: no credential is given by such a name."""
    several = run.project.ambiguous if run.settings.project_folder else []
    if several:
        shown = [f"{one.name} ({one.place}: {one.url})" for one in several[:_SHOWN]]
        yield (
            f"These names mean, or become, one, and stand for different indexes: {', '.join(shown)}. "
            "No credential is given by such a name. Rename all but one."
        )


def _strangers(run: Run, indexes: list[AuthenticatedIndex]) -> list[IndexUrl]:
    if not run.settings.project_folder:
        return []
    from pip_authenticate.azure.forms import identity  # noqa: PLC0415 - the task looks at no project for pip

    known = {identity(index.url) for index in indexes}
    return [mention.url for mention in run.project.mentions if identity(mention.url) not in known]


def _forgotten(run: Run, indexes: list[AuthenticatedIndex]) -> Iterator[str]:
    """A warning about indexes that the project names, and that no credential was even looked for."""
    if not run.settings.project_folder:
        return
    from pip_authenticate.azure.forms import identity  # noqa: PLC0415 - the task looks at no project for pip

    known = {identity(url) for url in (*(one.url for one in indexes), *(one.url for one in run.left_out))}
    left = [
        f"{mention.name} ({mention.place})"
        for mention in run.project.mentions
        if mention.name and identity(mention.url) not in known
    ]
    if left:
        yield (
            f"No credential is given to {', '.join(dict.fromkeys(left[:_SHOWN]))}: neither a feed of Azure "
            "Artifacts nor listed as one of your indexes. That is right for public ones."
        )


def _each_once(indexes: list[AuthenticatedIndex]) -> tuple[list[AuthenticatedIndex], list[Pair]]:
    """Every index once, and pairs of the one that is used and one that names it with another credential.

    Of several credentials for one index the first one counts, as pip itself takes it (measured with
    pip 23.2.1 and 26.3).
    """
    places: dict[object, AuthenticatedIndex] = {}
    doubled = list[Pair]()
    for index in indexes:
        known = places.setdefault(index.url.key, index)
        if known.credential != index.credential:
            doubled.append((known, index))
    return list(places.values()), doubled


def _opened(run: Run) -> dict[str, list[AuthenticatedIndex]]:
    """The indexes of every source with their credentials; parts that nothing names are not even loaded."""
    faults, found = list(run.settings.faults), dict[str, list[AuthenticatedIndex]]()
    for name, row in SOURCES.items():
        found[name] = []
        if not getattr(run.settings, row.named_by):
            continue
        if row.asks and any(isinstance(fault, ServiceError) for fault in faults):
            continue  # one service that does not answer is told once
        try:
            run.transport.deadline.check()
            source: Source = _load("sources", row.module)
            named = source.indexes(run)
            faults.extend(named.faults)
            found[name] = open_all(named.indexes, run)
        except PipAuthenticateError as error:
            faults.extend(each(error))
    if faults:
        raise Faults(faults)
    return found


def open_all(indexes: list[Index], run: Run) -> list[AuthenticatedIndex]:
    """Have each index opened by its provider; the order stays.

    What is wrong with indexes that nobody asked for is a warning of the run, and they are left out.

    Raises:
        Faults: what the providers say is wrong with the others.
    """
    outcomes, faults = dict[int, Outcome](), list[PipAuthenticateError]()
    for name in dict.fromkeys(index.provider for index in indexes):
        own = [index for index in indexes if index.provider == name]
        try:
            outcomes |= _outcomes(own, name, run) if name else _from_the_first(own, run)
        except PipAuthenticateError as error:
            if any(index.is_asked_for for index in own):
                faults.extend(each(error))
            else:
                run.warnings.extend(_about(own, single) for single in each(error))
                run.left_out.extend(own)
    opened = list[AuthenticatedIndex]()
    for index in indexes:
        outcome = outcomes.get(id(index))
        if isinstance(outcome, AuthenticatedIndex):
            opened.append(outcome)
        elif outcome and index.is_asked_for:
            faults.append(outcome)
        elif outcome:
            run.warnings.append(str(outcome))
            run.left_out.append(index)
    if faults:
        raise Faults(faults)
    return opened


def _outcomes(indexes: list[Index], name: str, run: Run) -> dict[int, Outcome]:
    """What one provider says of each index, by the index's identity as an object."""
    provider: Provider = _load("providers", name)
    return {
        id(index): outcome._replace(provider=name) if isinstance(outcome, AuthenticatedIndex) else outcome
        for index, outcome in zip(indexes, provider.open_all(indexes, run), strict=True)
    }


def _about(indexes: list[Index], error: PipAuthenticateError) -> str:
    """What several indexes that nobody asked for lack."""
    return f"No credential for {', '.join(index.source for index in indexes[:_SHOWN])}: {error}"


def _from_the_first(indexes: list[Index], run: Run) -> dict[int, Outcome]:
    """What the first provider of the run's order says of each index that has a credential for it.

    One that is here but broken is the last that is asked: a later one would be somebody else.

    Raises:
        PipAuthenticateError: no index has got a credential.
    """
    outcomes, left = dict[int, Outcome](), indexes
    reasons, tried = dict[int, list[str]](), list[Tried]()
    try:
        for name in run.settings.credentials:
            run.transport.deadline.check()
            answers, why = _timed(name, left, run, tried)
            outcomes |= {key: one for key, one in answers.items() if not isinstance(one, NotHere)}
            left = [index for index in left if id(index) not in outcomes]
            for index in left:
                said = answers.get(id(index))
                reason = said.what if isinstance(said, NotHere) else why
                reasons.setdefault(id(index), []).append(f"{name}: {reason}")
            if not left:
                break
    except PipAuthenticateError as error:
        if left == indexes:
            raise
        return outcomes | {id(index): _instead(index, each(error)[0]) for index in left}
    finally:
        for line in listed(tried):
            run.transport.log(line)
    if left == indexes:
        raise _no_credential("", reasons[id(left[0])] if run.settings.credentials else [])
    for index in left:
        outcomes[id(index)] = _no_credential(f" for {index.source}", reasons[id(index)])
    return outcomes


def _instead(index: Index, error: PipAuthenticateError) -> PipAuthenticateError:
    """Why an index gets no credential where others do."""
    return error if index.is_asked_for else error.preceded(f"No credential for {index.source}: ")


def _timed(name: str, indexes: list[Index], run: Run, tried: list[Tried]) -> tuple[dict[int, Outcome], str]:
    """The same as `_answers`; how long it took is noted, and what came of it."""
    started, why = time.monotonic(), "is broken"
    try:
        answers, why = _answers(name, indexes, run)
    except PipAuthenticateError as error:
        why = f"is broken: {error.what}"
        raise
    finally:
        tried.append(Tried(name, why, time.monotonic() - started))
    return answers, why


def _answers(name: str, indexes: list[Index], run: Run) -> tuple[dict[int, Outcome], str]:
    """What a provider says of each index; nothing, and why, where it has no credential here."""
    provider: FreeProvider = _load("providers", name)
    try:
        why = provider.absent(run)
        if why:
            return {}, why
        answers = _outcomes(indexes, name, run)
    except NotHere as error:
        return {}, error.what
    except PipAuthenticateError as error:
        raise Faults([single.preceded(f"{name}: ") for single in each(error)]) from None
    passed = [one.what for one in answers.values() if isinstance(one, NotHere)]
    return answers, passed[0] if len(passed) == len(answers) else ""


def _no_credential(whom: str, reasons: list[str]) -> InputError:
    return InputError(
        "no-credential",
        f"No credential was found{whom}",
        context="; ".join(reasons),
        hint="Set PIP_AUTHENTICATE_TOKEN, say --token-file FILE, or sign in: az login.",
    )


def variables_of(clients: tuple[str, ...]) -> Iterator[str]:
    """Names of the variables that some clients may be told, whatever the indexes are called."""
    for name in clients:
        yield from client(name).VARIABLES


def client_settings(
    indexes: list[AuthenticatedIndex],
    settings: Settings,
    wish: Wish,
    strangers: Sequence[IndexUrl] = (),
) -> ClientSettings:
    """What the chosen clients read.

    Args:
        indexes: each once, with their credentials.
        settings: name the clients.
        wish: what is asked of them.
        strangers: addresses that they will ask, too, and that have no credential.

    Raises:
        DeliveryError: a client cannot be told so, or would send a credential to another's index.
    """
    chosen = [client(name) for name in settings.clients]
    notes, warnings = list[str](), list[str]()
    if wish.publish:
        from pip_authenticate.azure.forms import upload_address  # noqa: PLC0415 - most runs publish nothing

        indexes = [index._replace(upload=upload_address(index.url)) for index in indexes]
        if not any(one.PUBLISHES for one in chosen):
            warnings.append(f"None of the clients can publish: {', '.join(settings.clients)}.")
    if wish.by_files or not all(one.KNOWS_PATHS for one in chosen):
        from pip_authenticate.azure import own_hosts  # noqa: PLC0415 - pip needs none of it

        parted = own_hosts.part(indexes, list(strangers))
        notes += [
            f"{index.source} is written {index.url}, with a host of its organisation's own: a client knows "
            "hosts only, and another organisation's credential must not be sent to it."
            for index, before in zip(parted, indexes, strict=True)
            if index.url.key != before.url.key
        ]
        indexes = parted
    told = merged(one.settings_for(indexes, wish) for one in chosen)
    return told._replace(notes=(*notes, *told.notes), warnings=(*warnings, *told.warnings))


def client(name: str) -> Client:
    """The module of a client."""
    module: Client = _load("clients", name)
    return module
