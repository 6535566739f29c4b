"""CircleCI: a script that the shell of every later step reads first.

CircleCI masks what its settings hold, and nothing else.
"""

from pip_authenticate.appending import append
from pip_authenticate.client_settings import ClientSettings
from pip_authenticate.printed import Printed, export
from pip_authenticate.surroundings import no_ci


class Output(Printed):
    """Appends lines to the file BASH_ENV (CircleCI documentation, "Set an environment variable")."""

    carrier = "BASH_ENV"

    def check(self, settings: ClientSettings) -> list[str]:
        """See whether there is such a file, and whether it can carry the settings; gives warnings.

        Raises:
            DeliveryError: it is not so.
        """
        if not self._around.environ.get("BASH_ENV"):
            raise no_ci("BASH_ENV is not set", "job of CircleCI")
        return super().check(settings)

    def deliver(self, settings: ClientSettings) -> None:
        """Write the files, then all lines at once."""
        lines = (export(*pair) for pair in self._around.unseen.variables(settings))
        append(self._around.environ["BASH_ENV"], "".join(lines), "BASH_ENV")
