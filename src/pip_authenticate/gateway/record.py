"""The record: what was fetched through the gateway, and what was refused."""

from typing import NamedTuple

from pip_authenticate.gateway.fence import Guarded
from pip_authenticate.gateway.links import project_of


class Fetched(NamedTuple):
    """A file that was fetched.

    Args:
        file: its name.
        home: the index whose page named it.
        sha256: of what was sent, or else what the page says.
        size: bytes that were sent; None where the index led elsewhere for them.
        is_seen: whether the digest is one of bytes that passed here.
    """

    file: str
    home: Guarded
    sha256: str
    size: int | None
    is_seen: bool


class Refused(NamedTuple):
    """A request that did not pass, or that was not answered as it must be."""

    request: str
    why: str


class Record:
    """What happened behind the gateway; bounded, so that a command without end fills no memory."""

    _MOST = 10_000

    def __init__(self) -> None:
        self.fetched = dict[tuple[str, str], Fetched]()
        self.refused = dict[Refused, None]()
        self.failures = dict[str, None]()
        self.is_cut = False

    def fetch(self, one: Fetched) -> None:
        """A file was sent on; what was seen whole counts more than what was not."""
        key = (str(one.home.url), one.file)
        known = self.fetched.get(key)
        if self._has_room(len(self.fetched)) and (known is None or one.is_seen or not known.is_seen):
            self.fetched[key] = one

    def refuse(self, request: str, why: str) -> None:
        """A request did not pass."""
        if self._has_room(len(self.refused)):
            self.refused[Refused(request, why)] = None

    def fail(self, why: str) -> None:
        """Something did not work that installers may not tell of."""
        if self._has_room(len(self.failures)):
            self.failures[why] = None

    def _has_room(self, count: int) -> bool:
        self.is_cut = self.is_cut or count >= self._MOST
        return count < self._MOST

    def told(self) -> dict[str, object]:
        """All of it, as JSON takes it."""
        files = []
        for one in self.fetched.values():
            project = project_of(one.file)
            files.append(
                {
                    "file": one.file,
                    "name": project[0] if project else "",
                    "version": project[1] if project else "",
                    "index": str(one.home.url),
                    "source": one.home.source,
                    "is_public": one.home.is_public,
                    "sha256": one.sha256,
                    "sha256_is_of": "what was sent" if one.is_seen else "what the index says",
                    "bytes": one.size,
                }
            )
        return {
            "version": 1,
            "files": files,
            "refused": [one._asdict() for one in self.refused],
            "failures": list(self.failures),
            "is_cut": self.is_cut,
        }
