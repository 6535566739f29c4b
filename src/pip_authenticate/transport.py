"""The only opener of sockets: proxy, certificates, time-outs, retries and redirects in one place.

urllib3 is imported by the first request, so that a run which needs no request does not pay for it.
"""

import math
import os
import re
import stat
import threading
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, NamedTuple, TypeVar
from urllib.parse import unquote, urljoin, urlsplit

from pip_authenticate import __version__
from pip_authenticate.deadline import Deadline
from pip_authenticate.errors import ServiceError
from pip_authenticate.index import DEFAULT_PORTS, Credential, Origin
from pip_authenticate.secret import Secret
from pip_authenticate.settings import Certificates, Proxy

if TYPE_CHECKING:
    import ssl

    import urllib3

CONNECT_SECONDS = 8.0
READ_SECONDS = 15.0
ATTEMPTS = 5
CONNECTIONS = 20
REDIRECTS = 5
BODY_BYTES = 4 * 1024 * 1024
ERROR_BODY_BYTES = 64 * 1024
CERTIFICATE_BYTES = 16 * 1024 * 1024
URL_CHARACTERS = 16 * 1024
"""Longest URL that a server may name in a redirect or a link: signed ones have some thousand characters."""
HEADER_CHARACTERS = 2 * URL_CHARACTERS
_FINAL = "TF24668"
"""What Azure DevOps writes into the reason of a 503 that stays: the organisation is deactivated."""
_RETRIED_STATUSES = frozenset({408, 429, 500, 502, 503, 504})
REDIRECT_STATUSES = frozenset({301, 302, 303, 307, 308})

_S = TypeVar("_S")
_T = TypeVar("_T")
Log = Callable[[str], None]


class Response(NamedTuple):
    """An answer, read to its end or to the limit of its kind.

    Args:
        status: HTTP status code.
        reason: the reason phrase, where Azure DevOps puts its message; may be empty.
        headers: by lower-case name; repeated ones joined by a comma and a blank.
        body: raw bytes, at most BODY_BYTES (ERROR_BODY_BYTES from status 400 on).
        url: the address that answered, after redirects.
    """

    status: int
    reason: str
    headers: Mapping[str, str]
    body: bytes
    url: str


# What every reader of URLs reads alike: no userinfo, no backslash, nothing that is not ASCII. Two readers
# that disagree on where the host ends would send a credential to a host that nobody checked.
_PLAIN_URL = re.compile(
    r"https?://(\[[0-9a-f:.]+\]|[a-z0-9_.-]+)(:[0-9]{1,5})?([/?][!\"$-\[\]-~]*)?", re.IGNORECASE | re.ASCII
)


def origin_of(url: str) -> Origin:
    """The origin of an absolute http or https URL in plain spelling.

    Raises:
        ServiceError: it is not one.
    """
    if len(url) > URL_CHARACTERS or not _PLAIN_URL.fullmatch(url):
        raise ServiceError("not-an-address", "An address is not an absolute http or https URL")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    else:
        if parts.scheme in DEFAULT_PORTS and host:
            return Origin(parts.scheme, host, port or DEFAULT_PORTS[parts.scheme])
    raise ServiceError("not-an-address", "An address is not an absolute http or https URL")


class Transport:
    """Sends requests within one deadline for the whole run.

    Args:
        proxy: the web proxy.
        certificates: the agent's certificate settings. The client's goes where a credential goes, and
            nowhere else.
        log: takes one line per exchange, for debugging; the lines hold no secret.
        deadline: the end of the run.
    """

    def __init__(self, proxy: Proxy, certificates: Certificates, log: Log, deadline: Deadline) -> None:
        self._proxy = proxy
        self._certificates = certificates
        self._log = log
        self.deadline = deadline
        self._pools: dict[tuple[str, bool, bool], urllib3.PoolManager] = {}
        self._lock = threading.Lock()

    def request(
        self,
        method: str,
        url: str,
        *,
        accept: str = "application/json",
        authorization: Secret | None = None,
        body: bytes = b"",
        content_type: str = "",
        first_byte_only: bool = False,
        elsewhere: str = "refuse",
    ) -> Response:
        """Send one request, again where that may help, and follow its redirects.

        Args:
            method: HTTP method; the request must be one that may be sent twice.
            url: absolute http or https URL.
            accept: value of the Accept header.
            authorization: value of the Authorization header, for the origin of `url` and no other.
            body: sent as it is.
            content_type: what the body is.
            first_byte_only: ask for one byte of the answer, to see whether it may be had (RFC 9110,
                section 14.2).
            elsewhere: what becomes of a redirect to another origin. `refuse`: it is an error, since nobody
                else may answer in the asked one's place; `follow`: without the credential from there on;
                `return`: the redirect itself is the answer.

        Returns:
            Any answer that is not worth another try, error statuses included.

        Raises:
            ServiceError: no answer came in time, or it was not HTTP.
        """
        home = origin_of(url)
        for _ in range(REDIRECTS + 1):
            headers = _headers(accept, authorization, content_type)
            if first_byte_only:
                headers["range"] = "bytes=0-0"
            response = self._patiently(_Request(method, url, headers, body))
            location = response.headers.get("location", "")
            if response.status not in REDIRECT_STATUSES or not location or "_signin" in location:
                return response
            if method == "POST":  # what it carries is meant for nobody else
                return response
            target = _redirected(url, location)
            if origin_of(url).scheme == "https" and origin_of(target).scheme != "https":
                raise ServiceError(
                    "insecure-redirect",
                    f"{origin_of(url).host} redirects from https to plain http, which is refused",
                    hint="Ask whoever runs that server, or the proxy before it.",
                )
            if not _is_home(origin_of(target), home):
                if elsewhere == "return":
                    return response
                if elsewhere == "refuse":
                    raise ServiceError(
                        "foreign-redirect",
                        f"{home.host} redirects to another place, {origin_of(target).host}; it is not asked",
                        hint="Check the address; where a server has moved, write its new address.",
                    )
                authorization = None  # for good: a chain that comes home was led there
            url = target
        raise ServiceError(
            "redirect-loop",
            f"{home.host} redirects without end",
            context=f"{REDIRECTS} redirects followed",
            hint="Check the organisation's address.",
        )

    def _patiently(self, request: "_Request") -> Response:
        """Try a request again where that may help.

        Faults are tried a few times, after a growing, random while. A service that says when to come
        back is asked until the deadline, each time a little later than it says: jobs that were refused
        together must not return together.
        """
        attempt = 0
        while True:
            attempt += 1
            try:
                response = self._once(request)
            except ServiceError as error:
                if error.slug not in _PASSING_FAULTS:
                    raise
                self._log(f"{request.method} {request.shown}: {error.what} (try {attempt} of {ATTEMPTS})")
                if attempt >= ATTEMPTS or not self._wait(_backoff(attempt)):
                    raise _gave_up(error, attempt) from None
                continue
            asked = _retry_after(response.headers.get("retry-after", ""))
            if response.status not in _RETRIED_STATUSES or _FINAL in response.reason:
                if asked is not None:
                    host = origin_of(request.url).host
                    self._log(f"{host} is slowing requests down: Retry-After {asked:.0f} s")
                return response
            if asked is None and attempt >= ATTEMPTS:
                return response
            if not self._wait(_backoff(attempt) if asked is None else _jittered(asked, attempt)):
                return response

    def _wait(self, seconds: float) -> bool:
        """Sleep, unless the deadline leaves no time for a try after that."""
        if seconds + 1 > self.deadline.remaining:
            return False
        self.deadline.sleep(seconds)
        return True

    def _once(self, request: "_Request") -> Response:
        """One exchange, bounded even where name resolution hangs or a body trickles."""
        if self.deadline.remaining <= 0:
            raise _silence(request.url, "the time for all requests is used up", slug="deadline")
        started = time.monotonic()
        pool = self._pool(request)
        response = self._bounded(lambda: self._exchange(pool, request), request.url)
        took = (time.monotonic() - started) * 1000
        self._log(f"{request.method} {request.shown}: {response.status} in {took:.0f} ms")
        return response

    def _exchange(self, pool: "urllib3.PoolManager", request: "_Request") -> Response:
        import urllib3  # noqa: PLC0415
        from urllib3 import exceptions  # noqa: PLC0415

        patience = max(self.deadline.remaining, 0.1)
        timeout = urllib3.Timeout(connect=min(CONNECT_SECONDS, patience), read=min(READ_SECONDS, patience))
        try:
            answer = pool.request(
                request.method,
                request.url,
                headers=request.headers,
                body=request.body or None,
                timeout=timeout,
                redirect=False,
                retries=False,
                preload_content=False,
                decode_content=False,
            )
            limit = ERROR_BODY_BYTES if answer.status >= 400 else BODY_BYTES
            body = _read(answer, limit, self.deadline)
        except exceptions.HTTPError as error:
            proxied = isinstance(pool, urllib3.ProxyManager)
            raise _explain(error, request.url, proxied=proxied) from None
        if answer.status == 407:
            raise _proxy_refused()
        headers = {name.lower(): value[:HEADER_CHARACTERS] for name, value in answer.headers.itermerged()}
        return Response(answer.status, answer.reason or "", headers, body, request.url)

    def _pool(self, request: "_Request") -> "urllib3.PoolManager":
        """The connections for a request: through a proxy or past it, each kept alive.

        Those that show the client's certificate are kept apart: it goes where a credential goes.
        """
        proxy = self._proxy_of(request.url)
        secure = origin_of(request.url).scheme == "https"
        certified = bool(self._certificates.client) and "authorization" in request.headers
        kind = proxy, secure, certified
        with self._lock:
            if kind not in self._pools:
                self._pools[kind] = self._new_pool(proxy, secure=secure, certified=certified)
            return self._pools[kind]

    def _new_pool(self, proxy: str, *, secure: bool, certified: bool) -> "urllib3.PoolManager":
        import urllib3  # noqa: PLC0415

        context = self._tls(certified=certified) if secure else None
        if self._certificates.unchecked:  # the output has its own warning
            urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
        if not proxy:
            return urllib3.PoolManager(maxsize=CONNECTIONS, ssl_context=context)
        url, pair = proxy_address(proxy)
        if self._proxy.url and self._proxy.username:
            pair = Credential(self._proxy.username, self._proxy.password)
        login = {"proxy-authorization": pair.authorization.reveal()} if pair.username else None
        try:
            own = self._tls(certified=False) if origin_of(url).scheme == "https" else None
            return urllib3.ProxyManager(
                url, maxsize=CONNECTIONS, proxy_headers=login, ssl_context=context, proxy_ssl_context=own
            )
        except (ServiceError, urllib3.exceptions.HTTPError) as error:
            if isinstance(error, ServiceError) and error.slug == _CERTIFICATE_FILE:
                raise
            raise ServiceError(
                "proxy-unusable",
                "The address of the web proxy is no http or https URL",
                hint=_PROXY_HINT,
            ) from None

    def _proxy_of(self, url: str) -> str:
        """The address of the proxy for a URL, as written; empty where it is asked directly.

        Loopback always is. Where the agent has no proxy, those of the environment count, as they do for the
        built-in task (typed-rest-client: HttpClient.ts): HTTP_PROXY also for https where there is no
        HTTPS_PROXY, and an entry of NO_PROXY wherever it occurs in the address.
        """
        origin = origin_of(url)
        if origin.is_loopback:
            return ""
        if self._proxy.url:
            return "" if self._bypasses(origin) else self._proxy.url
        address = f"{origin.scheme}://{origin.host}:{origin.port}".lower()
        if any(entry.lower().lstrip("*") in address for entry in self._proxy.excepted):
            return ""
        return (self._proxy.https if origin.scheme == "https" else "") or self._proxy.http

    def _bypasses(self, origin: Origin) -> bool:
        """Whether the agent's bypass list matches.

        The expressions are searched, regardless of case, in `scheme://host[:port]`; broken ones
        are ignored (azure-pipelines-agent: AgentWebProxy.cs).
        """
        port = "" if origin.port == DEFAULT_PORTS[origin.scheme] else f":{origin.port}"
        address = f"{origin.scheme}://{origin.host}{port}"
        for expression in self._proxy.bypass:
            try:
                # ECMAScript writes named groups without the P.
                if re.search(re.sub(r"\(\?<(?![=!])", "(?P<", expression), address, re.IGNORECASE):
                    return True
            except (re.error, OverflowError, RecursionError):
                self._log("An expression in the agent's proxy bypass list is broken; it is ignored.")
        return False

    def _tls(self, *, certified: bool) -> "ssl.SSLContext":
        """Trust what the system trusts and what the agent's settings add."""
        import ssl  # noqa: PLC0415

        import truststore  # noqa: PLC0415

        given = self._certificates
        context = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        if given.unchecked:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        try:
            if given.authorities:
                context.load_verify_locations(cafile=_file(given.authorities))
            self._trust_also(context, given.extra_authorities)
            if certified:
                # Never None: OpenSSL would ask for the password on the terminal.
                password = given.client_password.reveal()
                key = _file(given.client_key) if given.client_key else None
                context.load_cert_chain(_file(given.client), key, password)
        except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
            raise ServiceError(
                _CERTIFICATE_FILE,
                "A certificate file of the agent's settings cannot be used",
                context=type(error).__name__,
                hint="Check the agent's --sslcacert, --sslclientcert and --sslclientcertkey settings.",
            ) from None
        return context

    def _trust_also(self, context: "ssl.SSLContext", file: str) -> None:
        """Trust what NODE_EXTRA_CA_CERTS names, as Node does for the built-in task: where it can be used."""
        try:
            if file:
                context.load_verify_locations(cafile=_file(file))
        except (OSError, ValueError):
            self._log("The file that NODE_EXTRA_CA_CERTS names cannot be used; it is ignored.")

    def in_parallel(self, function: Callable[[_S], _T], items: list[_S]) -> list[_T]:
        """Apply a function to all items at once; the results keep the items' order.

        Raises:
            Cancelled: the run shall stop.
            Exception: the first one that the function raised.
        """
        if len(items) < 2:
            return [function(item) for item in items]
        waiting = list(enumerate(items))[::-1]
        outcomes, failures = dict[int, _T](), dict[int, BaseException]()

        def work() -> None:
            while waiting:
                try:
                    position, item = waiting.pop()
                except IndexError:  # another thread was faster
                    return
                try:
                    self.deadline.check()
                    outcomes[position] = function(item)
                except BaseException as error:  # noqa: BLE001 - handed to the caller's thread
                    failures[position] = error

        # Daemons, unlike those of a ThreadPoolExecutor: a cancelled run does not wait for them.
        threads = [threading.Thread(target=work, daemon=True) for _ in items[:CONNECTIONS]]
        for thread in threads:
            thread.start()
        for thread in threads:
            self.deadline.join(thread, math.inf)
        if failures:
            raise failures[min(failures)]
        return [outcomes[position] for position in range(len(items))]

    def _bounded(self, function: Callable[[], _T], url: str) -> _T:
        """Run a function in a thread and stop waiting for it at the deadline."""
        outcome: list[_T] = []
        failure: list[BaseException] = []

        def run() -> None:
            try:
                outcome.append(function())
            except BaseException as error:  # noqa: BLE001 - handed to the caller's thread
                failure.append(error)

        seconds = self.deadline.remaining
        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        self.deadline.join(thread, seconds)
        if failure:
            raise failure[0]
        if not outcome:
            raise _silence(url, f"no complete answer came within {seconds:.0f} s", slug="deadline")
        return outcome[0]


_CERTIFICATE_FILE = "certificate-file"
_PROXY_HINT = "Check the agent's proxy settings (config --proxyurl), or HTTPS_PROXY where it has none."
# A fault of these kinds may be gone a moment later.
_PASSING_FAULTS = frozenset({"connection-failed", "no-answer", "broken-answer"})


class _Request(NamedTuple):
    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def shown(self) -> str:
        """The address without its query, which may be signed."""
        return self.url.partition("?")[0]


def proxy_address(written: str) -> tuple[str, Credential]:
    """A proxy's URL without userinfo, and the login that is in that."""
    url = written if "://" in written else f"http://{written}"
    scheme, _, rest = url.partition("://")
    userinfo, _, address = rest.rpartition("@")
    user, _, password = userinfo.partition(":")
    return f"{scheme}://{address}", Credential(unquote(user), Secret(unquote(password)))


def _headers(accept: str, authorization: Secret | None, content_type: str) -> dict[str, str]:
    headers = {
        "accept": accept,
        "accept-encoding": "identity",
        "user-agent": f"pip-authenticate/{__version__}",
        # Without it Azure DevOps answers a wrong credential with a sign-in page, not with 401.
        "x-tfs-fedauthredirect": "Suppress",
    }
    if content_type:
        headers["content-type"] = content_type
    if authorization:
        headers["authorization"] = authorization.reveal()
    return headers


def _read(answer: "urllib3.BaseHTTPResponse", limit: int, deadline: Deadline) -> bytes:
    """Read a body up to a limit in bytes; a connection with more to come is not used again."""
    body = bytearray()
    while len(body) <= limit and deadline.remaining > 0:
        chunk = answer.read1(16 * 1024)
        if not chunk:
            answer.release_conn()
            return bytes(body)
        body += chunk
    answer.close()
    return bytes(body[:limit])


def _file(path: str) -> str:
    """A path that is worth opening: a device or a pipe would be read without end.

    Raises:
        OSError: there is no file of a reasonable size.
    """
    found = os.stat(path)  # noqa: PTH116 - pathlib costs some milliseconds
    if not stat.S_ISREG(found.st_mode) or found.st_size > CERTIFICATE_BYTES:
        raise OSError
    return path


def _backoff(attempt: int) -> float:
    """Seconds to wait after a try: doubling from half a second, half of it random."""
    from random import random  # noqa: PLC0415 - only a fault needs it

    return 0.25 * (1 << attempt) * (0.5 + 0.5 * random())  # noqa: S311 - jitter is no secret


def _jittered(seconds: float, attempt: int) -> float:
    """A little later than a service asks, and more so each time."""
    from random import random  # noqa: PLC0415 - only a fault needs it

    return seconds + min(attempt, 4) * random()  # noqa: S311 - jitter is no secret


def _retry_after(value: str) -> float | None:
    """The seconds of a Retry-After header (RFC 9110, section 10.2.3), or None where it says none."""
    value = value.strip()
    if not value:
        return None
    if value.isdecimal() and len(value) < 10:
        return float(value)
    from email.utils import parsedate_to_datetime  # noqa: PLC0415 - a rare form

    try:
        return max(parsedate_to_datetime(value).timestamp() - time.time(), 0.0)
    except (ValueError, OverflowError):
        return None


def _silence(url: str, why: str, *, slug: str) -> ServiceError:
    return ServiceError(
        slug,
        f"{origin_of(url).host} did not answer: {why}",
        hint="Check that the agent reaches it; a proxy is set on the agent, not in the pipeline.",
    )


def _is_home(target: Origin, home: Origin) -> bool:
    """Whether two origins are one, or the same host's default ports with encryption added."""
    return target == home or (target == ("https", home.host, 443) and home == ("http", home.host, 80))


def _redirected(url: str, location: str) -> str:
    """The address that a redirect leads to."""
    try:
        target = urljoin(url, location.partition("#")[0])
        origin_of(target)
    except (ValueError, ServiceError):
        raise ServiceError(
            "broken-redirect",
            f"{origin_of(url).host} redirects to something that is no http or https address",
            hint="Check the organisation's address, and that no proxy answers in the service's place.",
        ) from None
    return target


def _gave_up(error: ServiceError, attempts: int) -> ServiceError:
    return ServiceError(error.slug, error.what, context=f"{attempts} tries", hint=error.hint)


def _proxy_refused() -> ServiceError:
    return ServiceError(
        "proxy-authentication",
        "The web proxy asks for a user name and password that it accepts (status 407)",
        hint="Configure the agent with --proxyusername and --proxypassword, or write them into HTTPS_PROXY.",
    )


def _explain(error: Exception, url: str, *, proxied: bool) -> ServiceError:
    """Turn an exception of urllib3 into one of ours; its own text may quote addresses, ours does not."""
    from urllib3 import exceptions  # noqa: PLC0415

    cause: BaseException = error
    if isinstance(error, exceptions.ProxyError):
        cause = error.original_error
        if not isinstance(cause, exceptions.SSLError):
            return _explain_proxy(cause, url)
    if isinstance(cause, exceptions.SSLError):
        return ServiceError(
            "certificate-rejected" if "CERTIFICATE_VERIFY_FAILED" in str(cause) else "tls-failed",
            f"The secure connection to {origin_of(url).host} could not be made",
            context=_tls_reason(str(cause)),
            hint="Where a proxy inspects TLS, give the agent its certificate with --sslcacert, or name it in "
            "NODE_EXTRA_CA_CERTS.",
        )
    via = " through the web proxy" if proxied else ""
    for kind, slug, why in (
        (exceptions.NameResolutionError, "connection-failed", "its name cannot be resolved"),
        (exceptions.NewConnectionError, "connection-failed", f"no connection{via} could be made"),
        (exceptions.ConnectTimeoutError, "no-answer", f"connecting{via} took too long"),
        (exceptions.TimeoutError, "no-answer", f"nothing came{via} for too long"),
    ):
        if isinstance(cause, kind):
            return _silence(url, why, slug=slug)
    return _silence(url, f"its answer{via} broke off or was no HTTP", slug="broken-answer")


def _explain_proxy(cause: BaseException, url: str) -> ServiceError:
    if "407" in str(cause):
        return _proxy_refused()
    if "Tunnel" in str(cause):
        return _silence(url, "the web proxy could not connect to it", slug="connection-failed")
    return ServiceError(
        "connection-failed",
        "The web proxy cannot be reached",
        hint=_PROXY_HINT,
    )


def _tls_reason(text: str) -> str:
    """OpenSSL's short reason (`self-signed certificate`), which names no secret."""
    _, _, reason = text.partition("certificate verify failed: ")
    short = reason.split(" (_ssl")[0].split(", certificate is")[0].split("'")[0]
    return short[:120] or "the TLS handshake failed"
