"""`pip-authenticate completion`: what a shell needs to complete the command's words."""

import sys
from collections.abc import Mapping

from pip_authenticate import options
from pip_authenticate.command_line import plain_parser
from pip_authenticate.commands import COMMANDS
from pip_authenticate.options import CACHES, FORMATS, OPTIONS, OUTPUTS, PROVIDERS, SCOPES, VERIFICATIONS, WAYS
from pip_authenticate.settings import CLIENTS

EXAMPLES = """\
  eval "$(pip-authenticate completion bash)"
  eval "$(pip-authenticate completion zsh)"
  pip-authenticate completion fish
"""
_VALUES = {
    "client": CLIENTS,
    "output": OUTPUTS,
    "credential": PROVIDERS,
    "scope": SCOPES,
    "cache": CACHES,
    "via": WAYS,
    "verify": VERIFICATIONS,
    "format": FORMATS,
}
_TOKENS, _LOUDNESS = ("no-cache", "token-stdin"), ("quiet", "verbose")
_SWITCHES = {
    "run": (*_TOKENS, *_LOUDNESS, "no-guard"),
    "serve": (*_TOKENS, *_LOUDNESS, "no-guard"),
    "env": (*_TOKENS, *_LOUDNESS, "show-secrets"),
    "write": (*_TOKENS, *_LOUDNESS),
    "forget": _LOUDNESS,
    "check": (*_TOKENS, *_LOUDNESS, "json"),
    "whoami": (*_TOKENS, *_LOUDNESS, "json"),
    "config": (*_LOUDNESS, "json"),
    "completion": (),
    "inputs": ("json",),
    "report": ("format",),
    "login": ("organization", "tenant", "client-id", "verbose"),
    "logout": ("quiet",),
}
"""What commands take beside what can be set."""


def main(arguments: list[str], environ: Mapping[str, str]) -> int:
    """Run the command; gives its exit code."""
    del environ
    made = plain_parser("completion", "Writes what a shell needs to complete words.", EXAMPLES, words="SHELL")
    made.add_argument("shell", metavar="SHELL", choices=("bash", "zsh", "fish"), help="bash, zsh or fish.")
    shell = made.taken(arguments).shell
    sys.stdout.write({"bash": _bash, "zsh": _zsh, "fish": _fish}[shell]())
    return 0


def _options(command: str) -> list[str]:
    """Names of all options of a command."""
    return [*(option.name for option in options.of(command)), *_SWITCHES[command], "help"]


def _bash() -> str:
    values = "".join(
        f'    --{name}) COMPREPLY=($(compgen -W "{" ".join(words)}" -- "$word")); return;;\n'
        for name, words in _VALUES.items()
    )
    options_of = "".join(
        f'    {command}) words="{" ".join(f"--{name}" for name in _options(command))}";;\n'
        for command in COMMANDS
    )
    return f"""\
_pip_authenticate() {{
  local word="${{COMP_WORDS[COMP_CWORD]}}" words="{" ".join(COMMANDS)}"
  case "${{COMP_WORDS[COMP_CWORD-1]}}" in
{values}    --token-file) COMPREPLY=($(compgen -f -- "$word")); return;;
    --directory) COMPREPLY=($(compgen -d -- "$word")); return;;
  esac
  [ "$COMP_CWORD" -eq 1 ] || case "${{COMP_WORDS[1]}}" in
{options_of}  esac
  COMPREPLY=($(compgen -W "$words" -- "$word"))
}}
complete -o default -F _pip_authenticate pip-authenticate
"""


def _zsh() -> str:
    return f"autoload -U +X bashcompinit && bashcompinit\n{_bash()}"


def _fish() -> str:
    first = f"complete -c pip-authenticate -n 'not __fish_seen_subcommand_from {' '.join(COMMANDS)}' -f"
    lines = [f"{first} -a {name} -d {_quoted(purpose)}" for name, purpose in COMMANDS.items()]
    for option in OPTIONS:
        takes = _values(option.name) or (" -r" if option.metavar else "")
        lines.append(f"{_of(option.name)} -d {_quoted(option.help)}{takes}")
    others = dict.fromkeys(name for names in _SWITCHES.values() for name in names)
    lines += [f"{_of(name)}{_values(name)}" for name in others]
    return "\n".join((*lines, "complete -c pip-authenticate -l help", ""))


def _of(name: str) -> str:
    """The beginning of a line of fish about an option, for the commands that take it."""
    commands = " ".join(command for command in COMMANDS if name in _options(command))
    return f"complete -c pip-authenticate -n '__fish_seen_subcommand_from {commands}' -l {name}"


def _values(name: str) -> str:
    """The end of that line where only some words are values of the option."""
    return f" -r -f -a {_quoted(' '.join(_VALUES[name]))}" if name in _VALUES else ""


def _quoted(text: str) -> str:
    inner = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{inner}'"
