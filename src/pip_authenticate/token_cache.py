"""Keeps tokens between runs: in files of the user's alone, one for each identity, organisation and scope.

A token is asked for under a lock, so that processes that start together ask once. A file is written beside
its place and swapped in: whoever reads finds a whole one, also after a writer was killed.
"""

import os
import time
from collections.abc import Callable
from typing import TYPE_CHECKING
from urllib.parse import quote

from pip_authenticate.client_settings import PrivateFile
from pip_authenticate.deadline import Deadline
from pip_authenticate.errors import DeliveryError
from pip_authenticate.index import Credential
from pip_authenticate.private_files import Folder, made_with_parents
from pip_authenticate.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Iterator

MARGIN_SECONDS = 300
"""A token that ends within this time counts as ended: an install may take that long."""
_PIECE_SECONDS = 0.05
_SUFFIX = ".token"
_LONGEST_NAME = 200
_NOT_ONE_LINE = "\r\n"


class TokenCache:
    """The tokens of one user on one machine.

    What keeps it from working is a line for debugging and no error: tokens are then asked for each time.

    Args:
        folder: where they are kept; empty for none at all.
        deadline: until when others that ask are waited for.
        log: takes a line where the folder cannot be used.
    """

    def __init__(self, folder: str, deadline: Deadline, log: Callable[[str], None]) -> None:
        self._path = folder
        self._deadline = deadline
        self._log = log

    def fetch(self, key: tuple[str, ...], make: Callable[[], Credential]) -> Credential:
        """A token that is kept, or a new one, which is kept from then on if its end is known.

        Args:
            key: identity, organisation and scope.
            make: asks for a new one; may fail.
        """
        folder = self._opened() if self._path else None
        if folder is None:
            return make()
        try:
            name = _name(key)
            found = _read(folder, name, key)
            while not found and not folder.lock(waits=False):
                self._deadline.check()
                self._deadline.sleep(_PIECE_SECONDS)
                found = _read(folder, name, key)
            found = found or _read(folder, name, key)  # whoever had the lock until now may have kept one
            if found:
                return found
            made = make()
            self._keep(folder, name, key, made)
            return made
        finally:
            folder.close()

    def forget(self) -> int:
        """Remove every token; says how many there were."""
        folder = self._opened() if os.path.isdir(self._path) else None
        if folder is None:
            return 0
        try:
            folder.lock(waits=True)
            names = [name for name in folder.names() if name.endswith(_SUFFIX)]
            for name in names:
                folder.remove(name)
            folder.remove_unfinished()
            return len(names)
        finally:
            folder.close()

    def _opened(self) -> Folder | None:
        try:
            return made_with_parents(self._path)
        except (DeliveryError, OSError) as error:
            self._log(f"Tokens are not kept between runs: {error}")
            return None

    def _keep(self, folder: Folder, name: str, key: tuple[str, ...], made: Credential) -> None:
        """Keep a token, and drop those that have ended."""
        lines = (*key, str(int(made.expires.timestamp())) if made.expires else "", made.username)
        if not made.expires or any(end in line for line in lines for end in _NOT_ONE_LINE):
            return
        text = "\n".join((*lines, made.secret.reveal(), ""))
        try:
            folder.remove_unfinished()
            for other in [*_ended(folder)]:
                folder.remove(other)
            folder.write([PrivateFile(name, Secret(text))])
        except (DeliveryError, OSError) as error:
            self._log(f"A token is not kept: {error}")


def _ended(folder: Folder) -> "Iterator[str]":
    for name in folder.names():
        if name.endswith(_SUFFIX):
            lines = _lines(folder, name)
            end = lines[-3] if len(lines) > 3 else ""
            if not end.isdecimal() or int(end) < time.time():
                yield name


def _lines(folder: Folder, name: str) -> list[str]:
    return (folder.read(name) or b"").decode("utf-8", "replace").removesuffix("\n").split("\n")


def _read(folder: Folder, name: str, key: tuple[str, ...]) -> Credential | None:
    """The token that is kept under a name, if it is for this key and lives long enough."""
    *found, end, username, text = ["", "", "", *_lines(folder, name)]
    if tuple(found[3:]) != key or not end.isdecimal() or int(end) < time.time() + MARGIN_SECONDS or not text:
        return None
    from datetime import datetime, timezone  # noqa: PLC0415 - only where there is one

    return Credential(username, Secret(text), datetime.fromtimestamp(int(end), timezone.utc))


def _name(key: tuple[str, ...]) -> str:
    """A file's name for a key; of two keys with one name, which long ones may have, one is kept."""
    return quote(" ".join(key), safe="@")[:_LONGEST_NAME] + _SUFFIX
