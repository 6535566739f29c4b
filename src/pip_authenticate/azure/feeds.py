"""The feeds service of Azure DevOps: what a feed is called for good, and who may do what with it.

Microsoft Learn, REST reference "Azure Artifacts, Feed Management".
"""

import re
import threading
from collections.abc import Iterator
from typing import Any, NamedTuple

from pip_authenticate.azure import refusals, rest
from pip_authenticate.azure.addresses import Collection, Place, belongs_to, encode_segment, with_slash
from pip_authenticate.azure.feed_addresses import FeedAddress
from pip_authenticate.azure.forms import organization_of
from pip_authenticate.azure.job import JOB_TOKEN, Job
from pip_authenticate.errors import PipAuthenticateError, ServiceError
from pip_authenticate.index import AuthenticatedIndex, IndexUrl
from pip_authenticate.settings import Settings
from pip_authenticate.transport import Transport

UNKNOWN = "feed-service-unknown"
"""Slug of the error where nobody knows a feeds service: that is no Azure Artifacts."""
_VERSION = "api-version=7.1-preview.1"
_GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class Feed(NamedTuple):
    """A feed as the service describes it.

    Args:
        id: GUID.
        name: its name.
        project: name of its project, or empty for the organisation's own.
        project_id: GUID of its project, or empty.
        view_id: GUID of the view that was asked for, or empty.
        upstreams: GUIDs and names of its upstream sources.
    """

    id: str
    name: str
    project: str
    project_id: str
    view_id: str
    upstreams: tuple[tuple[str, str], ...] = ()

    def __str__(self) -> str:
        return f"{self.project}/{self.name}" if self.project else self.name

    def is_at(self, address: FeedAddress, rest: tuple[str, ...]) -> bool:
        """Whether an address means this feed.

        Args:
            address: of an index.
            rest: the address's scope after the organisation: a project's name or GUID, or nothing.
        """
        asked = address.feed.partition("@")[0].casefold()
        projects = {self.project.casefold(), self.project_id} if self.project_id else {""}
        return asked in {self.name.casefold(), self.id} and "".join(rest).casefold() in projects


class Organization(NamedTuple):
    """Where an index lives.

    Args:
        key: equal for indexes of one organisation at one origin.
        base: the organisation's part of the index's address.
        rest: what follows it: a project's name or GUID, or nothing.
        address: the parts of the index's address.
        is_own: whether it is the organisation that the job runs in.
    """

    key: object
    base: IndexUrl
    rest: tuple[str, ...]
    address: FeedAddress
    is_own: bool


class FeedsService:
    """Finds the feeds service of each index, and asks it.

    Args:
        settings: tell the organisation that the job runs in.
        transport: sends the requests.
    """

    def __init__(self, settings: Settings, transport: Transport) -> None:
        self._transport = transport
        self._lock = threading.Lock()
        self._addresses: dict[object, str | ServiceError] = {}
        try:
            self._job: Job | None = Job.of(settings)
        except PipAuthenticateError:  # a run with service connections only needs no job
            self._job = None
        self._home: Collection | None = self._job.collection if self._job else None
        if self._home is None and settings.organization:
            url = organization_of(settings.organization)
            self._home = Collection(url, is_hosted=Place.of(url) is not None)

    def organization(self, url: IndexUrl) -> Organization | None:
        """Where an index lives; None for one that is no feed's."""
        address = FeedAddress.of(url)
        if address is None:
            return None
        depth = self._depth(url)
        path = "/".join(encode_segment(part) for part in address.scope[:depth])
        base = IndexUrl(*url.origin, f"/{path}/" if path else "/")
        is_own = self._home is not None and belongs_to(url, self._home)
        return Organization((url.origin, base.path.lower()), base, address.scope[depth:], address, is_own)

    def _depth(self, url: IndexUrl) -> int:
        """How many segments of an index's path name the organisation."""
        known = Place.of(url)
        if known:
            return known.depth
        home = self._home
        address = FeedAddress.of(url)
        scope = [part.casefold() for part in address.scope] if address else []
        if home and belongs_to(url, home) and home.name in scope:
            return scope.index(home.name) + 1
        if home and url.origin == home.url.origin:
            return len([part for part in home.url.path.split("/") if part])
        return 1

    def feed(self, index: AuthenticatedIndex, place: Organization) -> Feed:
        """Ask for a feed by the name in its index's address, with the index's own credential.

        Raises:
            ServiceError: it does not exist, the credential may not see it, or nobody answered.
        """
        try:
            answer = self._ask(index, place, f"{_feed_path(place, place.address.feed)}?{_VERSION}")
        except ServiceError as error:
            if error.slug != "token-refused":
                raise
            raise ServiceError(
                "no-role",
                f"The credential of {index.source} has no role on the feed {place.address.feed} (status 403)",
                context=error.context,
                hint="Give its identity at least Reader: Artifacts, the feed, Feed settings, Permissions.",
                link=refusals.PERMISSIONS_HELP,
            ) from None
        feed = _feed(answer)
        if feed is None:
            raise ServiceError(
                "feed-unknown",
                f"The feeds service does not know the feed of {index.source}",
                context=str(index.url),
                hint="Check its name, and whether it belongs to a project: project/feed.",
            )
        return feed

    def feeds(self, index: AuthenticatedIndex, place: Organization, role: str = "") -> list[Feed]:
        """The feeds that the index's identity can see, or on which it has a role.

        Args:
            index: whose credential is used.
            place: its organisation.
            role: administrator, contributor, collaborator or reader; empty for all that are visible.

        Raises:
            ServiceError: the credential may not ask, or nobody answered.
        """
        wanted = f"feedRole={role}&" if role else ""
        answer = self._ask(index, place, f"_apis/packaging/feeds?{wanted}{_VERSION}")
        return [feed for feed in map(_feed, _rows(answer, "value")) if feed]

    def versions(
        self, index: AuthenticatedIndex, place: Organization, feed: Feed, package: str
    ) -> Iterator[tuple[str, str]]:
        """The versions of a package that a feed has itself, each with the GUID of its upstream source.

        It is empty where somebody has published the version to the feed. (Microsoft Learn, REST reference
        "Azure Artifacts, Artifact Details, Get Packages": directUpstreamSourceId.)

        Args:
            index: whose credential is used.
            place: its organisation.
            feed: the index's.
            package: its normalised name.

        Raises:
            ServiceError: the credential may not ask, or nobody answered.
        """
        wanted = f"protocolType=pypi&packageNameQuery={encode_segment(package)}&includeAllVersions=true"
        answer = self._ask(index, place, f"{_feed_path(place, feed.id)}/packages?{wanted}&{_VERSION}")
        for row in _rows(answer, "value"):  # the query is for a part of a name
            if row.get("normalizedName") == package:
                for one in _rows(row, "versions"):
                    yield str(one.get("version", "")), _guid(one.get("directUpstreamSourceId"))

    def identity(self, index: AuthenticatedIndex, place: Organization) -> str:
        """Who the index's credential belongs to: display name and id.

        Raises:
            ServiceError: nobody answered.
        """
        response = self._transport.request(
            "GET",
            f"{place.base}_apis/connectionData?connectOptions=1&api-version=5.0-preview.1",
            authorization=index.credential.authorization,
        )
        answer = rest.read_json(response, "location service", f"the credential of {index.source}")
        user = answer.get("authenticatedUser") if isinstance(answer, dict) else None
        if not isinstance(user, dict):
            return ""
        names = (user.get("customDisplayName"), user.get("providerDisplayName"))
        name = next((text for text in names if isinstance(text, str) and text), "")
        return f"{name} ({user.get('id', 'id unknown')})" if name else ""

    def _ask(self, index: AuthenticatedIndex, place: Organization, path: str) -> Any:  # noqa: ANN401 - JSON
        url = self._address(place) + path
        response = self._transport.request("GET", url, authorization=index.credential.authorization)
        return rest.read_json(response, "feeds service", f"the credential of {index.source}")

    def _address(self, place: Organization) -> str:
        """The feeds service of an organisation: known by rule on Azure DevOps, else asked for once."""
        with self._lock:
            if place.key not in self._addresses:
                try:
                    self._addresses[place.key] = self._find(place)
                except ServiceError as error:
                    self._addresses[place.key] = error
            found = self._addresses[place.key]
        if isinstance(found, ServiceError):
            raise found
        return found

    def _find(self, place: Organization) -> str:
        known = Place.of(place.base)
        if known:
            return f"https://feeds.dev.azure.com/{encode_segment(known.organization)}/"
        if self._home and not self._home.is_hosted:
            return str(place.base)
        if self._job and place.is_own:
            return rest.resource_area(
                self._job.collection,
                rest.PACKAGING_AREA,
                "feeds service",
                self._transport,
                self._job.credential.authorization,
                JOB_TOKEN,
            )
        # The location service answers anybody; only the origin of the index is given its credential.
        try:
            return self._ask_anonymously(place, rest.PACKAGING_AREA, "feeds service")
        except ServiceError as error:
            if error.slug == "foreign-service":
                raise
            raise ServiceError(
                UNKNOWN,
                f"{place.base.origin.host} does not answer like Azure DevOps: {error.what}",
                hint=error.hint,
            ) from None

    def base_of(self, place: Organization) -> IndexUrl:
        """The organisation's part of an index's address in the spelling that its links have.

        A name in an address is found in upper and lower case alike, while links carry it in the
        organisation's own spelling.
        """
        if not [part for part in place.base.path.split("/") if part]:
            return place.base
        if self._home and place.is_own and not self._home.is_hosted:
            told = self._home.url
        else:
            try:
                told, _ = IndexUrl.parse(self._ask_anonymously(place, rest.PYPI_AREA, "feed service"))
            except PipAuthenticateError:
                return place.base
        base = IndexUrl(*told.origin, with_slash(told.path))
        same = base.origin == place.base.origin and Collection(place.base, is_hosted=True).is_same(base)
        return base if same else place.base

    def _ask_anonymously(self, place: Organization, area: str, kind: str) -> str:
        asked = Collection(place.base, is_hosted=True)
        return rest.resource_area(asked, area, kind, self._transport, None, "a request without credential")


def _feed(row: object) -> Feed | None:
    """A feed from the service's JSON; None where it is none."""
    if not isinstance(row, dict):
        return None
    project = row.get("project")
    project = project if isinstance(project, dict) else {}
    view = row.get("view")
    view = view if isinstance(view, dict) else {}
    guid, name = _guid(row.get("id")), row.get("name")
    if not guid or not isinstance(name, str):
        return None
    view_id = _guid(view.get("id")) or _guid(row.get("viewId"))
    upstreams = tuple((_guid(one.get("id")), str(one.get("name"))) for one in _rows(row, "upstreamSources"))
    return Feed(
        guid,
        name.partition("@")[0],
        str(project.get("name", "")),
        _guid(project.get("id")),
        view_id,
        upstreams,
    )


def _feed_path(place: Organization, feed: str) -> str:
    """Where the feeds service of an organisation has a feed, by name or GUID."""
    project = "".join(f"{encode_segment(part)}/" for part in place.rest)
    return f"{project}_apis/packaging/feeds/{encode_segment(feed)}"


def _rows(answer: object, name: str) -> list[dict[str, Any]]:
    """The objects of a list in the service's JSON; none where there is no such list."""
    rows = answer.get(name) if isinstance(answer, dict) else None
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []


def _guid(value: object) -> str:
    text = value.lower() if isinstance(value, str) else ""
    return text if _GUID.fullmatch(text) else ""
