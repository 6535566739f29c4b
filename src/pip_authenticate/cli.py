"""The edge to people: the command `pip-authenticate`."""

import argparse
import sys
from importlib import import_module

from pip_authenticate import __version__

_EXAMPLES = """\
examples:
  pip-authenticate emulator run examples/feeds.yml
      run a pipeline against an emulated organisation, without an Azure account
  pip-authenticate emulator serve
      keep the emulated organisation up for other tools
"""

# Name → module and one line of help. A module is imported when its command is chosen: what a command
# needs costs the others nothing, and the emulator stays a part that the rest never imports.
COMMANDS = {
    "emulator": (
        "pip_authenticate.emulator.cli",
        "an Azure DevOps organisation and its agent on this machine",
    ),
}


def main(argv: list[str] | None = None) -> int:
    """Run a command.

    Args:
        argv: arguments without the program's name; those of the process by default.

    Returns:
        The exit code: 0 success, 1 failure, 2 wrong usage.
    """
    arguments = sys.argv[1:] if argv is None else argv
    parser = argparse.ArgumentParser(
        prog="pip-authenticate",
        description="Gives pip the credentials of private package indexes.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for name, (module, help_line) in COMMANDS.items():
        command = commands.add_parser(name, help=help_line, add_help=False)
        command.set_defaults(module=module)
    chosen = parser.parse_args(arguments[:1])
    result = import_module(chosen.module).main(arguments[1:])
    return int(result)


if __name__ == "__main__":
    sys.exit(main())
