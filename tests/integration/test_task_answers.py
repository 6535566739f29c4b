"""Answers that are no success: status, host, what it means and what to do."""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from support import nasty
from support.http_service import Answer, Raw, endless, html_answer, json_answer
from support.organisation import TEMPLATE, TOKEN, Organisation, organisation, route_table
from support.task import Run, Task, environment

MESSAGE = "TF400813: The user is not authorized to access this resource."


def refusal(status: int) -> Answer:
    """An error as Azure DevOps sends it: in the reason phrase and in JSON."""
    return json_answer(
        {"$id": "1", "message": MESSAGE, "typeKey": "X"}, status, reason=f"Because - {MESSAGE}"
    )


TABLES: list[tuple[Answer | Raw, list[str]]] = [
    (refusal(401), ["401", "token", MESSAGE]),
    (refusal(403), ["403", "token", MESSAGE, "Grant"]),
    (Answer(401, b"", "Unauthorized - spoken in the reason"), ["401", "spoken in the reason"]),
    (Answer(403, b"\xef\xbb\xbf" + json.dumps({"message": MESSAGE}).encode()), ["403", MESSAGE]),
    (refusal(404), ["404"]),
    (refusal(400), ["400", MESSAGE]),
    (refusal(405), ["405", MESSAGE]),
    (refusal(501), ["501", MESSAGE]),
    (html_answer(), ["200", "sign-in"]),
    (html_answer(203), ["203", "sign-in"]),
    (html_answer(302, ("Location", "https://sps.example/_signin?realm=x")), ["302", "sign-in"]),
    (Answer(302, b"", "Found"), ["302"]),
    (Answer(204, b""), ["204", "JSON"]),
    (Answer(200, b""), ["200", "JSON"]),
    (Answer(200, b"<html>"), ["200", "JSON"]),
    (Answer(200, b"{" * 100_000), ["JSON"]),
    (Answer(200, b"[" * 100_000), ["JSON"]),
    (Answer(200, b"\xff\xfe{}"), ["JSON"]),
    (json_answer([]), ["200"]),
    (json_answer(None), ["200"]),
    (json_answer({"value": {"id": 5}}), ["200"]),
    (json_answer({"value": [5, None, "x", {"id": 5}, {"id": "other"}]}), ["200"]),
    (json_answer(route_table(None)), ["200"]),
    (json_answer(route_table("{project}/without/feed")), ["200"]),
    (json_answer(route_table(f"{TEMPLATE}?query=1")), ["127.0.0.1"]),
    (json_answer(route_table(f"\ud800{TEMPLATE}")), ["127.0.0.1"]),
    (json_answer(route_table(f"a b\n##vso[task.debug]{TEMPLATE}")), ["127.0.0.1"]),
    (endless(), ["JSON"]),
]
"""Answers to the question for the routes, and what a person must be told."""

AREAS: list[Answer] = [
    refusal(401),
    html_answer(203),
    json_answer({}),
    json_answer([]),
    json_answer({"locationUrl": ""}),
    json_answer({"locationUrl": 5}),
    json_answer({"locationUrl": "not a url"}),
    json_answer({"locationUrl": "http://elsewhere.example/contoso/"}),
    json_answer({"locationUrl": "file:///etc/passwd"}),
    json_answer({"locationUrl": "https://h.example/?a=b"}),
    json_answer({"locationUrl": "https://h.example/\n##vso[task.debug]"}),
]
"""Answers to the question for the feed service."""


@pytest.fixture(scope="module")
def runs(task: Task) -> Iterator[Callable[[str, int], tuple[Run, list[str]]]]:
    """The runs that get these answers, several at a time, and what each of them asked."""

    def ask(kind: str, number: int) -> tuple[Run, list[str]]:
        with organisation() as one:
            if kind == "table":
                one.answer_table(TABLES[number][0])
            else:
                one.service.routes[one.area_route] = lambda _: AREAS[number]
            return task.run(environment(feeds="a,b", organisation=one)), one.questions

    with ThreadPoolExecutor(3) as pool:
        waiting = {
            (kind, number): pool.submit(ask, kind, number)
            for kind, answers in (("table", TABLES), ("area", AREAS))
            for number in range(len(answers))
        }
        yield lambda kind, number: waiting[kind, number].result()


Runs = Callable[[str, int], tuple[Run, list[str]]]


@pytest.mark.parametrize("number", range(len(TABLES)))
def test_an_answer_of_the_feed_service_that_is_none(runs: Runs, number: int) -> None:
    run, _ = runs("table", number)
    assert run.failed_cleanly(), run.lines
    assert run.variables == {}
    assert len(run.errors) == 1
    for word in ("127.0.0.1", *TABLES[number][1]):
        assert word in run.errors[0]
    assert run.seconds < 55


@pytest.mark.parametrize("number", range(len(AREAS)))
def test_an_answer_of_the_location_service_that_is_none(runs: Runs, number: int) -> None:
    run, questions = runs("area", number)
    assert run.failed_cleanly(), run.lines
    assert run.variables == {}
    assert len(run.errors) == 1
    assert "127.0.0.1" in run.errors[0]
    assert len(questions) == 1


def test_an_unknown_area_says_that_the_service_is_unknown(task: Task, hosted: Organisation) -> None:
    hosted.service.routes[hosted.area_route] = lambda _: refusal(404)
    run = task.run(environment(feeds="a", organisation=hosted))
    assert run.failed_cleanly()
    assert "404" in run.errors[0]
    assert "127.0.0.1" in run.errors[0]


@pytest.mark.parametrize("echo", [TOKEN, f"{'x' * 290} {TOKEN}", f"{'x ' * 143}{TOKEN} and more"])
def test_a_token_that_a_service_repeats_is_not_shown_not_even_in_part(
    task: Task, hosted: Organisation, echo: str
) -> None:
    hosted.answer_table(json_answer({"message": echo}, 401, reason=echo))
    run = task.run(environment(feeds="a", organisation=hosted))
    assert run.failed_cleanly()
    assert run.leaks(TOKEN) == []
    assert run.leaks(TOKEN[:8]) == []


@pytest.mark.parametrize("command", nasty.COMMANDS)
def test_what_a_service_says_never_becomes_a_command(task: Task, hosted: Organisation, command: str) -> None:
    text = f"a\n{command}\r{command}\u2028\x85{command}"
    one_line = command.encode().decode("latin-1")
    hosted.answer_table(
        json_answer(
            {"message": text}, 401, ("Retry-After", one_line), ("WWW-Authenticate", one_line), reason=one_line
        )
    )
    run = task.run(environment(feeds="a", organisation=hosted))
    assert run.failed_cleanly()
    assert run.variables == {}
    assert not any(f"##{part}" in line[5:] for line in run.lines for part in ("vso[", "["))
    assert not any(line.startswith("::") for line in run.lines)
    assert all(char.isprintable() for line in run.lines for char in line)


def test_a_route_without_a_place_for_the_project_does_not_drop_it(task: Task) -> None:
    with organisation() as one:
        one.table = route_table("_packaging/{feedId}/pypi/simple")
        run = task.run(environment(feeds="a, project/b", organisation=one))
    assert run.failed_cleanly()
    assert "project/b" in run.errors[0]
