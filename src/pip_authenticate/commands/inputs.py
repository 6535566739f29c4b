"""`pip-authenticate inputs`: what may stand in a step of the Azure Pipelines task."""

import json
import sys
from collections.abc import Mapping

from pip_authenticate.command_line import plain_parser
from pip_authenticate.settings import INPUTS

EXAMPLES = """\
  pip-authenticate inputs           one a line
  pip-authenticate inputs --json    the same for programs
"""


def main(arguments: list[str], environ: Mapping[str, str]) -> int:
    """Run the command; gives its exit code."""
    del environ
    made = plain_parser("inputs", "Shows what may stand in a step of the Azure Pipelines task.", EXAMPLES)
    made.add_argument("--json", action="store_true", help="Write JSON.")
    sys.stdout.write(_json() if made.taken(arguments).json else _table())
    return 0


def _table() -> str:
    """The inputs in two columns."""
    width = max(len(item.name) for item in INPUTS)
    return "".join(f"{item.name:{width}}  {item.help}\n" for item in INPUTS)


def _json() -> str:
    rows = [{"name": item.name, "alias": item.alias or None, "help": item.help} for item in INPUTS]
    return json.dumps(rows, indent=2) + "\n"
