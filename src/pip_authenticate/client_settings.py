"""What clients read: variables and private files, and how each is erased."""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from pip_authenticate.errors import DeliveryError
from pip_authenticate.index import AuthenticatedIndex
from pip_authenticate.secret import Secret

LINUX_BYTES = 131_072
"""Longest `NAME=value` with its terminating zero that execve takes (MAX_ARG_STRLEN of Linux), in bytes."""
WINDOWS_CHARACTERS = 32_766
"""Longest value that a process on Windows is given, in characters."""
_WARNING_SHARE = 0.8


class Variable(NamedTuple):
    """A variable of the environment.

    Args:
        name: as the client reads it.
        value: what it shall hold.
        is_secret: whether the value holds a credential.
        can_be_emptied: whether the client takes an empty one for an unset one. Only some outputs can unset
            a variable; all can empty it.
    """

    name: str
    value: Secret
    is_secret: bool = True
    can_be_emptied: bool = True

    def check_size(self, *, is_windows: bool) -> list[str]:
        """See whether the system can hand it to a process; warns where it nearly cannot.

        Raises:
            DeliveryError: it cannot. With such a variable no process starts any more.
        """
        text = self.value.reveal()
        size, limit, unit = (
            len(f"{self.name}={text}".encode("utf-8", "surrogateescape")) + 1,
            LINUX_BYTES,
            "bytes",
        )
        if is_windows:
            size, limit, unit = len(text), WINDOWS_CHARACTERS, "characters"
        if size > limit:
            raise DeliveryError(
                "too-long",
                f"{self.name} would take {size:,} {unit}; the operating system carries {limit:,}",
            )
        is_near = is_windows and size > _WARNING_SHARE * limit
        return [f"{self.name} takes {size:,} of the {limit:,} {unit} that Windows carries"] if is_near else []


class PrivateFile(NamedTuple):
    """A file that nobody but its owner may read.

    Args:
        name: of the file, without a folder.
        content: its text.
        variables: names of variables that shall hold its path; all can be emptied.
    """

    name: str
    content: Secret
    variables: tuple[str, ...] = ()


class ClientSettings(NamedTuple):
    """All that one client reads, or several.

    Args:
        variables: each name once.
        files: each name once.
        warnings: what a person must know; without any secret.
        notes: what a person may want to know, such as how to use a file; without any secret.
    """

    variables: tuple[Variable, ...] = ()
    files: tuple[PrivateFile, ...] = ()
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def secrets(self) -> Iterable[Secret]:
        """Values of secret variables and contents of files: nothing of it may be shown."""
        yield from (variable.value for variable in self.variables if variable.is_secret)
        yield from (file.content for file in self.files)


class Wish(NamedTuple):
    """What is asked of a client.

    Args:
        only_extra: whether no index becomes the primary one.
        publish: whether the first index shall also take uploads.
        by_files: whether credentials shall stand in files only, so that no variable holds one.
        addresses_too: whether files that name the indexes, without a credential, shall lie beside those, for
            who reads no variables.
        opens_nothing: whether the credentials are stand-ins, which any variable may hold.
        can_unset: whether the output can unset a variable later; where it cannot, a client chooses
            variables that can be emptied.
        own_netrc: the text of the user's own netrc file. One that takes its place must hold it, too.
    """

    only_extra: bool = False
    publish: bool = False
    by_files: bool = False
    addresses_too: bool = False
    opens_nothing: bool = False
    can_unset: bool = True
    own_netrc: Secret = Secret("")


def address_variables(
    primary: str,
    extra: str,
    indexes: Iterable[AuthenticatedIndex],
    wish: Wish,
    label: Callable[[AuthenticatedIndex], str] = lambda _: "",
) -> tuple[Variable, ...]:
    """Addresses as pip and programs like it read them: one variable for the first index, one for all others.

    Args:
        primary: name of the variable whose index replaces the public one.
        extra: name of the other one, which takes all where none shall be primary.
        indexes: each once.
        wish: by files the addresses hold no credential.
        label: what stands before an index's address.
    """
    told: dict[str, list[str]] = {}
    for position, index in enumerate(indexes):
        address = str(index.url) if wish.by_files else index.url.with_credential(index.credential).reveal()
        told.setdefault(extra if position or wish.only_extra else primary, []).append(label(index) + address)
    return tuple(
        Variable(name, Secret(" ".join(values)), is_secret=not wish.by_files) for name, values in told.items()
    )


def merged(parts: Iterable[ClientSettings]) -> ClientSettings:
    """The settings of several clients in one; of two variables or files of one name the first one counts.

    Clients that share a file (netrc) or a variable write the same into it.
    """
    variables, files = dict[str, Variable](), dict[str, PrivateFile]()
    warnings, notes = dict[str, None](), dict[str, None]()
    for part in parts:
        for variable in part.variables:
            variables.setdefault(variable.name, variable)
        for file in part.files:
            files.setdefault(file.name, file)
        warnings |= dict.fromkeys(part.warnings)
        notes |= dict.fromkeys(part.notes)
    return ClientSettings(tuple(variables.values()), tuple(files.values()), tuple(warnings), tuple(notes))
