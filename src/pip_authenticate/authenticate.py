"""The use case: find every index with its credential, and say what the clients read.

The only module that sees sources, providers and clients together; what it gives goes to an output.
"""

from collections.abc import Callable, Iterator, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeAlias

from pip_authenticate.client_settings import ClientSettings, Wish, merged
from pip_authenticate.deadline import Deadline
from pip_authenticate.errors import Faults, PipAuthenticateError, ServiceError, each
from pip_authenticate.index import AuthenticatedIndex, Index, IndexUrl
from pip_authenticate.run import Named, Outcome, Run
from pip_authenticate.secret import Learned
from pip_authenticate.settings import Settings
from pip_authenticate.transport import Transport

if TYPE_CHECKING:
    from pip_authenticate.verify import Verdict


class Source(Protocol):
    """What a source's module looks like."""

    def indexes(self, run: Run) -> Named:
        """Find the indexes that the settings name, and what is wrong with others."""


class Provider(Protocol):
    """What a provider's module looks like."""

    def open_all(self, indexes: list[Index], run: Run) -> Sequence[Outcome]:
        """For each index itself with a credential, or why it gets none; raises what holds for all."""


class Client(Protocol):
    """What a client's module looks like."""

    VARIABLES: tuple[str, ...]
    """Names of the variables that it may set, whatever the indexes are called."""
    KNOWS_PATHS: bool
    """Whether it tells credentials on one host apart by paths, where variables tell it of them."""
    PUBLISHES: bool
    """Whether it can be asked to publish."""
    RUNS_HERE: bool
    """Whether what reads its settings runs below the command that makes them, and can use its gateway."""
    ASKS_AT_ONCE: bool
    """Whether it asks an index for many things at once, by a connection each."""

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
    warnings, strangers = list(run.warnings), list[IndexUrl]()
    if settings.project_folder:
        from pip_authenticate import unopened  # noqa: PLC0415 - the task looks at no project for pip

        warnings += unopened.warnings(run, indexes)
        strangers = unopened.strangers(run, indexes)
    return Found(counts, indexes, [*doubled, *more], verdicts, mixed, warnings, run.left_out, strangers)


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
            outcomes |= _outcomes(own, name, run) if name else _by_the_first(own, run)
        except PipAuthenticateError as error:
            if any(index.is_asked_for for index in own):
                faults.extend(each(error))
            else:
                from pip_authenticate import unopened  # noqa: PLC0415 - not every run looks at a project

                run.warnings.extend(unopened.why(own, single) for single in each(error))
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


def _by_the_first(indexes: list[Index], run: Run) -> dict[int, Outcome]:
    """What the first provider that has a credential says of each index."""
    from pip_authenticate import first_provider  # noqa: PLC0415 - the task names the provider of each index

    return first_provider.outcomes(
        indexes, run, lambda name: _load("providers", name), lambda own, name: _outcomes(own, name, run)
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
        indexes = with_uploads(indexes)
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


def with_uploads(indexes: list[AuthenticatedIndex]) -> list[AuthenticatedIndex]:
    """Say where each index takes uploads, as far as anybody knows."""
    from pip_authenticate.azure.forms import upload_address  # noqa: PLC0415 - most runs publish nothing

    return [index._replace(upload=upload_address(index.url)) for index in indexes]


def client(name: str) -> Client:
    """The module of a client."""
    module: Client = _load("clients", name)
    return module
