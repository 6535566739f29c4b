"""Windows command processor: lines of a batch file, which is then called."""

import re

from pip_authenticate.client_settings import ClientSettings
from pip_authenticate.errors import DeliveryError
from pip_authenticate.printed import Printed
from pip_authenticate.surroundings import refuse

LONGEST = 8191
"""Longest line, in characters (Microsoft Learn, "Command prompt line string limitation")."""
# A quote ends what is quoted, an exclamation mark begins a macro where delayed expansion is on, and what is
# beyond ASCII depends on the console's code page.
_UNFIT = re.compile(r'["!]|[^ -~]')


class Output(Printed):
    """Writes lines that a batch file can hold (Microsoft Learn, "set"; not run here)."""

    carrier = "A batch file"

    def check(self, settings: ClientSettings) -> list[str]:
        """See whether a batch file can carry the settings; gives warnings.

        Raises:
            DeliveryError: it cannot.
        """
        warnings = super().check(settings)
        refuse(settings, _UNFIT, self.carrier, "a quote, an exclamation mark or what is not plain ASCII")
        for variable in settings.variables:
            size = len(self.line(variable.name, variable.value.reveal()).rstrip())
            if size > LONGEST:
                raise DeliveryError(
                    "too-long",
                    f"The line of {variable.name} would have {size:,} characters; a batch file takes "
                    f"{LONGEST:,}",
                    hint="Use --output powershell, or name fewer indexes.",
                )
        return warnings

    def line(self, name: str, value: str) -> str:
        """The line that sets a variable; an empty value unsets it, as Windows has it."""
        doubled = value.replace("%", "%%")
        return f'@set "{name}={doubled}"\r\n'
