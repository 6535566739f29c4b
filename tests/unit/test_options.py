"""What can be set for the command, and which of several places counts."""

from pathlib import Path
from typing import Any

import pytest

from pip_authenticate import command_line, options
from pip_authenticate.errors import InputError


def origin(
    name: str,
    said: dict[str, list[str]] | None = None,
    environ: dict[str, str] | None = None,
    *files: tuple[str, dict[str, Any]],
) -> tuple[object, str]:
    """An option's value, and where it came from."""
    return chosen(said, environ, *files)[name][:2]


def chosen(
    said: dict[str, list[str]] | None = None,
    environ: dict[str, str] | None = None,
    *files: tuple[str, dict[str, Any]],
) -> dict[str, options.Given]:
    return options.chosen(said or {}, environ or {}, list(files))


def test_an_option_comes_before_a_variable_before_files_before_the_default() -> None:
    said, environ = {"organization": ["a"]}, {"PIP_AUTHENTICATE_ORGANIZATION": "b"}
    project, own = ("p.toml", {"organization": "c"}), ("o.toml", {"organization": "d"})
    assert origin("organization", said, environ, project, own) == ("a", "--organization")
    assert origin("organization", {}, environ, project, own) == ("b", "PIP_AUTHENTICATE_ORGANIZATION")
    assert origin("verify", {}, {}, ("p.toml", {"verify": "fail"}), ("o.toml", {"verify": "off"})) == (
        "fail",
        "verify in p.toml",
    )
    for owners, first, second in (("via", "env", "files"), ("guard", False, True)):
        value, place = origin(owners, {}, {}, ("p.toml", {owners: second}), ("o.toml", {owners: first}))
        assert (value, place) == (first, f"{owners} in o.toml")
    assert origin("organization", {}, {}, own) == ("d", "organization in o.toml")
    assert origin("organization") == ("", "default")


def test_who_a_token_is_for_is_said_by_its_owner_first() -> None:
    project, own = ("p.toml", {"organization": "c"}), ("o.toml", {"organization": "d"})
    assert origin("organization", {}, {}, project, own) == ("d", "organization in o.toml")
    assert origin("organization", {}, {}, project) == ("c", "organization in p.toml")


@pytest.mark.parametrize(
    ("name", "texts", "value"),
    [
        ("client", ["pip", "PIP , pip"], ("pip",)),
        ("indexes", ["https://a.example/, https://b.example/"], ("https://a.example/", "https://b.example/")),
        ("publish", ["true"], True),
        ("publish", ["0"], False),
        ("timeout", ["1.5"], 1.5),
        ("via", ["ENV"], "env"),
        ("output", ["sh", "json"], "json"),
    ],
)
def test_texts_become_values(name: str, texts: list[str], value: object) -> None:
    assert chosen({name: texts})[name].value == value


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("client", "pp"), ("credential", "x"), ("output", "shh"), ("via", "air"), ("timeout", "0"),
        ("timeout", "x"), ("timeout", "nan"), ("timeout", "1e9"), ("publish", "perhaps"),
    ],
)  # fmt: skip
def test_what_is_no_value_is_refused_with_its_place(name: str, text: str) -> None:
    with pytest.raises(InputError) as refused:
        chosen({name: [text]})
    assert refused.value.what.startswith(f"--{name} ")


def test_a_misspelling_gets_a_suggestion() -> None:
    with pytest.raises(InputError) as refused:
        chosen({"output": ["githup"]})
    assert "github" in refused.value.hint


def test_a_file_may_not_say_where_the_token_is() -> None:
    assert chosen({}, {}, ("p.toml", {"token-file": "/etc/passwd"}))["token-file"].value == ""
    assert "token-file" in options.unknown_keys([("p.toml", {"token-file": "x"})])[0]


def test_keys_of_another_shape_are_refused() -> None:
    for value in ({"a": 1}, [["x"]], None):
        with pytest.raises(InputError):
            chosen({}, {}, ("p.toml", {"client": value}))
    with pytest.raises(InputError):
        chosen({}, {}, ("p.toml", {"organization": ["a", "b"]}))


def test_every_option_has_its_place_in_the_help() -> None:
    shown = command_line.parser("config", "y", "z").format_help()
    names = [option.name for option in options.OPTIONS]
    variables = [option.variable for option in options.OPTIONS]
    assert all(f"--{name}" in shown for name in names)
    assert len(set(names)) == len(set(variables)) == len(options.OPTIONS)


@pytest.mark.parametrize(
    "text",
    [
        '[project]\norganization = 1\n\n[tool.pip-authenticate]\n# a comment\n"organization" = "x"\n',
        '\n\n\n\n\norganization="x"\n',
    ],
)
def test_a_value_of_a_file_is_told_with_its_line(tmp_path: Path, text: str) -> None:
    path = tmp_path / "file.toml"
    path.write_text(text)
    given = origin("organization", {}, {}, (str(path), {"organization": "x"}))
    assert given == ("x", f"organization in {path}:6")
