"""The main job: from inputs to variables, as an agent's later steps see them."""

import base64
from urllib.parse import quote, unquote, urlsplit

import pytest

from support import nasty
from support.agent import Masker, expand, unescape
from support.organisation import SIMPLE_ID, TOKEN, Organisation, organisation, route_table
from support.task import Connection, Task, environment, guid, in_collection, stored


def test_feeds_become_the_primary_and_the_extra_indexes(task: Task, hosted: Organisation) -> None:
    run = task.run(environment(feeds="project1/myTestFeed1, myTestFeed2", organisation=hosted))
    assert run.succeeded()
    host = hosted.address.removeprefix("http://")
    assert run.variables == {
        "PIP_INDEX_URL": f"http://build:{TOKEN}@{host}/pkgs/contoso/project1/_packaging/myTestFeed1/pypi/simple",
        "PIP_EXTRA_INDEX_URL": f"http://build:{TOKEN}@{host}/pkgs/contoso/_packaging/myTestFeed2/pypi/simple",
    }
    assert run.summary == "Successfully added auth for 2 internal feeds and 0 external endpoint."
    assert run.leaks(TOKEN) == []


def test_one_feed_sets_no_extra_index(task: Task, hosted: Organisation) -> None:
    run = task.run(environment(feeds="feed", organisation=hosted))
    assert list(run.variables) == ["PIP_INDEX_URL"]
    assert run.summary == "Successfully added auth for 1 internal feeds and 0 external endpoint."


def test_only_extra_leaves_the_primary_index_alone_and_warns_of_confusion(
    task: Task, hosted: Organisation
) -> None:
    run = task.run(environment(feeds="a, b", only_extra="True", organisation=hosted))
    assert run.succeeded()
    assert list(run.variables) == ["PIP_EXTRA_INDEX_URL"]
    assert [urlsplit(url).path.split("/")[-3] for url in run.index_urls("PIP_EXTRA_INDEX_URL")] == ["a", "b"]
    assert any("dependency confusion" in line for line in run.plain)


def test_without_only_extra_nothing_is_said_of_confusion(task: Task, hosted: Organisation) -> None:
    run = task.run(environment(feeds="a, b", organisation=hosted))
    assert not any("confusion" in line for line in run.plain)


def test_feeds_come_first_and_connections_after_in_the_order_of_the_inputs(
    task: Task, hosted: Organisation
) -> None:
    connections = [
        Connection.token(2, "https://two.example/simple/", "t2"),
        Connection.login(1, "https://one.example/simple/", "u1", "p1"),
    ]
    run = task.run(environment(feeds="z,a", connections=connections, organisation=hosted))
    paths = [urlsplit(url) for url in (*run.index_urls(), *run.index_urls("PIP_EXTRA_INDEX_URL"))]
    assert [
        part.hostname if part.hostname != "127.0.0.1" else part.path.split("/")[-3] for part in paths
    ] == [
        "z",
        "a",
        "two.example",
        "one.example",
    ]
    assert run.summary == "Successfully added auth for 2 internal feeds and 2 external endpoint."
    assert len(hosted.questions) == 2


def test_a_token_goes_with_the_user_build_and_a_login_with_its_own(task: Task) -> None:
    connections = [
        Connection.token(1, "https://token.example/simple", "tok"),
        Connection.login(2, "https://login.example/simple", "me", "pw"),
    ]
    run = task.run(environment(connections=connections, token=""))
    assert run.variables == {
        "PIP_INDEX_URL": "https://build:tok@token.example/simple",
        "PIP_EXTRA_INDEX_URL": "https://me:pw@login.example/simple",
    }


@pytest.mark.parametrize("scheme", ["TOKEN", "token"])
def test_the_case_of_a_scheme_and_of_its_parameters_does_not_count(task: Task, scheme: str) -> None:
    connection = Connection(guid(1), "https://h.example/", scheme, {"ApiToken": "t"})
    assert task.run(environment(connections=[connection])).variables == {
        "PIP_INDEX_URL": "https://build:t@h.example/"
    }


def test_the_authorisation_alone_is_enough(task: Task) -> None:
    env = environment(connections=[Connection.login(1, "https://h.example/", "u", "p")])
    single = [
        name for name in env if name.startswith(("ENDPOINT_AUTH_PARAMETER_0", "ENDPOINT_AUTH_SCHEME_0"))
    ]
    for name in single:
        del env[name]
    assert single
    assert task.run(env).variables == {"PIP_INDEX_URL": "https://u:p@h.example/"}


@pytest.mark.parametrize(
    ("text", "feeds"),
    [
        (" a ,b,, ,a,A,c,", ["a", "b", "c"]),
        ("p/a, P/A ,a@Local,a@Release,a", ["p/a", "a%40Local", "a%40Release", "a"]),
        ("My Project/feed,Größe/müll", ["My%20Project/feed", "Gr%C3%B6%C3%9Fe/m%C3%BCll"]),
        (
            f"{guid(5)}/{guid(6)}@{guid(7)},it's (new)!/a-b",
            [f"{guid(5)}/{guid(6)}%40{guid(7)}", "it's%20(new)!/a-b"],
        ),
    ],
)
def test_entries_are_trimmed_and_each_is_used_once(
    task: Task, hosted: Organisation, text: str, feeds: list[str]
) -> None:
    run = task.run(environment(feeds=text, only_extra="true", organisation=hosted))
    assert run.succeeded()
    expected = []
    for feed in feeds:
        project, _, name = feed.rpartition("/")
        expected.append(urlsplit(hosted.index(name, project)).path)
    assert [urlsplit(url).path for url in run.index_urls("PIP_EXTRA_INDEX_URL")] == expected


def test_the_full_url_of_an_index_is_taken_as_it_is(task: Task, hosted: Organisation) -> None:
    url = hosted.index("feed", "project")
    run = task.run(environment(feeds=f"{url}/", organisation=hosted))
    assert run.variables == {"PIP_INDEX_URL": f"{url}/".replace("://", f"://build:{TOKEN}@")}


def test_urls_of_the_own_organisation_need_no_request(task: Task) -> None:
    urls = [
        "https://pkgs.dev.azure.com/Contoso/p/_packaging/f@v/pypi/simple",
        "https://contoso.pkgs.visualstudio.com/_packaging/f/pypi/simple/",
    ]
    env = environment(feeds=",".join(urls), SYSTEM_SERVERTYPE="Hosted")
    run = task.run(in_collection(env, "https://dev.azure.com/contoso/"))
    assert run.succeeded()
    assert [*run.index_urls(), *run.index_urls("PIP_EXTRA_INDEX_URL")] == [
        url.replace("://", f"://build:{TOKEN}@") for url in urls
    ]


@pytest.mark.parametrize(
    "url",
    [
        "https://pkgs.dev.azure.com/fabrikam/_packaging/f/pypi/simple/",
        "https://pkgs.dev.azure.com/contoso/../fabrikam/_packaging/f/pypi/simple/",
        "https://pkgs.dev.azure.com.evil.example/contoso/_packaging/f/pypi/simple/",
    ],
)
def test_the_job_token_is_not_put_into_a_url_outside_the_organisation(task: Task, url: str) -> None:
    env = environment(
        feeds=url,
        SYSTEM_TEAMFOUNDATIONCOLLECTIONURI="https://dev.azure.com/contoso/",
        SYSTEM_SERVERTYPE="Hosted",
        AGENT_PROXYURL="http://127.0.0.1:9",  # nothing may be asked outside, whatever the machine's network
    )
    run = task.run(env)
    assert run.failed_cleanly()
    assert run.variables == {}


def test_on_premises_feeds_are_below_the_collection(task: Task) -> None:
    with organisation(hosted=False) as server:
        run = task.run(environment(feeds="p/f", organisation=server))
        assert run.variables == {"PIP_INDEX_URL": server.index("f", "p").replace("://", f"://build:{TOKEN}@")}


@pytest.mark.parametrize("server_type", ["", "OnPremises", "whatever"])
def test_a_server_that_is_not_hosted_is_on_premises(task: Task, server_type: str) -> None:
    with organisation(hosted=False) as server:
        env = environment(feeds="f", organisation=server, SYSTEM_SERVERTYPE=server_type)
        assert task.run(env).succeeded()
        assert len(server.questions) == 1


def test_a_template_with_a_trailing_parameter_loses_it(task: Task, hosted: Organisation) -> None:
    hosted.table = route_table("{project}/_packaging/{feedId}/pypi/simple/{packageName}", SIMPLE_ID.upper())
    run = task.run(environment(feeds="f", organisation=hosted))
    assert run.variables == {"PIP_INDEX_URL": hosted.index("f").replace("://", f"://build:{TOKEN}@")}


def test_addresses_without_a_last_slash_do(task: Task, hosted: Organisation) -> None:
    hosted.area = {"locationUrl": hosted.feed_service.rstrip("/")}
    env = in_collection(environment(feeds="f", organisation=hosted), hosted.collection.rstrip("/"))
    assert task.run(env).variables["PIP_INDEX_URL"].endswith("/pkgs/contoso/_packaging/f/pypi/simple")


def test_the_same_index_from_two_places_is_used_once(task: Task, hosted: Organisation) -> None:
    feeds = f"f, {hosted.index('f')}/"
    run = task.run(environment(feeds=feeds, organisation=hosted))
    assert list(run.variables) == ["PIP_INDEX_URL"]


def test_indexes_whose_paths_differ_in_case_only_are_two(task: Task) -> None:
    connections = [
        Connection.login(1, "https://h.example/Team/simple", "u", "p"),
        Connection.login(2, "https://h.example/team/simple", "u", "q"),
    ]
    run = task.run(environment(connections=connections))
    assert run.variables == {
        "PIP_INDEX_URL": "https://u:p@h.example/Team/simple",
        "PIP_EXTRA_INDEX_URL": "https://u:q@h.example/team/simple",
    }


def test_nothing_named_sets_nothing_and_says_so(task: Task) -> None:
    run = task.run(environment())
    assert run.variables == {}
    assert run.result == "Succeeded"
    assert len(run.warnings) == 1


def test_success_names_every_index_with_its_place_and_whence_it_came(
    task: Task, hosted: Organisation
) -> None:
    connection = Connection.login(1, "https://h.example/simple", "someone", "canary-password")
    run = task.run(environment(feeds="p/one,two", connections=[connection], organisation=hosted))
    for place, feed, url in (
        ("primary", "p/one", hosted.index("one", "p")),
        ("extra", "two", hosted.index("two")),
        ("extra", guid(1), "https://h.example/simple"),
    ):
        lines = [line for line in run.plain if url in line]
        assert len(lines) == 1, run.plain
        assert place in lines[0]
        assert feed in lines[0]
    assert run.leaks(TOKEN, "canary-password", user="someone") == []


@pytest.mark.parametrize("knob", ["true", "false", "0", "$TRUE", ""])
def test_any_login_survives_the_way_to_pip(task: Task, knob: str) -> None:
    connection = Connection.login(1, "https://h.example/simple", nasty.USER, nasty.PASSWORD)
    run = task.run(environment(connections=[connection], DECODE_PERCENTS=knob))
    assert run.succeeded()
    value = expand(run.variables["PIP_INDEX_URL"], {"Build.BuildId": "5"})
    parts = urlsplit(value)
    assert (parts.scheme, parts.hostname, parts.path) == ("https", "h.example", "/simple")
    assert unquote(parts.username or "") == nasty.USER
    assert unquote(parts.password or "") == nasty.PASSWORD
    assert value.isascii()
    assert value.isprintable()
    assert "$" not in value


@pytest.mark.parametrize("knob", ["true", "false"])
def test_no_spelling_of_a_secret_is_in_another_line(task: Task, knob: str) -> None:
    connection = Connection.login(1, "https://h.example/simple", nasty.USER, nasty.PASSWORD)
    run = task.run(environment(connections=[connection], DECODE_PERCENTS=knob, SYSTEM_DEBUG="true"))
    assert run.leaks(nasty.PASSWORD, user=nasty.USER) == []


def test_every_spelling_of_a_secret_is_registered(task: Task) -> None:
    password = "p%$@:]; a%5Db%41ü"
    run = task.run(environment(connections=[Connection.login(1, "https://h.example/simple", "me", password)]))
    percent = quote(password, safe="")
    pair = base64.b64encode(f"me:{password}".encode()).decode()
    assert {password, percent, pair, unescape(percent), unescape(password)} <= set(run.secrets)


def test_secrets_are_registered_before_anything_else(task: Task, hosted: Organisation) -> None:
    connections = [
        Connection.login(1, "https://user:url-canary@h.example/simple", "u", "login-canary"),
        Connection.token(2, "https://i.example/simple", "token-canary"),
    ]
    run = task.run(
        environment(
            feeds="f",
            connections=connections,
            organisation=hosted,
            INPUT_UNKNOWN="x",
            SECRET_AGENT_PROXYPASSWORD="proxy-canary",
            AGENT_PROXYUSERNAME="proxy-user",
            SECRET_AGENT_CLIENTCERTPASSWORD="key-canary",
        )
        | stored(
            PIP_INDEX_URL="https://old:old-canary@h.example/",
            PIP_EXTRA_INDEX_URL="https://lone-canary@i.example/",
        )
    )
    names = [command.name for command in run.commands]
    registered = names.count("task.setsecret")
    assert names[:registered] == ["task.setsecret"] * registered
    assert all(line.startswith("##vso[task.setsecret]") for line in run.lines[:registered])
    secrets = [
        TOKEN,
        *(f"{what}-canary" for what in ("login", "token", "url", "proxy", "key", "old", "lone")),
    ]
    assert set(secrets) <= set(run.secrets)
    assert run.leaks(*secrets) == []


@pytest.mark.parametrize("password", ["p@]x", "a;b", "100%zz@x", "a%0Ab", "x\ny", "]", "%5D%3B"])
def test_a_debugging_container_job_shows_nothing_of_a_password(task: Task, password: str) -> None:
    """There the agent passes a variable through its own parser once more, unescaped."""
    connection = Connection.login(1, "https://h.example/simple", "u", f"canary{password}canary")
    run = task.run(environment(connections=[connection]))
    masker = Masker()
    for secret in run.secrets:
        masker.add(secret)
    shown = masker.mask(unescape(f"Set env: PIP_INDEX_URL={run.variables['PIP_INDEX_URL']}"))
    assert "canary" not in shown


@pytest.mark.parametrize("user", ["", "x"])
def test_the_credential_in_a_connections_url_gives_way_to_its_own(task: Task, user: str) -> None:
    connection = Connection.login(1, f"https://{user}:from-url@h.example/simple", "u", "p")
    run = task.run(environment(connections=[connection]))
    assert run.variables == {"PIP_INDEX_URL": "https://u:p@h.example/simple"}
    assert run.leaks("from-url", user=user) == []


def test_a_macro_in_a_url_is_not_expanded_later(task: Task) -> None:
    connection = Connection.login(1, "https://h.example/$(Build.BuildId)/simple", "u", "p")
    value = task.run(environment(connections=[connection])).variables["PIP_INDEX_URL"]
    assert expand(value, {"Build.BuildId": "5"}) == value
    assert unquote(urlsplit(value).path) == "/$(Build.BuildId)/simple"


def test_a_connection_over_plain_http_is_used_with_a_warning_that_names_it(task: Task) -> None:
    run = task.run(
        environment(connections=[Connection.login(1, "http://h.example/simple", "u", "canary-pw")])
    )
    assert run.result == "Succeeded"
    assert len(run.warnings) == 1
    assert guid(1) in run.warnings[0]
    assert run.leaks("canary-pw", user="u") == []


def test_an_upper_case_connection_id_is_found(task: Task) -> None:
    identity = "ABCDEF00-0000-4000-8000-00000000000c"
    env = environment(
        connections=[Connection(identity.lower(), "https://h.example/", "Token", {"apitoken": "t"})]
    )
    env["INPUT_PYTHONDOWNLOADSERVICECONNECTIONS"] = identity
    assert task.run(env).succeeded()
