"""JSON Web Tokens (RFC 7519) that one object signs and checks.

The real services sign with RS256, so that others can check. Here issuer and checker are the same process
and keys never leave it: HS256 proves as much. No key is told to anybody, and no other algorithm is accepted.
"""

import secrets
from collections.abc import Mapping

import jwt
from pydantic import SecretStr

Claims = Mapping[str, object]
_ALGORITHM = "HS256"


class Signer:
    """Signs claims, and knows its own tokens again."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)

    def sign(self, claims: Claims) -> SecretStr:
        """A token with these claims."""
        return SecretStr(jwt.encode(dict(claims), self._key, algorithm=_ALGORITHM))

    def verify(self, token: SecretStr, *, audience: str, issuer: str) -> Claims:
        """The claims of a token that this object signed as it is; there is one clock, so no leeway.

        Raises:
            jwt.InvalidTokenError: it did not (InvalidSignatureError and others), the token is not for this
                audience or from this issuer, or it is not valid yet or any more.
        """
        claims: Claims = jwt.decode(
            token.get_secret_value(),
            self._key,
            [_ALGORITHM],
            {"require": ["exp"]},
            audience=audience,
            issuer=issuer,
            leeway=0,
        )
        return claims


def read(token: SecretStr) -> Claims | None:
    """The claims of a token, unchecked; None where it is no token at all."""
    try:
        claims: Claims = jwt.decode(token.get_secret_value(), options={"verify_signature": False})
    except (jwt.InvalidTokenError, RecursionError):
        return None
    return claims
