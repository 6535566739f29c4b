"""The files of a job: where the task writes them, and which of them an earlier run left."""

import os
from collections.abc import Iterable, Iterator

from pip_authenticate import private_files
from pip_authenticate.client_settings import PrivateFile
from pip_authenticate.errors import DeliveryError
from pip_authenticate.secret import Secret

_TASKS, _TEMPORARY = "_tasks", "_temp"
"""Folders of an agent, side by side (azure-pipelines-agent: Constants.cs)."""


def new_folder(temporary: str, own_place: str = __file__) -> str:
    """Make a private folder, which the agent removes at the end of the job.

    Any earlier step can have written the variable that says where: one that leads elsewhere could have
    the files published, so that it must agree with where the agent has put this task.

    Args:
        temporary: what the agent says of its folder for temporary files.
        own_place: where this module is.

    Raises:
        DeliveryError: the folder is none of the agent's, or cannot be written to.
    """
    if not os.path.isabs(temporary):
        raise DeliveryError(
            "no-temporary-folder",
            "Agent.TempDirectory names no folder for files with credentials",
            hint="Choose clients that need none: pip, uv.",
        )
    above, found, _ = own_place.partition(f"{os.sep}{_TASKS}{os.sep}")
    expected = os.path.join(above, _TEMPORARY)
    if found and os.path.realpath(temporary) != os.path.realpath(expected):
        raise DeliveryError(
            "temporary-folder-elsewhere",
            "Agent.TempDirectory is not the agent's own folder for temporary files: a step has set it",
            context=temporary,
            hint="Find the step that sets it, and remove that.",
        )
    return private_files.new_folder(temporary)


def write(files: Iterable[PrivateFile], temporary: str) -> dict[str, Secret]:
    """Write files into a new folder.

    Returns:
        The variables that hold their paths.

    Raises:
        DeliveryError: they cannot be written; then nothing of them is left.
    """
    folder = new_folder(temporary)
    try:
        private_files.write(folder, files)
    except BaseException:
        private_files.remove(folder)
        raise
    return private_files.paths(folder, files)


def folders_of(values: Iterable[Secret], temporary: str) -> Iterator[str]:
    """The folders that earlier runs made, of those that some values name.

    Args:
        values: of variables that earlier runs have set.
        temporary: the agent's folder for temporary files.
    """
    found = dict[str, None]()
    for value in values:
        folder = os.path.dirname(value.reveal())
        parent, name = os.path.split(folder)
        if parent and parent == temporary.rstrip("/\\") and name.startswith(private_files.PREFIX):
            found[folder] = None
    yield from found
