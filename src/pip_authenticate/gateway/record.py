"""The record: what was fetched through the gateway, and what was refused."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from pip_authenticate.gateway.fence import Guarded
from pip_authenticate.gateway.links import project_of

_SHOWN = 10
"""Most things of a kind that are shown to people."""


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
        self.shown_publicly = dict[str, None]()
        self.is_cut = False

    def fetch(self, one: Fetched) -> None:
        """A file was sent on; what was seen whole counts more than what was not."""
        key = (str(one.home.url), one.file)
        known = self.fetched.get(key)
        if self._has_room(len(self.fetched)) and (known is None or one.is_seen or not known.is_seen):
            self.fetched[key] = one

    def upload(self, one: Uploaded) -> None:
        """A file was published."""
        if self._has_room(len(self.uploaded)):
            self.uploaded[one] = None

    def refuse(self, request: str, why: str) -> None:
        """A request did not pass."""
        if self._has_room(len(self.refused)):
            self.refused[Refused(request, why)] = None

    def fail(self, why: str) -> None:
        """Something did not work that installers may not tell of."""
        if self._has_room(len(self.failures)):
            self.failures[why] = None

    def show_publicly(self, project: str) -> None:
        """A page of a public index was served, since no private one has the name."""
        if self._has_room(len(self.shown_publicly)):
            self.shown_publicly[project] = None

    def _has_room(self, count: int) -> bool:
        self.is_cut = self.is_cut or count >= self._MOST
        return count < self._MOST

    def lines(self) -> Iterator[str]:
        """What was fetched, in a line for each index."""
        by_index = dict[str, list[Fetched]]()
        for one in self.fetched.values():
            by_index.setdefault(one.home.source, []).append(one)
        for source, files in by_index.items():
            count = "1 file" if len(files) == 1 else f"{len(files)} files"
            yield f"{source}: {count} ({', '.join(_short(file.file for file in files))})"
        for upload in self.uploaded:
            yield f"Published to {upload.home.source}: {upload.file} (SHA-256 {upload.sha256})"
        if self.shown_publicly:
            yield f"From public indexes: {', '.join(_short(sorted(self.shown_publicly)))}"

    def warnings(self) -> Iterator[str]:
        """What installers may not tell of."""
        yield from _short(self.failures)
        for one in list(self.refused)[:_SHOWN]:
            yield f"The gateway refused {one.request}: {one.why}"
        if len(self.refused) > _SHOWN:
            yield f"The gateway refused {len(self.refused)} requests; --report has all of them"

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
            "public_names": sorted(self.shown_publicly),
            "failures": list(self.failures),
            "is_cut": self.is_cut,
        }


def _short(texts: Iterable[str]) -> list[str]:
    """The first of some texts, and how many more there are."""
    every = list(texts)
    return [*every[:_SHOWN], *([f"{len(every) - _SHOWN} more"] if len(every) > _SHOWN else [])]
