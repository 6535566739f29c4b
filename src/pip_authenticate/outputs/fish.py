"""fish: `set` lines, for `pip-authenticate env --output fish | source`."""

from pip_authenticate.printed import Printed


class Output(Printed):
    """Writes lines that fish reads (fish documentation, "Quotes")."""

    carrier = "fish"

    def line(self, name: str, value: str) -> str:
        """The line that sets a variable."""
        inner = value.replace("\\", "\\\\").replace("'", "\\'")
        return f"set -gx {name} '{inner}'\n"
