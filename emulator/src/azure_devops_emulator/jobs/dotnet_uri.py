"""A URL as .NET's `Uri.ToString()` writes it: the form in which an agent tells tasks of an address.

Source of the rules: dotnet/runtime sources Uri.cs, UriHelper.cs, PercentEncodingHelper.cs and IriHelper.cs;
agent source Handler.cs, which calls it. The documentation of `ToString` says more than those sources do:
that everything but `#`, `?` and `%` is unescaped. Which of the two holds is not settled, so both are here.
"""

import re
from functools import partial
from urllib.parse import SplitResult, urlsplit

_DEFAULT_PORTS = {"http": 80, "https": 443}
_ESCAPES = re.compile(r"(?:%[0-9A-Fa-f]{2})+")
_BEFORE_QUERY = re.compile(r"[^?#]*")
_LONE_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
_ALWAYS_ESCAPED = frozenset("%#?")
_RESERVED = frozenset(";/?:@&=+$,#[]!'()*%\\")
# What an IRI may hold beside ASCII, without the marks of direction.
_IRI = re.compile(
    "[\u00a0-\u200d\u2010-\u2029\u202f-\ud7ff\uf900-\ufdcf\ufdf0-\uffef"
    + "".join(f"{chr(plane << 16)}-{chr((plane << 16) + 0xFFFD)}" for plane in range(1, 14))
    + "\U000e1000-\U000efffd]"
)


def to_string(url: str, *, unescape_reserved: bool = False) -> str:
    """The URL as a task gets it; a text that is no http or https URL with a host stays as it is.

    Args:
        url: as the service connection has it.
        unescape_reserved: follow the documentation instead of the sources.
    """
    try:
        parts = urlsplit(_BEFORE_QUERY.sub(lambda match: match[0].replace("\\", "/"), url.strip(), count=1))
        port = parts.port
    except ValueError:
        return url
    if parts.scheme not in _DEFAULT_PORTS or not parts.hostname:
        return url
    write = partial(_unescape, unescape_reserved=unescape_reserved)
    text = f"{parts.scheme}://{_authority(parts, port)}{write(_without_dots(parts.path))}"
    if parts.query:
        text += f"?{write(parts.query)}"
    return f"{text}#{write(parts.fragment)}" if parts.fragment else text


def _authority(parts: SplitResult, port: int | None) -> str:
    """User, host in lower case, and a port that is not the scheme's own."""
    user, at, _ = parts.netloc.rpartition("@")
    host = (parts.hostname or "").lower()
    host = f"[{host}]" if ":" in host else host
    return f"{user}{at}{host}" + ("" if port in {None, _DEFAULT_PORTS[parts.scheme]} else f":{port}")


def _without_dots(path: str) -> str:
    """The path with `.` and `..` taken out; escaped dots are names like others."""
    kept: list[str] = []
    segments = path.split("/")[1:]
    for segment in segments:
        if segment == "..":
            del kept[-1:]
        elif segment != ".":
            kept.append(segment)
    if segments and segments[-1] in {".", ".."}:
        kept.append("")
    return "/" + "/".join(kept)


def _unescape(text: str, *, unescape_reserved: bool) -> str:
    """Undo escapes that need not be, and escape a percent sign that begins none."""

    def undo(match: re.Match[str]) -> str:
        escapes = match[0]
        octets = bytes.fromhex(escapes.replace("%", ""))
        written, position = "", 0
        while position < len(octets):
            char = _first_char(octets[position:])
            length = len(char.encode()) or 1
            keeps = _keeps_escaped(char, unescape_reserved=unescape_reserved)
            written += escapes[3 * position : 3 * (position + length)] if keeps else char
            position += length
        return written

    return _ESCAPES.sub(undo, _LONE_PERCENT.sub("%25", text))


def _first_char(octets: bytes) -> str:
    """The character that some octets begin with in UTF-8, or nothing."""
    for length in range(1, 5):
        try:
            return octets[:length].decode()
        except UnicodeDecodeError:
            continue
    return ""


def _keeps_escaped(char: str, *, unescape_reserved: bool) -> bool:
    if not char:
        return True
    if not char.isascii():
        return not _IRI.fullmatch(char)
    if unescape_reserved:
        return char in _ALWAYS_ESCAPED
    return char in _RESERVED or not " " <= char <= "~"
