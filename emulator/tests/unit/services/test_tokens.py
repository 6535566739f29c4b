"""JSON Web Tokens: only the own ones count, for whom and as long as they are meant."""

import base64
import json
import time

import jwt
import pytest
from pydantic import SecretStr

from azure_devops_emulator.services.tokens import Claims, Signer, read


def claims(**changes: object) -> Claims:
    now = int(time.time())
    return {"sub": "somebody", "aud": "us", "iss": "me", "nbf": now, "exp": now + 60, **changes}


def encoded(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def verified(signer: Signer, token: SecretStr) -> Claims:
    return signer.verify(token, audience="us", issuer="me")


def test_a_signer_knows_its_own_tokens() -> None:
    signer, own = Signer(), claims()
    token = signer.sign(own)
    assert verified(signer, token) == read(token) == own
    with pytest.raises(jwt.InvalidSignatureError):
        verified(Signer(), token)


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"aud": "them"}, jwt.InvalidAudienceError),
        ({"iss": "you"}, jwt.InvalidIssuerError),
        ({"exp": int(time.time()) - 1}, jwt.ExpiredSignatureError),
        ({"nbf": int(time.time()) + 86_400}, jwt.ImmatureSignatureError),
    ],
)
def test_a_token_is_for_somebody_from_somebody_at_some_time(
    changes: dict[str, object], error: type[jwt.InvalidTokenError]
) -> None:
    signer = Signer()
    with pytest.raises(error):
        verified(signer, signer.sign(claims(**changes)))


def test_a_token_without_an_end_is_not_taken() -> None:
    signer = Signer()
    endless = {name: value for name, value in claims().items() if name != "exp"}
    with pytest.raises(jwt.MissingRequiredClaimError):
        verified(signer, signer.sign(endless))


def test_what_was_changed_is_not_its_own_any_more() -> None:
    signer = Signer()
    head, payload, signature = signer.sign(claims()).get_secret_value().split(".")
    other = encoded(claims(sub="another"))
    none = encoded({"typ": "JWT", "alg": "none"})
    for forged in (
        f"{head}.{other}.{signature}",
        f"{none}.{payload}.",
        f"{none}.{payload}.{signature}",
        f"{head}.{payload}.",
        f"{head}.{payload}",
        f"{head}.{payload}.{signature}é",
    ):
        with pytest.raises(jwt.InvalidTokenError):
            verified(signer, SecretStr(forged))


@pytest.mark.parametrize(
    "text", ["", "a", "a.b", "a.b.c", "a.é.c", f"a.{encoded([1])}.c", "a.!!!!.c", "....."]
)
def test_what_is_no_token_has_no_claims(text: str) -> None:
    assert read(SecretStr(text)) is None
    with pytest.raises(jwt.InvalidTokenError):
        verified(Signer(), SecretStr(text))


def test_claims_too_deep_to_read_are_no_token() -> None:
    deep = base64.urlsafe_b64encode(b"[" * 100_000).rstrip(b"=").decode()
    head = encoded({"typ": "JWT", "alg": "HS256"})
    assert read(SecretStr(f"{head}.{deep}.c")) is None
