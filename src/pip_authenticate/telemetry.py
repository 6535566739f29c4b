"""Counts and ids that the task sends, as the built-in one does; the agent drops them where a task may not."""

import json
from collections.abc import Mapping

from pip_authenticate.logging_commands import AzurePipelines
from pip_authenticate.settings import Settings

_SINCE = (2, 120, 0)
"""The first version of an agent that takes them."""


def report(counts: Mapping[str, int], given: Settings, output: AzurePipelines) -> None:
    """Send the numbers of indexes by source, with the ids of the job, to an agent that takes them."""
    if _version(given.agent_version) >= _SINCE:
        numbers = {f"{name}FeedAuthCount": count for name, count in counts.items()}
        publish("Packaging", "PipAuthenticateV1", {**given.telemetry, **numbers}, output)


def publish(area: str, feature: str, data: Mapping[str, object], output: AzurePipelines) -> None:
    """Send data under the names of an area and of a feature in it; no secret passes."""
    clean = {name: output.clean(item) if isinstance(item, str) else item for name, item in data.items()}
    output.send("telemetry.publish", {"area": area, "feature": feature}, json.dumps(clean))


def _version(text: str) -> tuple[int, ...]:
    """A version's numbers; anything unreadable counts as older than all."""
    parts = text.partition("-")[0].split(".")
    readable = all(part.isascii() and part.isdecimal() and len(part) < 10 for part in parts)
    return tuple(int(part) for part in parts) if readable else ()
