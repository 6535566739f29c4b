"""Whatever reads a netrc file: curl, and many others."""

from pip_authenticate import netrc_file
from pip_authenticate.client_settings import ClientSettings, Wish
from pip_authenticate.index import AuthenticatedIndex

VARIABLES = (netrc_file.VARIABLE,)
"""The variable that says where the file is; empty counts as unset."""
KNOWS_PATHS = False
PUBLISHES = False
RUNS_HERE = True
ASKS_AT_ONCE = False


def settings_for(indexes: list[AuthenticatedIndex], wish: Wish) -> ClientSettings:
    """A netrc file with the credential of every index."""
    return ClientSettings(files=(netrc_file.of(indexes, wish.own_netrc),) if indexes else ())
