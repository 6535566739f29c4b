"""How people name a feed."""

import re
from typing import NamedTuple
from urllib.parse import unquote

from pip_authenticate.errors import InputError

_CERTAINLY_RIGHT = r"[A-Za-z0-9-]{1,64}"


class Feed(NamedTuple):
    """A feed as named in the input.

    Args:
        name: the feed's name or GUID, with `@view` where one was given.
        project: name or GUID of the project it belongs to, or empty for the organisation's own.
    """

    name: str
    project: str = ""

    def __str__(self) -> str:
        return f"{self.project}/{self.name}" if self.project else self.name


def parse_feed(entry: str) -> Feed:
    """Read `feed`, `project/feed`, either with `@view`; as in a URL, or with slashes around it.

    No name holds a percent sign or begins or ends with a slash, so what looks like that means the same
    without.

    Raises:
        InputError: it breaks a rule of the service for names (Microsoft Learn, "Naming restrictions and
            conventions"); the error says which, and does not quote it.
    """
    written = unquote(entry).strip("/").strip()
    *project, name = written.split("/")
    if len(project) > 1:
        raise InputError("feed-unusable", "it has more than one slash; write feed or project/feed")
    if not all(re.fullmatch(_CERTAINLY_RIGHT, part) for part in (*project, name)):
        from pip_authenticate.azure import name_rules  # noqa: PLC0415 - most names are plain

        name_rules.check(name, *project)
    return Feed(name, *project)
