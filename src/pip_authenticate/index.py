"""An index, the credential for it, and the two together."""

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple, TypeAlias
from urllib.parse import quote, unquote, urlsplit

from pip_authenticate.errors import not_a_url
from pip_authenticate.origin import DEFAULT_PORTS, Origin
from pip_authenticate.secret import Secret

if TYPE_CHECKING:
    from datetime import datetime

TOKEN_USER = "build"  # noqa: S105 - a user name
"""The user name that goes with a token; services take any, and the built-in task sends the same."""
_HOST_NAME = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_])?\.?")
# What may stand in a path as it is; everything else is percent-encoded. `$` is not among it:
# the agent would expand `$(name)` in a variable's value before every later step.
_DECODED_BY_AGENTS = re.compile("%(3B|5D|0A|0D)")
_STRAY_PERCENT = re.compile("%(?![0-9A-Fa-f]{2})")
_PATH_SAFE = "/%:@!&'()*+,;=~-._[]"


def percent_encode(text: str) -> str:
    """Encode a user name or secret for the userinfo of a URL (RFC 3986, section 3.2.1).

    Args:
        text: any text; bytes that were no UTF-8 (surrogate escapes) keep their value.
    """
    return settled(quote(text, safe="", encoding="utf-8", errors="surrogateescape"))


def settled(encoded: str) -> str:
    """Write four sequences in lower case, which means the same.

    In upper case an agent of Azure Pipelines decodes them whenever a value passes it in a command, also in
    one that a later step writes.
    """
    return _DECODED_BY_AGENTS.sub(lambda match: match[0].lower(), encoded)


def leads_elsewhere(segments: Iterable[str]) -> bool:
    """Whether a path's decoded segments do not name, one after the other, what somebody takes them for."""
    return any(part in {".", ".."} or "/" in part or "\\" in part for part in segments)


class IndexUrl:
    """The URL of a simple repository API (PEP 503); never holds a credential, so it may be shown.

    Args:
        scheme: `http` or `https`.
        host: lower-case name or address, IPv6 without brackets.
        port: TCP port.
        path: percent-encoded, beginning with a slash.
    """

    __slots__ = ("origin", "path")

    def __init__(self, scheme: str, host: str, port: int, path: str) -> None:
        self.origin = Origin(scheme, host, port)
        self.path = path

    @classmethod
    def parse(cls, text: str) -> tuple["IndexUrl", Secret | None]:
        """Read a URL, and split off the secret that its userinfo may hold.

        Args:
            text: an absolute http or https URL without query and fragment; what must be percent-encoded
                in its path may be so already, or not.

        Returns:
            The URL without userinfo, and the password found there, or None.

        Raises:
            InputError: the text is no such URL. The text itself is never quoted, since it
                may hold a secret.
        """
        # isprintable() is false for every blank but the plain one, which .NET writes into a URL's path.
        if not text.isprintable():
            raise not_a_url("it holds control characters or unusual blanks")
        if "\\" in text:
            raise not_a_url("it holds a backslash")
        try:
            parts = urlsplit(text.strip(" "))
            host, port, password = parts.hostname, parts.port, parts.password
        except ValueError:  # its message may quote the text
            raise not_a_url("its host or port cannot be read") from None
        if parts.scheme not in DEFAULT_PORTS:
            raise not_a_url("it must begin with https:// (or http://)")
        if " " in parts.netloc:
            raise not_a_url("its host or login holds a blank")
        if "[" in parts.netloc.rpartition("@")[2] and ":" not in (host or ""):
            raise not_a_url("its host is no IPv6 address")
        if port == 0:
            raise not_a_url("its port is 0")
        if parts.query or parts.fragment:
            raise not_a_url("an index has neither a query nor a fragment")
        path = settled(quote(_STRAY_PERCENT.sub("%25", parts.path or "/"), safe=_PATH_SAFE))
        url = cls(parts.scheme, _host(host), port or DEFAULT_PORTS[parts.scheme], path)
        return url, Secret(unquote(password, errors="surrogateescape")) if password else None

    def __str__(self) -> str:
        return f"{self.origin.scheme}://{self.netloc}{self.path}"

    def __repr__(self) -> str:
        return f"IndexUrl({str(self)!r})"

    @property
    def netloc(self) -> str:
        """Host and port as they stand in the URL, the scheme's own port left out."""
        return self.origin.netloc

    @property
    def key(self) -> tuple[Origin, str]:
        """What two spellings of one index have in common: encoding and last slash do not count."""
        return self.origin, unquote(self.path).rstrip("/")

    def with_credential(self, credential: "Credential") -> Secret:
        """The URL as a client wants it, with user name and secret in its userinfo."""
        scheme = self.origin.scheme
        return Secret(f"{scheme}://{credential.userinfo.reveal()}@{self.netloc}{self.path}")


def _host(host: str | None) -> str:
    """A host name fit for a URL: checked, lower-case, international names in their ASCII form."""
    if not host:
        raise not_a_url("it names no host")
    if ":" in host:
        from pip_authenticate import odd_hosts  # noqa: PLC0415 - a rare form

        return odd_hosts.address(host)
    if not host.isascii():
        from pip_authenticate import odd_hosts  # noqa: PLC0415 - a rare form

        host = odd_hosts.ascii_name(host)
    if not _HOST_NAME.fullmatch(host):
        raise not_a_url("its host name holds characters that no host name has")
    return host.lower()


class Credential(NamedTuple):
    """A user name and a secret.

    Args:
        username: what stands before the colon; may be any text.
        secret: password or token.
        expires: when the service stops accepting it, or None where nobody says.
    """

    username: str
    secret: Secret
    expires: "datetime | None" = None

    @property
    def userinfo(self) -> Secret:
        """`user:secret` as it stands in a URL, both percent-encoded."""
        return Secret(f"{percent_encode(self.username)}:{percent_encode(self.secret.reveal())}")

    @property
    def basic(self) -> Secret:
        """The token of HTTP Basic authentication (RFC 7617): base64 of `user:secret` in UTF-8."""
        pair = f"{self.username}:{self.secret.reveal()}"
        return Secret(_base64(pair.encode("utf-8", "surrogateescape")))

    @property
    def authorization(self) -> Secret:
        """The value of an Authorization header for Basic authentication."""
        return Secret(f"Basic {self.basic.reveal()}")

    @property
    def authorization_of_pip(self) -> Secret:
        """The same as pip sends it, which encodes in Latin-1 (requests: auth.py), where that is possible."""
        pair = f"{self.username}:{self.secret.reveal()}"
        try:
            return Secret(f"Basic {_base64(pair.encode('latin-1'))}")
        except UnicodeEncodeError:
            return self.authorization

    @property
    def is_latin(self) -> bool:
        """Whether programs that stand on requests can send it: they know Latin-1 only.

        Measured with pip 26.3, Poetry 2.5.1, Pipenv 2026.10.3 and twine 7.0.0: another character ends them
        with a UnicodeEncodeError.
        """
        return all(ord(char) < 256 for char in f"{self.username}{self.secret.reveal()}")

    @property
    def spellings(self) -> tuple[Secret, ...]:
        """Every form in which the secret may turn up in a log: raw, percent-encoded, Basic."""
        raw = self.secret.reveal()
        upper = Secret(quote(raw, safe="", errors="surrogateescape"))
        latin = Secret(self.authorization_of_pip.reveal().removeprefix("Basic "))
        return tuple(dict.fromkeys((self.secret, Secret(percent_encode(raw)), upper, self.basic, latin)))


def _base64(data: bytes) -> str:
    from binascii import b2a_base64  # noqa: PLC0415 - only a run that has a credential needs it

    return b2a_base64(data, newline=False).decode("ascii")


Names: TypeAlias = tuple[tuple[str, str], ...]
"""Pairs of a client's name (empty: any) and what that calls an index."""


class Index(NamedTuple):
    """An index as a source names it; nobody has said yet what opens it.

    Args:
        url: the index.
        source: the source and its entry, as a person named it: `feed project1/myFeed`.
        entry: where that is written, as the subject of a sentence about what is wrong with it.
        provider: name of the only provider that may open it, or empty: whichever can.
        connection: id of the service connection that the provider needs, or empty.
        names: what clients call it, by the client's name.
        is_asked_for: whether a person named it for this run. One that was only found in files must not
            fail the run, and is given no credential that could be meant for another organisation.
    """

    url: IndexUrl
    source: str
    entry: str
    provider: str = ""
    connection: str = ""
    names: Names = ()
    is_asked_for: bool = True

    def opened_by(self, credential: Credential) -> "AuthenticatedIndex":
        """The index with a credential for it."""
        return AuthenticatedIndex(
            self.url, credential, self.source, names=self.names, is_asked_for=self.is_asked_for
        )


class AuthenticatedIndex(NamedTuple):
    """An index, the credential for it, and whom it came from.

    Args:
        url: the index.
        credential: what opens it.
        source: the source and its entry, as a person named it: `feed project1/myFeed`.
        feed: what people call the feed whose URL has been written with GUIDs; else empty.
        names: what clients call it, by the client's name.
        provider: name of the provider that gave the credential.
        is_asked_for: whether a person named it for this run; one that was only found in files is known to
            its clients already.
        upload: where its packages are published to; None where nobody knows that.
    """

    url: IndexUrl
    credential: Credential
    source: str
    feed: str = ""
    names: Names = ()
    provider: str = ""
    is_asked_for: bool = True
    upload: IndexUrl | None = None

    def names_for(self, client: str) -> list[str]:
        """What a client calls the index, in its own files or by an argument of the command."""
        return [name for by, name in self.names if by in {client, ""}]
