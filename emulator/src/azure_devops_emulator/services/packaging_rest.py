"""The feeds host: what feeds there are, who may do what in them, and what they hold (REST)."""

from dataclasses import dataclass
from itertools import groupby
from typing import Any

from aiohttp import web

from azure_devops_emulator.description.model import Feed, Role, Upstream, View
from azure_devops_emulator.description.reading import stable_id
from azure_devops_emulator.services.feeds import Place, Shelves, find_feed, find_project
from azure_devops_emulator.services.identities import may_see, role_in
from azure_devops_emulator.services.location import FEEDS, check_version
from azure_devops_emulator.services.packages import newest_first
from azure_devops_emulator.services.wire import Call, Refusal, json_answer


@dataclass(frozen=True)
class FeedsHost:
    """Answers the REST calls about feeds.

    Args:
        shelves: what the feeds hold.
    """

    shelves: Shelves

    async def feed_ids(self, call: Call) -> web.Response:
        """Names and projects of the feeds that the caller may read, as a feed picker shows them."""
        version = check_version(call, FEEDS) if _names_version(call) else ""
        call.demand_identity()
        rows = [
            {
                "id": feed.id,
                "name": feed.name,
                "projectId": feed.project.id if feed.project else None,
                "projectName": feed.project.name if feed.project else None,
            }
            for feed in _visible(call, "", Role.READER)
        ]
        return json_answer(call, {"count": len(rows), "value": rows}, version=version)

    async def feeds(self, call: Call) -> web.Response:
        """The feeds in which the caller has a role: at least Reader, or that of `feedRole`."""
        version = check_version(call, FEEDS)
        call.demand_identity()
        asked = call.request.query.get("feedRole", "reader").upper()
        if asked not in Role.__members__:
            message = f"The value '{asked.lower()}' is not valid for the parameter 'feedRole'."
            raise Refusal(400, message, "VssPropertyValidationException")
        least = max(Role[asked], Role.READER)
        rows = [_feed_data(call, feed) for feed in _visible(call, call.parts.get("project") or "", least)]
        return json_answer(call, {"count": len(rows), "value": rows}, version=version)

    async def feed(self, call: Call) -> web.Response:
        """A feed, or a view of it."""
        version = check_version(call, FEEDS)
        place = _readable(call)
        return json_answer(call, _feed_data(call, place.feed, place.view), version=version)

    async def permissions(self, call: Call) -> web.Response:
        """Who has which role in a feed."""
        version = check_version(call, FEEDS)
        place = _readable(call)
        if not call.behaviour.readers_read_permissions:
            place.demand(Role.ADMINISTRATOR, "AdministerFeed", call)
        include_ids = call.request.query.get("includeIds", "").lower() == "true"
        wanted = call.request.query.get("identityDescriptor", "")
        rows = []
        for identity in call.organization.identities:
            role = place.feed.role_of(identity)
            if role and wanted in {"", identity.descriptor}:
                row: dict[str, Any] = {
                    "role": role.name.lower(),
                    "identityDescriptor": identity.descriptor,
                    "displayName": identity.name,
                    "isInheritedRole": False,
                }
                if include_ids:
                    row["identityId"] = identity.id
                rows.append(row)
        return json_answer(call, {"count": len(rows), "value": rows}, version=version)

    async def views(self, call: Call) -> web.Response:
        """The views of a feed."""
        version = check_version(call, FEEDS)
        place = _readable(call)
        rows = [_view_data(call, place.feed, view) for view in place.feed.views]
        return json_answer(call, {"count": len(rows), "value": rows}, version=version)

    async def packages(self, call: Call) -> web.Response:
        """What a feed or view has stored: names, with all versions or the newest one."""
        version = check_version(call, FEEDS)
        place = _readable(call)
        query = call.request.query
        if query.get("protocolType", "pypi").lower() != "pypi":
            return json_answer(call, {"count": 0, "value": []}, version=version)
        part = query.get("packageNameQuery", "").lower()
        all_versions = query.get("includeAllVersions", "").lower() == "true"
        kept = self.shelves.kept(place.feed, place.view)
        upstreams = {(offer.distribution.key, offer.distribution.version): offer.upstream for offer in kept}
        stored = sorted((offer.distribution for offer in kept), key=lambda d: d.key)
        rows = []
        for key, group in groupby(stored, key=lambda d: d.key):
            found = newest_first(group)
            if part not in key and part not in found[0].name.lower():
                continue
            versions = list(dict.fromkeys(distribution.version for distribution in found))
            rows.append(
                {
                    "name": found[0].name,
                    "normalizedName": key,
                    "protocolType": "PyPI",
                    "versions": [
                        {
                            "version": str(entry),
                            "normalizedVersion": str(entry),
                            "isLatest": not number,
                            **_saved(place.feed, upstreams[key, entry]),
                        }
                        for number, entry in enumerate(versions if all_versions else versions[:1])
                    ],
                }
            )
        return json_answer(call, {"count": len(rows), "value": rows}, version=version)


def _saved(feed: Feed, upstream: Upstream | None) -> dict[str, str]:
    """What a version says of the upstream source that it was saved from; nothing of one published here."""
    return {"directUpstreamSourceId": _upstream_id(feed, upstream)} if upstream else {}


def _upstream_id(feed: Feed, upstream: Upstream) -> str:
    return stable_id(feed.id, upstream.name)


def _names_version(call: Call) -> bool:
    """Whether a request names an api-version at all: feed pickers do not."""
    return "api-version" in call.request.query or "api-version" in call.request.headers.get("Accept", "")


def _readable(call: Call) -> Place:
    call.demand_identity()
    place = find_feed(call, call.parts.get("project") or "", call.parts["feed"])
    place.demand(Role.READER, "ReadPackages", call)
    return place


def _visible(call: Call, project: str, least: Role) -> list[Feed]:
    caller = call.known_caller
    within = find_project(call, project) if project else None
    return [
        feed
        for feed in call.organization.feeds
        if role_in(caller, feed) >= least
        and (feed.project is None or may_see(call.organization, caller, feed.project))
        and within in {None, feed.project}
    ]


def _url(call: Call, feed: Feed) -> str:
    project = f"{feed.project.id}/" if feed.project else ""
    return f"{call.sibling('feeds')}{project}_apis/Packaging/Feeds/{feed.id}"


def _feed_data(call: Call, feed: Feed, view: View | None = None) -> dict[str, object]:
    url = _url(call, feed)
    suffix = ("@" + view.id, "@" + view.name) if view else ("", "")
    data: dict[str, object] = {
        "id": feed.id,
        "name": feed.name,
        "fullyQualifiedId": feed.id + suffix[0],
        "fullyQualifiedName": feed.name + suffix[1],
        "view": _view_data(call, feed, view) if view else None,
        "viewId": view.id if view else None,
        "viewName": view.name if view else None,
        "defaultViewId": feed.views[0].id,
        "capabilities": "defaultCapabilities",
        "isReadOnly": view is not None,
        "upstreamEnabled": bool(feed.upstreams),
        "upstreamSources": [
            {
                "id": _upstream_id(feed, upstream),
                "name": upstream.name,
                "protocol": "pypi",
                "location": upstream.name,
                "displayLocation": upstream.name,
                "upstreamSourceType": "internal" if upstream.feed else "public",
                "status": "ok",
            }
            for upstream in feed.upstreams
        ],
        "permissions": None,
        "hideDeletedPackageVersions": True,
        "badgesEnabled": False,
        "url": url,
        "_links": {"self": {"href": url}, "permissions": {"href": f"{url}/Permissions"}},
    }
    if feed.project:
        visibility = "public" if feed.project.public else "private"
        data["project"] = {"id": feed.project.id, "name": feed.project.name, "visibility": visibility}
    return data


def _view_data(call: Call, feed: Feed, view: View) -> dict[str, object]:
    url = f"{_url(call, feed)}/views/{view.id}"
    return {
        "id": view.id,
        "name": view.name,
        "type": "implicit" if view.name == "Local" else "release",
        "visibility": "collection" if view.open_to_organization else "private",
        "url": url,
        "_links": {"self": {"href": url}},
    }
