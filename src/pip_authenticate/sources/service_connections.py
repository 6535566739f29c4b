"""Indexes of service connections: a stored address with a stored credential."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from pip_authenticate.errors import Faults, InputError, PipAuthenticateError
from pip_authenticate.index import TOKEN_USER, AuthenticatedIndex, Credential, IndexUrl
from pip_authenticate.redaction import shown_name
from pip_authenticate.secret import Learned, Secret
from pip_authenticate.settings import Endpoint, Settings
from pip_authenticate.transport import Transport


class _Scheme(NamedTuple):
    parameters: tuple[str, ...]
    credential: Callable[[Mapping[str, Secret]], Credential]


_SCHEMES = {
    "token": _Scheme(("apitoken",), lambda given: Credential(TOKEN_USER, given["apitoken"])),
    "usernamepassword": _Scheme(
        ("username", "password"),
        lambda given: Credential(given["username"].reveal(), given["password"]),
    ),
}


def indexes(settings: Settings, transport: Transport, learned: Learned) -> list[AuthenticatedIndex]:  # noqa: ARG001 - learns no secret
    """Read the index and the credential of every connection; no request is needed.

    Args:
        settings: the connections, as the agent hands them over.
        transport: knows the deadline.
        learned: not used.

    Raises:
        Faults: connections that cannot be used, each named with what it lacks.
    """
    found, faults = list[AuthenticatedIndex](), list[PipAuthenticateError]()
    for connection in settings.connections:
        transport.deadline.check()
        try:
            found.append(_index(connection))
        except InputError as error:
            faults.append(error)
    if faults:
        raise Faults(faults)
    return found


def _index(connection: Endpoint) -> AuthenticatedIndex:
    url = _url(connection)
    if connection.fault:
        raise _broken(connection, connection.fault)
    if not connection.scheme:
        raise _broken(connection, "it has no authorisation")
    scheme = _SCHEMES.get(connection.scheme.lower())
    if scheme is None:
        raise _broken(
            connection,
            f"its authorisation scheme is {connection.scheme[:40]}; usable are Token and UsernamePassword",
        )
    missing = [name for name in scheme.parameters if not _has(connection, name)]
    if missing:
        raise _broken(connection, f"its authorisation lacks {' and '.join(missing)}")
    name = f"service connection {shown_name(connection.id)}"
    return AuthenticatedIndex(url, scheme.credential(connection.parameters), name)


def _has(connection: Endpoint, name: str) -> bool:
    """Whether a parameter is there. A password may be empty: some services take a token as user name."""
    given = connection.parameters.get(name)
    return given is not None and (bool(given) or name == "password")


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
