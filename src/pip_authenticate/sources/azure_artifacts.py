"""Feeds of the organisation that the job runs in, opened with the job's own token.

The address of a feed comes from the location service: the resource area tells the feed service's
address, and that service's route table the path of a feed's index (Microsoft Learn, "Work with URLs
in extensions and integrations"; the azure-devops-node-api client asks the same). A server on
premises is its own feed service, so that only its route table is asked for.
"""

import re
from typing import NamedTuple
from urllib.parse import unquote

from pip_authenticate.azure import rest
from pip_authenticate.azure.addresses import (
    FeedAddress,
    belongs_to,
    encode_segment,
    index_meant,
    is_azure_devops,
    lies_under,
    with_slash,
)
from pip_authenticate.azure.job import JOB_TOKEN, Job
from pip_authenticate.errors import Faults, InputError, PipAuthenticateError, ServiceError
from pip_authenticate.index import AuthenticatedIndex, IndexUrl
from pip_authenticate.origin import origin_of
from pip_authenticate.secret import Learned
from pip_authenticate.settings import Settings
from pip_authenticate.transport import Transport

SIMPLE_ROUTE = "93377a2c-f5fb-48b9-a8dc-7781441cabf1"
"""Location id of a feed's simple repository API."""

TEMPLATE_CHARACTERS = 512
"""Longest route template; the real one has some dozens of characters."""
_FORBIDDEN_IN_FEEDS = set('@~;{}\\+=<>|/?:&$*"#[],')
_FORBIDDEN_IN_PROJECTS = set('\\/:*?"<>|;#${},+=[]')
_LONGEST_NAME = 64
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


def indexes(settings: Settings, transport: Transport, learned: Learned) -> list[AuthenticatedIndex]:  # noqa: ARG001 - learns no secret
    """Find the index of every feed; two requests for any number, none where all are full URLs.

    Args:
        settings: the input's entries, and what the agent tells of the job.
        transport: sends the requests.
        learned: not used.

    Raises:
        Faults: entries that cannot be used.
        InputError: the agent does not tell what a job of Azure Pipelines is told.
        ServiceError: the location service did not answer, or not as documented.
    """
    if not settings.artifact_feeds:
        return []
    job = Job.of(settings)
    wanted = _read_entries(settings.artifact_feeds)
    locator = _Locator(job, transport)
    found = []
    for feed in wanted:
        transport.deadline.check()
        url = locator.check(feed) if isinstance(feed, IndexUrl) else locator.index_of(feed)
        found.append(AuthenticatedIndex(url, job.credential, f"feed {feed}"))
    return found


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
    """Read `feed`, `project/feed`, either with `@view`; as in a URL, or with slashes around it.

    No name holds a percent sign or begins or ends with a slash, so what looks like that means the same
    without.

    Raises:
        InputError: the entry breaks a rule of the service for names (Microsoft Learn, "Naming
            restrictions and conventions").
    """
    written = unquote(entry).strip("/").strip()
    project, slash, name = written.partition("/")
    if not slash:
        project, name = "", written
    if "/" in name:
        raise _bad_feed(entry, "it has more than one slash; write feed or project/feed")
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
    meant = index_meant(url)
    if meant:
        raise _bad_feed(str(url), f"that is no index for pip; {meant} is meant")
    if not FeedAddress.of(url):
        raise _bad_feed(str(url), "the path of a feed's index ends with /_packaging/FEED/pypi/simple/")
    return url


def _bad_feed(entry: str, rule: str) -> InputError:
    before, at, after = entry.rpartition("@")
    torn = at and (":" in before or "/" in after)  # a URL with a password, cut by a comma or misspelt
    shown = f"***@{after}" if torn else entry
    return InputError(
        "feed-unusable",
        f"Entry '{shown}' of artifactFeeds cannot be used: {rule}",
        hint="Entries are feed or project/feed, separated by commas.",
    )


class _Locator:
    """Asks the location service for what is needed, each fact once."""

    def __init__(self, job: Job, transport: Transport) -> None:
        self._collection = job.collection
        self._authorization = job.credential.authorization
        self._transport = transport
        self._service = ""
        self._template = ""

    def index_of(self, feed: Feed) -> IndexUrl:
        """The index of a feed, whether it exists or not."""
        self._template = self._template or self._ask_template()
        service = self._feed_service()
        if feed.project and not _names_project(self._template):
            raise ServiceError(
                "route-unusable",
                f"The route told by {origin_of(service).host} has no place for the project of feed {feed}",
                hint="Check that no proxy answers in the service's place.",
            )
        try:
            url, _ = IndexUrl.parse(service + fill(self._template, feed))
        except InputError as error:
            raise ServiceError(
                "route-unusable",
                f"The route told by {origin_of(service).host} gives feed {feed} an address that {error.what}",
                hint="Check that no proxy answers in the service's place.",
            ) from None
        if {".", ".."} & set(unquote(url.path).split("/")):
            raise ServiceError(
                "route-unusable",
                f"The route told by {origin_of(service).host} leads elsewhere with dots",
                hint="Check that no proxy answers in the service's place.",
            )
        return url

    def check(self, url: IndexUrl) -> IndexUrl:
        """Make sure that the job's token may go to a URL: it lies in the organisation of the job."""
        home = self._collection
        if belongs_to(url, home):
            return url
        if home.is_hosted and not is_azure_devops(home.url.origin.host):
            service, _ = IndexUrl.parse(self._feed_service())
            if lies_under(url, service):
                return url
        raise InputError(
            "foreign-organisation",
            f"{url} in artifactFeeds is not a feed of the job's organisation {home.url}",
            hint="The job's token opens only that; use a service connection for any other.",
        )

    def _feed_service(self) -> str:
        """The feed service's address, with a slash at its end."""
        home = self._collection
        if not self._service and home.is_hosted:
            self._service = rest.resource_area(
                home, rest.PYPI_AREA, "feed service", self._transport, self._authorization, JOB_TOKEN
            )
        return self._service or with_slash(str(home.url))

    def _ask_template(self) -> str:
        response = self._transport.request(
            "OPTIONS", f"{self._feed_service()}_apis/PyPi", authorization=self._authorization
        )
        answer = rest.read_json(response, "feed service", JOB_TOKEN)
        rows = answer.get("value") if isinstance(answer, dict) else None
        for row in rows if isinstance(rows, list) else ():
            if isinstance(row, dict) and str(row.get("id", "")).lower() == SIMPLE_ROUTE:
                template = row.get("routeTemplate")
                if not isinstance(template, str) or len(template) > TEMPLATE_CHARACTERS:
                    continue
                if "{feedid}" in template.lower():
                    return template
        raise ServiceError(
            "route-missing",
            f"{rest.host_of(response)} does not tell the route of a feed's index (status {response.status})",
            context=f"location id {SIMPLE_ROUTE}",
            hint="Check that Azure Artifacts is enabled, and on a server that it is 2019 or newer.",
        )


def _names_project(template: str) -> bool:
    return "project" in (_plain(match[1]) for match in _PLACEHOLDER.finditer(template))


def _plain(placeholder: str) -> str:
    """A placeholder's name without the marks of catch-all and optional ones."""
    return re.sub(r"[^a-z0-9]", "", placeholder.lower())


def fill(template: str, feed: Feed) -> str:
    """Fill a route template the way the service's own clients do.

    Placeholders without a value vanish with their slash; values are encoded as one path segment.

    Args:
        template: for example `{project}/_packaging/{feedId}/pypi/simple`.
        feed: gives the values.
    """
    values = {"project": feed.project, "feedid": feed.name, "area": "pypi", "resource": "simple"}

    def value(match: re.Match[str]) -> str:
        return encode_segment(values.get(_plain(match[1]), ""))

    segments = (_PLACEHOLDER.sub(value, segment) for segment in template.split("/"))
    return "/".join(segment for segment in segments if segment)
