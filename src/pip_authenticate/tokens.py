"""What a token says about itself: the claims of a JSON Web Token (RFC 7519), unchecked."""

import time
from typing import TYPE_CHECKING

from pip_authenticate.secret import Secret

if TYPE_CHECKING:
    from datetime import datetime


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


def ends(token: Secret, known: "datetime | None") -> "datetime | None":
    """When a credential ends: what is known, else what a token says of itself; None where nobody does."""
    from datetime import datetime, timezone  # noqa: PLC0415 - few runs ask

    end = claims(token).get("exp")
    if known or not isinstance(end, int):
        return known
    try:
        return datetime.fromtimestamp(end, timezone.utc)
    except (ValueError, OverflowError, OSError):
        return None
