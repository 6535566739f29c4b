"""Indexes and credentials."""

import pytest

from pip_authenticate.errors import InputError
from pip_authenticate.index import Credential, IndexUrl
from pip_authenticate.origin import Origin, is_loopback
from pip_authenticate.secret import Secret


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("https://h.example/simple", "https://h.example/simple"),
        ("HTTPS://H.Example/Simple", "https://h.example/Simple"),
        ("http://h.example:80/", "http://h.example/"),
        ("https://h.example:443/", "https://h.example/"),
        ("https://h.example:8443/simple", "https://h.example:8443/simple"),
        ("https://h.example:/simple", "https://h.example/simple"),
        ("https://h.example", "https://h.example/"),
        ("https://h.example.", "https://h.example./"),
        ("https://my_host/simple", "https://my_host/simple"),
        ("https://[2001:DB8::1]:8443/simple", "https://[2001:db8::1]:8443/simple"),
        ("https://[::1]/", "https://[::1]/"),
        ("https://fa\u00df.example/simple/", "https://xn--fa-hia.example/simple/"),
        ("https://FA\u1e9e.example/", "https://xn--fa-hia.example/"),
        ("https://\uff48\u3002example/", "https://h.example/"),
        ("https://bücher.example/simple", "https://xn--bcher-kva.example/simple"),
        ("https://h.example/a%20b%2Fc", "https://h.example/a%20b%2Fc"),
        ("https://h.example/größe/€", "https://h.example/gr%C3%B6%C3%9Fe/%E2%82%AC"),
        ("https://h.example/$(Build.BuildId)", "https://h.example/%24(Build.BuildId)"),
        ("https://h.example/x;y]z%3B%5D%0A", "https://h.example/x;y]z%3b%5d%0a"),
        ("https://h.example/My Project/a%20b", "https://h.example/My%20Project/a%20b"),
        ("https://h.example/100%/%zz/%4", "https://h.example/100%25/%25zz/%254"),
        ("https://h.example/feed@view/simple/", "https://h.example/feed@view/simple/"),
        ('https://h.example/"<>^`{|}', "https://h.example/%22%3C%3E%5E%60%7B%7C%7D"),
        ("  https://h.example/x  ", "https://h.example/x"),
        ("https://h.example//double//", "https://h.example//double//"),
        ("https://user@h.example/x", "https://h.example/x"),
        ("https://us:er@ho:pa@h.example/x", "https://h.example/x"),
    ],
)
def test_a_url_is_read_and_shown_without_userinfo(text: str, shown: str) -> None:
    url, _ = IndexUrl.parse(text)
    assert str(url) == shown
    assert shown in repr(url)
    assert str(IndexUrl.parse(shown)[0]) == shown


@pytest.mark.parametrize(
    "text",
    [
        "",
        "h.example/simple",
        "//h.example/simple",
        "/simple",
        "ftp://h.example/",
        "file:///etc/passwd",
        "git+https://h.example/",
        "javascript:alert(1)",
        "https:h.example",
        "https://",
        "https:///simple",
        "https://user:canary@/",
        "https://h.example:port/",
        "https://h.example:99999/",
        "https://h.example:-1/",
        "https://h.example:0/",
        "https://[::1/",
        "https://[::g]/",
        "https://[v1.x]/",
        "https://[fe80::1%25eth0]/",
        "https://[fe80::1%$(Build.BuildId)]/",
        "https://a b.example/",
        "https://user:pa ss@h.example/",
        "https://h.example/a\u00a0b",
        "https://a\u200db.example/",
        "https://a\u200cb.example/",
        "https://\u2603.example/",
        "https://a\\b.example/",
        "https://h.example\\@evil.example/",
        "https://h.example/a\tb",
        "https://h.example/a\nb",
        "https://h.example/\x00",
        "https://h.example/\x7f",
        "https://h.example/\u2028",
        "https://h.example/\u202e",
        "https://h.example/\ud800",
        "https://h.example/?token=canary",
        "https://h.example/#canary",
        "https://-h.example/",
        "https://h$(x).example/",
        "https://h%41.example/",
        "https://h'.example/",
        "https://" + "ü" * 70 + ".example/",
        "https://\u2100.example/",
    ],
)
def test_what_is_no_index_url_is_refused_without_being_quoted(text: str) -> None:
    with pytest.raises(InputError) as refused:
        IndexUrl.parse(text)
    assert "canary" not in str(refused.value)
    assert refused.value.__suppress_context__ or refused.value.__context__ is None


@pytest.mark.parametrize(
    ("text", "password"),
    [
        ("https://u:p@h/", "p"),
        ("https://u:p%40%24@h/", "p@$"),
        ("https://u:p@ss@h/", "p@ss"),
        ("https://:p@h/", "p"),
        ("https://u:@h/", None),
        ("https://u@h/", None),
        ("https://h/", None),
    ],
)
def test_a_password_in_a_url_is_handed_out_apart(text: str, password: str | None) -> None:
    _, secret = IndexUrl.parse(text)
    assert (secret.reveal() if secret else None) == password


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("https://h.example/simple", "https://H.example:443/simple/"),
        ("https://h.example/a@b", "https://h.example/a%40b"),
        ("https://h.example", "https://h.example/"),
    ],
)
def test_two_spellings_of_one_index_have_one_key(one: str, other: str) -> None:
    assert IndexUrl.parse(one)[0].key == IndexUrl.parse(other)[0].key


@pytest.mark.parametrize(
    "other",
    [
        "http://h.example/simple",
        "https://h.example:8443/simple",
        "https://h.example/Simple",
        "https://h.example/simple2",
        "https://i.example/simple",
    ],
)
def test_other_indexes_have_other_keys(other: str) -> None:
    assert IndexUrl.parse("https://h.example/simple")[0].key != IndexUrl.parse(other)[0].key


@pytest.mark.parametrize("host", ["localhost", "localhost.", "127.0.0.1", "127.9.9.9", "::1"])
def test_this_machine_is_known_by_its_names(host: str) -> None:
    assert is_loopback(host)
    assert Origin("http", host, 80).is_loopback


@pytest.mark.parametrize(
    "host",
    ["localhost.example", "127.0.0.1.example", "10.0.0.1", "0.0.0.0", "::", "128.0.0.1", "2130706433", ""],
)
def test_nothing_else_is_this_machine(host: str) -> None:
    assert not is_loopback(host)


def test_a_credential_has_its_spellings() -> None:
    credential = Credential("üser", Secret("p:%"))
    assert credential.userinfo.reveal() == "%C3%BCser:p%3A%25"
    assert credential.basic.reveal() == "w7xzZXI6cDol"
    assert credential.authorization.reveal() == "Basic w7xzZXI6cDol"
    assert credential.authorization_of_pip.reveal() == "Basic /HNlcjpwOiU="
    assert [spelling.reveal() for spelling in credential.spellings] == [
        *("p:%", "p%3A%25", "w7xzZXI6cDol"),
        "/HNlcjpwOiU=",
    ]


def test_what_latin_1_lacks_is_sent_in_utf_8() -> None:
    credential = Credential("u", Secret("π"))
    assert credential.authorization_of_pip == credential.authorization
    assert len(credential.spellings) == 3


def test_a_url_takes_up_a_credential() -> None:
    url, _ = IndexUrl.parse("https://[::1]:8443/simple/")
    assert (
        url.with_credential(Credential("u@x", Secret("p/"))).reveal()
        == "https://u%40x:p%2F@[::1]:8443/simple/"
    )


def test_bytes_that_are_no_text_keep_their_value() -> None:
    password = b"p\xff\x80".decode("utf-8", "surrogateescape")
    assert Credential("u", Secret(password)).userinfo.reveal() == "u:p%FF%80"
    assert Credential("u", Secret(password)).basic.reveal() == "dTpw/4A="


@pytest.mark.parametrize(
    ("text", "is_latin"), [("ascii", True), ("üß\xff", True), ("€", False), ("😀", False)]
)
def test_of_a_credential_it_is_known_whether_it_is_latin_1(text: str, is_latin: bool) -> None:  # noqa: FBT001
    assert Credential("u", Secret(text)).is_latin is is_latin
    assert Credential(text, Secret("s")).is_latin is is_latin
