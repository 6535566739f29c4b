"""JSON: one object with every variable, for programs."""

import json

from pip_authenticate.client_settings import ClientSettings
from pip_authenticate.printed import Printed
from pip_authenticate.surroundings import refuse


class Output(Printed):
    """Writes an object (RFC 8259) of names and values."""

    carrier = "A variable"

    def check(self, settings: ClientSettings) -> list[str]:
        """See whether the values can be variables at all; a program may have its own use of their names.

        Raises:
            DeliveryError: they cannot.
        """
        refuse(settings, "\0", self.carrier, "a zero byte")
        return []

    def deliver(self, settings: ClientSettings) -> None:
        """Write the files, then the object."""
        self._around.write(json.dumps(dict(self._around.variables(settings)), indent=2) + "\n")
