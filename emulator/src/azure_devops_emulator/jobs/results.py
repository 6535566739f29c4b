"""Results of steps and jobs, and which of two wins.

Source of the rules: agent source TaskResultUtil.cs.
"""

from enum import IntEnum


class TaskResult(IntEnum):
    """The results of a step, in the agent's order."""

    SUCCEEDED = 0
    SUCCEEDED_WITH_ISSUES = 1
    FAILED = 2
    CANCELED = 3
    SKIPPED = 4
    ABANDONED = 5

    @property
    def text(self) -> str:
        """The word that logs, variables and `task.complete` use."""
        return _WORDS[self]


_WORDS = {
    TaskResult.SUCCEEDED: "Succeeded",
    TaskResult.SUCCEEDED_WITH_ISSUES: "SucceededWithIssues",
    TaskResult.FAILED: "Failed",
    TaskResult.CANCELED: "Canceled",
    TaskResult.SKIPPED: "Skipped",
    TaskResult.ABANDONED: "Abandoned",
}
_RESULTS = {word: result for result, word in _WORDS.items()}


def from_word(word: str) -> TaskResult | None:
    """The result a word stands for, or None; case counts."""
    return _RESULTS.get(word)


def merge(current: TaskResult | None, coming: TaskResult) -> TaskResult:
    """The worse of the two; a result beyond Failed stays once it is there."""
    if current is None:
        return coming
    return current if current > TaskResult.FAILED else max(current, coming)
