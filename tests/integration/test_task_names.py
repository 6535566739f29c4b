"""What people write into the inputs, and what they mean."""

import pytest

from support.organisation import TOKEN, Organisation
from support.task import Connection, Task, environment

CONNECTION = Connection.login(1, "https://h.example/simple", "u", "p")


def url_of(address: str) -> str:
    return address.replace("://", f"://build:{TOKEN}@")


@pytest.mark.parametrize(
    ("written", "feed", "project"),
    [
        ("Project%20A/feed", "feed", "Project%20A"),
        ("Project A/feed", "feed", "Project%20A"),
        ("'project1/feed'", "feed", "project1"),
        ('"project1/feed"', "feed", "project1"),
        ("/feed", "feed", ""),
        ("feed/", "feed", ""),
        ("project/feed/", "feed", "project"),
        ("/project/feed/", "feed", "project"),
        ("feed%40Local", "feed%40Local", ""),
        ("feed@Local", "feed%40Local", ""),
        ("' project1/feed '", "feed", "project1"),
    ],
)
def test_a_feed_is_read_as_meant(
    task: Task, hosted: Organisation, written: str, feed: str, project: str
) -> None:
    run = task.run(environment(feeds=written, organisation=hosted))
    assert run.succeeded(), run.errors
    assert run.variables == {"PIP_INDEX_URL": url_of(hosted.index(feed, project))}


@pytest.mark.parametrize(
    "written",
    ["a\nb", "a\r\nb\r\n", "\n a ,\n b\n", "'a, b'", "'a',\n'b'", "a,,b,", "a\n\n\nb"],
)
def test_entries_are_separated_by_commas_and_line_breaks(
    task: Task, hosted: Organisation, written: str
) -> None:
    run = task.run(environment(feeds=written, organisation=hosted))
    assert run.succeeded(), run.errors
    assert run.variables == {
        "PIP_INDEX_URL": url_of(hosted.index("a")),
        "PIP_EXTRA_INDEX_URL": url_of(hosted.index("b")),
    }


def test_connections_may_stand_one_a_line(task: Task) -> None:
    other = Connection.login(2, "https://i.example/simple", "u", "p")
    env = environment(connections=[CONNECTION, other])
    env["INPUT_PYTHONDOWNLOADSERVICECONNECTIONS"] = f"\n{CONNECTION.id}\n{other.id}\n"
    run = task.run(env)
    assert set(run.variables) == {"PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL"}


@pytest.mark.parametrize("slashes", ["/a/b/c/", "a/b/c", "//", "/", "a//b"])
def test_more_slashes_than_that_are_an_error(task: Task, hosted: Organisation, slashes: str) -> None:
    run = task.run(environment(feeds=slashes, organisation=hosted))
    assert run.failed_cleanly()
    assert hosted.questions == []


@pytest.mark.parametrize(
    "name",
    [
        "ARTIFACTFEEDS",
        "PYTHONDOWNLOADSERVICECONNECTIONS",
        "FEEDURL",
        "WORKLOADIDENTITYSERVICECONNECTION",
        "ONLYADDEXTRAINDEX",
        "VERIFY",
        "VERIFYPACKAGE",
        "FEDERATEDHOSTS",
        "AUTHORITYHOST",
    ],
)
@pytest.mark.parametrize("text", ["$(myFeeds)", "a, $(myFeeds)", "https://pkgs.dev.azure.com/o/$(myFeeds)/x"])
def test_a_macro_that_is_left_names_its_variable(
    task: Task, hosted: Organisation, name: str, text: str
) -> None:
    run = task.run(environment(organisation=hosted) | {f"INPUT_{name}": text})
    assert run.failed_cleanly()
    assert any("the variable myFeeds is not defined" in error for error in run.errors)


def test_several_macros_are_named_together(task: Task) -> None:
    run = task.run(environment(feeds="$(one), $(two)/feed, $(one)"))
    assert "the variable one and two is not defined" in run.errors[0]


# ---- addresses for other programs ----------------------------------------------------------------------

OTHERS = [
    "/nuget/v3/index.json",
    "/pypi/upload/",
    "/pypi/upload",
    "/npm/registry/",
    "/nuget/v2",
    "/pypi/download/x/1/y.whl",
]
FEED = "https://pkgs.dev.azure.com/contoso/p/_packaging/f"
MEANT = f"{FEED}/pypi/simple/"


@pytest.mark.parametrize("path", OTHERS)
def test_a_connection_to_another_protocols_address_is_warned_of(task: Task, path: str) -> None:
    connection = Connection.token(1, FEED + path, "t")
    run = task.run(environment(connections=[connection]))
    assert run.result == "Succeeded"
    (warning,) = run.warnings
    assert connection.id in warning
    assert MEANT in warning


@pytest.mark.parametrize("path", OTHERS)
def test_another_protocols_address_as_a_feed_is_an_error(task: Task, path: str) -> None:
    env = environment(
        feeds=FEED + path,
        SYSTEM_TEAMFOUNDATIONCOLLECTIONURI="https://dev.azure.com/contoso/",
        AGENT_PROXYURL="http://127.0.0.1:9",
    )
    run = task.run(env)
    assert run.failed_cleanly()
    assert MEANT in run.errors[0]


@pytest.mark.parametrize("path", OTHERS)
def test_another_protocols_address_as_a_federated_index_is_an_error(task: Task, path: str) -> None:
    identity = Connection(CONNECTION.id, "https://dev.azure.com/", "X", {"ServicePrincipalId": "p"})
    env = environment(
        connections=[identity],
        SYSTEM_TEAMFOUNDATIONCOLLECTIONURI="https://dev.azure.com/contoso/",
        AGENT_PROXYURL="http://127.0.0.1:9",
    ) | {
        "INPUT_PYTHONDOWNLOADSERVICECONNECTIONS": "",
        "INPUT_WORKLOADIDENTITYSERVICECONNECTION": identity.id,
        "INPUT_FEEDURL": FEED + path,
    }
    run = task.run(env)
    assert run.failed_cleanly()
    assert MEANT in run.errors[0]


# ---- inputs of other versions ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("feedList", "artifactFeeds"),
        ("externalFeeds", "pythonDownloadServiceConnections"),
        ("externalSources", "pythonDownloadServiceConnections"),
        ("artifactFeed", "artifactFeeds"),
        ("onlyExtraIndex", "onlyAddExtraIndex"),
        ("artefactFeeds", "artifactFeeds"),
    ],
)
def test_an_input_of_another_version_is_suggested_by_its_name_here(task: Task, name: str, meant: str) -> None:
    run = task.run(environment() | {f"INPUT_{name.upper()}": "x"})
    assert run.result == "Succeeded"
    assert any(f"Did you mean {meant}?" in text for text in run.warnings)
    assert any("no index was set" in text for text in run.warnings)


# ---- addresses as .NET writes them ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("handed", "written"),
    [
        ("https://pkgs.dev.azure.com/o/My Project/_packaging/f/pypi/simple/",
         "https://u:p@pkgs.dev.azure.com/o/My%20Project/_packaging/f/pypi/simple/"),
        ("https://pkgs.dev.azure.com/o/My%20Project/_packaging/f%40v/pypi/simple/",
         "https://u:p@pkgs.dev.azure.com/o/My%20Project/_packaging/f%40v/pypi/simple/"),
        ('https://h.example/größe/100%25/a"b<c>^`{|}', "https://u:p@h.example/gr%C3%B6%C3%9Fe/100%25/a%22b%3Cc%3E%5E%60%7B%7C%7D"),
        ("https://h.example/100%/x%zz", "https://u:p@h.example/100%25/x%25zz"),
    ],
)  # fmt: skip
def test_a_connections_address_is_encoded_where_it_must_be(task: Task, handed: str, written: str) -> None:
    run = task.run(environment(connections=[Connection.login(1, handed, "u", "p")]))
    assert run.succeeded()
    assert run.variables == {"PIP_INDEX_URL": written}


def test_a_blank_in_a_feeds_address_is_encoded_too(task: Task, hosted: Organisation) -> None:
    run = task.run(environment(feeds=hosted.index("f", "My Project"), organisation=hosted))
    assert run.variables == {"PIP_INDEX_URL": url_of(hosted.index("f", "My%20Project"))}


# ---- credentials -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "parameters", [{"username": "t0ken", "password": ""}, {"username": "t%", "password": ""}]
)
def test_an_empty_password_goes_with_a_token_as_user_name(task: Task, parameters: dict[str, str]) -> None:
    connection = Connection(CONNECTION.id, "https://h.example/", "UsernamePassword", parameters)
    run = task.run(environment(connections=[connection]))
    assert run.succeeded(), run.errors
    user = parameters["username"].replace("%", "%25")
    assert run.variables == {"PIP_INDEX_URL": f"https://{user}:@h.example/"}


def test_what_is_no_secret_is_not_masked(task: Task) -> None:
    shown = {
        "username": "someone",
        "AcceptUntrustedCerts": "false",
        "AuthenticationType": "basic",
        "Scope": "all-of-it",
        "TenantId": "11111111-2222-4333-8444-555555555555",
        "ServicePrincipalId": "66666666-2222-4333-8444-555555555555",
        "Unsecured": "0",
        "IssuedAt": "2026-01-01",
        "flag": "0",
        "count": "123",
    }
    connection = Connection(
        CONNECTION.id, "https://h.example/", "UsernamePassword", {"password": "canary", **shown}
    )
    run = task.run(environment(connections=[connection], token=""))
    assert run.succeeded(), run.errors
    assert "canary" in run.secrets
    assert not set(run.secrets) & set(shown.values())


def test_without_a_system_connection_it_is_said_what_is_missing(task: Task) -> None:
    run = task.run(environment(feeds="f", token=""))
    assert run.failed_cleanly()
    assert "has handed over no such connection" in run.errors[0]
