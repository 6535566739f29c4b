"""Indexes that the command's arguments name."""

import re

from pip_authenticate.azure.feed_addresses import index_meant
from pip_authenticate.azure.feed_names import parse_feed
from pip_authenticate.azure.forms import feed_index
from pip_authenticate.errors import InputError, PipAuthenticateError
from pip_authenticate.index import Index, IndexUrl
from pip_authenticate.run import Named, Run

_NAMED = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)=(.+)", re.DOTALL)


def indexes(run: Run) -> Named:
    """Read every argument; no request is needed.

    Args:
        run: the arguments, and the organisation that feeds without one belong to.

    Returns:
        The indexes, and what is wrong with the other arguments.
    """
    found, faults = list[Index](), list[PipAuthenticateError]()
    for number, argument in enumerate(run.settings.entries, 1):
        match = _NAMED.fullmatch(argument)
        name, text = (match[1], match[2]) if match else ("", argument)
        try:
            url, shown = _url(text) if "://" in text else _feed(text, run.settings.organization)
        except InputError as error:
            faults.append(
                InputError(
                    error.slug,
                    f"Index {number} {error.what}",
                    hint=error.hint or "Write feed, project/feed or a URL; name=URL gives it a name.",
                )
            )
        else:
            found.append(Index(url, shown, f"Index {number}", names=(("", name),) if name else ()))
    return Named(found, faults)


def _url(text: str) -> tuple[IndexUrl, str]:
    url, password = IndexUrl.parse(text)
    if password:
        raise InputError(
            "credential-in-url",
            "holds a password",
            hint="Leave it out, and revoke it: arguments are seen by all.",
        )
    meant = index_meant(url)
    if meant:
        raise InputError("not-an-index", f"is no index for pip: {url}", hint=f"{meant} is meant.")
    return url, f"index {url}"


def _feed(text: str, organization: str) -> tuple[IndexUrl, str]:
    try:
        feed = parse_feed(text)
    except InputError as error:
        raise InputError(error.slug, f"cannot be used: {error.what}") from None
    if not organization:
        raise InputError(
            "organization-missing",
            f"is the feed {feed} of no organisation that is known",
            hint="Say --organization NAME, or write the URL of its index.",
        )
    return feed_index(organization, feed.project, feed.name), f"feed {feed}"
