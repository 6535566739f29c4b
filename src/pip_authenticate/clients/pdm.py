"""PDM: a netrc file for the sources that a project names, and where it publishes to."""

from pip_authenticate import netrc_file
from pip_authenticate.client_settings import ClientSettings, Wish, address_variables, merged
from pip_authenticate.index import AuthenticatedIndex
from pip_authenticate.publishing import Publisher

PRIMARY = "PDM_PYPI_URL"
# Empty ones of addresses fail PDM: "at least one index", "Missing repository" (measured with PDM 2.29.4).
_PUBLISHER = Publisher(
    "PDM",
    "PDM_PUBLISH_REPO",
    "PDM_PUBLISH_USERNAME",
    "PDM_PUBLISH_PASSWORD",
    command="pdm publish --repository {}",
)
VARIABLES = (PRIMARY, *_PUBLISHER.variables, netrc_file.VARIABLE)
"""The variables that this client reads (PDM documentation, "Configurations")."""
KNOWS_PATHS = False
PUBLISHES = True
RUNS_HERE = True
ASKS_AT_ONCE = True


def settings_for(indexes: list[AuthenticatedIndex], wish: Wish) -> ClientSettings:
    """What PDM reads.

    Variables tell it of no index but the public one's substitute: the first index, where the project does
    not name that anyway, and where the variable can be unset later.
    """
    unnamed = [index for index in indexes if not index.names_for("pdm") and index.is_asked_for]
    primary = [
        index for index in unnamed[:1] if index is indexes[0] and not wish.only_extra and wish.can_unset
    ]
    told = tuple(
        variable._replace(can_be_emptied=False)
        for variable in address_variables(PRIMARY, PRIMARY, primary, wish)
    )
    by_file = indexes and (wish.by_files or primary != indexes)
    missing = [index.source for index in unnamed if index not in primary]
    note = (
        f"PDM asks the sources of pyproject.toml only: name {', '.join(missing)} there, in "
        "[[tool.pdm.source]]; the credential is there."
    )
    sources = ClientSettings(
        told, (netrc_file.of(indexes, wish.own_netrc),) if by_file else (), notes=(note,) if missing else ()
    )
    return merged([sources, _PUBLISHER.settings_for(indexes, wish)])
