"""The edge to Azure Pipelines: runs the use case once and reports how it went."""

import signal
import sys
from collections.abc import Callable, Iterator
from types import FrameType
from typing import NoReturn

from pip_authenticate import authenticate, settings
from pip_authenticate.clients import pip
from pip_authenticate.errors import PipAuthenticateError, each
from pip_authenticate.outputs.azure_pipelines import AzurePipelines

FAILED = "Failed to add authentication."
_TELEMETRY_SINCE = (2, 120, 0)


def main() -> None:
    """Do the task. Whatever happens is reported by logging commands; nothing is raised.

    The environment is read as azure-pipelines-agent gives it, and lines go to standard output.
    """
    sys.stdout.reconfigure(encoding="utf-8", errors="surrogateescape", newline="\n")  # type: ignore[union-attr]
    given = settings.load(pip.VARIABLES)
    output = AzurePipelines(
        lambda line: sys.stdout.write(line + "\n"),
        decodes_percents=given.decodes_percents,
        os=given.agent_os,
        secret_variables=given.secret_variables,
    )
    counts = dict.fromkeys(("Internal", "External", "Federated"), 0)
    _on_interrupt(_interrupt)
    try:
        output.register(authenticate.secrets(given))
        _warn_of_inputs(given, output)
        found = authenticate.resolve(given, output.debug, output.register)
        _on_interrupt(_ignore)  # what follows takes no time, and must not be done by half
        authenticate.deliver(found, given, output)
        counts |= found.counts
        if counts["Federated"]:
            output.line("Successfully added auth for feed URL.")
        if not counts["Federated"] or counts["Internal"] or counts["External"]:
            output.line(
                f"Successfully added auth for {counts['Internal']} internal feeds "
                f"and {counts['External']} external endpoint."
            )
    except PipAuthenticateError as error:
        authenticate.erase(given, output)
        for slug, text in dict.fromkeys((single.slug, str(single)) for single in each(error)):
            output.debug(f"error {slug}")
            output.error(text)
        output.complete("Failed", FAILED)
    except KeyboardInterrupt:
        output.fresh_line()
        authenticate.erase(given, output)
        output.complete("Canceled", "Cancelled.")
    except Exception as error:  # noqa: BLE001 - the edge: a defect must not pass for success
        authenticate.erase(given, output)
        for place in _places(error):
            output.debug(place)
        output.error(
            f"A defect in this task, not in your pipeline: {type(error).__name__}. Please report it."
        )
        output.complete("Failed", FAILED)
    if _version(given.agent_version) >= _TELEMETRY_SINCE:
        numbers = {f"{name}FeedAuthCount": count for name, count in counts.items()}
        output.telemetry("Packaging", "PipAuthenticateV1", {**given.telemetry, **numbers})
    sys.stdout.flush()


def _on_interrupt(action: Callable[[int, FrameType | None], object]) -> None:
    """Choose what happens when the agent cancels the job: first it interrupts, then it terminates."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, action)


def _interrupt(_signal: int, _frame: FrameType | None) -> NoReturn:
    _on_interrupt(_ignore)  # once is enough
    raise KeyboardInterrupt


def _ignore(_signal: int, _frame: FrameType | None) -> None:
    """Do nothing. SIG_IGN would make Python complain of a signal that had already come."""


def _places(error: BaseException) -> Iterator[str]:
    """Where an exception came from; its message is left out, since it may hold anything."""
    frame = error.__traceback__
    while frame:
        code = frame.tb_frame.f_code
        yield f"{code.co_filename}:{frame.tb_lineno} in {code.co_name}"
        frame = frame.tb_next


def _warn_of_inputs(given: settings.Settings, output: AzurePipelines) -> None:
    if given.feed_urls and given.federation is None:
        output.warning("feedUrl is ignored: it needs workloadIdentityServiceConnection beside it.")
    known = {item.name.upper(): item.name for item in settings.INPUTS}
    for name in given.unknown_inputs:
        from difflib import get_close_matches  # noqa: PLC0415 - only a misspelling needs it

        near = get_close_matches(name, known, n=1, cutoff=0)[0]
        output.warning(f"This task has no input {name}; it is ignored. Did you mean {known[near]}?")


def _version(text: str) -> tuple[int, ...]:
    """A version's numbers; anything unreadable counts as older than all."""
    parts = text.partition("-")[0].split(".")
    readable = all(part.isascii() and part.isdecimal() and len(part) < 10 for part in parts)
    return tuple(int(part) for part in parts) if readable else ()
