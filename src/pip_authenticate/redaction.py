"""Finds and hides credentials in text that should be URLs, but may be anything.

What is no plain URL counts as a secret as a whole: a password that should have been encoded
(`https://user:pa ss@host`, `https://user:pa/ss@host`) works in some clients all the same.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple
from urllib.parse import unquote

from pip_authenticate.index import Credential
from pip_authenticate.secret import MASK, Secret

# A URL without userinfo and query: a query may be a token. An @ in its path is fine where the host is
# surely one, or where it parts a feed from its view.
_HOST = r"(\[[0-9a-f:.]+\]|localhost|[\w-]+(\.[\w-]+)+\.?)"
_PLAIN = re.compile(
    rf"[a-z][a-z0-9+.-]*://({_HOST}(:\d{{1,5}})?(/[^?#\s]*)?(#[^@\s]*)?|[\w-]*(:\d{{0,5}})?"
    r"(/[^?#\s@]*(?<=/_packaging/)[^/?#\s@]+@[^/?#\s@]+/pypi/simple/?|/[^?#\s@]*)?)",
    re.IGNORECASE,
)
_END_OF_AUTHORITY = re.compile(r"[/?#\\]|$")


class _Login(NamedTuple):
    """The userinfo of a URL, and what stands around it."""

    word: str
    scheme: str
    user: str
    password: str
    address: str

    @property
    def is_secret(self) -> bool:
        """A lone user name counts as a token, unless the URL says it anyway.

        The addresses that Azure Artifacts shows do: `https://ORGANIZATION@pkgs.dev.azure.com/ORGANIZATION/...`.
        """
        return bool(self.password) or (bool(self.user) and self.user.lower() not in self.address.lower())


def holds_credential(value: Secret) -> bool:
    """Whether a text has a credential in any of its URLs, or could have."""
    logins = _read(value.reveal())
    return logins is None or any(login.is_secret for login in logins)


def without_credentials(value: Secret) -> str:
    """A text fit to be shown: every userinfo is masked, and all of it where it is no plain URL."""
    text = value.reveal()
    logins = _read(text)
    if logins is None:
        return MASK
    secret = [login for login in logins if login.is_secret]
    shown = {login.word: f"{login.scheme}://{MASK}@{login.address}" for login in secret}
    return " ".join(shown.get(word, word) for word in text.split()) if shown else text


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
    logins = []
    for word in text.split():
        _, mark, rest = word.partition("://")
        if not mark and "@" in word and (word.startswith("//") or not word.startswith("/")):
            return None
        if mark and ("@" in rest or "?" in rest) and not _PLAIN.fullmatch(word):
            login = _login(word)
            if "@" not in rest or not _PLAIN.fullmatch(f"https://{login.address}"):
                return None
            logins.append(login)
    return logins


def _login(word: str) -> _Login:
    """Take everything up to the last @ of the authority, or else of the text, for the userinfo."""
    scheme, _, rest = word.partition("://")
    end = _END_OF_AUTHORITY.search(rest)
    authority = rest[: end.start()] if end else rest
    userinfo, mark, host = authority.rpartition("@")
    if mark:
        address = host + rest[len(authority) :]
    else:
        userinfo, _, address = rest.rpartition("@")
    user, _, password = userinfo.partition(":")
    return _Login(word, scheme, user, password, address)


def _decode(text: str) -> str:
    """Undo the percent-encoding of a user name or secret."""
    return unquote(text, errors="surrogateescape")
