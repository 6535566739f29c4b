"""Feeds of the organisation that the job runs in, opened with the job's own token.

The address of a feed comes from the location service: the resource area tells the feed service's
address, and that service's route table the path of a feed's index (Microsoft Learn, "Work with URLs
in extensions and integrations"; the azure-devops-node-api client asks the same). A server on
premises is its own feed service, so that only its route table is asked for.
"""

import json
import re
from typing import Any, NamedTuple
from urllib.parse import quote, unquote

from pip_authenticate.errors import Faults, InputError, PipAuthenticateError, ServiceError
from pip_authenticate.index import AuthenticatedIndex, Credential, IndexUrl
from pip_authenticate.secret import Secret
from pip_authenticate.settings import SYSTEM_CONNECTION, Endpoint
from pip_authenticate.transport import Response, Transport, origin_of

PYPI_AREA = "92F0314B-06C5-46E0-ABE7-15FD9D13276A"
"""Resource area of the Python protocol."""
SIMPLE_ROUTE = "93377a2c-f5fb-48b9-a8dc-7781441cabf1"
"""Location id of a feed's simple repository API."""
JOB_USER = "build"
"""The user name that goes with the job's token; any would do."""
FEEDS_HELP = "https://learn.microsoft.com/azure/devops/artifacts/feeds/feed-permissions"

_FORBIDDEN_IN_FEEDS = set('@~;{}\\+=<>|/?:&$*"#[],')
_FORBIDDEN_IN_PROJECTS = set('\\/:*?"<>|;#${},+=[]')
_LONGEST_NAME = 64
_INDEX_PATH = re.compile(r"(?P<scope>/.*)?/_packaging/(?P<feed>[^/]+)/pypi/simple/?", re.IGNORECASE)
_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")


class Feed(NamedTuple):
    """A feed as named in the input.

    Args:
        name: the feed's name or GUID, with `@view` where one was given.
        project: name or GUID of the project it belongs to, or empty for the organisation's own.
    """

    name: str
    project: str = ""

    def __str__(self) -> str:
        return f"{self.project}/{self.name}" if self.project else self.name


class Collection(NamedTuple):
    """The organisation, or the project collection of a server on premises, that the job runs in.

    Args:
        uri: its address.
        is_hosted: whether it is Azure DevOps Services.
    """

    uri: str
    is_hosted: bool


def indexes(
    entries: tuple[str, ...], collection: Collection, job: Endpoint, transport: Transport
) -> list[AuthenticatedIndex]:
    """Find the index of every feed; two requests for any number, none where all are full URLs.

    Args:
        entries: what the input lists: feeds, or URLs of indexes.
        collection: where the job runs.
        job: the system connection, which holds the job's token.
        transport: sends the requests.

    Raises:
        Faults: entries, or facts about the job, that cannot be used.
        ServiceError: the location service did not answer, or not as documented.
    """
    if not entries:
        return []
    wanted = _read_entries(entries)
    locator = _Locator(collection, Credential(JOB_USER, _job_token(job)), transport)
    found = []
    for entry, feed in zip(entries, wanted, strict=True):
        url = locator.check(feed, entry) if isinstance(feed, IndexUrl) else locator.index_of(feed)
        found.append(AuthenticatedIndex(url, locator.credential, f"feed {entry}"))
    return found


def _job_token(job: Endpoint) -> Secret:
    """The token of the system connection."""
    token = job.parameters.get("accesstoken")
    if job.fault or job.scheme.lower() != "oauth" or not token:
        why = job.fault or (
            "its scheme is not OAuth" if job.scheme.lower() != "oauth" else "it has no AccessToken"
        )
        raise InputError(
            "job-token-missing",
            f"The job's own token cannot be read from the connection {SYSTEM_CONNECTION}: {why}",
            hint="Feeds need a job of Azure Pipelines; service connections work without its token.",
        )
    return token


def _read_entries(entries: tuple[str, ...]) -> list[Feed | IndexUrl]:
    """Read all entries, and name all that break a rule at once."""
    wanted, faults = list[Feed | IndexUrl](), list[PipAuthenticateError]()
    for entry in entries:
        try:
            wanted.append(_index_url(entry) if "://" in entry else parse_feed(entry))
        except InputError as error:
            faults.append(error)
    if faults:
        raise Faults(faults)
    return wanted


def parse_feed(entry: str) -> Feed:
    """Read `feed`, `project/feed`, either with `@view`.

    Raises:
        InputError: the entry breaks a rule of the service for names (Microsoft Learn, "Naming
            restrictions and conventions").
    """
    project, slash, name = entry.partition("/")
    if not slash:
        project, name = "", entry
    if "/" in name:
        raise _bad_feed(entry, "it has more than one slash; write feed or project/feed")
    if slash and not project:
        raise _bad_feed(entry, "the project before the slash is missing")
    feed, at, view = name.partition("@")
    if slash:
        _check_name(entry, "project", project, _FORBIDDEN_IN_PROJECTS, "_", may_hold_blanks=True)
    _check_name(entry, "feed", feed, _FORBIDDEN_IN_FEEDS, "_.")
    if at:
        _check_name(entry, "view", view, _FORBIDDEN_IN_FEEDS, "_.")
    return Feed(name, project)


def _check_name(
    entry: str, kind: str, name: str, forbidden: set[str], not_first: str, *, may_hold_blanks: bool = False
) -> None:
    if not name:
        raise _bad_feed(entry, f"the {kind} has no name")
    if len(name) > _LONGEST_NAME:
        raise _bad_feed(entry, f"the {kind}'s name is longer than {_LONGEST_NAME} characters")
    for char in name:
        if not char.isprintable():
            raise _bad_feed(entry, f"the {kind}'s name holds a control character")
        if char in forbidden or (char.isspace() and not may_hold_blanks):
            shown = "a blank" if char.isspace() else char
            raise _bad_feed(entry, f"the {kind}'s name holds {shown}, which no {kind}'s name may")
    if name[0] in not_first:
        raise _bad_feed(entry, f"the {kind}'s name begins with {name[0]}, which no {kind}'s name may")
    if name[-1] == "." or name in {".", ".."}:
        raise _bad_feed(entry, f"the {kind}'s name ends with a dot, which no {kind}'s name may")


def _index_url(entry: str) -> IndexUrl:
    try:
        url, password = IndexUrl.parse(entry)
    except InputError as error:
        raise InputError(
            "feed-unusable", f"An entry of artifactFeeds looks like a URL but {error.what}"
        ) from None
    if password:
        raise InputError(
            "feed-unusable",
            f"An entry of artifactFeeds holds a password: {url}",
            hint="Remove it, the job's token takes its place; and revoke it, since it was written down.",
        )
    if not _INDEX_PATH.fullmatch(url.path):
        raise _bad_feed(str(url), "the path of a feed's index ends with /_packaging/FEED/pypi/simple/")
    return url


def _bad_feed(entry: str, rule: str) -> InputError:
    return InputError("feed-unusable", f"Entry '{entry}' of artifactFeeds cannot be used: {rule}")


class _Locator:
    """Asks the location service for what is needed, each fact once."""

    def __init__(self, collection: Collection, credential: Credential, transport: Transport) -> None:
        self.credential = credential
        self._transport = transport
        self._hosted = collection.is_hosted
        self._collection = _check_collection(collection)
        self._service = ""
        self._template = ""

    def index_of(self, feed: Feed) -> IndexUrl:
        """The index of a feed, whether it exists or not."""
        template = self._template = self._template or self._ask_template()
        url, _ = IndexUrl.parse(self._feed_service() + fill(template, feed))
        return url

    def check(self, url: IndexUrl, entry: str) -> IndexUrl:
        """Make sure that the job's token may go to a URL: it lies in the organisation of the job."""
        if self._is_of_organisation(url):
            return url
        if self._hosted and not _is_azure_devops(url.origin.host):
            service, _ = IndexUrl.parse(self._feed_service())
            if _lies_under(url, service):
                return url
        raise InputError(
            "foreign-organisation",
            f"Entry '{entry}' of artifactFeeds is not a feed of the job's organisation {self._collection}",
            hint="The job's token opens only that; use a service connection for any other.",
        )

    def _is_of_organisation(self, url: IndexUrl) -> bool:
        """Whether a URL is known to lie in the organisation, without asking anybody."""
        home = self._collection
        if _lies_under(url, home):
            return True
        name = _organisation(home)
        if not self._hosted or not name:
            return False
        host = url.origin.host
        if _is_azure_devops(home.origin.host):
            if url.origin.scheme != "https" or url.origin.port != 443:
                return False
            own_path = url.path.casefold().startswith(f"/{name}/")
            return (host == "pkgs.dev.azure.com" and own_path) or host == f"{name}.pkgs.visualstudio.com"
        return url.origin == home.origin and _scope_is(url, name)

    def _feed_service(self) -> str:
        """The feed service's address, with a slash at its end."""
        if not self._service:
            self._service = (
                _with_slash(self._ask_area()) if self._hosted else _with_slash(str(self._collection))
            )
        return self._service

    def _ask_area(self) -> str:
        url = f"{_with_slash(str(self._collection))}_apis/ResourceAreas/{PYPI_AREA}"
        response = self._transport.request(
            "GET",
            url,
            accept="application/json;api-version=7.2-preview.1",
            authorization=self.credential.authorization,
        )
        answer = read_json(response, "location service")
        location = answer.get("locationUrl") if isinstance(answer, dict) else None
        if response.status == 404 or not location or not isinstance(location, str):
            raise ServiceError(
                "feed-service-unknown",
                f"{_host(response)} knows no feed service for Python packages (status {response.status})",
                hint="Check that Azure Artifacts is enabled for the organisation.",
            )
        try:
            service, _ = IndexUrl.parse(location)
        except InputError as error:
            raise ServiceError(
                "feed-service-unusable",
                f"The feed service's address, told by {_host(response)}, {error.what}",
            ) from None
        if service.origin.scheme == "http" and not service.origin.is_loopback:
            raise ServiceError(
                "insecure-service",
                f"{_host(response)} names a feed service without encryption: {service}",
                hint="The job's token is not sent there. Check the address of the organisation.",
            )
        return str(service)

    def _ask_template(self) -> str:
        response = self._transport.request(
            "OPTIONS", f"{self._feed_service()}_apis/PyPi", authorization=self.credential.authorization
        )
        answer = read_json(response, "feed service")
        rows = answer.get("value") if isinstance(answer, dict) else None
        for row in rows if isinstance(rows, list) else ():
            if isinstance(row, dict) and str(row.get("id", "")).lower() == SIMPLE_ROUTE:
                template = row.get("routeTemplate")
                if isinstance(template, str) and "{feedid}" in template.lower():
                    return template
        raise ServiceError(
            "route-missing",
            f"{_host(response)} does not tell the route of a feed's index (status {response.status})",
            context=f"location id {SIMPLE_ROUTE}",
            hint="Check that Azure Artifacts is enabled, and on a server that it is 2019 or newer.",
        )


def fill(template: str, feed: Feed) -> str:
    """Fill a route template the way the service's own clients do.

    Placeholders without a value vanish with their slash; values are encoded as one path segment.

    Args:
        template: for example `{project}/_packaging/{feedId}/pypi/simple`.
        feed: gives the values.
    """
    values = {"project": feed.project, "feedid": feed.name, "area": "pypi", "resource": "simple"}

    def value(match: re.Match[str]) -> str:
        name = re.sub(r"[^a-z0-9]", "", match[1].lower())
        return quote(values.get(name, ""), safe="!'()*~")

    segments = (_PLACEHOLDER.sub(value, segment) for segment in template.split("/"))
    return "/".join(segment for segment in segments if segment)


def read_json(response: Response, who: str) -> Any:  # noqa: ANN401 - JSON is any of its types
    """The JSON of an answer, or None where a 404 says that there is nothing.

    Args:
        response: any answer.
        who: names the service in messages.

    Raises:
        ServiceError: the credential was refused, the service is in trouble, or the body is no JSON.
    """
    host, status = _host(response), response.status
    said = _said(response)
    kind = response.headers.get("content-type", "").lower()
    if status in {203, 302} or (status < 400 and "html" in kind):
        raise ServiceError(
            "sign-in-page",
            f"{host} answered with a sign-in page instead of JSON (status {status}): "
            "it did not accept the job's token",
            hint="Check that the job still runs, and that no proxy answers in the service's place.",
        )
    if status == 401:
        raise ServiceError(
            "job-token-rejected",
            f"{host} did not accept the job's token (status 401)",
            context=said,
            hint="The token belongs to this organisation and lives as long as the job: check that the job "
            "still runs and that its address is the organisation's own.",
        )
    if status == 403:
        raise ServiceError(
            "job-token-refused",
            f"{host} accepts the job's token but does not let this job ask (status 403)",
            context=said,
            hint="Grant the build service access to Azure Artifacts.",
            link=FEEDS_HELP,
        )
    if status == 429 or (status == 503 and "retry-after" in response.headers):
        raise ServiceError(
            "throttled",
            f"{host} is limiting requests (status {status})",
            context=said or f"Retry-After {response.headers.get('retry-after', 'not given')[:40]}",
            hint="Run the job again later; fewer parallel jobs lower the load.",
        )
    if status == 404:
        return None
    if status >= 400:
        raise ServiceError(
            "service-error",
            f"{host} could not answer (status {status})",
            context=said,
            hint="Run the job again later; the state of Azure DevOps is on its status page.",
        )
    try:
        return json.loads(response.body.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        raise ServiceError(
            "not-json",
            f"The {who} at {host} did not answer with JSON (status {status})",
            hint="Check that no proxy answers in the service's place.",
        ) from None


def _said(response: Response) -> str:
    """What an error answer says about itself: its JSON message, else its reason phrase."""
    try:
        body = json.loads(response.body.decode("utf-8-sig"))
        message = body["message"]
    except (ValueError, RecursionError, TypeError, KeyError):
        message = None
    text = message if isinstance(message, str) and message else response.reason
    return f"it says: {text[:300]}" if text else ""


def _check_collection(collection: Collection) -> IndexUrl:
    try:
        url, _ = IndexUrl.parse(collection.uri)
    except InputError as error:
        raise InputError(
            "no-collection",
            f"The organisation's address (System.TeamFoundationCollectionUri) {error.what}",
            hint="Feeds need a job of Azure Pipelines; service connections work without it.",
        ) from None
    if url.origin.scheme == "http" and collection.is_hosted and not url.origin.is_loopback:
        raise InputError(
            "insecure-organisation",
            f"The organisation's address {url} is not encrypted; the job's token is not sent there",
            hint="Azure DevOps Services is reached with https only.",
        )
    return url


def _host(response: Response) -> str:
    return origin_of(response.url).host


def _with_slash(url: str) -> str:
    return url if url.endswith("/") else url + "/"


def _is_azure_devops(host: str) -> bool:
    return host == "dev.azure.com" or host.endswith((".dev.azure.com", ".visualstudio.com"))


def _organisation(collection: IndexUrl) -> str:
    """The organisation's name as its address tells it, in lower case."""
    host, path = collection.origin.host, collection.path.strip("/")
    if host.endswith(".visualstudio.com"):
        return host.partition(".")[0]
    return path.rpartition("/")[2].casefold()


def _lies_under(url: IndexUrl, base: IndexUrl) -> bool:
    """Whether a URL is below another, compared by whole path segments."""
    return url.origin == base.origin and _with_slash(url.path).casefold().startswith(
        _with_slash(base.path).casefold()
    )


def _scope_is(url: IndexUrl, organisation: str) -> bool:
    """Whether the path before /_packaging/ is the organisation, or a project right below it."""
    match = _INDEX_PATH.fullmatch(url.path)
    scope = [unquote(part).casefold() for part in (match["scope"] or "").split("/")] if match else []
    return organisation in scope[-2:]
