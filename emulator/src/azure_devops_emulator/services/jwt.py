"""JSON Web Tokens (RFC 7519) that one object signs and checks, as JSON Web Signatures (RFC 7515).

The real services sign with RS256, so that others can check. Here issuer and checker are the same process
and keys never leave it: HS256 (RFC 7518, section 3.2) proves as much and needs nothing but the standard
library. No key is told to anybody, and no other algorithm is accepted.
"""

import base64
import binascii
import hashlib
import hmac
import json
import secrets
from collections.abc import Mapping

from azure_devops_emulator.secret import Secret

_HEADER = {"typ": "JWT", "alg": "HS256"}
Claims = Mapping[str, object]


class Signer:
    """Signs claims, and knows its own tokens again."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)

    def sign(self, claims: Claims) -> Secret:
        """A token with these claims."""
        head = f"{_encode(json.dumps(_HEADER).encode())}.{_encode(json.dumps(claims).encode())}"
        return Secret(f"{head}.{self._signature(head)}")

    def verify(self, token: Secret) -> Claims | None:
        """The claims of a token, expired or not; None where this object did not sign it as it is."""
        head, _, signature = token.reveal().rpartition(".")
        if not hmac.compare_digest(self._signature(head).encode(), signature.encode()):
            return None
        return read(token)

    def _signature(self, head: str) -> str:
        return _encode(hmac.digest(self._key, head.encode(), hashlib.sha256))


def read(token: Secret) -> Claims | None:
    """The claims of a token, unchecked; None where it is no token at all."""
    parts = token.reveal().split(".")
    if len(parts) != 3:
        return None
    try:
        padded = parts[1] + "=" * (-len(parts[1]) % 4)
        claims = json.loads(base64.urlsafe_b64decode(padded))
    except (ValueError, binascii.Error, RecursionError):
        return None
    return claims if isinstance(claims, dict) else None


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
