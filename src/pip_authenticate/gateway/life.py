"""The gateway's life: from before its command starts until that has ended."""

import os
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING

from pip_authenticate.client_settings import PrivateFile
from pip_authenticate.errors import DeliveryError
from pip_authenticate.gateway import trust
from pip_authenticate.gateway.answering import Serve, answering
from pip_authenticate.gateway.authority import Authority
from pip_authenticate.gateway.entrance import Entrance
from pip_authenticate.gateway.fence import Fence, Guarded
from pip_authenticate.gateway.record import Record
from pip_authenticate.origin import Origin
from pip_authenticate.private_files import Folder
from pip_authenticate.secret import Secret
from pip_authenticate.settings import Network

if TYPE_CHECKING:
    from pip_authenticate.gateway.renewal import Renew
    from pip_authenticate.gateway.upstream import Upstream

# The last one because pip takes a proxy of its own files before those of the others.
_PROXIES = ("HTTPS_PROXY", "HTTP_PROXY", "https_proxy", "http_proxy", "PIP_PROXY")
_OTHER_PROXIES = ("ALL_PROXY", "all_proxy")
"""Variables that lead a client past the gateway where the caller has set them."""
_EXCEPTIONS = ("NO_PROXY", "no_proxy")


class Gateway:
    """Adds credentials to requests for some indexes, for as long as one command runs.

    Args:
        indexes: what is opened.
        network: the caller's.
        renew: asks for credentials anew; called in another thread.
        secrets: what no answer may repeat.
        log: takes one line for people who debug; called in another thread.

    Attributes:
        record: what happened.

    Raises:
        DeliveryError: there is no loopback to listen on.
    """

    def __init__(
        self,
        indexes: list[Guarded],
        network: Network,
        renew: "Renew",
        secrets: Iterable[Secret],
        log: Callable[[str], None],
    ) -> None:
        self.record = Record()
        self._entrance = Entrance()
        self._fence = Fence(indexes)
        self._network = network
        self._renew = renew
        self._secrets = dict.fromkeys(secrets)
        self._log = log
        self._upstream: Upstream | None = None
        self._authority: Authority | None = None

    def learn(self, secrets: Iterable[Secret]) -> None:
        """Let no answer repeat these secrets either."""
        self._secrets |= dict.fromkeys(secrets)
        if self._upstream:
            self._upstream.learn(list(self._secrets))

    @property
    def secrets(self) -> Iterator[Secret]:
        """What must not be shown."""
        yield from self._entrance.secrets

    def variables(self, environ: Mapping[str, str], folder: Folder) -> dict[str, str]:
        """What leads the command through the gateway.

        Args:
            environ: its variables so far.
            folder: a private one, which lives as long as the command.

        Raises:
            DeliveryError: a variable leads it past the gateway, or the folder cannot be written to.
        """
        for name in _EXCEPTIONS:
            for origin in self._fence.origins:
                if any(_excepts(entry, origin) for entry in environ.get(name, "").split(",")):
                    raise DeliveryError(
                        "no-proxy",
                        f"{name} names {origin.host}: requests for an index there would go past the gateway, "
                        "without a credential",
                        hint=f"Take it out of {name}, or use --via files.",
                    )
        hosts = [origin.host for origin in self._fence.origins if origin.scheme == "https"]
        self._authority = Authority.made(hosts, folder)
        text = trust.bundle(environ, self._authority.certificate)
        folder.write([PrivateFile(trust.FILE, Secret(text))])
        address = self._entrance.address.reveal()
        others = [name for name in _OTHER_PROXIES if environ.get(name)]
        path = os.path.join(folder.path, trust.FILE)
        return dict.fromkeys((*_PROXIES, *others), address) | dict.fromkeys(trust.variables(environ), path)

    @contextmanager
    def running(self, *, at_once: bool) -> Iterator[None]:
        """Answer the command, in a thread of its own; to be begun when nothing is forked any more.

        The command is not kept waiting for what answers it: whoever comes before that waits at the entrance.

        Args:
            at_once: as in `Upstream.prepare`.
        """
        with answering(partial(self._loaded, at_once=at_once), self._fail, self.record.fail):
            yield

    def _loaded(self, *, at_once: bool) -> Serve:
        """What answers, with all that it needs, which takes longer to load than the rest of a run."""
        import packaging.utils  # noqa: F401, PLC0415 - the first request needs it

        from pip_authenticate.gateway.guard import Guard  # noqa: PLC0415
        from pip_authenticate.gateway.renewal import Credentials  # noqa: PLC0415
        from pip_authenticate.gateway.server import Server  # noqa: PLC0415
        from pip_authenticate.gateway.upstream import Upstream  # noqa: PLC0415

        credentials = Credentials(self._fence.indexes, self._renew, self.record.fail)
        upstream = Upstream(self._network, credentials, list(self._secrets), self._log)
        self._upstream = upstream
        upstream.learn(list(self._secrets))  # those that came meanwhile
        private = [one for one in self._fence.indexes if not one.is_public and one.authorization]
        contexts = self._authority.contexts if self._authority else {}

        async def serve(over: Awaitable[object]) -> None:
            upstream.prepare(self._fence.origins, at_once=at_once)
            guard = Guard(private, upstream)
            await Server(self._entrance, self._fence, contexts, upstream, guard, self.record).serve(over)

        return serve

    def _fail(self, why: str) -> None:
        """Nobody answers any more, nor waits for it."""
        self.record.fail(why)
        with suppress(OSError):
            self._entrance.socket.close()


def _excepts(entry: str, origin: Origin) -> bool:
    """Whether an entry of NO_PROXY names a host, as clients read it: by name, end of name, or network."""
    text = entry.strip().lower()
    if text == "*":
        return True
    name = text.removeprefix("[").rpartition("]")[0] or text
    if text.endswith(f":{origin.port}"):
        name = text.rpartition(":")[0].strip("[]")
    try:
        return ip_address(origin.host) in ip_network(name, strict=False)
    except ValueError:
        name = name.removeprefix("*").removeprefix(".")
        return bool(name) and (origin.host == name or origin.host.endswith(f".{name}"))
