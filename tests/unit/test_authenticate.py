"""The use case, without a process around it."""

import pytest

from pip_authenticate import settings, told_secrets
from pip_authenticate.authenticate import resolve
from pip_authenticate.clients import pip
from pip_authenticate.deadline import Deadline
from pip_authenticate.delivery import deliver, erase
from pip_authenticate.errors import Faults
from pip_authenticate.logging_commands import AzurePipelines
from pip_authenticate.secret import Secret
from support.agent import Log
from support.organisation import TOKEN, Organisation
from support.task import Connection, environment, spellings


def seen_by_agent(written: list[str]) -> Log:
    return Log("\n".join(written).split("\n"))


def test_every_secret_is_known_before_anything_happens() -> None:
    connections = [
        Connection.login(1, "https://u:in-url@h.example/", "user", "pass word"),
        Connection.token(2, "https://i.example/", "to%ken"),
    ]
    environ = environment(
        connections=connections,
        AGENT_PROXYUSERNAME="pu",
        SECRET_AGENT_PROXYPASSWORD="proxy pass",
        SECRET_AGENT_CLIENTCERTPASSWORD="cert pass",
        PIP_EXTRA_INDEX_URL="https://lone%40token@h.example/",
    )
    found = {secret.reveal() for secret in told_secrets.of(settings.load(pip.VARIABLES, environ))}
    wire = {form for form in found if "%AZP25" in form}
    assert not wire
    for secret, user in ((TOKEN, "build"), ("pass word", "user"), ("to%ken", "build"), ("proxy pass", "pu")):
        assert {form for form in spellings(secret, user) if "%AZP25" not in form} <= found
    assert {"in-url", "cert pass", "lone%40token", "lone@token"} <= found
    assert "user" not in found
    assert "" not in found


def test_resolving_sets_nothing_and_delivering_asks_nobody(hosted: Organisation) -> None:
    connection = Connection.login(1, "https://h.example/simple", "u", "p")
    given = settings.load(
        pip.VARIABLES, environment(feeds="f", connections=[connection], organisation=hosted)
    )
    lines: list[str] = []
    output = AzurePipelines(lines.append)
    found = resolve(given, Deadline(), output.debug, output.register)
    assert seen_by_agent(lines).variables == {}
    asked = len(hosted.questions)
    deliver(found, given, output)
    assert len(hosted.questions) == asked == 2
    assert set(seen_by_agent(lines).variables) == set(pip.VARIABLES)


def test_faults_of_all_sources_come_together() -> None:
    broken = Connection.token(1, "", "t")
    given = settings.load(pip.VARIABLES, environment(feeds="a/b/c", connections=[broken], only_extra="maybe"))
    with pytest.raises(Faults) as refused:
        resolve(given, Deadline(), print, lambda _: None)
    assert len(refused.value.errors) == 3


def test_erasing_keeps_what_is_the_users() -> None:
    ours, theirs = Secret("https://u:canary@h/"), Secret("https://u:canary@i/")
    given = settings.load((), {})._replace(
        previous={"A": ours, "B": theirs, "C": theirs},
        remembered={"A": ours.digest, "B": ours.digest},
    )
    lines: list[str] = []
    erase(given, AzurePipelines(lines.append))
    assert seen_by_agent(lines).variables == {"A": ""}
    assert "canary" not in "".join(lines)


def test_the_same_index_with_the_same_credential_counts_once() -> None:
    connections = [
        Connection.login(number, url, "u", "s")
        for number, url in enumerate(("https://a.example/simple", "https://A.example/simple/"), 1)
    ]
    given = settings.load(pip.VARIABLES, environment(connections=connections))
    found = resolve(given, Deadline(), print, lambda _: None)
    assert [str(index.url) for index in found.indexes] == ["https://a.example/simple"]
    assert found.doubled == []


def test_of_two_credentials_for_one_index_the_first_one_counts() -> None:
    connections = [
        Connection.login(1, "https://a.example/simple", "u", "s"),
        Connection.login(2, "https://a.example/simple/", "u", "canary"),
    ]
    given = settings.load(pip.VARIABLES, environment(connections=connections))
    found = resolve(given, Deadline(), print, lambda _: None)
    assert [index.credential.secret.reveal() for index in found.indexes] == ["s"]
    assert [
        (one.credential.secret.reveal(), two.credential.secret.reveal()) for one, two in found.doubled
    ] == [("s", "canary")]
