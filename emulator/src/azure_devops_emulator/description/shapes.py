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
FOLLOWS = InputError("follows", "")
"""What follows from another fault, and is not told."""


class Shape(BaseModel):
    """A mapping: its keys, all of them, with the kinds of their values.

    Validators raise InputErrors, which get their place here. Those of the slugs `wrong-kind` and
    `unknown-word` say what the place has to be or cannot be: their text continues its name.
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    @classmethod
    def unknown(cls, key: str) -> InputError:
        """The fault of a key that the mapping cannot have."""
        return InputError("unknown-key", f"The key {key!r} is not known here", hint=nearest(key, cls.keys()))

    @classmethod
    def keys(cls) -> list[str]:
        """The keys that the mapping can have."""
        return [info.alias or name for name, info in cls.model_fields.items()]

    @model_validator(mode="wrap")
    @classmethod
    def _know_better(cls, data: object, handler: ModelWrapValidatorHandler[_Shape]) -> _Shape:
        """Put faults into words here, where the known keys are known."""
        try:
            return handler(data)
        except ValidationError as error:
            told = [
                InitErrorDetails(
                    type=PydanticCustomError("told", "", {"error": cls._told(one)}),
                    loc=one["loc"],
                    input=one["input"],
                )
                for one in error.errors(include_url=False)
            ]
            raise ValidationError.from_exception_data(cls.__name__, told) from None

    @classmethod
    def _told(cls, error: ErrorDetails) -> InputError:
        slug, key = error["type"], str(error["loc"][-1]) if error["loc"] else ""
        context = error.get("ctx", {})
        if isinstance(told := context.get("error"), InputError):
            return told
        if slug == "default_factory_not_called":
            return FOLLOWS
        if slug == "extra_forbidden":
            return cls.unknown(key)
        if slug == "missing":
            kinds = {info.alias or name: info.annotation for name, info in cls.model_fields.items()}
            hint = "Give it a text." if kinds.get(key) in {str, SecretStr, str | SecretStr} else ""
            return InputError("missing-key", f"The key {key!r} is missing", hint=hint)
        if slug == "literal_error":
            hint = f"It can be {context['expected']}."
            return InputError("unknown-word", f"cannot be {error['input']!r}", hint=hint)
        return wrong_kind(_KINDS[slug]) if slug in _KINDS else InputError(slug, error["msg"])


def wrong_kind(wanted: str) -> InputError:
    """The fault of a value that has to be something else."""
    return InputError("wrong-kind", f"has to be {wanted}")


def unknown(what: str, word: str, known: Iterable[str]) -> InputError:
    """The fault of a word that names nothing."""
    return InputError("unknown-name", f"There is no {what} {word!r}", hint=nearest(word, known))


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
        told = [(one["ctx"]["error"], one["loc"]) for one in error.errors(include_url=False)]
        raise Faults([_placed(one, loc, where(loc)) for one, loc in told if one is not FOLLOWS]) from None


def _placed(error: InputError, loc: Loc, context: str) -> InputError:
    """An error with the place of its fault."""
    what = f"{error.what} ({error.context})" if error.context else error.what
    place = _place(loc[:-1] if error.slug in {"missing-key", "unknown-key"} else loc)
    if error.slug in {"wrong-kind", "unknown-word"}:
        what = f"{place or 'the file'} {what}"
    elif place:
        what = f"{place}: {what}"
    return InputError(error.slug, what, context=context, hint=error.hint)


def _place(loc: Loc) -> str:
    """The path to a value as people write it, counting from one."""
    text = ""
    for part in loc:
        if isinstance(part, int):
            text += f"[{part + 1}]"
        elif part != "[key]":
            text += f".{part}" if re.fullmatch(r"[\w-]+", part) else f'."{part}"'
    return text.removeprefix(".")
