"""JSON Web Tokens (RFC 7519) as anybody may read them: the signature is never looked at."""

import base64
import json
from collections.abc import Mapping
from typing import Any


def claims(text: str) -> dict[str, Any] | None:
    """What a token says; None for a text that is no token."""
    try:
        _, body, _ = text.split(".")
        found = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def token(said: Mapping[str, object]) -> str:
    """A token that says this, signed by nobody."""
    parts = ({"typ": "JWT", "alg": "HS256"}, said)
    encoded = [base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts]
    return ".".join([*encoded, "c2lnbmF0dXJl"])
