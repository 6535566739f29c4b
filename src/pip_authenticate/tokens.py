"""What a token says about itself: the claims of a JSON Web Token (RFC 7519), unchecked."""

import json
import time
from base64 import urlsafe_b64decode

from pip_authenticate.secret import Secret


def claims(secret: Secret) -> dict[str, object]:
    """The claims of a token; empty where it is no JSON Web Token."""
    parts = secret.reveal().split(".")
    if len(parts) != 3:
        return {}
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
