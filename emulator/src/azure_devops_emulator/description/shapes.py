"""Shapes: what a file may say, as pydantic models. All faults are told at once, each with its place."""

import difflib
import re
from collections.abc import Callable, Iterable
from typing import Annotated, TypeVar

from pydantic import (
    BaseModel,
    ConfigDict,
    ModelWrapValidatorHandler,
    SecretStr,
    Strict,
    ValidationError,
    model_validator,
)
from pydantic_core import ErrorDetails, InitErrorDetails, PydanticCustomError

from azure_devops_emulator.errors import Faults, InputError

Loc = tuple[int | str, ...]
"""The keys and the numbers (from zero) that lead to a value."""
_Item = TypeVar("_Item")
_Shape = TypeVar("_Shape", bound="Shape")
Many = Annotated[tuple[_Item, ...], Strict(strict=False)]
"""A list, kept as a tuple."""

_KINDS = {
    "string_type": "a text",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "greater_than_equal": "a whole number that is not negative",
    "tuple_type": "a list",
    "dict_type": "a mapping with keys",
    "model_type": "a mapping with keys",
}
_FOLLOWS = "follows"


class Shape(BaseModel):
    """A mapping: its keys, all of them, with the kinds of their values."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    @classmethod
    def unknown(cls, key: str) -> PydanticCustomError:
        """The fault of a key that the mapping cannot have."""
        return fault("unknown-key", f"The key {key!r} is not known here", nearest(key, cls.keys()))

    @classmethod
    def keys(cls) -> list[str]:
        """The keys that the mapping can have."""
        return [info.alias or name for name, info in cls.model_fields.items()]

    @model_validator(mode="wrap")
    @classmethod
    def _know_better(cls, data: object, handler: ModelWrapValidatorHandler[_Shape]) -> _Shape:
        """Tell faults of unknown keys here, where the known ones are known."""
        try:
            return handler(data)
        except ValidationError as error:
            told = [
                InitErrorDetails(type=cls._tell(one), loc=one["loc"], input=one["input"])
                for one in error.errors(include_url=False)
            ]
            raise ValidationError.from_exception_data(cls.__name__, told) from None

    @classmethod
    def _tell(cls, error: ErrorDetails) -> PydanticCustomError:
        if error["type"] == "extra_forbidden":
            return cls.unknown(str(error["loc"][-1]))
        if error["type"] == "missing":
            kinds = {info.alias or name: info.annotation for name, info in cls.model_fields.items()}
            key = str(error["loc"][-1])
            hint = "Give it a text." if kinds.get(key) in {str, SecretStr} else ""
            return fault("missing-key", f"The key {key!r} is missing", hint)
        return PydanticCustomError(error["type"], error["msg"], error.get("ctx"))


def fault(slug: str, what: str, hint: str = "") -> PydanticCustomError:
    """A fault for validators to raise."""
    return PydanticCustomError(slug, what, {"hint": hint})


def wrong_kind(wanted: str) -> PydanticCustomError:
    """The fault of a value that has to be something else."""
    return fault("wrong-kind", wanted)


def borrowed(error: InputError) -> PydanticCustomError:
    """A fault that another reader found in a value."""
    return fault(error.slug, f"{error.what} ({error.context})" if error.context else error.what, error.hint)


def follows() -> PydanticCustomError:
    """What follows from another fault, and is not told."""
    return fault(_FOLLOWS, "")


def nearest(word: str, known: Iterable[str]) -> str:
    """A hint that names the known word most like the given one, or all of them."""
    known = sorted(known)
    close = difflib.get_close_matches(word, known, 1, 0.6)
    return f"Did you mean {close[0]!r}?" if close else f"Known: {', '.join(known) or 'none'}."


def read(shape: type[_Shape], data: object, context: object, where: Callable[[Loc], str]) -> _Shape:
    """Make a shape of plain data.

    Args:
        shape: which.
        data: of dictionaries, lists and values.
        context: for the validators.
        where: the file, and what else finds a place in it.

    Raises:
        Faults: it does not fit; everything that does not.
    """
    try:
        return shape.model_validate(data, context=context)
    except ValidationError as error:
        told = [one for one in error.errors(include_url=False) if one["type"] != _FOLLOWS]
        raise Faults([_as_input_error(one, where(one["loc"])) for one in told]) from None


def _as_input_error(error: ErrorDetails, context: str) -> InputError:
    slug, loc, message, hint = error["type"], error["loc"], error["msg"], error.get("ctx", {}).get("hint", "")
    if slug in _KINDS or slug == "wrong-kind":
        slug, message = "wrong-kind", f"{_place(loc) or 'the file'} has to be {_KINDS.get(slug, message)}"
    elif slug == "literal_error":
        slug, message = "unknown-word", f"{_place(loc)} cannot be {error['input']!r}"
        hint = f"It can be {error['ctx']['expected']}."
    else:
        place = _place(loc[:-1] if slug in {"missing-key", "unknown-key"} else loc)
        message = f"{place}: {message}" if place else message
    return InputError(slug, message, context=context, hint=hint)


def _place(loc: Loc) -> str:
    """The path to a value as people write it, counting from one."""
    text = ""
    for part in loc:
        if isinstance(part, int):
            text += f"[{part + 1}]"
        elif part != "[key]":
            text += f".{part}" if re.fullmatch(r"[\w-]+", part) else f'."{part}"'
    return text.removeprefix(".")
