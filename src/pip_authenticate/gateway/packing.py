"""Bodies that come packed (RFC 9110, section 8.4.1), and what is in them."""

import zlib

GZIP = frozenset({"gzip", "x-gzip"})
UNDONE = GZIP | {"deflate"}
"""Codings that are undone here; what comes in others is handed on as it is."""
ASKED_FOR = "gzip"
"""What pages are asked for in (Accept-Encoding): it is handed on as it came to who takes it, too."""
_GZIP, _ZLIB, _BARE = 16 + zlib.MAX_WBITS, zlib.MAX_WBITS, -zlib.MAX_WBITS


def unpacked(content: bytes, coding: str, limit: int) -> bytes | None:
    """What is in a body; itself, where its coding is not known.

    Args:
        content: the body.
        coding: what its header Content-Encoding says.
        limit: bytes that are read at most.

    Returns:
        None where there are more bytes in it.

    Raises:
        ValueError: it is damaged, or breaks off.
    """
    if coding.lower() not in UNDONE or not content:
        return content if len(content) <= limit else None
    try:
        if coding.lower() in GZIP:
            return _members(content, _GZIP, limit)
        try:
            return _members(content, _ZLIB, limit)
        except zlib.error:  # many send it without the head that belongs to it
            return _members(content, _BARE, limit)
    except zlib.error as error:
        raise ValueError(str(error)) from None


def _members(content: bytes, form: int, limit: int) -> bytes | None:
    """The same, of a form of zlib's; one can follow the other (RFC 1952, section 2.2)."""
    parts, left = list[bytes](), limit
    while content:
        member = zlib.decompressobj(form)
        parts.append(member.decompress(content, left + 1))
        left -= len(parts[-1])
        if left < 0:
            return None
        if not member.eof:
            raise ValueError("it breaks off")
        content = member.unused_data if form == _GZIP else b""
    return parts[0] if len(parts) == 1 else b"".join(parts)
