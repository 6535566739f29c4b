"""Feeds of the organisation that the job runs in."""

from pip_authenticate.azure.addresses import FeedAddress, index_meant
from pip_authenticate.azure.feed_names import Feed, parse_feed
from pip_authenticate.errors import InputError, PipAuthenticateError
from pip_authenticate.index import Index, IndexUrl
from pip_authenticate.run import Named, Run


def indexes(run: Run) -> Named:
    """Find the index of every feed; two requests for any number, none where all are full URLs.

    Args:
        run: the input's entries, and what the agent tells of the job.

    Returns:
        All indexes, or what is wrong with the entries.

    Raises:
        InputError: the agent does not tell what a job of Azure Pipelines is told.
        ServiceError: the location service did not answer, or not as documented.
    """
    entries = run.settings.artifact_feeds
    wanted, faults = list[Feed | IndexUrl](), list[PipAuthenticateError]()
    job = run.job if entries else None  # what is missing there is told first
    for entry in entries:
        try:
            wanted.append(_index_url(entry) if "://" in entry else _feed(entry))
        except InputError as error:
            faults.append(error)
    found = list[Index]()
    for feed in wanted if job and not faults else ():
        run.transport.deadline.check()
        url = feed if isinstance(feed, IndexUrl) else run.routes.index_of(feed)
        found.append(Index(url, f"feed {feed}", f"{feed} in artifactFeeds", provider="job-token"))
    return Named(found, faults)


def _feed(entry: str) -> Feed:
    try:
        return parse_feed(entry)
    except InputError as error:
        raise _bad_feed(entry, error.what) from None


def _index_url(entry: str) -> IndexUrl:
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
        raise _bad_feed(str(url), f"that is no index for pip; {meant} is meant")
    if not FeedAddress.of(url):
        raise _bad_feed(str(url), "the path of a feed's index ends with /_packaging/FEED/pypi/simple/")
    return url


def _bad_feed(entry: str, rule: str) -> InputError:
    before, at, after = entry.rpartition("@")
    torn = at and (":" in before or "/" in after)  # a URL with a password, cut by a comma or misspelt
    shown = f"***@{after}" if torn else entry
    return InputError(
        "feed-unusable",
        f"Entry '{shown}' of artifactFeeds cannot be used: {rule}",
        hint="Entries are feed or project/feed, separated by commas.",
    )
