"""The use case: find every index with its credential, then deliver what pip needs.

The only module that sees sources, client and output together. Nothing is set unless everything
was found; what an earlier run stored is erased either way.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from pip_authenticate.clients import pip
from pip_authenticate.errors import DeliveryError, Faults, PipAuthenticateError, each
from pip_authenticate.index import AuthenticatedIndex, Credential
from pip_authenticate.outputs.azure_pipelines import AzurePipelines
from pip_authenticate.secret import Secret
from pip_authenticate.settings import Endpoint, Settings
from pip_authenticate.sources import azure_artifacts, service_connections
from pip_authenticate.transport import Transport

_SHOWN_PARAMETERS = frozenset({"username"})

CONFUSION_NOTE = (
    "Note: with onlyAddExtraIndex pip also asks its own primary index, the public one unless configured "
    "otherwise, and installs the highest version that any index offers. Whoever publishes a private "
    "package's name there with a higher version gets it installed (dependency confusion). Leaving "
    "onlyAddExtraIndex out, with a feed that has the public index as upstream source, prevents that."
)


class Found(NamedTuple):
    """What a run found.

    Args:
        feeds: indexes of the organisation's feeds.
        connections: indexes of service connections.
        roles: every index once, with the place pip gives it.
    """

    feeds: list[AuthenticatedIndex]
    connections: list[AuthenticatedIndex]
    roles: list[pip.Role]


def secrets(settings: Settings) -> Iterator[Secret]:
    """Every secret that a run is told, in every spelling that could turn up in a log."""
    for endpoint in (settings.system_connection, *settings.connections):
        yield from _endpoint_secrets(endpoint)
    proxy, certificates = settings.proxy, settings.certificates
    if proxy.password:
        yield from Credential(proxy.username, proxy.password).spellings
    if certificates.client_password:
        yield certificates.client_password
    for value in settings.previous.values():
        yield from pip.secrets_in(value)


def _endpoint_secrets(endpoint: Endpoint) -> Iterator[Secret]:
    username = endpoint.parameters.get("username")
    user = username.reveal() if username else service_connections.TOKEN_USER
    for name, value in endpoint.parameters.items():
        if value and name not in _SHOWN_PARAMETERS:
            yield from Credential(user, value).spellings
    yield from pip.secrets_in(Secret(endpoint.url))


def resolve(settings: Settings, debug: Callable[[str], None]) -> Found:
    """Find every index with its credential; sets nothing.

    Args:
        settings: what the run is told.
        debug: takes one line per request.

    Raises:
        Faults: inputs or service connections that cannot be used, all at once.
        PipAuthenticateError: a service did not answer as it must, or credentials contradict.
    """
    faults = list(settings.faults)
    connections = list[AuthenticatedIndex]()
    try:
        connections = service_connections.indexes(settings.connections)
    except Faults as error:
        faults.extend(error.errors)
    feeds = list[AuthenticatedIndex]()
    try:
        feeds = azure_artifacts.indexes(
            settings.artifact_feeds,
            azure_artifacts.Collection(settings.collection_uri, settings.is_hosted),
            settings.system_connection,
            Transport(settings.proxy, settings.certificates, debug),
        )
    except PipAuthenticateError as error:
        faults.extend(each(error))
    if faults:
        raise Faults(faults)
    roles = pip.roles([*feeds, *connections], only_extra=settings.only_add_extra_index)
    return Found(feeds, connections, roles)


def deliver(found: Found, settings: Settings, output: AzurePipelines) -> None:
    """Set pip's variables, and say what was done.

    Raises:
        DeliveryError: the variables cannot reach the later steps; nothing was set.
    """
    assignments = pip.assignments(found.roles)
    for text in (*_insecure(found, settings), *_check(found, assignments, output)):
        output.warning(text)
    for name in assignments:
        if name in settings.previous:
            output.line(f"{name} is replaced; it was {pip.without_credentials(settings.previous[name])}")
    erase(settings, output, kept=frozenset(assignments))
    output.set(assignments)
    for role in found.roles:
        output.line(f"{role.word} index: {role.target.url} ({role.target.source})")
    if settings.only_add_extra_index and found.roles:
        output.line(CONFUSION_NOTE)
    if not found.roles:
        output.warning("Neither a feed nor a service connection was named: no index was set.")


def erase(settings: Settings, output: AzurePipelines, kept: frozenset[str] = frozenset()) -> None:
    """Empty the variables that hold a credential of an earlier run; pip takes empty for unset.

    Args:
        settings: tells what the variables hold.
        output: where to.
        kept: names of variables that this run sets anew.
    """
    for name, value in settings.previous.items():
        if name in kept:
            continue
        shown = pip.without_credentials(value)
        if pip.holds_credential(value):
            output.set({name: Secret("")})
            output.line(f"{name} is emptied, since it held a credential; it was {shown}")
        else:
            output.line(f"{name} stays as it was, since it holds no credential: {shown}")


def _check(found: Found, assignments: dict[str, Secret], output: AzurePipelines) -> list[str]:
    try:
        return output.check(assignments)
    except DeliveryError as error:
        if error.slug != "too-long":
            raise
        fitting = next(
            count for count in range(len(found.roles), -1, -1) if _fits(found.roles[:count], output)
        )
        raise DeliveryError(
            error.slug,
            error.what,
            context=f"the first {fitting} of {len(found.roles)} feeds and connections fit",
            hint="Name fewer; one feed can offer the packages of others as its upstream sources.",
        ) from None


def _fits(roles: list[pip.Role], output: AzurePipelines) -> bool:
    try:
        output.check(pip.assignments(roles))
    except DeliveryError:
        return False
    return True


def _insecure(found: Found, settings: Settings) -> Iterator[str]:
    """Warnings about credentials that travel, or would travel, less safe than they should."""
    if found.feeds and settings.certificates.unchecked:
        yield "The agent does not check servers' certificates: anybody in between can read the job's token."
    for host in dict.fromkeys(index.url.origin.host for index in found.feeds if _in_the_clear(index)):
        yield f"{host} is reached over plain http: the job's token travels there without encryption."
    for index in found.connections:
        if _in_the_clear(index):
            yield f"The {index.source} uses plain http: its credential travels unencrypted to {index.url}"


def _in_the_clear(index: AuthenticatedIndex) -> bool:
    return index.url.origin.scheme == "http" and not index.url.origin.is_loopback
