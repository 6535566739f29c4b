"""Requests within one deadline: the way to a server, patience with it, and its redirects."""

import math
import re
import threading
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, NamedTuple, TypeVar
from urllib.parse import unquote, urljoin, urlsplit

from pip_authenticate import __version__
from pip_authenticate.deadline import Deadline
from pip_authenticate.errors import ServiceError, unanswered
from pip_authenticate.index import DEFAULT_PORTS, Credential, Origin
from pip_authenticate.secret import Secret
from pip_authenticate.settings import Certificates, Proxy

if TYPE_CHECKING:
    from pip_authenticate.connections import Connections, Way

ATTEMPTS = 5
_TRY_SECONDS = 1.0
"""What a wait must leave until the deadline."""
# The span of waits for a busy service: seconds for each attempt so far, but at most a share of what is left.
# With these, of 120 jobs that share five requests a second, forty at once, none ran out of time.
_SPAN_SECONDS, _SPAN_SHARE, _SHORTEST_SPAN = 4.0, 0.3, 0.5
CONNECTIONS = 20
REDIRECTS = 5
URL_CHARACTERS = 16 * 1024
"""Longest URL that a server may name in a redirect or a link: signed ones have some thousand characters."""
DEACTIVATED = "TF24668"
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
        body: raw bytes; what is too long for its kind is cut.
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
        self._connections: Connections | None = None
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
        back is asked until the deadline.
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
            if response.status not in _RETRIED_STATUSES or DEACTIVATED in response.reason:
                if asked is not None:
                    host = origin_of(request.url).host
                    self._log(f"{host} is slowing requests down: Retry-After {asked:.0f} s")
                return response
            if asked is None and attempt >= ATTEMPTS:
                return response
            if not self._wait(_backoff(attempt) if asked is None else self._return_after(asked, attempt)):
                return response

    def _return_after(self, seconds: float, attempt: int) -> float:
        """When to come back to a service that says when: later than that, by chance.

        Jobs that were refused together must not return together. The span over which they do grows with
        the attempts, so that a busy service is asked less; and it shrinks as the time runs out, so that
        those who have waited for long come before newcomers.
        """
        from random import random  # noqa: PLC0415 - only a busy service needs it

        left = self.deadline.remaining
        refusals = attempt if seconds else attempt - 1  # "now" is taken at its word once
        span = min(_SPAN_SECONDS * refusals, _SPAN_SHARE * left * self.deadline.share)
        later = seconds + max(span, _SHORTEST_SPAN) * random()  # noqa: S311 - jitter is no secret
        last = left - _TRY_SECONDS - random()  # noqa: S311
        return later if later <= last else max(seconds, last)

    def _wait(self, seconds: float) -> bool:
        """Sleep, unless the deadline leaves no time for a try after that."""
        if seconds + _TRY_SECONDS > self.deadline.remaining:
            return False
        self.deadline.sleep(seconds)
        return True

    def _once(self, request: "_Request") -> Response:
        """One exchange, bounded even where name resolution hangs or a body trickles."""
        host = origin_of(request.url).host
        if self.deadline.remaining <= 0:
            raise unanswered(host, "the time for all requests is used up", slug="deadline")
        started = time.monotonic()
        connections, way = self._opened(), self._way(request)
        response = self._bounded(lambda: connections.exchange(way, *request, self.deadline), host)
        took = (time.monotonic() - started) * 1000
        self._log(f"{request.method} {request.shown}: {response.status} in {took:.0f} ms")
        return Response(*response, request.url)

    def _opened(self) -> "Connections":
        """The connections of the run."""
        from pip_authenticate.connections import Connections  # noqa: PLC0415 - many a run needs no request

        with self._lock:
            self._connections = self._connections or Connections(self._certificates, self._log)
            return self._connections

    def _way(self, request: "_Request") -> "Way":
        """Through a proxy or past it; the client's certificate goes where a credential goes."""
        from pip_authenticate.connections import PROXY_HINT, Way  # noqa: PLC0415

        origin = origin_of(request.url)
        client = self._certificates.client if "authorization" in request.headers else ""
        written = self._proxy_of(request.url)
        if not written:
            return Way(origin, None, None, client)
        address, pair = proxy_address(written)
        if self._proxy.url and self._proxy.username:
            pair = Credential(self._proxy.username, self._proxy.password)
        try:
            proxy = origin_of(address)
        except ServiceError:
            raise ServiceError(
                "proxy-unusable", "The address of the web proxy is no http or https URL", hint=PROXY_HINT
            ) from None
        return Way(origin, proxy, pair.authorization if pair.username else None, client)

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

    def _bounded(self, function: Callable[[], _T], host: str) -> _T:
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
            raise unanswered(host, f"no complete answer came within {seconds:.0f} s", slug="deadline")
        return outcome[0]


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


def _backoff(attempt: int) -> float:
    """Seconds to wait after a try: doubling from half a second, half of it random."""
    from random import random  # noqa: PLC0415 - only a fault needs it

    return 0.25 * (1 << attempt) * (0.5 + 0.5 * random())  # noqa: S311 - jitter is no secret


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
