import pytest
from hypothesis import given
from hypothesis import strategies as st

from azure_devops_emulator.errors import InputError
from azure_devops_emulator.jobs.expressions import Context, EvaluationError, read

VARIABLES = {
    "agent.jobstatus": "Succeeded",
    "color": "Red",
    "Build.Reason": "Manual",
    "number": "3",
    "empty": "",
}


def evaluate(text: str, status: str = "Succeeded") -> bool:
    """Evaluate a condition with the variables above."""
    variables = {**VARIABLES, "agent.jobstatus": status}
    return read(text).evaluate(Context(variables.get))


@pytest.mark.parametrize(
    ("text", "true_for"),
    [
        ("", {"Succeeded", "SucceededWithIssues"}),
        ("succeeded()", {"Succeeded", "SucceededWithIssues"}),
        ("failed()", {"Failed"}),
        ("succeededOrFailed()", {"Succeeded", "SucceededWithIssues", "Failed"}),
        ("always()", {"Succeeded", "SucceededWithIssues", "Failed", "Canceled"}),
        ("canceled()", {"Canceled"}),
    ],
)
def test_status_functions(text: str, true_for: set[str]) -> None:
    statuses = ("Succeeded", "SucceededWithIssues", "Failed", "Canceled")
    assert {status for status in statuses if evaluate(text, status)} == true_for


@pytest.mark.parametrize(
    "text",
    [
        "eq(variables['color'], 'red')",
        "eq(variables.color, 'RED')",
        "eq(variables['Build.Reason'], 'Manual')",
        "EQ('it''s', 'IT''S')",
        "and(succeeded(), ne(variables['color'], 'blue'))",
        "or(false, always())",
        "not(failed())",
        "xor(true, '')",
        "in(variables.color, 'blue', 'red')",
        "notIn('a', 'b', 'c')",
        "startsWith('PipAuthenticate', 'pip')",
        "endsWith('PipAuthenticate', 'ATE')",
        "contains('abc', 'B')",
        "eq(coalesce(variables.missing, variables.empty, 'last'), 'last')",
        "ge(3, variables.number)",
        "lt(2, '3')",
        "le(-1.5, 0x10)",
        "gt(1.2.10, '1.2.9')",
        "eq(variables.missing, '')",
        "eq(variables.missing, null)",
        "eq(true, 1)",
        "eq(1, true)",
        "eq('3', 3)",
        "eq('1.5', 1.5)",
        "eq('1.2.3', 1.2.3)",
        "ne(1, 'x')",
        "ne(1.2.3, 'x')",
        "ne(1, 1.2.3)",
        "eq(1.2.3, 1.2.3)",
        "eq(0, ' ')",
        "eq(lower('AB'), upper('ab'))",
        "contains('1.2.3.4', 1.2.3)",
        "contains('x12', 12)",
        "startsWith(true, 'TR')",
        "endsWith('x1.5', 1.5)",
        "'text'",
        "1",
    ],
)
def test_true(text: str) -> None:
    assert evaluate(text)


@pytest.mark.parametrize(
    "text", ["false", "null", "0", "''", "eq('a', 'b')", "gt('a', 'b')", "and(true, false)", "eq(1, 'one')"]
)
def test_false(text: str) -> None:
    assert not evaluate(text)


@pytest.mark.parametrize("text", ["gt(1, 'x')", "le(1.2.3, 'x')", "lt(1, 1.2.3)"])
def test_what_cannot_be_compared(text: str) -> None:
    with pytest.raises(EvaluationError):
        evaluate(text)


def test_the_rest_is_not_evaluated_once_the_answer_is_known() -> None:
    assert evaluate("or(true, gt(1, 'x'))")
    assert not evaluate("and(false, gt(1, 'x'))")


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("succeeded('job')", "succeeded"),
        ("eq(1)", "eq"),
        ("and(true)", "and"),
        ("counter('a', 1)", "counter"),
        ("dependencies.job.result", "dependencies"),
        ("eq(1, 2", "ends"),
        ("eq(1, 2) true", "unexpected true"),
        ("eq(1 2)", "expected"),
        ("variables", "ends"),
        ("variables(1)", "variables"),
        ("variables[1]", "variables['name']"),
        ("variables['a'", "ends"),
        ("variables['a')", "expected ]"),
        ("eq(1, $)", "character"),
        ("$[1]", "character 1"),
        ("1.2.3.4.5", "character"),
        (")", "not supported"),
    ],
)
def test_refuses_by_name(text: str, named: str) -> None:
    with pytest.raises(InputError, match="condition") as caught:
        read(text)
    assert named in str(caught.value)


@given(st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        expression = read(text)
    except InputError:
        return
    try:
        expression.evaluate(Context(VARIABLES.get))
    except EvaluationError:
        return


@given(st.text())
def test_a_quoted_text_is_itself(text: str) -> None:
    quoted = text.replace("'", "''")
    assert evaluate(f"eq('{quoted}', variables.x)") is (text == "")
    assert read(f"eq(variables.x, '{quoted}')").evaluate(Context({"x": text}.get))
