"""What the task asks for, how often, on how many connections, and with what in its headers."""

import pytest

from support.http_service import Answer, json_answer, serving
from support.organisation import PYPI_AREA, TOKEN, Organisation, organisation, route_table
from support.task import Connection, Task, environment


@pytest.mark.parametrize("count", [1, 2, 50])
def test_two_requests_on_one_connection_for_any_number_of_feeds(
    task: Task, hosted: Organisation, count: int
) -> None:
    run = task.run(environment(feeds=",".join(f"feed{n}" for n in range(count)), organisation=hosted))
    assert run.succeeded()
    assert hosted.questions == [hosted.area_route, hosted.table_route]
    assert hosted.service.connections == 1
    assert run.summary.startswith(f"Successfully added auth for {count} internal feeds ")


def test_one_request_on_premises(task: Task) -> None:
    with organisation(hosted=False) as server:
        assert task.run(environment(feeds="a,b,p/c", organisation=server)).succeeded()
        assert server.questions == ["OPTIONS /tfs/Default/_apis/PyPi"]


def test_none_for_full_urls(task: Task, hosted: Organisation) -> None:
    feeds = f"{hosted.index('a')}, {hosted.index('b', 'p')}"
    assert task.run(environment(feeds=feeds, organisation=hosted)).succeeded()
    assert hosted.questions == []


def test_one_to_learn_whether_a_url_elsewhere_is_of_the_organisation(
    task: Task, hosted: Organisation
) -> None:
    """An organisation may have its feed service at an address of its own."""
    with serving() as elsewhere:
        hosted.area = {"locationUrl": f"{elsewhere.url}/feeds"}
        own, foreign = (f"{elsewhere.url}/{path}/_packaging/f/pypi/simple" for path in ("feeds/p", "feeds2"))
        assert task.run(environment(feeds=own, organisation=hosted)).succeeded()
        assert hosted.questions == [hosted.area_route]
        assert task.run(environment(feeds=foreign, organisation=hosted)).failed_cleanly()
        assert elsewhere.requests == []


def test_none_and_no_job_token_for_connections(task: Task, hosted: Organisation) -> None:
    connections = [Connection.token(1, "https://h.example/simple", "t")]
    run = task.run(environment(connections=connections, organisation=hosted, token=""))
    assert run.succeeded()
    assert hosted.questions == []


def test_every_request_says_who_asks_and_what_for(task: Task, hosted: Organisation) -> None:
    assert task.run(environment(feeds="f", organisation=hosted)).succeeded()
    area, table = hosted.service.requests
    for request in (area, table):
        assert request.login == ("build", TOKEN)
        assert request.headers["x-tfs-fedauthredirect"] == "Suppress"
        assert request.headers["user-agent"].startswith("pip-authenticate/")
        assert not request.body
    assert "api-version=" in area.headers["accept"]
    assert "preview" in area.headers["accept"]
    assert table.headers["accept"].startswith("application/json")


def test_the_token_follows_a_redirect_within_an_origin(task: Task, hosted: Organisation) -> None:
    hosted.service.routes[hosted.area_route] = lambda _: Answer(302, headers=[("Location", "/moved/area")])
    hosted.service.routes["GET /moved/area"] = lambda _: json_answer(hosted.area)
    assert task.run(environment(feeds="f", organisation=hosted)).succeeded()
    assert [request.login for request in hosted.service.requests] == [("build", TOKEN)] * 3


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_the_token_follows_no_redirect_to_another_origin(
    task: Task, hosted: Organisation, status: int
) -> None:
    with serving(lambda _: json_answer(hosted.area)) as stranger:
        there = f"{stranger.url}/area"
        hosted.service.routes[hosted.area_route] = lambda _: Answer(status, headers=[("Location", there)])
        run = task.run(environment(feeds="f", organisation=hosted))
        assert run.failed_cleanly()
        assert "redirects to another place" in run.errors[0]
        assert stranger.requests == [], "nobody else may answer in the service's place"


def test_a_redirect_without_end_ends(task: Task, hosted: Organisation) -> None:
    path = f"/org/contoso/_apis/ResourceAreas/{PYPI_AREA}"
    hosted.service.routes[hosted.area_route] = lambda _: Answer(302, headers=[("Location", path)])
    run = task.run(environment(feeds="f", organisation=hosted))
    assert run.failed_cleanly()
    assert "redirect" in run.errors[0]
    assert len(hosted.questions) <= 10


@pytest.mark.parametrize(
    "location", ["http://[broken/", "ftp://h.example/", "http://", "//", "http://h:99999/"]
)
def test_a_redirect_to_nowhere_is_an_error_that_names_the_host(
    task: Task, hosted: Organisation, location: str
) -> None:
    hosted.service.routes[hosted.area_route] = lambda _: Answer(302, headers=[("Location", location)])
    run = task.run(environment(feeds="f", organisation=hosted))
    assert run.failed_cleanly()
    assert len(run.errors) == 1
    assert "127.0.0.1" in run.errors[0]
    assert "defect" not in run.errors[0]


def test_a_slowed_down_answer_is_mentioned_at_debug(task: Task, hosted: Organisation) -> None:
    hosted.answer_table(json_answer(route_table(), 200, ("Retry-After", "7")))
    run = task.run(environment(feeds="f", organisation=hosted))
    assert run.succeeded()
    assert any("Retry-After 7" in text for text in run.debug)
    assert not any("Retry-After" in line for line in run.plain)


def test_a_byte_order_mark_does_not_matter(task: Task, hosted: Organisation) -> None:
    answer = json_answer(route_table())
    answer.body = b"\xef\xbb\xbf" + answer.body
    hosted.answer_table(answer)
    assert task.run(environment(feeds="f", organisation=hosted)).succeeded()
