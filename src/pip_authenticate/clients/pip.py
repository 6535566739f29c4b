"""pip: the variables it reads, and what stands in them."""

from pip_authenticate.client_settings import ClientSettings, PrivateFile, Variable, Wish
from pip_authenticate.index import AuthenticatedIndex, Credential
from pip_authenticate.secret import Secret

PRIMARY = "PIP_INDEX_URL"
EXTRA = "PIP_EXTRA_INDEX_URL"
VARIABLES = (PRIMARY, EXTRA)
"""The variables that this client reads (pip documentation, "Configuration"); empty counts as unset."""
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
    urls: dict[str, list[str]] = {}
    for position, index in enumerate(indexes):
        variable = EXTRA if position or wish.only_extra else PRIMARY
        shown = str(index.url) if wish.by_files else index.url.with_credential(index.credential).reveal()
        urls.setdefault(variable, []).append(shown)
    variables = tuple(
        Variable(name, Secret(" ".join(values)), is_secret=not wish.by_files) for name, values in urls.items()
    )
    files: tuple[PrivateFile, ...] = ()
    if wish.by_files:
        from pip_authenticate import netrc_file  # noqa: PLC0415 - the task writes none for pip

        files = (netrc_file.of(indexes, wish.own_netrc),)
    return ClientSettings(variables, files, tuple(_unsendable(indexes)))


def _unsendable(indexes: list[AuthenticatedIndex]) -> list[str]:
    """Warnings about credentials that pip cannot send."""
    found = dict[Credential, dict[str, None]]()
    for index in indexes:
        if not can_send(index.credential):
            found.setdefault(index.credential, {})[index.source] = None
    return [
        f"The credential of {', '.join(sources)} holds a character that pip cannot send: "
        "it knows Latin-1 only and ends with a UnicodeEncodeError. Choose another secret."
        for sources in found.values()
    ]


def can_send(credential: Credential) -> bool:
    """Whether pip can send a credential at all: it knows Basic authentication in Latin-1 only.

    Measured with pip 26.3: another character ends it with a UnicodeEncodeError.
    """
    return all(ord(char) < 256 for char in f"{credential.username}{credential.secret.reveal()}")
