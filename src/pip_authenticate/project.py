"""Which indexes the files of a project name, and by which names; the files are read, never written.

Each client's own documentation says where it looks: uv ("Configuring uv"), Poetry ("Repositories"), PDM
("Configure the package indexes"), Hatch ("Publisher plugins", "Environment configuration"), Pipenv
("Pipfile & Pipfile.lock") and pip ("Configuration", "Requirements File Format").
"""

import os
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from pip_authenticate import text_files
from pip_authenticate.azure.forms import identity
from pip_authenticate.errors import InputError, PipAuthenticateError
from pip_authenticate.index import IndexUrl, Names
from pip_authenticate.text_files import UnreadableError

_FOLDERS_UP = 20
_INCLUDES = 50
_PRIMARY, _EXTRA = "index-url", "extra-index-url"
_OPTION = (
    r"(?:^|\s)(--index-url|-i|--extra-index-url|--find-links|-f|--requirement|-r|--constraint|-c)"
    r"[=\s]\s*(\S+)"
)
_REFERENCE = r"\$\{(\w+)\}"
_LOGIN = r"(?<=://)[^/?#\\\s]*@"  # some clients take a backslash for a slash
_REFERENCED = r"\s@\s*(https?://\S+)"
_MENTIONS = 1000
"""Most indexes that are looked at."""
_FILES = ("pyproject.toml", "uv.toml", "Pipfile")
# Variables of the environment in which a person may have named an index already.
_VARIABLES = {
    "PIP_INDEX_URL": ("pip", _PRIMARY),
    "PIP_EXTRA_INDEX_URL": ("pip", _EXTRA),
    "UV_DEFAULT_INDEX": ("uv", ""),
    "UV_INDEX": ("uv", ""),
    "UV_INDEX_URL": ("uv", ""),
    "UV_EXTRA_INDEX_URL": ("uv", ""),
    "PDM_PYPI_URL": ("pdm", "pypi"),
    "PIPENV_PYPI_MIRROR": ("pipenv", ""),
}
_LOCKS = {"uv.lock": "uv", "poetry.lock": "poetry", "pdm.lock": "pdm", "Pipfile.lock": "pipenv"}


class Mention(NamedTuple):
    """A place that names an index.

    Args:
        client: whose file or variable it is.
        name: what it calls the index; `index-url` or `extra-index-url` for pip; may be empty.
        url: the index.
        place: the file, or the variable.
        user: the user name in its address: empty for none, `VssSessionToken`, on which some insist, or `***`
            for any other, since that may be a token.
        always: whether uv looks for a credential before it is asked for one.
    """

    client: str
    name: str
    url: IndexUrl
    place: str
    user: str = ""
    always: bool = False


class Project(NamedTuple):
    """What the files of a project say.

    Args:
        mentions: in the order in which they were found.
        clients: names of the programs whose files there are.
        table: `[tool.pip-authenticate]` of its pyproject.toml.
        table_file: the path of that, or empty.
        faults: what is wrong with files that could not be read.
        uv_keyring: what uv's own files say of keyring, the most important one first, each with its path.
        pip_keyring: whether a file of pip says anything of it.
        uv_proxies: the paths of files that name a web proxy for uv, which counts before HTTPS_PROXY.
    """

    mentions: tuple[Mention, ...] = ()
    clients: tuple[str, ...] = ()
    table: Mapping[str, Any] = {}
    table_file: str = ""
    faults: tuple[PipAuthenticateError, ...] = ()
    uv_keyring: tuple[tuple[str, str], ...] = ()
    pip_keyring: bool = False
    uv_proxies: tuple[str, ...] = ()

    def names_of(self, url: IndexUrl) -> Names:
        """What the clients call an index, whatever the spelling of its address.

        A name counts where it can mean no other index: clients are given credentials by names, and of two
        files that use one name only the client knows which counts.
        """
        key = identity(url)
        meant = {(client, loose): keys for client, loose, keys in _meanings(self.mentions)}
        names = ((one.client, one.name) for one in self.mentions if one.name and identity(one.url) == key)
        return tuple(
            (client, name)
            for client, name in dict.fromkeys(names)
            if meant.get((client, _loose(name)), {key}) == {key}
        )

    @property
    def ambiguous(self) -> list[Mention]:
        """Mentions whose name means several indexes."""
        several = {(client, loose) for client, loose, keys in _meanings(self.mentions) if len(keys) > 1}
        return [one for one in self.mentions if (one.client, _loose(one.name)) in several]


def _loose(name: str) -> str:
    """What is left of a name in a variable's."""
    return re.sub("[^A-Z0-9]", "_", name.upper())


def _meanings(mentions: Iterable[Mention]) -> Iterator[tuple[str, str, set[object]]]:
    """What each name of each client can mean."""
    found = dict[tuple[str, str], set[object]]()
    for one in mentions:
        if one.name and one.name not in {_PRIMARY, _EXTRA}:
            found.setdefault((one.client, _loose(one.name)), set()).add(identity(one.url))
    for (client, loose), keys in found.items():
        yield client, loose, keys


def read(folder: str, environ: Mapping[str, str]) -> Project:
    """Read the files of a project and the user's own configuration of pip and uv.

    Args:
        folder: where a program would be started; its project may be further up.
        environ: variables that name files, folders and indexes.
    """
    reader = _Reader(environ)
    root = _root(folder)
    if root:
        reader.pyproject(_join(root, "pyproject.toml"))
        reader.uv(_join(root, "uv.toml"))
        reader.pipfile(_join(root, "Pipfile"))
        for above in _above(root):  # the root of a workspace of uv, whose indexes count for its members
            reader.uv(_join(above, "uv.toml"), is_own=False)
            reader.workspace(_join(above, "pyproject.toml"))
        for name, client in _LOCKS.items():
            if os.path.isfile(_join(root, name)):
                reader.clients[client] = None
    for name in sorted(_entries(folder)):
        if name.startswith("requirements") and name.endswith((".txt", ".in")):
            reader.requirements(_join(folder, name))
    for path in _uv_files(environ):
        reader.uv(path, is_own=False)
    for path in pip_files(environ):
        reader.pip(path)
    reader.variables()
    return Project(
        tuple(reader.mentions),
        tuple(reader.clients),
        reader.table,
        reader.table_file,
        tuple(reader.faults),
        tuple(reader.uv_keyring),
        reader.pip_keyring,
        tuple(reader.uv_proxies),
    )


class _Reader:
    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self.mentions = list[Mention]()
        self.clients = dict[str, None]()
        self.faults = list[PipAuthenticateError]()
        self.uv_keyring = list[tuple[str, str]]()
        self.pip_keyring = False
        self.uv_proxies = list[str]()
        self.table: Mapping[str, Any] = {}
        self.table_file = ""
        self._seen = set[str]()

    def pyproject(self, path: str) -> None:
        tools = _table(self._toml(path), "tool")
        for client, key in (("uv", "index"), ("poetry", "source"), ("pdm", "source")):
            if client in tools:
                self.clients[client] = None
            self._named(client, _rows(tools.get(client), key), path)
        for key in ("index-url", "extra-index-url"):
            self._unnamed("uv", _table(tools, "uv").get(key), path)
        self._uv_settings(_table(tools, "uv"), path)
        hatch = _table(tools, "hatch")
        if hatch:
            self.clients["hatch"] = None
        repositories = _table(_table(_table(hatch, "publish"), "index"), "repos")
        for name, row in repositories.items():
            self._add("hatch", name, row.get("url") if isinstance(row, dict) else None, path)
        for environment in _table(hatch, "envs").values():
            self._variables(_table(environment, "env-vars"), path)
        own = tools.get("pip-authenticate")
        if isinstance(own, dict):
            self.table, self.table_file = own, path

    def workspace(self, path: str) -> None:
        """The pyproject.toml of a folder above: what it says to uv."""
        uv = _table(_table(self._toml(path), "tool"), "uv")
        self._named("uv", _rows(uv, "index"), path)

    def uv(self, path: str, *, is_own: bool = True) -> None:
        table = self._toml(path)
        if table and is_own:
            self.clients["uv"] = None
        self._named("uv", _rows(table, "index"), path)
        for key in ("index-url", "extra-index-url"):
            self._unnamed("uv", table.get(key), path)
        self._uv_settings(table, path)

    def _uv_settings(self, table: Mapping[str, Any], path: str) -> None:
        provider = table.get("keyring-provider")
        if isinstance(provider, str):
            self.uv_keyring.append((provider, path))
        if table.get("https-proxy"):
            self.uv_proxies.append(path)

    def pipfile(self, path: str) -> None:
        table = self._toml(path)
        if table:
            self.clients["pipenv"] = None
        self._named("pipenv", _rows(table, "source"), path)

    def requirements(self, path: str) -> None:
        """A requirements file, and those that it names."""
        if path in self._seen or len(self._seen) >= _INCLUDES or "://" in path:
            return
        self._seen.add(path)
        text = self._text(path)
        if text is None:
            return
        self.clients["pip"] = None
        for line in text.replace("\\\n", " ").splitlines():
            for url in re.findall(_REFERENCED, line):
                self._add("pip", "", url, path)
            if not line.lstrip().startswith("-"):
                continue
            for option, value in re.findall(_OPTION, line):
                if option in {"-i", "--index-url", "--extra-index-url"}:
                    name = _EXTRA if option == "--extra-index-url" else _PRIMARY
                    self._add("pip", name, value.strip("'\""), path)
                elif option in {"-f", "--find-links"}:
                    self._add("pip", "", value.strip("'\""), path)
                else:
                    self.requirements(_join(os.path.dirname(path), value.strip("'\"")))

    def pip(self, path: str) -> None:
        """A configuration file of pip."""
        text = self._text(path)
        if text is None:
            return
        from configparser import Error, RawConfigParser  # noqa: PLC0415 - few people have such a file

        parser = RawConfigParser()
        try:
            parser.read_string(text)
        except Error:  # its message quotes the text
            self._unreadable(path, "is no configuration file of pip")
            return
        for section in parser.sections():
            self.pip_keyring |= parser.has_option(section, "keyring-provider")
            for name in (_PRIMARY, _EXTRA):
                for word in (parser.get(section, name, fallback="") or "").split():
                    self._add("pip", name, word, path)

    def variables(self) -> None:
        self._variables(self._environ, "")

    def _variables(self, given: Mapping[str, Any], path: str) -> None:
        for variable, (client, name) in _VARIABLES.items():
            value = given.get(variable)
            for word in value.split() if isinstance(value, str) else ():
                own, _, url = (
                    word.rpartition("=")
                    if client == "uv" and "=" in word.partition("://")[0]
                    else (name, "", word)
                )
                self._add(client, own, url, path or variable)

    def _named(self, client: str, rows: list[Mapping[str, Any]], path: str) -> None:
        for row in rows:
            name = row.get("name")
            always = row.get("authenticate") == "always"
            self._add(client, name if isinstance(name, str) else "", row.get("url"), path, always=always)

    def _unnamed(self, client: str, value: object, path: str) -> None:
        for url in value if isinstance(value, list) else [value]:
            self._add(client, "", url, path)

    def _add(self, client: str, name: str, url: object, path: str, *, always: bool = False) -> None:
        """Note an index; what is no address of one (a path, another scheme) is none of ours."""
        if not isinstance(url, str):
            return
        plain = re.sub(_LOGIN, "", url.strip()).partition("#")[0].partition("?")[0]
        plain = re.sub(_REFERENCE, lambda match: self._environ.get(match[1], match[0]), plain)
        try:
            parsed, _ = IndexUrl.parse(plain)
        except InputError:
            return
        if len(self.mentions) < _MENTIONS:
            self.mentions.append(Mention(client, name, parsed, path, _user(url), always))

    def _toml(self, path: str) -> Mapping[str, Any]:
        try:
            return text_files.read_toml(path)
        except UnreadableError as error:
            self._unreadable(path, str(error))
            return {}

    def _text(self, path: str) -> str | None:
        """The text of a file; None where there is none, or none that can be read."""
        try:
            return text_files.read(path)
        except UnreadableError as error:
            self._unreadable(path, str(error))
            return None

    def _unreadable(self, path: str, why: str) -> None:
        self.faults.append(
            InputError("file-unreadable", f"{path} {why}", hint="Mend it, or name the indexes as arguments.")
        )


def _user(url: str) -> str:
    """What may be shown of the user name in an address."""
    login = re.search(_LOGIN, url)
    user = login[0].removesuffix("@").partition(":")[0] if login else ""
    return user if user in {"", "VssSessionToken"} else "***"


def _root(folder: str) -> str:
    """The nearest folder from here upwards that has a project's file, or empty."""
    for _ in range(_FOLDERS_UP):
        if any(os.path.isfile(_join(folder, name)) for name in _FILES):
            return folder
        above = os.path.dirname(folder)
        if above == folder:
            return ""
        folder = above
    return ""


def _above(folder: str) -> Iterator[str]:
    """The folders above one."""
    for _ in range(_FOLDERS_UP):
        above = os.path.dirname(folder)
        if above == folder:
            return
        yield above
        folder = above


def _uv_files(environ: Mapping[str, str]) -> Iterator[str]:
    """Uv's files outside of a project (uv documentation, "Configuration files")."""
    if environ.get("UV_CONFIG_FILE"):
        yield environ["UV_CONFIG_FILE"]
    for folder in _configuration_folders(environ):
        yield _join(folder, "uv", "uv.toml")


def pip_files(environ: Mapping[str, str]) -> Iterator[str]:
    """Pip's files, the least specific ones first (pip documentation, "Configuration")."""
    name = "pip.ini" if sys.platform == "win32" else "pip.conf"
    if environ.get("PIP_CONFIG_FILE") == os.devnull:
        return
    if sys.platform != "win32":
        yield _join("/etc", name)
    home = environ.get("HOME") or environ.get("USERPROFILE")
    if home:
        yield _join(home, "pip" if sys.platform == "win32" else ".pip", name)
    for folder in _configuration_folders(environ):
        yield _join(folder, "pip", name)
    if environ.get("VIRTUAL_ENV"):
        yield _join(environ["VIRTUAL_ENV"], name)
    if environ.get("PIP_CONFIG_FILE"):
        yield environ["PIP_CONFIG_FILE"]


def _configuration_folders(environ: Mapping[str, str]) -> Iterator[str]:
    home = environ.get("HOME")
    if sys.platform == "win32":
        if environ.get("APPDATA"):
            yield environ["APPDATA"]
        return
    if sys.platform == "darwin" and home:
        yield _join(home, "Library", "Application Support")
    if environ.get("XDG_CONFIG_HOME"):
        yield environ["XDG_CONFIG_HOME"]
    elif home:
        yield _join(home, ".config")


def _entries(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []


def _join(*parts: str) -> str:
    return os.path.join(*parts)


def _table(value: object, key: str) -> Mapping[str, Any]:
    """A table within a table; an empty one where there is none."""
    inner = value.get(key) if isinstance(value, dict) else None
    return inner if isinstance(inner, dict) else {}


def _rows(value: object, key: str) -> list[Mapping[str, Any]]:
    """An array of tables within a table; a table of tables counts by its keys as names."""
    inner = value.get(key) if isinstance(value, dict) else None
    if isinstance(inner, dict):
        return [{"name": name, **row} for name, row in inner.items() if isinstance(row, dict)]
    return [row for row in inner if isinstance(row, dict)] if isinstance(inner, list) else []
