"""Reads a token from a file, or from what was read already."""

import os

from pip_authenticate.errors import InputError
from pip_authenticate.secret import Secret

TOKEN_BYTES = 64 * 1024
"""Longest token that is read from a file or from standard input."""


def read(path: str, hint: str, *, waits: bool = False) -> Secret:
    """The token that a file holds.

    Args:
        path: of the file.
        hint: what to do where it cannot be read.
        waits: whether it may be a pipe, which somebody has yet to write to.

    Raises:
        InputError: it cannot be read, or holds something else.
    """
    try:
        if not waits and os.path.exists(path) and not os.path.isfile(path):
            raise InputError("token-file", f"{path} is no file", hint=hint)
        with open(path, "rb") as file:
            content = file.read(TOKEN_BYTES + 1)
    except OSError as error:
        raise InputError("token-file", f"{path} cannot be read: {error.strerror}", hint=hint) from None
    return token_in(content, path)


def token_in(content: bytes, place: str) -> Secret:
    """The token that a place holds; blanks and line ends around it are none of its own.

    Raises:
        InputError: it holds none, or something else.
    """
    shown = content.decode("utf-8-sig", "replace").strip()
    if not shown or len(content) > TOKEN_BYTES or not shown.isprintable():
        hint = "It must hold the token in one line, and nothing else."
        raise InputError("not-a-token", f"{place} holds no token", hint=hint)
    return Secret(content.decode("utf-8-sig", "surrogateescape").strip())
