"""What an output finds around the process: the CI's own variables, a terminal, a place for files."""

from collections.abc import Callable, Mapping
from typing import NamedTuple


class Surroundings(NamedTuple):
    """Around the process.

    Args:
        environ: variables by name, as they were when the process began.
        write: writes data to standard output, as it is.
        is_terminal: whether a person sees that at once.
        shows_secrets: whether that person has asked to see secrets.
        private_folder: makes a new folder that only its owner can enter, and that later steps still find;
            gives its path.
    """

    environ: Mapping[str, str]
    write: Callable[[str], object]
    is_terminal: bool
    shows_secrets: bool
    private_folder: Callable[[], str]
