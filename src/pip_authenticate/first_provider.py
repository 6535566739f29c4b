"""Asks one provider after the other, in the order of the run, until each index has a credential."""

import time
from collections.abc import Callable, Iterator
from typing import NamedTuple, Protocol, TypeAlias

from pip_authenticate.errors import Faults, InputError, NotHere, PipAuthenticateError, each
from pip_authenticate.index import Index
from pip_authenticate.run import Outcome, Run

Ask: TypeAlias = Callable[[list[Index], str], dict[int, Outcome]]
"""What the provider of a name says of indexes, by the index's identity as an object."""


class FreeProvider(Protocol):
    """What the module of a provider looks like, beside what all have, that opens indexes which name none.

    Its `open_all` gives a NotHere for an index that its credential is not for, and raises one where there is
    none after all: then the next provider is asked.
    """

    def absent(self, run: Run) -> str:
        """Why there can be no such credential here, as far as that is seen without asking anybody."""


class Tried(NamedTuple):
    """A provider that was asked for a credential.

    Args:
        provider: its name.
        reason: why it has none; empty where it gave one.
        seconds: how long it took to say so.
    """

    provider: str
    reason: str
    seconds: float


def outcomes(
    indexes: list[Index], run: Run, provider: Callable[[str], FreeProvider], ask: Ask
) -> dict[int, Outcome]:
    """What the first provider of the run's order says of each index that has a credential for it.

    One that is here but broken is the last that is asked: a later one would be somebody else.

    Args:
        indexes: those that name no provider.
        run: the run.
        provider: the module of a name.
        ask: asks the provider of a name.

    Raises:
        PipAuthenticateError: no index has got a credential.
    """
    found, left = dict[int, Outcome](), indexes
    reasons, tried = dict[int, list[str]](), list[Tried]()
    try:
        for name in run.settings.credentials:
            run.transport.deadline.check()
            started, why = time.monotonic(), ""
            try:
                answers, why = _answers(name, left, run, provider(name), ask)
            except PipAuthenticateError as error:
                why = f"is broken: {error.what}"
                raise
            finally:
                tried.append(Tried(name, why, time.monotonic() - started))
            found |= {key: one for key, one in answers.items() if not isinstance(one, NotHere)}
            left = [index for index in left if id(index) not in found]
            for index in left:
                said = answers.get(id(index))
                reason = said.what if isinstance(said, NotHere) else why
                reasons.setdefault(id(index), []).append(f"{name}: {reason}")
            if not left:
                break
    except PipAuthenticateError as error:
        if left == indexes:
            raise
        return found | {id(index): _instead(index, each(error)[0]) for index in left}
    finally:
        for line in _listed(tried):
            run.transport.log(line)
    if left == indexes:
        raise _no_credential("", reasons[id(left[0])] if run.settings.credentials else [])
    for index in left:
        found[id(index)] = _no_credential(f" for {index.source}", reasons[id(index)])
    return found


def _listed(tried: list[Tried]) -> Iterator[str]:
    """What was tried, as lines for people."""
    yield "Credentials that were tried, in order:"
    width = max((len(one.provider) for one in tried), default=0)
    for one in tried:
        yield f"  {one.provider:{width}}  {one.seconds * 1000:5.0f} ms  {one.reason or 'has a credential'}"


def _instead(index: Index, error: PipAuthenticateError) -> PipAuthenticateError:
    """Why an index gets no credential where others do."""
    return error if index.is_asked_for else error.preceded(f"No credential for {index.source}: ")


def _answers(
    name: str, indexes: list[Index], run: Run, provider: FreeProvider, ask: Ask
) -> tuple[dict[int, Outcome], str]:
    """What a provider says of each index; nothing, and why, where it has no credential here."""
    try:
        why = provider.absent(run)
        if why:
            return {}, why
        answers = ask(indexes, name)
    except NotHere as error:
        return {}, error.what
    except PipAuthenticateError as error:
        raise Faults([single.preceded(f"{name}: ") for single in each(error)]) from None
    passed = [one.what for one in answers.values() if isinstance(one, NotHere)]
    return answers, passed[0] if len(passed) == len(answers) else ""


def _no_credential(whom: str, reasons: list[str]) -> InputError:
    return InputError(
        "no-credential",
        f"No credential was found{whom}",
        context="; ".join(reasons),
        hint="Set PIP_AUTHENTICATE_TOKEN, say --token-file FILE, or sign in: az login.",
    )
