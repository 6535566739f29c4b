"""The host that gets the credential is the host that pip asks."""

from hypothesis import given
from hypothesis import strategies as st
from pip._vendor import idna

from pip_authenticate.errors import InputError
from pip_authenticate.index import IndexUrl

LETTERS = st.one_of(
    st.characters(categories=["Lu", "Ll", "Lo", "Lm", "Mn", "Nd"]),
    st.sampled_from(
        "\u00df\u03c2\u200c\u200d\u1e9e\u0130\u0131\u017f\u2126\u212a\uff41\u3002\u2603\u00b7\u0660\u06f0"
    ),
    st.sampled_from("abcxyz0129-."),
)
NAMES = st.text(LETTERS, min_size=1, max_size=8).map(lambda text: f"{text}.example")


@given(NAMES)
def test_a_name_is_refused_or_written_as_pip_writes_it(name: str) -> None:
    try:
        url, _ = IndexUrl.parse(f"https://{name}/simple/")
    except InputError:
        return
    if name.isascii():
        return
    try:  # as requests, which pip carries, does: models.py, PreparedRequest._get_idna_encoded_host
        asked = idna.encode(name, uts46=True).decode("ascii")
    except idna.IDNAError:  # pip asks nobody
        return
    assert url.origin.host == asked.lower()
