"""Where a redirect leads, and why it is not followed."""

from urllib.parse import urljoin

from pip_authenticate.errors import ServiceError
from pip_authenticate.origin import Origin, origin_of


def target(method: str, url: str, location: str) -> str:
    """The address that a redirect leads to; empty where it is an answer like any other.

    Args:
        method: of the request.
        url: what was asked.
        location: the answer's header of that name, or empty.

    Raises:
        ServiceError: it leads to no address, or away from encryption.
    """
    # What a POST carries is meant for nobody else; and who wants a person to sign in does not serve us.
    if method == "POST" or not location or "_signin" in location:
        return ""
    try:
        found = urljoin(url, location.partition("#")[0])
        scheme = origin_of(found).scheme
    except (ValueError, ServiceError):
        raise ServiceError(
            "broken-redirect",
            f"{origin_of(url).host} redirects to something that is no http or https address",
            hint="Check the organisation's address, and that no proxy answers in the service's place.",
        ) from None
    if origin_of(url).scheme == "https" and scheme != "https":
        raise ServiceError(
            "insecure-redirect",
            f"{origin_of(url).host} redirects from https to plain http, which is refused",
            hint="Ask whoever runs that server, or the proxy before it.",
        )
    return found


def stays(there: Origin, home: Origin) -> bool:
    """Whether two origins are one, or the same host's default ports with encryption added."""
    return there == home or (there == ("https", home.host, 443) and home == ("http", home.host, 80))


def refused(home: Origin, there: Origin) -> ServiceError:
    """The error that a server sends its callers to another one."""
    return ServiceError(
        "foreign-redirect",
        f"{home.host} redirects to another place, {there.host}; it is not asked",
        hint="Check the address; where a server has moved, write its new address.",
    )


def endless(home: Origin, followed: int) -> ServiceError:
    """The error that a server redirects once more after as many redirects."""
    return ServiceError(
        "redirect-loop",
        f"{home.host} redirects without end",
        context=f"{followed} redirects followed",
        hint="Check the organisation's address.",
    )
