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

# By the first word of pydantic's types of errors.
_KINDS = {
    "string": "a text",
    "bool": "true or false",
    "int": "a whole number",
    "greater": "a whole number that is not negative",
    "tuple": "a list",
    "dict": "a mapping with keys",
    "model": "a mapping with keys",
    "datetime": "a date or a date-time",
}
# What follows from another fault, and is not told.
_SILENT = {"follows", "default_factory_not_called"}


class Shape(BaseModel):
    """A mapping: its keys, all of them, with the kinds of their values. Validators raise InputErrors."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    @classmethod
    def unknown(cls, key: str, known: Iterable[str]) -> InputError:
        """The error of a key that the mapping cannot have."""
        return InputError("unknown-key", f"The key {key!r} is not known here", hint=nearest(key, known))

    @model_validator(mode="wrap")
    @classmethod
    def _know_better(cls, data: object, handler: ModelWrapValidatorHandler[_Shape]) -> _Shape:
        """Tell faults of keys here, where the known ones are known."""
        try:
            return handler(data)
        except ValidationError as error:
            told = [cls._tell(one) for one in error.errors(include_url=False)]
            raise ValidationError.from_exception_data(cls.__name__, told) from None

    @classmethod
    def _tell(cls, error: ErrorDetails) -> InitErrorDetails:
        kind, loc, context = error["type"], error["loc"], error.get("ctx", {})
        kinds = {info.alias or name: info.annotation for name, info in cls.model_fields.items()}
        if kind == "extra_forbidden":
            kind, context = "unknown-key", {"error": cls.unknown(str(loc[-1]), kinds)}
        elif kind == "missing":
            hint = "Give it a text." if kinds.get(str(loc[-1])) in {str, SecretStr} else ""
            missing = InputError("missing-key", f"The key {loc[-1]!r} is missing", hint=hint)
            kind, context = "missing-key", {"error": missing}
        return InitErrorDetails(
            type=PydanticCustomError(kind, error["msg"], context), loc=loc, input=error["input"]
        )


def wrong_kind(wanted: str) -> PydanticCustomError:
    """The fault of a value that has to be something else."""
    return PydanticCustomError("wrong-kind", wanted)


def text(value: object) -> str:
    """The value itself, for validators that take the place of pydantic's own."""
    if not isinstance(value, str):
        raise wrong_kind("a text")
    return value


def no_such(what: str, name: str, known: Iterable[str]) -> InputError:
    """The error of a name that nothing has."""
    return InputError("unknown-name", f"There is no {what} {name!r}", hint=nearest(name, known))


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
        told = [one for one in error.errors(include_url=False) if one["type"] not in _SILENT]
        raise Faults([_placed(one, where(one["loc"])) for one in told]) from None


def _placed(error: ErrorDetails, context: str) -> InputError:
    kind, loc = error["type"], error["loc"]
    told = error.get("ctx", {}).get("error")
    place = _place(loc[:-1] if kind in {"missing-key", "unknown-key"} else loc)
    if isinstance(told, InputError):
        what = f"{place}: {told.what}" if place else told.what
        what += f" ({told.context})" if told.context else ""
        return InputError(told.slug, what, context=context, hint=told.hint)
    if kind == "literal_error":
        hint = f"It can be {error['ctx']['expected']}."
        return InputError("unknown-word", f"{place} cannot be {error['input']!r}", context=context, hint=hint)
    what = f"{place or 'the file'} has to be {_KINDS.get(kind.partition('_')[0], error['msg'])}"
    return InputError("wrong-kind", what, context=context)


def _place(loc: Loc) -> str:
    """The path to a value as people write it, counting from one."""
    path = ""
    for part in loc:
        if isinstance(part, int):
            path += f"[{part + 1}]"
        elif part != "[key]":
            path += f".{part}" if re.fullmatch(r"[\w-]+", part) else f'."{part}"'
    return path.removeprefix(".")
