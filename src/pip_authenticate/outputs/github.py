"""GitHub Actions: the environment of later steps, masks and the step's summary.

GitHub Docs, "Workflow commands for GitHub Actions"; actions/runner: FileCommandManager.cs,
ActionCommandManager.cs.
"""

from collections.abc import Iterable
from contextlib import suppress
from secrets import token_hex

from pip_authenticate.appending import append
from pip_authenticate.client_settings import ClientSettings
from pip_authenticate.errors import DeliveryError
from pip_authenticate.secret import Secret
from pip_authenticate.surroundings import Surroundings, check_variables, no_ci

SUMMARY_BYTES = 1024 * 1024
"""Longest summary of a step, all that its commands append: of a longer one nothing is shown."""
_SHORTEST = 4
"""A shorter mask would hide parts of ordinary words."""


class Output:
    """Appends to the files that the runner names, and writes commands to standard output.

    Args:
        around: names those files.
    """

    by_files = False

    def __init__(self, around: Surroundings) -> None:
        self._around = around
        self._masked = set[str]()

    def register(self, secrets: Iterable[Secret]) -> None:
        """Have the runner mask secrets, each line of one by itself too, where a runner reads them."""
        if not self._around.shows or not self._around.environ.get("GITHUB_ENV"):
            return
        lines = []
        for secret in secrets:
            for text in (secret.reveal(), *secret.reveal().splitlines()):
                if len(text) >= _SHORTEST and text not in self._masked:
                    self._masked.add(text)
                    lines.append(f"::add-mask::{_escaped(text)}\n")
        if lines:
            self._around.write("".join(lines))

    def check(self, settings: ClientSettings) -> list[str]:
        """See whether there is such a file, and whether the runner takes the variables.

        Raises:
            DeliveryError: it is not so.
        """
        if not self._around.environ.get("GITHUB_ENV"):
            raise no_ci("GITHUB_ENV is not set", "step of GitHub Actions")
        check_variables(settings, "GITHUB_ENV")
        for variable in settings.variables:
            name = variable.name.upper()  # on Windows another case is the same variable
            if name.startswith(("GITHUB_", "RUNNER_")) or name == "NODE_OPTIONS":
                raise DeliveryError("name-unfit", f"GitHub Actions does not let a step set {variable.name}")
        return []

    def deliver(self, settings: ClientSettings) -> None:
        """Write the files, then all variables at once, each between marks that nobody can guess."""
        pairs = self._around.unseen.variables(settings)
        lines = []
        for name, value in pairs:
            mark = f"ghadelimiter_{token_hex(16)}"
            lines.append(f"{name}<<{mark}\n{value}\n{mark}\n")
        append(self._around.environ["GITHUB_ENV"], "".join(lines), "GITHUB_ENV")

    def summarize(self, markdown: str) -> None:
        """Append to the summary of the step, where there is room; nothing depends on it."""
        path = self._around.environ.get("GITHUB_STEP_SUMMARY")
        if path and markdown:
            with suppress(DeliveryError):
                append(path, f"{markdown}\n", "GITHUB_STEP_SUMMARY", limit=SUMMARY_BYTES)


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
