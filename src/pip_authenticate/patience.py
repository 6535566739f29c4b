"""How long a request is tried again: after faults a few times, for a busy service until the deadline."""

import time
from collections.abc import Callable
from random import random

from pip_authenticate.deadline import Deadline
from pip_authenticate.errors import ServiceError

ATTEMPTS = 5
DEACTIVATED = "TF24668"
"""What Azure DevOps writes into the reason of a 503 that stays: the organisation is deactivated."""
_RETRIED_STATUSES = frozenset({408, 429, 500, 502, 503, 504})
# A fault of these kinds may be gone a moment later.
_PASSING_FAULTS = frozenset({"connection-failed", "no-answer", "broken-answer"})
_TRY_SECONDS = 1.0
"""What a wait must leave until the deadline."""
# The span of waits for a busy service: seconds for each attempt so far, but at most a share of what is left.
# With these, of 120 jobs that share five requests a second, forty at once, none ran out of time.
_SPAN_SECONDS, _SPAN_SHARE, _SHORTEST_SPAN = 4.0, 0.3, 0.5


class Patience:
    """Waits between the tries of one request.

    Args:
        deadline: the end of the run.
        log: takes one line for people who debug.
    """

    def __init__(self, deadline: Deadline, log: Callable[[str], None]) -> None:
        self._deadline = deadline
        self._log = log
        self._attempt = 0

    def outlasts(self, fault: ServiceError, shown: str) -> bool:
        """Wait after a fault; whether another try may help.

        Args:
            fault: what went wrong.
            shown: the request, for the log.

        Raises:
            ServiceError: enough was tried.
        """
        self._attempt += 1
        if fault.slug not in _PASSING_FAULTS:
            return False
        self._log(f"{shown}: {fault.what} (try {self._attempt} of {ATTEMPTS})")
        if self._attempt >= ATTEMPTS or not self._wait(_backoff(self._attempt)):
            raise ServiceError(
                fault.slug, fault.what, context=f"{self._attempt} tries", hint=fault.hint
            ) from None
        return True

    def returns(self, status: int, reason: str, retry_after: str, host: str) -> bool:
        """Wait after an answer; whether to ask once more.

        Args:
            status: of the answer.
            reason: its reason phrase.
            retry_after: its header of that name, or empty.
            host: whose answer it is.
        """
        self._attempt += 1
        asked = _retry_after(retry_after)
        if status not in _RETRIED_STATUSES or DEACTIVATED in reason:
            if asked is not None:
                self._log(f"{host} is slowing requests down: Retry-After {asked:.0f} s")
            return False
        if asked is None:
            return self._attempt < ATTEMPTS and self._wait(_backoff(self._attempt))
        return self._wait(self._return_after(asked))

    def _return_after(self, seconds: float) -> float:
        """When to come back to a service that says when: later than that, by chance.

        Jobs that were refused together must not return together. The span over which they do grows with
        the attempts, so that a busy service is asked less; and it shrinks as the time runs out, so that
        those who have waited for long come before newcomers.
        """
        left = self._deadline.remaining
        refusals = self._attempt if seconds else self._attempt - 1  # "now" is taken at its word once
        span = min(_SPAN_SECONDS * refusals, _SPAN_SHARE * left * self._deadline.share)
        later = seconds + max(span, _SHORTEST_SPAN) * random()  # noqa: S311 - jitter is no secret
        last = left - _TRY_SECONDS - random()  # noqa: S311
        return later if later <= last else max(seconds, last)

    def _wait(self, seconds: float) -> bool:
        """Sleep, unless the deadline leaves no time for a try after that."""
        if seconds + _TRY_SECONDS > self._deadline.remaining:
            return False
        self._deadline.sleep(seconds)
        return True


def _backoff(attempt: int) -> float:
    """Seconds to wait after a try: doubling from half a second, half of it random."""
    return 0.25 * (1 << attempt) * (0.5 + 0.5 * random())  # noqa: S311 - jitter is no secret


def _retry_after(value: str) -> float | None:
    """The seconds of a Retry-After header (RFC 9110, section 10.2.3), or None where it says none."""
    value = value.strip()
    if not value:
        return None
    if value.isdecimal() and len(value) < 10:
        return float(value)
    from email.utils import parsedate_to_datetime  # noqa: PLC0415 - a rare form

    try:
        return max(parsedate_to_datetime(value).timestamp() - time.time(), 0.0)
    except (ValueError, OverflowError):
        return None
