"""The owner rule: a public page is for names only that surely no private index has.

Without it pip takes the highest version of any index, also where a private one did not answer.
"""

import asyncio
from typing import NamedTuple

from pip_authenticate.errors import PipAuthenticateError
from pip_authenticate.gateway.fence import Guarded
from pip_authenticate.gateway.upstream import FAILED, Upstream

ACCEPT = "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1"
_PAGES = ("application/vnd.pypi.simple.", "text/html")


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
        verdicts = await asyncio.gather(*(self._of(index, project) for index in self._private))
        owned = [one for one in verdicts if one.owner]
        doubtful = [one for one in verdicts if one.doubt]
        return (owned or doubtful or [Verdict(None)])[0]

    async def _of(self, index: Guarded, project: str) -> Verdict:
        """What one index says of a name."""
        url = f"{str(index.url).rstrip('/')}/{project}/"
        try:
            async with self._upstream.ask("GET", url, {"accept": ACCEPT}, index) as answer:
                kind = answer.headers.get("content-type", "").lower()
                if answer.status == 200 and kind.startswith(_PAGES):
                    return Verdict(index)
                if answer.status == 404:
                    return Verdict(None)
                why = f"it answers {answer.status}"
        except PipAuthenticateError as error:
            why = str(error)
        except FAILED:
            why = "it does not answer"
        return Verdict(
            None, f"{index.source} does not say whether it has {project}: {self._upstream.scrubbed(why)}"
        )
