"""Hatch: what pip and uv read in its environments, and where it publishes to."""

from pip_authenticate import netrc_file, uv_indexes
from pip_authenticate.client_settings import ClientSettings, Wish, address_variables, merged
from pip_authenticate.index import AuthenticatedIndex
from pip_authenticate.latin import unsendable
from pip_authenticate.publishing import Publisher

PIP = ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL")
_PUBLISHER = Publisher("Hatch", "HATCH_INDEX_REPO", "HATCH_INDEX_USER", "HATCH_INDEX_AUTH")
VARIABLES = (*PIP, uv_indexes.PRIMARY, uv_indexes.EXTRA, *_PUBLISHER.variables, netrc_file.VARIABLE)
"""The variables that this client and its installers read (Hatch documentation, "Publisher plugins: index");
empty ones count as unset (measured with Hatch 1.18.2)."""
KNOWS_PATHS = False
PUBLISHES = True
RUNS_HERE = True
ASKS_AT_ONCE = False


def settings_for(indexes: list[AuthenticatedIndex], wish: Wish) -> ClientSettings:
    """What Hatch reads: an environment's installer is pip, or uv where the project says so."""
    asked = [index for index in indexes if index.is_asked_for]
    for_pip = ClientSettings(
        address_variables(*PIP, asked, wish), warnings=unsendable("Hatch's pip", indexes)
    )
    return merged([for_pip, uv_indexes.settings_for(indexes, wish), _PUBLISHER.settings_for(indexes, wish)])
