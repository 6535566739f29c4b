"""fish: `set` lines, for `pip-authenticate env --output fish | source`."""

from collections.abc import Iterable

from pip_authenticate.client_settings import ClientSettings
from pip_authenticate.secret import Secret
from pip_authenticate.surroundings import Surroundings, check_names


class Output:
    """Writes lines that it reads (fish documentation, "Quotes").

    Args:
        around: where they go, and whether secrets may be seen there.
    """

    def __init__(self, around: Surroundings) -> None:
        self._around = around

    def register(self, secrets: Iterable[Secret]) -> None:
        """Do nothing: nobody masks what a program writes here."""

    def check(self, settings: ClientSettings) -> list[str]:
        """See whether the settings can be carried.

        Raises:
            DeliveryError: they cannot.
        """
        check_names(settings, "fish")
        return []

    def deliver(self, settings: ClientSettings) -> None:
        """Write the files, then the lines."""
        lines = [f"set -gx {name} {_quoted(value)}\n" for name, value in self._around.variables(settings)]
        self._around.write("".join(lines))

    def summarize(self, markdown: str) -> None:
        """Do nothing: there is no place for it."""


def _quoted(text: str) -> str:
    inner = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{inner}'"
