"""Text files of others, read with a bound: configuration, requirements, netrc."""

import os
import sys
from collections.abc import Mapping
from typing import Any

LONGEST = 1024 * 1024
"""Longest file that is read, in bytes."""


class UnreadableError(Exception):
    """A file is there and cannot be read; the text says why, without any of its content."""


class TooLongError(UnreadableError):
    """It is longer than any that is read."""


def read(path: str, *, errors: str = "strict") -> str | None:
    """The text of a file; None where there is no file of that name.

    What is no ordinary file counts as none: opening a pipe would wait for somebody to write.

    Args:
        path: of the file.
        errors: what becomes of bytes that are no UTF-8, as `bytes.decode` takes it.

    Raises:
        TooLongError: it has more bytes than are read.
        UnreadableError: it cannot be opened, or is no text.
    """
    try:
        if not os.path.isfile(path):
            return None
        with open(path, "rb") as file:
            content = file.read(LONGEST + 1)
    except OSError as error:
        raise UnreadableError(f"cannot be read: {error.strerror}") from None
    if len(content) > LONGEST:
        raise TooLongError("is longer than a megabyte")
    try:
        return content.decode("utf-8-sig", errors)
    except UnicodeDecodeError:
        raise UnreadableError("is no UTF-8 text") from None


def read_toml(path: str) -> Mapping[str, Any]:
    """The table in a file; empty where there is no such file.

    Raises:
        UnreadableError: it cannot be read, or is no TOML. The parser's own message quotes the text, which
            may hold a secret.
    """
    text = read(path)
    if not text:
        return {}
    if sys.version_info >= (3, 11):
        import tomllib  # noqa: PLC0415 - few projects have none, but those are quick
    else:
        import tomli as tomllib  # noqa: PLC0415

    try:
        return tomllib.loads(text)
    except ValueError:
        raise UnreadableError("is no TOML") from None
    except RecursionError:
        raise UnreadableError("is nested too deeply") from None
