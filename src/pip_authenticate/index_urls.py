"""Addresses of indexes in two variables, as pip and programs like it read them."""

from collections.abc import Callable, Iterable

from pip_authenticate.client_settings import Variable, Wish
from pip_authenticate.index import AuthenticatedIndex, Credential
from pip_authenticate.secret import Secret


def variables(
    primary: str,
    extra: str,
    indexes: Iterable[AuthenticatedIndex],
    wish: Wish,
    label: Callable[[AuthenticatedIndex], str] = lambda _: "",
) -> tuple[Variable, ...]:
    """One variable for the first index, and one for all others, separated by blanks.

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


def unsendable(program: str, indexes: Iterable[AuthenticatedIndex]) -> tuple[str, ...]:
    """Warnings about credentials that a program cannot send which stands on requests."""
    found = dict[Credential, dict[str, None]]()
    for index in indexes:
        if not index.credential.is_latin:
            found.setdefault(index.credential, {})[index.source] = None
    return tuple(
        f"The credential of {', '.join(sources)} holds a character that {program} cannot send: "
        "it knows Latin-1 only and ends with a UnicodeEncodeError. Choose another secret."
        for sources in found.values()
    )
