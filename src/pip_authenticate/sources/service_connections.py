"""Indexes of service connections: addresses that a project stores."""

from pip_authenticate.errors import InputError, PipAuthenticateError
from pip_authenticate.index import Index, IndexUrl
from pip_authenticate.redaction import shown_name
from pip_authenticate.run import Named, Run
from pip_authenticate.settings import Endpoint


def indexes(run: Run) -> Named:
    """Read the address of every connection; no request is needed.

    Args:
        run: the connections, as the agent hands them over.

    Returns:
        The indexes, and what is wrong with the other connections.
    """
    found, faults = list[Index](), list[PipAuthenticateError]()
    for connection in run.settings.connections:
        run.transport.deadline.check()
        name = f"service connection {shown_name(connection.id)}"
        try:
            url = _url(connection)
        except InputError as error:
            faults.append(error)
        else:
            entry = f"S{name[1:]}"
            found.append(Index(url, name, entry, provider="stored-secret", connection=connection.id))
    return Named(found, faults)


def _url(connection: Endpoint) -> IndexUrl:
    if not connection.url:
        raise InputError(
            "connection-unusable",
            f"Service connection {shown_name(connection.id)} cannot be used: it has no URL",
            hint="Check that the pipeline names an existing connection and is allowed to use it.",
        )
    try:
        url, _ = IndexUrl.parse(connection.url)
    except InputError as error:
        raise _broken(connection, f"its URL {error.what}") from None
    return url


def _broken(connection: Endpoint, why: str) -> InputError:
    return InputError(
        "connection-unusable",
        f"Service connection {shown_name(connection.id)} cannot be used: {why}",
        hint="Mend it in the project settings, under Service connections.",
    )
