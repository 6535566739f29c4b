"""The emulated service: every fault that can be ordered happens, where and as often as it was ordered."""

import http.client
import json
import socket
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from azure_devops_emulator.organization import Organization
from azure_devops_emulator.service import Service
from azure_devops_emulator.services.faults import Fault
from emulator_support.service import ORGANIZATION, PREVIEW, ask, basic, feed_url


@pytest.fixture(scope="module")
def running() -> Iterator[Service]:
    with Service(Organization.parse(ORGANIZATION)) as service:
        yield service


@pytest.fixture
def service(running: Service) -> Iterator[Service]:
    yield running
    running.faults.clear()


def areas(service: Service) -> str:
    return f"{service.collection_uri}_apis/ResourceAreas?api-version=7.2-preview.1"


def test_a_fault_happens_once_by_default(service: Service) -> None:
    service.faults.add(Fault("html", path="/_apis/resourceareas$|/_apis/ResourceAreas$"))
    assert ask(areas(service)).headers["Content-Type"].startswith("text/html")
    assert ask(areas(service)).json()["count"] == 5
    assert service.faults.pending() == []


def test_delay(service: Service) -> None:
    service.faults.add(Fault("delay", seconds=0.3, retry_after="7"))
    started = time.monotonic()
    slow = ask(areas(service))
    assert time.monotonic() - started >= 0.3
    assert (slow.status, slow.json()["count"]) == (200, 5)
    assert (slow.headers["Retry-After"], slow.headers["X-RateLimit-Delay"]) == ("7", "0.300")
    assert int(slow.headers["X-RateLimit-Reset"]) > time.time()
    service.faults.add(Fault("delay"))
    assert "Retry-After" not in ask(areas(service)).headers


@pytest.mark.parametrize(("kind", "status"), [("throttle", 429), ("unavailable", 503)])
def test_throttling_with_and_without_a_hint(service: Service, kind: str, status: int) -> None:
    service.faults.add(Fault(kind))
    bare = ask(areas(service))
    assert (bare.status, bare.headers["Retry-After"]) == (status, None)
    service.faults.add(Fault(kind, retry_after="2"))
    hinted = ask(areas(service))
    assert (hinted.status, hinted.headers["Retry-After"]) == (status, "2")


def test_a_deactivated_organisation(service: Service) -> None:
    service.faults.add(Fault("deactivated"))
    answer = ask(areas(service))
    assert answer.status == 503
    assert answer.body.startswith(b"\xef\xbb\xbf")
    assert answer.json()["message"].startswith("TF24668")
    assert "TF24668" in answer.headers["X-TFS-ServiceError"]


def test_a_reset_instead_of_an_answer(service: Service) -> None:
    service.faults.add(Fault("reset"))
    with pytest.raises(ConnectionResetError):
        ask(areas(service))
    assert service.log[-1].status == 0
    assert ask(areas(service)).status == 200


def test_a_reset_in_the_middle_of_the_body(service: Service) -> None:
    service.faults.add(Fault("reset-mid-body"))
    connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=10)
    try:
        connection.request("GET", urlsplit(areas(service)).path, headers=PREVIEW)
        response = connection.getresponse()
        assert response.status == 200
        assert response.read(10)
        with pytest.raises(ConnectionResetError):
            response.read()
    finally:
        connection.close()


def test_a_truncated_body(service: Service) -> None:
    whole = ask(areas(service)).body
    service.faults.add(Fault("truncated-body"))
    with pytest.raises(http.client.IncompleteRead) as raised:
        ask(areas(service))
    assert raised.value.partial == whole[: len(whole) // 2]


def test_a_slow_trickle(service: Service) -> None:
    service.faults.add(Fault("trickle", path="/Nothing$", seconds=0.001))
    started = time.monotonic()
    answer = ask(f"{service.address('pkgs')}_apis/Nothing", token="token-olga")
    assert time.monotonic() - started > 0.001 * len(answer.body)
    assert (answer.status, answer.json()["typeKey"]) == (404, "HttpException")


def test_an_endless_body(service: Service) -> None:
    service.faults.add(Fault("endless-body"))
    with socket.create_connection(("127.0.0.1", service.port), timeout=10) as connection:
        connection.sendall(b"GET /dev/acme/_apis/ResourceAreas HTTP/1.1\r\nHost: x\r\n\r\n")
        received = 0
        while received < 3_000_000:
            chunk = connection.recv(1 << 20)
            assert chunk
            received += len(chunk)
    assert ask(areas(service)).status == 200


def test_an_expired_token(service: Service) -> None:
    url = feed_url(service, "fuel")
    service.faults.add(Fault("expired-token", times=2))
    answer = ask(url, token="token-rita")
    assert (answer.status, len(answer.all("WWW-Authenticate"))) == (401, 1)
    assert "Access Denied: The Personal Access Token used has expired." in answer.reason
    assert len(ask(url).all("WWW-Authenticate")) == 3
    assert ask(url, token="token-rita").status == 200


def test_the_sign_in_page_in_both_forms(service: Service) -> None:
    suppressing = {"X-TFS-FedAuthRedirect": "Suppress"}
    service.faults.add(Fault("sign-in-redirect"))
    redirect = ask(areas(service), headers=suppressing)
    assert redirect.status == 302
    assert "/_signin?" in redirect.headers["Location"]
    assert "Sign In" in ask(redirect.headers["Location"]).text
    service.faults.add(Fault("sign-in-page"))
    page = ask(areas(service), headers=suppressing)
    assert (page.status, "Sign In" in page.text) == (203, True)


def test_broken_json(service: Service) -> None:
    service.faults.add(Fault("broken-json"))
    answer = ask(areas(service))
    assert answer.headers["Content-Type"].startswith("application/json")
    with pytest.raises(json.JSONDecodeError):
        answer.json()


def test_any_answer(service: Service) -> None:
    fault = Fault("answer", status=418, reason="Short and stout", headers={"X-Pot": "tea"}, body="ö")
    service.faults.add(fault)
    answer = ask(areas(service))
    assert (answer.status, answer.reason, answer.headers["X-Pot"]) == (418, "Short and stout", "tea")
    assert answer.text == "ö"
    service.faults.add(Fault("answer", status=200, headers={"Content-Type": "application/json"}, body="[]"))
    assert ask(areas(service)).headers["Content-Type"] == "application/json"


def test_redirects(service: Service) -> None:
    service.faults.add(Fault("redirect", location="https://elsewhere.example.test/"))
    assert ask(areas(service)).headers["Location"] == "https://elsewhere.example.test/"
    service.faults.add(Fault("redirect", times=0))
    for _ in range(3):
        answer = ask(areas(service))
        assert (answer.status, answer.headers["Location"]) == (302, areas(service)[len(service.origin) :])


def test_faults_happen_at_the_blob_store_too(service: Service) -> None:
    link = ask(f"{feed_url(service, 'fuel')}kerosene/", token="token-rita").links[0]
    location = ask(link, token="token-rita").headers["Location"]
    service.faults.add(Fault("unavailable", path="^/blob/"))
    assert ask(location).status == 503
    assert ask(location).status == 200


def test_a_fault_is_logged_with_the_caller(service: Service) -> None:
    service.faults.add(Fault("throttle", method="GET"))
    ask(areas(service), token="token-rita")
    assert (service.log[-1].status, service.log[-1].identity) == (429, "Rita Reader")


def test_other_tools_order_faults_over_http(service: Service) -> None:
    control = service.addresses()["faults (POST, DELETE)"]
    kind = {"Content-Type": "application/json"}
    body = json.dumps({"kind": "throttle", "path": "/pkgs/", "retry_after": "1"}).encode()
    ordered = ask(control, method="POST", headers=kind, body=body)
    assert (ordered.status, len(ordered.json())) == (201, 1)
    assert ask(control).json()[0]["retry_after"] == "1"
    assert ask(feed_url(service, "fuel"), headers={"Authorization": basic("x")}).status == 429
    ask(control, method="POST", headers=kind, body=body)
    assert ask(control, method="DELETE").json() == []
    assert service.faults.pending() == []
    assert "unknown" not in service.log[-1].credential


def test_what_the_control_endpoint_refuses(service: Service) -> None:
    control = service.addresses()["faults (POST, DELETE)"]
    kind = {"Content-Type": "application/json"}
    refused = ask(control, method="POST", headers=kind, body=b'{"kind": "rest"}')
    assert (refused.status, "Did you mean 'reset'?" in refused.json()["error"]) == (400, True)
    assert ask(control, method="POST", headers=kind, body=b"{").status == 400
    assert ask(control, method="POST", headers={"Content-Type": "text/plain"}, body=b"{}").status == 415
    assert ask(control, method="PUT").status == 405
    assert ask(f"{service.origin}/_emulator/other").status == 404
    assert service.faults.pending() == []
