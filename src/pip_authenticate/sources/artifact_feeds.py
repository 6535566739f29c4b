"""Feeds of the organisation that the job runs in."""

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
            wanted.append(_wanted(entry))
        except InputError as error:
            faults.append(error)
    found = list[Index]()
    for feed in wanted if job and not faults else ():
        run.transport.deadline.check()
        url = feed if isinstance(feed, IndexUrl) else run.routes.index_of(feed)
        found.append(Index(url, f"feed {feed}", f"{feed} in artifactFeeds", provider="job-token"))
    return Named(found, faults)


def _wanted(entry: str) -> Feed | IndexUrl:
    """What an entry names.

    Raises:
        InputError: it cannot be used.
    """
    if "://" in entry:
        from pip_authenticate import feed_entries  # noqa: PLC0415 - most entries are names

        return feed_entries.index_url(entry)
    try:
        return parse_feed(entry)
    except InputError as error:
        from pip_authenticate import feed_entries  # noqa: PLC0415 - most names are right

        raise feed_entries.unusable(entry, error.what) from None
