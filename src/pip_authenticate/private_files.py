"""Files that nobody but their owner may read, whole at any moment."""

import os
import tempfile
from collections.abc import Iterable

from pip_authenticate.client_settings import PrivateFile
from pip_authenticate.errors import DeliveryError
from pip_authenticate.secret import Secret

FOLDER_MODE, FILE_MODE = 0o700, 0o600


def new_folder(parent: str | None = None) -> str:
    """Make a folder of a new name.

    Args:
        parent: where; None is the system's place for temporary files.

    Raises:
        DeliveryError: it cannot be made.
    """
    try:
        return tempfile.mkdtemp(prefix="pip-authenticate-", dir=parent)  # 0700 (Python: tempfile)
    except OSError as error:
        raise DeliveryError(
            "folder-unusable",
            f"No private folder can be made: {error.strerror}",
            context=parent or tempfile.gettempdir(),
            hint="Name a folder that you may write to.",
        ) from None


def paths(folder: str, files: Iterable[PrivateFile]) -> dict[str, Secret]:
    """The variables that say where files in a folder are."""
    return {
        variable: Secret(os.path.join(folder, file.name)) for file in files for variable in file.variables
    }


def write(folder: str, files: Iterable[PrivateFile]) -> None:
    """Write files into a folder, each beside its place and then swapped in, so that readers see a whole one.

    Raises:
        DeliveryError: one cannot be written; those that were there are as they were, or as they shall be.
    """
    for file in files:
        path = os.path.join(folder, file.name)
        beside = f"{path}.{os.getpid()}.new"
        try:
            handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE)
            try:
                with os.fdopen(handle, "w", encoding="utf-8", errors="surrogateescape", newline="") as stream:
                    stream.write(file.content.reveal())
                os.replace(beside, path)
            except BaseException:
                os.unlink(beside)
                raise
        except OSError as error:
            raise DeliveryError(
                "file-unwritable",
                f"{path} cannot be written: {error.strerror}",
                hint="Name a folder that you may write to.",
            ) from None
