"""What a person can set for the command: as an option, a variable or a key of a configuration file.

An option comes before a variable, that before the project's `[tool.pip-authenticate]`, that before the
user's own file, and that before the default. Of the organization and the
scope, which say who a token is for and what for, the user's own file comes before the project's.
"""

import sys
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from pip_authenticate import text_files
from pip_authenticate.errors import InputError
from pip_authenticate.settings import (
    CLIENTS,
    ID_TOKEN_VARIABLE,
    Certificates,
    Environment,
    Proxy,
    certificates_in,
    package,
    proxy_in,
)
from pip_authenticate.text_files import UnreadableError

PROVIDERS = (
    "explicit-token", "tool-variables", "pipeline-token", "workload-identity", "service-principal",
    "login", "azure-cli", "azure-developer-cli", "managed-identity",
)  # fmt: skip
"""Names that `--credential` takes, in the order in which they are tried."""
OUTPUTS = (
    "azure-pipelines", "github", "gitlab", "circleci", "sh", "fish", "powershell", "cmd", "dotenv", "json",
    "files",
)  # fmt: skip
"""Names that `--output` takes; each is a module of `outputs`."""
_OWNERS = frozenset({"organization", "scope", "via", "guard"})
"""Who a token is for, what for, and who sees it is said by its owner before the files of a project say it."""
WAYS = ("files", "env", "gateway")
FORMATS = ("markdown", "html")
SCOPES = ("read", "write")
CACHES = ("auto", "on", "off")
VERIFICATIONS = ("off", "warn", "fail")
_OPENING = ("run", "serve", "env", "write", "check", "whoami")
_SETTING = ("run", "serve", "env", "write", "check")
_LONGEST_SECONDS = 3600
_LAST_PORT = 65_535
PORT = 27_642
"""Nobody's: unassigned by IANA (Service Name and Transport Protocol Port Number Registry, 2025-10), and none
that Linux, macOS or Windows gives to connections by default."""


class Option(NamedTuple):
    """One thing to set.

    Args:
        name: as an option (`--name`) and as a key of a configuration file.
        variable: the variable of the environment.
        parse: makes the value of all texts that were given; raises InputError.
        help: one sentence for people.
        commands: those for which it means something, beside `config`, which lists everything.
        metavar: what stands for its value in the help; empty where it is a switch.
        is_list: whether it may be given several times, or with commas.
        default: where nothing is said.
        in_files: whether a configuration file may say it.
    """

    name: str
    variable: str
    parse: Callable[[list[str]], Any]
    help: str
    commands: tuple[str, ...]
    metavar: str = ""
    is_list: bool = False
    default: Any = ""
    in_files: bool = True


class Given(NamedTuple):
    """A value, and where it came from.

    Args:
        value: of the option.
        origin: for people.
        file: the path of the configuration file that says it, or empty.
    """

    value: Any
    origin: str
    file: str = ""


def _one(texts: list[str]) -> str:
    return texts[-1].strip()


def _words(known: tuple[str, ...]) -> Callable[[list[str]], tuple[str, ...]]:
    def parse(texts: list[str]) -> tuple[str, ...]:
        names = dict.fromkeys(
            word.strip().lower() for text in texts for word in text.split(",") if word.strip()
        )
        for name in names:
            _known(name, known)
        return tuple(names)

    return parse


def _word(known: tuple[str, ...]) -> Callable[[list[str]], str]:
    def parse(texts: list[str]) -> str:
        return _known(_one(texts).lower(), known)

    return parse


def _known(name: str, known: tuple[str, ...]) -> str:
    if name and name not in known:
        from difflib import get_close_matches  # noqa: PLC0415 - only a misspelling needs it

        near = get_close_matches(name, known, n=1)
        raise InputError(
            "not-a-choice",
            f"knows no {name[:40]}",
            hint=f"Did you mean {near[0]}?" if near else f"It takes {', '.join(known)}.",
        )
    return name


def _list(texts: list[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(word.strip() for text in texts for word in text.split(",") if word.strip()))


def _seconds(texts: list[str]) -> float:
    try:
        seconds = float(_one(texts))
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= _LONGEST_SECONDS:
        raise InputError("not-seconds", f"takes a number of seconds, at most {_LONGEST_SECONDS}")
    return seconds


def _port(texts: list[str]) -> int:
    word = _one(texts)
    if not (word.isascii() and word.isdigit()) or int(word) > _LAST_PORT:
        raise InputError("not-a-port", f"takes the number of a port, at most {_LAST_PORT}")
    return int(word)


def _switch(texts: list[str]) -> bool:
    word = _one(texts).lower()
    if word not in {"1", "true", "yes", "0", "false", "no", ""}:
        raise InputError("not-a-boolean", "takes the words true and false")
    return word in {"1", "true", "yes"}


OPTIONS = (
    Option(
        "organization",
        "PIP_AUTHENTICATE_ORGANIZATION",
        _one,
        "Organisation of feeds that are named without one: its name, or its address.",
        _OPENING,
        "NAME",
    ),
    Option(
        "client",
        "PIP_AUTHENTICATE_CLIENT",
        _words(CLIENTS),
        "Program that will use the indexes; may be given several times. "
        "Default: what the project's files and PATH show.",
        _SETTING,
        "NAME",
        is_list=True,
        default=(),
    ),
    Option(
        "output",
        "PIP_AUTHENTICATE_OUTPUT",
        _word(OUTPUTS),
        "Where the settings go. Default: what the CI is, or sh.",
        ("env",),
        "NAME",
    ),
    Option(
        "directory",
        "PIP_AUTHENTICATE_DIRECTORY",
        _one,
        "Folder for --output files: a new or empty one, or one that was written before.",
        ("env",),
        "DIR",
        in_files=False,
    ),
    Option(
        "credential",
        "PIP_AUTHENTICATE_CREDENTIAL",
        _words(PROVIDERS),
        "Credential to use; several are tried in their order. Default: whichever is there.",
        _OPENING,
        "NAME",
        is_list=True,
        default=PROVIDERS,
    ),
    Option(
        "token-file",
        "PIP_AUTHENTICATE_TOKEN_FILE",
        _one,
        "File that holds the token. The variable PIP_AUTHENTICATE_TOKEN holds it itself.",
        _OPENING,
        "FILE",
        in_files=False,
    ),
    Option(
        "identity",
        "PIP_AUTHENTICATE_IDENTITY",
        _one,
        "Client id of the application or managed identity that a job, a machine or a service principal is. "
        "Default: AZURE_CLIENT_ID.",
        _OPENING,
        "ID",
    ),
    Option(
        "tenant",
        "PIP_AUTHENTICATE_TENANT",
        _one,
        "Tenant of Microsoft Entra to sign in to. Default: the organisation's, or AZURE_TENANT_ID.",
        _OPENING,
        "TENANT",
    ),
    Option(
        "id-token-variable",
        "PIP_AUTHENTICATE_ID_TOKEN_VARIABLE",
        _one,
        "Variable in which a job of GitLab has its identity token. Default: AZURE_ID_TOKEN.",
        _OPENING,
        "NAME",
        default=ID_TOKEN_VARIABLE,
        in_files=False,
    ),
    Option(
        "scope",
        "PIP_AUTHENTICATE_SCOPE",
        _word(SCOPES),
        "What a token of yours shall be good for: read, or write, which also saves from upstream and "
        "publishes. Default: write.",
        _OPENING,
        "SCOPE",
        default="write",
    ),
    Option(
        "cache",
        "PIP_AUTHENTICATE_CACHE",
        _word(CACHES),
        "Whether tokens are kept between runs: on, off, or auto, which keeps none on a CI. Default: auto.",
        _OPENING,
        "WHEN",
        default="auto",
    ),
    Option(
        "indexes",
        "PIP_AUTHENTICATE_INDEXES",
        _list,
        "URLs of indexes that get a credential where the project's files name them.",
        _OPENING,
        "URL",
        is_list=True,
        default=(),
    ),
    Option(
        "only-extra",
        "PIP_AUTHENTICATE_ONLY_EXTRA",
        _switch,
        "Leave the primary index as it is, and make every index an extra one.",
        _SETTING,
        default=False,
    ),
    Option(
        "publish",
        "PIP_AUTHENTICATE_PUBLISH",
        _switch,
        "Give the first index also to what uploads packages.",
        ("run", "env", "write", "check"),
        default=False,
    ),
    Option(
        "via",
        "PIP_AUTHENTICATE_VIA",
        _word(WAYS),
        "How run hands credentials over: in files that it removes, in the environment (env), or not at all, "
        "but through a gateway that adds them to requests. Default: gateway where the extra secretless is "
        "installed, else files.",
        ("run",),
        "WAY",
        default=None,
    ),
    Option(
        "allow-upload",
        "PIP_AUTHENTICATE_ALLOW_UPLOAD",
        _switch,
        "Behind the gateway, let packages be published to the first index; takes the place of --publish.",
        ("run",),
        default=False,
        in_files=False,
    ),
    Option(
        "guard",
        "PIP_AUTHENTICATE_GUARD",
        _switch,
        "Behind the gateway, show a public package only where every private index says that it has no such "
        "name. A URL behind it is as one of --public. Default: where private and public indexes meet.",
        ("run", "serve"),
        default=None,
    ),
    Option(
        "public",
        "PIP_AUTHENTICATE_PUBLIC",
        _list,
        "URLs of public indexes to guard. Default: those that the project and the installers name.",
        ("run", "serve"),
        "URL",
        is_list=True,
        default=(),
    ),
    Option(
        "report",
        "PIP_AUTHENTICATE_REPORT",
        _one,
        "File into which run and serve write what was fetched through the gateway, as JSON.",
        ("run", "serve"),
        "FILE",
        in_files=False,
    ),
    Option(
        "port",
        "PIP_AUTHENTICATE_PORT",
        _port,
        f"Port on which serve listens; 0 has the system choose one. Default: {PORT}, always the same, since "
        "installers keep packages by the address that they came from.",
        ("serve",),
        "PORT",
        default=PORT,
    ),
    Option(
        "verify",
        "PIP_AUTHENTICATE_VERIFY",
        _word(VERIFICATIONS),
        "Ask every index first whether it accepts its credential: off, warn, or fail, which sets nothing "
        "where one does not. Default: off.",
        ("run", "serve", "env", "write"),
        "HOW",
        default="off",
    ),
    Option(
        "package",
        "PIP_AUTHENTICATE_PACKAGE",
        lambda texts: package(_one(texts)),
        "Package whose download is tried, too, when indexes are asked.",
        _SETTING,
        "NAME",
    ),
    Option(
        "timeout",
        "PIP_AUTHENTICATE_TIMEOUT",
        _seconds,
        "Seconds that asking services may take in all, and behind the gateway each question whose a name is. "
        "Default: 60.",
        _OPENING,
        "SECONDS",
        default=60.0,
    ),
)
"""Everything that can be set; parsing, help, configuration and the reference pages come from here."""


def of(command: str) -> list[Option]:
    """The options that mean something for a command."""
    return [option for option in OPTIONS if command in (*option.commands, "config")]


def chosen(
    said: Mapping[str, list[str]],
    environ: Mapping[str, str],
    files: list[tuple[str, Mapping[str, Any]]],
) -> dict[str, Given]:
    """Every option's value, and where it came from.

    Args:
        said: texts of options by name, as the command line gave them.
        environ: variables of the environment.
        files: tables of configuration files with their paths, the most important one first.

    Raises:
        InputError: a value cannot be used; the error says where it stands.
    """
    return {option.name: _given(option, said, environ, files) for option in OPTIONS}


def _given(
    option: Option,
    said: Mapping[str, list[str]],
    environ: Mapping[str, str],
    files: list[tuple[str, Mapping[str, Any]]],
) -> Given:
    if said.get(option.name):
        return _parsed(option, said[option.name], f"--{option.name}")
    if environ.get(option.variable):
        return _parsed(option, [environ[option.variable]], option.variable)
    ordered = files[::-1] if option.name in _OWNERS else files
    for path, table in ordered if option.in_files else ():
        if option.name in table:
            origin = f"{option.name} in {path}{_line(path, option.name)}"
            return _parsed(option, _texts(table[option.name], option, path), origin)._replace(file=path)
    return Given(option.default, "default")


def _line(path: str, key: str) -> str:
    """Where a key stands in a file, as `:LINE`; empty where that cannot be told.

    In a project's file it stands below the table's own head; the user's file has no tables.
    """
    try:
        lines = (text_files.read(path) or "").splitlines()
    except UnreadableError:
        return ""
    heads = [at for at, line in enumerate(lines) if line.strip() == "[tool.pip-authenticate]"]
    for at, line in enumerate(lines[heads[0] if heads else 0 :], 1 + (heads[0] if heads else 0)):
        if line.partition("=")[0].strip().strip("\"'") == key:
            return f":{at}"
    return ""


def _texts(value: object, option: Option, path: str) -> list[str]:
    values = value if isinstance(value, list) and option.is_list else [value]
    if not all(isinstance(one, str | int | float) for one in values):
        raise InputError("wrong-shape", f"{option.name} in {path} is neither a text nor a list of texts")
    return [str(one) for one in values]


def _parsed(option: Option, texts: list[str], origin: str) -> Given:
    try:
        return Given(option.parse(texts), origin)
    except InputError as error:
        raise InputError(error.slug, f"{origin} {error.what}", hint=error.hint) from None


def unknown_keys(files: list[tuple[str, Mapping[str, Any]]]) -> list[str]:
    """Warnings about keys of configuration files that mean nothing."""
    known = {option.name for option in OPTIONS if option.in_files}
    return [
        f"{key[:80]} in {path} is no setting of pip-authenticate; it is ignored."
        for path, table in files
        for key in table
        if key not in known
    ]


def network(environ: Mapping[str, str]) -> tuple[Proxy, Certificates]:
    """The web proxy and the certificates that an environment names, outside of a task too.

    Names of proxies are read in both cases, as other programs read them.
    """
    upper = {name.upper(): value for name, value in environ.items() if name.upper().endswith("_PROXY")}
    env = Environment({**environ, **upper}, ignores_case=sys.platform == "win32")
    return proxy_in(env), certificates_in(env)
