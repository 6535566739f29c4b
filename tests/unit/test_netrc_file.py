"""What stands in a netrc file, and what stays of the user's own."""

import os
import string
from pathlib import Path

import pytest

from pip_authenticate import netrc_file, text_files
from pip_authenticate.errors import DeliveryError
from pip_authenticate.index import AuthenticatedIndex, Credential, IndexUrl
from pip_authenticate.secret import Secret
from support import nasty

OWN = Secret("machine own.example login me password mine\n")


def index(host: str, secret: str = "s", user: str = "u") -> AuthenticatedIndex:
    url = IndexUrl.parse(f"https://{host}/simple/")[0]
    return AuthenticatedIndex(url, Credential(user, Secret(secret)), f"feed {host}")


def text(*indexes: AuthenticatedIndex, own: str = "") -> str:
    return netrc_file.of(list(indexes), Secret(own)).content.reveal()


ENTRY = "machine a.example login u password s\n"


B, C = "machine b.example login x password y", "machine c.example password z"
MACRO = "macdef m\nmachine a.example\n\n"
TRAP = 'machine c.example password "a b machine a.example"\n'


@pytest.mark.parametrize(
    ("own", "kept"),
    [
        ("", ""),
        (B, f"{B}\n"),
        ("machine a.example login x password y\n", ""),
        ("machine A.Example\n  login x\n  password y\n", ""),
        ('machine "a.example" login x password y\n', ""),
        (f"machine a.example login x password y {C}\n", f"{C}\n"),
        (f"{C} machine a.example login x password y\n", f"{C} \n"),
        ("machine a.example password y\ndefault login x password y\n", "default login x password y\n"),
        ("machine b.example login machine password default\n",) * 2,
        (f"machine a.example\nlogin x\n{MACRO}{C}\n", f"{MACRO}{C}\n"),
        (f"# machine a.example\n{C}\n",) * 2,
        (TRAP, TRAP),
    ],
)
def test_own_entries_stay_but_for_the_hosts_of_the_indexes(own: str, kept: str) -> None:
    assert text(index("a.example"), own=own) == ENTRY + kept


@pytest.mark.parametrize("own", ["nonsense\n", "machine b.example login x password y z\n", "{json: 1}"])
def test_an_own_file_that_readers_differ_on_is_refused_without_being_shown(own: str) -> None:
    with pytest.raises(DeliveryError) as refused:
        text(index("a.example"), own=f"{own} canary")
    assert refused.value.slug == "netrc-unreadable"
    assert "canary" not in str(refused.value)


@pytest.mark.parametrize("char", [" ", '"', "\\", "#", "\n", "\0", "ü", "\x7f", "\u2028"])
def test_what_readers_differ_on_is_refused_without_being_shown(char: str) -> None:
    for one in (index("a.example", f"canary{char}x"), index("a.example", "s", f"canary{char}x")):
        with pytest.raises(DeliveryError) as refused:
            text(one)
        assert refused.value.slug == "netrc-unfit"
        assert "canary" not in str(refused.value)


def test_all_other_printable_characters_are_taken() -> None:
    taken = set(string.ascii_letters + string.digits + string.punctuation) - set('"\\#')
    assert set(nasty.TOKEN) >= set(string.punctuation) - set("\"\\#'")
    assert "".join(sorted(taken)) in text(index("a.example", "".join(sorted(taken))))


def test_one_host_has_one_entry() -> None:
    assert text(index("a.example"), index("A.example:8443")) == ENTRY


def test_the_users_own_file_is_read_with_a_bound(tmp_path: Path) -> None:
    file = tmp_path / ".netrc"
    assert netrc_file.text_of(str(file)) == Secret("")
    assert netrc_file.text_of("\0") == Secret("")
    assert netrc_file.text_of(str(tmp_path)) == Secret("")
    os.mkfifo(tmp_path / "pipe")
    assert netrc_file.text_of(str(tmp_path / "pipe")) == Secret(""), "nobody is waited for"
    file.write_bytes(b"machine \xff\n")
    assert netrc_file.text_of(str(file)).reveal().encode("utf-8", "surrogateescape") == b"machine \xff\n"
    file.write_bytes(b" " * (text_files.LONGEST + 1))
    with pytest.raises(DeliveryError):
        netrc_file.text_of(str(file))
