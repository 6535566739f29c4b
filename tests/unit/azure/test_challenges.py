import pytest
from hypothesis import given
from hypothesis import strategies as st

from pip_authenticate.azure.challenges import schemes

TOKENS = st.text("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-", min_size=1)
QUOTED = st.text(st.characters(min_codepoint=32, max_codepoint=126)).map(
    lambda text: '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
)
PARAMETERS = st.lists(
    st.tuples(TOKENS, st.sampled_from(["=", " = "]), QUOTED | TOKENS).map("".join), max_size=3
)
CHALLENGES = st.tuples(TOKENS, PARAMETERS)


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("", []),
        ("Basic", ["basic"]),
        ('Basic realm="https://pkgsprodcus1.pkgs.visualstudio.com/"', ["basic"]),
        (
            'Bearer authorization_uri=https://login.test/1, Basic realm="a, Negotiate b", TFS-Federated',
            ["bearer", "basic", "tfs-federated"],
        ),
        ("Negotiate, NTLM TlRMTVNTUAAC==", ["negotiate", "ntlm"]),
        ('Basic realm = "x", charset="UTF-8"', ["basic"]),
        ('Basic realm="never closed, Bearer', ["basic"]),
        (",,  , Basic ,", ["basic"]),
    ],
)
def test_schemes(header: str, expected: list[str]) -> None:
    assert schemes(header) == expected


@given(st.lists(CHALLENGES, max_size=4))
def test_whatever_the_parameters_hold_the_schemes_are_found(challenges: list[tuple[str, list[str]]]) -> None:
    header = ", ".join(f"{scheme} {', '.join(parameters)}".strip() for scheme, parameters in challenges)
    assert schemes(header) == list(dict.fromkeys(scheme.lower() for scheme, _ in challenges))


@given(st.text())
def test_any_text_is_read_without_an_exception(header: str) -> None:
    assert all(scheme and scheme == scheme.lower() for scheme in schemes(header))
