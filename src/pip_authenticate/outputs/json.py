"""JSON: one object with every variable, for programs."""

import json
from collections.abc import Iterable

from pip_authenticate.client_settings import ClientSettings
from pip_authenticate.secret import Secret
from pip_authenticate.surroundings import Surroundings, refuse


class Output:
    """Writes an object (RFC 8259) of names and values.

    Args:
        around: where it goes, and whether secrets may be seen there.
    """

    def __init__(self, around: Surroundings) -> None:
        self._around = around

    def register(self, secrets: Iterable[Secret]) -> None:
        """Do nothing: nobody masks what a program writes here."""

    def check(self, settings: ClientSettings) -> list[str]:
        """See whether the values can be variables at all.

        Raises:
            DeliveryError: they cannot.
        """
        refuse(settings, "\0", "A variable", "a zero byte")
        return []

    def deliver(self, settings: ClientSettings) -> None:
        """Write the files, then the object."""
        self._around.write(json.dumps(dict(self._around.variables(settings)), indent=2) + "\n")

    def summarize(self, markdown: str) -> None:
        """Do nothing: there is no place for it."""
