"""The only opener of sockets, against a server that misbehaves."""

import threading
import time
from collections.abc import Iterator

import pytest

from pip_authenticate.connections import BODY_BYTES, ERROR_BODY_BYTES
from pip_authenticate.deadline import Deadline
from pip_authenticate.errors import ServiceError
from pip_authenticate.index import Credential
from pip_authenticate.origin import origin_of
from pip_authenticate.parallel import in_parallel
from pip_authenticate.secret import Secret
from pip_authenticate.settings import Certificates, Proxy
from pip_authenticate.transport import Transport
from support.http_service import Answer, Raw, Service, endless, raw, reset, serving, unused_port
from support.web_proxy import proxying

NO_PROXY = Proxy("", "", Secret(""), ())
NO_CERTIFICATES = Certificates("", "", "", "", Secret(""), unchecked=False)
LOGIN = Credential("user", Secret("canary")).authorization


def transport(seconds: float = 10, proxy: Proxy = NO_PROXY, log: list[str] | None = None) -> Transport:
    lines = [] if log is None else log
    return Transport(proxy, NO_CERTIFICATES, lines.append, Deadline(seconds))


@pytest.fixture
def service() -> Iterator[Service]:
    with serving() as one:
        yield one


def test_an_answer_comes_back_whole(service: Service) -> None:
    headers = [("X-One", "a"), ("X-Many", "b"), ("X-MANY", "c")]
    service.routes["GET /path"] = lambda _: Answer(418, b"body", "I'm a teapot", headers)
    answer = transport().request("GET", f"{service.url}/path?query", authorization=LOGIN)
    assert (answer.status, answer.reason, answer.body) == (418, "I'm a teapot", b"body")
    assert answer.headers["x-one"] == "a"
    assert answer.headers["x-many"] == "b, c"
    assert answer.url == f"{service.url}/path?query"
    assert service.requests[0].target == "/path?query"
    assert service.requests[0].login == ("user", "canary")


def test_answers_share_one_connection_also_after_an_error(service: Service) -> None:
    one = transport()
    for _ in range(3):
        assert one.request("GET", service.url).status == 404
    assert service.connections == 1


def test_a_body_is_sent_as_it_is(service: Service) -> None:
    transport().request("POST", service.url, body=b"a=b", content_type="application/x-www-form-urlencoded")
    (request,) = service.requests
    assert request.body == b"a=b"
    assert request.headers["content-type"] == "application/x-www-form-urlencoded"
    assert "authorization" not in request.headers


@pytest.mark.parametrize(
    "answer",
    [
        Answer(delay=30),
        raw(b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n", *[b"x"] * 40, pause=0.2),
        raw(*[b"x"] * 40, pause=0.2),
        raw(b"HTTP/1.1 200 OK\r\n", *[b"X-Header: x\r\n"] * 40, pause=0.2),
    ],
    ids=["silent", "trickling body", "trickling status", "trickling headers"],
)
def test_no_server_holds_a_run_beyond_its_deadline(service: Service, answer: Answer | Raw) -> None:
    service.routes["GET /"] = lambda _: answer
    began = time.monotonic()
    with pytest.raises(ServiceError) as failed:
        transport(seconds=1).request("GET", f"{service.url}/")
    assert time.monotonic() - began < 5
    assert "127.0.0.1" in str(failed.value)


def test_the_deadline_holds_for_all_requests_together(service: Service) -> None:
    service.routes["GET /"] = lambda _: Answer(200, delay=0.4)
    one = transport(seconds=1)

    def ask_often() -> None:
        for _ in range(9):
            one.request("GET", f"{service.url}/")

    with pytest.raises(ServiceError, match="did not answer"):
        ask_often()
    assert len(service.requests) <= 3
    with pytest.raises(ServiceError, match="used up"):
        one.request("GET", f"{service.url}/")
    assert len(service.requests) <= 3


def test_a_wait_that_the_deadline_does_not_allow_is_not_begun(service: Service) -> None:
    service.routes["GET /"] = lambda _: Answer(503, headers=[("Retry-After", "9")])
    began = time.monotonic()
    assert transport(seconds=5).request("GET", f"{service.url}/").status == 503
    assert time.monotonic() - began < 4
    assert len(service.requests) == 1


@pytest.mark.parametrize(("status", "limit"), [(200, BODY_BYTES), (400, ERROR_BODY_BYTES)])
def test_an_endless_body_is_cut(service: Service, status: int, limit: int) -> None:
    service.routes["GET /"] = lambda _: endless(f"HTTP/1.1 {status} OK\r\n\r\n".encode())
    answer = transport().request("GET", f"{service.url}/")
    assert len(answer.body) == limit
    assert transport().request("GET", f"{service.url}/other").status == 404


def test_chunks_are_put_together(service: Service) -> None:
    service.routes["GET /"] = lambda _: raw(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nab\r\n\r\n3\r\ncde\r\n0\r\n\r\n"
    )
    assert transport().request("GET", f"{service.url}/").body == b"ab\r\ncde"


def test_an_answer_of_old_http_ends_with_its_connection(service: Service) -> None:
    service.routes["GET /"] = lambda _: raw(b"HTTP/1.0 200 OK\r\n\r\nwhole")
    assert transport().request("GET", f"{service.url}/").body == b"whole"


@pytest.mark.parametrize(
    "answer",
    [
        reset(),
        raw(b""),
        raw(b"SSH-2.0-OpenSSH_9.6\r\n"),
        raw(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nshort"),
        raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nno length\r\n"),
        raw(b"HTTP/1.1 abc OK\r\n\r\n"),
        raw(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n"),
        raw(b"HTTP/1.1 200 " + b"x" * 70_000),
    ],
)
def test_what_is_no_answer_is_tried_again(service: Service, answer: Raw) -> None:
    waiting: list[Answer | Raw] = [answer, Answer(200, b"ok")]
    service.routes["GET /"] = lambda _: waiting.pop(0)
    log: list[str] = []
    assert transport(log=log).request("GET", f"{service.url}/").body == b"ok"
    assert "try 1" in log[0]


def test_nobody_there_is_told_without_secrets() -> None:
    log: list[str] = []
    with pytest.raises(ServiceError) as failed:
        transport(1.5, log=log).request("GET", f"http://127.0.0.1:{unused_port()}/", authorization=LOGIN)
    assert "127.0.0.1" in str(failed.value)
    assert not any("canary" in line or LOGIN.reveal()[6:] in line for line in [*log, str(failed.value)])


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2", 2.0),
        (" 7 ", 7.0),
        ("0", 0.0),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0.0),
        ("Wed, 21 Oct 2015 07:28:00", 0.0),
    ],
)
def test_a_hint_to_wait_is_understood(service: Service, text: str, seconds: float) -> None:
    service.routes["GET /"] = lambda _: Answer(200, headers=[("Retry-After", text)])
    log: list[str] = []
    transport(log=log).request("GET", f"{service.url}/")
    assert any(f"Retry-After {seconds:.0f} s" in line for line in log)


@pytest.mark.parametrize(
    "text",
    ["soon", "-5", "1.5", "9999999999", "Wed, 99 Oct 2015", "1 1 1 1:1:1 +99999999999", "٣٣٣٣٣٣٣٣٣٣", "0x10"],
)
def test_a_hint_that_is_none_is_ignored(service: Service, text: str) -> None:
    raw_text = text.encode().decode("utf-8")
    service.routes["GET /"] = lambda _: Answer(200, headers=[("Retry-After", raw_text)])
    assert transport().request("GET", f"{service.url}/").status == 200


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_credential_stays_with_its_origin(service: Service, status: int) -> None:
    with serving(lambda _: Answer(200, b"there")) as stranger:
        service.routes["GET /"] = lambda _: Answer(status, headers=[("Location", f"{stranger.url}/x")])
        with pytest.raises(ServiceError, match="redirects to another place"):
            transport().request("GET", f"{service.url}/", authorization=LOGIN)
        assert stranger.requests == []
        answer = transport().request("GET", f"{service.url}/", authorization=LOGIN, elsewhere="follow")
        assert answer.body == b"there"
        assert "authorization" not in stranger.requests[0].headers


def test_a_chain_that_comes_home_stays_without_credential(service: Service) -> None:
    with serving(lambda _: Answer(302, headers=[("Location", f"{service.url}/back")])) as stranger:
        service.routes["GET /"] = lambda _: Answer(302, headers=[("Location", f"{stranger.url}/x")])
        transport().request("GET", f"{service.url}/", authorization=LOGIN, elsewhere="follow")
    assert ["authorization" in request.headers for request in service.requests] == [True, False]


def test_a_posted_body_follows_no_redirect(service: Service) -> None:
    service.routes["POST /"] = lambda _: Answer(307, headers=[("Location", "/elsewhere")])
    assert transport().request("POST", f"{service.url}/", body=b"secret").status == 307
    assert len(service.requests) == 1


@pytest.mark.parametrize(
    "url",
    [
        *("", "h.example", "ftp://h/", "http://", "http://[x", "http://h:99999/", "https:///x"),
        *(
            "http://evil.example\\@h/",
            "http://u@h/",
            "http://h\\x",
            "http://h/\\x",
            "http://h/a b",
            "http://h/\u2028",
        ),
        *("http://h\n/", "http://h/#x", "http://\u2100/", "http://h%41/", "http://[fe80::1%25x]/"),
    ],
)
def test_only_absolute_http_addresses_are_asked(url: str) -> None:
    with pytest.raises(ServiceError, match="not an absolute http or https URL"):
        transport().request("GET", url)


def test_an_origin_is_scheme_host_and_port() -> None:
    assert origin_of("HTTPS://H.example/x") == ("https", "h.example", 443)
    assert origin_of("http://[::1]:8080") == ("http", "::1", 8080)


@pytest.mark.parametrize(
    ("expression", "direct"),
    [
        (r"0\.0\.0\.0", True),
        ("^HTTP://0", True),
        (r":\d+$", True),
        ("x", False),
        ("(", False),
        ("a{99999999999}", False),
        ("^0", False),
        ("https", False),
    ],
)
@pytest.mark.allow_hosts(["127.0.0.1", "0.0.0.0"])
def test_bypass_expressions_are_searched_in_the_address(
    service: Service,
    expression: str,
    direct: bool,  # noqa: FBT001
) -> None:
    with proxying({f"0.0.0.0:{service.port}": service.port}) as proxy:
        given = Proxy(proxy.url, "", Secret(""), (expression,))
        transport(proxy=given).request("GET", f"http://0.0.0.0:{service.port}/")
        assert (proxy.requests == []) is direct
        assert len(service.requests) == 1


def test_a_proxy_that_cannot_be_reached_is_named() -> None:
    given = Proxy(f"http://127.0.0.1:{unused_port()}", "", Secret(""), ())
    for scheme in ("http", "https"):
        with pytest.raises(ServiceError, match="web proxy cannot be reached"):
            transport(1.2, proxy=given).request("GET", f"{scheme}://server.example/")


def test_a_proxy_that_cannot_connect_is_named() -> None:
    with proxying({}) as proxy:
        given = Proxy(proxy.url, "", Secret(""), ())
        with pytest.raises(ServiceError, match="proxy could not connect"):
            transport(1.2, proxy=given).request("GET", "https://server.example/")


def test_threads_share_a_transport(service: Service) -> None:
    one, statuses = transport(), list[int]()
    threads = [
        threading.Thread(target=lambda: statuses.append(one.request("GET", service.url).status))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [404] * 8


def test_work_in_parallel_keeps_its_order() -> None:
    together = threading.Barrier(10, timeout=20)

    def wait_for_the_others(number: int) -> int:
        together.wait()
        return -number

    assert in_parallel(wait_for_the_others, list(range(10)), Deadline()) == [-number for number in range(10)]


def test_work_for_nobody_and_for_one_needs_no_thread() -> None:
    assert in_parallel(str, list[int](), Deadline()) == []
    assert in_parallel(lambda _: threading.get_ident(), [7], Deadline()) == [threading.get_ident()]


def test_the_first_failure_of_parallel_work_is_raised() -> None:
    def picky(number: int) -> int:
        if number % 2:
            raise ServiceError("odd", f"number {number}")
        return number

    with pytest.raises(ServiceError, match="number 1"):
        in_parallel(picky, list(range(60)), Deadline())
