"""Workload identity federation in a job of Azure Pipelines: no stored secret at all.

The feed tells its tenant, Azure Pipelines an assertion of who the job is (REST reference of Azure
DevOps, "Oidctoken - Create"), and Microsoft Entra a token for both. One assertion and one token serve
all indexes of a tenant.
"""

from pip_authenticate.azure import entra, refusals, rest, tenants
from pip_authenticate.azure.addresses import encode_segment, objection
from pip_authenticate.azure.application import Application
from pip_authenticate.azure.job import JOB_TOKEN, Job
from pip_authenticate.errors import Faults, InputError, PipAuthenticateError, ServiceError
from pip_authenticate.index import AuthenticatedIndex, Credential, Index, IndexUrl
from pip_authenticate.redaction import shown_name
from pip_authenticate.run import Run
from pip_authenticate.secret import Learned, Secret
from pip_authenticate.settings import Endpoint, Settings
from pip_authenticate.tokens import is_token
from pip_authenticate.transport import Transport

_CONNECTION_HINT = (
    "Check that the service connection uses workload identity federation and is enabled, that this pipeline "
    "may use it, and that this step names it in its own input."
)


def open_all(indexes: list[Index], run: Run) -> list[AuthenticatedIndex]:
    """Get a token for every index.

    Args:
        indexes: in any organisation.
        run: the connection, and what the agent tells of the job.

    Raises:
        Faults: indexes whose host must not be given the token.
        InputError: the connection or the job lacks something.
        ServiceError: no token could be had; the text says why and what to change.
    """
    connection = run.settings.federation
    if connection is None:
        raise InputError(
            "connection-missing",
            "No service connection with workload identity federation is named",
            hint="Name one in the input workloadIdentityServiceConnection.",
        )
    job, settings, transport = run.job, run.settings, run.transport
    _check(indexes, job, settings.federated_hosts)
    client_id = _parameter(connection, "serviceprincipalid")
    try:
        exchange = _Exchange(connection, client_id, job, settings, transport, run.learned)
        wanted = _tenants([index.url for index in indexes], connection, transport)
        credentials = {tenant: exchange.credential(tenant) for tenant in dict.fromkeys(wanted)}
    except PipAuthenticateError as error:
        raise error.preceded(
            f"Unable to get federated credentials from service connection: {shown_name(connection.id)}. "
        ) from None
    return [index.opened_by(credentials[tenant]) for index, tenant in zip(indexes, wanted, strict=True)]


def _check(indexes: list[Index], job: Job, listed: tuple[str, ...]) -> None:
    """Judge all hosts before anything is asked for."""
    faults = list[PipAuthenticateError]()
    for index in indexes:
        url, why = index.url, objection(index.url, "index", job.collection, listed)
        if why == "is not encrypted":
            faults.append(
                InputError(
                    "insecure-host",
                    f"{index.entry} {why}; the token is not sent there: {url}",
                    hint="Use https.",
                )
            )
        elif why:
            faults.append(
                InputError(
                    "foreign-host",
                    f"{index.entry} names the host {url.origin.host}, which {why}: "
                    "the token is not sent there",
                    context=str(url),
                    hint=f"If it is one of yours, add it: federatedHosts: {url.origin.host}",
                )
            )
    if faults:
        raise Faults(faults)


def _parameter(connection: Endpoint, name: str) -> str:
    value = connection.parameters.get(name)
    if connection.fault or not value:
        raise InputError(
            "connection-unusable",
            f"Service connection {shown_name(connection.id)} cannot be used for federation: "
            f"{connection.fault or f'its authorisation lacks {name}'}",
            hint="Use a service connection of Azure DevOps with workload identity federation, "
            "and check that the pipeline may use it.",
        )
    return value.reveal()


def _tenants(urls: list[IndexUrl], connection: Endpoint, transport: Transport) -> list[str]:
    """The tenant of each index: what it tells, else what the connection says."""
    own = connection.parameters.get("tenantid")
    fallback = own.reveal().lower() if own and tenants.is_tenant(own.reveal()) else ""
    found = list[str]()
    for url, told in zip(urls, tenants.ask(urls, transport), strict=True):
        if not (told.tenant or fallback):
            raise ServiceError(
                "tenant-unknown",
                f"Neither {url.origin.host} nor the service connection tells the tenant",
                hint="Check the URL, and the tenant's id in the service connection.",
            )
        found.append(told.tenant or fallback)
    return found


class _Exchange:
    """Turns the job's identity into a credential."""

    def __init__(
        self,
        connection: Endpoint,
        client_id: str,
        job: Job,
        settings: Settings,
        transport: Transport,
        learned: Learned,
    ) -> None:
        self._connection = connection
        self._client_id = client_id
        self._job = job
        self._authority = entra.authority(settings, job.collection)
        self._uri = _assertion_uri(settings.oidc_request_uri, connection, job)
        self._transport = transport
        self._learned = learned

    def credential(self, tenant: str) -> Credential:
        """One assertion, one token."""
        application = Application(self._authority, tenant, self._client_id)
        token = entra.exchange(application, self._assertion(), self._transport)
        credential = Credential(self._connection.id, token.secret, token.expires)
        self._learned(credential.spellings)
        return credential

    def _assertion(self) -> Secret:
        response = self._transport.request(
            "POST",
            self._uri,
            authorization=Secret(f"Bearer {self._job.credential.secret.reveal()}"),
            content_type="application/json",
        )
        try:
            answer = rest.read_json(response, "assertion service", JOB_TOKEN)
        except ServiceError as error:
            if error.slug not in {"request-refused", "token-refused"}:
                raise
            raise ServiceError(
                "assertion-refused",
                f"{rest.host_of(response)} gives no assertion (status {response.status})",
                context=error.context,
                hint=_CONNECTION_HINT,
            ) from None
        assertion = answer.get("oidcToken") if isinstance(answer, dict) else None
        if not is_token(assertion):
            raise ServiceError(
                "assertion-missing",
                f"{rest.host_of(response)} gave no assertion (status {response.status})",
                context=refusals.message_of(response) if response.status >= 400 else "",
                hint=_CONNECTION_HINT,
            )
        secret = Secret(assertion)
        self._learned(Credential(self._connection.id, secret).spellings)
        return secret


def _assertion_uri(uri: str, connection: Endpoint, job: Job) -> str:
    """Where to ask for the assertion; the job's token travels there."""
    if not uri:
        raise InputError(
            "oidc-missing",
            "The job is not told where to ask for an assertion (System.OidcRequestUri)",
            hint="Workload identity federation needs Azure DevOps Services and a current agent.",
        )
    address, _, query = uri.partition("?")
    try:
        url, _ = IndexUrl.parse(address)
        why = "holds an @" if "@" in address else objection(url, "assertion service", job.collection)
    except InputError as error:
        why = error.what
    if why:
        raise InputError(
            "oidc-unusable",
            f"The address in System.OidcRequestUri {why}; the job's token is not sent there",
            hint="It is set by Azure Pipelines; remove any variable of that name.",
        )
    token = job.credential.secret.reveal()
    if not token.isascii() or not token.isprintable():
        raise InputError(
            "job-token-unusable",
            "The job's token holds characters that no token has",
            hint="It is set by Azure Pipelines; remove any variable that replaces it.",
        )
    parameters = [*([query] if query else []), "api-version=7.1"]
    parameters.append(f"serviceConnectionId={encode_segment(connection.id)}")
    return f"{str(url).rstrip('/')}?{'&'.join(parameters)}"
