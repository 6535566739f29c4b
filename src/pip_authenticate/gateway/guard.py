"""The owner rule: a public page is for names only that surely no private index has.

Without it pip takes the highest version of any index, also where a private one did not answer.
"""

import asyncio
import json
import re
from typing import NamedTuple

from pip_authenticate.errors import PipAuthenticateError
from pip_authenticate.gateway.fence import Guarded
from pip_authenticate.gateway.packing import ASKED_FOR
from pip_authenticate.gateway.upstream import ERROR_BYTES, FAILED, PAGE_BYTES, Upstream, read

ACCEPT = "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1"
HEADERS = {"accept": ACCEPT, "accept-encoding": ASKED_FOR}
"""What a page is asked for with."""
_MORE_THAN_A_PACKAGE = re.compile("Feed|Project|Host|Account|Organization|Collection")
_LONGEST = 300
_PAGES = ("application/vnd.pypi.simple.", "text/html")


class Said(NamedTuple):
    """What an index says of a name.

    Args:
        home: who was asked.
        url: of its page.
        content: of the page; None where there is none.
        kind: the page's media type.
        doubt: why it is not sure whether there is one, or empty.
    """

    home: Guarded
    url: str
    content: bytes | None = None
    kind: str = ""
    doubt: str = ""


def page_url(index: Guarded, project: str) -> str:
    """The address of a normalised name's page."""
    return f"{str(index.url).rstrip('/')}/{project}/"


async def asked(index: Guarded, project: str, upstream: Upstream) -> Said:
    """Ask an index for its page of a normalised name; an empty one is that of all names.

    Only 200 with a page and 404 are sure answers, and only where they have come whole in time.
    """
    url = page_url(index, project) if project else str(index.url)
    try:
        said = await asyncio.wait_for(_answer(index, url, upstream), upstream.seconds)
    except PipAuthenticateError as error:
        said = str(error)
    except FAILED:
        said = "it does not answer"
    if isinstance(said, Said):
        return said
    told = f"whether it has {project}" if project else "which names it has"
    return Said(index, url, doubt=f"{index.source} does not say {told}: {upstream.scrubbed(said)}")


async def _answer(index: Guarded, url: str, upstream: Upstream) -> Said | str:
    """A sure answer, or why there is none."""
    async with upstream.ask("GET", url, HEADERS, index) as answer:
        kind = answer.headers.get("content-type", "").lower()
        if answer.status == 404:
            return what_is_missing(await read(answer, ERROR_BYTES) or b"") or Said(index, url)
        if answer.status != 200 or not kind.startswith(_PAGES):
            return f"it answers {answer.status}"
        content = await read(answer, PAGE_BYTES)
        return "its page is too long" if content is None else Said(index, url, content, kind)


def what_is_missing(content: bytes) -> str:
    """What Azure DevOps says that there is not, where that is more than a package; else empty.

    A feed whose name is mistyped has no package of any name, and so have those of a project that is left out.
    (Its errors are JSON with a message and a typeKey, such as FeedIdNotFoundException.)
    """
    try:
        said = json.loads(content)
        return str(said["message"])[:_LONGEST] if _MORE_THAN_A_PACKAGE.match(said["typeKey"]) else ""
    except (ValueError, TypeError, LookupError, RecursionError):
        return ""


class Verdict(NamedTuple):
    """Whose a name is.

    Args:
        owner: the private index that has it, or None.
        doubt: why that is not sure, or empty.
    """

    owner: Guarded | None
    doubt: str = ""


class Guard:
    """Asks every private index, once for each name.

    Args:
        private: the indexes.
        upstream: asks them.
    """

    def __init__(self, private: list[Guarded], upstream: Upstream) -> None:
        self._private = private
        self._upstream = upstream
        self._asked = dict[str, asyncio.Task[Verdict]]()

    async def verdict(self, project: str) -> Verdict:
        """Whose a normalised name is; doubts are not remembered."""
        task = self._asked.get(project)
        if task is None:
            task = self._asked[project] = asyncio.ensure_future(self._judge(project))
        verdict = await asyncio.shield(task)
        if verdict.doubt and self._asked.get(project) is task:
            del self._asked[project]
        return verdict

    async def _judge(self, project: str) -> Verdict:
        every = await asyncio.gather(*(asked(index, project, self._upstream) for index in self._private))
        owners = [Verdict(one.home) for one in every if one.content is not None]
        doubts = [Verdict(None, one.doubt) for one in every if one.doubt]
        return (owners or doubts or [Verdict(None)])[0]
