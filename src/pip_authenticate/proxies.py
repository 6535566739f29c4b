"""Which web proxy stands between a run and a server."""

import re
from collections.abc import Callable
from urllib.parse import unquote

from pip_authenticate.errors import ServiceError
from pip_authenticate.index import Credential
from pip_authenticate.origin import DEFAULT_PORTS, Origin, origin_of
from pip_authenticate.secret import Secret
from pip_authenticate.settings import Proxy

_HINT = "Check HTTPS_PROXY, or the proxy settings of an agent (config --proxyurl), which come first."


def chosen(proxy: Proxy, server: Origin, log: Callable[[str], None]) -> tuple[Origin | None, Secret | None]:
    """The proxy through which a server is asked, and its Proxy-Authorization; each None where there is none.

    Raises:
        ServiceError: the proxy's address cannot be used.
    """
    written = _written(proxy, server, log)
    if not written:
        return None, None
    address, pair = proxy_address(written)
    if proxy.url and proxy.username:
        pair = Credential(proxy.username, proxy.password)
    try:
        return origin_of(address), pair.authorization if pair.username else None
    except ServiceError:
        raise ServiceError(
            "proxy-unusable", "The address of the web proxy is no http or https URL", hint=_HINT
        ) from None


def _written(proxy: Proxy, server: Origin, log: Callable[[str], None]) -> str:
    """The address of the proxy for a server, as written; empty where it is asked directly.

    Loopback always is. Where the agent has no proxy, those of the environment count, as they do for the
    built-in task (typed-rest-client: HttpClient.ts): HTTP_PROXY also for https where there is no
    HTTPS_PROXY, and an entry of NO_PROXY wherever it occurs in the address.
    """
    if server.is_loopback:
        return ""
    if proxy.url:
        return "" if _bypasses(proxy, server, log) else proxy.url
    address = f"{server.scheme}://{server.host}:{server.port}".lower()
    if any(entry.lower().lstrip("*") in address for entry in proxy.excepted):
        return ""
    return (proxy.https if server.scheme == "https" else "") or proxy.http


def _bypasses(proxy: Proxy, server: Origin, log: Callable[[str], None]) -> bool:
    """Whether the agent's bypass list matches.

    The expressions are searched, regardless of case, in `scheme://host[:port]`; broken ones
    are ignored (azure-pipelines-agent: AgentWebProxy.cs).
    """
    port = "" if server.port == DEFAULT_PORTS[server.scheme] else f":{server.port}"
    address = f"{server.scheme}://{server.host}{port}"
    for expression in proxy.bypass:
        try:
            # ECMAScript writes named groups without the P.
            if re.search(re.sub(r"\(\?<(?![=!])", "(?P<", expression), address, re.IGNORECASE):
                return True
        except (re.error, OverflowError, RecursionError):
            log("An expression in the agent's proxy bypass list is broken; it is ignored.")
    return False


def proxy_address(written: str) -> tuple[str, Credential]:
    """A proxy's URL without userinfo, and the login that is in that."""
    url = written if "://" in written else f"http://{written}"
    scheme, _, rest = url.partition("://")
    userinfo, _, address = rest.rpartition("@")
    user, _, password = userinfo.partition(":")
    return f"{scheme}://{address}", Credential(unquote(user), Secret(unquote(password)))


def is_gateway(written: str) -> bool:
    """Whether a proxy's address looks like that of a run's gateway; good for words, not for trust."""
    address, login = proxy_address(written)
    return login.username == "run" and address.startswith(("http://127.0.0.1:", "http://[::1]:"))


def refused() -> ServiceError:
    """The error that a proxy wants another login."""
    return ServiceError(
        "proxy-authentication",
        "The web proxy asks for a user name and password that it accepts (status 407)",
        hint="Write them into HTTPS_PROXY, or configure an agent with --proxyusername and --proxypassword.",
    )


def unreachable() -> ServiceError:
    """The error that no connection to a proxy can be made."""
    return ServiceError("connection-failed", "The web proxy cannot be reached", hint=_HINT)
