"""Requests within one deadline: the way to a server, patience with it, and its redirects."""

import threading
import time
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from pip_authenticate import __version__
from pip_authenticate.deadline import Deadline
from pip_authenticate.errors import ServiceError, unanswered
from pip_authenticate.origin import origin_of
from pip_authenticate.secret import Secret
from pip_authenticate.settings import Certificates, Proxy

if TYPE_CHECKING:
    from pip_authenticate.connections import Connections, Way
    from pip_authenticate.patience import Patience

REDIRECTS = 5
REDIRECT_STATUSES = frozenset({301, 302, 303, 307, 308})

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


class Transport:
    """Sends requests within one deadline for the whole run.

    Args:
        proxy: the web proxy.
        certificates: the agent's certificate settings. The client's goes where a credential goes, and
            nowhere else.
        log: takes one line per exchange, for debugging; the lines hold no secret.
        deadline: the end of the run.
        more: headers that every request has, beside its own.
    """

    def __init__(
        self,
        proxy: Proxy,
        certificates: Certificates,
        log: Log,
        deadline: Deadline,
        more: Mapping[str, Secret] = MappingProxyType({}),
    ) -> None:
        self._proxy = proxy
        self._more = more
        self._certificates = certificates
        self.log = log
        self.deadline = deadline
        self._connections: Connections | None = None
        self._lock = threading.Lock()

    def past_proxies(self, more: Mapping[str, Secret], seconds: float) -> "Transport":
        """A transport for a service of this machine, which no proxy stands before.

        Args:
            more: headers that the service wants.
            seconds: how long all requests may take.
        """
        return Transport(Proxy(), self._certificates, self.log, self.deadline.within(seconds), more)

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
            headers = {
                **{name: value.reveal() for name, value in self._more.items()},
                **_headers(accept, authorization, content_type),
            }
            if first_byte_only:
                headers["range"] = "bytes=0-0"
            response = self._patiently(_Request(method, url, headers, body))
            if response.status not in REDIRECT_STATUSES:
                return response
            from pip_authenticate import redirects  # noqa: PLC0415 - most answers are none

            target = redirects.target(method, url, response.headers.get("location", ""))
            if not target:
                return response
            if not redirects.stays(origin_of(target), home):
                if elsewhere == "return":
                    return response
                if elsewhere == "refuse":
                    raise redirects.refused(home, origin_of(target))
                authorization = None  # for good: a chain that comes home was led there
            url = target
        from pip_authenticate import redirects  # noqa: PLC0415 - as above

        raise redirects.endless(home, REDIRECTS)

    def _patiently(self, request: "_Request") -> Response:
        """Try a request again where that may help."""
        patience: Patience | None = None
        while True:
            response, fault = None, None
            try:
                response = self._once(request)
            except ServiceError as error:
                fault = error
            if response and response.status == 200 and "retry-after" not in response.headers:
                return response
            if not patience:
                from pip_authenticate import patience as waiting  # noqa: PLC0415 - most answers are plain

                patience = waiting.Patience(self.deadline, self.log)
            if fault and not patience.outlasts(fault, f"{request.method} {request.shown}"):
                raise fault
            if response and not patience.returns(
                response.status,
                response.reason,
                response.headers.get("retry-after", ""),
                origin_of(request.url).host,
            ):
                return response

    def _once(self, request: "_Request") -> Response:
        """One exchange, bounded even where name resolution hangs or a body trickles."""
        host = origin_of(request.url).host
        if self.deadline.remaining <= 0:
            raise unanswered(host, "the time for all requests is used up", slug="deadline")
        started = time.monotonic()
        connections, way = self._opened(), self._way(request)
        response = self._bounded(lambda: connections.exchange(way, *request, self.deadline), host)
        took = (time.monotonic() - started) * 1000
        self.log(f"{request.method} {request.shown}: {response.status} in {took:.0f} ms")
        return Response(*response, request.url)

    def _opened(self) -> "Connections":
        """The connections of the run."""
        from pip_authenticate.connections import Connections  # noqa: PLC0415 - many a run needs no request

        with self._lock:
            self._connections = self._connections or Connections(self._certificates, self.log)
            return self._connections

    def _way(self, request: "_Request") -> "Way":
        """Through a proxy or past it; the client's certificate goes where a credential goes."""
        from pip_authenticate.connections import Way  # noqa: PLC0415

        origin = origin_of(request.url)
        client = self._certificates.client if "authorization" in request.headers else ""
        if not (self._proxy.url or self._proxy.https or self._proxy.http):
            return Way(origin, None, None, client)
        from pip_authenticate import proxies  # noqa: PLC0415 - few runs have one

        return Way(origin, *proxies.chosen(self._proxy, origin, self.log), client)

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
        if not outcome or self.deadline.remaining <= 0:  # what was read until then may be a part
            raise unanswered(host, f"no complete answer came within {seconds:.0f} s", slug="deadline")
        return outcome[0]


class _Request(NamedTuple):
    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def shown(self) -> str:
        """The address without its query, which may be signed."""
        return self.url.partition("?")[0]


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
