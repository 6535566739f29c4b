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
from pip_authenticate.secret import Learned, Secret
from pip_authenticate.settings import Endpoint, Settings
from pip_authenticate.sources import azure_artifacts, service_connections, workload_identity
from pip_authenticate.transport import Transport

# Parameters that are names, not secrets; the agent leaves most of them unmasked, too.
_SHOWN_PARAMETERS = frozenset({"username", "tenantid", "serviceprincipalid", "scope", "audience"})

CONFUSION_NOTE = (
    "Note: with onlyAddExtraIndex pip also asks its own primary index, the public one unless configured "
    "otherwise, and installs the highest version that any index offers. Whoever publishes a private "
    "package's name there with a higher version gets it installed (dependency confusion). Leaving "
    "onlyAddExtraIndex out, with a feed that has the public index as upstream source, prevents that."
)


SOURCES = {
    "Federated": workload_identity,
    "Internal": azure_artifacts,
    "External": service_connections,
}
"""Every source by its name in telemetry, in the order in which their indexes reach pip."""


class Found(NamedTuple):
    """What a run found.

    Args:
        counts: number of indexes by source, under the names of SOURCES.
        roles: every index once, with the place pip gives it.
    """

    counts: dict[str, int]
    roles: list[pip.Role]


def secrets(settings: Settings) -> Iterator[Secret]:
    """Every secret that a run is told, in every spelling that could turn up in a log."""
    federation = [settings.federation] if settings.federation else []
    for endpoint in (settings.system_connection, *settings.connections, *federation):
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


def resolve(settings: Settings, debug: Callable[[str], None], learned: Learned) -> Found:
    """Find every index with its credential; sets nothing.

    Args:
        settings: what the run is told.
        debug: takes one line per request.
        learned: is told of every secret that the run comes to know.

    Raises:
        Faults: inputs or service connections that cannot be used, all at once.
        PipAuthenticateError: a service did not answer as it must, or credentials contradict.
    """
    faults = list(settings.faults)
    transport = Transport(settings.proxy, settings.certificates, debug)
    found = dict[str, list[AuthenticatedIndex]]()
    for name, source in SOURCES.items():
        try:
            found[name] = source.indexes(settings, transport, learned)
        except PipAuthenticateError as error:
            faults.extend(each(error))
    if faults:
        raise Faults(faults)
    indexes = [index for part in found.values() for index in part]
    roles = pip.roles(indexes, only_extra=settings.only_add_extra_index)
    return Found({name: len(part) for name, part in found.items()}, roles)


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
    """Warnings about credentials that travel less safe than they should."""
    indexes = [role.target for role in found.roles]
    if settings.certificates.unchecked and indexes:
        yield "The agent does not check servers' certificates: anybody in between can read what it sends."
    exposed = dict[tuple[str, Credential], list[str]]()
    for index in indexes:
        origin = index.url.origin
        if origin.scheme == "http" and not origin.is_loopback:
            exposed.setdefault((origin.host, index.credential), []).append(index.source)
    for (host, _), sources in exposed.items():
        yield f"Plain http: the credential of {', '.join(sources)} travels to {host} without encryption."
