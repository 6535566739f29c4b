"""The pages of one index made of several: whose each name is, and what is kept of it for a while."""

import asyncio
import hashlib
import re
import time
from collections.abc import Callable
from functools import partial
from typing import NamedTuple
from urllib.parse import quote, urljoin

from pip_authenticate.gateway import accepting, pages
from pip_authenticate.gateway.fence import Guarded
from pip_authenticate.gateway.guard import Said, asked
from pip_authenticate.gateway.pages import Address, Fields, Page
from pip_authenticate.gateway.record import Record
from pip_authenticate.gateway.upstream import Upstream
from pip_authenticate.origin import Origin

SECONDS = 600.0
"""How long a page counts: as long as installers keep those of the public index."""
_BYTES = 32 * 1024 * 1024
"""Most that is kept of pages, but for the newest one."""
_LONG = 256 * 1024
"""Bytes of pages that take some milliseconds to be united: those of most projects have fewer."""
UNKNOWN = "unknown"
"""Stands for the digest of a file whose page says none."""
_DIGEST = re.compile("[0-9a-f]{64}")
_SAFE = "!+~"
_PLAIN = re.compile("[A-Za-z0-9_.!+~-]+")


class Place(NamedTuple):
    """Where a file is.

    Args:
        home: the private index whose page names it.
        url: its address.
        sha256: what the page says of it, or empty.
    """

    home: Guarded
    url: str
    sha256: str


class Doubt(Exception):  # noqa: N818 - an answer: it is not sure whose a name is
    """It is not sure whose a name is; says why."""


class Form(NamedTuple):
    """A page in one media type.

    Args:
        content: its bytes.
        tag: stands for them (RFC 9110, section 8.8.3).
    """

    content: bytes
    tag: str

    @classmethod
    def of(cls, content: bytes) -> "Form":
        """Tag a page."""
        return cls(content, f'"{hashlib.sha256(content).hexdigest()}"')


class Kept(NamedTuple):
    """A page as clients get it.

    Args:
        forms: its own by media type; that of HTML is made when it is asked for.
        places: what its private files stand for, by digest (or UNKNOWN) and name: an index, what links of
            its page are relative to, and the link.
    """

    forms: dict[str, Form]
    places: dict[tuple[str, str], tuple[Guarded, str, str]]

    def form(self, kind: str) -> Form:
        """The page in a form."""
        if kind == accepting.JSON:
            return self.forms[kind]
        if accepting.HTML not in self.forms:
            self.forms[accepting.HTML] = Form.of(pages.as_html(self.forms[accepting.JSON].content))
        return self.forms[accepting.HTML]

    def place(self, digest: str, name: str) -> Place | None:
        """Where a file is; None where the page names none like it."""
        found = self.places.get((digest, name))
        if found is None:
            return None
        home, base, link = found
        return Place(home, urljoin(base, link), "" if digest == UNKNOWN else digest)

    @property
    def size(self) -> int:
        """About how many bytes it takes."""
        return sum(len(form.content) for form in self.forms.values()) + 500 * len(self.places)


class _Slot:
    """A page that is kept, or being asked for."""

    def __init__(self, task: "asyncio.Task[Kept | None]") -> None:
        self.task = task
        self.until = float("inf")


class Shelf:
    """The pages of one index made of several.

    Args:
        indexes: of which the first private one that has a name owns it.
        upstream: asks them.
        record: is told which names come from public indexes.
        is_guarded: whether public pages are for names only that no private index has. Otherwise the
            files of all are offered together, as pip does.
    """

    def __init__(
        self, indexes: list[Guarded], upstream: Upstream, record: Record, *, is_guarded: bool
    ) -> None:
        self._private = [index for index in indexes if not index.is_public]
        self._public = [index for index in indexes if index.is_public]
        self._upstream = upstream
        self._record = record
        self._is_guarded = is_guarded
        self._slots = dict[str, _Slot]()

    @property
    def origins(self) -> set[Origin]:
        """Whom every page is asked of."""
        return {index.url.origin for index in self._private}

    async def page(self, project: str) -> Kept | None:
        """The page of a normalised name, asked for once for all who want it; None where nobody has it.

        Args:
            project: an empty one is the page of all names that private indexes list.

        Raises:
            Doubt: it is not sure whose it is.
        """
        slot = self._slots.get(project)
        if slot is None or slot.until < time.monotonic():
            slot = self._slots[project] = _Slot(asyncio.ensure_future(self._made(project)))
            slot.task.add_done_callback(partial(self._keep, project, slot))
        return await asyncio.shield(slot.task)

    def _keep(self, project: str, slot: _Slot, task: "asyncio.Task[Kept | None]") -> None:
        """Begin the time of a page that came; a doubt is not kept, nor that nobody has it."""
        if task.cancelled() or task.exception() or task.result() is None:
            if self._slots.get(project) is slot:
                del self._slots[project]
            return
        slot.until = time.monotonic() + SECONDS
        self._slots[project] = self._slots.pop(project, slot)  # it is the newest one
        sizes = {name: _size(one) for name, one in self._slots.items() if name != project}
        excess = sum(sizes.values()) + _size(slot) - _BYTES
        for name, size in sizes.items():
            if excess <= 0:
                break
            if size:
                del self._slots[name]
                excess -= size

    async def _made(self, project: str) -> Kept | None:
        every = await asyncio.gather(*(asked(index, project, self._upstream) for index in self._private))
        if not project:
            return await _beside(self._list, every)
        having = await self._having(project, every)
        return await _beside(partial(self._united, project), having) if having else None

    async def _having(self, project: str, every: list[Said]) -> list[Said]:
        """What the page is made of.

        Raises:
            Doubt: it is not sure whose the name is.
        """
        if self._is_guarded:
            sure = next((said for said in every if said.doubt or said.content is not None), None)
            if sure:
                return [_without_doubt(sure)]
        for index in self._public:
            every.append(await asked(index, project, self._upstream))
            if every[-1].content is not None:
                self._record.show_publicly(index, project)
        having = [said for said in every if said.content is not None]
        doubts = [said for said in every if said.doubt]
        if not having:
            return [_without_doubt(said) for said in doubts]
        for said in doubts:
            self._record.fail(said.doubt)
        return having[:1] if self._is_guarded else having

    def _list(self, every: list[Said]) -> Kept:
        names = set[str]()
        for said in map(_without_doubt, every):
            if said.content is not None:
                names.update(self._read(said).names)
        return Kept({accepting.JSON: Form.of(pages.as_json(pages.listed(names)))}, {})

    def _united(self, project: str, having: list[Said]) -> Kept:
        if len(having) == 1 and having[0].home.is_public:
            content = self._upstream.scrubbed_bytes(having[0].content or b"")
            if pages.is_ready(content, having[0].kind):
                return Kept({accepting.JSON: Form.of(content)}, {})
        places = dict[tuple[str, str], tuple[Guarded, str, str]]()
        made = [(self._read(said), _linking(said.home, project, places)) for said in having]
        return Kept({accepting.JSON: Form.of(pages.as_json(pages.united(made, project)))}, places)

    def _read(self, said: Said) -> Page:
        page = pages.read(said.url, self._upstream.scrubbed_bytes(said.content or b""), said.kind)
        if page is None:
            raise Doubt(f"{said.home.source} answers with a page that cannot be read")
        return page


async def _beside(make: Callable[[list[Said]], Kept], every: list[Said]) -> Kept:
    """Make a page of others, in a thread where that takes long: nobody else would be answered meanwhile."""
    if sum(len(said.content or b"") for said in every) < _LONG:
        return make(every)
    return await asyncio.to_thread(make, every)


def _without_doubt(said: Said) -> Said:
    if said.doubt:
        raise Doubt(said.doubt)
    return said


def _size(slot: _Slot) -> int:
    kept = slot.task.result() if slot.task.done() and not slot.task.exception() else None
    return kept.size if kept else 0


def _linking(home: Guarded, project: str, places: dict[tuple[str, str], tuple[Guarded, str, str]]) -> Address:
    """What gives the addresses of an index's files: those of a private one lead back here.

    Args:
        home: the index.
        project: the normalised name.
        places: is told what such an address stands for.
    """

    def of_public(base: str, file: Fields) -> str:
        url: str = file["url"]
        return url if url.startswith(("https://", "http://")) else urljoin(base, url)

    def of_private(base: str, file: Fields) -> str:
        name: str = file["filename"]
        hashes = file.get("hashes")
        told = str(hashes.get("sha256", "")).lower() if isinstance(hashes, dict) else ""
        digest = told if _DIGEST.fullmatch(told) else UNKNOWN
        places.setdefault((digest, name), (home, base, file["url"]))
        shown = name if _PLAIN.fullmatch(name) else quote(name, safe=_SAFE)
        return f"../../files/{digest}/{project}/{shown}"

    return of_public if home.is_public else of_private
