"""POSIX shells: export lines, for `eval "$(pip-authenticate env)"`."""

from pip_authenticate.printed import Printed, export


class Output(Printed):
    """Writes lines that sh, dash, bash, zsh and ksh read."""

    carrier = "A shell"

    def line(self, name: str, value: str) -> str:
        """The line that sets a variable."""
        return export(name, value)
