"""Connections: kept, lost, refused, and encrypted twice."""

import socket
import threading
import time
from collections.abc import Iterator

import pytest
import trustme

from pip_authenticate.deadline import Deadline
from pip_authenticate.errors import ServiceError
from pip_authenticate.index import Credential
from pip_authenticate.parallel import in_parallel
from pip_authenticate.secret import Secret
from pip_authenticate.settings import Certificates, Proxy
from pip_authenticate.transport import Transport
from support.certificates import server_context
from support.http_service import Answer, Raw, Request, Route, Service, reset, serving
from support.web_proxy import WebProxy

SERVER = "server.contoso.example"
LOGIN = Credential("user", Secret("canary")).authorization


def transport(proxy: str = "", authority: str = "", log: list[str] | None = None) -> Transport:
    trusted = Certificates(authority, "", "", "", Secret(""), unchecked=False)
    lines = [] if log is None else log
    return Transport(Proxy(proxy, "", Secret(""), ()), trusted, lines.append, Deadline(10))


@pytest.fixture
def service() -> Iterator[Service]:
    with serving(lambda _: Answer(200, b"ok")) as one:
        yield one


# ---- kept and lost -------------------------------------------------------------------------------------


class Impatient(Service):
    """A server that closes each connection after an answer, without saying so."""

    def answer(self, connection: socket.socket, request: Request, route: Route) -> bool:
        """Answer, and hang up."""
        super().answer(connection, request, route)
        return False


def test_a_kept_connection_that_the_server_has_closed_is_no_fault() -> None:
    service, log = Impatient(lambda _: Answer(200, b"ok")), list[str]()
    one = transport(log=log)
    for _ in range(3):
        assert one.request("GET", f"{service.url}/").body == b"ok"
        time.sleep(0.05)
    service.close()
    assert service.connections == 3
    assert not any("try" in line for line in log)


def test_one_that_is_closed_only_when_it_is_used_again_is_replaced_at_once(service: Service) -> None:
    answers: list[Answer | Raw] = [Answer(200, b"first"), reset(), Answer(200, b"second")]
    service.routes["GET /"] = lambda _: answers.pop(0)
    log: list[str] = []
    one = transport(log=log)
    assert [one.request("GET", f"{service.url}/").body for _ in range(2)] == [b"first", b"second"]
    assert [request.connection for request in service.requests] == [1, 1, 2]
    assert not any("try" in line for line in log)


def test_requests_in_parallel_keep_their_connections_for_the_next(service: Service) -> None:
    together = threading.Barrier(20, timeout=20)
    one = transport()

    def answer(_: Request) -> Answer:
        together.wait()
        return Answer(200, b"ok")

    service.routes["GET /"] = answer
    for _ in range(3):
        bodies = in_parallel(
            lambda _: one.request("GET", f"{service.url}/").body, list(range(20)), one.deadline
        )
        assert bodies == [b"ok"] * 20
    assert service.connections == 20


def test_what_nobody_asked_for_is_taken_for_no_answer(service: Service) -> None:
    forged = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged"

    class Two(Answer):
        def send(self, connection: socket.socket) -> bool:
            super().send(connection)
            time.sleep(0.1)
            connection.sendall(forged)
            return True

    service.routes["GET /two"] = lambda _: Two(200, b"one")
    one = transport()
    assert one.request("GET", f"{service.url}/two").body == b"one"
    time.sleep(0.3)
    assert one.request("GET", f"{service.url}/").body == b"ok"


def test_a_target_is_ascii_without_what_could_end_it(service: Service) -> None:
    transport().request("GET", f'{service.url}/a"<b>|{{c}}?d=^`&e=%20f', authorization=LOGIN)
    (request,) = service.requests
    assert request.target == "/a%22%3Cb%3E%7C%7Bc%7D?d=%5E%60&e=%20f"
    assert request.headers["host"] == f"127.0.0.1:{service.port}"


# ---- encrypted twice -----------------------------------------------------------------------------------


def secure_proxy(authority: trustme.CA, port: int) -> WebProxy:
    """A proxy that is spoken to by https, with a login."""
    return WebProxy({f"{SERVER}:443": port}, ("user", "canary"), server_context(authority, "127.0.0.1"))


def test_https_goes_through_a_secure_proxy_on_one_connection(
    authority: trustme.CA, authority_file: str
) -> None:
    body = b"x" * 300_000
    with serving(lambda _: Answer(200, body), tls=server_context(authority, SERVER)) as server:
        proxy = secure_proxy(authority, server.port)
        one = transport(proxy.url.replace("://", "://user:canary@"), authority_file)
        for _ in range(3):
            answer = one.request("POST", f"https://{SERVER}/", body=b"y" * 200_000, authorization=LOGIN)
            assert answer.body == body
        proxy.close()
        assert proxy.targets == [f"CONNECT {SERVER}:443"]
        assert {len(request.body) for request in server.requests} == {200_000}
        assert not any("proxy-authorization" in request.headers for request in server.requests)


@pytest.mark.parametrize("name", ["other.example", SERVER])
def test_the_inner_certificate_is_checked_too(authority: trustme.CA, authority_file: str, name: str) -> None:
    inner = authority if name != SERVER else trustme.CA(key_type=trustme.KeyType.ECDSA)
    with serving(lambda _: Answer(200), tls=server_context(inner, name)) as server:
        proxy = secure_proxy(authority, server.port)
        one = transport(proxy.url.replace("://", "://user:canary@"), authority_file)
        with pytest.raises(ServiceError, match=SERVER) as failed:
            one.request("GET", f"https://{SERVER}/", authorization=LOGIN)
        proxy.close()
        assert failed.value.slug == "certificate-rejected"
        assert server.requests == []


def test_a_secure_proxy_that_could_be_anybody_is_told_nothing(authority: trustme.CA) -> None:
    proxy = secure_proxy(authority, 1)
    with pytest.raises(ServiceError, match="connection to the web proxy") as failed:
        transport(proxy.url.replace("://", "://user:canary@")).request("GET", f"https://{SERVER}/")
    proxy.close()
    assert failed.value.slug == "certificate-rejected"
    assert proxy.requests == []
