"""pip: the variables it reads, and what stands in them."""

from pip_authenticate.client_settings import ClientSettings, PrivateFile, Wish, address_variables, unsendable
from pip_authenticate.index import AuthenticatedIndex

PRIMARY = "PIP_INDEX_URL"
EXTRA = "PIP_EXTRA_INDEX_URL"
VARIABLES = (PRIMARY, EXTRA)
"""The variables that this client reads (pip documentation, "Configuration"); empty counts as unset."""
KNOWS_PATHS = True
PUBLISHES = False
_OPTIONS = frozenset({"index-url", "pypi-url", "extra-index-url"})


def is_alias(name: str) -> bool:
    """Whether pip takes another variable for one of those above.

    It reads names in any case, with dashes or underscores, and an older name of the option (measured
    with pip 23.2.1: of two the last one in the environment counts).
    """
    option = name.removeprefix("PIP_").lower().replace("_", "-")
    return name.startswith("PIP_") and option in _OPTIONS and name not in VARIABLES


def settings_for(indexes: list[AuthenticatedIndex], wish: Wish) -> ClientSettings:
    """What pip reads: credentials in the URLs, or by files clean URLs beside a netrc file.

    Credentials in a pip.conf would reach the arguments of the pip that builds a package (measured with
    pip 26.3).

    Args:
        indexes: each once; the first one is primary unless all shall be extra.
        wish: how pip shall get them.
    """
    variables = address_variables(PRIMARY, EXTRA, indexes, wish)
    files: tuple[PrivateFile, ...] = ()
    if wish.by_files and indexes:
        from pip_authenticate import netrc_file  # noqa: PLC0415 - the task writes none for pip

        files = (netrc_file.of(indexes, wish.own_netrc),)
    return ClientSettings(variables, files, unsendable("pip", indexes))
