"""What a step names that this task does not know, or that pip knows under another name."""

from collections.abc import Iterator
from difflib import get_close_matches

from pip_authenticate.settings import INPUTS, Settings

_NAMED_INPUTS = 10
# Inputs of PipAuthenticate@0 and of its neighbours, upper-case, and what they are called here.
_OTHER_NAMES = {
    "FEEDLIST": "artifactFeeds",
    "ARTIFACTFEED": "artifactFeeds",
    "VSTSFEED": "artifactFeeds",
    "EXTERNALFEEDS": "pythonDownloadServiceConnections",
    "EXTERNALSOURCES": "pythonDownloadServiceConnections",
    "EXTERNALFEED": "pythonDownloadServiceConnections",
    "PYTHONUPLOADSERVICECONNECTION": "pythonDownloadServiceConnections",
    "AZUREDEVOPSSERVICECONNECTION": "workloadIdentityServiceConnection",
}


def about(given: Settings) -> Iterator[str]:
    """Warnings about inputs that have no effect."""
    if given.feed_urls and given.federation is None:
        yield "feedUrl is ignored: it needs workloadIdentityServiceConnection beside it."
    known = {item.name.upper(): item.name for item in INPUTS}
    for name in given.unknown_inputs[:_NAMED_INPUTS]:
        yield f"This task has no input {name[:80]}; it is ignored. {_suggestion(name[:80], known)}"
    more = len(given.unknown_inputs) - _NAMED_INPUTS
    if more > 0:
        yield f"{more} more inputs are none of this task's; they are ignored."
    yield from _aliases(given)


def _aliases(given: Settings) -> Iterator[str]:
    """Warnings about variables by which pip is told of indexes under another name."""
    for name in given.aliases[:_NAMED_INPUTS]:
        yield (
            f"pip takes {name} for an index, too, beside or in the place of what this task sets; "
            "it was not set by this task and stays. Empty the variable if that is not meant."
        )


def _suggestion(name: str, known: dict[str, str]) -> str:
    other = _OTHER_NAMES.get(name) or known[get_close_matches(name, known, n=1, cutoff=0)[0]]
    return f"Did you mean {other}?"
