"""Windows command processor: lines of a batch file, which is then called."""

from collections.abc import Iterable

from pip_authenticate.client_settings import ClientSettings
from pip_authenticate.secret import Secret
from pip_authenticate.surroundings import Surroundings, check_names, refuse


class Output:
    """Writes lines that it reads (Microsoft Learn, "set"; not run here).

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
        check_names(settings, "A batch file")
        refuse(settings, '"\r\n!', "A batch file", "a quote, an exclamation mark or a line end")
        return []

    def deliver(self, settings: ClientSettings) -> None:
        """Write the files, then the lines."""
        lines = [f'@set "{name}={_doubled(value)}"\r\n' for name, value in self._around.variables(settings)]
        self._around.write("".join(lines))

    def summarize(self, markdown: str) -> None:
        """Do nothing: there is no place for it."""


def _doubled(text: str) -> str:
    return text.replace("%", "%%")
