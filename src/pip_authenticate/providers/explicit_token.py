"""A token that is given for this: in a variable, a file, standard input, or as a secret of a container.

That is a secret of Docker, Podman and Compose with the name pip_authenticate_token: in a build it
is there for the one RUN that mounts it.
"""

import os

from pip_authenticate import token_files
from pip_authenticate.azure.addresses import Place
from pip_authenticate.azure.forms import organization_of
from pip_authenticate.errors import InputError, PipAuthenticateError
from pip_authenticate.index import TOKEN_USER, AuthenticatedIndex, Credential, Index
from pip_authenticate.run import Run
from pip_authenticate.secret import Secret

_FILE = "pip_authenticate_token"


def absent(run: Run) -> str:
    """Why there is none; empty where there is one."""
    path = _path(run)
    if run.settings.token or os.path.exists(path):
        return ""
    return f"PIP_AUTHENTICATE_TOKEN is not set, no --token-file was given, and there is no {path}"


def _path(run: Run) -> str:
    """Where a container's secret of our name is."""
    return os.path.join(run.settings.secrets_folder, _FILE)


def _token(run: Run) -> Secret:
    """What is said for this run comes before what a machine holds."""
    return run.settings.token or token_files.read(
        _path(run), "Mount the secret so that this user may read it."
    )


def open_all(indexes: list[Index], run: Run) -> list[AuthenticatedIndex | PipAuthenticateError]:
    """Give every index the token.

    An index that a person names gets it in any case. Of those that were only found in files, only the ones of
    one organisation do: a token of one is no business of another.

    Returns:
        The indexes, and errors about those that must not get it.

    Raises:
        InputError: the file of a container's secret cannot be used.
    """
    credential = Credential(TOKEN_USER, _token(run))
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
