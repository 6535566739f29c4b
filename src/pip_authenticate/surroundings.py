"""What an output finds around the process: the CI's own variables, a terminal, a place for files."""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple, Protocol

from pip_authenticate.client_settings import ClientSettings, Variable
from pip_authenticate.errors import DeliveryError
from pip_authenticate.secret import MASK, Secret

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class Output(Protocol):
    """What an output looks like; each module of `outputs` but the task's own has a class of that name."""

    def register(self, secrets: Iterable[Secret]) -> None:
        """Have secrets masked from now on, where what reads the log can do that."""

    def check(self, settings: ClientSettings) -> list[str]:
        """See whether settings can arrive; gives warnings, and raises DeliveryError where they cannot."""

    def deliver(self, settings: ClientSettings) -> None:
        """Hand the settings over."""

    def summarize(self, markdown: str) -> None:
        """Show what was done where people look, if there is such a place."""


class Surroundings(NamedTuple):
    """Around the process.

    Args:
        environ: variables by name, as they were when the process began.
        write: writes data to standard output, as it is.
        is_terminal: whether a person sees that at once.
        shows_secrets: whether that person has asked to see secrets.
        place: writes private files where later steps still find them, and gives the variables that say where.
    """

    environ: Mapping[str, str]
    write: Callable[[str], object]
    is_terminal: bool
    shows_secrets: bool
    place: Callable[[ClientSettings], list[Variable]]

    def variables(self, settings: ClientSettings) -> list[tuple[str, str]]:
        """Write the files, and give all variables; on a terminal secrets are masked."""
        masks = self.is_terminal and not self.shows_secrets
        everything = [*(self.place(settings) if settings.files else ()), *settings.variables]
        return [(one.name, MASK if masks and one.is_secret else one.value.reveal()) for one in everything]


def check_names(settings: ClientSettings, carrier: str) -> None:
    """See whether something can carry variables of these names, and their values without a zero byte.

    Args:
        settings: the variables, and those that will say where the files are.
        carrier: what carries them, in messages.

    Raises:
        DeliveryError: it cannot.
    """
    names = [
        *(one.name for one in settings.variables),
        *(name for one in settings.files for name in one.variables),
    ]
    for name in names:
        if not _NAME.fullmatch(name):
            raise DeliveryError(
                "name-unfit",
                f"{carrier} cannot carry a variable of the name {name}",
                hint="Use the command run, or give the index a name of letters, digits and underscores.",
            )
    refuse(settings, "\0", carrier, "a zero byte")


def refuse(settings: ClientSettings, characters: str, carrier: str, what: str) -> None:
    """See whether no value holds any of some characters.

    Raises:
        DeliveryError: one does.
    """
    for variable in settings.variables:
        if any(char in variable.value.reveal() for char in characters):
            raise DeliveryError(
                "value-unfit",
                f"{carrier} cannot carry the value of {variable.name}: it holds {what}",
                hint="Use the command run, or the output files, or choose a secret of plain characters.",
            )
