"""The use case: find every index with its credential, then deliver what pip needs.

The only module that sees sources, client and output together. Nothing is set unless everything
was found; what an earlier run stored is erased either way.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from pip_authenticate import canonical
from pip_authenticate.clients import pip
from pip_authenticate.errors import DeliveryError, Faults, PipAuthenticateError, ServiceError, each
from pip_authenticate.feeds import FeedsService
from pip_authenticate.index import AuthenticatedIndex, Credential
from pip_authenticate.outputs.azure_pipelines import AzurePipelines
from pip_authenticate.secret import Learned, Secret
from pip_authenticate.settings import Endpoint, Settings
from pip_authenticate.sources import azure_artifacts, service_connections, workload_identity
from pip_authenticate.transport import Transport
from pip_authenticate.verify import Verdict, verify

# Parameters that are names, not secrets; the agent leaves most of them unmasked, too.
_SHOWN_PARAMETERS = frozenset({"username", "tenantid", "serviceprincipalid", "scope", "audience"})

CONFUSION_NOTE = (
    "Note: with onlyAddExtraIndex pip also asks its own primary index, the public one unless configured "
    "otherwise, and installs the highest version that any index offers. Whoever publishes a private "
    "package's name there with a higher version gets it installed (dependency confusion). Leaving "
    "onlyAddExtraIndex out, with a feed that has the public index as upstream source, prevents that."
)


JOB_SECONDS = 3600
"""How long a job may take unless its pipeline says otherwise (Microsoft Learn, "jobs.job": 60 minutes)."""
_SLACK_SECONDS = 120

SOURCES = {
    "Federated": workload_identity,
    "Internal": azure_artifacts,
    "External": service_connections,
}
"""Every source by its name in telemetry, in the order in which their indexes reach pip."""


GUID_NOTE = (
    "Note: indexes of one organisation with different credentials are written with GUIDs, so that pip "
    "(23.1 or newer) sends each its own."
)


class Found(NamedTuple):
    """What a run found.

    Args:
        counts: number of indexes by source, under the names of SOURCES.
        roles: every index once, with the place pip gives it.
        verdicts: on each index, where they were asked for.
        mixed: sources of indexes whose credentials pip may mix up.
    """

    counts: dict[str, int]
    roles: list[pip.Role]
    verdicts: list[Verdict]
    mixed: list[str]


def secrets(settings: Settings) -> Iterator[Secret]:
    """Every secret that a run is told, in every spelling that could turn up in a log."""
    federation = [settings.federation] if settings.federation else []
    for endpoint in (settings.system_connection, *settings.connections, *federation):
        yield from _endpoint_secrets(endpoint)
    proxy, certificates = settings.proxy, settings.certificates
    if proxy.password:
        yield from Credential(proxy.username, proxy.password).spellings
    if certificates.client_password:
        yield from Credential("", certificates.client_password).spellings
    proxy_url = Secret(proxy.url if "://" in proxy.url else f"http://{proxy.url}")
    for value in (*settings.previous.values(), proxy_url):
        yield from pip.secrets_in(value)


def _endpoint_secrets(endpoint: Endpoint) -> Iterator[Secret]:
    username = endpoint.parameters.get("username")
    users = {service_connections.TOKEN_USER, *([username.reveal()] if username else [])}
    for name, value in endpoint.parameters.items():
        if value and name not in _SHOWN_PARAMETERS:
            for user in sorted(users):
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
        if source is not service_connections and any(isinstance(fault, ServiceError) for fault in faults):
            continue  # one service that does not answer is told once
        try:
            found[name] = source.indexes(settings, transport, learned)
        except PipAuthenticateError as error:
            faults.extend(each(error))
    if faults:
        raise Faults(faults)
    indexes = [index for part in found.values() for index in part]
    service, unsafe, mixed = FeedsService(settings, transport), dict[object, ServiceError](), list[int]()
    if len({index.credential for index in indexes}) > 1:
        pip.roles(indexes, only_extra=False)  # two credentials for one address need no question
        indexes, faulty, mixed = canonical.separate(indexes, service)
        unsafe = {indexes[at].url.key: error for at, error in faulty.items()}
    roles = pip.roles(indexes, only_extra=settings.only_add_extra_index)
    verdicts = list[Verdict]()
    if settings.verify != "off":
        verdicts = verify([role.target for role in roles], settings, transport, service)
    # Nothing is downloaded from an index that cannot be read: no credential of its can go astray.
    for verdict in verdicts:
        if verdict.grade == "bad":
            unsafe.pop(verdict.target.url.key, None)
    if unsafe:
        raise Faults(list(unsafe.values()))
    counts = {name: len(part) for name, part in found.items()}
    return Found(counts, roles, verdicts, [indexes[at].source for at in mixed])


def deliver(found: Found, settings: Settings, output: AzurePipelines) -> None:
    """Set pip's variables, and say what was done.

    Raises:
        DeliveryError: the variables cannot reach the later steps; nothing was set.
        Faults: indexes that were verified, and found unusable, where that shall fail the run.
    """
    _report(found.verdicts, settings, output)
    assignments = pip.assignments(found.roles)
    for text in (
        *_insecure(found, settings),
        *_expiring(found),
        *_unsendable(found),
        *_mixed(found),
        *_check(found, assignments, output),
    ):
        output.warning(text)
    _assign(assignments, settings, output)
    for role in found.roles:
        output.line(f"{role.word} index: {role.target.url} ({role.target.source})")
    for credential, sources in _by_credential(found).items():
        if credential.expires:
            output.line(
                f"The credential of {', '.join(sources)} expires at {credential.expires:%Y-%m-%d %H:%M} UTC; "
                "steps that call pip after that need this task to run again."
            )
    if any(role.target.feed for role in found.roles):
        output.line(GUID_NOTE)
    if settings.only_add_extra_index and found.roles:
        output.line(CONFUSION_NOTE)
    if not found.roles:
        output.warning("Neither a feed nor a service connection was named: no index was set.")


def _report(verdicts: list[Verdict], settings: Settings, output: AzurePipelines) -> None:
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
    """Empty the variables that hold a credential of an earlier run, and set nothing."""
    _assign({}, settings, output)


def _assign(assignments: dict[str, Secret], settings: Settings, output: AzurePipelines) -> None:
    """Set variables, empty those that hold an older credential, and say what becomes of each.

    pip takes an empty variable for an unset one. A value without a credential is the user's own.
    """
    changes, lines = dict(assignments), list[str]()
    for name, value in settings.previous.items():
        shown = pip.without_credentials(value)
        if name in assignments:
            lines.append(f"{name} is replaced; it was {shown}")
        elif pip.holds_credential(value):
            changes[name] = Secret("")
            lines.append(f"{name} is emptied, since it held a credential; it was {shown}")
        else:
            lines.append(f"{name} stays as it was, since it holds no credential: {shown}")
    output.set(changes)
    for line in lines:
        output.line(line)


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
    asked = settings.verify != "off" or found.counts["Internal"] or found.counts["Federated"]
    if settings.certificates.unchecked and indexes and asked:
        yield "The agent does not check servers' certificates: anybody in between can read what it sends."
    exposed = dict[tuple[str, Credential], list[str]]()
    for index in indexes:
        origin = index.url.origin
        if origin.is_exposed:
            exposed.setdefault((origin.host, index.credential), []).append(index.source)
    for (host, _), sources in exposed.items():
        yield f"Plain http: the credential of {', '.join(sources)} travels to {host} without encryption."


def _mixed(found: Found) -> Iterator[str]:
    """A warning about indexes that pip cannot tell apart."""
    if found.mixed:
        yield (
            f"{', '.join(found.mixed)} have addresses of one organisation and different credentials, and "
            "no feeds service there tells their GUIDs: pip may send the first credential for all of them."
        )


def _unsendable(found: Found) -> Iterator[str]:
    """Warnings about credentials that pip cannot send."""
    for credential, sources in _by_credential(found).items():
        if not pip.can_send(credential):
            yield (
                f"The credential of {', '.join(sources)} holds a character that pip cannot send: "
                "it knows Latin-1 only and ends with a UnicodeEncodeError. Choose another secret."
            )


def _by_credential(found: Found) -> dict[Credential, list[str]]:
    """The sources that share each credential."""
    sources = dict[Credential, list[str]]()
    for role in found.roles:
        names = sources.setdefault(role.target.credential, [])
        if role.target.source not in names:
            names.append(role.target.source)
    return sources


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
