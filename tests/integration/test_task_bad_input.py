"""What a person gets who gives the task something that it cannot use."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import trustme

from support import nasty
from support.certificates import server_context
from support.organisation import TOKEN, Organisation, organisation
from support.task import Connection, Run, Task, environment, guid, in_collection, stored

GOOD = Connection.login(1, "https://h.example/simple", "u", "secret-canary")
CANARY = "secret-canary"


def failed(run: Run, *words: str) -> None:
    """The run failed with one error that holds these words, and set nothing."""
    assert run.failed_cleanly(), run.lines
    assert run.variables == {}
    assert len(run.errors) == 1, run.errors
    for word in words:
        assert word in run.errors[0]


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("ONLYEXTRAINDEX", "onlyAddExtraIndex"),
        ("ARTIFACTFEED", "artifactFeeds"),
        ("PYTHONDOWNLOADSERVICECONNECTION", "pythonDownloadServiceConnections"),
        ("##VSO[TASK.COMPLETE]X", ""),
        ("", ""),
    ],
)
def test_an_unknown_input_is_a_warning_that_names_the_nearest_one(task: Task, name: str, near: str) -> None:
    run = task.run({**environment(connections=[GOOD]), f"INPUT_{name}": "x"})
    assert run.result == "Succeeded"
    assert list(run.variables) == ["PIP_INDEX_URL"]
    assert len(run.warnings) == 1
    assert near in run.warnings[0]


def test_an_unknown_input_that_is_empty_is_none(task: Task) -> None:
    assert task.run(environment(connections=[GOOD], INPUT_WHATEVER="")).warnings == []


@pytest.mark.parametrize("word", ["yes", "1", "tru", "true,false", nasty.COMMANDS[0]])
def test_a_boolean_takes_two_words(task: Task, word: str) -> None:
    failed(task.run(environment(connections=[GOOD], only_extra=word)), "onlyAddExtraIndex", "true", "false")


@pytest.mark.parametrize("word", ["TRUE", " true ", "False", ""])
def test_the_case_of_a_boolean_does_not_count(task: Task, word: str) -> None:
    run = task.run(environment(connections=[GOOD], only_extra=word))
    expected = "PIP_EXTRA_INDEX_URL" if "true" in word.lower() else "PIP_INDEX_URL"
    assert list(run.variables) == [expected]


def test_every_entry_that_breaks_a_rule_is_named_with_the_rule(task: Task, hosted: Organisation) -> None:
    entries = [
        "$(Build.BuildId)",
        "a/b/c",
        "//",
        "@view",
        "feed@",
        "a@b@c",
        "fe ed",
        "tab\\tinside".replace("\\t", "\t"),
        "bell\x07",
        "nel\x85x",
        "line\u2028end",
        "zero\u200bwidth",
        "right\u202eto-left",
        "a?b",
        "a#b",
        "a;b",
        "_hidden",
        ".hidden",
        "dot.",
        "_p/feed",
        "p?/feed",
        "x" * 65,
        "##vso[task.debug]x",
    ]
    run = task.run(environment(feeds=",".join([*entries, "good"]), organisation=hosted))
    assert run.failed_cleanly(), run.lines
    assert run.variables == {}
    assert hosted.questions == []
    assert len(run.errors) == len(entries)
    for entry, error in zip(entries, run.errors, strict=True):
        if entry.isprintable() and "##" not in entry:
            assert entry in error
        assert error.isprintable()


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ("https://h.example/not/a/feed", ["/_packaging/"]),
        ("https://user:secret-canary@h.example/o/_packaging/f/pypi/simple", ["password"]),
        ("https://h.example:port/o/_packaging/f/pypi/simple", ["URL"]),
        ("ftp://h.example/o/_packaging/f/pypi/simple", ["https"]),
        ("https://h.example/o/_packaging/f/pypi/simple?secret-canary", ["query"]),
        ("https://user:secret-canary@/", ["URL"]),
    ],
)
def test_a_url_that_is_no_feed(task: Task, hosted: Organisation, entry: str, words: list[str]) -> None:
    run = task.run(environment(feeds=entry, organisation=hosted))
    failed(run, *words)
    assert run.leaks(CANARY, user="user") == []


def test_a_user_name_in_the_url_of_a_feed_is_dropped_and_not_shown(task: Task, hosted: Organisation) -> None:
    """A lone user name may be a token."""
    feed = hosted.index("f").replace("://", "://secret-canary@")
    run = task.run(environment(feeds=feed, organisation=hosted))
    assert run.succeeded()
    assert "secret-canary" not in run.variables["PIP_INDEX_URL"]
    assert run.leaks(CANARY) == []
    stranger = "https://secret-canary@elsewhere.example/o/_packaging/f/pypi/simple"
    refused = task.run(environment(feeds=stranger, organisation=hosted))
    failed(refused, "elsewhere.example")
    assert refused.leaks(CANARY) == []


def broken(url: str, scheme: str = "Token", **parameters: str) -> Connection:
    """A connection whose number is not yet given."""
    return Connection("", url, scheme, parameters)


HOST = "https://h.example/"
BROKEN = {
    "no URL": (broken("", apitoken=CANARY), ["URL"]),
    "no authorisation": (broken(HOST, ""), ["authorisation"]),
    "no scheme but a token": (broken(HOST, "", apitoken=CANARY), ["authorisation"]),
    "no token": (broken(HOST), ["apitoken"]),
    "empty token": (broken(HOST, apitoken=""), ["apitoken"]),
    "no password": (broken(HOST, "UsernamePassword", username="u"), ["password"]),
    "no user": (broken(HOST, "UsernamePassword", password=CANARY), ["username"]),
    "nothing": (broken(HOST, "UsernamePassword"), ["username", "password"]),
    "other scheme": (
        broken(HOST, "ServicePrincipal", key=CANARY),
        ["ServicePrincipal", "Token", "UsernamePassword"],
    ),
    "no http": (broken("ftp://h.example/", apitoken=CANARY), ["https"]),
    "no host": (broken("https:///simple", apitoken=CANARY), ["host"]),
    "bad port": (broken("https://h.example:x/", apitoken=CANARY), ["URL"]),
    "blank": (broken("https://h .example/a", apitoken=CANARY), ["URL"]),
    "query": (broken(f"https://h.example/?token={CANARY}", apitoken="t"), ["query"]),
    "unfinished": (broken(f"https://u:{CANARY}@[h.example/", apitoken="t"), ["URL"]),
    "command": (broken("https://h.example/\n##vso[task.debug]x", apitoken=CANARY), ["URL"]),
}


def test_connections_that_cannot_be_used_are_named_with_what_they_lack(task: Task) -> None:
    connections = [replace(one, id=guid(number)) for number, (one, _) in enumerate(BROKEN.values(), 11)]
    run = task.run(environment(connections=[GOOD, *connections]))
    assert run.failed_cleanly(), run.lines
    assert run.variables == {}
    assert len(run.errors) == len(BROKEN)
    for number, (name, (_, words)) in enumerate(BROKEN.items(), 11):
        (error,) = (error for error in run.errors if guid(number) in error)
        assert all(word in error for word in words), name
    assert run.leaks(CANARY, user="u") == []


def test_an_authorisation_that_is_no_such_json_is_named_by_its_connection(task: Task) -> None:
    texts = [
        "{",
        '{"parameters": {"apitoken": "secret-canary"}',
        "[]",
        "null",
        "5",
        '"secret-canary"',
        '{"parameters": ["secret-canary"]}',
        '{"parameters": {}, "scheme": 5}',
        '{"parameters": {"password": "secret-canary\\ud800"}, "scheme": "Token"}',
        "[" * 100_000,
    ]
    connections = [replace(GOOD, id=guid(number)) for number in range(11, 11 + len(texts))]
    env = environment(connections=connections)
    env |= {f"ENDPOINT_AUTH_{one.id}": text for one, text in zip(connections, texts, strict=True)}
    run = task.run(env)
    assert run.failed_cleanly(), run.lines
    assert run.variables == {}
    for one, error in zip(connections, run.errors, strict=True):
        assert one.id in error
        assert "JSON" in error
    assert run.leaks(CANARY, user="u") == []


def test_a_connection_that_the_agent_does_not_know(task: Task) -> None:
    failed(task.run(environment(INPUT_PYTHONDOWNLOADSERVICECONNECTIONS="pypitest")), "pypitest", "URL")


def test_all_faults_are_told_at_once(task: Task) -> None:
    unusable = Connection.token(2, "", CANARY)
    run = task.run(environment(feeds="a/b/c,d/e/f", connections=[unusable], only_extra="maybe"))
    assert run.failed_cleanly()
    assert len(run.errors) == 4
    for word in ("a/b/c", "d/e/f", "maybe", guid(2)):
        assert any(word in error for error in run.errors)


@pytest.mark.parametrize(
    "variables",
    [
        {"ENDPOINT_AUTH_SYSTEMVSSCONNECTION": "{secret-canary"},
        {"ENDPOINT_AUTH_SYSTEMVSSCONNECTION": '{"scheme": "Basic", "parameters": {"AccessToken": "x"}}'},
        {"ENDPOINT_AUTH_SYSTEMVSSCONNECTION": '{"scheme": "OAuth", "parameters": {"AccessToken": ""}}'},
    ],
)
def test_feeds_need_the_jobs_own_token(task: Task, hosted: Organisation, variables: dict[str, str]) -> None:
    run = task.run({**environment(feeds="f", organisation=hosted), **variables})
    failed(run, "SystemVssConnection")
    assert hosted.questions == []
    assert run.leaks(CANARY) == []


def test_without_a_system_connection_feeds_fail(task: Task, hosted: Organisation) -> None:
    failed(task.run(environment(feeds="f", organisation=hosted, token="")), "SystemVssConnection")


@pytest.mark.parametrize("address", ["", "contoso", "https://[broken/", "ftp://h.example/"])
def test_feeds_need_the_organisations_address(task: Task, address: str) -> None:
    failed(task.run(in_collection(environment(feeds="f"), address)), "SystemVssConnection")


def test_an_organisation_of_azure_devops_services_is_never_asked_over_plain_http(task: Task) -> None:
    env = environment(feeds="f", SYSTEM_SERVERTYPE="Hosted")
    run = task.run(in_collection(env, "http://organisation.example/contoso/"))
    failed(run, "organisation.example", "https")
    assert run.seconds < 15


def test_of_two_credentials_for_one_index_the_first_one_counts(task: Task) -> None:
    connections = [
        Connection.login(1, "https://h.example/simple", "u", "one-canary"),
        Connection.login(2, "https://H.example:443/simple/", "u", "two-canary"),
    ]
    run = task.run(environment(connections=connections))
    assert run.succeeded()
    assert run.variables == {"PIP_INDEX_URL": "https://u:one-canary@h.example/simple"}
    (warning,) = run.warnings
    assert all(text in warning for text in (guid(1), guid(2), "https://h.example/simple"))
    assert run.leaks("one-canary", "two-canary", user="u") == []


@pytest.mark.parametrize("command", nasty.COMMANDS)
def test_a_command_in_any_input_or_value_is_shown_harmlessly(task: Task, command: str) -> None:
    breaks = "\n".join((command, *(end + command for end in nasty.LINE_ENDS)))
    connection = Connection(breaks.replace("=", "-"), breaks, breaks, {"apitoken": "x"})
    env = environment(feeds=breaks, connections=[connection], only_extra=breaks, token="t0ken" + breaks)
    for name in (
        "AGENT_PROXYURL",
        "AGENT_VERSION",
        "AGENT_NAME",
        "AGENT_CAINFO",
        "INPUT_OTHER",
        "DECODE_PERCENTS",
    ):
        env[name] = breaks
    env |= {"PIP_INDEX_URL": f"https://plain.example/{breaks}"}
    env |= stored(PIP_EXTRA_INDEX_URL=f"https://u:p@plain.example/{breaks}")
    run = task.run(in_collection(env, breaks))
    assert run.result == "Failed"
    assert run.variables == {"PIP_EXTRA_INDEX_URL": ""}
    for line in run.ordinary:
        assert line.isprintable()
        assert "##vso[" not in line[1:]
        assert not line.startswith(("##[", "::"))
        assert "##[" not in line


def test_a_feed_service_that_is_not_there_is_not_asked_for_full_urls(task: Task) -> None:
    with organisation(hosted=False) as server:
        run = task.run(environment(feeds=server.index("f"), organisation=server))
        assert run.succeeded()
        assert server.questions == []


def test_a_defect_of_the_task_is_reported_as_one(task: Task, authority: trustme.CA, tmp_path: Path) -> None:
    """A library that is broken is a defect that can be had without touching the task's own code."""
    shutil.copytree(task.folder, tmp_path / "PipAuthenticate")
    library = tmp_path / "PipAuthenticate" / "lib" / "truststore" / "__init__.py"
    library.write_text(f"raise RuntimeError('canary {TOKEN}')", encoding="utf-8")
    old = "https://u:old-canary@h.example/"
    with organisation(tls=server_context(authority, "127.0.0.1")) as secure:
        run = Task(tmp_path / "PipAuthenticate").run(
            environment(feeds="f", organisation=secure) | stored(PIP_INDEX_URL=old)
        )
    assert run.failed_cleanly()
    assert run.variables == {"PIP_INDEX_URL": ""}
    assert "defect" in run.errors[0]
    assert "RuntimeError" in run.errors[0]
    assert "canary" not in run.errors[0]
    assert any("transport.py" in text for text in run.debug)
    assert run.leaks(TOKEN, "old-canary") == []
