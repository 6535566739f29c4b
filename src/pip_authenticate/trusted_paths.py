"""Opens folders by paths that nobody else can lead elsewhere.

A path is a chain of names. Whoever may write to a folder on the way, or owns it, can put another folder or
link in the place of the next name: then a file would be written, or read by a later step, where a thief wants
it. So each link of the chain is judged, and opened from the one before it. Windows knows neither modes nor
handles of folders: there paths are used as they are.
"""

import os
import stat
import sys

from pip_authenticate.errors import DeliveryError

_LINKS = 40
"""Most symbolic links on a way, as Linux has it (path_resolution(7))."""
_OTHERS_WRITE, _GROUP_WRITES = 0o002, 0o020


def opened(path: str) -> int:
    """A handle of the folder at a path; links on the way are followed.

    Not for Windows, which has no such handles.

    Raises:
        DeliveryError: somebody else could exchange a part of the path, or it goes in circles.
        OSError: there is no such folder, or it cannot be entered.
    """
    waiting = _parts(os.path.join(os.getcwd(), path))
    here, links = _root(), 0
    try:
        while waiting:
            name = waiting.pop()
            if name == "..":
                here = _stepped(here, name)
                continue
            entry = os.stat(name, dir_fd=here, follow_symlinks=False)
            judge(here, entry, path)
            if not stat.S_ISLNK(entry.st_mode):
                here = _stepped(here, name)
                continue
            links += 1
            if links > _LINKS:
                raise _unsafe(path, "too many links are on its way")  # noqa: TRY301 - what is open is closed below
            target = os.readlink(name, dir_fd=here)
            waiting += _parts(target)
            if target.startswith("/"):
                os.close(here)
                here = _root()
    except BaseException:
        os.close(here)
        raise
    return here


def judge(folder: int, entry: os.stat_result | None, path: str) -> None:
    """See whether nobody else can exchange an entry of a folder.

    Args:
        folder: its handle.
        entry: what is there; None where it is still to be made.
        path: what an error names.

    Raises:
        DeliveryError: somebody can.
    """
    found = os.stat(folder)
    if not _is_ours(found.st_uid) and os.geteuid() != 0:  # root works in the folders of others
        raise _unsafe(path, "on its way there is a folder of another user")
    mode = found.st_mode
    is_shared = mode & _OTHERS_WRITE or (mode & _GROUP_WRITES and not _is_own_group(found.st_gid))
    if not is_shared:
        return
    if not mode & stat.S_ISVTX:
        raise _unsafe(path, "other users can write to a folder on its way")
    if entry is not None and not _is_ours(entry.st_uid):
        raise _unsafe(path, "another user made a part of it, in a folder where everybody can")


def _unsafe(path: str, why: str) -> DeliveryError:
    return DeliveryError(
        "folder-unsafe",
        f"{path} is no safe place: {why}",
        hint="Name a folder below your home, or below /tmp.",
    )


def _is_ours(user: int) -> bool:
    return user in {0, os.geteuid()}


def _is_own_group(group: int) -> bool:
    """Whether nobody but this user and root is in a group: many systems give each user one of their name."""
    if group == 0:
        return True
    if sys.platform == "win32":
        return False
    import grp  # noqa: PLC0415 - where a folder is writable for a group
    import pwd  # noqa: PLC0415

    try:
        found, user = grp.getgrgid(group), pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return False
    return found.gr_name == user and set(found.gr_mem) <= {user}


def _parts(path: str) -> list[str]:
    """The names of a path, the last one first."""
    return [name for name in reversed(path.split("/")) if name not in {"", "."}]


def _root() -> int:
    return os.open("/", _flags())


def _stepped(here: int, name: str) -> int:
    inner = os.open(name, _flags(), dir_fd=here)
    os.close(here)
    return inner


def _flags() -> int:
    """A folder on the way need not be readable."""
    return getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY | os.O_NOFOLLOW
