"""The forward proxy: what it passes on, what it demands, and what it refuses."""

import http.client
import socket
import ssl
from base64 import b64encode
from collections.abc import Iterator
from contextlib import suppress
from urllib.parse import urlsplit

import pytest
import trustme
from pydantic import SecretStr

from azure_devops_emulator.organization import Organization
from azure_devops_emulator.proxy import ForwardProxy
from azure_devops_emulator.service import Service
from azure_devops_emulator.services.faults import Fault
from emulator_support.service import ORGANIZATION, basic

NAME = "devops.example.test"


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    with Service(Organization.parse(ORGANIZATION)) as running:
        yield running


@pytest.fixture
def proxy(service: Service) -> Iterator[ForwardProxy]:
    with ForwardProxy(hosts={NAME.upper(): (service.host, service.port)}) as running:
        yield running


def through(
    proxy: ForwardProxy,
    url: str,
    method: str = "GET",
    headers: dict[str, str] | None = None,
    body: bytes = b"",
) -> tuple[int, dict[str, str], str]:
    """One request through a proxy: status, headers and body of the answer."""
    connection = http.client.HTTPConnection("127.0.0.1", proxy.port, timeout=10)
    try:
        connection.request(method, url, body or None, headers or {})
        response = connection.getresponse()
        return response.status, dict(response.getheaders()), response.read().decode()
    finally:
        connection.close()


def test_a_known_name_leads_to_this_machine(proxy: ForwardProxy) -> None:
    url = f"http://{NAME}/pkgs/acme/_packaging/fuel/pypi/simple/kerosene/"
    status, _, text = through(proxy, f"{url}?x=secret", headers={"Authorization": basic("token-rita")})
    assert status == 200
    assert f'href="http://{NAME}/pkgs/acme/' in text
    (record,) = proxy.log
    assert (record.method, record.host, record.port, record.status) == ("GET", NAME, 80, 200)
    assert record.path == "/pkgs/acme/_packaging/fuel/pypi/simple/kerosene/"


def test_loopback_needs_no_name(proxy: ForwardProxy, service: Service) -> None:
    for host in ("127.0.0.1", "localhost"):
        status, _, _ = through(proxy, f"http://{host}:{service.port}/public/simple/")
        assert status == 200


def test_a_body_is_passed_on(proxy: ForwardProxy, service: Service) -> None:
    body = b'{"kind": "throttle", "path": "never"}'
    kind = {"Content-Type": "application/json"}
    status, _, _ = through(proxy, f"http://{NAME}/_emulator/faults", "POST", kind, body)
    assert status == 201
    service.faults.clear()


def test_everything_else_is_refused(proxy: ForwardProxy) -> None:
    for url in ("http://outside.example.test/", "http://203.0.113.7/", "http://127.0.0.1.example.test/"):
        assert through(proxy, url)[0] == 502
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        assert through(proxy, f"http://127.0.0.1:{taken.getsockname()[1]}/")[0] == 502
    assert through(proxy, "203.0.113.7:443", "CONNECT")[0] == 502
    assert [record.status for record in proxy.log] == [502] * 5


def test_what_is_no_request_to_a_proxy(proxy: ForwardProxy) -> None:
    for target in ("/path", "ftp://127.0.0.1/", "http://[/", "http://127.0.0.1:port/", "http:///"):
        with socket.create_connection(("127.0.0.1", proxy.port), timeout=10) as connection:
            connection.sendall(f"GET {target} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            assert connection.recv(4096).startswith(b"HTTP/1.1 400 ")
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=10) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nX: " + b"x" * 100_000)
        with suppress(ConnectionResetError):
            assert connection.recv(4096) == b""


def test_a_proxy_that_demands_a_credential(service: Service) -> None:
    hosts = {NAME: (service.host, service.port)}
    with ForwardProxy(hosts, user="prö xy", password=SecretStr("p@ss:w%rd")) as proxy:
        url = f"http://{NAME}/public/simple/"
        status, headers, _ = through(proxy, url)
        assert (status, headers["Proxy-Authenticate"]) == (407, 'Basic realm="emulator proxy"')
        for pair in ("prö xy:wrong", "other:p@ss:w%rd", "pr%C3%B6%20xy:p%40ss%3Aw%25rd"):
            header = {"Proxy-Authorization": f"Basic {b64encode(pair.encode()).decode()}"}
            assert through(proxy, url, headers=header)[0] == 407
        assert through(proxy, url, headers={"Proxy-Authorization": "Basic %%%"})[0] == 407
        right = b64encode("prö xy:p@ss:w%rd".encode()).decode()
        assert through(proxy, url, headers={"Proxy-Authorization": f"Basic {right}"})[0] == 200
        assert [record.user for record in proxy.log][1::4] == ["prö xy", "prö xy"]
        assert "p@ss" not in repr(proxy.log)
        assert proxy.url_with_credential.get_secret_value() == (
            f"http://pr%C3%B6%20xy:p%40ss%3Aw%25rd@127.0.0.1:{proxy.port}"
        )


def test_a_tunnel() -> None:
    authority = trustme.CA(key_type=trustme.KeyType.ECDSA)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(NAME).configure_cert(tls)
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    with (
        Service(Organization.parse(ORGANIZATION), tls=tls) as service,
        ForwardProxy({NAME: (service.host, service.port)}) as proxy,
    ):
        connection = http.client.HTTPSConnection("127.0.0.1", proxy.port, timeout=10, context=trusting)
        try:
            connection.set_tunnel(NAME, 443)
            for _ in range(2):
                headers = {"Authorization": basic("token-rita")}
                connection.request("GET", "/pkgs/acme/_packaging/fuel/pypi/simple/kerosene/", headers=headers)
                response = connection.getresponse()
                assert response.status == 200
                assert f'href="https://{NAME}/pkgs/acme/' in response.read().decode()
        finally:
            connection.close()
        assert [(r.method, r.host, r.port, r.path) for r in proxy.log] == [("CONNECT", NAME, 443, "")]


def test_an_address_without_a_demanded_credential(proxy: ForwardProxy) -> None:
    assert proxy.url_with_credential.get_secret_value() == proxy.url == f"http://127.0.0.1:{proxy.port}"


def test_a_client_that_leaves_early_does_no_harm(proxy: ForwardProxy, service: Service) -> None:
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=10):
        pass
    service.faults.add(Fault("endless-body"))
    path = urlsplit(service.public_index_url).path
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=10) as connection:
        connection.sendall(f"GET http://{NAME}{path} HTTP/1.1\r\nHost: {NAME}\r\n\r\n".encode())
        assert connection.recv(1000)
    assert through(proxy, service.public_index_url)[0] == 200
