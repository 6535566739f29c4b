"""Outputs that are lines, one for each variable: shells, files of variables."""

from collections.abc import Iterable

from pip_authenticate.client_settings import ClientSettings
from pip_authenticate.secret import Secret
from pip_authenticate.surroundings import Surroundings, check_variables


class Printed:
    """Writes lines to standard output; a module of `outputs` says what a line is.

    Args:
        around: where they go, and whether secrets may be seen there.
    """

    by_files = False
    carrier = ""
    """What reads the lines, in messages."""

    def __init__(self, around: Surroundings) -> None:
        self._around = around

    def register(self, secrets: Iterable[Secret]) -> None:
        """Do nothing: nobody masks what a program writes here."""

    def check(self, settings: ClientSettings) -> list[str]:
        """See whether the settings can be carried; gives warnings.

        Raises:
            DeliveryError: they cannot.
        """
        check_variables(settings, self.carrier)
        return []

    def deliver(self, settings: ClientSettings) -> None:
        """Write the files, then all lines at once."""
        self._around.write("".join(self.line(*pair) for pair in self._around.variables(settings)))

    def summarize(self, markdown: str) -> None:
        """Do nothing: there is no place for it."""

    def line(self, name: str, value: str) -> str:
        """The line that sets a variable, with its end."""
        raise NotImplementedError


def export(name: str, value: str) -> str:
    """A line of any POSIX shell (POSIX.1-2024, Shell Command Language, 2.2.2)."""
    inner = value.replace("'", "'\"'\"'")
    return f"export {name}='{inner}'\n"
