"""GitHub Actions: the environment of later steps, masks and the step's summary.

GitHub Docs, "Workflow commands for GitHub Actions"; actions/runner: FileCommandManager.cs,
ActionCommandManager.cs.
"""

from collections.abc import Iterable
from secrets import token_hex

from pip_authenticate.appending import append
from pip_authenticate.client_settings import ClientSettings
from pip_authenticate.errors import DeliveryError
from pip_authenticate.secret import Secret
from pip_authenticate.surroundings import Surroundings, check_names

SUMMARY_BYTES = 1024 * 1024
"""Longest summary of a step: of a longer one nothing is shown."""
_SHORTEST = 4
"""A shorter mask would hide parts of ordinary words."""


class Output:
    """Appends to the files that the runner names, and writes commands to standard output.

    Args:
        around: names those files.
    """

    def __init__(self, around: Surroundings) -> None:
        self._around = around
        self._masked = set[str]()

    def register(self, secrets: Iterable[Secret]) -> None:
        """Have the runner mask secrets, each line of one by itself too."""
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
            raise DeliveryError(
                "no-ci",
                "GITHUB_ENV is not set, so this is no step of GitHub Actions",
                hint="Choose another --output: sh for the shell that runs this.",
            )
        check_names(settings, "GITHUB_ENV")
        for variable in settings.variables:
            if variable.name.startswith(("GITHUB_", "RUNNER_")) or variable.name == "NODE_OPTIONS":
                raise DeliveryError("name-unfit", f"GitHub Actions does not let a step set {variable.name}")
        return []

    def deliver(self, settings: ClientSettings) -> None:
        """Write the files, then all variables at once, each between marks that nobody can guess."""
        pairs = self._around._replace(is_terminal=False).variables(settings)
        lines = []
        for name, value in pairs:
            mark = f"ghadelimiter_{token_hex(16)}"
            lines.append(f"{name}<<{mark}\n{value}\n{mark}\n")
        append(self._around.environ["GITHUB_ENV"], "".join(lines), "GITHUB_ENV")

    def summarize(self, markdown: str) -> None:
        """Append to the summary of the step."""
        path = self._around.environ.get("GITHUB_STEP_SUMMARY")
        if path and len(markdown.encode()) < SUMMARY_BYTES:
            append(path, f"{markdown}\n", "GITHUB_STEP_SUMMARY")


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
