"""Servers' certificates, and the agent's own."""

import os
import pty
import ssl
import sys
from pathlib import Path

import pytest
import trustme

from support.certificates import ClientFiles, client_files, server_context
from support.http_service import Answer, serving
from support.organisation import TOKEN, Organisation, organisation
from support.task import Connection, Task, environment


@pytest.fixture(scope="module")
def client(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> ClientFiles:
    """A client certificate that the authority issued."""
    return client_files(authority, tmp_path_factory.mktemp("client"))


def test_a_certificate_of_an_unknown_authority_is_refused_at_once(task: Task, authority: trustme.CA) -> None:
    with organisation(tls=server_context(authority, "127.0.0.1")) as stranger:
        run = task.run(environment(feeds="f", organisation=stranger))
        assert stranger.questions == [], "nothing is sent to a server that could be anybody"
    assert run.failed_cleanly()
    assert len(run.errors) == 1
    assert "127.0.0.1" in run.errors[0]
    assert "--sslcacert" in run.errors[0]
    assert run.seconds < 15


def test_the_authorities_that_node_is_told_of_are_trusted(
    task: Task, authority: trustme.CA, authority_file: str
) -> None:
    with organisation(tls=server_context(authority, "127.0.0.1")) as one:
        run = task.run(environment(feeds="f", organisation=one, NODE_EXTRA_CA_CERTS=authority_file))
        assert run.succeeded(), run.errors


@pytest.mark.parametrize("file", ["/nowhere/x.pem", "/dev/zero", "/etc/hostname", "relative.pem"])
def test_a_file_that_node_would_pass_over_is_passed_over(
    task: Task, authority: trustme.CA, authority_file: str, file: str
) -> None:
    with organisation(tls=server_context(authority, "127.0.0.1")) as one:
        env = environment(feeds="f", organisation=one, AGENT_CAINFO=authority_file, NODE_EXTRA_CA_CERTS=file)
        run = task.run(env)
    assert run.succeeded(), run.errors
    assert any("NODE_EXTRA_CA_CERTS" in text for text in run.debug)


def test_a_certificate_for_another_name_is_refused(
    task: Task, authority: trustme.CA, authority_file: str
) -> None:
    with organisation(tls=server_context(authority, "other.example")) as stranger:
        run = task.run(environment(feeds="f", organisation=stranger, AGENT_CAINFO=authority_file))
        assert stranger.questions == []
    assert run.failed_cleanly()
    assert len(run.errors) == 1


def test_a_redirect_from_https_to_plain_http_is_refused(
    task: Task, hosted: Organisation, authority: trustme.CA, authority_file: str
) -> None:
    with organisation(tls=server_context(authority, "127.0.0.1")) as secure:
        there = [("Location", f"{hosted.address}/anything")]
        secure.service.routes[secure.area_route] = lambda _: Answer(307, headers=there)
        run = task.run(environment(feeds="f", organisation=secure, AGENT_CAINFO=authority_file))
    assert run.failed_cleanly()
    assert len(run.errors) == 1
    assert "plain http" in run.errors[0]
    assert hosted.questions == []


def test_skipping_the_check_works_with_a_warning(task: Task, authority: trustme.CA) -> None:
    with organisation(tls=server_context(authority, "other.example")) as one:
        run = task.run(environment(feeds="f", organisation=one, AGENT_SKIPCERTVALIDATION="True"))
        assert run.result == "Succeeded"
        assert run.variables["PIP_INDEX_URL"].startswith(f"https://build:{TOKEN}@")
        assert len(run.warnings) == 1


@pytest.mark.parametrize("locked", [True, False])
def test_a_client_certificate_is_shown(
    task: Task,
    authority: trustme.CA,
    authority_file: str,
    client: ClientFiles,
    locked: bool,  # noqa: FBT001
) -> None:
    with organisation(tls=server_context(authority, "127.0.0.1", asks_client=True)) as server:
        env = environment(
            feeds="f", organisation=server, AGENT_CAINFO=authority_file, AGENT_CLIENTCERT=client.chain
        )
        env["AGENT_CLIENTCERTKEY"] = client.locked_key if locked else client.key
        env["SECRET_AGENT_CLIENTCERTPASSWORD"] = client.password if locked else ""
        run = task.run(env)
        assert run.succeeded()
        assert all(request.certificate for request in server.service.requests)
    assert run.leaks(client.password) == []


def test_a_stranger_is_shown_no_client_certificate(
    task: Task, authority: trustme.CA, authority_file: str, client: ClientFiles
) -> None:
    def tls() -> ssl.SSLContext:
        return server_context(authority, "127.0.0.1", asks_client=True, insists=False)

    with serving(lambda _: Answer(206, b"x"), tls=tls()) as stranger, serving(tls=tls()) as index:
        page = f'<!DOCTYPE html><title>Links for pkg</title><a href="{stranger.url}/pkg-1.whl">pkg-1.whl</a>'
        html = [("Content-Type", "text/html")]
        index.routes["GET /simple/pkg/"] = lambda _: Answer(200, page.encode(), "OK", html)
        connection = Connection.login(1, f"{index.url}/simple/", "user", "index-canary")
        env = environment(connections=[connection], INPUT_VERIFY="fail", INPUT_VERIFYPACKAGE="pkg") | {
            "AGENT_CAINFO": authority_file,
            "AGENT_CLIENTCERT": client.chain,
            "AGENT_CLIENTCERTKEY": client.key,
        }
        run = task.run(env)
        assert run.succeeded(), run.errors
        assert [request.certificate for request in index.requests] == [True]
        assert [request.certificate for request in stranger.requests] == [False]
        assert "authorization" not in stranger.requests[0].headers


def test_a_service_that_misses_a_client_certificate_gets_one_clear_error(
    task: Task, authority: trustme.CA, authority_file: str
) -> None:
    with organisation(tls=server_context(authority, "127.0.0.1", asks_client=True)) as server:
        run = task.run(environment(feeds="f", organisation=server, AGENT_CAINFO=authority_file))
        assert server.questions == []
    assert run.failed_cleanly()
    assert len(run.errors) == 1
    assert "127.0.0.1" in run.errors[0]


@pytest.mark.parametrize(
    "fault", ["missing", "no certificate", "wrong password", "no password", "long password"]
)
def test_files_that_cannot_be_used_are_named_by_their_setting(
    task: Task, authority: trustme.CA, client: ClientFiles, tmp_path: Path, fault: str
) -> None:
    broken = tmp_path / "broken.pem"
    if fault == "no certificate":
        broken.write_text("canary\n", encoding="utf-8")
    variables = {"AGENT_CAINFO": str(broken)}
    if "password" in fault:
        word = {"wrong password": "wrong-canary", "no password": "", "long password": "x" * 5000}[fault]
        variables = {
            "AGENT_CLIENTCERT": client.chain,
            "AGENT_CLIENTCERTKEY": client.locked_key,
            "SECRET_AGENT_CLIENTCERTPASSWORD": word,
        }
    with organisation(tls=server_context(authority, "127.0.0.1")) as server:
        run = task.run({**environment(feeds="f", organisation=server), **variables})
        assert server.questions == []
    assert run.failed_cleanly()
    assert len(run.errors) == 1
    assert "--ssl" in run.errors[0]
    assert run.leaks("wrong-canary", client.password) == []


def test_nobody_is_asked_for_a_password_on_a_terminal(
    task: Task, authority: trustme.CA, client: ClientFiles
) -> None:
    with organisation(tls=server_context(authority, "127.0.0.1")) as server:
        env = environment(feeds="f", organisation=server)
        env |= {"AGENT_CLIENTCERT": client.chain, "AGENT_CLIENTCERTKEY": client.locked_key}
        process, terminal = pty.fork()
        if process == 0:  # the child has a terminal that OpenSSL could ask on
            command = [sys.executable, "-I", "-S", "-X", "utf8", "-u", str(task.folder / "main.py")]
            os.execve(command[0], command, env)  # noqa: S606 - no shell is meant
        shown = b""
        try:
            while piece := os.read(terminal, 65536):
                shown += piece
                assert b"phrase" not in shown, "asks on the terminal"
        except OSError:  # the other side has hung up
            pass
        finally:
            os.close(terminal)
            os.waitpid(process, 0)
    assert b"result=Failed" in shown
