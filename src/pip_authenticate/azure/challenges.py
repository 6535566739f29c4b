"""Reads which kinds of authentication a server offers (RFC 9110, section 11.6.1)."""

import re

_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"?')
_WORD = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_PARAMETER = re.compile(rf"{_WORD}\s*=")
_SCHEME = re.compile(rf"{_WORD}(?=\s|$)")


def schemes(header: str) -> list[str]:
    """The names of the schemes in WWW-Authenticate headers, in lower case and in their order.

    Args:
        header: the value of the header; several headers joined by commas.
    """
    found = []
    # A comma parts challenges as well as the parameters of one; only the first word tells which.
    for part in _QUOTED.sub("", header).split(","):
        text = part.strip()
        match = None if _PARAMETER.match(text) else _SCHEME.match(text)
        if match:
            found.append(match[0].lower())
    return list(dict.fromkeys(found))
