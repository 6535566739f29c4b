"""GitLab CI: a dotenv report, which carries variables to later jobs and must not carry a credential.

What it may hold: GitLab documentation, "artifacts:reports:dotenv". GitLab masks what its settings hold, and
nothing else.
"""

import re

from pip_authenticate.client_settings import ClientSettings
from pip_authenticate.errors import DeliveryError
from pip_authenticate.printed import Printed
from pip_authenticate.surroundings import refuse

REPORT_BYTES = 5 * 1024
"""Longest report."""
VARIABLES = 20
"""Most variables of a report, where the server is not set to take more."""
_UNFIT = re.compile(r"[^!-~]|['\"\\]")
_HINT = (
    "Anybody who sees the pipeline can download a dotenv report. Use `pip-authenticate run -- COMMAND`, "
    'eval "$(pip-authenticate env --output sh)" in the same script, or `pip-authenticate write DIR`.'
)


class Output(Printed):
    """Writes the lines of a report; variables without a secret only."""

    carrier = "A dotenv report"

    def check(self, settings: ClientSettings) -> list[str]:
        """See whether the settings may stand in a report; warns where only some servers take them.

        Raises:
            DeliveryError: one holds a credential, or a report cannot carry it.
        """
        if settings.files or any(variable.is_secret for variable in settings.variables):
            raise DeliveryError(
                "report-is-public", "A credential is not written into a dotenv report of GitLab", hint=_HINT
            )
        warnings = super().check(settings)
        refuse(settings, _UNFIT, self.carrier, "blanks, quotes, a backslash or what is not ASCII")
        size = sum(len(self.line(one.name, one.value.reveal())) for one in settings.variables)
        if size > REPORT_BYTES:
            raise DeliveryError(
                "too-long", f"A dotenv report may have {REPORT_BYTES:,} bytes; this one would have {size:,}"
            )
        if len(settings.variables) > VARIABLES:
            warnings.append(
                f"The report would have {len(settings.variables)} variables; servers take {VARIABLES} unless "
                "they are set to take more."
            )
        return warnings

    def line(self, name: str, value: str) -> str:
        """The line that sets a variable."""
        return f"{name}={value}\n"
