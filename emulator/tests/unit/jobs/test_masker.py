import base64
import json
import re
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from azure_devops_emulator.jobs.masker import Masker, is_secret_parameter
from emulator_support.agent import DATA

TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)
URLS = [
    line.removeprefix("re ").split(" -> ")
    for line in (DATA / "agent-vectors.txt").read_text(encoding="utf-8").splitlines()
    if line.startswith("re ")
]


@pytest.mark.parametrize(("shown", "masked"), URLS)
def test_masks_passwords_in_urls_as_the_agent_does(shown: str, masked: str) -> None:
    assert Masker().mask(shown) == masked


@given(secret=TEXT, before=st.text(), after=st.text())
def test_a_registered_value_never_shows(secret: str, before: str, after: str) -> None:
    masker = Masker()
    masker.add(secret)
    masked = masker.mask(before + secret + after)
    assert secret not in masked.split("***") or secret in "***"
    assert "***" in masked


@given(TEXT.filter(lambda text: not set(text) & set("\x85\u2028\u2029")))
def test_its_encoded_forms_do_not_show_either(secret: str) -> None:
    masker = Masker()
    masker.add(secret)
    for form in (json.dumps(secret, ensure_ascii=False)[1:-1], quote(secret, safe="")):
        assert masker.mask(form) == "***"


@given(text=st.text(), secrets=st.lists(TEXT))
def test_what_is_not_masked_stays_as_it_was(text: str, secrets: list[str]) -> None:
    masker = Masker()
    for secret in secrets:
        masker.add(secret)
    masked = masker.mask(text)
    pattern = ".*".join(re.escape(piece) for piece in masked.split("***"))
    assert re.fullmatch(pattern, text, re.DOTALL)


def test_without_secrets_and_urls_a_text_stays() -> None:
    assert Masker().mask("nothing: to@hide") == "nothing: to@hide"


def test_hits_that_touch_become_one() -> None:
    masker = Masker()
    masker.add("abc")
    masker.add("cde")
    masker.add("xy")
    assert masker.mask("1abcde2 abcxy abc xy") == "1***2 *** *** ***"


def test_overlapping_repetitions_are_all_found() -> None:
    masker = Masker()
    masker.add("aba")
    assert masker.mask("ababa!") == "***!"


def test_an_empty_value_is_ignored() -> None:
    masker = Masker()
    masker.add("")
    masker.add_job_variable(" ")
    assert masker.mask("a b") == "a b"


@pytest.mark.parametrize(
    ("secret", "form"),
    [
        (r"a\\b", r"a\b"),
        (r"a\'b", "a'b"),
        (r"a\tb", "a\tb"),
        ("a\x85b", r"a\u0085b"),
        ("a/b ü", "a%2Fb%20%C3%BC"),
    ],
)
def test_forms_that_every_secret_gets(secret: str, form: str) -> None:
    masker = Masker()
    masker.add(secret)
    assert masker.mask(f"<{form}>") == "<***>"


@pytest.mark.parametrize("form", ["'%AZP25x%0A'", "'%x\n'", base64.b64encode(b"'%x\n'").decode(), "%x\n"])
def test_forms_that_only_a_variable_of_the_job_gets(form: str) -> None:
    masker = Masker()
    masker.add_job_variable("'%x\n'")
    assert "***" in masker.mask(f"<{form}>")
    plain = Masker()
    plain.add("'%x\n'")
    assert ("***" in plain.mask(f"<{form}>")) == (form == "'%x\n'")


def test_the_encoded_user_and_password_of_basic_authentication_is_not_known() -> None:
    masker = Masker()
    masker.add("password")
    assert base64.b64encode(b"user:password").decode() in masker.mask(
        base64.b64encode(b"user:password").decode()
    )


def test_a_secret_of_several_lines_matches_only_as_a_whole() -> None:
    masker = Masker()
    masker.add("first\nsecond")
    assert masker.mask("first") == "first"
    assert masker.mask("first\nsecond") == "***"


@pytest.mark.parametrize(
    ("name", "secret"),
    [("apitoken", True), ("username", True), ("AccessToken", True), ("Scope", False), ("TENANTID", False)],
)
def test_which_parameters_are_secrets(name: str, secret: bool) -> None:  # noqa: FBT001 - a row of a table
    assert is_secret_parameter(name) is secret
