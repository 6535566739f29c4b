"""What a thief of the tool would try, each attempt once seen to work."""

import base64
import os
import threading
from collections.abc import Iterator

import pytest

from azure_devops_emulator import Fault
from pip_authenticate.outputs.stream import Stream
from support.federated import Job, contoso
from support.http_service import Answer, Service, json_answer, serving
from support.organisation import TOKEN, Organisation, route_table
from support.task import Connection, Task, environment, guid

HTML = ("Content-Type", "text/html")


@pytest.fixture
def job() -> Iterator[Job]:
    with contoso() as one:
        yield one


def index(service: Service, href: str) -> Connection:
    """A service connection to an index that lists one file of `pkg`."""
    page = f'<!DOCTYPE html><title>Links for pkg</title><a href="{href}">pkg-1.whl</a>'.encode()
    service.routes["GET /simple/pkg/"] = lambda _: Answer(200, page, "OK", [HTML])
    return Connection.login(1, f"{service.url}/simple/", "user", "index-canary")


def told(stranger: Service) -> str:
    """Everything that a host was told."""
    return " ".join(f"{request} {request.login}" for request in stranger.requests)


# ---- addresses that two readers read differently ------------------------------------------------


@pytest.mark.parametrize(
    "trick", ["{evil}\\@{home}/x", "{evil}%5C@{home}/x", "{evil}#@{home}/x", "x@{evil}/"]
)
def test_a_redirect_to_a_tricky_address_gets_no_token(
    task: Task, hosted: Organisation, stranger: Service, trick: str
) -> None:
    hosts = {"evil": stranger.url.partition("//")[2], "home": hosted.address.partition("//")[2]}
    there = [("Location", f"http://{trick.format(**hosts)}")]
    hosted.service.routes[hosted.area_route] = lambda _: Answer(302, headers=there)
    run = task.run(environment(feeds="f", organisation=hosted))
    assert run.failed_cleanly()
    assert TOKEN not in told(stranger)


@pytest.mark.parametrize(
    "trick", ["{evil}\\@{home}/pkg-1.whl", "user@{evil}/pkg-1.whl", "[x/", "[::1/", "a\u2100b/x"]
)
def test_a_link_to_a_tricky_address_is_not_followed(task: Task, stranger: Service, trick: str) -> None:
    with serving(lambda _: Answer(404)) as service:
        hosts = {"evil": stranger.url.partition("//")[2], "home": service.url.partition("//")[2]}
        connection = index(service, f"http://{trick.format(**hosts)}")
        run = task.run(environment(connections=[connection], INPUT_VERIFY="warn", INPUT_VERIFYPACKAGE="pkg"))
    assert run.result == "Succeeded", run.errors
    assert stranger.requests == []


# ---- answers of somebody else --------------------------------------------------------------------


def test_a_feed_service_named_by_a_stranger_gets_no_token(
    task: Task, hosted: Organisation, stranger: Service
) -> None:
    stranger.routes["GET /area"] = lambda _: json_answer({"locationUrl": f"{stranger.url}/o/"})
    there = [("Location", f"{stranger.url}/area")]
    hosted.service.routes[hosted.area_route] = lambda _: Answer(302, headers=there)
    run = task.run(environment(feeds="f", organisation=hosted))
    assert run.failed_cleanly()
    assert stranger.requests == []


@pytest.mark.parametrize(
    "route", ["{project}/../evil/_packaging/{feedId}/pypi/simple", "%2e%2e/{project}/{feedId}"]
)
def test_a_route_that_leads_elsewhere_is_refused(task: Task, hosted: Organisation, route: str) -> None:
    hosted.table = route_table(route)
    run = task.run(environment(feeds="f", organisation=hosted))
    assert run.failed_cleanly()


def test_roles_and_guids_told_by_a_stranger_are_not_believed(task: Task, job: Job, stranger: Service) -> None:
    job.service.faults.add(Fault("redirect", path="^/feeds/", location=f"{stranger.url}/x", times=0))
    run = task.run(job.environment(feeds="shared", connections=(job.connection("personal"),)))
    assert run.failed_cleanly()
    assert stranger.requests == []


def test_a_tenant_told_by_a_stranger_is_not_believed(task: Task, job: Job, stranger: Service) -> None:
    tenant = ("X-VSS-ResourceTenant", guid(9))
    stranger.routes["GET /x"] = lambda _: Answer(401, headers=[tenant])
    job.service.faults.add(Fault("redirect", path="/_packaging/", location=f"{stranger.url}/x", times=0))
    run = task.run(job.environment(job.feed("deliveries"), federation="robot"))
    assert run.result == "Succeeded", run.errors
    assert not any(guid(9) in record.path for record in job.service.log)


def test_a_page_from_elsewhere_is_no_feed(task: Task, job: Job, stranger: Service) -> None:
    job.service.faults.add(Fault("redirect", path="/_packaging/", location=f"{stranger.url}/x", times=0))
    run = task.run(job.environment(feeds="shared", INPUT_VERIFY="fail"))
    assert run.failed_cleanly()
    assert "redirects to another place" in run.errors[0]


# ---- what a log tells ----------------------------------------------------------------------------


def test_lines_of_several_threads_are_not_torn() -> None:
    reader, writer = os.pipe()
    stream = Stream(writer)
    threads = [threading.Thread(target=stream.write, args=(f"{number}" * 30_000,)) for number in range(8)]
    received = bytearray()

    def read() -> None:
        while chunk := os.read(reader, 777):
            received.extend(chunk)

    slow = threading.Thread(target=read)
    for thread in (slow, *threads):
        thread.start()
    for thread in threads:
        thread.join()
    os.close(writer)
    slow.join()
    os.close(reader)
    assert sorted(received.decode().splitlines()) == [f"{number}" * 30_000 for number in range(8)]


def test_the_signature_of_a_download_is_not_logged(task: Task, stranger: Service) -> None:
    with serving(lambda _: Answer(404)) as service:
        stranger.routes["GET /b"] = lambda _: Answer(206, b"x")
        there = [("Location", f"{stranger.url}/b?sig=signature-canary&se=2026")]
        service.routes["GET /pkg-1.whl"] = lambda _: Answer(303, headers=there)
        connection = index(service, "/pkg-1.whl")
        run = task.run(environment(connections=[connection], INPUT_VERIFY="fail", INPUT_VERIFYPACKAGE="pkg"))
    assert run.succeeded(), run.errors
    assert len(stranger.requests) == 1
    assert not any("signature-canary" in line for line in run.lines)


def test_a_token_with_a_user_name_beside_it_is_masked_as_it_is_sent(task: Task) -> None:
    connection = Connection(
        guid(1), "https://h.example/", "Token", {"apitoken": "canary", "username": "someone"}
    )
    run = task.run(environment(connections=[connection]))
    assert base64.b64encode(b"build:canary").decode() in run.secrets


@pytest.mark.parametrize("key", ["oidcToken", "access_token"])
def test_a_reason_phrase_does_not_tell_a_token_before_it_is_registered(task: Task, key: str) -> None:
    def answer(request: object) -> Answer:
        token = {"oidcToken": "assertion-canary", "access_token": "token-canary", "expires_in": 3599}
        return json_answer(token, reason=f"Here: {token[key]}") if "POST" in str(request) else Answer(
            401, headers=[("X-VSS-ResourceTenant", guid(9))]
        )  # fmt: skip

    with serving(answer) as service:
        home = f"{service.url}/org/contoso/"
        env = environment(organisation=None) | {
            "SYSTEM_TEAMFOUNDATIONCOLLECTIONURI": home,
            "ENDPOINT_URL_SYSTEMVSSCONNECTION": home,
            "SYSTEM_SERVERTYPE": "Hosted",
            "SYSTEM_OIDCREQUESTURI": f"{home}oidc",
            "AZURE_AUTHORITY_HOST": service.url,
            "INPUT_FEEDURL": f"{home}_packaging/f/pypi/simple/",
            "INPUT_WORKLOADIDENTITYSERVICECONNECTION": guid(3),
            f"ENDPOINT_AUTH_{guid(3)}": '{"scheme": "X", "parameters": {"ServicePrincipalId": "p"}}',
        }
        run = task.run(env)
    assert run.succeeded(), run.errors
    assert run.leaks("assertion-canary", "token-canary", user=guid(3)) == []


@pytest.mark.parametrize(
    "entry",
    [
        "build:written-down@pkgs.dev.azure.com/contoso",
        "https:/u:written-down@h/x",
        "https://u:before,written-down@h.example/_packaging/f/pypi/simple/",
    ],
)
def test_a_password_written_into_the_input_is_not_shown(task: Task, hosted: Organisation, entry: str) -> None:
    run = task.run(environment(feeds=entry, organisation=hosted))
    assert run.failed_cleanly()
    assert not any("written-down" in line for line in run.lines)


@pytest.mark.parametrize("decodes", ["true", "false"])
def test_an_encoded_line_end_makes_no_second_line(task: Task, decodes: str) -> None:
    env = environment(DECODE_PERCENTS=decodes)
    env["INPUT_PYTHONDOWNLOADSERVICECONNECTIONS"] = "x%0APIP says all is well%0D%0A%5D%3B"
    run = task.run(env)
    assert run.failed_cleanly()
    assert all("\n" not in command.data and "\r" not in command.data for command in run.commands)
    assert any("PIP says" in text for text in run.errors)


# ---- time ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "page", ["<a " * 400_000, "<a href" * 200_000, '<a x="' * 200_000, "<a " + "x " * 400_000]
)
def test_a_hostile_page_takes_no_time(task: Task, page: str) -> None:
    with serving(lambda _: Answer(404)) as service:
        connection = index(service, "")
        service.routes["GET /simple/pkg/"] = lambda _: Answer(200, page.encode(), "OK", [HTML])
        run = task.run(environment(connections=[connection], INPUT_VERIFY="warn", INPUT_VERIFYPACKAGE="pkg"))
    assert run.result == "Succeeded"
    assert run.seconds < 20


# ---- the small ones ------------------------------------------------------------------------------


def test_pip_and_verify_send_the_same_bytes(task: Task) -> None:
    with serving(lambda _: Answer(404)) as service:
        connection = Connection.login(1, f"{service.url}/simple/", "us\u00e9r", "p\u00e4ss")
        task.run(environment(connections=[connection], INPUT_VERIFY="warn"))
        sent = {request.headers["authorization"] for request in service.requests}
    assert sent == {"Basic " + base64.b64encode("us\u00e9r:p\u00e4ss".encode("latin-1")).decode()}


def test_a_path_that_leads_out_of_the_organisation_gets_no_token(task: Task, hosted: Organisation) -> None:
    url = f"{hosted.address}/pkgs/contoso/..%2Fevil/_packaging/f/pypi/simple/"
    run = task.run(environment(feeds=url, organisation=hosted))
    assert run.failed_cleanly()


def test_a_variable_of_linux_desktops_is_no_input(task: Task) -> None:
    run = task.run(
        environment(connections=[Connection.login(1, "https://h.example/", "u", "p")], INPUT_METHOD="ibus")
    )
    assert run.warnings == []


def test_a_package_that_nobody_lists_is_told(task: Task, job: Job) -> None:
    run = task.run(job.environment(feeds="shared", INPUT_VERIFY="fail", INPUT_VERIFYPACKAGE="Shaerd"))
    assert run.result == "Succeeded", run.errors
    assert any("No index that can be read lists the package Shaerd" in text for text in run.warnings)


def test_one_organisation_in_two_spellings_is_one(task: Task, job: Job) -> None:
    other = job.feed("personal").replace("/contoso/", "/Contoso/")
    run = task.run(job.environment(feeds="shared", connections=(Connection.token(7, other, "canary-rita"),)))
    assert run.result == "Succeeded", run.errors
    assert all("/pkgs/contoso/_packaging/" in url for name in run.variables for url in run.index_urls(name))
    assert len(job.asked("feeds")) == 2


def test_two_credentials_where_nobody_tells_guids_are_warned_of(task: Task) -> None:
    with serving(lambda _: Answer(404)) as service:
        connections = [
            Connection.token(number, f"{service.url}/o/_packaging/f{number}/pypi/simple/", f"canary{number}")
            for number in (1, 2)
        ]
        run = task.run(environment(connections=connections, token=""))
    assert run.result == "Succeeded", run.errors
    assert any("the first one's credential is sent for the others" in text for text in run.warnings)
