"""JSON Web Tokens: only the own ones count."""

import base64
import json

import pytest

from azure_devops_emulator.secret import Secret
from azure_devops_emulator.services.jwt import Signer, read

CLAIMS = {"sub": "somebody", "exp": 5}


def encoded(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def test_a_signer_knows_its_own_tokens() -> None:
    signer = Signer()
    token = signer.sign(CLAIMS)
    assert signer.verify(token) == read(token) == CLAIMS
    assert Signer().verify(token) is None


def test_what_was_changed_is_not_its_own_any_more() -> None:
    signer = Signer()
    head, claims, signature = signer.sign(CLAIMS).reveal().split(".")
    other = encoded({**CLAIMS, "sub": "another"})
    none = encoded({"typ": "JWT", "alg": "none"})
    for forged in (
        f"{head}.{other}.{signature}",
        f"{none}.{claims}.",
        f"{none}.{claims}.{signature}",
        f"{head}.{claims}.",
        f"{head}.{claims}",
        f"{head}.{claims}.{signature}é",
    ):
        assert signer.verify(Secret(forged)) is None


@pytest.mark.parametrize(
    "text", ["", "a", "a.b", "a.b.c", "a.é.c", f"a.{encoded([1])}.c", "a.!!!!.c", "....."]
)
def test_what_is_no_token_has_no_claims(text: str) -> None:
    assert read(Secret(text)) is None
    assert Signer().verify(Secret(text)) is None
