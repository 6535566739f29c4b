"""dotenv files, as most readers of them agree."""

from pip_authenticate import assignments
from pip_authenticate.client_settings import ClientSettings
from pip_authenticate.printed import Printed


class Output(Printed):
    """Writes `NAME=value` lines, quoted where they must be."""

    carrier = "A dotenv file"

    def check(self, settings: ClientSettings) -> list[str]:
        """See whether every reader takes the settings alike; warns of the one that knows no quotes.

        Raises:
            DeliveryError: readers disagree.
        """
        return [*super().check(settings), *assignments.check(settings)]

    def line(self, name: str, value: str) -> str:
        """The line that sets a variable."""
        return assignments.line(name, value)
