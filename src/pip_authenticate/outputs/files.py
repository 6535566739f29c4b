"""A private folder, for later steps and for Docker: credentials in files, variables that point at them."""

from collections.abc import Callable, Iterable
from contextlib import closing

from pip_authenticate import assignments, kept_folder, private_files
from pip_authenticate.client_settings import ClientSettings, PrivateFile
from pip_authenticate.errors import DeliveryError
from pip_authenticate.printed import export
from pip_authenticate.secret import Secret
from pip_authenticate.surroundings import Surroundings, check_variables

_FORMS: tuple[tuple[str, Callable[[str, str], str]], ...] = (
    ("variables.sh", export),
    ("variables.env", assignments.line),
)
"""Files that hold the variables, each with what makes their lines."""


class Output:
    """Writes files into a folder; again refreshes them in place.

    Args:
        around: names the folder.
    """

    by_files = True

    def __init__(self, around: Surroundings) -> None:
        self._folder = around.folder

    def register(self, secrets: Iterable[Secret]) -> None:
        """Do nothing: nothing is printed."""

    def check(self, settings: ClientSettings) -> list[str]:
        """See whether there is a folder, and whether files can carry the variables.

        Raises:
            DeliveryError: it is not so.
        """
        if not self._folder:
            raise DeliveryError(
                "no-folder", "Nobody has said where the files shall be", hint="Say --directory DIR."
            )
        variables = self._variables(settings)
        check_variables(variables, "A file of variables")
        assignments.check(variables)
        return []

    def deliver(self, settings: ClientSettings) -> None:
        """Write all files, each swapped in whole."""
        variables = self._variables(settings).variables
        files = [*settings.files]
        for name, line in _FORMS:
            text = "".join(line(one.name, one.value.reveal()) for one in variables)
            files.append(PrivateFile(name, Secret(text)))
        with closing(kept_folder.made_or_found(self._folder)) as folder:
            kept_folder.refresh(folder, files)

    def summarize(self, markdown: str) -> None:
        """Do nothing: there is no place for it."""

    def _variables(self, settings: ClientSettings) -> ClientSettings:
        """All variables, with those that say where the files are."""
        return ClientSettings((*private_files.variables(self._folder, settings.files), *settings.variables))
