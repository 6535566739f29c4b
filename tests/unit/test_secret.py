"""A secret is shown nowhere by accident."""

import copy
import io
import json
import logging
import pickle
import traceback
from dataclasses import asdict, dataclass

import pytest

from pip_authenticate.index import AuthenticatedIndex, Credential, IndexUrl
from pip_authenticate.secret import Secret

CANARY = "canary-secret"


@pytest.mark.parametrize(
    "shown",
    [
        str(Secret(CANARY)),
        repr(Secret(CANARY)),
        f"{Secret(CANARY)}",
        f"{Secret(CANARY)!r:>20}",
        f"{Secret(CANARY):>20}",
        "%s %r" % (Secret(CANARY), Secret(CANARY)),  # noqa: UP031 - old code does so
        str([Secret(CANARY)]),
        str({"a": Secret(CANARY)}),
        repr(Credential("user", Secret(CANARY))),
        repr(AuthenticatedIndex(IndexUrl("https", "h", 443, "/"), Credential("u", Secret(CANARY)), "feed x")),
        str(Credential("user", Secret(CANARY))._asdict()),
        str(vars(Secret)),
    ],
)
def test_no_way_of_showing_it_reveals_it(shown: str) -> None:
    assert CANARY not in shown


def test_only_reveal_reveals_it() -> None:
    assert Secret(CANARY).reveal() == CANARY


def test_it_refuses_to_leave_the_process() -> None:
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        with pytest.raises(TypeError):
            pickle.dumps(Secret(CANARY), protocol)
    with pytest.raises(TypeError):
        json.dumps(Secret(CANARY))


def test_it_has_no_attributes_to_look_into() -> None:
    with pytest.raises(TypeError):
        vars(Secret(CANARY))

    @dataclass
    class Holder:
        secret: Secret

    assert CANARY not in str(asdict(Holder(Secret(CANARY))))


def test_copies_are_the_same_secret() -> None:
    secret = Secret(CANARY)
    assert copy.copy(secret) is secret
    assert copy.deepcopy([secret])[0] is secret


def test_it_compares_and_hashes_by_its_text_but_is_no_text() -> None:
    assert Secret("a") == Secret("a")
    assert Secret("a") != Secret("b")
    assert Secret("a") != "a"
    assert len({Secret("a"), Secret("a"), Secret("b")}) == 2
    assert hash(Secret("a")) != hash("a")
    assert not Secret("")
    assert Secret("a")


def test_tracebacks_and_logs_do_not_hold_it() -> None:
    stream = io.StringIO()
    logger = logging.getLogger("canary")
    logger.propagate = False
    logger.addHandler(logging.StreamHandler(stream))

    def use(secret: Secret) -> None:
        logger.error("with %s and %r", secret, secret)
        raise ValueError(secret)

    with pytest.raises(ValueError, match=r"\*\*\*") as raised:
        use(Secret(CANARY))
    shown = traceback.TracebackException.from_exception(raised.value, capture_locals=True)
    stream.write("".join(line for line in shown.format() if "CANARY" not in line))
    assert "secret" in stream.getvalue()
    assert CANARY not in stream.getvalue()
