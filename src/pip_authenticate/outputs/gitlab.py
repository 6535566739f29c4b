"""GitLab CI: a dotenv report, which carries variables to later jobs and must not carry a credential."""

import re
from collections.abc import Iterable

from pip_authenticate.client_settings import ClientSettings
from pip_authenticate.errors import DeliveryError
from pip_authenticate.secret import Secret
from pip_authenticate.surroundings import Surroundings, check_names

REPORT_BYTES = 5 * 1024
"""Longest report (GitLab documentation, "artifacts:reports:dotenv")."""
_VALUE = re.compile(r"[!-~]*")
_HINT = (
    "Anybody who sees the pipeline can download a dotenv report. Use `pip-authenticate run -- COMMAND`, "
    'eval "$(pip-authenticate env --output sh)" in the same script, or `pip-authenticate write DIR`.'
)


class Output:
    """Writes the lines of a report; variables without a secret only.

    Args:
        around: where they go.
    """

    def __init__(self, around: Surroundings) -> None:
        self._around = around

    def register(self, secrets: Iterable[Secret]) -> None:
        """Do nothing: GitLab masks what its settings hold, and nothing else."""

    def check(self, settings: ClientSettings) -> list[str]:
        """See whether the settings may stand in a report.

        Raises:
            DeliveryError: one holds a credential, or a report cannot carry it.
        """
        if settings.files or any(variable.is_secret for variable in settings.variables):
            raise DeliveryError(
                "report-is-public", "A credential is not written into a dotenv report of GitLab", hint=_HINT
            )
        check_names(settings, "A dotenv report")
        size = 0
        for variable in settings.variables:
            text = variable.value.reveal()
            if not _VALUE.fullmatch(text) or set(text) & set("'\"\\"):
                raise DeliveryError(
                    "value-unfit",
                    f"A dotenv report cannot carry the value of {variable.name}: it holds blanks or quotes",
                )
            size += len(f"{variable.name}={text}\n")
        if size > REPORT_BYTES:
            raise DeliveryError(
                "too-long", f"A dotenv report may have {REPORT_BYTES:,} bytes; this one would have {size:,}"
            )
        return []

    def deliver(self, settings: ClientSettings) -> None:
        """Write the lines."""
        self._around.write("".join(f"{name}={value}\n" for name, value in self._around.variables(settings)))

    def summarize(self, markdown: str) -> None:
        """Do nothing: there is no place for it."""
