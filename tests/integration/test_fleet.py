"""Many jobs at once, against a service that slows them down."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import pytest

from pip_authenticate.deadline import RUN_SECONDS, Deadline
from pip_authenticate.secret import Secret
from pip_authenticate.settings import Certificates, Proxy
from pip_authenticate.transport import Transport
from support.http_service import Answer, Raw, Request, Route, serving
from support.organisation import Organisation
from support.task import Run, Task, environment

JOBS = 24
A_SECOND = 5


class Limit:
    """Lets some requests of each second through, and tells the others when to come back."""

    def __init__(self) -> None:
        self.refused = 0
        self._lock = threading.Lock()
        self._second, self._served = 0, 0

    def of(self, route: Route) -> Route:
        """A route under this limit."""

        def limited(request: Request) -> Answer | Raw:
            with self._lock:
                now = int(time.monotonic())
                if now != self._second:
                    self._second, self._served = now, 0
                self._served += 1
                if self._served > A_SECOND:
                    self.refused += 1
                    return Answer(429, b"", "Too Many Requests", [("Retry-After", "1")])
            return route(request)

        return limited


@pytest.mark.slow
def test_none_of_a_fleet_fails_and_none_asks_on_and_on(task: Task, hosted: Organisation) -> None:
    limit, routes = Limit(), hosted.service.routes
    for name in (hosted.area_route, hosted.table_route):
        routes[name] = limit.of(routes[name])

    def run(_: int) -> Run:
        return task.run(environment(feeds="f", organisation=hosted))

    with ThreadPoolExecutor(JOBS) as pool:
        runs = list(pool.map(run, range(JOBS)))
    assert [run.errors for run in runs if run.result != "Succeeded"] == []
    assert max(run.seconds for run in runs) < RUN_SECONDS + 10
    assert limit.refused > JOBS, "the limit was met"
    assert len(hosted.questions) < 12 * JOBS


@pytest.mark.slow
def test_a_service_that_says_when_to_return_eight_times_is_waited_for() -> None:
    answers = [*[Answer(429, headers=[("Retry-After", "1")])] * 8, Answer(200, b"at last")]
    times = list[float]()

    def answer(_: Request) -> Answer:
        times.append(time.monotonic())
        return answers.pop(0)

    unset = Certificates("", "", "", "", Secret(""), unchecked=False)
    with serving(answer) as service:
        one = Transport(Proxy("", "", Secret(""), ()), unset, list[str]().append, Deadline(30))
        assert one.request("GET", f"{service.url}/").body == b"at last"
    waits = [after - before for before, after in pairwise(times)]
    assert len(waits) == 8
    assert min(waits) >= 1, "never earlier than it says"
