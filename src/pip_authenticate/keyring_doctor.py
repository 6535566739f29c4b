"""Why a program gets no credential by keyring: its variables, its files, and where what is installed.

What is not said by a variable or a file is asked of the program itself, for a limited time; nothing of
another program's environment is imported. How each program asks is told in docs/clients/keyring.md.
"""

import os
import re
import sys
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from pip_authenticate import other_programs
from pip_authenticate.azure.addresses import Place
from pip_authenticate.azure.feed_addresses import FeedAddress
from pip_authenticate.azure.forms import identity, own_host_form
from pip_authenticate.deadline import Deadline
from pip_authenticate.errors import NotHere, ServiceError
from pip_authenticate.index import IndexUrl
from pip_authenticate.other_programs import Ended
from pip_authenticate.project import Mention, Project

OURS = "pip_authenticate.keyring_backend.Keyring"
"""The back end's name in keyring's own settings."""
_PACKAGE = "'pip-authenticate[keyring]'"
_AS_A_TOOL = f"uv tool install keyring --with {_PACKAGE}"
_SECONDS = 10.0
_ASKED_INDEXES = 3
"""Most addresses that keyring is asked for."""
_LIBRARY = {
    "poetry": f"poetry self add {_PACKAGE}",
    "pdm": f"pdm self add {_PACKAGE}",
    "twine": f"pipx inject twine {_PACKAGE}",
    "hatch": f"pipx inject hatch {_PACKAGE}",
}
"""Programs that load keyring themselves, and what puts the back end beside them."""
_SESSION_USER = "VssSessionToken"
_INSISTENT = "artifacts_keyring."
_TRUE = frozenset({"1", "true", "yes", "on", "y", "t"})
_VERSION = re.compile(r"pip (\d+)\.(\d+)")
_SHEBANG_BYTES = 1024
_USAGE = 2
_SLOW = "(slow)"


class Finding(NamedTuple):
    """What is the case, and what to do.

    Args:
        subject: the program that is meant.
        grade: `good`, `limited` or `bad`.
        text: one line.
    """

    subject: str
    grade: str
    text: str


class _Keyring(NamedTuple):
    """A keyring that a program would ask.

    Args:
        command: what starts it.
        place: where it is, for people.
        backends: names of its back ends, the most important one first; empty where there is no keyring.
    """

    command: list[str]
    place: str
    backends: list[str]


class Doctor:
    """Looks at one user's set-up.

    Args:
        environ: variables of the environment.
        project: what files and variables name.
        indexes: those that credentials are found for.
        clients: programs that will use them.
        deadline: until when programs are asked.
    """

    def __init__(
        self,
        environ: Mapping[str, str],
        project: Project,
        indexes: list[IndexUrl],
        clients: tuple[str, ...],
        deadline: Deadline,
    ) -> None:
        self._environ = environ
        self._project = project
        self._indexes = indexes
        self._known = {identity(url) for url in indexes}
        self._clients = clients
        self._deadline = deadline
        self._searched = set[str]()
        self._keyrings = dict[str, _Keyring]()

    @property
    def is_needed(self) -> bool:
        """Whether somebody wants clients to ask keyring: has chosen so, or has put our back end on PATH.

        A keyring alone says nothing: Poetry and twine bring one along.
        """
        return bool(
            self._environ.get("PIP_KEYRING_PROVIDER")
            or self._environ.get("UV_KEYRING_PROVIDER")
            or self._environ.get("PYTHON_KEYRING_BACKEND") == OURS
            or self._project.uv_keyring
            or self._project.pip_keyring
            or any(OURS in self._keyring([one], one).backends for one in self._programs())
        )

    def findings(self) -> Iterator[Finding]:
        """What is found, program by program."""
        for client in self._clients:
            own = self._pip() if client == "pip" else self._uv() if client == "uv" else self._library(client)
            found = list(own)
            yield from dict.fromkeys(found)
        if self._clients:
            yield from self._chosen()
            yield from self._unknown_hosts()

    # ---- pip ---------------------------------------------------------------------------------------

    def _pip(self) -> Iterator[Finding]:
        pip = other_programs.found("pip", self._environ) or other_programs.found("pip3", self._environ)
        if not pip:
            return
        settings = self._pip_settings(pip)
        provider = settings.get("keyring-provider", "auto").lower()
        if provider == "disabled":
            return
        if provider == "auto" and settings.get("no-input", "").lower() in _TRUE:
            yield Finding(
                "pip",
                "bad",
                "pip asks no keyring under --no-input unless one is named: "
                "pip config set global.keyring-provider subprocess",
            )
            return
        version = _VERSION.search(self._output([pip, "--version"]))
        is_old = bool(version) and (int(version[1]), int(version[2])) < (26, 2) if version else False
        imported = self._keyring([_python_of(pip), "-m", "keyring"], f"the environment of {pip}")
        if provider == "import" or (provider == "auto" and imported.backends):
            if not imported.backends:
                text = (
                    f"pip shall import keyring, which is not in its own environment: {pip} install {_PACKAGE}"
                )
                yield Finding("pip", "bad", text + self._bootstrap())
            else:
                yield from self._judged("pip", imported, f"{pip} install {_PACKAGE}{self._bootstrap()}")
        else:
            yield from self._pip_by_program(pip, provider, is_old=is_old)
        yield from self._shared_hosts("pip")

    def _pip_by_program(self, pip: str, provider: str, *, is_old: bool) -> Iterator[Finding]:
        own = os.path.dirname(pip)
        programs = [one for one in self._programs() if os.path.dirname(one) != own]
        if not programs:
            if provider == "subprocess" or self._programs():
                yield Finding(
                    "pip",
                    "bad",
                    "pip starts a keyring outside of its own environment only, and there is none on PATH: "
                    f"{_AS_A_TOOL}{self._bootstrap()}",
                )
            return
        keyring = self._keyring([programs[0]], programs[0])
        cure = f"{_AS_A_TOOL}, and have that first on PATH"
        yield from self._judged("pip", keyring, cure)
        if is_old:
            for mention in self._of("pip"):
                if not mention.user:
                    yield Finding(
                        "pip",
                        "bad",
                        f"pip before 26.2 starts keyring only for an address with a user name: write "
                        f"{_with_user(mention.url)} in {mention.place}, or upgrade pip.",
                    )
        elif self._is_too_old(keyring):
            yield Finding(
                "pip",
                "bad",
                f"pip 26.2 and newer need keyring 25.2.1 or newer, {keyring.place} is older: "
                "uv tool upgrade keyring, or pipx upgrade keyring",
            )

    def _is_too_old(self, keyring: _Keyring) -> bool:
        """Whether a keyring fails on what pip says to it, as those before 25.2.1 do."""
        ask = ["--mode", "creds", "--output", "json", "get", "https://index.invalid/"]
        try:
            ended = self._ended([*keyring.command, *ask])
        except (ServiceError, NotHere):
            return False
        return ended.code == _USAGE or "_get_creds" in ended.errors

    def _pip_settings(self, pip: str) -> dict[str, str]:
        """What pip's files and variables say, by the names of its options; variables come last."""
        found = dict[str, str]()
        lines = self._output([pip, "config", "list"]).splitlines()
        for line in sorted(lines, key=lambda line: line.startswith(":env:")):
            key, _, value = line.partition("=")
            found[key.rpartition(".")[2]] = value.strip("'\"")
        return found

    # ---- uv ----------------------------------------------------------------------------------------

    def _uv(self) -> Iterator[Finding]:
        variable = self._environ.get("UV_KEYRING_PROVIDER", "")
        said = [(variable, "UV_KEYRING_PROVIDER")] if variable else self._project.uv_keyring[:1]
        for provider, place in said:
            if provider not in {"subprocess", "disabled"}:
                yield Finding("uv", "bad", f"uv knows one way to keyring: {place} must say subprocess.")
            if provider != "subprocess":
                return
        if not said:
            return
        programs = self._programs()
        if not programs:
            yield Finding(
                "uv", "bad", f"uv starts a program keyring, and there is none on PATH: {_AS_A_TOOL}"
            )
            return
        cure = f"{_AS_A_TOOL}, and have that first on PATH"
        yield from self._judged("uv", self._keyring([programs[0]], programs[0]), cure)
        for mention in self._of("uv"):
            variable = f"UV_INDEX_{re.sub('[^A-Z0-9]', '_', mention.name.upper())}_USERNAME"
            if mention.user or mention.always or (mention.name and self._environ.get(variable)):
                continue
            how = f"set {variable}={_SESSION_USER}" if mention.name else f"write {_with_user(mention.url)}"
            yield Finding(
                "uv", "bad", f"uv asks keyring only where it knows a user name: {how} ({mention.place})"
            )
        yield from self._shared_hosts("uv")

    # ---- programs that load keyring themselves -------------------------------------------------------

    def _library(self, client: str) -> Iterator[Finding]:
        path = other_programs.found(client, self._environ) if client in _LIBRARY else ""
        if not path:
            return
        keyring = self._keyring([_python_of(path), "-m", "keyring"], f"the environment of {path}")
        yield from self._judged(client, keyring, _LIBRARY[client])
        for mention in self._of("poetry") if client == "poetry" else ():
            if mention.user:
                yield Finding(
                    "poetry",
                    "bad",
                    "Poetry asks no keyring for an address with a user name: write "
                    f"{mention.url} in {mention.place}",
                )

    # ---- what all have in common ---------------------------------------------------------------------

    def _judged(self, client: str, keyring: _Keyring, cure: str) -> Iterator[Finding]:
        """Whether a keyring has our back end; what else answers there."""
        if not keyring.backends:
            yield Finding(client, "bad", f"There is no working keyring in {keyring.place}: {cure}")
            return
        if keyring.backends == [_SLOW]:
            yield Finding(
                client,
                "bad",
                f"{keyring.place} did not answer within {_SECONDS:.0f} s, as back ends that wait for a "
                f"desktop do: set PYTHON_KEYRING_BACKEND={OURS}",
            )
            return
        if OURS in keyring.backends:
            yield Finding(
                client, "good", f"asks {keyring.place}, which has the back end of pip-authenticate."
            )
            yield from self._entries(client, keyring)
            return
        yield Finding(client, "bad", f"{keyring.place} has no back end of pip-authenticate: {cure}")
        for mention in (
            self._of(client) if any(one.startswith(_INSISTENT) for one in keyring.backends) else ()
        ):
            if mention.user == "***":
                yield Finding(
                    client,
                    "bad",
                    f"artifacts-keyring answers for the user name {_SESSION_USER} only: write "
                    f"{_with_user(mention.url)} in {mention.place}",
                )

    def _entries(self, client: str, keyring: _Keyring) -> Iterator[Finding]:
        """Entries of the operating system's vault that are in the way; what they hold is never shown."""
        if keyring.place in self._searched:
            return
        self._searched.add(keyring.place)
        for url in self._indexes[:_ASKED_INDEXES]:
            for service in (str(url), url.netloc):
                ask = ["--mode", "creds", "get", service]
                asked = (ask, [*ask, _SESSION_USER])  # not every vault looks for whatever user there is
                by_all = next(filter(None, (self._output([*keyring.command, *one]) for one in asked)), "")
                if by_all and by_all != self._output([*keyring.command, "-b", OURS, *ask]):
                    yield Finding(
                        client,
                        "limited",
                        f"Another back end of keyring has a password for {service}, and answers where this "
                        f"program has none: keyring del {service} USER",
                    )

    def _chosen(self) -> Iterator[Finding]:
        """A back end that a variable or keyring's file chooses in place of all others."""
        variable = self._environ.get("PYTHON_KEYRING_BACKEND", "")
        place, name = "PYTHON_KEYRING_BACKEND", variable
        if not variable:
            place, name = self._configured()
        if name and name not in {OURS, "keyring.backends.chainer.ChainerBackend"}:
            yield Finding(
                "keyring",
                "bad",
                f"{place} chooses another back end, so that ours is never asked: remove it, or say {OURS}",
            )

    def _configured(self) -> tuple[str, str]:
        """The file of keyring itself, and the back end that it chooses, or nothing."""
        programs = self._programs()
        told = self._output([programs[0], "diagnose"]) if programs else ""
        path = next((line[13:] for line in told.splitlines() if line.startswith("config path: ")), "")
        if not os.path.isfile(path):
            return "", ""
        from configparser import Error, RawConfigParser  # noqa: PLC0415 - few people have such a file

        parser = RawConfigParser()
        try:
            parser.read(path, encoding="utf-8")
        except (Error, OSError, UnicodeDecodeError):
            return path, "unreadable"
        return path, parser.get("backend", "default-keyring", fallback="")

    def _unknown_hosts(self) -> Iterator[Finding]:
        """Addresses that look like feeds, and that nobody says credentials are for."""
        for mention in self._project.mentions:
            is_meant = FeedAddress.of(mention.url) or mention.user == _SESSION_USER
            if is_meant and identity(mention.url) not in self._known:
                yield Finding(
                    "keyring",
                    "bad",
                    f"{mention.url} ({mention.place}) is on no host of Azure DevOps: list it, "
                    f"PIP_AUTHENTICATE_INDEXES={mention.url}",
                )

    def _shared_hosts(self, client: str) -> Iterator[Finding]:
        """Organisations on one host, which no client keeps apart (measured with pip 26.3 and uv 0.13.9)."""
        shared = dict[str, dict[str, IndexUrl]]()
        for url in self._indexes:
            place = Place.of(url)
            if place:
                shared.setdefault(url.netloc, {})[place.organization] = url
        for host, organizations in shared.items():
            if len(organizations) > 1:
                forms = " and ".join(str(own_host_form(url)) for url in organizations.values())
                does = (
                    "uv sends the token of one to downloads of the other, which fail"
                    if client == "uv"
                    else "pip sends the token of one to the other first, and asks again at each change"
                )
                yield Finding(
                    client,
                    "bad" if client == "uv" else "limited",
                    f"{', '.join(organizations)} share the host {host}: {does}. Write {forms}",
                )

    def _of(self, client: str) -> list[Mention]:
        """Where a client's files and variables name indexes that credentials are found for."""
        return [
            one for one in self._project.mentions if one.client == client and identity(one.url) in self._known
        ]

    def _bootstrap(self) -> str:
        """What to add where the only index that pip knows is itself one that needs a credential."""
        mentions = self._of("pip")
        is_only = any(one.name == "index-url" for one in mentions)
        return " --index-url https://pypi.org/simple/" if is_only else ""

    def _programs(self) -> list[str]:
        """Every program `keyring` on PATH, in its order."""
        folders = self._environ.get("PATH", "").split(os.pathsep)
        found = (other_programs.found("keyring", {**self._environ, "PATH": one}) for one in folders)
        return list(dict.fromkeys(filter(None, found)))

    def _keyring(self, command: list[str], place: str) -> _Keyring:
        """What a keyring has; each is asked once."""
        if place not in self._keyrings:
            self._keyrings[place] = self._asked(command, place)
        return self._keyrings[place]

    def _asked(self, command: list[str], place: str) -> _Keyring:
        try:
            told = self._told([*command, "--list-backends"])
        except ServiceError as error:
            return _Keyring(command, place, [_SLOW] if error.slug == "program-slow" else [])
        names = [line.partition(" (priority")[0] for line in told.splitlines() if " (priority" in line]
        return _Keyring(command, place, names)

    def _output(self, command: list[str]) -> str:
        """What a program writes; nothing where it fails."""
        try:
            return self._told(command)
        except ServiceError:
            return ""

    def _told(self, command: list[str]) -> str:
        """What a program writes; nothing where there is none, or where it fails.

        Raises:
            ServiceError: it does not start, or does not end.
        """
        try:
            ended = self._ended(command)
        except NotHere:
            return ""
        return "" if ended.code else ended.output

    def _ended(self, command: list[str]) -> Ended:
        return other_programs.run(command[0], command[1:], self._environ, _SECONDS, self._deadline)


def _with_user(url: IndexUrl) -> str:
    """Host and user name as they stand in an address; nothing shows logins of whole ones."""
    return f"{_SESSION_USER}@{url.netloc}"


def _python_of(program: str) -> str:
    """The Python that a program is started with: that of its first line, or the one beside it."""
    try:
        with open(program, "rb") as file:
            head = file.read(_SHEBANG_BYTES).decode("utf-8", "replace")
    except OSError:
        head = ""
    found = re.match(r"#!\s*(\S*python[\d.]*)\s|#!/bin/sh\n'''exec' \"?([^\"\n]+?)\"? \"\$0\"", head)
    beside = "python.exe" if sys.platform == "win32" else "python"
    return (found[1] or found[2]) if found else os.path.join(os.path.dirname(program), beside)
