import pytest

from azure_devops_emulator.jobs.results import TaskResult, from_word, merge

S, ISSUES, F, C, K = (
    TaskResult.SUCCEEDED,
    TaskResult.SUCCEEDED_WITH_ISSUES,
    TaskResult.FAILED,
    TaskResult.CANCELED,
    TaskResult.SKIPPED,
)


@pytest.mark.parametrize(
    ("current", "coming", "merged"),
    [
        (None, S, S),
        (S, ISSUES, ISSUES),
        (ISSUES, S, ISSUES),
        (F, S, F),
        (S, F, F),
        (F, C, C),
        (C, F, C),
        (C, K, C),
        (K, S, K),
    ],
)
def test_the_worse_one_wins_and_one_beyond_failed_stays(
    current: TaskResult | None, coming: TaskResult, merged: TaskResult
) -> None:
    assert merge(current, coming) is merged


def test_words() -> None:
    assert {from_word(result.text) for result in TaskResult} == set(TaskResult)
    assert from_word("Cancelled") is None
    assert from_word("succeeded") is None
