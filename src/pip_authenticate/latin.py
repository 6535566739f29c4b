"""Credentials that programs cannot send which stand on requests: it knows Latin-1 only."""

from collections.abc import Iterable

from pip_authenticate.index import AuthenticatedIndex, Credential


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
