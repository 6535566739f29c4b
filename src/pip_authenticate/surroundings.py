"""What an output finds around the process: the CI's own variables, a terminal, a place for files."""

import re
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple, Protocol

from pip_authenticate.client_settings import ClientSettings, Variable
from pip_authenticate.errors import DeliveryError
from pip_authenticate.secret import MASK, Secret

# Where a CI keeps files for the rest of a job, and by which variable it is known.
_CI = (
    ("GITHUB_ACTIONS", "github", "RUNNER_TEMP"),
    ("TF_BUILD", "azure-pipelines", "AGENT_TEMPDIRECTORY"),
    ("GITLAB_CI", "gitlab", ""),
    ("CIRCLECI", "circleci", ""),
)
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class Output(Protocol):
    """What an output looks like; each module of `outputs` but `stream` has a class of that name."""

    by_files: bool
    """Whether it takes credentials in files only, and keeps those for whoever comes."""

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
        folder: that somebody has named for files, or empty.
    """

    environ: Mapping[str, str]
    write: Callable[[str], object]
    is_terminal: bool
    shows_secrets: bool
    place: Callable[[ClientSettings], list[Variable]]
    folder: str = ""

    @property
    def shows(self) -> bool:
        """Whether secrets may go to standard output."""
        return self.shows_secrets or not self.is_terminal

    @property
    def unseen(self) -> "Surroundings":
        """The same for what does not go to standard output, so that nobody sees it."""
        return self._replace(is_terminal=False)

    def variables(self, settings: ClientSettings) -> list[tuple[str, str]]:
        """Write the files, and give all variables; where a person would see them, secrets are masked."""
        everything = [*(self.place(settings) if settings.files else ()), *settings.variables]
        return [
            (one.name, MASK if one.is_secret and not self.shows else one.value.reveal()) for one in everything
        ]


def output_of(environ: Mapping[str, str]) -> str:
    """The output for the CI whose job this is; sh where it is none's."""
    return next((output for variable, output, _ in _CI if environ.get(variable)), "sh")


def folder_of(environ: Mapping[str, str]) -> str | None:
    """Where files live until the job ends, or None."""
    return next((environ[place] for _, _, place in _CI if place and environ.get(place)), None)


def no_ci(why: str, place: str) -> DeliveryError:
    """What is wrong where an output's CI is not there.

    Args:
        why: one sees that.
        place: in which the command would have to run.
    """
    return DeliveryError(
        "no-ci",
        f"This is no {place}: {why}",
        hint="Choose another --output: sh for the shell that runs this.",
    )


def check_variables(settings: ClientSettings, carrier: str) -> None:
    """See whether something can carry variables of these names, and any process their values.

    Args:
        settings: the variables, and those that will say where the files are.
        carrier: what carries them, in messages.

    Raises:
        DeliveryError: it cannot.
    """
    paths = (Variable(name, Secret("")) for file in settings.files for name in file.variables)
    for variable in (*settings.variables, *paths):
        if not _NAME.fullmatch(variable.name):
            raise DeliveryError(
                "name-unfit",
                f"{carrier} cannot carry a variable of the name {variable.name}",
                hint="Use the command run, or give the index a name of letters, digits and underscores.",
            )
        variable.check_size(is_windows=sys.platform == "win32")
    refuse(settings, "\0", carrier, "a zero byte")


def refuse(settings: ClientSettings, unfit: str | re.Pattern[str], carrier: str, what: str) -> None:
    """See whether no value holds any of some characters.

    Args:
        settings: holds the values.
        unfit: a pattern of one such character.
        carrier: what cannot carry them, in messages.
        what: they are, in messages.

    Raises:
        DeliveryError: one does.
    """
    for variable in settings.variables:
        if re.search(unfit, variable.value.reveal()):
            raise DeliveryError(
                "value-unfit",
                f"{carrier} cannot carry the value of {variable.name}: it holds {what}",
                hint="Use the command run or write, or choose a secret of plain characters.",
            )
