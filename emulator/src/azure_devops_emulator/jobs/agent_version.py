"""Versions of the agent, and what a task notices of them.

Source of the rules: agent sources Command.cs and CommandStringConvertor.cs, and the release notes of
agent 2.182.1. Every 2.x agent undoes `%3B`, `%0D`, `%0A` and `%5D`, in upper case only; what differs is
the percent sign itself.
"""

import re
from typing import NamedTuple

from azure_devops_emulator.errors import InputError


class AgentVersion(NamedTuple):
    """A version of the agent; compares as versions do."""

    major: int
    minor: int
    patch: int

    @classmethod
    def parse(cls, text: str) -> "AgentVersion":
        """Read `MAJOR.MINOR.PATCH`.

        Raises:
            InputError: another form.
        """
        match = re.fullmatch(r"(\d{1,4})\.(\d{1,4})\.(\d{1,4})", text, re.ASCII)
        if match is None:
            raise InputError(
                "agent-version",
                f"{text!r} is not a version of the agent",
                hint="Write MAJOR.MINOR.PATCH, for example 2.144.0.",
            )
        return cls(*map(int, match.groups()))

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}.{self.patch}"

    @property
    def knows_percent_escape(self) -> bool:
        """Whether `%AZP25` may stand for a percent sign, where the knob DECODE_PERCENTS says so."""
        return self >= (2, 182, 1)

    @property
    def decodes_percents(self) -> bool:
        """What the knob DECODE_PERCENTS is when nobody sets it."""
        return self >= (2, 184, 0)


NEWEST = AgentVersion(4, 260, 0)
"""The version that an agent has unless told otherwise."""
