"""A private folder that is filled for later: what was written is remembered in it, by name and digest.

Exactly that is refreshed and removed. What somebody has changed or added is theirs.
"""

from collections.abc import Iterable
from hashlib import sha256
from typing import NamedTuple

from pip_authenticate.client_settings import PrivateFile
from pip_authenticate.errors import DeliveryError
from pip_authenticate.private_files import Folder
from pip_authenticate.secret import Secret

MARK = ".pip-authenticate"
"""The file that remembers, in the form that `sha256sum --check` reads."""


def made_or_found(path: str) -> Folder:
    """Make a folder, or open one that is there, and keep other writers out of it.

    Raises:
        DeliveryError: the folder is no private one, or holds something of others only.
    """
    try:
        try:
            folder = Folder.made(path)
        except FileExistsError:
            folder = Folder.found(path)
    except OSError as error:
        raise _unusable(path, error) from None
    folder.lock(waits=True)
    if folder.names() and folder.read(MARK) is None:
        folder.close()
        raise DeliveryError(
            "folder-foreign",
            f"{path} holds something already, and nothing of pip-authenticate",
            hint="Name an empty folder, or one that is not there yet.",
        )
    return folder


def found(path: str) -> Folder:
    """Open a folder that was filled, and keep writers out of it.

    Raises:
        DeliveryError: it is none.
    """
    try:
        folder = Folder.found(path)
    except OSError as error:
        raise _unusable(path, error) from None
    folder.lock(waits=True)
    if folder.read(MARK) is None:
        folder.close()
        raise DeliveryError(
            "folder-foreign", f"{path} was not written by pip-authenticate", hint="Nothing was removed."
        )
    return folder


def refresh(folder: Folder, files: Iterable[PrivateFile]) -> None:
    """Write files, and remove those of earlier times that are not among them.

    Each is swapped in whole. What is remembered covers old and new until all of them are there: a writer that
    is killed in between leaves nothing that a later one would take for somebody else's.

    Args:
        folder: a locked one.
        files: in the order in which they shall appear.

    Raises:
        DeliveryError: somebody has changed a file, or one cannot be written.
    """
    files = tuple(files)
    folder.remove_unfinished()
    before = _remembered(folder)
    present = {name for name in folder.names() if name != MARK}
    own = {name for name in present if _is_own(folder, name, before)}
    foreign = sorted({file.name for file in files} & present - own)
    if foreign:
        raise DeliveryError(
            "file-changed",
            f"Somebody else has written {', '.join(foreign)} in {folder.path}",
            hint="Move it away, or name another folder.",
        )
    after = {file.name: {_digest(file.content.reveal().encode("utf-8", "surrogateescape"))} for file in files}
    both = {name: before.get(name, set()) | after.get(name, set()) for name in {*before, *after}}
    _remember(folder, both)
    folder.write(files)
    for name in own - after.keys():
        folder.remove(name)
    _remember(folder, after)


class Left(NamedTuple):
    """What became of a folder.

    Args:
        removed: names of files that were written, and are gone.
        changed: of files that were written and have been changed since; they stay.
        others: of what somebody else has put there; it stays.
    """

    removed: list[str]
    changed: list[str]
    others: list[str]


def forget(folder: Folder) -> Left:
    """Remove what was written, and the folder itself if nothing else is in it.

    Args:
        folder: a locked one.
    """
    folder.remove_unfinished()
    known = _remembered(folder)
    removed = [name for name in known if _is_own(folder, name, known)]
    for name in removed:
        folder.remove(name)
    left = [name for name in folder.names() if name != MARK]
    folder.remove(MARK)
    folder.remove_itself()
    return Left(
        removed, [name for name in left if name in known], [name for name in left if name not in known]
    )


def _is_own(folder: Folder, name: str, known: dict[str, set[str]]) -> bool:
    content = folder.read(name) if name in known else None
    return content is not None and _digest(content) in known[name]


def _remembered(folder: Folder) -> dict[str, set[str]]:
    """Digests by name."""
    known = dict[str, set[str]]()
    for line in (folder.read(MARK) or b"").decode("utf-8", "replace").splitlines():
        digest, _, name = line.partition("  ")
        if name and "/" not in name and "\\" not in name:
            known.setdefault(name, set()).add(digest)
    return known


def _remember(folder: Folder, known: dict[str, set[str]]) -> None:
    lines = [f"{digest}  {name}\n" for name, digests in sorted(known.items()) for digest in sorted(digests)]
    folder.write([PrivateFile(MARK, Secret("".join(lines)))])


def _digest(content: bytes) -> str:
    return sha256(content).hexdigest()


def _unusable(path: str, error: OSError) -> DeliveryError:
    return DeliveryError(
        "folder-unusable",
        f"{path} cannot be used: {error.strerror}",
        hint="Name a folder of your own; a link to one is none.",
    )
