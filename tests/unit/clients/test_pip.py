"""What pip reads."""

from pip_authenticate.client_settings import Wish
from pip_authenticate.clients import pip
from pip_authenticate.index import AuthenticatedIndex, Credential, IndexUrl
from pip_authenticate.secret import Secret


def index(url: str, secret: str = "s", source: str = "feed x") -> AuthenticatedIndex:
    return AuthenticatedIndex(IndexUrl.parse(url)[0], Credential("u", Secret(secret)), source)


A, B, C = (index(f"https://{name}.example/simple") for name in "abc")


def values(*indexes: AuthenticatedIndex, wish: Wish) -> dict[str, str]:
    told = pip.settings_for(list(indexes), wish)
    return {variable.name: variable.value.reveal() for variable in told.variables}


def test_the_first_index_is_primary_and_the_others_are_extra() -> None:
    assert values(A, B, C, wish=Wish()) == {
        "PIP_INDEX_URL": "https://u:s@a.example/simple",
        "PIP_EXTRA_INDEX_URL": "https://u:s@b.example/simple https://u:s@c.example/simple",
    }


def test_all_are_extra_on_request() -> None:
    assert list(values(A, B, wish=Wish(only_extra=True))) == ["PIP_EXTRA_INDEX_URL"]


def test_by_files_no_variable_holds_a_credential() -> None:
    told = pip.settings_for([A, B], Wish(by_files=True))
    assert not any(variable.is_secret for variable in told.variables)
    assert values(A, B, wish=Wish(by_files=True))["PIP_INDEX_URL"] == "https://a.example/simple"
    (file,) = told.files
    assert file.variables == ("NETRC",)
    assert (
        file.content.reveal()
        == "machine a.example login u password s\nmachine b.example login u password s\n"
    )


def test_a_credential_that_pip_cannot_send_is_told_once_with_its_sources() -> None:
    one, two, other = (
        index("https://a.example/simple", "€", "feed a"),
        index("https://b.example/simple", "€", "feed b"),
        index("https://c.example/simple", "üß", "feed c"),
    )
    (warning,) = pip.settings_for([one, two, other], Wish()).warnings
    assert "The credential of feed a, feed b holds a character that pip cannot send" in warning


def found(index: AuthenticatedIndex, *names: str) -> AuthenticatedIndex:
    return index._replace(is_asked_for=False, names=tuple(("pip", name) for name in names))


def test_an_index_that_pip_knows_keeps_its_place() -> None:
    primary, extra = found(B, "index-url"), found(A, "extra-index-url")
    assert values(extra, primary, wish=Wish()) == {
        "PIP_INDEX_URL": "https://u:s@b.example/simple",
        "PIP_EXTRA_INDEX_URL": "https://u:s@a.example/simple",
    }
    assert list(values(extra, wish=Wish())) == ["PIP_EXTRA_INDEX_URL"]
    assert values(extra, primary, wish=Wish(by_files=True)) == {}
    (file,) = pip.settings_for([extra, primary], Wish(by_files=True)).files
    assert file.content.reveal().count("machine") == 2


def test_an_index_of_another_client_is_none_of_pips() -> None:
    others = A._replace(is_asked_for=False, names=(("uv", "ours"),))
    assert values(others, wish=Wish()) == {}


def test_what_is_asked_for_comes_before_what_is_known() -> None:
    assert values(found(A, "index-url"), B, wish=Wish()) == {
        "PIP_INDEX_URL": "https://u:s@b.example/simple",
        "PIP_EXTRA_INDEX_URL": "https://u:s@a.example/simple",
    }
