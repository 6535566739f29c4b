"""Finds credentials in text that should be URLs, but may be anything; says what may be shown of it.

What is no plain URL counts as a secret as a whole: a password that should have been encoded
(`https://user:pa ss@host`, `https://user:pa/ss@host`) works in some clients all the same.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple
from urllib.parse import unquote

from pip_authenticate.errors import InputError
from pip_authenticate.index import Credential, IndexUrl
from pip_authenticate.secret import MASK, Secret

# A URL without userinfo and query: a query may be a token. An @ in its path is fine where the host is
# surely one, or where it parts a feed from its view.
_PLAIN = re.compile(
    r"[a-z][a-z0-9+.-]*://"
    r"(([\w-]+(\.[\w-]+)+|localhost)(/[^?#\s]*)?|(\[[0-9a-f:.]+\]|[\w.-]*)(:\d{0,5})?"
    r"(/[^?#\s@]*(?<=/_packaging/)[^/?#\s@]+@[^/?#\s@]+/pypi/simple/?|/[^?#\s@]*)?)(#[^@=\s]*)?",
    re.IGNORECASE,
)
_SHOWN_HOSTS = 10
_SHOWN_NAME = 100
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE)
_AZURE_ARTIFACTS = re.compile(r"(pkgs\.dev\.azure\.com|[\w-]+\.pkgs\.visualstudio\.com)/", re.IGNORECASE)
_END_OF_AUTHORITY = re.compile(r"[/?#\\]|$")


class _Login(NamedTuple):
    """The userinfo of a URL, and what stands behind it."""

    user: str
    password: str
    address: str

    @property
    def is_secret(self) -> bool:
        """A lone user name counts as a token, unless it is the organisation's.

        The addresses that Azure Artifacts shows do: `https://ORGANIZATION@pkgs.dev.azure.com/ORGANIZATION/...`.
        """
        named = _AZURE_ARTIFACTS.match(self.address) and self.user.lower() in self.address.lower()
        return bool(self.password) or (bool(self.user) and not named)


def hosts_in(value: Secret) -> str:
    """The hosts that a text names: all that is ever shown of addresses that are not ours.

    A path may hold a token as well as a login may.
    """
    hosts = dict[str, None]()
    for word in value.reveal().split()[:_SHOWN_HOSTS]:
        try:
            hosts[IndexUrl.parse(word.partition("?")[0].partition("#")[0])[0].origin.host] = None
        except InputError:
            hosts["an address that cannot be read"] = None
    return ", ".join(hosts) or "nothing"


def shown_name(name: str) -> str:
    """A name from outside, or what stands for it where it could hold more than a name."""
    return name if len(name) <= _SHOWN_NAME and not set(name) & set("@?:/") else MASK


def secrets_in(value: Secret) -> Iterator[Secret]:
    """The secrets in a text, in every spelling in which they may turn up."""
    text = value.reveal()
    logins = _read(text)
    if logins is None:
        yield Secret(text)
        logins = [_login(text)]
    for login in logins:
        secret = login.password or login.user
        if secret and login.is_secret:
            yield Secret(secret)
            yield from Credential(_decode(login.user), Secret(_decode(secret))).spellings


def _read(text: str) -> list[_Login] | None:
    """The userinfo of every URL in a text; None where a part of it is neither URL nor plain word."""
    logins, words = [], text.split()
    for word in words:
        if not _SCHEME.match(word):
            is_path = word.startswith("/") and not word.startswith("//") and len(words) == 1
            if "?" in word or ("@" in word and not is_path):
                return None
        elif not _PLAIN.fullmatch(word):
            login = _login(word)
            if "@" not in word or not _PLAIN.fullmatch(f"https://{login.address}"):
                return None
            logins.append(login)
    return logins


def _login(word: str) -> _Login:
    """Take everything up to the last @ of the authority, or else of the text, for the userinfo."""
    _, _, rest = word.partition("://")
    end = _END_OF_AUTHORITY.search(rest)
    authority = rest[: end.start()] if end else rest
    userinfo, mark, host = authority.rpartition("@")
    if mark:
        address = host + rest[len(authority) :]
    else:
        userinfo, _, address = rest.rpartition("@")
    user, _, password = userinfo.partition(":")
    return _Login(user, password, address)


def _decode(text: str) -> str:
    """Undo the percent-encoding of a user name or secret."""
    return unquote(text, errors="surrogateescape")
