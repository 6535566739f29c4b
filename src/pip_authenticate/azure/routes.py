"""Where the index of a feed is: what the location service tells.

The resource area tells the feed service's address, and that service's route table the path of a feed's
index (Microsoft Learn, "Work with URLs in extensions and integrations"; the azure-devops-node-api client
asks the same). A server on premises is its own feed service, so that only its route table is asked for.
"""

import re
from urllib.parse import unquote

from pip_authenticate.azure import rest
from pip_authenticate.azure.addresses import (
    belongs_to,
    encode_segment,
    is_azure_devops,
    lies_under,
    with_slash,
)
from pip_authenticate.azure.feed_names import Feed
from pip_authenticate.azure.job import JOB_TOKEN, Job
from pip_authenticate.errors import InputError, ServiceError
from pip_authenticate.index import IndexUrl
from pip_authenticate.origin import origin_of
from pip_authenticate.transport import Transport

SIMPLE_ROUTE = "93377a2c-f5fb-48b9-a8dc-7781441cabf1"
"""Location id of a feed's simple repository API."""

TEMPLATE_CHARACTERS = 512
"""Longest route template; the real one has some dozens of characters."""
_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")


class Routes:
    """Asks the location service for what is needed, each fact once.

    Args:
        job: its organisation is asked, with its own token.
        transport: sends the requests.
    """

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
            raise _unusable(service, f"has no place for the project of feed {feed}")
        try:
            url, _ = IndexUrl.parse(service + fill(self._template, feed))
        except InputError as error:
            raise _unusable(service, f"gives feed {feed} an address that {error.what}") from None
        if {".", ".."} & set(unquote(url.path).split("/")):
            raise _unusable(service, "leads elsewhere with dots")
        return url

    def serves(self, url: IndexUrl) -> bool:
        """Whether a URL lies in the organisation of the job, so that its token may go there."""
        home = self._collection
        if belongs_to(url, home):
            return True
        if not home.is_hosted or is_azure_devops(home.url.origin.host):
            return False
        return lies_under(url, IndexUrl.parse(self._feed_service())[0])

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


def _unusable(service: str, why: str) -> ServiceError:
    return ServiceError(
        "route-unusable",
        f"The route told by {origin_of(service).host} {why}",
        hint="Check that no proxy answers in the service's place.",
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
