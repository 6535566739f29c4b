"""A netrc file: credentials by host, for the many programs that read one.

Its readers differ (GNU inetutils, "The .netrc file"; Python's netrc; curl; uv): what is written here is
read alike by all of them. They know hosts, neither ports nor paths.
"""

import re
from collections.abc import Iterator
from contextlib import suppress

from pip_authenticate import shared_hosts, text_files
from pip_authenticate.client_settings import PrivateFile
from pip_authenticate.errors import DeliveryError
from pip_authenticate.index import AuthenticatedIndex
from pip_authenticate.secret import Secret
from pip_authenticate.text_files import TooLongError, UnreadableError

VARIABLE = "NETRC"
"""Where programs look for the path of another file than the user's own (requests: utils.py; uv)."""
NAME = "netrc"
_WORD = re.compile(r'"(?:\\.|[^"\\])*"|\S+')
_WITH_VALUE = frozenset({"login", "user", "password", "account"})


def of(
    indexes: list[AuthenticatedIndex], own: Secret, name: str = NAME, variable: str = VARIABLE
) -> PrivateFile:
    """The file for some indexes.

    Args:
        indexes: with their credentials.
        own: the text of the user's own file, which this one takes the place of: its entries follow, so that
            those of the indexes' hosts come first.
        name: of the file.
        variable: that shall hold its path.

    Raises:
        DeliveryError: two credentials share a host, or one cannot be written so that all readers agree.
    """
    hosts = shared_hosts.first_of_each("a netrc file", indexes, lambda index: index.url.origin.host)
    lines = [_line(host, index) for host, index in hosts.items()]
    return PrivateFile(name, Secret("".join(lines) + _without(own.reveal(), set(hosts))), (variable,))


def hosts_of(text: str) -> set[str]:
    """The hosts that a file has entries for; fewer where it holds a word without a meaning."""
    found = set[str]()
    with suppress(DeliveryError):
        for _, host in _entries(text):
            found.add(host)
    return found


def text_of(path: str) -> Secret:
    """The text of the user's own file; empty where there is none that can be read.

    Raises:
        DeliveryError: it is too long to be one.
    """
    try:
        return Secret(text_files.read(path, errors="surrogateescape") or "")
    except TooLongError:
        raise DeliveryError(
            "netrc-too-long", "Your own netrc file is too long to be taken over", hint="Shorten it."
        ) from None
    except UnreadableError:  # nor can others read it
        return Secret("")


def _line(host: str, index: AuthenticatedIndex) -> str:
    user, password = index.credential.username, index.credential.secret.reveal()
    for text in (user, password):
        if not text or not text.isprintable() or not text.isascii() or set(text) & set(' "\\#'):
            raise DeliveryError(
                "netrc-unfit",
                f"The credential of {index.source} holds a character that programs read differently in a "
                "netrc file",
                hint="Give it in variables, or choose a secret of letters, digits and plain signs.",
            )
    return f"machine {host} login {user} password {password}\n"


def _without(own: str, hosts: set[str]) -> str:
    """The user's own text, without entries for some hosts: of two, some programs take the last one.

    Raises:
        DeliveryError: it holds a word that begins no entry, where some readers give up the whole file.
    """
    kept, start, is_kept = list[str](), 0, True
    for at, host in _entries(own):
        kept.append(own[start:at] if is_kept else "")
        start, is_kept = at, host not in hosts
    kept.append(own[start:] if is_kept else "")
    text = "".join(kept)
    return text if not text or text.endswith("\n") else f"{text}\n"


def _entries(text: str) -> Iterator[tuple[int, str]]:
    """Where each entry begins, and the host that it is for; none for defaults and macros."""
    at = 0
    while word := _WORD.search(text, at):
        at = word.end()
        if word[0] == "machine":
            host = _WORD.search(text, at)
            if host:
                at = host.end()
                yield word.start(), host[0].strip('"').lower()
        elif word[0] == "default":
            yield word.start(), ""
        elif word[0] == "macdef":
            yield word.start(), ""
            end = re.compile(r"\n[ \t\r]*\n").search(text, at)
            at = end.end() if end else len(text)
        elif word[0] in _WITH_VALUE:
            value = _WORD.search(text, at)
            at = value.end() if value else len(text)
        elif word[0].startswith("#"):
            at = text.find("\n", at) if "\n" in text[at:] else len(text)
        else:
            raise DeliveryError(
                "netrc-unreadable",
                "Your own netrc file holds a word without a meaning there: programs differ in what they make "
                "of the rest",
                hint="Correct it: entries read `machine HOST login USER password SECRET`.",
            )
