"""The forms that an address of Azure DevOps can have, and how one is written in another."""

from collections.abc import Container
from urllib.parse import unquote

from pip_authenticate.azure.addresses import (
    DOMAIN,
    LEGACY_SUFFIX,
    Place,
    encode_segment,
    is_name,
    lies_under,
    with_slash,
)
from pip_authenticate.azure.feed_addresses import FeedAddress
from pip_authenticate.errors import InputError
from pip_authenticate.index import IndexUrl


def feed_index(organization: str, project: str, feed: str) -> IndexUrl:
    """The address of a feed's index, without asking anybody.

    Args:
        organization: name of one of Azure DevOps Services, or an address: also that of a collection of a
            server, below which its feeds are.
        project: name or GUID of the feed's project, or empty.
        feed: its name, with `@view` where there is one.

    Raises:
        InputError: the organisation's name or address cannot be used.
    """
    base = organization_of(organization)
    place = Place.of(base)
    if place:
        base = IndexUrl("https", f"pkgs.{DOMAIN}", 443, f"/{place.organization}/")
    scope = f"{encode_segment(project)}/" if project else ""
    path = f"{with_slash(base.path)}{scope}_packaging/{encode_segment(feed)}/pypi/simple/"
    return IndexUrl(*base.origin, path)


def organization_of(text: str) -> IndexUrl:
    """The address of an organisation that is given by name or by address.

    Raises:
        InputError: it is neither.
    """
    if "://" in text:
        url, password = IndexUrl.parse(text)
        if password:
            raise InputError("organization-unusable", "holds a password", hint="Leave it out.")
        return url
    if not is_name(text.lower()):
        raise InputError(
            "organization-unusable",
            "belongs to an organisation whose name cannot be one",
            hint="Write its name, or its whole address.",
        )
    return IndexUrl("https", DOMAIN, 443, f"/{text}/")


def identity(url: IndexUrl) -> object:
    """What all spellings of one index have in common: slash, encoding, upper case, and the form of its host.

    Azure DevOps ignores case in paths, and serves an organisation under two hosts.
    """
    place = Place.of(url)
    if place is None:
        return url.key
    segments = [unquote(part).casefold() for part in url.path.split("/") if part]
    return place.organization, tuple(segments[place.depth :])


def is_known(url: IndexUrl, organization: str, listed: Container[object]) -> bool:
    """Whether an index is one that credentials are found for, and no public one or a mirror.

    Args:
        url: the index.
        organization: name or address of the user's organisation, or empty: a server's feeds lie below that.
        listed: the identities of addresses that the user has listed.

    Raises:
        InputError: the organisation cannot be used.
    """
    place = Place.of(url)
    if place and place.service == "pkgs" and FeedAddress.of(url):
        return True
    home = organization_of(organization) if organization else None
    if home and not Place.of(home) and lies_under(url, home):
        return True
    return identity(url) in listed


def own_host_form(url: IndexUrl) -> IndexUrl:
    """The address with a host of the organisation's own: an older form, which stays in use.

    Any other address than that of a feed service with a host for all organisations stays as it is.
    (Microsoft Learn, "Change your organization's URL")
    """
    place = Place.of(url)
    if not place or url.origin.host != f"pkgs.{DOMAIN}":
        return url
    rest = [part for part in url.path.split("/") if part][place.depth :]
    slash = "/" if url.path.endswith("/") else ""
    return IndexUrl("https", f"{place.organization}.pkgs{LEGACY_SUFFIX}", 443, f"/{'/'.join(rest)}{slash}")


def upload_address(url: IndexUrl) -> IndexUrl | None:
    """Where packages are published to the feed of an index; None for a view, and for what is no feed.

    (Microsoft Learn, "Publish Python packages with twine")
    """
    address = FeedAddress.of(url)
    if not address or "@" in address.feed:
        return None
    return IndexUrl(*url.origin, f"{url.path.rstrip('/').rpartition('/')[0]}/upload/")
