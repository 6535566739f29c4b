"""Files that nobody but their owner may read, whole at any moment, in folders that nobody else can enter."""

import os
import stat
import sys
from collections.abc import Iterable
from contextlib import closing, suppress

from pip_authenticate import trusted_paths
from pip_authenticate.client_settings import PrivateFile, Variable
from pip_authenticate.errors import DeliveryError
from pip_authenticate.secret import Secret

FOLDER_MODE, FILE_MODE = 0o700, 0o600
PREFIX = "pip-authenticate-"
"""What the names of folders begin with."""
_BESIDE = ".new~"
_IS_WINDOWS = sys.platform == "win32"
_NO_LINK = getattr(os, "O_NOFOLLOW", 0)
_LARGEST = 16 * 1024 * 1024


class Folder:
    """A private folder that is held open.

    What is done in it is done in this very folder, whatever its path comes to mean.

    Args:
        path: as others shall find it.
        handle: of the folder; None where the system has none (Windows).
    """

    def __init__(self, path: str, handle: int | None) -> None:
        self.path = path
        self._handle = handle

    @classmethod
    def made(cls, path: str) -> "Folder":
        """Make a folder that is not there yet.

        Raises:
            DeliveryError: the path is no safe one.
            FileExistsError: something is there already.
            OSError: it cannot be made.
        """
        if _IS_WINDOWS:
            os.mkdir(path, FOLDER_MODE)
            return cls(path, None)
        above, name = _split(path)
        parent = trusted_paths.opened(above)
        try:
            trusted_paths.judge(parent, None, path)
            os.mkdir(name, FOLDER_MODE, dir_fd=parent)
            return cls._opened(path, name, parent)
        finally:
            os.close(parent)

    @classmethod
    def found(cls, path: str) -> "Folder":
        """Open a folder that is there: a private one of this user's.

        Raises:
            DeliveryError: the path is no safe one, or the folder is not private.
            OSError: it is not there, or no folder; a link to one is none.
        """
        if _IS_WINDOWS:
            os.listdir(path)
            return cls(path, None)
        above, name = _split(path)
        parent = trusted_paths.opened(above)
        try:
            trusted_paths.judge(parent, os.stat(name, dir_fd=parent, follow_symlinks=False), path)
            return cls._opened(path, name, parent)
        finally:
            os.close(parent)

    @classmethod
    def _opened(cls, path: str, name: str, parent: int) -> "Folder":
        handle = os.open(name, os.O_RDONLY | os.O_DIRECTORY | _NO_LINK, dir_fd=parent)
        state = os.fstat(handle)
        if state.st_uid != os.geteuid() or stat.S_IMODE(state.st_mode) & ~FOLDER_MODE:
            os.close(handle)
            raise DeliveryError(
                "folder-not-private",
                f"{path} is not yours alone",
                hint="Name a folder that is not there yet, or chmod 700 it.",
            )
        return cls(path, handle)

    def close(self) -> None:
        """Let it go."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None

    def names(self) -> list[str]:
        """What is in it, in order."""
        return sorted(os.listdir(self.path if self._handle is None else self._handle))

    def write(self, files: Iterable[PrivateFile]) -> None:
        """Write files, each beside its place and then swapped in, so that readers see a whole one.

        Raises:
            DeliveryError: one cannot be written; those that were there are as they were, or as they shall be.
        """
        for file in files:
            try:
                self._write(file)
            except OSError as error:
                raise DeliveryError(
                    "file-unwritable",
                    f"{os.path.join(self.path, file.name)} cannot be written: {error.strerror}",
                    hint="Name a folder that you may write to.",
                ) from None

    def _write(self, file: PrivateFile) -> None:
        beside = self._at(f".{os.urandom(8).hex()}{_BESIDE}")
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NO_LINK
        handle = os.open(beside, flags, FILE_MODE, dir_fd=self._handle)
        try:
            with os.fdopen(handle, "wb") as stream:
                stream.write(file.content.reveal().encode("utf-8", "surrogateescape"))
            os.replace(beside, self._at(file.name), src_dir_fd=self._handle, dst_dir_fd=self._handle)
        except BaseException:
            os.unlink(beside, dir_fd=self._handle)
            raise

    def read(self, name: str) -> bytes | None:
        """The content of a file; None where there is none, or something that is no file."""
        try:
            handle = os.open(
                self._at(name), os.O_RDONLY | _NO_LINK | getattr(os, "O_NONBLOCK", 0), dir_fd=self._handle
            )
        except OSError:
            return None
        with os.fdopen(handle, "rb") as stream:
            return stream.read(_LARGEST) if stat.S_ISREG(os.fstat(handle).st_mode) else None

    def remove(self, name: str) -> None:
        """Remove a file, or a link itself.

        Raises:
            OSError: it cannot be removed.
        """
        os.unlink(self._at(name), dir_fd=self._handle)

    def remove_unfinished(self) -> None:
        """Remove what a writer that was killed left; nobody else may write at the same time."""
        for name in self.names():
            if name.startswith(".") and name.endswith(_BESIDE):
                self.remove(name)

    def remove_all(self) -> None:
        """Remove everything in it, then the folder itself, as far as that can be done."""
        for name in self.names():
            try:
                self.remove(name)
            except OSError:  # a folder, which somebody else made
                import shutil  # noqa: PLC0415 - a rare thing

                shutil.rmtree(os.path.join(self.path, name), ignore_errors=True)
        self.remove_itself()

    def remove_itself(self) -> bool:
        """Remove the folder if it is empty; says whether it is gone."""
        try:
            os.rmdir(self.path)
        except OSError:
            return False
        return True

    def lock(self, *, waits: bool) -> bool:
        """Keep other processes of this program out until it is closed; says whether that worked.

        Args:
            waits: whether to wait for others.
        """
        if sys.platform == "win32" or self._handle is None:
            return True
        import fcntl  # noqa: PLC0415 - Windows has none

        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX | (0 if waits else fcntl.LOCK_NB))
        except OSError:
            return False
        return True

    def hand_on(self) -> None:
        """Let programs that are started hold the lock, too: as long as one of them lives, it is in use."""
        if sys.platform != "win32" and self._handle is not None:
            import fcntl  # noqa: PLC0415 - Windows has none

            try:  # far from the numbers that scripts use
                fcntl.fcntl(self._handle, fcntl.F_DUPFD, 200)
            except OSError:
                os.set_inheritable(self._handle, True)  # noqa: FBT003 - its only argument

    def _at(self, name: str) -> str:
        """A name in it, as calls beside the handle take it."""
        return os.path.join(self.path, name) if self._handle is None else name


def made_with_parents(path: str) -> Folder:
    """Open a folder; make it, and those above it, where they are not there yet.

    Raises:
        DeliveryError: the path is no safe one, or the folder is not private.
        OSError: it cannot be made.
    """
    try:
        return Folder.found(path)
    except FileNotFoundError:
        os.makedirs(os.path.dirname(path), mode=FOLDER_MODE, exist_ok=True)
    try:
        return Folder.made(path)
    except FileExistsError:  # another process was faster
        return Folder.found(path)


def fresh(parent: str, prefix: str) -> Folder:
    """Make a folder of a new name, and open it.

    Raises:
        DeliveryError: it cannot be made.
    """
    path = os.path.join(parent, f"{prefix}{os.urandom(8).hex()}")
    try:
        return Folder.made(path)
    except OSError as error:
        raise DeliveryError(
            "folder-unusable",
            f"No private folder can be made: {error.strerror}",
            context=parent,
            hint="Name a folder that you may write to.",
        ) from None


def new_folder(parent: str | None = None) -> str:
    """Make a folder of a new name; gives its path.

    Args:
        parent: where; None is the system's place for temporary files.

    Raises:
        DeliveryError: it cannot be made.
    """
    if parent is None:
        import tempfile  # noqa: PLC0415 - it costs some milliseconds

        parent = tempfile.gettempdir()
    folder = fresh(parent, PREFIX)
    folder.close()
    return folder.path


def paths(folder: str, files: Iterable[PrivateFile]) -> dict[str, Secret]:
    """The variables that say where files in a folder are."""
    return {
        variable: Secret(os.path.join(folder, file.name)) for file in files for variable in file.variables
    }


def place(folder: str, files: Iterable[PrivateFile]) -> list[Variable]:
    """Write files into a folder, and give the variables that say where they are.

    Raises:
        DeliveryError: as for `write`.
    """
    files = tuple(files)
    write(folder, files)
    return variables(folder, files)


def variables(folder: str, files: Iterable[PrivateFile]) -> list[Variable]:
    """What `paths` gives, as settings."""
    return [Variable(name, path, is_secret=False) for name, path in paths(folder, files).items()]


def write(folder: str, files: Iterable[PrivateFile]) -> None:
    """Write files into a private folder that is there.

    Raises:
        DeliveryError: one cannot be written; those that were there are as they were, or as they shall be.
    """
    try:
        opened = Folder.found(folder)
    except OSError as error:
        raise DeliveryError("folder-unusable", f"{folder} cannot be entered: {error.strerror}") from None
    with closing(opened):
        opened.write(files)


def remove(folder: str) -> None:
    """Remove a private folder and what is in it, if it is there; what cannot be removed is left."""
    with suppress(OSError, DeliveryError), closing(Folder.found(folder)) as opened:
        opened.remove_all()


def _split(path: str) -> tuple[str, str]:
    """The folder above, and the name in it.

    Raises:
        OSError: it names no folder of its own, such as `/` or `..`.
    """
    above, name = os.path.split(path.rstrip("/"))
    if name in {"", ".", ".."}:
        raise NotADirectoryError(0, "it has no name of its own")
    return above, name
