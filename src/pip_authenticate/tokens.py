"""What a token says about itself: the claims of a JSON Web Token (RFC 7519), unchecked."""

import time
from typing import TYPE_CHECKING

from pip_authenticate.secret import Secret

if TYPE_CHECKING:
    from datetime import datetime
    from typing import TypeGuard

_LONGEST_TIME = 11
"""Digits of a time in seconds; more are some other number."""


def claims(secret: Secret) -> dict[str, object]:
    """The claims of a token; empty where it is no JSON Web Token."""
    parts = secret.reveal().split(".")
    if len(parts) != 3:
        return {}
    import json  # noqa: PLC0415 - many a credential is no such token
    from base64 import urlsafe_b64decode  # noqa: PLC0415

    try:
        value = json.loads(urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def scopes(secret: Secret) -> list[str]:
    """The scopes that a token names; empty where it names none."""
    scope = claims(secret).get("scp")
    return scope.split() if isinstance(scope, str) else []


def is_past(secret: Secret) -> bool:
    """Whether a token says that its time is over."""
    end = claims(secret).get("exp")
    return isinstance(end, int) and end < time.time()


def is_token(value: object) -> "TypeGuard[str]":
    """Whether a part of an answer can be a token that headers and URLs carry."""
    return isinstance(value, str) and bool(value) and value.isascii() and value.isprintable()


def ends(token: Secret, known: "datetime | None") -> "datetime | None":
    """When a credential ends: what is known, else what a token says of itself; None where nobody does."""
    return known or from_seconds(claims(token).get("exp"))


def from_seconds(end: object) -> "datetime | None":
    """A point in time that is written in seconds since 1970; None for anything else."""
    from datetime import datetime, timezone  # noqa: PLC0415 - few runs ask

    digits = str(end)
    if isinstance(end, bool) or not digits.isdecimal() or len(digits) > _LONGEST_TIME:
        return None
    return datetime.fromtimestamp(int(digits), timezone.utc)


def from_text(text: object) -> "datetime | None":
    """A point in time that is written as in ISO 8601, with its zone; None for anything else."""
    from datetime import datetime  # noqa: PLC0415 - as above

    try:
        found = datetime.fromisoformat(str(text).replace("Z", "+00:00")[:32])
    except ValueError:
        return None
    return found if found.tzinfo else None
