"""Appends to a file that a CI reads: all of a text, or nothing."""

import os

from pip_authenticate.errors import DeliveryError

_MODE = 0o600


def append(path: str, text: str, what: str) -> None:
    """Append a text; a file that is not there is made for its owner only.

    Args:
        path: of the file.
        text: ends with a line end.
        what: the file's name in messages.

    Raises:
        DeliveryError: it cannot be written; nothing of the text is in it.
    """
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, _MODE)
    except OSError as error:
        raise _unwritable(path, what, error) from None
    try:
        before = os.fstat(descriptor).st_size
        rest = memoryview(text.encode("utf-8", "surrogateescape"))
        try:
            while rest:
                rest = rest[os.write(descriptor, rest) :]
        except OSError as error:  # a full disk: half a value would be worse than none
            os.ftruncate(descriptor, before)
            raise _unwritable(path, what, error) from None
    finally:
        os.close(descriptor)


def _unwritable(path: str, what: str, error: OSError) -> DeliveryError:
    return DeliveryError(
        "file-unwritable",
        f"{what} cannot be written: {error.strerror}",
        context=path,
        hint="Check that the command runs in a job of that CI, and that the disk is not full.",
    )
