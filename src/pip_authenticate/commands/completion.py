"""`pip-authenticate completion`: what a shell needs to complete the command's words."""

import sys
from collections.abc import Mapping

from pip_authenticate.command_line import plain_parser
from pip_authenticate.commands import COMMANDS
from pip_authenticate.options import OPTIONS, OUTPUTS, PROVIDERS, WAYS
from pip_authenticate.settings import CLIENTS

EXAMPLES = """\
  eval "$(pip-authenticate completion bash)"
  eval "$(pip-authenticate completion zsh)"
  pip-authenticate completion fish
"""
_VALUES = {"client": CLIENTS, "output": OUTPUTS, "credential": PROVIDERS, "via": WAYS}
_SWITCHES = ("--help", "--quiet", "--verbose", "--token-stdin", "--json", "--show-secrets", "--package")


def main(arguments: list[str], environ: Mapping[str, str]) -> int:
    """Run the command; gives its exit code."""
    del environ
    made = plain_parser("completion", "Writes what a shell needs to complete words.", EXAMPLES, words="SHELL")
    made.add_argument("shell", metavar="SHELL", choices=("bash", "zsh", "fish"), help="bash, zsh or fish.")
    shell = made.parse_args(arguments).shell
    sys.stdout.write({"bash": _bash, "zsh": _zsh, "fish": _fish}[shell]())
    return 0


def _options() -> list[str]:
    return [*(f"--{option.name}" for option in OPTIONS), *_SWITCHES]


def _bash() -> str:
    cases = "".join(
        f'    --{name}) COMPREPLY=($(compgen -W "{" ".join(words)}" -- "$word")); return;;\n'
        for name, words in _VALUES.items()
    )
    return f"""\
_pip_authenticate() {{
  local word="${{COMP_WORDS[COMP_CWORD]}}"
  case "${{COMP_WORDS[COMP_CWORD-1]}}" in
{cases}    --token-file) COMPREPLY=($(compgen -f -- "$word")); return;;
  esac
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W "{" ".join(COMMANDS)}" -- "$word"))
  else
    COMPREPLY=($(compgen -W "{" ".join(_options())}" -- "$word"))
  fi
}}
complete -o default -F _pip_authenticate pip-authenticate
"""


def _zsh() -> str:
    return f"autoload -U +X bashcompinit && bashcompinit\n{_bash()}"


def _fish() -> str:
    first = f"complete -c pip-authenticate -n 'not __fish_seen_subcommand_from {' '.join(COMMANDS)}' -f"
    lines = [f"{first} -a {name} -d {_quoted(purpose)}" for name, purpose in COMMANDS.items()]
    for option in OPTIONS:
        values = " ".join(_VALUES.get(option.name, ()))
        takes = f" -r -f -a {_quoted(values)}" if values else " -r" if option.metavar else ""
        lines.append(f"complete -c pip-authenticate -l {option.name} -d {_quoted(option.help)}{takes}")
    lines += [f"complete -c pip-authenticate -l {switch.removeprefix('--')}" for switch in _SWITCHES]
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    inner = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{inner}'"
