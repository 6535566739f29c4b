"""PowerShell: assignments, for `... env --output powershell | Out-String | Invoke-Expression`."""

import re

from pip_authenticate.printed import Printed

# Everything else is written as the number of its character: PowerShell reads a program's output in the code
# page of the console, and takes several characters beyond ASCII for quotes.
_OTHER = re.compile(r"[^ -~]+")


class Output(Printed):
    """Writes lines in ASCII (Microsoft Learn, "about_Quoting_Rules", "about_Operators"; not run here)."""

    carrier = "PowerShell"

    def line(self, name: str, value: str) -> str:
        """The line that sets a variable; an empty value unsets it, as Windows has it."""
        inner = _OTHER.sub(_numbered, value.replace("'", "''"))
        return f"$env:{name} = '{inner}'\n"


def _numbered(match: re.Match[str]) -> str:
    """Characters as .NET has them, in UTF-16; the text goes on behind them."""
    units = match[0].encode("utf-16-be", "surrogatepass")
    numbers = (int.from_bytes(units[at : at + 2], "big") for at in range(0, len(units), 2))
    return "'" + "".join(f" + [char]{number}" for number in numbers) + " + '"
