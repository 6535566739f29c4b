"""The use case: find every index with its credential, then deliver what pip needs.

The only module that sees sources, client and output together. Nothing is set unless everything
was found; what an earlier run stored is erased either way.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from hashlib import sha256
from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeAlias

from pip_authenticate.azure.addresses import identity, index_meant
from pip_authenticate.client_settings import ClientSettings, Wish, merged
from pip_authenticate.deadline import Deadline
from pip_authenticate.errors import (
    DeliveryError,
    Faults,
    InputError,
    PipAuthenticateError,
    ServiceError,
    each,
)
from pip_authenticate.index import TOKEN_USER, AuthenticatedIndex, Credential, Index
from pip_authenticate.outputs.azure_pipelines import AzurePipelines
from pip_authenticate.redaction import hosts_in, secrets_in
from pip_authenticate.run import Named, Run
from pip_authenticate.secret import Learned, Secret
from pip_authenticate.settings import MEMORY, Endpoint, Settings
from pip_authenticate.transport import Transport

if TYPE_CHECKING:
    from pip_authenticate.verify import Verdict

# What the agent itself leaves unmasked (azure-pipelines-agent: MaskingUtil.cs), and names of identities.
_SHOWN_PARAMETERS = frozenset(
    {
        "idtoken", "role", "scope", "tenantid", "issuedat", "expiresat", "expiresin", "audience",
        "authenticationtype", "authorizationtype", "accesstokentype", "accesstokenfetchingmethod",
        "usewindowssecurity", "unsecured", "oauthaccesstokenissupplied", "completecallbackpayload",
        "acceptuntrustedcerts", "username", "serviceprincipalid",
    }
)  # fmt: skip
_OWN_SECRETS = frozenset({"password", "apitoken", "accesstoken"})
_SHORTEST_OTHER = 4
"""A shorter parameter of a connection is a flag or a number, in all likelihood; masked, it spoils the log."""

CONFUSION_NOTE = (
    "Note: with onlyAddExtraIndex pip also asks its own primary index, the public one unless configured "
    "otherwise, and installs the highest version that any index offers. Whoever publishes a private "
    "package's name there with a higher version gets it installed (dependency confusion). Leaving "
    "onlyAddExtraIndex out, with a feed that has the public index as upstream source, prevents that."
)


PRIMARY_NOTE = (
    "From now on pip asks its own primary index again, the public one unless configured otherwise: a "
    "stranger's package of a private one's name can come from there."
)
FOREIGN_NOTE = (
    "pip asks {} too, and installs the highest version that any index offers. Empty the variable if that "
    "is not meant."
)

NOTHING = Secret("")
JOB_SECONDS = 3600
"""How long a job may take unless its pipeline says otherwise (Microsoft Learn, "jobs.job": 60 minutes)."""
_SLACK_SECONDS = 120
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
    """What the module of a provider looks like that also opens indexes which name none."""

    def absent(self, run: Run) -> str:
        """Why there is no such credential here; empty where there is one."""


class Client(Protocol):
    """What a client's module looks like."""

    VARIABLES: tuple[str, ...]
    """Names of the variables that it may set, whatever the indexes are called."""

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

PROVIDERS = ("federation", "job-token", "stored-secret", "explicit-token", "pipeline-token")
"""Every provider by its name; that of its module has underscores."""
FREE_PROVIDERS = ("explicit-token", "pipeline-token")
"""Those that open indexes that name none, in the order in which they are tried."""


def _load(kind: str, name: str) -> Any:  # noqa: ANN401 - a module of either protocol
    """Import a part when a run comes to need it: on a fresh agent each costs its compilation."""
    return import_module(f"pip_authenticate.{kind}.{name.replace('-', '_')}")


GUID_NOTE = (
    "Note: feeds of one organisation with different credentials are written with GUIDs, so that pip "
    "(23.1 or newer) sends each its own. An older pip sends the first one's for every index of a host."
)


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
    """

    counts: dict[str, int]
    indexes: list[AuthenticatedIndex]
    doubled: list[Pair]
    verdicts: "list[Verdict]"
    mixed: dict[str, list[str]]
    warnings: list[str]
    left_out: list[Index]


def secrets(settings: Settings) -> Iterator[Secret]:
    """Every secret that a run is told, in every spelling that could turn up in a log."""
    for token in (settings.token, settings.pipeline_token):
        if token:
            yield from Credential(TOKEN_USER, token).spellings
    federation = [settings.federation] if settings.federation else []
    for endpoint in (settings.system_connection, *settings.connections, *federation):
        yield from _endpoint_secrets(endpoint)
    proxy, certificates = settings.proxy, settings.certificates
    if proxy.password:
        yield from Credential(proxy.username, proxy.password).spellings
    if certificates.client_password:
        yield from Credential("", certificates.client_password).spellings
    for url in (proxy.url, proxy.https, proxy.http):
        yield from secrets_in(Secret(url if "://" in url or not url else f"http://{url}"))
    for value in settings.previous.values():
        yield from secrets_in(value)


def _endpoint_secrets(endpoint: Endpoint) -> Iterator[Secret]:
    username = endpoint.parameters.get("username")
    users = {TOKEN_USER, *([username.reveal()] if username else [])}
    for name, value in endpoint.parameters.items():
        if name in _SHOWN_PARAMETERS:
            continue
        if len(value.reveal()) >= _SHORTEST_OTHER or (value and name in _OWN_SECRETS):
            for user in sorted(users):
                yield from Credential(user, value).spellings
    yield from secrets_in(Secret(endpoint.url))


def cautions(settings: Settings) -> Iterator[str]:
    """Warnings that must come before anything is sent: where no value shows that a step has not set it."""
    asks = settings.artifact_feeds or settings.federation or settings.verify != "off"
    if not asks:
        return
    if settings.certificates.unchecked:
        yield (
            "Servers' certificates are not checked (Agent.SkipCertValidation): anybody in between can read "
            "what is sent, secrets included. The agent sets that, but any earlier step can, too."
        )
    if settings.proxy.url:
        yield (
            f"Requests go through the web proxy {_proxy_host(settings.proxy.url)} "
            "(Agent.ProxyUrl). The agent sets that, but any earlier step can, too."
        )
    told = {"HTTPS_PROXY": settings.proxy.https, "HTTP_PROXY": settings.proxy.http}
    told = {} if settings.proxy.url else told
    told["NODE_EXTRA_CA_CERTS"] = settings.certificates.extra_authorities
    for name in sorted(name for name, value in told.items() if value and name in settings.job_variables):
        what = f"the proxy {_proxy_host(told[name])}" if "PROXY" in name else "its file"
        yield (
            f"{name} is a variable of the job, not of the machine: an earlier step can have set it. "
            f"Requests of this step trust {what}."
        )


def _proxy_host(written: str) -> str:
    from pip_authenticate.proxies import proxy_address  # noqa: PLC0415 - few runs have one

    return hosts_in(Secret(proxy_address(written)[0]))


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
    warnings = [*run.warnings, *_forgotten(run, indexes)]
    return Found(counts, indexes, [*doubled, *more], verdicts, mixed, warnings, run.left_out)


def _forgotten(run: Run, indexes: list[AuthenticatedIndex]) -> Iterator[str]:
    """A warning about indexes that the project names, and that no credential was even looked for."""
    if not run.settings.project_folder:
        return
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
        run.transport.deadline.check()
        found[name] = []
        if not getattr(run.settings, row.named_by):
            continue
        if row.asks and any(isinstance(fault, ServiceError) for fault in faults):
            continue  # one service that does not answer is told once
        try:
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
            outcomes |= _outcomes(own, name or first_present(run), run)
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


def first_present(run: Run) -> str:
    """The name of the first provider of the run's order that has a credential here.

    Raises:
        InputError: none has one; the error lists why.
    """
    reasons = list[str]()
    for name in run.settings.credentials:
        provider: FreeProvider = _load("providers", name)
        why = provider.absent(run)
        if not why:
            return name
        reasons.append(f"{name}: {why}")
    raise InputError(
        "no-credential",
        "No credential was found",
        context="; ".join(reasons),
        hint="Set PIP_AUTHENTICATE_TOKEN, or say --token-file FILE.",
    )


def deliver(found: Found, settings: Settings, output: AzurePipelines) -> None:
    """Set the clients' variables, and say what was done.

    Raises:
        DeliveryError: the variables cannot reach the later steps; nothing was set.
        Faults: indexes that were verified, and found unusable, where that shall fail the run.
    """
    _report(found.verdicts, settings, output)
    told = client_settings(found.indexes, settings)
    for text in (
        *_insecure(found),
        *_expiring(found),
        *told.warnings,
        *_misaddressed(found),
        *_doubled(found),
        *_mixed(found),
        *_check(found, told, settings, output),
    ):
        output.warning(text)
    _assign({variable.name: variable.value for variable in told.variables}, settings, output)
    for position, index in enumerate(found.indexes):
        word = "extra" if position or settings.only_add_extra_index else "primary"
        output.line(f"{word} index: {index.url} ({index.source})")
    for credential, sources in _by_credential(found).items():
        if credential.expires:
            output.line(
                f"The credential of {', '.join(sources)} expires at {credential.expires:%Y-%m-%d %H:%M} UTC; "
                "steps that call pip after that need this task to run again."
            )
    if any(index.feed for index in found.indexes):
        output.line(GUID_NOTE)
    if settings.only_add_extra_index and found.indexes:
        output.line(CONFUSION_NOTE)
    if not found.indexes:
        output.warning("Neither a feed nor a service connection was named: no index was set.")


def summary(found: Found, clients: str) -> str:
    """What was found, as a Markdown table without any secret; empty where nothing was."""
    from pip_authenticate.summary import Line, table  # noqa: PLC0415 - not every run has a place for one

    verdicts = {verdict.target.url.key: f"{verdict.grade}: {verdict.text}" for verdict in found.verdicts}
    return table(
        Line(
            str(index.url),
            index.source,
            index.provider,
            clients,
            f"{index.credential.expires:%Y-%m-%d %H:%M} UTC" if index.credential.expires else "",
            verdicts.get(index.url.key, ""),
        )
        for index in found.indexes
    )


def client_settings(
    indexes: list[AuthenticatedIndex],
    settings: Settings,
    *,
    by_files: bool = False,
    can_unset: bool = False,
    own_netrc: Secret = NOTHING,
) -> ClientSettings:
    """What the chosen clients read; the last three as in Wish."""
    wish = Wish(
        only_extra=settings.only_add_extra_index,
        publish=settings.publish,
        by_files=by_files,
        can_unset=can_unset,
        own_netrc=own_netrc,
    )
    return merged(_client(name).settings_for(indexes, wish) for name in settings.clients)


def _client(name: str) -> Client:
    client: Client = _load("clients", name)
    return client


def _report(verdicts: "list[Verdict]", settings: Settings, output: AzurePipelines) -> None:
    """Print one line for each verdict; bad ones are errors where the run shall fail."""
    refused = list[PipAuthenticateError]()
    for verdict in verdicts:
        text = f"{verdict.target.url}: {verdict.text}"
        if verdict.grade == "good":
            output.line(f"Verified {text}")
        elif verdict.grade == "bad" and settings.verify == "fail":
            refused.append(ServiceError("index-unusable", text))
        else:
            output.warning(text)
    readable = [verdict for verdict in verdicts if verdict.grade != "bad"]
    if settings.verify_package and readable and not any(verdict.lists for verdict in readable):
        output.warning(f"No index that can be read lists the package {settings.verify_package}.")
    if refused:
        raise Faults(refused)


def erase(settings: Settings, output: AzurePipelines) -> None:
    """Empty the variables that an earlier run of this job stored, and set nothing."""
    _assign({}, settings, output)


def digest(value: Secret) -> str:
    """What a run remembers of a value that it stores: enough to know it again, and no more."""
    return sha256(value.reveal().encode("utf-8", "surrogateescape")).hexdigest()


def _assign(assignments: dict[str, Secret], settings: Settings, output: AzurePipelines) -> None:
    """Set variables, empty those that an earlier run stored, and say what becomes of each.

    pip takes an empty variable for an unset one. A value that no run of ours stored is the user's own.
    """
    changes, lines, warnings = dict(assignments), list[str](), list[str]()
    for name, value in settings.previous.items():
        shown, ours = hosts_in(value), settings.remembered.get(name) == digest(value)
        if name in assignments:
            lines.append(f"{name} is replaced; it named {shown}.")
        elif ours:
            changes[name] = Secret("")
            text = f"{name}, which an earlier run of this task set, is emptied; it named {shown}."
            if name == "PIP_INDEX_URL":
                warnings.append(f"{text} {PRIMARY_NOTE}")
            else:
                lines.append(text)
        elif name == "PIP_EXTRA_INDEX_URL":
            warnings.append(f"{name} was not set by this task and stays: {FOREIGN_NOTE.format(shown)}")
        else:
            lines.append(f"{name} was not set by this task and stays; it names {shown}.")
    output.set(changes, _memory(changes, settings))
    for line in lines:
        output.line(line)
    for text in warnings:
        output.warning(text)


def _memory(changes: dict[str, Secret], settings: Settings) -> dict[str, Secret]:
    """The variable that remembers what is stored; none where there is nothing to remember or forget."""
    if not changes and not settings.remembered:
        return {}
    entries = [f"{name}={digest(value)}" for name, value in changes.items() if value]
    return {MEMORY: Secret(" ".join(entries))}


def _check(found: Found, told: ClientSettings, settings: Settings, output: AzurePipelines) -> list[str]:
    try:
        return output.check(told)
    except DeliveryError as error:
        if error.slug != "too-long":
            raise
        counts = range(1, len(found.indexes) + 1)
        fitting = bisect_right(
            counts, 0, key=lambda count: int(not _fits(found.indexes[:count], settings, output))
        )
        raise DeliveryError(
            error.slug,
            error.what,
            context=f"the first {fitting} of {len(found.indexes)} feeds and connections fit",
            hint="Name fewer; one feed can offer the packages of others as its upstream sources.",
        ) from None


def _fits(indexes: list[AuthenticatedIndex], settings: Settings, output: AzurePipelines) -> bool:
    try:
        output.check(client_settings(indexes, settings))
    except DeliveryError:
        return False
    return True


def _insecure(found: Found) -> Iterator[str]:
    """Warnings about credentials that travel less safe than they should."""
    exposed = dict[tuple[str, Credential], list[str]]()
    for index in found.indexes:
        origin = index.url.origin
        if origin.is_exposed:
            exposed.setdefault((origin.host, index.credential), []).append(index.source)
    for (host, _), sources in exposed.items():
        yield f"Plain http: the credential of {', '.join(sources)} travels to {host} without encryption."


def _misaddressed(found: Found) -> Iterator[str]:
    """Warnings about addresses of feeds that are for another program."""
    for index in found.indexes:
        meant = index_meant(index.url)
        if meant:
            yield f"The address {index.url} of {index.source} is no index for pip: {meant} is meant."


def _doubled(found: Found) -> Iterator[str]:
    """Warnings about indexes that are named twice."""
    for used, other in found.doubled:
        yield (
            f"{used.source} and {other.source} name one index, {used.url}, with different credentials: "
            "pip takes the first one for both, and so does this task. Remove one."
        )


def _mixed(found: Found) -> Iterator[str]:
    """Warnings about credentials that pip may send to another's index."""
    for host, sources in found.mixed.items():
        yield (
            f"{' and '.join(sources)} have different credentials on one host, {host}. pip (23.1 or newer) "
            "tells them apart by the path of each index; where that host links to files outside it, and "
            "with an older pip everywhere, the first one's credential is sent for the others, too."
        )


def _by_credential(found: Found) -> dict[Credential, list[str]]:
    """The sources that share each credential."""
    sources = dict[Credential, dict[str, None]]()
    for index in found.indexes:
        sources.setdefault(index.credential, {})[index.source] = None
    return {credential: list(names) for credential, names in sources.items()}


def _expiring(found: Found) -> Iterator[str]:
    """Warnings about credentials that an ordinary job outlives."""
    for credential, sources in _by_credential(found).items():
        if credential.expires:
            from datetime import datetime, timezone  # noqa: PLC0415 - only federation needs it

            seconds = (credential.expires - datetime.now(timezone.utc)).total_seconds()
            if seconds < JOB_SECONDS - _SLACK_SECONDS:
                yield (
                    f"The credential of {', '.join(sources)} expires in {max(seconds, 0) / 60:.0f} minutes; "
                    "the job may outlive it. Run this task again before later steps that call pip."
                )
