"""The addresses of Azure DevOps: whose they are, and which of them may be told a secret.

Forms: Microsoft Learn, "Allowed IP addresses and domain URLs", "Work with URLs in extensions and
integrations" and "Change your organization's URL". Legacy forms stay in use: both serve every organisation.
"""

import re
from typing import NamedTuple
from urllib.parse import quote, unquote

from pip_authenticate.errors import InputError
from pip_authenticate.index import IndexUrl, leads_elsewhere

AUTHORITIES = frozenset(
    {
        "login.microsoftonline.com",
        "login.microsoft.com",
        "login.windows.net",
        "login.microsoftonline.us",
        "login.chinacloudapi.cn",
        "login.partner.microsoftonline.cn",
    }
)
"""Hosts of Microsoft Entra in the public and the sovereign clouds (Microsoft Learn, "National clouds")."""

DOMAIN = "dev.azure.com"
LEGACY_SUFFIX = ".visualstudio.com"
_ORGANIZATION = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")
# Hosts of that domain that name a service without an organisation.
_NO_ORGANIZATIONS = frozenset({"app", "feeds", "pkgs", "www", "vsrm", "vssps", "vstmr"})
_DEFAULT_COLLECTION = "defaultcollection"


class Place(NamedTuple):
    """What an address on Azure DevOps Services says of itself.

    Args:
        service: `pkgs`, `feeds` and the like; empty for the organisation's own address.
        organization: its name in lower case.
        depth: how many segments of the path belong to the organisation.
    """

    service: str
    organization: str
    depth: int

    @classmethod
    def of(cls, url: IndexUrl) -> "Place | None":
        """Read an address; None where it is none of Azure DevOps Services, or leads elsewhere with dots."""
        scheme, host, port = url.origin
        if (scheme, port) != ("https", 443):
            return None
        segments = [unquote(part).casefold() for part in url.path.split("/") if part]
        if leads_elsewhere(segments):
            return None
        if host == DOMAIN or host.endswith(f".{DOMAIN}"):
            service, dot, more = host.removesuffix(DOMAIN).rstrip(".").partition(".")
            known = segments and not dot and not more and is_name(segments[0])
            return cls(service, segments[0], 1) if known else None
        if not host.endswith(LEGACY_SUFFIX):
            return None
        name, _, service = host.removesuffix(LEGACY_SUFFIX).partition(".")
        if not is_name(name) or "." in service or (not service and name in _NO_ORGANIZATIONS):
            return None
        # Organisations were collections once; the name of the only one may still stand in the path.
        return cls(service, name, int(segments[:1] == [_DEFAULT_COLLECTION]))

    @property
    def home(self) -> IndexUrl:
        """The organisation's own address."""
        return IndexUrl("https", DOMAIN, 443, f"/{self.organization}/")


def is_name(text: str) -> bool:
    """Whether a text can be an organisation's name, in lower case."""
    return bool(_ORGANIZATION.fullmatch(text))


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
        """Read the address of the job's system connection.

        Args:
            uri: the address.
            is_hosted: what the agent says of the server; an address of Azure DevOps Services is
                hosted, whatever that is.

        Raises:
            InputError: it is none, or one that a job's token must not travel to.
        """
        try:
            url, _ = IndexUrl.parse(uri)
        except InputError as error:
            raise InputError(
                "no-collection",
                f"The organisation's address (of the connection SystemVssConnection) {error.what}",
                hint="Feeds need a job of Azure Pipelines; service connections work without it.",
            ) from None
        place = Place.of(url)
        if place and place.service:  # a classic release is handed the address of the release service
            url = place.home
        hosted = is_hosted or is_azure_devops(url.origin.host)
        if hosted and url.origin.is_exposed:
            raise InputError(
                "insecure-organisation",
                f"The organisation's address {url} is not encrypted; the job's token is not sent there",
                hint="Azure DevOps Services is reached with https only.",
            )
        return cls(url, hosted)

    @property
    def name(self) -> str:
        """The organisation's name as its address tells it, in lower case."""
        place = Place.of(self.url)
        return place.organization if place else self.url.path.strip("/").rpartition("/")[2].casefold()

    def is_same(self, other: IndexUrl) -> bool:
        """Whether another address means this organisation, in whatever form."""
        own, place = Place.of(self.url), Place.of(other)
        if own or place:
            return own is not None and place is not None and own.organization == place.organization
        return lies_under(other, self.url) and lies_under(self.url, other)


# What may be named by an answer or a variable, and which service of the organisation it must then be.
_OWN_SERVICES = {
    "feed service": frozenset({"pkgs"}),
    "feeds service": frozenset({"feeds", "pkgs", ""}),
    "assertion service": frozenset({""}),
}


def objection(url: IndexUrl, kind: str, home: Collection, listed: tuple[str, ...] = ()) -> str:
    """Judge a place that somebody names for a secret; the only function that does.

    Loopback is nobody's proof: any earlier step of a job may listen there. It passes only where the
    organisation itself is on loopback, or where an input of the step names it.

    Args:
        url: the place.
        kind: what it is said to be: `feed service`, `feeds service` or `assertion service`, which are
            told the job's token; `authority`, which is told an assertion; `index`, which is told a
            federated token; `token service`, which is told a person's token of Entra.
        home: the organisation of the job.
        listed: `host` or `host:port` that an input of the step names for this kind.

    Returns:
        Why it must not be told, as the end of a sentence; empty where it may.
    """
    origin, own = url.origin, home.url.origin
    if {".", ".."} & set(unquote(url.path).replace("\\", "/").split("/")):
        return "leads elsewhere with dots"
    if f"{origin.host}:{origin.port}" in listed or (origin.host in listed and origin.port in {80, 443}):
        return "" if origin.scheme == "https" or origin.is_loopback else "is not encrypted"
    at_home = origin == own and not Place.of(home.url) and kind != "authority"
    if at_home or (own.is_loopback and origin.is_loopback):
        return ""
    if origin.scheme != "https":
        return "is not encrypted"
    return "has another port than 443" if origin.port != 443 else _strangeness(url, kind, home)


def _strangeness(url: IndexUrl, kind: str, home: Collection) -> str:
    """Why an address with https and its own port is not what it is said to be, or empty."""
    if kind == "authority":
        return "" if url.origin.host in AUTHORITIES else "is none of Microsoft Entra"
    place = Place.of(url)
    if kind == "token service":
        return "" if _is_token_service(url.origin.host) else f"is no {kind} of Azure DevOps"
    if kind == "index":
        return "" if place and place.service == "pkgs" else "is none of Azure DevOps"
    if not place or place.service not in _OWN_SERVICES[kind]:
        return f"is no {kind} of Azure DevOps"
    own = Place.of(home.url)
    return "" if own and place.organization == own.organization else "belongs to another organisation"


def _is_token_service(host: str) -> bool:
    """Whether a host is one that may be told a person's token of Entra (artifacts-credprovider)."""
    domains = (f".{DOMAIN}", LEGACY_SUFFIX)
    return f".{host}".endswith(tuple(f".{name}{end}" for name in ("vssps", "vsspsext") for end in domains))


def is_azure_devops(host: str) -> bool:
    """Whether a host is one of Azure DevOps Services, by its exact name or a dot-suffix."""
    return host == DOMAIN or host.endswith((f".{DOMAIN}", LEGACY_SUFFIX))


def belongs_to(url: IndexUrl, collection: Collection) -> bool:
    """Whether the URL of an index is known to lie in a collection, without asking anybody."""
    home = collection.url
    if Place.of(home):
        place = Place.of(url)
        return place is not None and place.service in {"", "pkgs"} and place.organization == collection.name
    if lies_under(url, home):
        return True
    if not collection.is_hosted or not collection.name:
        return False
    # An emulated organisation has its services side by side under one origin.
    from pip_authenticate.azure.feed_addresses import FeedAddress  # noqa: PLC0415

    address = FeedAddress.of(url)
    return (
        url.origin == home.origin
        and address is not None
        and collection.name in [segment.casefold() for segment in address.scope[-2:]]
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
