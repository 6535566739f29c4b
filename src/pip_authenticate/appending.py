"""Appends to a file that a CI reads: all of a text, or nothing."""

import os
import stat

from pip_authenticate.errors import DeliveryError

_MODE = 0o600
_FLAGS = os.O_RDWR | os.O_APPEND | os.O_CREAT
# Neither a link, which somebody else may have put there, nor a pipe, which would be waited for; on Windows
# line ends as they are.
for _flag in ("O_NOFOLLOW", "O_NONBLOCK", "O_BINARY"):
    _FLAGS |= getattr(os, _flag, 0)


def append(path: str, text: str, what: str, *, limit: int | None = None) -> None:
    """Append a text; a file that is not there is made for its owner only.

    Args:
        path: of the file.
        text: ends with a line end. It begins a line, also where somebody left the last one without its end.
        what: the file's name in messages.
        limit: longest file, in bytes.

    Raises:
        DeliveryError: it cannot be written, or the file would be too long; nothing of the text is in it.
    """
    try:
        descriptor = os.open(path, _FLAGS, _MODE)
    except OSError as error:
        raise _unwritable(path, what, error.strerror) from None
    try:
        state = os.fstat(descriptor)
        if not stat.S_ISREG(state.st_mode):
            raise _unwritable(path, what, "it is no file")
        data = text.encode("utf-8", "surrogateescape")
        if _is_unfinished(descriptor, state.st_size):
            data = b"\n" + data
        if limit is not None and state.st_size + len(data) > limit:
            raise _unwritable(path, what, f"it may have {limit:,} bytes")
        rest = memoryview(data)
        try:
            while rest:
                rest = rest[os.write(descriptor, rest) :]
        except OSError as error:  # a full disk: half a value would be worse than none
            os.ftruncate(descriptor, state.st_size)
            raise _unwritable(path, what, error.strerror) from None
    finally:
        os.close(descriptor)


def _is_unfinished(descriptor: int, size: int) -> bool:
    """Whether the last line has no end."""
    if not size:
        return False
    os.lseek(descriptor, size - 1, os.SEEK_SET)
    return os.read(descriptor, 1) != b"\n"


def _unwritable(path: str, what: str, why: str | None) -> DeliveryError:
    return DeliveryError(
        "file-unwritable",
        f"{what} cannot be written: {why}",
        context=path,
        hint="Check that the command runs in a job of that CI, and that the disk is not full.",
    )
