"""Errors are data first."""

import pytest

from pip_authenticate.errors import (
    DeliveryError,
    Faults,
    InputError,
    PipAuthenticateError,
    ServiceError,
    each,
)


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (PipAuthenticateError("a", "It broke"), "It broke."),
        (PipAuthenticateError("a", "It broke!"), "It broke!"),
        (PipAuthenticateError("a", "It broke", context="here"), "It broke (here)."),
        (PipAuthenticateError("a", "It broke.", hint="Mend it."), "It broke. Mend it."),
        (
            PipAuthenticateError("a", "It broke", link="https://help.example"),
            "It broke. See https://help.example",
        ),
        (
            PipAuthenticateError(
                "a", "It broke", context="here", hint="Mend it.", link="https://help.example"
            ),
            "It broke (here). Mend it. See https://help.example",
        ),
    ],
)
def test_an_error_reads_as_one_line(error: PipAuthenticateError, text: str) -> None:
    assert str(error) == text


@pytest.mark.parametrize("kind", [InputError, ServiceError, DeliveryError, Faults])
def test_every_kind_has_one_root(kind: type[PipAuthenticateError]) -> None:
    assert issubclass(kind, PipAuthenticateError)


def test_a_group_stands_for_its_members_in_order() -> None:
    members: list[PipAuthenticateError] = [InputError("one", "First"), ServiceError("two", "Second")]
    group = Faults(members)
    assert each(group) == tuple(members)
    assert str(group) == "First; Second."
    assert each(members[0]) == (members[0],)
