"""The second door's life: an index on loopback, for as long as a program runs, or until a person ends it."""

from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager

from pip_authenticate.gateway.answering import answering
from pip_authenticate.gateway.entrance import Entrance
from pip_authenticate.gateway.fence import Guarded
from pip_authenticate.gateway.index_server import IndexServer
from pip_authenticate.gateway.record import Record
from pip_authenticate.gateway.renewal import Credentials, Renew
from pip_authenticate.gateway.shelf import Shelf
from pip_authenticate.gateway.upstream import Upstream
from pip_authenticate.secret import Secret
from pip_authenticate.settings import Network

_USER = "serve"
_ADDRESSES = ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "UV_DEFAULT_INDEX")
"""Variables that name the door. The second one is in the way of what a pip.conf adds; pip asks an address
that is there twice once."""
_PROXIES = ("HTTPS_PROXY", "HTTP_PROXY")
_EXCEPTIONS = ("NO_PROXY", "no_proxy")


class Door:
    """An index on loopback.

    Args:
        indexes: what it is made of, in their order.
        port: to listen on; 0 has the system choose one.
        is_guarded: as in `Shelf`.
        network: the caller's.
        renew: asks for credentials anew; called in another thread.
        secrets: what no answer may repeat.
        log: takes one line for people who debug; called in another thread.

    Attributes:
        record: what happened.

    Raises:
        DeliveryError: there is no loopback to listen on, or somebody else has the port.
    """

    def __init__(
        self,
        indexes: list[Guarded],
        port: int,
        network: Network,
        renew: Renew,
        secrets: Iterable[Secret],
        log: Callable[[str], None],
        *,
        is_guarded: bool,
    ) -> None:
        self.record = Record()
        self._entrance = Entrance(_USER, port, admits_root=True)
        credentials = Credentials(indexes, renew, self.record.fail)
        self._upstream = Upstream(network, credentials, secrets, log)
        self._shelf = Shelf(indexes, self._upstream, self.record, is_guarded=is_guarded)

    def learn(self, secrets: Iterable[Secret]) -> None:
        """Let no answer repeat these secrets either."""
        self._upstream.learn(secrets)

    @property
    def secrets(self) -> Iterator[Secret]:
        """What must not be shown."""
        yield from self._entrance.secrets

    def variables(self, environ: Mapping[str, str]) -> dict[str, str]:
        """What leads installers here.

        pip keeps nothing of an index by plain http that it is not told to trust, and sends requests for
        loopback through a web proxy, too; where it has a variable of its own for that, without exception.

        Args:
            environ: a program's variables so far, which PIP_PROXY must be taken from.
        """
        origin = self._entrance.origin
        trusted = f"{environ.get('PIP_TRUSTED_HOST', '')} {origin.netloc}".strip()
        excepted = {name: environ.get(name, "") for name in _EXCEPTIONS}
        others = next(filter(None, excepted.values()), "")
        without_proxy = ",".join(filter(None, (others, origin.host)))
        proxy = environ.get("PIP_PROXY")
        return {
            **(dict.fromkeys(_PROXIES, proxy) if proxy else {}),
            **dict.fromkeys(_ADDRESSES, f"{self._entrance.address.reveal()}/simple/"),
            "PIP_TRUSTED_HOST": trusted,
            **dict.fromkeys(_EXCEPTIONS, without_proxy),
        }

    @contextmanager
    def running(self, *, at_once: bool = False) -> Iterator[None]:
        """Answer, in a thread of its own; to be begun when nothing is forked any more.

        Args:
            at_once: as in `Upstream.prepare`.
        """

        async def serve(over: Awaitable[object]) -> None:
            self._upstream.prepare(self._shelf.origins, at_once=at_once)
            await IndexServer(self._entrance, self._shelf, self._upstream, self.record).serve(over)

        with answering(lambda: serve, self.record.fail, self.record.fail):
            yield
