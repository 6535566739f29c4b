"""The edge to people: the command `pip-authenticate`."""

import argparse
import json
import sys

from pip_authenticate import __version__
from pip_authenticate.settings import INPUTS

_EXAMPLES = """\
examples:
  pip-authenticate inputs           the inputs of the Azure Pipelines task, one a line
  pip-authenticate inputs --json    the same for programs
"""


def main(argv: list[str] | None = None) -> int:
    """Run a command.

    Args:
        argv: arguments without the program's name; those of the process by default.

    Returns:
        The exit code: 0 success, 2 wrong usage.
    """
    parser = argparse.ArgumentParser(
        prog="pip-authenticate",
        description="Gives pip the credentials of private package indexes, as a task of Azure Pipelines.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    inputs = commands.add_parser("inputs", help="show what may stand in a step of the task")
    inputs.add_argument("--json", action="store_true", help="as JSON")
    chosen = parser.parse_args(argv)
    sys.stdout.write(_json() if chosen.json else _table())
    return 0


def _table() -> str:
    """The inputs in two columns."""
    width = max(len(item.name) for item in INPUTS)
    return "".join(f"{item.name:{width}}  {item.help}\n" for item in INPUTS)


def _json() -> str:
    rows = [{"name": item.name, "alias": item.alias or None, "help": item.help} for item in INPUTS]
    return json.dumps(rows, indent=2) + "\n"


if __name__ == "__main__":
    sys.exit(main())
