import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from azure_devops_emulator.jobs.masker import Masker
from azure_devops_emulator.jobs.names import Names, environment_name, fold
from azure_devops_emulator.jobs.variables import Variables, expand_macros
from emulator_support.agent import DATA

GOLDEN = (DATA / "agent-vectors.txt").read_text(encoding="utf-8").splitlines()


def section(title: str) -> list[str]:
    """The indented lines below a title of the golden file."""
    start = next(number for number, line in enumerate(GOLDEN) if line.startswith(f"# {title}"))
    lines: list[str] = []
    for line in GOLDEN[start + 1 :]:
        if not line.startswith("   "):
            break
        lines.append(line.strip())
    return lines


def seen(variables: Variables) -> set[str]:
    """The variables as the golden file writes them."""
    return {f'public {one.name}="{one.value}"' for one in variables.public} | {
        f'SECRET {one.name}="{one.value}"' for one in variables.secrets
    }


@pytest.mark.parametrize(
    ("title", "given_variables"),
    [
        ("setvar with defined macro", {"PIP_INDEX_URL": "https://b:a$(Build.BuildId)b@h/"}),
        ("setvar with undefined macro", {"PIP_INDEX_URL": "https://b:a$(nope)b@h/"}),
        ("setvar with secret macro", {"PIP_INDEX_URL": "https://b:a$(sec)b@h/"}),
        ("self reference", {"PIP_INDEX_URL": "x$(PIP_INDEX_URL)y"}),
        ("nested", {"A": "$(B)", "B": "<$(Build.BuildId)>"}),
        ("overlap", {"C": "$($(A))", "A": "Build.BuildId"}),
        ("empty", {"E": ""}),
        ("was secret", {"SEC": "now public?"}),
        ("no recalculation", {}),
    ],
)
def test_expands_and_keeps_secrets_as_the_agent_does(title: str, given_variables: dict[str, str]) -> None:
    masker = Masker()
    variables = Variables(masker)
    variables.set("Build.BuildId", "5")
    variables.set("sec", "s3cr3t", secret=True)
    for name, value in given_variables.items():
        variables.set(name, value)
    warnings = variables.recalculate()
    expected = section(title)
    assert seen(variables) == {line for line in expected if not line.startswith("masked:")}
    assert bool(warnings) == ("Cyclical" in next(line for line in GOLDEN if line.startswith(f"# {title}")))
    for secret in (line.split(": ", 1)[1] for line in expected if line.startswith("masked: ")):
        assert masker.mask(json.loads(secret)) == "***"


def test_replaces_macros_in_inputs_in_two_passes() -> None:
    variables = Names([("v", "$(HOME)"), ("Build.BuildId", "5"), ("sec", "s3cr3t"), ("A", "q"), ("E", "xp")])
    first = expand_macros("$(v)-$(Build.BuildId)", variables.get)
    assert f'i1="{first}"' in section("inputs pass 1")
    assert f'i1="{expand_macros(first, {"HOME": "/root"}.get)}"' in section("inputs pass 2")
    second = expand_macros("$(undefined) $(SEC) $(sec)", variables.get)
    assert f'i2="{second}"' in section("inputs pass 1")
    assert f'i3="{expand_macros("$($(A))", variables.get)}"' in section("inputs pass 1")
    assert f'i4="{expand_macros("$()$(e)q", variables.get)}"' in section("inputs pass 1")
    assert f'i5="{expand_macros("$( Q )", variables.get)}"' in section("inputs pass 1")


def test_converts_names_as_the_agent_does() -> None:
    rows = [line for line in GOLDEN if line.startswith("env(")]
    assert rows
    for row in rows:
        name, _, forms = row.removeprefix("env(").partition(")=")
        upper, _, preserved = forms.partition(" preserve=")
        assert environment_name(name) == upper
        assert environment_name(name, preserve_case=True) == preserved


@pytest.mark.parametrize("text", ["$(", "a$(b", "$", "$()", "", "$(a$(b"])
def test_what_is_no_macro_stays(text: str) -> None:
    assert expand_macros(text, {"a": "x", "b": "y"}.get) == text


@given(st.text(), st.text())
def test_what_a_macro_put_in_is_not_looked_at_again(before: str, value: str) -> None:
    before = before.replace("$", "")
    assert expand_macros(f"{before}$(a)", {"a": f"$(a){value}"}.get) == f"{before}$(a){value}"


@given(st.dictionaries(st.sampled_from("abcde"), st.text(st.sampled_from("ab$()"), max_size=9)))
def test_expansion_ends_and_repeats_itself(values: dict[str, str]) -> None:
    variables = Variables(Masker())
    for name, value in values.items():
        variables.set(name, value)
    variables.recalculate()
    once = seen(variables)
    variables.recalculate()
    assert seen(variables) == once


def test_a_chain_may_be_fifty_levels_deep_and_no_deeper() -> None:
    variables = Variables(Masker())
    for number in range(51):
        variables.set(f"v{number}", f"$(v{number + 1})")
    variables.set("v51", "end")
    warnings = variables.recalculate()
    assert len(warnings) == 2
    assert variables.get("v1") == "$(v2)"
    assert variables.get("v2") == "end"


def test_once_secret_always_secret() -> None:
    variables = Variables(Masker())
    variables.set("name", "hidden", secret=True)
    variables.set("NAME", "open")
    assert variables.is_secret("name")
    assert [one.name for one in variables.secrets] == ["NAME"]


def test_a_secret_shows_neither_in_its_representation() -> None:
    variables = Variables(Masker())
    variables.set("name", "hidden", secret=True)
    variables.set("other", "open")
    assert "hidden" not in repr(variables.secrets)
    assert "open" in repr(variables.public)


def test_a_scope_ends() -> None:
    variables = Variables(Masker())
    with variables.scope({"task.displayname": "x"}):
        assert variables.get("TASK.DisplayName") == "x"
    assert variables.get("task.displayname") is None


def test_read_only_names() -> None:
    variables = Variables(Masker())
    variables.set("mine", "x", read_only=True)
    variables.set("other", "x")
    assert variables.is_read_only("MINE")
    assert variables.is_read_only("Agent.ProxyUrl")
    assert not variables.is_read_only("other")
    assert not variables.is_read_only("PIP_INDEX_URL")


def test_names_ignore_case_and_keep_the_first_spelling() -> None:
    names = Names([("Variable", 1)])
    names["VARIABLE"] = 2
    assert dict(names) == {"Variable": 2}
    assert repr(names) == "Names(['Variable'])"
    del names["variable"]
    assert not names
    assert fold("straße") == "STRAßE"
