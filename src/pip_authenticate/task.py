"""The edge to Azure Pipelines: runs the use case once and reports how it went."""

import signal
import sys
import warnings
from collections.abc import Iterator
from types import TracebackType

from pip_authenticate import authenticate, delivery, settings, told_secrets
from pip_authenticate.clients import pip
from pip_authenticate.deadline import Deadline
from pip_authenticate.errors import OutputLost
from pip_authenticate.logging_commands import AzurePipelines, harmless
from pip_authenticate.outputs.stream import Stream

OUTPUT_FAILED = 3
"""Exit code of a run whose commands did not reach the agent whole; python.js ends it."""
_STANDARD_OUTPUT = 1


def main() -> int:
    """Do the task. Whatever happens is reported by logging commands; nothing is raised.

    The environment is read as azure-pipelines-agent gives it, and lines go to standard output.

    Returns:
        The exit code: 0 unless the report itself could not be written.
    """
    deadline = Deadline()
    for number in (signal.SIGINT, signal.SIGTERM):  # the agent cancels with one, then the other
        signal.signal(number, lambda _number, _frame: deadline.cancel())
    sys.excepthook = _last_resort
    sys.unraisablehook = lambda _: None  # what it would print quotes texts from outside
    warnings.simplefilter("ignore")  # they are for developers, and the agent reads them
    given = settings.load((), variables_of=authenticate.variables_of, is_alias=pip.is_alias)
    output = AzurePipelines(
        Stream(_STANDARD_OUTPUT).write, os=given.agent_os, secret_variables=given.secret_variables
    )
    try:
        counts = _run(given, output, deadline)
        if given.agent_version:
            from pip_authenticate import telemetry  # noqa: PLC0415 - the first agents take none

            telemetry.report(counts, given, output)
    except OutputLost:
        return OUTPUT_FAILED
    for number in (signal.SIGINT, signal.SIGTERM):  # all is said, and nothing may contradict it
        signal.signal(number, signal.SIG_IGN)
    return 0


def _run(given: settings.Settings, output: AzurePipelines, deadline: Deadline) -> dict[str, int]:
    """Do the task and report how it went; the numbers of indexes by source."""
    counts = dict.fromkeys(("Internal", "External", "Federated"), 0)
    try:
        output.register(told_secrets.of(given))
        for text in (*_about_inputs(given), *_cautions(given)):
            output.warning(text)
        found = authenticate.resolve(given, deadline, output.debug, output.register)
        deadline.check()
        delivery.deliver(found, given, output)
        counts |= found.counts
        if counts["Federated"]:
            output.line("Successfully added auth for feed URL.")
        if not counts["Federated"] or counts["Internal"] or counts["External"]:
            output.line(
                f"Successfully added auth for {counts['Internal']} internal feeds "
                f"and {counts['External']} external endpoint."
            )
    except OutputLost:
        raise
    except Exception as error:  # noqa: BLE001 - the edge: a defect must not pass for success
        delivery.erase(given, output)
        from pip_authenticate import failures  # noqa: PLC0415 - most runs succeed

        failures.tell(error, output)
    return counts


def _last_resort(kind: type[BaseException], error: BaseException, _trace: TracebackType | None) -> None:
    """Say where the task broke, without a word from outside: the agent reads this stream, too."""
    from pip_authenticate.failures import places  # noqa: PLC0415 - as above

    sys.stderr.write(harmless(f"{kind.__name__} {' '.join(places(error))}") + "\n")


def _about_inputs(given: settings.Settings) -> Iterator[str]:
    """Warnings about inputs and variables that a step hardly means; most steps give no cause."""
    if given.unknown_inputs or given.aliases or (given.feed_urls and given.federation is None):
        from pip_authenticate import odd_inputs  # noqa: PLC0415

        yield from odd_inputs.about(given)


def _cautions(given: settings.Settings) -> Iterator[str]:
    """Warnings about what an earlier step can have set; most agents set nothing of it."""
    proxy, certificates = given.proxy, given.certificates
    if proxy.url or proxy.https or proxy.http or certificates.unchecked or certificates.extra_authorities:
        from pip_authenticate import cautions  # noqa: PLC0415

        yield from cautions.of(given)
