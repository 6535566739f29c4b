"""POSIX shells: export lines, for `eval "$(pip-authenticate env)"`."""

import re

from pip_authenticate import private_files
from pip_authenticate.client_settings import ClientSettings
from pip_authenticate.errors import DeliveryError
from pip_authenticate.secret import MASK, Secret
from pip_authenticate.surroundings import Surroundings

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class Output:
    """Writes lines that a shell evaluates (POSIX.1-2024, Shell Command Language, 2.2.2).

    Args:
        around: where they go, and whether secrets may be seen there.
    """

    def __init__(self, around: Surroundings) -> None:
        self._around = around

    def check(self, settings: ClientSettings) -> list[str]:
        """See whether a shell can carry the settings; gives warnings.

        Raises:
            DeliveryError: it cannot.
        """
        for variable in settings.variables:
            if not _NAME.fullmatch(variable.name):
                raise DeliveryError(
                    "name-unfit",
                    f"A shell cannot export the variable {variable.name}",
                    hint="Use the command run, or give the index a name of letters, digits and underscores.",
                )
            if "\0" in variable.value.reveal():
                raise DeliveryError("value-unfit", f"{variable.name} holds a zero byte")
        return []

    def deliver(self, settings: ClientSettings) -> None:
        """Write the files, then the lines; on a terminal secrets are masked."""
        paths = dict[str, Secret]()
        if settings.files:
            folder = self._around.private_folder()
            private_files.write(folder, settings.files)
            paths = private_files.paths(folder, settings.files)
        masks = self._around.is_terminal and not self._around.shows_secrets
        lines = [
            f"export {name}={_quoted(MASK if masks and secret else value.reveal())}\n"
            for name, value, secret in (
                *((name, value, False) for name, value in paths.items()),
                *((variable.name, variable.value, variable.is_secret) for variable in settings.variables),
            )
        ]
        self._around.write("".join(lines))


def _quoted(text: str) -> str:
    inner = text.replace("'", "'\"'\"'")
    return f"'{inner}'"
