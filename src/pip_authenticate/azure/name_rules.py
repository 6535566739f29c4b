"""The rules of the service for names of feeds (Microsoft Learn, "Naming restrictions and conventions")."""

from pip_authenticate.errors import InputError

_FORBIDDEN_IN_FEEDS = set('@~;{}\\+=<>|/?:&$*"#[],')
_FORBIDDEN_IN_PROJECTS = set('\\/:*?"<>|;#${},+=[]')
_LONGEST_NAME = 64


def check(name: str, project: str | None = None) -> None:
    """See whether a feed can be named so.

    Args:
        name: the feed's name or GUID, perhaps with `@view`.
        project: the project's name or GUID; None where it belongs to none.

    Raises:
        InputError: it breaks a rule; the error says which.
    """
    feed, at, view = name.partition("@")
    if project is not None:
        _check("project", project, _FORBIDDEN_IN_PROJECTS, "_", may_hold_blanks=True)
    _check("feed", feed, _FORBIDDEN_IN_FEEDS, "_.")
    if at:
        _check("view", view, _FORBIDDEN_IN_FEEDS, "_.")


def _check(
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
