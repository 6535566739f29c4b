"""A token that whoever runs the command gives: in a variable, a file or standard input."""

from pip_authenticate.azure.addresses import Place
from pip_authenticate.azure.forms import organization_of
from pip_authenticate.errors import InputError, PipAuthenticateError
from pip_authenticate.index import TOKEN_USER, AuthenticatedIndex, Credential, Index
from pip_authenticate.run import Run


def absent(run: Run) -> str:
    """Why there is none; empty where there is one."""
    return "" if run.settings.token else "PIP_AUTHENTICATE_TOKEN is not set, and no --token-file was given"


def open_all(indexes: list[Index], run: Run) -> list[AuthenticatedIndex | PipAuthenticateError]:
    """Give every index the token.

    An index that a person names gets it in any case. Of those that were only found in files, only the ones of
    one organisation do: a token of one is no business of another.

    Returns:
        The indexes, and errors about those that must not get it.
    """
    credential = Credential(TOKEN_USER, run.settings.token)
    run.learned(credential.spellings)
    own = _own_organization(run.settings.organization)
    found = list[AuthenticatedIndex | PipAuthenticateError]()
    others = {place.organization for place in map(_place, indexes) if place}
    is_only_one = not own and len(others) == 1 and run.settings.sees_all_indexes
    for index in indexes:
        place = _place(index)
        if not index.is_asked_for and index.url.origin.is_exposed:
            found.append(
                InputError(
                    "insecure-index",
                    f"{index.source} is reached without encryption; a token is not sent there",
                    hint="Write its address with https, or name it as an argument.",
                )
            )
            continue
        if index.is_asked_for or not place or place.organization == own or is_only_one:
            found.append(index.opened_by(credential))
            continue
        found.append(
            InputError(
                "other-organization",
                f"{index.source} belongs to the organisation {place.organization}, which the token may not "
                "be meant for",
                hint="Say --organization NAME (PIP_AUTHENTICATE_ORGANIZATION) for the one that it is for, or "
                "name the index as an argument.",
            )
        )
    return found


def _own_organization(text: str) -> str:
    place = Place.of(organization_of(text)) if text else None
    return place.organization if place else ""


def _place(index: Index) -> Place | None:
    return Place.of(index.url)
