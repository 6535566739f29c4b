import pytest

from azure_devops_emulator.jobs.restrictions import (
    Restrictions,
    first_denial,
    first_variable_denial,
    matches,
)


@pytest.mark.parametrize(
    ("pattern", "fits", "fits_not"),
    [
        ("PIP_INDEX_URL", ["pip_index_url"], ["PIP_INDEX_URLS"]),
        ("PIP_*", ["PIP_", "pip_x"], ["PI", "xPIP_"]),
        ("*", ["anything"], [".hidden", "a/b"]),
        ("?b", ["ab"], ["b", "abb", ".b"]),
        ("[ab]c", ["ac", "BC"], ["cc"]),
        ("[!ab]c", ["cc"], ["ac"]),
        ("{PIP,UV}_INDEX{,_URL}", ["uv_index", "PIP_INDEX_URL"], ["PIP_INDEX_"]),
        ("!PATH", ["other"], ["path"]),
        ("!!PATH", ["path"], ["other"]),
        ("#PATH", [], ["#PATH", "PATH"]),
        ("a.b[", ["a.b["], ["aXb["]),
    ],
)
def test_patterns(pattern: str, fits: list[str], fits_not: list[str]) -> None:
    assert [name for name in fits if not matches(pattern, name)] == []
    assert [name for name in fits_not if matches(pattern, name)] == []


def test_only_the_word_restricted_has_an_effect() -> None:
    assert Restrictions("any").allow_command("artifact", "upload")
    assert Restrictions("").allow_command("artifact", "upload")
    restricted = Restrictions("Restricted")
    assert restricted.allow_command("TASK", "SetVariable")
    assert restricted.allow_command("telemetry", "publish")
    assert not restricted.allow_command("task", "setendpoint")
    assert not restricted.allow_command("task", "uploadfile")


def test_an_absent_list_allows_all_and_an_empty_one_nothing() -> None:
    assert Restrictions().allow_variable("X")
    assert not Restrictions(settable_variables=()).allow_variable("X")


def test_all_must_allow() -> None:
    loose = Restrictions(settable_variables=("*",), origin="one")
    strict = Restrictions("restricted", ("PIP_*",), origin="two")
    assert first_denial([loose, strict], "task", "setendpoint") is strict
    assert first_denial([loose], "task", "setendpoint") is None
    assert first_variable_denial([loose, strict], "PATH") is strict
    assert first_variable_denial([loose, strict], "PIP_X") is None
