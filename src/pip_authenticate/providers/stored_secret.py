"""The credential that a service connection stores."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from pip_authenticate.errors import Faults, InputError, PipAuthenticateError
from pip_authenticate.index import TOKEN_USER, AuthenticatedIndex, Credential, Index
from pip_authenticate.run import Run
from pip_authenticate.secret import Secret
from pip_authenticate.settings import Endpoint


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


def open_all(indexes: list[Index], run: Run) -> list[AuthenticatedIndex]:
    """Give every index the credential that its connection stores; no request is needed.

    Args:
        indexes: each names its connection.
        run: the connections, as the agent hands them over.

    Raises:
        Faults: connections that cannot be used, each named with what it lacks.
    """
    connections = {connection.id: connection for connection in run.settings.connections}
    found, faults = list[AuthenticatedIndex](), list[PipAuthenticateError]()
    for index in indexes:
        try:
            found.append(index.opened_by(_credential(connections[index.connection])))
        except InputError as error:
            faults.append(
                InputError(
                    error.slug,
                    f"{index.entry} cannot be used: {error.what}",
                    hint="Mend it in the project settings, under Service connections.",
                )
            )
    if faults:
        raise Faults(faults)
    return found


def _credential(connection: Endpoint) -> Credential:
    if connection.fault:
        raise _broken(connection.fault)
    if not connection.scheme:
        raise _broken("it has no authorisation")
    scheme = _SCHEMES.get(connection.scheme.lower())
    if scheme is None:
        raise _broken(
            f"its authorisation scheme is {connection.scheme[:40]}; usable are Token and UsernamePassword"
        )
    missing = [name for name in scheme.parameters if not _has(connection, name)]
    if missing:
        raise _broken(f"its authorisation lacks {' and '.join(missing)}")
    return scheme.credential(connection.parameters)


def _has(connection: Endpoint, name: str) -> bool:
    """Whether a parameter is there. A password may be empty: some services take a token as user name."""
    given = connection.parameters.get(name)
    return given is not None and (bool(given) or name == "password")


def _broken(why: str) -> InputError:
    return InputError("connection-unusable", why)
