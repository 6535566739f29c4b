"""How people name a feed."""

from typing import NamedTuple
from urllib.parse import unquote

from pip_authenticate.errors import InputError

_FORBIDDEN_IN_FEEDS = set('@~;{}\\+=<>|/?:&$*"#[],')
_FORBIDDEN_IN_PROJECTS = set('\\/:*?"<>|;#${},+=[]')
_LONGEST_NAME = 64


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
    project, slash, name = written.partition("/")
    if not slash:
        project, name = "", written
    if "/" in name:
        raise _bad("it has more than one slash; write feed or project/feed")
    feed, at, view = name.partition("@")
    if slash:
        _check_name("project", project, _FORBIDDEN_IN_PROJECTS, "_", may_hold_blanks=True)
    _check_name("feed", feed, _FORBIDDEN_IN_FEEDS, "_.")
    if at:
        _check_name("view", view, _FORBIDDEN_IN_FEEDS, "_.")
    return Feed(name, project)


def _check_name(
    kind: str, name: str, forbidden: set[str], not_first: str, *, may_hold_blanks: bool = False
) -> None:
    if not name:
        raise _bad(f"the {kind} has no name")
    if len(name) > _LONGEST_NAME:
        raise _bad(f"the {kind}'s name is longer than {_LONGEST_NAME} characters")
    for char in name:
        if not char.isprintable():
            raise _bad(f"the {kind}'s name holds a control character")
        if char in forbidden or (char.isspace() and not may_hold_blanks):
            shown = "a blank" if char.isspace() else char
            raise _bad(f"the {kind}'s name holds {shown}, which no {kind}'s name may")
    if name[0] in not_first:
        raise _bad(f"the {kind}'s name begins with {name[0]}, which no {kind}'s name may")
    if name[-1] == "." or name in {".", ".."}:
        raise _bad(f"the {kind}'s name ends with a dot, which no {kind}'s name may")


def _bad(rule: str) -> InputError:
    return InputError("feed-unusable", rule)
