"""A service in trouble: patience with an end. These runs wait, so they all wait at the same time."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple

import pytest

from support.http_service import Answer, Raw, Request, json_answer, raw, reset, unused_port
from support.organisation import Organisation, route_table
from support.task import Run, Task, environment, in_collection


class Outcome(NamedTuple):
    """A run, and when its requests for the route table came, in seconds after the first one."""

    run: Run
    times: list[float]


def answering(*answers: Answer | Raw) -> Callable[[Task], Outcome]:
    """A run whose question for the routes is answered so, the last answer being given for good."""

    def go(task: Task) -> Outcome:
        came, waiting = list[float](), list(answers)
        one = Organisation()

        def route(_request: Request) -> Answer | Raw:
            came.append(time.monotonic())
            return waiting.pop(0) if len(waiting) > 1 else waiting[0]

        one.service.routes[one.table_route] = route
        run = task.run(environment(feeds="f", organisation=one))
        one.service.close()
        return Outcome(run, [moment - came[0] for moment in came])

    return go


def nobody(task: Task) -> Outcome:
    """A run that finds nobody at the organisation's address."""
    env = environment(feeds="f", SYSTEM_SERVERTYPE="OnPremises")
    env = in_collection(env, f"http://127.0.0.1:{unused_port()}/tfs/Default/")
    return Outcome(task.run(env), [])


def unknown_name(task: Task) -> Outcome:
    """A run whose organisation has a name that nobody knows."""
    env = environment(feeds="f", SYSTEM_SERVERTYPE="OnPremises")
    env = in_collection(env, "https://nobody.invalid/tfs/Default/")
    return Outcome(task.run(env), [])


def no_proxy(task: Task) -> Outcome:
    """A run whose proxy is not there."""
    env = environment(
        feeds="f", SYSTEM_SERVERTYPE="OnPremises", AGENT_PROXYURL=f"http://127.0.0.1:{unused_port()}"
    )
    env = in_collection(env, "http://server.example/tfs/Default/")
    return Outcome(task.run(env), [])


def busy(status: int, *headers: tuple[str, str]) -> Answer:
    return json_answer({"message": "TF400733: too much"}, status, *headers, reason="Busy")


GOOD = json_answer(route_table())
SCENARIOS = {
    "429 once": answering(busy(429, ("Retry-After", "1")), GOOD),
    "503 once": answering(busy(503, ("Retry-After", "1")), GOOD),
    "429 without hint": answering(busy(429), GOOD),
    "a date": answering(busy(429, ("Retry-After", "Wed, 21 Oct 2015 07:28:00 GMT")), GOOD),
    "no number": answering(busy(503, ("Retry-After", "soon ##vso[task.debug]")), GOOD),
    "500 and 502": answering(busy(500), busy(502), GOOD),
    "two resets": answering(reset(), reset(), GOOD),
    "truncated": answering(raw(b'HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n{"value": ['), GOOD),
    "no http": answering(raw(b"SSH-2.0-OpenSSH_9.6\r\n"), GOOD),
    "hangs up": answering(raw(), GOOD),
    "429 always": answering(busy(429)),
    "503 for an hour": answering(busy(503, ("Retry-After", "3600"))),
    "503 always": answering(busy(503)),
    "reset always": answering(reset()),
    "nobody": nobody,
    "unknown name": unknown_name,
    "no proxy": no_proxy,
}  # fmt: skip


@pytest.fixture(scope="module")
def outcomes(task: Task) -> Iterator[dict[str, Future[Outcome]]]:
    """All runs, begun at once."""
    with ThreadPoolExecutor(len(SCENARIOS)) as pool:
        yield {name: pool.submit(scenario, task) for name, scenario in SCENARIOS.items()}


@pytest.mark.parametrize(
    ("name", "tries"),
    [
        ("429 once", 2),
        ("503 once", 2),
        ("429 without hint", 2),
        ("a date", 2),
        ("no number", 2),
        ("500 and 502", 3),
        ("two resets", 3),
        ("truncated", 2),
        ("no http", 2),
        ("hangs up", 2),
    ],
)
def test_a_passing_fault_is_waited_out(outcomes: dict[str, Future[Outcome]], name: str, tries: int) -> None:
    run, times = outcomes[name].result()
    assert run.succeeded(), run.lines
    assert list(run.variables) == ["PIP_INDEX_URL"]
    assert len(times) == tries


@pytest.mark.parametrize("name", ["429 once", "503 once"])
def test_the_service_says_how_long_to_wait(outcomes: dict[str, Future[Outcome]], name: str) -> None:
    assert outcomes[name].result().times[1] >= 1


def test_a_date_that_is_over_is_no_reason_to_wait(outcomes: dict[str, Future[Outcome]]) -> None:
    assert outcomes["a date"].result().times[1] < 1


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("429 always", ["127.0.0.1", "429", "TF400733"]),
        ("503 for an hour", ["127.0.0.1", "503", "limiting"]),
        ("503 always", ["127.0.0.1", "503"]),
        ("reset always", ["127.0.0.1", "tries"]),
        ("nobody", ["127.0.0.1", "connection"]),
        ("unknown name", ["nobody.invalid", "name"]),
        ("no proxy", ["proxy"]),
    ],
)
def test_a_lasting_fault_ends_in_one_clear_error_in_good_time(
    outcomes: dict[str, Future[Outcome]], name: str, words: list[str]
) -> None:
    run, times = outcomes[name].result()
    assert run.failed_cleanly(), run.lines
    assert run.variables == {}
    assert len(run.errors) == 1
    for word in words:
        assert word in run.errors[0]
    assert run.seconds < 55
    assert len(times) <= 10


def test_an_hours_wait_is_not_begun(outcomes: dict[str, Future[Outcome]]) -> None:
    run, times = outcomes["503 for an hour"].result()
    assert len(times) == 1
    assert run.seconds < 30


def test_the_waits_differ_from_run_to_run(outcomes: dict[str, Future[Outcome]]) -> None:
    """Many jobs that are refused at once must not come back at once."""
    waits = {
        round(outcomes[name].result().times[1], 3) for name in ("429 always", "503 always", "reset always")
    }
    assert len(waits) == 3


def test_each_try_is_told_at_debug_only(outcomes: dict[str, Future[Outcome]]) -> None:
    run = outcomes["two resets"].result().run
    # The first reset met a connection that was kept: a server may close that, so it counts as no try.
    assert len([text for text in run.debug if "try " in text]) == 1
    assert not any("try " in line for line in run.plain)
