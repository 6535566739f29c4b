"""The way on: requests to the indexes themselves, with their credentials."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager, suppress
from typing import TypedDict

import aiohttp
from yarl import URL

from pip_authenticate import proxies
from pip_authenticate.encryption import Encryption
from pip_authenticate.errors import PipAuthenticateError
from pip_authenticate.gateway import trust
from pip_authenticate.gateway.fence import Guarded
from pip_authenticate.gateway.packing import unpacked
from pip_authenticate.gateway.renewal import Credentials
from pip_authenticate.origin import Origin, origin_of
from pip_authenticate.secret import MASK, Secret
from pip_authenticate.settings import Network

CONNECT_SECONDS, READ_SECONDS = 8.0, 60.0
"""For a connection, with a web proxy's answer and TLS; and between two pieces of an answer."""
AHEAD_SECONDS = 2.0
"""How long a request waits for a connection that is being opened, before it tries to open its own: with that
it is answered before pip stops waiting (15 seconds)."""
FEW, MANY, AT_ONCE_SECONDS = 1, 24, 1.0
"""Connections to an index that are opened before they are needed: for who asks for one thing after the
other, and for who asks for many at once."""
ALTOGETHER = 96
"""Most that are opened to all: macOS lets a process have 256 files, and clients need as many again."""
PAGE_BYTES = 64 * 1024 * 1024
"""Longest page that is read; the largest public one has some ten million bytes."""
REFUSED = frozenset({401, 203})
"""Statuses of who does not take a credential; the second one comes with a sign-in page."""
ERROR_BYTES = 64 * 1024
FAILED = (aiohttp.ClientError, asyncio.TimeoutError, OSError, ValueError)
"""What a request raises that is not answered."""
_SHOWN = frozenset(
    {
        "accept-ranges", "age", "cache-control", "content-disposition", "content-encoding", "content-length",
        "content-range", "content-type", "date", "etag", "expires", "last-modified", "location",
        "retry-after", "vary", "x-pypi-last-serial",
    }
)  # fmt: skip
"""What of an index's headers clients see: what they need, nothing to log in by, nothing of the user's."""
_BETWEEN_NEIGHBOURS = frozenset(
    {
        "connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection", "te",
        "trailer", "transfer-encoding", "upgrade", "proxy-authentication-info",
    }
)  # fmt: skip
"""Headers that concern one connection (RFC 9110, section 7.6.1)."""


class SendAgain(Exception):  # noqa: N818 - no error: what is asked of a client
    """A credential was not taken that is another one now, for what cannot be sent twice from here."""


class _Way(TypedDict):
    """What of a request says how it travels."""

    ssl: ssl.SSLContext
    proxy: str | None
    proxy_headers: dict[str, str] | None


class _Opened(Exception):  # noqa: N818 - what is raised by what went well
    """A connection was opened, and waits for the next request."""


class _Opening(aiohttp.ClientRequest):
    """A request that is never sent: it opens a connection, and leaves it to the others."""

    async def send(self, conn: aiohttp.connector.Connection) -> aiohttp.ClientResponse:
        await asyncio.sleep(0)  # so that those which are opened together do not all take the same one
        conn.release()
        raise _Opened


class Upstream:
    """Asks indexes, through the web proxy where there is one.

    Args:
        network: the caller's. The client's certificate is shown to the private indexes and to nobody else.
        credentials: what opens the indexes.
        secrets: what no answer may repeat.
        log: takes one line for people who debug.

    Attributes:
        seconds: how long a question whose a name is may take.
    """

    def __init__(
        self,
        network: Network,
        credentials: Credentials,
        secrets: Iterable[Secret],
        log: Callable[[str], None],
    ) -> None:
        self._proxy = network.proxy
        self.seconds = network.seconds
        self._client = network.certificates.client
        self._private = {index.url.origin for index in credentials.indexes if not index.is_public}
        origins = {index.url.origin for index in credentials.indexes}
        self._many = max(min(MANY, ALTOGETHER // max(len(origins), 1)), FEW)
        self.encryption = Encryption(network.certificates, log, trust.read_once)
        self._credentials = credentials
        self._texts = list[str]()
        self.learn(secrets)
        self.log = log
        self._session: aiohttp.ClientSession | None = None
        self._opening: aiohttp.ClientSession | None = None
        self._expected = dict[Origin, list[float]]()
        self._ahead = dict[Origin, list[asyncio.Task[None]]]()
        self._most_ahead = dict[Origin, int]()

    def learn(self, secrets: Iterable[Secret]) -> None:
        """Let no answer repeat these either."""
        texts = {*self._texts, *(secret.reveal() for secret in secrets if len(secret.reveal()) > 3)}
        self._texts = sorted(texts, key=len, reverse=True)

    def prepare(self, origins: Iterable[Origin], *, at_once: bool) -> None:
        """Open connections to indexes while a client starts, which takes longer than that.

        Args:
            origins: of the indexes.
            at_once: whether the client is known to ask for many things at once.
        """
        for origin in origins:
            self._open(origin, self._many if at_once else FEW)

    def expect(self, origin: Origin) -> None:
        """Hear of a client who has come in for an index.

        Who comes by a second way at the same time asks for many things at once.
        """
        now, times = asyncio.get_running_loop().time(), self._expected.setdefault(origin, [])
        if len(times) < 2:
            times.append(now)
            if len(times) == 2 and now - times[0] < AT_ONCE_SECONDS:
                self._open(origin, self._many)

    def _open(self, origin: Origin, count: int) -> None:
        """Have so many connections ready, with those that are; once."""
        if origin.scheme == "https" and count > self._most_ahead.get(origin, 0):
            self._most_ahead[origin] = count
            opening = (asyncio.ensure_future(self._open_ahead(origin)) for _ in range(count))
            self._ahead.setdefault(origin, []).extend(opening)

    async def _open_ahead(self, origin: Origin) -> None:
        if self._opening is None:
            session = self._opened()
            self._opening = aiohttp.ClientSession(
                connector=session.connector,
                connector_owner=False,
                cookie_jar=aiohttp.DummyCookieJar(),
                request_class=_Opening,
                timeout=session.timeout,
            )
        with suppress(_Opened, PipAuthenticateError, *FAILED):  # who needs it will see why there is none
            await self._opening.head(f"https://{origin.netloc}/", **self._way(origin))

    async def close(self) -> None:
        """Hang up."""
        for session in (self._opening, self._session):
            if session:
                await session.close()

    def proxy_of(self, origin: Origin) -> tuple[Origin | None, Secret | None]:
        """The web proxy before a server, and its Proxy-Authorization; each None where there is none.

        Raises:
            ServiceError: the proxy's address cannot be used.
        """
        return proxies.chosen(self._proxy, origin, self.log)

    @asynccontextmanager
    async def ask(
        self, method: str, url: str, headers: Mapping[str, str], index: Guarded | None, body: object = None
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """Send a request, and give its answer; redirects are answers.

        Args:
            method: of HTTP.
            url: absolute.
            headers: of the client's.
            index: whose credential goes with it, if any; to no other origin, whatever its pages name.
            body: what it carries; it comes once only.

        Raises:
            SendAgain: there is another credential now than the one that went with a body.
            ServiceError: a proxy or a certificate of the settings cannot be used.
            Exception: one of FAILED.
        """
        origin = origin_of(url.partition("?")[0])
        if index and origin != index.url.origin:
            index = None
        opened = await self._credentials.of(index) if index else None
        async with self._sent(method, url, origin, headers, index, opened, body) as answer:
            is_refused = answer.status in REFUSED and opened is not None
            if not (index and is_refused and await self._credentials.renewed(index, opened)):
                yield answer
                return
        if body is not None:
            raise SendAgain
        opened = await self._credentials.of(index)
        async with self._sent(method, url, origin, headers, index, opened, body) as answer:
            yield answer

    @asynccontextmanager
    async def _sent(
        self,
        method: str,
        url: str,
        origin: Origin,
        headers: Mapping[str, str],
        index: Guarded | None,
        authorization: Secret | None,
        body: object,
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """Send a request once."""
        sent = dict(headers)
        if index:
            # Without it Azure DevOps answers a wrong credential with a sign-in page, not with 401.
            sent["x-tfs-fedauthredirect"] = "Suppress"
        if authorization:
            sent["authorization"] = authorization.reveal()
        if self._ahead.get(origin):
            await asyncio.wait([self._ahead[origin].pop(0)], timeout=AHEAD_SECONDS)
        way = self._way(origin)
        if way["proxy_headers"] and origin.scheme == "http":
            sent |= way[
                "proxy_headers"
            ]  # with a tunnel it is said there; without one, aiohttp says it nowhere
        async with self._opened().request(
            method, URL(url, encoded=True), headers=sent, data=body, allow_redirects=False, **way
        ) as answer:
            yield answer

    def _way(self, origin: Origin) -> _Way:
        """How a server is reached: connections of one way are used again for it only."""
        client = self._client if origin in self._private else ""
        proxy, login = self.proxy_of(origin)
        return {
            "ssl": self.encryption.context(client),
            "proxy": f"{proxy.scheme}://{proxy.netloc}" if proxy else None,
            "proxy_headers": {"proxy-authorization": login.reveal()} if login else None,
        }

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=75, ttl_dns_cache=300),
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(total=None, connect=CONNECT_SECONDS, sock_read=READ_SECONDS),
                auto_decompress=False,  # what is streamed goes on as it came
                skip_auto_headers=("user-agent", "accept", "accept-encoding", "content-type"),
                max_line_size=32 * 1024,
                max_field_size=32 * 1024,
                read_bufsize=256 * 1024,
            )
        return self._session

    def headers_of(self, answer: aiohttp.ClientResponse) -> list[tuple[str, str]]:
        """What of an index's headers a client may see."""
        return [
            (name, self.scrubbed(value)) for name, value in answer.headers.items() if name.lower() in _SHOWN
        ]

    def headers_of_others(self, answer: aiohttp.ClientResponse) -> list[tuple[str, str]]:
        """The headers of who is no index."""
        return passed_on(answer.headers)

    def scrubbed(self, text: str) -> str:
        """A text without any secret that is known here."""
        for secret in self._texts:
            text = text.replace(secret, MASK)
        return text

    def scrubbed_bytes(self, content: bytes) -> bytes:
        """The same for a body."""
        for secret in self._texts:
            content = content.replace(secret.encode("utf-8", "surrogateescape"), MASK.encode())
        return content


def passed_on(headers: Mapping[str, str]) -> list[tuple[str, str]]:
    """The headers that a proxy hands on."""
    listed = {name.strip().lower() for name in headers.get("Connection", "").split(",")}
    return [
        (name, value) for name, value in headers.items() if name.lower() not in _BETWEEN_NEIGHBOURS | listed
    ]


async def read(answer: aiohttp.ClientResponse, limit: int) -> bytes | None:
    """What is in a body; None where that is longer than a limit in bytes."""
    content = await read_as_it_is(answer, limit)
    return None if content is None else unpacked(content, coding_of(answer), limit)


def coding_of(answer: aiohttp.ClientResponse) -> str:
    """How a body is packed; empty where it is not."""
    return answer.headers.get("content-encoding", "")


async def read_as_it_is(answer: aiohttp.ClientResponse, limit: int) -> bytes | None:
    """A body; None where it is longer than a limit in bytes."""
    parts, size = list[bytes](), 0
    async for part in answer.content.iter_any():
        parts.append(part)
        size += len(part)
        if size > limit:
            return None
    return b"".join(parts)
