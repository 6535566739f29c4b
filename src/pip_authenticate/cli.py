"""The edge to people: the command `pip-authenticate`."""

import gc
import os
import sys
from collections.abc import Mapping
from importlib import import_module

from pip_authenticate import ENVIRON, __version__
from pip_authenticate.commands import COMMANDS

EXAMPLES = """\
  pip-authenticate env project1/myFeed --organization fabrikam
  pip-authenticate check
"""
_USAGE = 2
_MANY = 100_000
"""A search for garbage pays from so many new objects on: a usual run makes fewer, and is then over."""


def main(argv: list[str] | None = None, environ: Mapping[str, str] = ENVIRON) -> int:
    """Run a command.

    Args:
        argv: arguments without the program's name; those of the process by default.
        environ: variables of the environment.

    Returns:
        The exit code: 0 success, 1 something is wrong, 2 wrong usage; `run` gives that of its command.
    """
    gc.set_threshold(_MANY)
    try:
        code = _run(sys.argv[1:] if argv is None else argv, environ)
        sys.stdout.flush()
    except KeyboardInterrupt:
        return 130
    except (OSError, AttributeError):  # standard output is full, or closed
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
        return 1
    finally:
        gc.freeze()  # what is left goes with the process, without a search
    return code


def _run(arguments: list[str], environ: Mapping[str, str]) -> int:
    name = arguments[0] if arguments else ""
    if name in {"", "-h", "--help", "help"}:
        sys.stdout.write(overview())
        return 0 if name else _USAGE
    if name in {"-V", "--version"}:
        sys.stdout.write(f"pip-authenticate {__version__}\n")
        return 0
    if name not in COMMANDS:
        sys.stderr.write(f"pip-authenticate: error: {_unknown(name)}\n")
        return _USAGE
    code: int = import_module(f"pip_authenticate.commands.{name}").main(arguments[1:], environ)
    return code


def overview() -> str:
    """The help of the program itself."""
    width = max(map(len, COMMANDS))
    rows = "".join(f"  {name:{width}}  {purpose}\n" for name, purpose in COMMANDS.items())
    return (
        "usage: pip-authenticate COMMAND [OPTION ...]\n\n"
        "Gives installers the credentials of private Python package indexes.\n\n"
        f"commands:\n{rows}\n"
        "  COMMAND --help      the options of a command, with examples\n"
        "  --version           the version\n\n"
        f"examples:\n{EXAMPLES}"
    )


def _unknown(name: str) -> str:
    from difflib import get_close_matches  # noqa: PLC0415 - only a misspelling needs it

    near = get_close_matches(name, COMMANDS, n=1)
    shown = name if name.isprintable() and len(name) <= 40 else "that"
    return f"There is no command {shown}. " + (
        f"Did you mean {near[0]}?" if near else f"There are {', '.join(COMMANDS)}."
    )


if __name__ == "__main__":
    sys.exit(main())
