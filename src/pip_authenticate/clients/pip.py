"""pip: the variables it reads, and what stands in them."""

import re
from collections.abc import Iterator
from typing import NamedTuple
from urllib.parse import unquote

from pip_authenticate.errors import InputError
from pip_authenticate.index import AuthenticatedIndex, Credential
from pip_authenticate.secret import Secret

PRIMARY = "PIP_INDEX_URL"
EXTRA = "PIP_EXTRA_INDEX_URL"
VARIABLES = (PRIMARY, EXTRA)
"""The variables that this client reads (pip documentation, "Configuration"); empty counts as unset."""

# Whatever stands before the host. A password that should have been encoded, `user:pass/word@host`,
# is found too: what follows its colon is no port.
_USERINFO = re.compile(r"(?P<before>://)(?P<userinfo>[^/?#\s]*|[^/?#\s:@\[]*:(?!\d*(?:[/?#\s]|$))\S*)@")


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


def roles(indexes: list[AuthenticatedIndex], *, only_extra: bool) -> list[Role]:
    """Give each index its place: the first is the primary one unless all are extra.

    Raises:
        InputError: one index came from two sources with different credentials.
    """
    places: dict[object, AuthenticatedIndex] = {}
    for index in indexes:
        known = places.setdefault(index.url.key, index)
        if known.credential != index.credential:
            raise InputError(
                "two-credentials",
                f"Two credentials for one index: {known.source} and {index.source} both name {index.url}",
                hint="pip would use one of them for both; remove one.",
            )
    unique = list(places.values())
    return [
        Role(index, PRIMARY if position == 0 and not only_extra else EXTRA)
        for position, index in enumerate(unique)
    ]


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


def holds_credential(value: Secret) -> bool:
    """Whether a variable's value has a credential in any of its URLs."""
    return any(_logins(value))


def without_credentials(value: Secret) -> str:
    """A variable's value, fit to be shown: every userinfo is masked."""
    return _USERINFO.sub(r"\g<before>***@", value.reveal())


def secrets_in(value: Secret) -> Iterator[Secret]:
    """The secrets in the URLs of a value, in every spelling."""
    for user, password in _logins(value):
        secret = password or user
        yield Secret(secret)
        yield from Credential(_decode(user), Secret(_decode(secret))).spellings


def _logins(value: Secret) -> Iterator[tuple[str, str]]:
    """User name and password of every URL that has any, as they stand there.

    A lone user name counts as a token, unless the URL says it anyway, as the addresses that Azure
    Artifacts shows do: `https://ORGANIZATION@pkgs.dev.azure.com/ORGANIZATION/...`.
    """
    text = value.reveal()
    for match in _USERINFO.finditer(text):
        user, _, password = match["userinfo"].partition(":")
        address = (text[match.end() :].split() or [""])[0]
        if password or (user and user.casefold() not in address.casefold()):
            yield user, password


def _decode(text: str) -> str:
    """Undo the percent-encoding of a user name or secret."""
    return unquote(text, errors="surrogateescape")
