"""Service connections as a source."""

import pytest

from pip_authenticate import settings
from pip_authenticate.deadline import Deadline
from pip_authenticate.errors import Faults
from pip_authenticate.index import AuthenticatedIndex
from pip_authenticate.sources import service_connections
from pip_authenticate.transport import Transport
from support.task import Connection, environment, guid


def indexes(*connections: Connection) -> list[AuthenticatedIndex]:
    given = settings.load((), environment(connections=connections))
    transport = Transport(given.proxy, given.certificates, print, Deadline())
    return service_connections.indexes(given, transport, lambda _: None)


def test_both_schemes_give_a_credential() -> None:
    token, login = indexes(
        Connection.token(1, "https://h.example/simple", "t"),
        Connection.login(2, "https://i.example/", "u", "p"),
    )
    assert (str(token.url), token.credential.username, token.credential.secret.reveal()) == (
        "https://h.example/simple",
        "build",
        "t",
    )
    assert (login.credential.username, login.credential.secret.reveal()) == ("u", "p")
    assert guid(1) in token.source


def test_all_faults_are_told_at_once() -> None:
    broken = [
        Connection.token(1, "", "canary"),
        Connection.token(2, "https://h.example/", ""),
        Connection(guid(3), "https://h.example/", "Certificate", {"certificate": "canary"}),
        Connection.login(4, "https://u:canary@h.example:port/", "u", "canary"),
    ]
    with pytest.raises(Faults) as refused:
        indexes(Connection.token(9, "https://h.example/", "t"), *broken)
    texts = [str(error) for error in refused.value.errors]
    assert [guid(number) in text for number, text in enumerate(texts, 1)] == [True] * 4
    assert not any("canary" in text for text in texts)


def test_no_connection_no_index() -> None:
    assert indexes() == []
