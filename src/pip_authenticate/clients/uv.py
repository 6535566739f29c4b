"""uv: addresses and logins of indexes, and where it publishes to."""

from pip_authenticate import netrc_file, uv_indexes
from pip_authenticate.client_settings import ClientSettings, Wish, merged
from pip_authenticate.index import AuthenticatedIndex
from pip_authenticate.publishing import Publisher

# An empty UV_PUBLISH_URL fails `uv publish`; without a login it looks into the netrc file (measured with uv
# 0.13.9).
_PUBLISHER = Publisher(
    "uv",
    "UV_PUBLISH_URL",
    "UV_PUBLISH_USERNAME",
    "UV_PUBLISH_PASSWORD",
    command="uv publish --publish-url {}",
    reads_netrc=True,
)
VARIABLES = (uv_indexes.PRIMARY, uv_indexes.EXTRA, *_PUBLISHER.variables, netrc_file.VARIABLE)
"""The variables that this client reads beside those of named indexes (uv documentation, "Environment")."""
KNOWS_PATHS = False
PUBLISHES = True
RUNS_HERE = True
ASKS_AT_ONCE = True


def settings_for(indexes: list[AuthenticatedIndex], wish: Wish) -> ClientSettings:
    """What uv reads.

    Args:
        indexes: each once; the first one that the project does not name replaces the public one, unless
            all shall be extra.
        wish: how uv shall get them.
    """
    return merged([uv_indexes.settings_for(indexes, wish), _PUBLISHER.settings_for(indexes, wish)])
