"""The record: what was fetched through the gateway, and what was refused."""

import hashlib
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from pip_authenticate.gateway.fence import Guarded
from pip_authenticate.gateway.links import project_of

_SHOWN = 10
"""Most warnings of a kind."""
_LONGEST = 1000
"""Longest text of a refusal, a failure or a host, in characters."""


class Passed:
    """Bytes that pass, to somebody else: how many there were, and their SHA-256.

    Attributes:
        size: in bytes.
    """

    def __init__(self) -> None:
        self._digest = hashlib.sha256()
        self.size = 0

    def add(self, piece: bytes | bytearray) -> None:
        """See some more."""
        self._digest.update(piece)
        self.size += len(piece)

    @property
    def sha256(self) -> str:
        """Of all so far, in hexadecimal digits."""
        return self._digest.hexdigest()


class Fetched(NamedTuple):
    """A file that was fetched.

    Args:
        file: its name.
        home: the index whose page named it.
        sha256: of what was sent, or else what the page says; empty where that says nothing.
        size: in bytes, from the same; None where nobody says it.
        is_seen: whether all of the file passed here, so that digest and size are known.
        saved_from: the upstream source that the index has it from; empty where it was published there, and
            None where nobody says.
    """

    file: str
    home: Guarded
    sha256: str
    size: int | None
    is_seen: bool
    saved_from: str | None = None


class Uploaded(NamedTuple):
    """A file that was published.

    Args:
        file: its name.
        home: the index that took it.
        sha256: of what was sent.
        size: bytes that were sent.
    """

    file: str
    home: Guarded
    sha256: str
    size: int


class Refused(NamedTuple):
    """A request that did not pass, or that was not answered as it must be."""

    request: str
    why: str


class Record:
    """What happened behind the gateway; bounded, so that a command without end fills no memory."""

    _MOST = 10_000

    def __init__(self) -> None:
        self.fetched = dict[tuple[str, str], Fetched]()
        self.uploaded = dict[Uploaded, None]()
        self.refused = dict[Refused, None]()
        self.failures = dict[str, None]()
        self.shown_publicly = dict[tuple[str, str], None]()
        self.hosts = dict[str, None]()
        self.is_cut = False

    def fetch(self, one: Fetched) -> None:
        """A file was sent on; what was seen whole counts more than what was not."""
        key = (str(one.home.url), one.file)
        known = self.fetched.get(key)
        if self._has_room(len(self.fetched)) and (known is None or one.is_seen or not known.is_seen):
            self.fetched[key] = one

    def tell_origin(self, one: Fetched, upstream: str | None) -> None:
        """Where an index has a file from."""
        self.fetched[str(one.home.url), one.file] = one._replace(saved_from=upstream)

    def upload(self, one: Uploaded) -> None:
        """A file was published."""
        if self._has_room(len(self.uploaded)):
            self.uploaded[one] = None

    def refuse(self, request: str, why: str) -> None:
        """A request did not pass."""
        if self._has_room(len(self.refused)):
            self.refused[Refused(request[:_LONGEST], why[:_LONGEST])] = None

    def fail(self, why: str) -> None:
        """Something did not work that installers may not tell of."""
        if self._has_room(len(self.failures)):
            self.failures[why[:_LONGEST]] = None

    def show_publicly(self, index: Guarded, project: str) -> None:
        """A page of a public index was served, since no private one has the name."""
        if self._has_room(len(self.shown_publicly)):
            self.shown_publicly[project, str(index.url)] = None

    def pass_unread(self, host: str) -> None:
        """A host that is none of an index was reached."""
        if self._has_room(len(self.hosts)):
            self.hosts[host[:_LONGEST]] = None

    def _has_room(self, count: int) -> bool:
        self.is_cut = self.is_cut or count >= self._MOST
        return count < self._MOST

    @property
    def is_worth_telling(self) -> bool:
        """Whether anything went through, or should have."""
        return bool(self.fetched or self.uploaded or self.refused or self.failures or self.shown_publicly)

    def warnings(self) -> Iterator[str]:
        """What installers may not tell of."""
        yield from _short(self.failures)
        for one in list(self.refused)[:_SHOWN]:
            yield f"The gateway refused {one.request}: {one.why}"
        if len(self.refused) > _SHOWN:
            yield f"The gateway refused {len(self.refused)} requests; --report has all of them"

    def told(self) -> dict[str, Any]:
        """All of it, as JSON takes it; docs/secretless.md describes each field."""
        files = [_file(one) for one in self.fetched.values()]
        versions = dict[tuple[str, str], dict[str, None]]()
        for file in files:
            if file["is_public"]:
                versions.setdefault((file["name"], file["index"]), {})[file["version"]] = None
        return {
            "version": 1,
            "files": files,
            "public": [
                {"name": name, "index": index, "versions": list(versions.get((name, index), ()))}
                for name, index in sorted({**self.shown_publicly, **dict.fromkeys(versions)})
            ],
            "uploaded": [
                {
                    "file": one.file,
                    "index": str(one.home.url),
                    "source": one.home.source,
                    "sha256": one.sha256,
                    "bytes": one.size,
                }
                for one in self.uploaded
            ],
            "refused": [one._asdict() for one in self.refused],
            "failures": list(self.failures),
            "hosts": sorted(self.hosts),
            "is_cut": self.is_cut,
        }


def _file(one: Fetched) -> dict[str, Any]:
    project = project_of(one.file)
    return {
        "file": one.file,
        "name": project[0] if project else "",
        "version": project[1] if project else "",
        "index": str(one.home.url),
        "source": one.home.source,
        "is_public": one.home.authorization is None,
        "saved_from": one.saved_from,
        "sha256": one.sha256,
        "bytes": one.size,
        "is_seen": one.is_seen,
    }


def _short(texts: Iterable[str]) -> list[str]:
    """The first of some texts, and how many more there are."""
    every = list(texts)
    return [*every[:_SHOWN], *([f"{len(every) - _SHOWN} more"] if len(every) > _SHOWN else [])]
