"""Poetry: logins of the sources that a project names, and where it publishes to."""

import re
from collections.abc import Iterator

from pip_authenticate import named_indexes, netrc_file
from pip_authenticate.client_settings import ClientSettings, Wish, merged
from pip_authenticate.index import AuthenticatedIndex
from pip_authenticate.latin import unsendable
from pip_authenticate.publishing import Publisher

REPOSITORY = "pip-authenticate"
"""What the repository for uploads is called: a name of letters and dashes, as Poetry's variables want it."""
_LOGIN = ("POETRY_HTTP_BASIC_{}_USERNAME", "POETRY_HTTP_BASIC_{}_PASSWORD")
_EXPORTABLE = re.compile("[A-Z0-9_]+")
_PUBLISHER = Publisher(
    "Poetry",
    "POETRY_REPOSITORIES_PIP_AUTHENTICATE_URL",
    _LOGIN[0].format("PIP_AUTHENTICATE"),
    _LOGIN[1].format("PIP_AUTHENTICATE"),
    reads_netrc=True,  # where it finds no login (measured with Poetry 2.5.1)
)
VARIABLES = (*_PUBLISHER.variables, netrc_file.VARIABLE)
"""The variables that this client reads beside those of named sources (Poetry documentation, "Repositories");
empty ones count as unset (measured with Poetry 2.5.1)."""
KNOWS_PATHS = False
PUBLISHES = True
RUNS_HERE = True
ASKS_AT_ONCE = True


def settings_for(indexes: list[AuthenticatedIndex], wish: Wish) -> ClientSettings:
    """What Poetry reads: a login for each source that a variable can be named after, netrc for all others.

    It asks the sources of its own files only, and reads none of pip's variables (measured with 2.5.1).
    """
    named = [(name, index) for index in indexes for name in index.names_for("poetry")]
    fit = [pair for pair in named if _EXPORTABLE.fullmatch(_spelled(pair[0])) and not wish.by_files]
    served = {id(index) for _, index in fit}
    by_file = any(id(index) not in served for index in indexes)
    warnings = tuple(
        f"Poetry's variable for the source {name} would hold a sign that no shell can export: the "
        "credential stands in a netrc file instead. A name of letters, digits and dashes needs none."
        for name, index in named
        if id(index) not in served and not wish.by_files
    )
    sources = ClientSettings(
        named_indexes.variables(fit, _LOGIN, _spelled, can_be_emptied=True),
        (netrc_file.of(indexes, wish.own_netrc),) if by_file else (),
        (*warnings, *unsendable("Poetry", indexes)),
        tuple(_notes(indexes, wish)),
    )
    return merged([sources, _PUBLISHER.settings_for(indexes, wish)])


def _notes(indexes: list[AuthenticatedIndex], wish: Wish) -> Iterator[str]:
    unnamed = [index.source for index in indexes if not index.names_for("poetry") and index.is_asked_for]
    if unnamed:
        yield (
            f"Poetry asks the sources of pyproject.toml only: `poetry source add NAME URL` adds "
            f"{', '.join(unnamed)}; the credential is there."
        )
    if wish.publish and indexes:
        yield f"To publish: poetry publish --repository {REPOSITORY}"


def _spelled(name: str) -> str:
    return name.upper().replace("-", "_")
