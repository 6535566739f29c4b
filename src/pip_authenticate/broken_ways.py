"""What a fault on the way to a server means; the text of an exception could quote anything."""

import socket
import ssl

from pip_authenticate.errors import ServiceError, unanswered


def while_asking(error: Exception, host: str, via: str) -> ServiceError:
    """What an exception of a socket, of TLS or of http.client means that an exchange ended with.

    Args:
        error: the exception.
        host: the server's.
        via: the proxy in between, as in `Way.via`.
    """
    if isinstance(error, ssl.SSLError):
        from pip_authenticate.encryption import insecure  # noqa: PLC0415 - plain http needs none

        return insecure(error, host)
    if isinstance(error, TimeoutError):
        return unanswered(host, f"nothing came{via} for too long", slug="no-answer")
    return unanswered(host, f"its answer{via} broke off or was no HTTP", slug="broken-answer")


def while_dialling(error: OSError, host: str, *, is_proxied: bool) -> ServiceError:
    """What it means that no socket could be opened, to a server or to the proxy before it."""
    if is_proxied:
        from pip_authenticate import proxies  # noqa: PLC0415 - few runs have one

        return proxies.unreachable()
    if isinstance(error, TimeoutError):
        return too_slow(host, "")
    is_unknown = isinstance(error, socket.gaierror)
    why = "its name cannot be resolved" if is_unknown else "no connection could be made"
    return unanswered(host, why, slug="connection-failed")


def too_slow(host: str, via: str) -> ServiceError:
    """The error that a connection was not there in time."""
    return unanswered(host, f"connecting{via} took too long", slug="no-answer")
