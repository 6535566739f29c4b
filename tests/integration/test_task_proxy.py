"""Behind a web proxy; and beside one."""

import json
from collections.abc import Iterator
from urllib.parse import quote

import pytest
import trustme

from support.certificates import server_context
from support.http_service import Answer, serving, unused_port
from support.organisation import TOKEN, Organisation, organisation
from support.task import Task, environment, in_collection
from support.web_proxy import proxying

SERVER = "server.contoso.example"
LOGIN = ("proxy user", "proxy:pa$$%41-canary")


@pytest.fixture
def plain() -> Iterator[Organisation]:
    """A server on premises without encryption, known to the proxy only."""
    with organisation(hosted=False, address=f"http://{SERVER}:8080") as one:
        yield one


@pytest.fixture
def secure(authority: trustme.CA) -> Iterator[Organisation]:
    """An organisation with encryption, known to the proxy only."""
    with organisation(tls=server_context(authority, SERVER), address=f"https://{SERVER}") as one:
        yield one


def test_plain_http_goes_through_the_proxy_as_a_whole_url(task: Task, plain: Organisation) -> None:
    with proxying({f"{SERVER}:8080": plain.service.port}) as proxy:
        run = task.run(environment(feeds="f", organisation=plain, AGENT_PROXYURL=proxy.url))
        assert run.result == "Succeeded"
        assert proxy.targets == [f"OPTIONS http://{SERVER}:8080/tfs/Default/_apis/PyPi"]
        assert [request.login for request in plain.service.requests] == [("build", TOKEN)]
    assert run.variables == {"PIP_INDEX_URL": plain.index("f").replace("://", f"://build:{TOKEN}@")}
    assert len(run.warnings) == 2, "a job token over plain http is worth a warning"
    assert SERVER in run.warnings[1]


def test_a_login_may_stand_in_the_proxys_address(task: Task, plain: Organisation) -> None:
    with proxying({f"{SERVER}:8080": plain.service.port}, LOGIN) as proxy:
        userinfo = f"{quote(LOGIN[0])}:{quote(LOGIN[1], safe='')}"
        url = proxy.url.replace("://", f"://{userinfo}@")
        run = task.run(environment(feeds="f", organisation=plain, AGENT_PROXYURL=url))
    assert run.result == "Succeeded", run.errors
    assert run.leaks(LOGIN[1], user=LOGIN[0]) == []


def test_https_goes_through_a_tunnel_and_the_agents_authority_is_trusted(
    task: Task, secure: Organisation, authority_file: str
) -> None:
    with proxying({f"{SERVER}:443": secure.service.port}, LOGIN) as proxy:
        env = environment(feeds="f,g", organisation=secure, AGENT_PROXYURL=f"{proxy.url}/")
        env |= {
            "AGENT_PROXYUSERNAME": LOGIN[0],
            "SECRET_AGENT_PROXYPASSWORD": LOGIN[1],
            "AGENT_CAINFO": authority_file,
        }
        run = task.run(env)
        assert run.succeeded()
        assert proxy.targets == [f"CONNECT {SERVER}:443"], "one tunnel serves both requests"
        assert proxy.requests[0].proxy_login == LOGIN
        assert not any(TOKEN in str(request) for request in proxy.requests)
        assert not any("proxy-authorization" in request.headers for request in secure.service.requests)
    assert run.leaks(TOKEN) == []
    assert run.leaks(LOGIN[1], user=LOGIN[0]) == []
    assert set(run.variables) == {"PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL"}, "pip's proxy is not configured"


def test_a_password_that_is_mapped_openly_is_used_and_hidden_as_well(task: Task, plain: Organisation) -> None:
    with proxying({f"{SERVER}:8080": plain.service.port}, LOGIN) as proxy:
        env = environment(feeds="f", organisation=plain, AGENT_PROXYURL=proxy.url.removeprefix("http://"))
        env |= {"AGENT_PROXYUSERNAME": LOGIN[0], "AGENT_PROXYPASSWORD": LOGIN[1]}
        run = task.run(env)
    assert run.result == "Succeeded"
    assert run.leaks(LOGIN[1], user=LOGIN[0]) == []


@pytest.mark.parametrize("secured", [True, False])
def test_a_proxy_that_refuses_the_login_is_named(task: Task, plain: Organisation, secured: bool) -> None:  # noqa: FBT001
    collection = f"https://{SERVER}/tfs/Default/" if secured else plain.collection
    with proxying({f"{SERVER}:8080": plain.service.port}, LOGIN) as proxy:
        env = environment(feeds="f", organisation=plain, AGENT_PROXYURL=proxy.url, AGENT_PROXYUSERNAME="x")
        env = {**in_collection(env, collection), "SECRET_AGENT_PROXYPASSWORD": "wrong-canary"}
        run = task.run(env)
        assert len(proxy.requests) == 1, "a refusal is not worth another try"
    assert run.failed_cleanly()
    assert len(run.errors) == 1
    assert "407" in run.errors[0]
    assert "proxy" in run.errors[0]
    assert run.leaks("wrong-canary", user="x") == []


@pytest.mark.parametrize(
    "expressions",
    [[r"0\.0\.0\.0"], ["broken(", "a{99999999999}", "OTHER", "HTTP"], [r"^http://0\.0\.0\.0:\d+$"]],
)
def test_the_bypass_list_is_honoured(task: Task, expressions: list[str]) -> None:
    with proxying({}) as proxy, organisation(hosted=False) as server:
        # This address leads to this machine, but no rule calls it so.
        collection = server.collection.replace("127.0.0.1", "0.0.0.0")
        env = environment(feeds="f", organisation=server, AGENT_PROXYURL=proxy.url)
        env = in_collection(env, collection)
        env["AGENT_PROXYBYPASSLIST"] = json.dumps(expressions)
        assert task.run(env).result == "Succeeded"
        assert proxy.targets == []


@pytest.mark.parametrize(
    "bypass",
    ["", "no json", '"text"', '["other\\\\.example", 5, null]', '["broken("]', r'["^https://", ":80$"]'],
)
def test_what_the_bypass_list_does_not_match_goes_through_the_proxy(
    task: Task, plain: Organisation, bypass: str
) -> None:
    with proxying({f"{SERVER}:8080": plain.service.port}) as proxy:
        env = environment(
            feeds="f", organisation=plain, AGENT_PROXYURL=proxy.url, AGENT_PROXYBYPASSLIST=bypass
        )
        assert task.run(env).result == "Succeeded"
        assert len(proxy.requests) == 1


def test_this_machine_is_always_asked_directly(task: Task, hosted: Organisation) -> None:
    with proxying({}) as proxy:
        assert task.run(environment(feeds="f", organisation=hosted, AGENT_PROXYURL=proxy.url)).succeeded()
        assert proxy.requests == []


def test_proxies_that_the_built_in_task_does_not_know_do_not_count(task: Task, plain: Organisation) -> None:
    with proxying({f"{SERVER}:8080": plain.service.port}) as proxy, proxying({}) as other:
        others = dict.fromkeys(("http_proxy", "https_proxy", "ALL_PROXY", "PIP_PROXY"), other.url)
        run = task.run(environment(feeds="f", organisation=plain, HTTP_PROXY=proxy.url) | others)
        assert run.result == "Succeeded", run.errors
        assert len(proxy.requests) == 1
        assert other.requests == []
        assert list(run.variables) == ["PIP_INDEX_URL"]


# ---- proxies of the environment, where the agent has none -----------------------------------------------


def test_the_proxy_of_the_environment_serves_where_the_agent_has_none(
    task: Task, plain: Organisation
) -> None:
    with proxying({f"{SERVER}:8080": plain.service.port}, LOGIN) as proxy:
        address = proxy.url.replace("://", f"://{quote(LOGIN[0])}:{quote(LOGIN[1])}@")
        run = task.run(environment(feeds="f", organisation=plain, HTTP_PROXY=address))
        assert run.result == "Succeeded", run.errors
        assert proxy.targets == [f"OPTIONS http://{SERVER}:8080/tfs/Default/_apis/PyPi"]
    assert run.leaks(LOGIN[1], user=LOGIN[0]) == []
    assert not any("HTTP_PROXY" in text for text in run.warnings), "the machine's own"


@pytest.mark.parametrize("name", ["HTTPS_PROXY", "HTTP_PROXY"])
def test_https_goes_through_either(task: Task, authority: trustme.CA, authority_file: str, name: str) -> None:
    with (
        organisation(
            hosted=False, tls=server_context(authority, SERVER), address=f"https://{SERVER}"
        ) as server,
        proxying({f"{SERVER}:443": server.service.port}) as proxy,
    ):
        env = environment(feeds="f", organisation=server, AGENT_CAINFO=authority_file) | {name: proxy.url}
        run = task.run(env)
        assert run.succeeded(), run.errors
        assert proxy.targets == [f"CONNECT {SERVER}:443"]


def test_the_agents_proxy_comes_first(task: Task, plain: Organisation) -> None:
    with proxying({f"{SERVER}:8080": plain.service.port}) as proxy, proxying({}) as other:
        env = environment(feeds="f", organisation=plain, AGENT_PROXYURL=proxy.url, HTTP_PROXY=other.url)
        assert task.run(env).result == "Succeeded"
        assert other.requests == []


@pytest.mark.parametrize(
    ("excepted", "direct"),
    [
        ("*", True),
        ("0.0.0.0", True),
        (".example, 0.0.0.0", True),
        ("*.0.0", True),
        ("", False),
        (" , ,", False),
        ("other.example", False),
    ],
)
def test_no_proxy_is_honoured(task: Task, excepted: str, direct: bool) -> None:  # noqa: FBT001
    with organisation(hosted=False) as server:
        # This address leads to this machine, but no rule calls it so.
        collection = server.collection.replace("127.0.0.1", "0.0.0.0")
        with proxying({collection.split("/")[2]: server.service.port}) as proxy:
            env = environment(feeds="f", organisation=server, HTTP_PROXY=proxy.url, NO_PROXY=excepted)
            assert task.run(in_collection(env, collection)).result == "Succeeded"
            assert (proxy.requests == []) is direct


@pytest.mark.parametrize("name", ["HTTPS_PROXY", "HTTP_PROXY", "NODE_EXTRA_CA_CERTS"])
@pytest.mark.parametrize("by_job", [True, False])
def test_what_the_job_set_itself_is_warned_of_before_anything_is_sent(
    task: Task,
    hosted: Organisation,
    name: str,
    by_job: bool,  # noqa: FBT001
) -> None:
    listed = json.dumps(["Build.BuildId", name.lower()] if by_job else ["Build.BuildId"])
    env = environment(feeds="f", organisation=hosted, VSTS_PUBLIC_VARIABLES=listed)
    run = task.run({**env, name: "http://u:canary@proxy.example:3128"})
    assert run.result == "Succeeded", run.errors
    warned = [number for number, line in enumerate(run.lines) if f"{name} is a variable of the job" in line]
    sent = next(number for number, line in enumerate(run.lines) if "ResourceAreas" in line)
    assert bool(warned) is by_job
    assert all(number < sent for number in warned)
    assert run.leaks("canary", user="u") == []


@pytest.mark.parametrize("address", ["socks5://127.0.0.1:1080", "http://", "http://[broken", "not a proxy"])
def test_a_proxy_address_that_is_none_is_named_as_such(task: Task, plain: Organisation, address: str) -> None:
    run = task.run(environment(feeds="f", organisation=plain, AGENT_PROXYURL=address))
    assert run.failed_cleanly()
    assert len(run.errors) == 1
    assert "proxy" in run.errors[0]


def test_a_secure_service_named_by_one_without_encryption_is_checked_like_any_other(
    task: Task, authority: trustme.CA, authority_file: str
) -> None:
    """The first request needs no certificates; the second one does."""
    with organisation(tls=server_context(authority, "127.0.0.1")) as secured, organisation() as first:
        first.area = secured.area
        run = task.run(environment(feeds="f", organisation=first, AGENT_CAINFO=authority_file))
        assert run.succeeded()
        assert secured.questions == [secured.table_route]
        assert run.variables["PIP_INDEX_URL"].startswith("https://")


def test_a_secure_proxy_is_reached_with_the_agents_authority(
    task: Task, plain: Organisation, authority: trustme.CA, authority_file: str
) -> None:
    del plain
    with serving(lambda _: Answer(418), tls=server_context(authority, "127.0.0.1")) as proxy:
        env = environment(feeds="f", AGENT_PROXYURL=proxy.url, AGENT_CAINFO=authority_file)
        env = in_collection(env, f"http://{SERVER}/tfs/Default/")
        run = task.run(env)
        assert [request.target for request in proxy.requests] == [f"http://{SERVER}/tfs/Default/_apis/PyPi"]
    assert run.failed_cleanly()
    assert "418" in run.errors[0]


def test_connections_need_no_proxy(task: Task) -> None:
    env = environment(AGENT_PROXYURL=f"http://127.0.0.1:{unused_port()}")
    assert task.run(env).result == "Succeeded"
