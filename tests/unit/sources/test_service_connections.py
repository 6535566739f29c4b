"""Service connections as a source."""

import pytest

from pip_authenticate import settings
from pip_authenticate.deadline import Deadline
from pip_authenticate.errors import Faults
from pip_authenticate.index import AuthenticatedIndex
from pip_authenticate.providers import stored_secret
from pip_authenticate.run import Run
from pip_authenticate.sources import service_connections
from pip_authenticate.transport import Transport
from support.task import Connection, environment, guid


def indexes(*connections: Connection) -> list[AuthenticatedIndex]:
    given = settings.load((), environment(connections=connections))
    transport = Transport(given.proxy, given.certificates, print, Deadline())
    run = Run(given, transport, lambda _: None)
    named, opened, faults = service_connections.indexes(run), list[AuthenticatedIndex](), []
    try:
        opened = stored_secret.open_all(named.indexes, run)
    except Faults as error:
        faults = list(error.errors)
    if named.faults or faults:
        raise Faults([*named.faults, *faults])
    return opened


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
    assert len(texts) == 4
    assert all(any(guid(number) in text for text in texts) for number in range(1, 5))
    assert not any("canary" in text for text in texts)


def test_no_connection_no_index() -> None:
    assert indexes() == []
