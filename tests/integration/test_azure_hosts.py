"""The real host names of Azure DevOps, answered by a scripted service behind an inspecting proxy."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import pytest
import trustme

from support.certificates import server_context
from support.http_service import Answer, Request, Service, json_answer, serving
from support.organisation import PYPI_AREA, TOKEN, route_table
from support.task import Connection, Run, Task, endpoint, environment, guid
from support.web_proxy import WebProxy, proxying

HOSTS = (
    "dev.azure.com",
    "pkgs.dev.azure.com",
    "feeds.dev.azure.com",
    "login.microsoftonline.com",
    "contoso.visualstudio.com",
    "contoso.pkgs.visualstudio.com",
    "other.pkgs.visualstudio.com",
)
TENANT = "12345678-1234-4234-8234-123456789abc"
FEED_IDS = {name: guid(number) for number, name in enumerate(("one", "two", "three"), 50)}


@dataclass
class Azure:
    """Azure DevOps and Entra as far as the tests ask them.

    Args:
        service: answers under every name.
        proxy: leads there.
        authority: file with the proxy's certificate authority.
    """

    service: Service
    proxy: WebProxy
    authority: str

    def run(
        self,
        task: Task,
        given: Mapping[str, str],
        *,
        home: str = "https://dev.azure.com/contoso/",
        connections: Iterable[Connection] = (),
    ) -> Run:
        """Start the task in a job of the organisation `contoso`."""
        env = environment(connections=connections) | {
            "SYSTEM_TEAMFOUNDATIONCOLLECTIONURI": home,
            "ENDPOINT_URL_SYSTEMVSSCONNECTION": home,
            "SYSTEM_SERVERTYPE": "Hosted",
            "AGENT_PROXYURL": self.proxy.url,
            "AGENT_CAINFO": self.authority,
            "SYSTEM_OIDCREQUESTURI": f"{home}_apis/oidctoken",
        }
        return task.run({**env, **given})

    @property
    def asked(self) -> list[str]:
        """Method, host and path of every request."""
        return [f"{one.method} {one.headers['host']}{one.path}" for one in self.service.requests]


def answer(request: Request) -> Answer:
    """What any of the hosts says."""
    path, host = request.path, request.headers["host"]
    if path.endswith("oauth2/v2.0/token"):
        return json_answer({"token_type": "Bearer", "expires_in": 3599, "access_token": "entra-canary"})
    if path.endswith("oidctoken"):
        return json_answer({"oidcToken": "assertion-canary"})
    if path.lower().endswith(PYPI_AREA.lower()):
        return json_answer({"locationUrl": "https://pkgs.dev.azure.com/contoso/"})
    if request.method == "OPTIONS":
        return json_answer(route_table())
    if host.startswith("feeds.") and request.login:
        name = path.rpartition("/")[2]
        return json_answer({"id": FEED_IDS[name], "name": name, "project": None})
    return Answer(401, headers=[("X-VSS-ResourceTenant", TENANT)])


@pytest.fixture
def azure(authority: trustme.CA, authority_file: str) -> Iterator[Azure]:
    with serving(answer, server_context(authority, *HOSTS)) as service:
        ports = {f"{host}:443": service.url.rpartition(":")[2] for host in HOSTS}
        with proxying({name: int(port) for name, port in ports.items()}) as proxy:
            yield Azure(service, proxy, authority_file)


def test_feeds_by_name_and_full_urls(task: Task, azure: Azure) -> None:
    urls = (
        "https://pkgs.dev.azure.com/contoso/_packaging/two/pypi/simple/",
        "https://contoso@pkgs.dev.azure.com/Contoso/p/_packaging/two/pypi/simple/",
        "https://contoso.pkgs.visualstudio.com/_packaging/three/pypi/simple",
    )
    run = azure.run(task, {"INPUT_ARTIFACTFEEDS": f"one,{','.join(urls)}"})
    assert run.succeeded(), run.errors
    assert run.index_urls() == [
        f"https://build:{TOKEN}@pkgs.dev.azure.com/contoso/_packaging/one/pypi/simple"
    ]
    assert run.index_urls("PIP_EXTRA_INDEX_URL") == [
        url.replace("contoso@", "").replace("://", f"://build:{TOKEN}@") for url in urls
    ]
    assert azure.asked == [
        f"GET dev.azure.com/contoso/_apis/ResourceAreas/{PYPI_AREA}",
        "OPTIONS pkgs.dev.azure.com/contoso/_apis/PyPi",
    ]


@pytest.mark.parametrize("home", ["https://dev.azure.com/contoso/", "https://contoso.visualstudio.com/"])
def test_full_urls_alone_need_no_request(task: Task, azure: Azure, home: str) -> None:
    url = "https://pkgs.dev.azure.com/contoso/p/_packaging/one@Release/pypi/simple/"
    run = azure.run(task, {"INPUT_ARTIFACTFEEDS": url}, home=home)
    assert run.succeeded(), run.errors
    assert azure.asked == []


@pytest.mark.parametrize(
    "url",
    [
        "https://pkgs.dev.azure.com/other/_packaging/one/pypi/simple/",
        "https://other.pkgs.visualstudio.com/_packaging/one/pypi/simple/",
        "https://pkgs.dev.azure.com/contosoo/_packaging/one/pypi/simple/",
        "https://pkgs.dev.azure.com.evil.example/contoso/_packaging/one/pypi/simple/",
        "https://evil-pkgs.dev.azure.com.example/contoso/_packaging/one/pypi/simple/",
        "https://pkgs.dev.azure.com:8443/contoso/_packaging/one/pypi/simple/",
        "http://pkgs.dev.azure.com/contoso/_packaging/one/pypi/simple/",
    ],
)
def test_the_jobs_token_goes_to_no_other_organisation(task: Task, azure: Azure, url: str) -> None:
    run = azure.run(task, {"INPUT_ARTIFACTFEEDS": url})
    assert run.failed_cleanly()
    assert azure.asked == []
    assert url in run.errors[0]


def federated(urls: str) -> dict[str, str]:
    """The inputs of federation, and its connection."""
    parameters = {"ServicePrincipalId": guid(60), "TenantId": guid(61)}
    return {
        "INPUT_WORKLOADIDENTITYSERVICECONNECTION": guid(62),
        "INPUT_FEEDURL": urls,
        **endpoint(guid(62), "https://dev.azure.com/contoso/", "WorkloadIdentityFederation", parameters),
    }


def test_one_probe_for_each_organisation_and_one_token_for_a_tenant(task: Task, azure: Azure) -> None:
    urls = [
        "https://pkgs.dev.azure.com/contoso/_packaging/one/pypi/simple/",
        "https://pkgs.dev.azure.com/contoso/some%20project/_packaging/one/pypi/simple/",
        "https://pkgs.dev.azure.com/other/_packaging/one/pypi/simple/",
        "https://other.pkgs.visualstudio.com/_packaging/one/pypi/simple/",
        "https://other.pkgs.visualstudio.com/p/_packaging/two/pypi/simple/",
    ]
    run = azure.run(task, federated("\n".join(urls)))
    assert run.succeeded(), run.errors
    probes = [one for one in azure.asked if "/_packaging/" in one]
    assert len(probes) == 2, "one organisation has two forms of address"
    assert [one for one in azure.asked if one.startswith("POST")] == [
        "POST dev.azure.com/contoso/_apis/oidctoken",
        f"POST login.microsoftonline.com/{TENANT}/oauth2/v2.0/token",
    ]
    assert run.index_urls()[0].startswith(f"https://{guid(62)}:entra-canary@pkgs.dev.azure.com/contoso/")
    assert run.leaks("entra-canary", "assertion-canary", user=guid(62)) == []


@pytest.mark.parametrize(
    "url",
    [
        "https://evil-pkgs.visualstudio.com/_packaging/one/pypi/simple/",
        "https://pkgs.dev.azure.com.evil.example/contoso/_packaging/one/pypi/simple/",
        "https://pkgs.dev.azure.com@evil.example/contoso/_packaging/one/pypi/simple/",
        "https://evil.example/https://pkgs.dev.azure.com/contoso/_packaging/one/pypi/simple/",
        "http://pkgs.dev.azure.com/contoso/_packaging/one/pypi/simple/",
        "https://feeds.dev.azure.com.example/_packaging/one/pypi/simple/",
    ],
)
def test_a_federated_token_is_not_asked_for_a_foreign_host(task: Task, azure: Azure, url: str) -> None:
    run = azure.run(task, federated(url))
    assert run.failed_cleanly()
    assert azure.asked == []


@pytest.mark.parametrize(
    "broken", ["http://[", "https://a b/", "ftp://login.example", "https://u:p@login.example"]
)
def test_an_authority_that_is_no_address(task: Task, azure: Azure, broken: str) -> None:
    url = "https://pkgs.dev.azure.com/contoso/_packaging/one/pypi/simple/"
    run = azure.run(task, {"AZURE_AUTHORITY_HOST": broken, **federated(url)})
    assert run.failed_cleanly()
    assert "AZURE_AUTHORITY_HOST" in run.errors[0]
    assert not any(one.startswith("POST") for one in azure.asked)


@pytest.mark.parametrize(
    "broken",
    [
        *("", "http://[", "http://dev.azure.com/contoso/", "nowhere", "https://evil.example/oidctoken"),
        *(
            "https://dev.azure.com@evil.example/x",
            "https://dev.azure.com/contoso/x#y",
            "http://evil\\@127.0.0.1/",
        ),
    ],
)
def test_an_assertion_is_asked_for_at_a_safe_address_only(task: Task, azure: Azure, broken: str) -> None:
    url = "https://pkgs.dev.azure.com/contoso/_packaging/one/pypi/simple/"
    run = azure.run(task, {"SYSTEM_OIDCREQUESTURI": broken, **federated(url)})
    assert run.failed_cleanly()
    assert "System.OidcRequestUri" in run.errors[0]
    assert not any(one.startswith("POST") for one in azure.asked)


@pytest.mark.parametrize("token", ["line\r\nend", "€", "a b\x7f"])
def test_a_job_token_that_no_header_carries(task: Task, azure: Azure, token: str) -> None:
    url = "https://pkgs.dev.azure.com/contoso/_packaging/one/pypi/simple/"
    system = endpoint(
        "SYSTEMVSSCONNECTION", "https://dev.azure.com/contoso/", "OAuth", {"AccessToken": token}
    )
    run = azure.run(task, {**federated(url), **system})
    assert run.failed_cleanly()
    assert "holds characters that no token has" in run.errors[0]


@pytest.mark.parametrize("codes", [[700213], [], None])
def test_a_refusal_without_a_description(task: Task, azure: Azure, codes: object) -> None:
    azure.service.routes[f"POST /{TENANT}/oauth2/v2.0/token"] = lambda _: json_answer(
        {"error": "invalid_client", "error_codes": codes, "trace_id": "the-trace"}, 401
    )
    url = "https://pkgs.dev.azure.com/contoso/_packaging/one/pypi/simple/"
    run = azure.run(task, federated(url))
    assert run.failed_cleanly()
    assert "the-trace" in run.errors[0]
    assert ("AADSTS700213" in run.errors[0]) == (codes == [700213])


def test_two_credentials_get_guids_from_the_feeds_host(task: Task, azure: Azure) -> None:
    connections = [
        Connection.token(70, "https://pkgs.dev.azure.com/contoso/_packaging/two/pypi/simple/", "two-canary"),
        Connection.token(
            71, "https://contoso.pkgs.visualstudio.com/_packaging/three/pypi/simple/", "three-canary"
        ),
        Connection.token(
            72, "https://contoso.pkgs.visualstudio.com/_packaging/one/pypi/simple/", "one-canary"
        ),
    ]
    run = azure.run(task, {"INPUT_ARTIFACTFEEDS": "one"}, connections=connections)
    assert run.succeeded(), run.errors
    hosts = "pkgs.dev.azure.com/contoso", "contoso.pkgs.visualstudio.com"
    assert [*run.index_urls(), *run.index_urls("PIP_EXTRA_INDEX_URL")] == [
        f"https://build:{TOKEN}@{hosts[0]}/_packaging/{FEED_IDS['one']}/pypi/simple",
        f"https://build:two-canary@{hosts[0]}/_packaging/{FEED_IDS['two']}/pypi/simple/",
        f"https://build:three-canary@{hosts[1]}/_packaging/{FEED_IDS['three']}/pypi/simple/",
        f"https://build:one-canary@{hosts[1]}/_packaging/{FEED_IDS['one']}/pypi/simple/",
    ]
    logins = {one.path.rpartition("/")[2]: set[str]() for one in azure.service.requests}
    for one in azure.service.requests:
        if one.headers["host"] == "feeds.dev.azure.com" and one.login:
            logins[one.path.rpartition("/")[2]].add(one.login[1])
    assert {name: logins[name] for name in FEED_IDS} == {
        "one": {TOKEN, "one-canary"}, "two": {"two-canary"}, "three": {"three-canary"},
    }  # fmt: skip


@pytest.mark.parametrize(
    "body",
    [
        b"[]", b"null", b'{"id": "no-guid", "name": "two"}', b'{"id": 5}', b"[" * 100_000, b"\xff", b"",
        json.dumps({"id": "##vso[task.complete result=Succeeded;]", "name": "\n##vso[x.y]"}).encode(),
    ],
)  # fmt: skip
def test_a_feed_of_another_shape_fails_the_run(task: Task, azure: Azure, body: bytes) -> None:
    kind = [("Content-Type", "application/json")]
    azure.service.routes["GET /contoso/_apis/packaging/feeds/two"] = lambda _: Answer(200, body, "OK", kind)
    connection = Connection.token(
        70, "https://pkgs.dev.azure.com/contoso/_packaging/two/pypi/simple/", "two-canary"
    )
    run = azure.run(task, {"INPUT_ARTIFACTFEEDS": "one"}, connections=[connection])
    assert run.failed_cleanly()
