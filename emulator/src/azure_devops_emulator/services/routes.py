"""Which address belongs to which host of the organisation, and which handler answers it."""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from urllib.parse import unquote

from aiohttp import web

from azure_devops_emulator.services import location
from azure_devops_emulator.services.assertions import AssertionService
from azure_devops_emulator.services.distributed_task import TasksHost
from azure_devops_emulator.services.faults import sign_in_page
from azure_devops_emulator.services.packaging_rest import FeedsHost
from azure_devops_emulator.services.pypi import PackageHost
from azure_devops_emulator.services.session_tokens import SessionTokens
from azure_devops_emulator.services.wire import Call, not_allowed

_FEED = r"(?:(?P<project>[^/]+)/)?_packaging/(?P<feed>[^/]+)/pypi"
_PACKAGING = r"(?:(?P<project>[^/]+)/)?_apis/packaging"
_TASKS = r"_apis/distributedtask/tasks"
_OIDC = (
    r"(?P<project>[^/]+)/_apis/distributedtask/hubs/(?:build|rm)"
    r"/plans/(?P<plan>[^/]+)/jobs/(?P<job>[^/]+)/oidctoken/?"
)

Handler = Callable[[Call], Awaitable[web.Response]]


@dataclass(frozen=True)
class Route:
    """Which handler answers which addresses of which hosts.

    Args:
        hosts: the host kinds that have it.
        pattern: of the path below the host's own address.
        methods: the HTTP methods; empty when the handler decides.
        handler: answers a call.
    """

    hosts: frozenset[str]
    pattern: re.Pattern[str]
    methods: tuple[str, ...]
    handler: Handler


@dataclass(frozen=True)
class Front:
    """A family of addresses under which the organisation's hosts are known.

    Args:
        prefixes: path prefix by host kind (dev, pkgs, feeds, vssps); each ends with a slash.
    """

    prefixes: dict[str, str]

    def hosts(self, path: str) -> frozenset[str]:
        """The host kinds that a path belongs to: none, one, or all of them on premises."""
        return frozenset(host for host, prefix in self.prefixes.items() if within(path, prefix))

    def below(self, path: str, hosts: frozenset[str]) -> str:
        """What comes after the prefix of the hosts that a path belongs to."""
        return path[len(self.prefixes[min(hosts)]) :]


def within(path: str, prefix: str) -> bool:
    """Whether a path lies under a prefix that ends with a slash, in any case."""
    return path.lower().startswith(prefix.lower()) or f"{path}/".lower() == prefix.lower()


def fronts(name: str, *, on_premises: bool) -> list[Front]:
    """The address families of an organisation; the one that it calls its own comes first."""
    hosts = ("dev", "pkgs", "feeds", "vssps")
    if on_premises:
        return [Front(dict.fromkeys(hosts, "/tfs/DefaultCollection/"))]
    old = {"dev": f"/{name}.visualstudio.com/"}
    old |= {host: f"/{name}.{host}.visualstudio.com/" for host in hosts[1:]}
    return [
        Front({host: f"/{host}/{name}/" for host in hosts}),
        Front({host: f"{prefix}DefaultCollection/" for host, prefix in old.items()}),
        Front(old),
    ]


def routes(
    packages: PackageHost,
    feeds: FeedsHost,
    tasks: TasksHost,
    assertions: AssertionService | None,
    sessions: SessionTokens,
) -> list[Route]:
    """The table of all addresses, most particular first.

    Args:
        packages: answers for indexes.
        feeds: answers for what feeds there are.
        tasks: answers for what tasks there are.
        assertions: issues assertions to jobs; None on premises, where there is no federation.
        sessions: gives out session tokens; not asked on premises.
    """

    def route(host: str, pattern: str, handler: Handler, *methods: str) -> Route:
        hosts = frozenset({host}) if host else frozenset({"dev", "pkgs", "feeds", "vssps"})
        return Route(hosts, re.compile(pattern, re.IGNORECASE), methods, handler)

    feed = rf"{_PACKAGING}/feeds/(?P<feed>[^/]+)"
    federation = []
    if assertions:
        federation = [
            route("dev", _OIDC, assertions.issue, "POST"),
            route("vssps", r"_apis/Token/SessionTokens/?", sessions.issue, "POST"),
        ]
    return [
        *federation,
        route("", r"_apis(?:/(?P<area>[^/]+))?/?", location.options, "OPTIONS"),
        route("", r"_apis/ResourceAreas(?:/(?P<area>[^/]+))?/?", location.resource_areas, "GET"),
        route("", r"_apis/connectionData/?", location.connection_data, "GET"),
        route("dev", r"_apis/packaging/feedids/?", feeds.feed_ids, "GET"),
        route("dev", rf"{_TASKS}/?", tasks.listed, "GET"),
        route("dev", rf"{_TASKS}/(?P<task>[^/]+)/?", tasks.listed, "GET"),
        route("dev", rf"{_TASKS}/(?P<task>[^/]+)/?", tasks.upload, "PUT"),
        route("dev", rf"{_TASKS}/(?P<task>[^/]+)/?", tasks.delete, "DELETE"),
        route("vssps", r"_apis/identities/(?P<identity>[^/]+)/?", location.identity_of, "GET"),
        route("feeds", rf"{_PACKAGING}/feeds/?", feeds.feeds, "GET"),
        route("feeds", rf"{feed}/?", feeds.feed, "GET"),
        route("feeds", rf"{feed}/permissions/?", feeds.permissions, "GET"),
        route("feeds", rf"{feed}/views/?", feeds.views, "GET"),
        route("feeds", rf"{feed}/packages/?", feeds.packages, "GET"),
        route("pkgs", rf"{_FEED}/simple/?", packages.root),
        route("pkgs", rf"{_FEED}/simple/(?P<package>[^/]+)/?", packages.page),
        route(
            "pkgs",
            rf"{_FEED}/download/(?P<package>[^/]+)/(?P<version>[^/]+)/(?P<file>[^/]+)",
            packages.download,
        ),
        route("pkgs", rf"{_FEED}/upload/?", packages.upload),
    ]


async def dispatch(call: Call, routes: list[Route]) -> web.Response:
    """Answer a call by the first fitting route.

    Raises:
        Refusal: the credential is rejected, nothing is there, or the handler refuses.
    """
    if call.path == "_signin":
        return sign_in_page(200)
    others: tuple[str, ...] = ()
    for route in routes:
        match = route.pattern.fullmatch(call.path) if call.hosts & route.hosts else None
        if match is None:
            continue
        if route.methods and call.request.method not in route.methods:
            others += tuple(method for method in route.methods if method != "OPTIONS")
            continue
        call.parts = {name: unquote(part) for name, part in match.groupdict().items() if part is not None}
        return await route.handler(call)
    _ = call.known_caller
    if others:
        return not_allowed(call, ", ".join(others))
    raise location.no_such_address(call)
