"""CircleCI: a script that the shell of every later step reads first."""

from collections.abc import Iterable

from pip_authenticate.appending import append
from pip_authenticate.client_settings import ClientSettings
from pip_authenticate.errors import DeliveryError
from pip_authenticate.secret import Secret
from pip_authenticate.surroundings import Surroundings, check_names


class Output:
    """Appends export lines to the file BASH_ENV (CircleCI documentation, "Set an environment variable").

    Args:
        around: names that file.
    """

    def __init__(self, around: Surroundings) -> None:
        self._around = around

    def register(self, secrets: Iterable[Secret]) -> None:
        """Do nothing: CircleCI masks what its settings hold, and nothing else."""

    def check(self, settings: ClientSettings) -> list[str]:
        """See whether there is such a file, and whether it can carry the settings.

        Raises:
            DeliveryError: it is not so.
        """
        if not self._around.environ.get("BASH_ENV"):
            raise DeliveryError(
                "no-ci",
                "BASH_ENV is not set, so this is no job of CircleCI",
                hint="Choose another --output: sh for the shell that runs this.",
            )
        check_names(settings, "BASH_ENV")
        return []

    def deliver(self, settings: ClientSettings) -> None:
        """Write the files, then all lines at once."""
        pairs = self._around._replace(is_terminal=False).variables(settings)
        lines = "".join(f"export {name}={_quoted(value)}\n" for name, value in pairs)
        append(self._around.environ["BASH_ENV"], lines, "BASH_ENV")

    def summarize(self, markdown: str) -> None:
        """Do nothing: there is no place for it."""


def _quoted(text: str) -> str:
    inner = text.replace("'", "'\"'\"'")
    return f"'{inner}'"
