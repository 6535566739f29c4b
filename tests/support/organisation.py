"""An organisation as far as the task asks it: its location service and its feed service, scripted."""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager

from support.http_service import Answer, Raw, Request, Service, json_answer

TOKEN = "job-token-canary.AAAA-bbbb_CCCC"
PYPI_AREA = "92F0314B-06C5-46E0-ABE7-15FD9D13276A"
SIMPLE_ID = "93377a2c-f5fb-48b9-a8dc-7781441cabf1"
TEMPLATE = "{project}/_packaging/{feedId}/pypi/simple"


def route_table(template: object = TEMPLATE, identity: str = SIMPLE_ID) -> dict[str, object]:
    """The answer to the question for an area's routes, with a row before and one after."""
    rows: list[dict[str, object]] = [
        {
            "id": "c7a75c1b-08ac-4b11-b468-6c7ef835c85e",
            "routeTemplate": "{project}/_packaging/{feed}/pypi/upload",
        },
        {"id": identity, "area": "pypi", "resourceName": "simple", "routeTemplate": template},
        {"id": "d146ac7e-9e3f-4448-b956-f9bb3bdf9b2e", "routeTemplate": "_apis/packaging/{resource}"},
    ]
    return {"count": len(rows), "value": rows}


class Organisation:
    """The organisation `contoso`, behind one service.

    Args:
        hosted: whether it has a feed service apart, as Azure DevOps Services has.
        tls: makes its service an https one.
        address: what its addresses begin with; by default its service's own.
    """

    def __init__(self, *, hosted: bool = True, tls: ssl.SSLContext | None = None, address: str = "") -> None:
        self.service = Service(tls=tls)
        self.hosted = hosted
        self.address = address or self.service.url
        self.collection = f"{self.address}/org/contoso/" if hosted else f"{self.address}/tfs/Default/"
        self.feed_service = f"{self.address}/pkgs/contoso/" if hosted else self.collection
        base = "/org/contoso" if hosted else "/tfs/Default"
        self.area_route = f"GET {base}/_apis/ResourceAreas/{PYPI_AREA}"
        self.table_route = f"OPTIONS {'/pkgs/contoso' if hosted else base}/_apis/PyPi"
        self.area: object = {"id": PYPI_AREA.lower(), "name": "pypi", "locationUrl": self.feed_service}
        self.table: object = route_table()
        self.service.routes[self.area_route] = lambda request: self._guarded(request, self.area)
        self.service.routes[self.table_route] = lambda request: self._guarded(request, self.table)

    def index(self, feed: str, project: str = "") -> str:
        """The URL of a feed's index."""
        return f"{self.feed_service}{project + '/' if project else ''}_packaging/{feed}/pypi/simple"

    def answer_table(self, *answers: Answer | Raw) -> None:
        """Give these answers, one after the other and the last one for good, when asked for the routes."""
        waiting = list(answers)
        self.service.routes[self.table_route] = lambda _: waiting.pop(0) if len(waiting) > 1 else waiting[0]

    @property
    def questions(self) -> list[str]:
        """Method and target of every request."""
        return [f"{request.method} {request.target}" for request in self.service.requests]

    def _guarded(self, request: Request, value: object) -> Answer:
        if request.login is None or request.login[1] != TOKEN:
            return json_answer({"message": "TF400813: not authorized"}, 401, reason="Unauthorized")
        return json_answer(value)


@contextmanager
def organisation(
    *, hosted: bool = True, tls: ssl.SSLContext | None = None, address: str = ""
) -> Iterator[Organisation]:
    """An organisation for as long as a block lasts."""
    one = Organisation(hosted=hosted, tls=tls, address=address)
    try:
        yield one
    finally:
        one.service.close()
