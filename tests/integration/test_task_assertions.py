"""An assertion service that refuses says why; the task passes that on, and does not ask again in vain."""

import json
from collections.abc import Iterator

import pytest

from support.http_service import Answer, Request, Service, json_answer, serving
from support.task import Run, Task, endpoint, environment, guid

TENANT = guid(9)
REASON = "There is no explicit reference to service connection from current stage."


@pytest.fixture
def service() -> Iterator[Service]:
    def answer(_: Request) -> Answer:
        return Answer(401, headers=[("X-VSS-ResourceTenant", TENANT)])

    with serving(answer) as one:
        yield one


def run(task: Task, service: Service) -> Run:
    home = f"{service.url}/org/contoso/"
    env = environment(SYSTEM_TEAMFOUNDATIONCOLLECTIONURI=home, SYSTEM_SERVERTYPE="Hosted") | {
        "SYSTEM_OIDCREQUESTURI": f"{home}oidc",
        "AZURE_AUTHORITY_HOST": service.url,
        "INPUT_FEEDURL": f"{home}_packaging/f/pypi/simple/",
        "INPUT_WORKLOADIDENTITYSERVICECONNECTION": guid(3),
        **endpoint(guid(3), home, "WorkloadIdentityFederation", {"ServicePrincipalId": guid(4)}),
    }
    return task.run(env)


SHAPES = {
    "a message": {"$id": "1", "message": REASON, "typeName": "X", "errorCode": 0},
    "a message in a value": {"count": 1, "value": {"Message": REASON}},
    "a value that is a text": {"count": len(REASON), "value": REASON},
    "an error of OAuth": {"error": "invalid_request", "error_description": REASON},
    "an error object": {"error": {"code": "x", "message": REASON}},
    "a problem": {"type": "about:blank", "title": "Bad Request", "detail": REASON},
    "a text in JSON": REASON,
}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("status", [400, 403, 404, 405, 409])
def test_the_reason_is_passed_on_in_whatever_shape_it_comes(
    task: Task, service: Service, shape: str, status: int
) -> None:
    service.routes["POST /org/contoso/oidc"] = lambda _: json_answer(SHAPES[shape], status, reason="Bad")
    found = run(task, service)
    assert found.failed_cleanly()
    (error,) = found.errors
    assert REASON in error
    assert "this step names it in its own input" in error
    assert "again later" not in error
    assert [request.method for request in service.requests].count("POST") == 1, "asking again does not help"


def test_a_reason_in_plain_text_or_in_the_reason_phrase(task: Task, service: Service) -> None:
    plain = [("Content-Type", "text/plain; charset=utf-8")]
    service.routes["POST /org/contoso/oidc"] = lambda _: Answer(400, REASON.encode(), "Bad", plain)
    assert REASON in run(task, service).errors[0]
    service.routes["POST /org/contoso/oidc"] = lambda _: Answer(400, b"", REASON)
    assert REASON in run(task, service).errors[0]


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_what_may_pass_is_asked_again(task: Task, service: Service, status: int) -> None:
    waiting = [Answer(status, b"", "Busy"), json_answer({"oidcToken": "a.b.c"})]
    service.routes["POST /org/contoso/oidc"] = lambda _: waiting.pop(0)
    service.routes[f"POST /{TENANT}/oauth2/v2.0/token"] = lambda _: json_answer(
        {"access_token": "access-canary", "expires_in": 3599}
    )
    found = run(task, service)
    assert found.succeeded(), found.errors


def test_an_organisation_that_is_deactivated_is_not_asked_again(task: Task, service: Service) -> None:
    text = "TF24668: The following team project collection is stopped: contoso."
    service.routes["POST /org/contoso/oidc"] = lambda _: Answer(
        503, json.dumps({"message": text}).encode(), text
    )
    found = run(task, service)
    assert found.failed_cleanly()
    assert "deactivated" in found.errors[0]
    assert [request.method for request in service.requests].count("POST") == 1
