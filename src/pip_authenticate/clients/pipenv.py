"""Pipenv: a netrc file for the sources that a Pipfile names, and a mirror of the public index."""

from pip_authenticate import netrc_file
from pip_authenticate.client_settings import ClientSettings, Variable, Wish
from pip_authenticate.index import AuthenticatedIndex
from pip_authenticate.latin import unsendable
from pip_authenticate.secret import Secret

PRIMARY = "PIPENV_PYPI_MIRROR"
VARIABLES = (PRIMARY, netrc_file.VARIABLE)
"""The variables that this client reads (Pipenv documentation, "Configuration"); empty counts as unset."""
KNOWS_PATHS = False
PUBLISHES = False
RUNS_HERE = True
ASKS_AT_ONCE = False


def settings_for(indexes: list[AuthenticatedIndex], wish: Wish) -> ClientSettings:
    """What Pipenv reads.

    It reads none of pip's variables. A credential in the mirror's address reaches pages, but not every
    download (measured with Pipenv 2026.10.3 and a password of signs), so that it stands in the file.
    """
    if not indexes:
        return ClientSettings()
    unnamed = [index for index in indexes if not index.names_for("pipenv") and index.is_asked_for]
    primary = [index for index in unnamed[:1] if index is indexes[0] and not wish.only_extra]
    missing = [index.source for index in unnamed if index not in primary]
    note = (
        f"Pipenv asks the sources of the Pipfile only: name {', '.join(missing)} there, in [[source]]; "
        "the credential is there."
    )
    return ClientSettings(
        tuple(Variable(PRIMARY, Secret(str(index.url)), is_secret=False) for index in primary),
        (netrc_file.of(indexes, wish.own_netrc),),
        unsendable("Pipenv", indexes),
        (note,) if missing else (),
    )
