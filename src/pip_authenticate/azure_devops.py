"""What all services of Azure DevOps have in common: their addresses, their JSON, their errors.

Addresses: Microsoft Learn, "Work with URLs in extensions and integrations". Errors arrive in the
reason phrase and in a JSON body; a sign-in page instead of JSON means "not authenticated".
"""

import json
import re
from typing import Any, NamedTuple
from urllib.parse import quote, unquote

from pip_authenticate.errors import InputError, ServiceError
from pip_authenticate.index import Credential, IndexUrl
from pip_authenticate.secret import Secret
from pip_authenticate.settings import SYSTEM_CONNECTION, Settings
from pip_authenticate.transport import Response, Transport, origin_of

PYPI_AREA = "92F0314B-06C5-46E0-ABE7-15FD9D13276A"
"""Resource area of the Python protocol."""
PACKAGING_AREA = "7AB4E64E-C4D8-4F50-AE73-5EF2E21642A5"
"""Resource area of the feeds themselves."""
JOB_USER = "build"
"""The user name that goes with the job's token; the service takes any."""
JOB_TOKEN = "the job's token"  # noqa: S105 - its name in messages
PERMISSIONS_HELP = "https://learn.microsoft.com/azure/devops/artifacts/feeds/feed-permissions"

_INDEX_PATH = re.compile(r"(?P<scope>/.*)?/_packaging/(?P<feed>[^/]+)/pypi/simple/?", re.IGNORECASE)


class Collection(NamedTuple):
    """An organisation, or a project collection of a server on premises.

    Args:
        url: its address.
        is_hosted: whether it is Azure DevOps Services.
    """

    url: IndexUrl
    is_hosted: bool

    @classmethod
    def parse(cls, uri: str, *, is_hosted: bool) -> "Collection":
        """Read the address that the agent tells.

        Raises:
            InputError: it is none, or one that a job's token must not travel to.
        """
        try:
            url, _ = IndexUrl.parse(uri)
        except InputError as error:
            raise InputError(
                "no-collection",
                f"The organisation's address (System.TeamFoundationCollectionUri) {error.what}",
                hint="Feeds need a job of Azure Pipelines; service connections work without it.",
            ) from None
        if is_hosted and url.origin.is_exposed:
            raise InputError(
                "insecure-organisation",
                f"The organisation's address {url} is not encrypted; the job's token is not sent there",
                hint="Azure DevOps Services is reached with https only.",
            )
        return cls(url, is_hosted)

    @property
    def name(self) -> str:
        """The organisation's name as its address tells it, in lower case."""
        host, path = self.url.origin.host, self.url.path.strip("/")
        if host.endswith(".visualstudio.com"):
            return host.partition(".")[0]
        return path.rpartition("/")[2].casefold()


class Job(NamedTuple):
    """What a job of Azure Pipelines is told about itself.

    Args:
        collection: the organisation it runs in.
        credential: its own token, with the user name that goes with it.
    """

    collection: Collection
    credential: Credential

    @classmethod
    def of(cls, settings: Settings) -> "Job":
        """Read the system connection and the organisation's address.

        Raises:
            InputError: one of them is missing or cannot be used.
        """
        connection = settings.system_connection
        token = connection.parameters.get("accesstoken")
        why = connection.fault
        if not why and connection.scheme.lower() != "oauth":
            why = "its scheme is not OAuth"
        if why or not token:
            raise InputError(
                "job-token-missing",
                f"The job's own token cannot be read from the connection {SYSTEM_CONNECTION}: "
                f"{why or 'it has no AccessToken'}",
                hint="Only a job of Azure Pipelines has it; service connections work without it.",
            )
        collection = Collection.parse(settings.collection_uri, is_hosted=settings.is_hosted)
        return cls(collection, Credential(JOB_USER, token))


class FeedAddress(NamedTuple):
    """The parts of the URL of a feed's index.

    Args:
        scope: path segments before `_packaging`: the organisation's, perhaps a project's.
        feed: name or GUID, with `@view` where there is one.
    """

    scope: tuple[str, ...]
    feed: str

    @classmethod
    def of(cls, url: IndexUrl) -> "FeedAddress | None":
        """Read the URL of an index; None where it is not one of a feed, or leads elsewhere with dots."""
        match = _INDEX_PATH.fullmatch(url.path)
        if not match:
            return None
        scope = tuple(unquote(part) for part in (match["scope"] or "").split("/") if part)
        feed = unquote(match["feed"])
        if any(part in {".", ".."} or "/" in part or "\\" in part for part in (*scope, feed)):
            return None
        return cls(scope, feed)


def is_azure_devops(host: str) -> bool:
    """Whether a host is one of Azure DevOps Services, by its exact name or a dot-suffix."""
    return host == "dev.azure.com" or host.endswith((".dev.azure.com", ".visualstudio.com"))


def belongs_to(url: IndexUrl, collection: Collection) -> bool:
    """Whether the URL of an index is known to lie in a collection, without asking anybody."""
    home = collection.url
    if lies_under(url, home):
        return True
    name, host = collection.name, url.origin.host
    if not collection.is_hosted or not name:
        return False
    if is_azure_devops(home.origin.host):
        if url.origin.scheme != "https" or url.origin.port != 443:
            return False
        own_path = url.path.casefold().startswith(f"/{name}/")
        return (host == "pkgs.dev.azure.com" and own_path) or host == f"{name}.pkgs.visualstudio.com"
    # An emulated organisation has its services side by side under one origin.
    address = FeedAddress.of(url)
    return (
        url.origin == home.origin
        and address is not None
        and name in [segment.casefold() for segment in address.scope[-2:]]
    )


def lies_under(url: IndexUrl, base: IndexUrl) -> bool:
    """Whether a URL is below another, compared by whole path segments."""
    above = with_slash(base.path).casefold()
    return url.origin == base.origin and with_slash(url.path).casefold().startswith(above)


def with_slash(url: str) -> str:
    """An address that paths can be appended to."""
    return url if url.endswith("/") else url + "/"


def encode_segment(text: str) -> str:
    """Encode one path segment the way the service's own clients do (encodeURIComponent)."""
    return quote(text, safe="!'()*~")


def resource_area(
    base: IndexUrl, area: str, transport: Transport, authorization: Secret | None, whose: str
) -> str:
    """Ask the location service where an area's service is.

    Args:
        base: the organisation's address.
        area: GUID of the resource area.
        transport: sends the request.
        authorization: for the origin of `base`; the service answers without one, too.
        whose: names the credential in messages.

    Returns:
        The service's address, with a slash at its end.

    Raises:
        ServiceError: nobody knows the area, or its address is not safe.
    """
    response = transport.request(
        "GET",
        f"{with_slash(str(base))}_apis/ResourceAreas/{area}",
        # The resource was never released, so that only a preview version of it can be asked for.
        accept="application/json;api-version=7.2-preview.1",
        authorization=authorization,
    )
    answer = read_json(response, "location service", whose)
    location = answer.get("locationUrl") if isinstance(answer, dict) else None
    host = host_of(response)
    if not location or not isinstance(location, str):
        raise ServiceError(
            "feed-service-unknown",
            f"{host} knows no feed service for Python packages (status {response.status})",
            hint="Check that Azure Artifacts is enabled for the organisation.",
        )
    try:
        service, _ = IndexUrl.parse(location)
    except InputError as error:
        raise ServiceError(
            "feed-service-unusable", f"The feed service's address, told by {host}, {error.what}"
        ) from None
    if service.origin.is_exposed:
        raise ServiceError(
            "insecure-service",
            f"{host} names a feed service without encryption: {service}",
            hint="The token is not sent there. Check the address of the organisation.",
        )
    return with_slash(str(service))


def read_json(response: Response, who: str, whose: str) -> Any:  # noqa: ANN401 - JSON is any of its types
    """The JSON of an answer, or None where a 404 says that there is nothing.

    Args:
        response: any answer.
        who: names the service in messages.
        whose: names the credential in messages: `the job's token`.

    Raises:
        ServiceError: the credential was refused, the service is in trouble, or the body is no JSON.
    """
    host, status, said = host_of(response), response.status, message_of(response)
    kind = response.headers.get("content-type", "").lower()
    if is_sign_in_page(response) or (status < 400 and "html" in kind):
        raise ServiceError(
            "sign-in-page",
            f"{host} answered with a sign-in page instead of JSON (status {status}): "
            f"it did not accept {whose}",
            hint="Check that it is still valid, and that no proxy answers in the service's place.",
        )
    if status == 401:
        raise ServiceError(
            "token-rejected",
            f"{host} did not accept {whose} (status 401)",
            context=said,
            hint="It opens only its own organisation, while the job runs: check the organisation's address."
            if whose == JOB_TOKEN
            else "Check that it has not expired or been revoked, and that it is of this organisation.",
        )
    if status == 403:
        raise ServiceError(
            "token-refused",
            f"{host} accepts {whose} but does not let it ask this (status 403)",
            context=said,
            hint="Grant its identity access to Azure Artifacts.",
            link=PERMISSIONS_HELP,
        )
    if status == 429 or (status == 503 and "retry-after" in response.headers):
        asked = shortened(response.headers.get("retry-after", "not given"), 40)
        raise ServiceError(
            "throttled",
            f"{host} is limiting requests (status {status})",
            context=said or f"Retry-After {asked}",
            hint="Run the job again later; fewer jobs at once lower the load.",
        )
    if status == 404:
        return None
    if status >= 400:
        raise ServiceError(
            "service-error",
            f"{host} could not answer (status {status})",
            context=said,
            hint="Run the job again later; the status page of Azure DevOps tells its state.",
        )
    if status >= 300:
        raise ServiceError(
            "not-an-answer",
            f"{host} answered with a redirect (status {status}) that leads nowhere",
            hint="Check the organisation's address.",
        )
    try:
        return json.loads(response.body.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        raise ServiceError(
            "not-json",
            f"The {who} at {host} did not answer with JSON (status {status})",
            hint="Check that no proxy answers in the service's place.",
        ) from None


def is_sign_in_page(response: Response) -> bool:
    """Whether an answer means "not authenticated" although its status says something else."""
    return response.status in {203, 302} or "_signin" in response.headers.get("location", "")


def message_of(response: Response) -> str:
    """What an error answer says about itself, shortened: its JSON message, else its reason phrase."""
    try:
        message = json.loads(response.body.decode("utf-8-sig"))["message"]
    except (ValueError, RecursionError, TypeError, KeyError, IndexError):
        message = None
    text = message if isinstance(message, str) and message else response.reason
    return f"it says: {shortened(text)}" if text else ""


def shortened(text: str, limit: int = 300) -> str:
    """Cut a text between words: half a secret would not be recognised as one."""
    return text if len(text) <= limit else f"{text[:limit].rpartition(' ')[0]} ..."


def host_of(response: Response) -> str:
    """The host that answered."""
    return origin_of(response.url).host
