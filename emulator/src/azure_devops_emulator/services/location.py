"""The location service: which area lives at which address, and which route a resource has."""

import re
from dataclasses import dataclass

from aiohttp import web

from azure_devops_emulator.description.model import Identity
from azure_devops_emulator.description.reading import stable_id
from azure_devops_emulator.services.identities import ANONYMOUS_ID
from azure_devops_emulator.services.wire import (
    WEB_NAMESPACE,
    Call,
    Refusal,
    anonymous_refusal,
    json_answer,
)

LATEST = "7.2"
_VERSION = re.compile(r"(\d+\.\d+)(-preview(?:\.(\d+))?)?")


@dataclass(frozen=True)
class Resource:
    """A row of the location service.

    Args:
        id: GUID of the resource.
        area: its area.
        name: its name.
        route: route template.
        minimum: oldest supported api-version.
        released: newest released api-version; `0.0` when only previews exist.
        hosts: the hosts that have it.
    """

    id: str
    area: str
    name: str
    route: str
    minimum: str
    released: str
    hosts: tuple[str, ...]

    def as_data(self) -> dict[str, object]:
        """The row as OPTIONS answers it."""
        return {
            "id": self.id,
            "area": self.area,
            "resourceName": self.name,
            "routeTemplate": self.route,
            "resourceVersion": 1,
            "minVersion": self.minimum,
            "maxVersion": LATEST,
            "releasedVersion": self.released,
        }


_ALL = ("dev", "pkgs", "feeds", "vssps")
_FEEDS_ROUTE = "{project}/_apis/{area}/Feeds/{feedId}/"
CONNECTION_DATA = Resource(
    "00d9565f-ed9c-4a06-9a50-00e7896ccab4",
    "Location",
    "ConnectionData",
    "_apis/{resource}",
    "1.0",
    "0.0",
    _ALL,
)
RESOURCE_AREAS = Resource(
    "e81700f7-3be2-46de-8624-2eb35882fcaa",
    "Location",
    "ResourceAreas",
    "_apis/{resource}/{areaId}",
    "3.2",
    "0.0",
    ("dev",),
)
OIDC_TOKEN = Resource(
    "69a319f4-28c1-4bfd-93e6-ea0ff5c6f1a2",
    "distributedtask",
    "oidctoken",
    "{scopeIdentifier}/_apis/{area}/hubs/{hubName}/plans/{planId}/jobs/{jobId}/{resource}",
    "7.1",
    "7.1",
    ("dev",),
)
TASKS = Resource(
    "60aac929-f0cd-4bc8-9ce4-6b30e8f1b1bd",
    "distributedtask",
    "tasks",
    "_apis/{area}/{resource}/{taskId}/{versionString}",
    "1.0",
    "0.0",
    ("dev",),
)
SESSION_TOKENS = Resource(
    "ada996bc-8c18-4193-b20c-cd41b13f5b4d",
    "Token",
    "SessionTokens",
    "_apis/{area}/{resource}",
    "1.0",
    "0.0",
    ("vssps",),
)
SIMPLE = Resource(
    "93377a2c-f5fb-48b9-a8dc-7781441cabf1",
    "pypi",
    "simple",
    "{project}/_packaging/{feedId}/pypi/simple",
    "1.0",
    "0.0",
    ("pkgs",),
)
FEEDS = Resource(
    "c65009a7-474a-4ad1-8b42-7d852107ef8c",
    "Packaging",
    "Feeds",
    "{project}/_apis/{area}/{resource}/{feedId}",
    "2.0",
    "7.1",
    ("feeds",),
)
IDENTITIES = Resource(
    "28010c54-d0c0-4c89-a5b0-1c9e188b9fb7",
    "IMS",
    "Identities",
    "_apis/{resource}/{identityId}",
    "1.0",
    "7.1",
    ("vssps",),
)
RESOURCES = (
    CONNECTION_DATA,
    RESOURCE_AREAS,
    Resource(
        "d810a47d-f4f4-4a62-a03f-fa1860585c4c",
        "Location",
        "ServiceDefinitions",
        "_apis/{resource}/{serviceType}/{identifier}",
        "1.0",
        "0.0",
        _ALL,
    ),
    OIDC_TOKEN,
    TASKS,
    SESSION_TOKENS,
    SIMPLE,
    Resource(
        "c7a75c1b-08ac-4b11-b468-6c7ef835c85e",
        "pypi",
        "upload",
        "{project}/_packaging/{feedId}/pypi/upload",
        "1.0",
        "0.0",
        ("pkgs",),
    ),
    FEEDS,
    Resource(
        "be8c1476-86a7-44ed-b19d-aec0e9275cd8",
        "Packaging",
        "Permissions",
        f"{_FEEDS_ROUTE}{{resource}}",
        "2.0",
        "7.1",
        ("feeds",),
    ),
    Resource(
        "42a8502a-6785-41bc-8c16-89477d930877",
        "Packaging",
        "Views",
        f"{_FEEDS_ROUTE}{{resource}}/{{viewId}}",
        "2.0",
        "7.1",
        ("feeds",),
    ),
    Resource(
        "7a20d846-c929-4acc-9ea2-0d5a7df1b197",
        "Packaging",
        "Packages",
        f"{_FEEDS_ROUTE}{{resource}}/{{packageId}}",
        "2.0",
        "7.1",
        ("feeds",),
    ),
    IDENTITIES,
)

AREAS = {
    "92f0314b-06c5-46e0-abe7-15fd9d13276a": ("pypi", "pkgs"),
    "7ab4e64e-c4d8-4f50-ae73-5ef2e21642a5": ("Packaging", "feeds"),
    "0ad75e84-88ae-4325-84b5-ebb30910283c": ("Token", "vssps"),
    "00d9565f-ed9c-4a06-9a50-00e7896ccab4": ("Location", "dev"),
    "a85b8835-c1a1-4aac-ae97-1c3d0ba72dbd": ("distributedtask", "dev"),
}
"""Resource areas: name and host by GUID."""


def check_version(call: Call, resource: Resource) -> str:
    """The api-version that a request names, checked against the resource.

    It is named by the query or, as a parameter of the media type, by the Accept header.

    Raises:
        Refusal: there is none, or the resource does not have it.
    """
    accept = re.search(r"api-version=([^\s;,]+)", call.request.headers.get("Accept", ""))
    asked = call.request.query.get("api-version", "") or (accept[1] if accept else "")
    if not asked:
        if call.behaviour.version_required:
            message = (
                f'No api-version was supplied for the "{call.request.method}" request. The version must be'
                ' supplied either as part of the Accept header (e.g. "application/json; api-version=1.0") or'
                ' as a query parameter (e.g. "?api-version=1.0").'
            )
            raise Refusal(400, message, "VssVersionNotSpecifiedException", WEB_NAMESPACE)
        return ""
    match = _VERSION.fullmatch(asked)
    if not match:
        message = f'The api-version "{asked}" is not valid.'
        raise Refusal(400, message, "VssInvalidApiResourceVersionException", WEB_NAMESPACE)
    version = _number(match[1])
    if version > _number(LATEST):
        message = (
            f"The requested REST API version of {match[1]} is out of range for this server."
            f" The latest REST API version this server supports is {LATEST}."
        )
        raise Refusal(400, message, "VssVersionOutOfRangeException", WEB_NAMESPACE)
    if version < _number(resource.minimum) or int(match[3] or 1) > 1:
        message = f'The requested version "{asked}" of the resource is not supported.'
        raise Refusal(400, message, "VssVersionNotSupportedException", WEB_NAMESPACE)
    if not match[2] and version > _number(resource.released):
        message = (
            f'The requested version "{match[1]}" of the resource is under preview. The -preview flag must be'
            f' supplied in the api-version for such requests. For example: "{match[1]}-preview"'
        )
        raise Refusal(400, message, "VssInvalidPreviewVersionException", WEB_NAMESPACE)
    return asked


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


async def resource_areas(call: Call) -> web.Response:
    """All resource areas, or the one of a GUID; needs no credentials.

    On premises there are none, which azure-devops-node-api takes for: everything is in the collection.
    """
    _ = call.known_caller
    asked = call.parts.get("area", "").lower()
    if call.on_premises and asked:
        raise no_such_address(call)
    version = check_version(call, RESOURCE_AREAS)
    if call.on_premises:
        return json_answer(call, {"count": 0, "value": None}, version=version)
    if asked:
        if asked not in AREAS:
            return json_answer(call, None, version=version)
        return json_answer(call, _area(call, asked), version=version)
    rows = [_area(call, area) for area in AREAS]
    return json_answer(call, {"count": len(rows), "value": rows}, version=version)


def _area(call: Call, area: str) -> dict[str, str]:
    name, host = AREAS[area]
    location = call.sibling(host)
    return {
        "id": area,
        "name": name,
        "locationUrl": location if call.behaviour.slash_after_location else location.rstrip("/"),
    }


async def options(call: Call) -> web.Response:
    """The routes of all areas of a host, or of one area (in any case)."""
    if call.known_caller.identity is None and not call.behaviour.anonymous_options:
        raise anonymous_refusal()
    area = call.parts.get("area", "").lower()
    rows = [
        _row(call, resource)
        for resource in RESOURCES
        if call.hosts.intersection(resource.hosts)
        and not (call.on_premises and resource in {OIDC_TOKEN, SESSION_TOKENS})
        and (not area or resource.area.lower() == area)
    ]
    if area and not rows:
        raise no_such_address(call)
    return json_answer(call, {"value": rows, "count": len(rows)})


def _row(call: Call, resource: Resource) -> dict[str, object]:
    row = resource.as_data()
    if resource is SIMPLE and call.behaviour.trailing_route_parameter:
        row["routeTemplate"] = f"{resource.route}/{{packageName}}"
    return row


def _described(identity: Identity) -> dict[str, object]:
    """An identity as the service writes it."""
    return {
        "id": identity.id,
        "descriptor": identity.descriptor,
        "subjectDescriptor": identity.subject_descriptor,
        "providerDisplayName": identity.name,
        "isActive": True,
        "properties": {"Account": {"$type": "System.String", "$value": identity.account}},
        "resourceVersion": 2,
        "metaTypeId": 0,
    }


async def connection_data(call: Call) -> web.Response:
    """Who the caller is to the service, and under which addresses the organisation is known."""
    version = check_version(call, CONNECTION_DATA)
    identity = call.known_caller.identity
    if identity:
        user = _described(identity)
    else:
        user = {
            "id": ANONYMOUS_ID,
            "descriptor": f"System:PublicAccess;{ANONYMOUS_ID}",
            "providerDisplayName": "Anonymous",
            "isActive": True,
            "properties": {},
            "resourceVersion": 2,
            "metaTypeId": 0,
        }
    own = "dev" if "dev" in call.hosts else next(iter(call.hosts))
    locations: dict[str, object] = {
        "serviceOwner": stable_id(call.organization.id, "service", own),
        "defaultAccessMappingMoniker": "PublicAccessMapping" if call.on_premises else "CodexAccessMapping",
        "lastChangeId": 1,
        "lastChangeId64": 1,
    }
    if call.request.query.get("connectOptions", "0") not in {"0", "none"}:
        locations["accessMappings"] = [
            {
                "displayName": "Host",
                "moniker": locations["defaultAccessMappingMoniker"],
                "accessPoint": call.sibling(own),
                "serviceOwner": locations["serviceOwner"],
                "virtualDirectory": "",
            }
        ]
    data = {
        "authenticatedUser": user,
        "authorizedUser": user,
        "instanceId": call.organization.id,
        "deploymentId": stable_id(call.organization.id, "deployment"),
        "deploymentType": "onPremises" if call.on_premises else "hosted",
        "locationServiceData": locations,
    }
    return json_answer(call, data, version=version)


async def identity_of(call: Call) -> web.Response:
    """The identity of a GUID."""
    version = check_version(call, IDENTITIES)
    call.demand_identity()
    asked = call.parts["identity"].lower()
    identity = next((entry for entry in call.organization.identities if entry.id == asked), None)
    if identity is None:
        message = f"TF14045: The identity with TeamFoundationId {asked} could not be found."
        raise Refusal(404, message, "IdentityNotFoundException", "Microsoft.VisualStudio.Services.Identity")
    data = _described(identity)
    return json_answer(call, data, version=version)


def no_such_address(call: Call) -> Refusal:
    """The answer where the service has nothing."""
    path = call.request.raw_path.partition("?")[0]
    message = f"The controller for path '{path}' was not found or does not implement IController."
    return Refusal(404, message, "HttpException", "System.Web")
