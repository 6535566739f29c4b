"""dotenv files, as most readers of them agree."""

import re
from collections.abc import Iterable

from pip_authenticate.client_settings import ClientSettings
from pip_authenticate.secret import Secret
from pip_authenticate.surroundings import Surroundings, check_names, refuse

# As it is for every reader, also for `docker run --env-file`, which knows no quotes.
_PLAIN = re.compile(r"[A-Za-z0-9_./:@%+,=~^*-]*")


class Output:
    """Writes `NAME=value` lines, quoted where they must be.

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
            DeliveryError: they cannot: readers disagree on some characters within quotes.
        """
        check_names(settings, "A dotenv file")
        refuse(settings, "'\\\r\n", "A dotenv file", "a quote, a backslash or a line end")
        return [
            f"{name} stands in quotes, which docker's --env-file takes for a part of the value."
            for name, value, *_ in settings.variables
            if not _PLAIN.fullmatch(value.reveal())
        ]

    def deliver(self, settings: ClientSettings) -> None:
        """Write the files, then the lines."""
        pairs = self._around.variables(settings)
        lines = [f"{name}={value if _PLAIN.fullmatch(value) else repr_of(value)}\n" for name, value in pairs]
        self._around.write("".join(lines))

    def summarize(self, markdown: str) -> None:
        """Do nothing: there is no place for it."""


def repr_of(text: str) -> str:
    """A text in single quotes, within which nothing is expanded."""
    return f"'{text}'"
