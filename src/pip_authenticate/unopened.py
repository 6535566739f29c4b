"""What a person must know of indexes that a project names and that get no credential."""

from collections.abc import Iterator

from pip_authenticate.azure.forms import identity
from pip_authenticate.errors import PipAuthenticateError
from pip_authenticate.index import AuthenticatedIndex, Index, IndexUrl
from pip_authenticate.run import Run

_SHOWN = 10
"""Most indexes that one warning names."""


def why(indexes: list[Index], error: PipAuthenticateError) -> str:
    """What several indexes that nobody asked for lack."""
    return f"No credential for {', '.join(index.source for index in indexes[:_SHOWN])}: {error}"


def warnings(run: Run, indexes: list[AuthenticatedIndex]) -> Iterator[str]:
    """Warnings about names that mean several indexes, and about those that nobody has a credential for.

    Args:
        run: has looked at the project.
        indexes: those that have a credential.
    """
    several = run.project.ambiguous
    if several:  # no credential is given by such a name
        shown = [f"{one.name} ({one.place}: {one.url})" for one in several[:_SHOWN]]
        yield (
            f"These names mean, or become, one, and stand for different indexes: {', '.join(shown)}. "
            "No credential is given by such a name. Rename all but one."
        )
    known = {identity(url) for url in (*(one.url for one in indexes), *(one.url for one in run.left_out))}
    left = [
        f"{mention.name} ({mention.place})"
        for mention in run.project.mentions
        if mention.name and identity(mention.url) not in known
    ]
    if left:
        yield (
            f"No credential is given to {', '.join(dict.fromkeys(left[:_SHOWN]))}: neither a feed of Azure "
            "Artifacts nor listed as one of your indexes. That is right for public ones."
        )


def strangers(run: Run, indexes: list[AuthenticatedIndex]) -> list[IndexUrl]:
    """Addresses that the project names, and that get no credential."""
    known = {identity(index.url) for index in indexes}
    return [mention.url for mention in run.project.mentions if identity(mention.url) not in known]
