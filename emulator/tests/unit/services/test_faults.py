"""The queue of faults."""

import pytest

from azure_devops_emulator.errors import InputError
from azure_devops_emulator.services.faults import KINDS, Fault, FaultQueue


def test_a_fault_happens_as_often_as_it_should_and_only_where_it_should() -> None:
    queue = FaultQueue()
    queue.add(Fault("reset", path="/simple/", times=2))
    queue.add(Fault("html", path="/simple/", method="OPTIONS", times=0))
    assert queue.take("GET", "/other/") is None
    kinds = [taken and taken.kind for taken in (queue.take("GET", "/x/simple/y") for _ in range(3))]
    assert kinds == ["reset", "reset", None]
    for _ in range(3):
        taken = queue.take("OPTIONS", "/simple/")
        assert taken
        assert taken.kind == "html"
    assert [fault.kind for fault in queue.pending()] == ["html"]
    queue.clear()
    assert queue.take("OPTIONS", "/simple/") is None


def test_a_fault_that_was_added_stays_as_it_was_given() -> None:
    queue = FaultQueue()
    fault = Fault("reset")
    queue.add(fault)
    queue.add(fault)
    assert queue.take("GET", "/")
    assert fault.times == 1
    assert len(queue.pending()) == 1


@pytest.mark.parametrize(
    ("data", "slug"),
    [
        ({"kind": "rest"}, "unknown-fault"),
        ({"kind": "reset", "path": "("}, "no-pattern"),
        ({"kind": "reset", "pth": "x"}, "unknown-key"),
        ({"kind": "reset", "times": "2"}, "wrong-type"),
        ({"kind": "reset", "times": True}, "wrong-type"),
        ({"kind": "answer", "headers": ["a"]}, "wrong-type"),
        ({"kind": "answer", "headers": {"a": 1}}, "wrong-type"),
        ({"path": "x"}, "no-fault"),
        (["reset"], "no-fault"),
    ],
)
def test_what_is_no_fault(data: object, slug: str) -> None:
    with pytest.raises(InputError) as raised:
        Fault.from_data(data)
    assert raised.value.slug == slug


def test_faults_from_data() -> None:
    assert Fault.from_data({"kind": "delay", "seconds": 1}) == Fault("delay", seconds=1)
    assert all(Fault.from_data({"kind": kind}).kind == kind for kind in KINDS)
