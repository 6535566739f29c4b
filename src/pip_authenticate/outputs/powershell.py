"""PowerShell: assignments, for `... env --output powershell | Out-String | Invoke-Expression`."""

from collections.abc import Iterable

from pip_authenticate.client_settings import ClientSettings
from pip_authenticate.secret import Secret
from pip_authenticate.surroundings import Surroundings, check_names


class Output:
    """Writes lines that it reads (Microsoft Learn, "about_Quoting_Rules"; not run here).

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
        check_names(settings, "PowerShell")
        return []

    def deliver(self, settings: ClientSettings) -> None:
        """Write the files, then the lines."""
        lines = [f"$env:{name} = {_quoted(value)}\n" for name, value in self._around.variables(settings)]
        self._around.write("".join(lines))

    def summarize(self, markdown: str) -> None:
        """Do nothing: there is no place for it."""


# What PowerShell takes for a single quote (its language specification, section 2.3.5.2).
_QUOTES = "'\u2018\u2019\u201a\u201b"


def _quoted(text: str) -> str:
    inner = "".join(char * 2 if char in _QUOTES else char for char in text)
    return f"'{inner}'"
