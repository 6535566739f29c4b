"""How a run that failed is told to an agent, and where an exception came from."""

from collections.abc import Iterator

from pip_authenticate.errors import Cancelled, PipAuthenticateError, each
from pip_authenticate.logging_commands import AzurePipelines

FAILED = "Failed to add authentication."


def tell(error: Exception, output: AzurePipelines) -> None:
    """Print what happened, and end the task so."""
    if isinstance(error, Cancelled):
        output.complete("Canceled", "Cancelled.")
        return
    if isinstance(error, PipAuthenticateError):
        for slug, text in dict.fromkeys((single.slug, str(single)) for single in each(error)):
            output.debug(f"error {slug}")
            output.error(text)
    else:
        for place in places(error):
            output.debug(place)
        output.error(
            f"A defect in this task, not in your pipeline: {type(error).__name__}. Please report it."
        )
    output.complete("Failed", FAILED)


def places(error: BaseException) -> Iterator[str]:
    """Where an exception came from; its message is left out, since it may hold anything."""
    frame = error.__traceback__
    while frame:
        code = frame.tb_frame.f_code
        yield f"{code.co_filename}:{frame.tb_lineno} in {code.co_name}"
        frame = frame.tb_next
