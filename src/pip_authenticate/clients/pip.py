"""pip: the variables it reads, and what stands in them."""

from pip_authenticate.client_settings import (
    ClientSettings,
    PrivateFile,
    Wish,
    address_variables,
)
from pip_authenticate.index import AuthenticatedIndex

PRIMARY = "PIP_INDEX_URL"
EXTRA = "PIP_EXTRA_INDEX_URL"
VARIABLES = (PRIMARY, EXTRA)
"""The variables that this client reads (pip documentation, "Configuration"); empty counts as unset."""
KNOWS_PATHS = True
PUBLISHES = False
RUNS_HERE = True
ASKS_AT_ONCE = False
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

    Where pip's own files or variables name an index already, its credential is enough: by files nothing names
    it once more, and in variables it keeps its place.

    Args:
        indexes: each once; the first one that was asked for is primary unless all shall be extra.
        wish: how pip shall get them.
    """
    asked = [index for index in indexes if index.is_asked_for]
    known = [index for index in indexes if not index.is_asked_for and index.names_for("pip")]
    has_primary = asked or any("index-url" in index.names_for("pip") for index in known)
    known.sort(key=lambda index: "index-url" not in index.names_for("pip"))
    wished = wish if has_primary else wish._replace(only_extra=True)
    every = address_variables(PRIMARY, EXTRA, [*asked, *known], wished)
    warnings: tuple[str, ...] = ()
    if not all(index.credential.is_latin for index in indexes):
        from pip_authenticate.latin import unsendable  # noqa: PLC0415 - most can be sent

        warnings = unsendable("pip", indexes)
    if not wish.by_files:
        return ClientSettings(every, warnings=warnings)
    files: tuple[PrivateFile, ...] = ()
    if indexes:
        from pip_authenticate import netrc_file  # noqa: PLC0415 - the task writes none for pip

        files = (netrc_file.of(indexes, wish.own_netrc),)
    if wish.addresses_too and every:
        from pip_authenticate import pip_conf  # noqa: PLC0415 - as above

        files += (pip_conf.of(every),)
    return ClientSettings(address_variables(PRIMARY, EXTRA, asked, wish), files, warnings)
