"""Indexes that a service connection with workload identity federation opens."""

from pip_authenticate.azure.feed_addresses import index_meant
from pip_authenticate.errors import InputError, PipAuthenticateError
from pip_authenticate.index import Index, IndexUrl
from pip_authenticate.redaction import shown_name
from pip_authenticate.run import Named, Run


def indexes(run: Run) -> Named:
    """Read the URLs of the input; no request is needed.

    Args:
        run: the input's entries, and the connection that goes with them.

    Returns:
        The indexes, and what is wrong with the other entries.

    Raises:
        InputError: there is a connection, and no entry.
    """
    connection = run.settings.federation
    if connection is None:
        return Named([], [])
    name = f"service connection {shown_name(connection.id)}"
    if not run.settings.feed_urls:
        raise InputError(
            "feed-url-missing",
            f"feedUrl is empty, so that nothing says what the {name} is for",
            hint="List the URLs of the indexes that it opens.",
        )
    found, faults = dict[object, Index](), list[PipAuthenticateError]()
    for number, text in enumerate(run.settings.feed_urls, 1):
        entry = f"Entry {number} of feedUrl"
        try:
            url = _read(text)
        except InputError as error:
            faults.append(InputError(error.slug, f"{entry} {error.what}", hint=error.hint))
        else:
            found.setdefault(url.key, Index(url, f"federated {name}", entry, provider="federation"))
    return Named(list(found.values()), faults)


def _read(text: str) -> IndexUrl:
    url, password = IndexUrl.parse(text)
    if password:
        raise InputError("feed-unusable", f"holds a password: {url}", hint="Remove and revoke it.")
    meant = index_meant(url)
    if meant:
        raise InputError("feed-unusable", f"is no index for pip: {url}", hint=f"{meant} is meant.")
    return url
