"""Entries of artifactFeeds that are URLs, and what is wrong with any entry."""

from pip_authenticate.azure.feed_addresses import FeedAddress, index_meant
from pip_authenticate.errors import InputError
from pip_authenticate.index import IndexUrl


def index_url(entry: str) -> IndexUrl:
    """The index that an entry names by its URL.

    Raises:
        InputError: it names none, or holds a password.
    """
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
        raise unusable(str(url), f"that is no index for pip; {meant} is meant")
    if not FeedAddress.of(url):
        raise unusable(str(url), "the path of a feed's index ends with /_packaging/FEED/pypi/simple/")
    return url


def unusable(entry: str, rule: str) -> InputError:
    """The error that an entry breaks a rule; a password that it may hold is not shown."""
    before, at, after = entry.rpartition("@")
    torn = at and (":" in before or "/" in after)  # a URL with a password, cut by a comma or misspelt
    shown = f"***@{after}" if torn else entry
    return InputError(
        "feed-unusable",
        f"Entry '{shown}' of artifactFeeds cannot be used: {rule}",
        hint="Entries are feed or project/feed, separated by commas.",
    )
