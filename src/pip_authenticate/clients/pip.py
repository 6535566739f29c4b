"""pip: the variables it reads, and what stands in them."""

from typing import NamedTuple

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


class Role(NamedTuple):
    """An index and the place pip gives it.

    Args:
        target: the index with its credential.
        variable: the variable that names it.
    """

    target: AuthenticatedIndex
    variable: str

    @property
    def word(self) -> str:
        """What pip calls the place."""
        return "primary" if self.variable == PRIMARY else "extra"


class Roles(NamedTuple):
    """Every index once, and what was left out.

    Args:
        roles: in their order.
        doubled: pairs of the index that is used and one that names the same address with another
            credential.
    """

    roles: list[Role]
    doubled: list[tuple[AuthenticatedIndex, AuthenticatedIndex]]


def roles(indexes: list[AuthenticatedIndex], *, only_extra: bool) -> Roles:
    """Give each index its place: the first is the primary one unless all are extra.

    Of several credentials for one index the first one counts, as pip itself takes it (measured with
    pip 23.2.1 and 26.3).
    """
    places: dict[object, AuthenticatedIndex] = {}
    doubled = []
    for index in indexes:
        known = places.setdefault(index.url.key, index)
        if known.credential != index.credential:
            doubled.append((known, index))
    found = [
        Role(index, PRIMARY if position == 0 and not only_extra else EXTRA)
        for position, index in enumerate(places.values())
    ]
    return Roles(found, doubled)


def assignments(roles: list[Role]) -> dict[str, Secret]:
    """The variables to set, each with its value; credentials stand in the URLs, as pip reads them."""
    urls: dict[str, list[str]] = {}
    for role in roles:
        url = role.target.url.with_credential(role.target.credential)
        urls.setdefault(role.variable, []).append(url.reveal())
    return {variable: Secret(" ".join(values)) for variable, values in urls.items()}


def can_send(credential: Credential) -> bool:
    """Whether pip can send a credential at all: it knows Basic authentication in Latin-1 only.

    Measured with pip 26.3: another character ends it with a UnicodeEncodeError.
    """
    return all(ord(char) < 256 for char in f"{credential.username}{credential.secret.reveal()}")
