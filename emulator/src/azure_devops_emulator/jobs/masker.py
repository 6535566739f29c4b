"""The agent's secret masker: one per job; every line of the log goes through it.

Source of the rules: agent sources HostContext.cs, Worker.cs, AdditionalMaskingRegexes.cs,
MaskingUtil.cs.
"""

import base64
import json
import re
from collections.abc import Iterator
from urllib.parse import quote

from azure_devops_emulator.jobs.names import fold

MASK = "***"
_UNRESERVED = r"[\w.~\-]|%(?:AZP25)?[0-9A-Fa-f]{2}|[!$&'()*+,;=]"
# The password of a URL's user information; a user name has to come before it.
_URL_PASSWORD = re.compile(rf"//(?:{_UNRESERVED})+:((?:{_UNRESERVED}|:)+)@")
# What a backslash may stand before in the "backslash" form, and what the two together become.
_BACKSLASHED = re.compile(r"\\([\\'\"t])")

# Authorisation parameters that the agent knows to be no secrets.
_PUBLIC_PARAMETERS = frozenset(
    fold(name)
    for name in (
        "idToken",
        "role",
        "scope",
        "tenantid",
        "issuedAt",
        "expiresAt",
        "audience",
        "authenticationType",
        "authorizationType",
        "accessTokenType",
        "accessTokenFetchingMethod",
        "useWindowsSecurity",
        "unsecured",
        "oauthAccessTokenIsSupplied",
        "completeCallbackPayload",
        "acceptUntrustedCertificates",
    )
)


def is_secret_parameter(name: str) -> bool:
    """Whether the value of an endpoint's authorisation parameter is registered as a secret."""
    return fold(name) not in _PUBLIC_PARAMETERS


class Masker:
    """Replaces registered values, their encoded forms and passwords in URLs by `***`."""

    def __init__(self) -> None:
        self._values: set[str] = set()

    def add(self, value: str) -> None:
        """Register a value and the forms of it that the agent derives; an empty one is ignored."""
        if value:
            self._values.update(form for form in (value, *_encodings(value)) if form)

    def add_job_variable(self, value: str) -> None:
        """Register the value of a secret variable that came with the job: it gets more forms."""
        if not value.strip():
            return
        self.add(value)
        self.add(value.replace("%", "%AZP25").replace("\r", "%0D").replace("\n", "%0A"))
        self.add(base64.b64encode(value.encode("utf-8", "replace")).decode())
        for quote_char in "'\"":
            if value.startswith(quote_char) and value.endswith(quote_char):
                self.add(value.strip(quote_char))
        self.add(value.strip("\r\n "))

    def mask(self, text: str) -> str:
        """The text with every hit replaced; hits that overlap or touch become one `***`."""
        spans = sorted(self._hits(text))
        pieces: list[str] = []
        position = 0
        current: tuple[int, int] | None = None
        for start, end in spans:
            if current is None or start > current[1]:
                if current is not None:
                    pieces += (text[position : current[0]], MASK)
                    position = current[1]
                current = (start, end)
            else:
                current = (current[0], max(current[1], end))
        if current is not None:
            pieces += (text[position : current[0]], MASK)
            position = current[1]
        return "".join(pieces) + text[position:]

    def _hits(self, text: str) -> Iterator[tuple[int, int]]:
        for value in self._values:
            start = text.find(value)
            while start >= 0:
                yield start, start + len(value)
                start = text.find(value, start + 1)
        for match in _URL_PASSWORD.finditer(text):
            yield match.span(1)


def _encodings(value: str) -> Iterator[str]:
    """JSON string escape, percent-encoding, and the text with its backslash escapes undone."""
    in_json = json.dumps(value, ensure_ascii=False)[1:-1]
    for char in "\x85\u2028\u2029":
        in_json = in_json.replace(char, f"\\u{ord(char):04x}")
    yield in_json
    yield quote(value, safe="", errors="replace")
    yield _BACKSLASHED.sub(lambda match: "\t" if match[1] == "t" else match[1], value)
