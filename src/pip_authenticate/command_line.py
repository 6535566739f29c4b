"""What the commands have in common: their arguments, what these mean, and what is found for them."""

import argparse
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property
from typing import Any, NoReturn, Protocol, TypeVar

from pip_authenticate import (
    ENVIRON,
    authenticate,
    options,
    report,
    text_files,
    told_secrets,
    user_folders,
)
from pip_authenticate.authenticate import Found
from pip_authenticate.client_settings import ClientSettings, Wish
from pip_authenticate.deadline import Deadline
from pip_authenticate.errors import Cancelled, InputError, OutputLost, PipAuthenticateError, each
from pip_authenticate.logging_commands import harmless
from pip_authenticate.options import Given, network
from pip_authenticate.project import Project
from pip_authenticate.report import Report
from pip_authenticate.secret import Learned, Secret
from pip_authenticate.settings import Network, Settings
from pip_authenticate.text_files import UnreadableError
from pip_authenticate.token_files import TOKEN_BYTES, read, token_in

TOKEN_VARIABLE = "PIP_AUTHENTICATE_TOKEN"  # noqa: S105 - its name
NO_INDEX = "no index is named, neither by an argument nor by the project. Name one: a feed or a URL."
"""Why a command has nothing to do, as the end of a sentence."""
USAGE, FAILED, INTERRUPTED = 2, 1, 130
"""Exit codes: wrong usage, anything else that went wrong, interrupted by the user."""
_CI = ("CI", "TF_BUILD", "GITHUB_ACTIONS", "GITLAB_CI", "CIRCLECI", "BUILDKITE", "JENKINS_URL")
"""Variables of which a CI sets one (most of them set the first)."""
_END = "--"
_UNKNOWN = re.compile(r"unrecognized arguments: .*?(?<!\S)(--?[A-Za-z][\w-]*)")  # argparse's words
_SHOWN = {
    "uv": ("uv",),
    "poetry": ("poetry",),
    "pdm": ("pdm",),
    "pipenv": ("pipenv",),
    "pip": ("pip", "pip3"),
}


class Reporting(Protocol):
    """What a command works with: at least a report."""

    @property
    def report(self) -> Report:
        """Where it tells people what it does."""


Work = TypeVar("Work", bound=Reporting)


def plain_parser(name: str, purpose: str, examples: str, *, words: str = "") -> "Parser":
    """The parser of a command that nothing is set for.

    Args:
        name: of the command.
        purpose: one sentence.
        examples: lines of commands, each of which works as it is written.
        words: what its usage shows behind options.
    """
    return Parser(
        prog=f"pip-authenticate {name}",
        usage=f"pip-authenticate {name} [OPTION ...] {words}".rstrip(),
        description=purpose,
        epilog=f"examples:\n{examples}",
        formatter_class=_narrow,
        allow_abbrev=False,
    )


def parser(
    name: str, purpose: str, examples: str, *, entries: bool = False, folder: str = "", words: str = ""
) -> "Parser":
    """The parser of a command, with the options that mean something for it.

    Args:
        name: of the command.
        purpose: one sentence.
        examples: lines of commands, each of which works as it is written.
        entries: whether the command takes indexes.
        folder: what the folder is for that it takes as its first argument, or empty.
        words: what its usage shows last.
    """
    shown = [folder and "DIR", "[INDEX ...]" if entries else "", words]
    made = plain_parser(name, purpose, examples, words=" ".join(filter(None, shown)))
    if folder:
        made.add_argument("folder", metavar="DIR", help=folder)
    if entries:
        made.add_argument(
            "entries",
            nargs="*",
            metavar="INDEX",
            help="feed, project/feed (either with @view) or the URL of an index; name=URL gives it a name. "
            "Default: those that the project's files name",
        )
    for option in options.of(name):
        if option.metavar:
            made.add_argument(f"--{option.name}", action="append", metavar=option.metavar, help=option.help)
        else:
            made.add_argument(
                f"--{option.name}",
                action="append_const",
                const="true",
                help=option.help,
                dest=option.name.replace("-", "_"),
            )
    if entries:
        made.add_argument(
            "--no-cache", action="append_const", const="off", dest="cache", help="The same as --cache off."
        )
        made.add_argument("--token-stdin", action="store_true", help="Read the token from standard input.")
    if name in {"run", "serve"}:
        made.add_argument(
            "--no-guard",
            action="append_const",
            const="false",
            dest="guard",
            help="The same as --guard false.",
        )
    made.add_argument("-q", "--quiet", action="store_true", help="Say nothing but warnings and errors.")
    made.add_argument("-v", "--verbose", action="store_true", help="Say what is asked and tried.")
    return made


class Parser(argparse.ArgumentParser):
    """Reads a command's arguments."""

    def format_help(self) -> str:
        """What the command does; only here is the terminal asked for its width, and not at every argument."""
        self.formatter_class = argparse.RawDescriptionHelpFormatter
        return super().format_help()

    def taken(self, arguments: list[str]) -> argparse.Namespace:
        """The values of arguments, whose options stand before words or behind them.

        What stands behind `--` is a word, whatever it looks like.
        """
        return self.parse_args(arguments) if _END in arguments else self.parse_intermixed_args(arguments)

    def error(self, message: str) -> NoReturn:
        """Say what is wrong with the arguments, and end; a value may be a secret, and is not repeated."""
        unknown = _UNKNOWN.match(message)
        shown = _unmeant(unknown[1]) if unknown else re.sub(r"(--?[\w-]+)=\S*", r"\1=***", message)
        self.exit(USAGE, f"pip-authenticate: error: {harmless(shown)}; see {self.prog} --help\n")


def _unmeant(name: str) -> str:
    """What is wrong with an option that the command does not take."""
    commands = next((option.commands for option in options.OPTIONS if f"--{option.name}" == name), ())
    return f"{name} is for {', '.join(commands)}" if commands else f"there is no option {name}"


def _narrow(prog: str) -> argparse.HelpFormatter:
    return argparse.HelpFormatter(prog, width=80)


class Session:
    """One command: what it is told, and what is found for it.

    Args:
        arguments: as the command's parser gives them.
        environ: variables of the environment.
        folder: where the command was started.
        program: the program that will use the indexes, where the command knows it.
    """

    def __init__(
        self, arguments: argparse.Namespace, environ: Mapping[str, str], folder: str, program: str = ""
    ) -> None:
        self.arguments = arguments
        self.environ = environ
        self.folder = folder
        self.report: Report = report.standard(environ, is_quiet=arguments.quiet, is_verbose=arguments.verbose)
        self._listeners: list[Learned] = [self.report.register]
        self.used = list[Secret]()
        """What providers were given, and what they got."""
        self._program = os.path.basename(program).removesuffix(".exe")
        self.deadline = Deadline(self.value("timeout"))

    @cached_property
    def project(self) -> Project:
        """What the files of the project say."""
        from pip_authenticate import project  # noqa: PLC0415 - `forget` and others need none

        return project.read(self.folder, self.environ)

    @cached_property
    def files(self) -> list[tuple[str, Mapping[str, Any]]]:
        """Tables of configuration files with their paths, the project's first."""
        own = [(self.project.table_file, self.project.table)] if self.project.table_file else []
        path = user_folders.settings_file(self.environ)
        table = _toml(path)
        return [*own, *([(path, table)] if table else [])]

    @cached_property
    def chosen(self) -> dict[str, Given]:
        """Every option's value, and where it came from.

        Raises:
            InputError: one cannot be used.
        """
        said = {
            option.name: getattr(self.arguments, option.name.replace("-", "_"), None) or []
            for option in options.OPTIONS
        }
        return options.chosen(said, self.environ, self.files)

    def value(self, name: str) -> Any:  # noqa: ANN401 - each option has a type of its own
        """An option's value."""
        return self.chosen[name].value

    @cached_property
    def clients(self) -> tuple[str, ...]:
        """The programs that settings are made for: chosen ones, or those that show themselves."""
        if self.value("client"):
            return self.started
        shown = dict.fromkeys((*self.project.clients, *self.started))
        if not shown:
            shown = {client: None for client in ("pip", "uv") if _is_on_path(client, self.environ)} or {
                "pip": None
            }
        return tuple(shown)

    @property
    def started(self) -> tuple[str, ...]:
        """Those of them that are known to be started: chosen ones, or the program itself."""
        chosen: tuple[str, ...] = self.value("client")
        return chosen or tuple(client for client, programs in _SHOWN.items() if self._program in programs)

    @property
    def way_on(self) -> Network:
        """How a gateway comes to the indexes."""
        return Network(self.settings.proxy, self.settings.certificates, self.value("timeout"))

    @cached_property
    def settings(self) -> Settings:
        """All of it as a run of the use case takes it.

        Raises:
            InputError: something cannot be used.
        """
        entries = tuple(getattr(self.arguments, "entries", ()) or ())
        pipeline = self.environ.get("SYSTEM_COLLECTIONURI") or self.environ.get(
            "SYSTEM_TEAMFOUNDATIONCOLLECTIONURI"
        )
        organization = self.value("organization")
        proxy, certificates = network(self.environ)
        return Settings(
            entries=entries,
            project_folder="" if entries else self.folder,
            variables=self.environ,
            listed=self.value("indexes"),
            organization=organization or pipeline or "",
            organization_is_given=bool(organization) and not self.is_of_project("organization"),
            pipeline_organization=pipeline or "",
            token=self._token(),
            pipeline_token=Secret(self.environ.get("SYSTEM_ACCESSTOKEN", "")),
            credentials=self.value("credential"),
            credentials_are_chosen=self.chosen["credential"].origin != "default",
            scope=self.value("scope"),
            cache_folder=self._cache_folder(),
            client_id=self.value("identity"),
            tenant=self.value("tenant"),
            id_token_variable=self.value("id-token-variable"),
            authority_host=self.environ.get("AZURE_AUTHORITY_HOST", "").strip(),
            clients=self.clients,
            publish=self.value("publish"),
            only_add_extra_index=self.value("only-extra"),
            verify=self.value("verify"),
            verify_package=self.value("package"),
            proxy=proxy,
            certificates=certificates,
        )

    def _cache_folder(self) -> str:
        """Where tokens are kept between runs; nowhere on a CI, unless that is asked for.

        No project's file asks for it: its author may have a job of their own on the same machine.
        """
        when = self.value("cache")
        is_asked_for = when == "on" and not self.is_of_project("cache")
        is_kept = is_asked_for or (when != "off" and not any(map(self.environ.get, _CI)))
        return user_folders.state_folder(self.environ) if is_kept else ""

    def _token(self) -> Secret:
        """The explicit token: from standard input, a file or a variable.

        Raises:
            InputError: the file cannot be read, or what was read is no token.
        """
        if self.arguments.token_stdin:
            return token_in(sys.stdin.buffer.read(TOKEN_BYTES + 1), "standard input")
        path = self.value("token-file")
        if not path:
            given = self.environ.get(TOKEN_VARIABLE, "").encode("utf-8", "surrogateescape")
            return token_in(given, TOKEN_VARIABLE) if given.strip() else Secret("")
        return read(path, "Check --token-file.", waits=True)

    def tell_secrets(self, listener: Learned) -> None:
        """Have somebody else told of every secret from now on, before anything else is printed."""
        self._listeners.append(listener)

    def _learned(self, secrets: Iterable[Secret]) -> None:
        known = list(secrets)
        for listener in self._listeners:
            listener(known)

    def _came_to_use(self, secrets: Iterable[Secret]) -> None:
        known = list(secrets)
        self.used += known
        self._learned(known)

    def find(self) -> Found:
        """Every index with its credential; what the project's files say is told on the way.

        Raises:
            PipAuthenticateError: something cannot be used, or a service did not answer.
        """
        self._learned(told_secrets.of(self.settings))
        for text in options.unknown_keys(self.files):
            self.report.warning(text)
        if self.settings.project_folder:
            for fault in self.project.faults:
                self.report.warning(str(fault))
        for text in self._said_by_the_project():
            self.report.warning(text)
        with self.report.waiting("asking the indexes"):
            found = authenticate.resolve(self.settings, self.deadline, self.report.debug, self._came_to_use)
        for text in found.warnings:
            self.report.warning(text)
        return found

    def withheld(self, found: Found) -> Iterator[Secret]:
        """What a program shall find in none of the caller's variables."""
        yield from filter(None, (self.settings.token, self.settings.pipeline_token, *self.used))
        for credential in {index.credential for index in found.indexes}:
            yield from credential.spellings

    def find_anew(self) -> Found:
        """Every index with a credential that is asked for once more; tokens that are kept do not count.

        A token file is read again, since others may renew it.

        Raises:
            PipAuthenticateError: as for `find`.
        """
        is_read = self.value("token-file") and not self.arguments.token_stdin
        settings = self.settings._replace(
            cache_folder="", verify="off", token=self._token() if is_read else self.settings.token
        )
        self._learned(told_secrets.of(settings))
        return authenticate.resolve(
            settings, Deadline(self.value("timeout")), self.report.debug, self._learned
        )

    def tell_clients(self) -> None:
        """Say whom everything is for, where nobody has chosen that."""
        if self.chosen["client"].origin == "default":
            shown = ", ".join(self.clients)
            self.report.line(f"For {shown}, as the project's files and PATH show; --client chooses others.")

    def tell_verdicts(self, found: Found) -> None:
        """Say what the indexes were found to be, where that was asked for.

        Raises:
            Faults: one is unusable, and that shall fail the command.
        """
        if found.verdicts:
            from pip_authenticate import verify  # noqa: PLC0415 - most runs ask nothing

            verify.tell(found.verdicts, self.settings, self.report.line, self.report.warning)

    def is_of_project(self, name: str) -> bool:
        """Whether a project's own file says a value."""
        file = self.chosen[name].file
        return bool(file) and file == self.project.table_file

    def _said_by_the_project(self) -> Iterator[str]:
        """Warnings about hosts that get a credential because a project's own file says so.

        Whoever runs a command in a folder may not have written its files.
        """
        from pip_authenticate.azure.addresses import Place  # noqa: PLC0415
        from pip_authenticate.azure.forms import organization_of  # noqa: PLC0415

        for name in ("organization", "indexes"):
            given = self.chosen[name]
            if not self.is_of_project(name):
                continue
            for text in given.value if isinstance(given.value, tuple) else [given.value]:
                url = organization_of(text)
                place = Place.of(url)
                if not url.origin.is_loopback:
                    whom = f"the organisation {place.organization}" if place else url.origin.host
                    yield (
                        f"{given.origin} has credentials sent to {whom}. If you have not written that, say "
                        "--organization or --indexes yourself."
                    )

    def client_settings(self, found: Found, wish: Wish) -> ClientSettings:
        """What the clients read; their warnings are told."""
        told = authenticate.client_settings(found.indexes, self.settings, wish, found.strangers)
        for text in told.warnings:
            self.report.warning(text)
        if not wish.by_files and "pip" in self.clients:
            for place in self.requirements_with_an_index(found):
                self.report.warning(
                    f"{place} names its index itself: pip then asks that, without the credential that stands "
                    "in a variable. Use run without --via env, or take the line out."
                )
        return told

    def requirements_with_an_index(self, found: Found) -> dict[str, None]:
        """Requirements files whose --index-url, an index with a credential, takes the variables' place.

        Measured with pip 23.2.1: it does so whether it names the same index or another one.
        """
        if not self.settings.project_folder:
            return {}
        known = {index.url.key for index in found.indexes}
        return {
            mention.place: None
            for mention in self.project.mentions
            if (mention.client, mention.name) == ("pip", "index-url")
            and mention.place.endswith((".txt", ".in"))
            and mention.url.key in known
        }

    def wish(self, *, by_files: bool, addresses_too: bool = False) -> Wish:
        """What is asked of clients."""
        return Wish(
            only_extra=self.value("only-extra"),
            publish=self.value("publish"),
            by_files=by_files,
            addresses_too=addresses_too,
            own_netrc=self.own_netrc,
        )

    @property
    def own_netrc(self) -> Secret:
        """The text of the user's own netrc file, or nothing."""
        own = user_folders.netrc_files(self.environ)
        if not any(map(os.path.isfile, own)):
            return Secret("")
        from pip_authenticate import netrc_file  # noqa: PLC0415 - many people have none

        return next(filter(None, map(netrc_file.text_of, own)), Secret(""))


def guarded(command: Callable[[Work], int], make: Callable[[], Work]) -> int:
    """Run a command, and report how it failed if it does.

    Args:
        command: does it; gives the exit code.
        make: makes what it works with; fails where options cannot be used.

    Returns:
        The exit code.
    """
    told = report.standard(ENVIRON)
    code = USAGE
    try:
        work = make()
        told, code = work.report, FAILED
        return command(work)
    except PipAuthenticateError as error:
        for text in dict.fromkeys(str(single) for single in each(error)):
            told.error(text)
        return code
    except (Cancelled, KeyboardInterrupt):
        told.error("Interrupted.")
        return INTERRUPTED
    except (OutputLost, BrokenPipeError):
        return FAILED
    except OSError as error:
        told.error(f"{error.filename or 'Something'} cannot be used: {error.strerror or 'unknown reason'}.")
        return FAILED
    except Exception as error:  # noqa: BLE001 - the edge: a traceback quotes texts from outside
        told.error(f"A defect of this program, not of yours: {type(error).__name__}. Please report it.")
        from pip_authenticate.failures import places  # noqa: PLC0415 - most runs have no defect

        for place in places(error):
            told.debug(place)
        return FAILED


def counted(found: Found) -> str:
    """How many indexes were found, in words."""
    number = len(found.indexes)
    return "1 index" if number == 1 else f"{number} indexes"


def parted(arguments: list[str]) -> tuple[list[str], list[str]]:
    """Own arguments, and the program with its arguments, which stands behind `--`."""
    if _END not in arguments:
        return _guarding(arguments), []
    end = arguments.index(_END)
    return _guarding(arguments[:end]), arguments[end + 1 :]


def _guarding(arguments: list[str]) -> list[str]:
    """Arguments where a URL behind --guard is that of a public index, never one that gets a credential."""
    made = list[str]()
    for before, one in zip(["", *arguments], arguments, strict=False):
        name, _, value = one.partition("=")
        if name == "--guard" and _is_url(value):
            made += ["--guard", "--public", value]
        elif before == "--guard" and _is_url(one):
            made += ["--public", one]
        else:
            made.append(one)
    return made


def _is_url(text: str) -> bool:
    return text.lower().startswith(("http://", "https://"))


def _toml(path: str) -> Mapping[str, Any]:
    """The user's file; nothing where there is none.

    Raises:
        InputError: it cannot be read.
    """
    try:
        return text_files.read_toml(path)
    except UnreadableError as error:
        raise InputError("config-unreadable", f"{path} {error}", hint="Mend it, or remove it.") from None


def _is_on_path(program: str, environ: Mapping[str, str]) -> bool:
    if sys.platform == "win32":
        from shutil import which  # noqa: PLC0415 - knows the suffixes of programs

        return which(program, path=environ.get("PATH", "")) is not None
    paths = [os.path.join(folder, program) for folder in environ.get("PATH", "").split(":")]
    return any(os.path.isfile(path) and os.access(path, os.X_OK) for path in paths)
