"""A secret as a type: masked wherever it is shown, revealed only on purpose."""

from collections.abc import Callable, Iterable
from typing import NoReturn, TypeAlias

MASK = "***"


class Secret:
    """A text that must not be shown.

    `str()`, `repr()` and every format give `***`. Deliberately neither a dataclass nor a
    tuple, so that nothing can turn it into a plain structure, and it refuses to be pickled.

    Args:
        text: the secret itself.
    """

    __slots__ = ("__text",)

    def __init__(self, text: str) -> None:
        self.__text = text

    def reveal(self) -> str:
        """The text itself: only for the wire, for a URL, or for an output."""
        return self.__text

    @property
    def digest(self) -> str:
        """What may be remembered of it: enough to know it again, and no more."""
        from hashlib import sha256  # noqa: PLC0415 - it loads a library of the system's

        return sha256(self.__text.encode("utf-8", "surrogateescape")).hexdigest()

    def __str__(self) -> str:
        return MASK

    def __repr__(self) -> str:
        return f"Secret({MASK!r})"

    def __format__(self, spec: str) -> str:
        return format(MASK, spec)

    def __bool__(self) -> bool:
        return bool(self.__text)

    def __eq__(self, other: object) -> bool:
        return self.__text == other.__text if isinstance(other, Secret) else NotImplemented

    def __hash__(self) -> int:
        return hash((Secret, self.__text))

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        """Refuse pickling and copying into other processes.

        Raises:
            TypeError: always.
        """
        raise TypeError("a Secret cannot be pickled")

    def __copy__(self) -> "Secret":
        return self

    def __deepcopy__(self, memo: object) -> "Secret":
        return self


Learned: TypeAlias = Callable[[Iterable[Secret]], None]
"""Is told of secrets as soon as they are known, before anything is done with them."""
