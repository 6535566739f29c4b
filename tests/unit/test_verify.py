"""Verdicts and addresses for answers that neither emulator nor real service gives in the ordinary way."""

from collections.abc import Callable

import pytest

from pip_authenticate import settings as product_settings
from pip_authenticate.authenticate import open_all
from pip_authenticate.azure import canonical
from pip_authenticate.azure.feeds import FeedsService
from pip_authenticate.clients import pip
from pip_authenticate.deadline import Deadline
from pip_authenticate.errors import Faults, ServiceError
from pip_authenticate.index import AuthenticatedIndex, Credential, IndexUrl
from pip_authenticate.run import Run
from pip_authenticate.secret import Secret
from pip_authenticate.sources import federated_urls
from pip_authenticate.transport import Response, Transport
from pip_authenticate.verify import Verdict, verify
from support.http_service import Answer, json_answer
from support.task import endpoint, environment, guid

FEED = "https://pkgs.dev.azure.com/contoso/p/_packaging/f/pypi/simple/"
OTHER = "https://index.example/simple/"
Answers = Callable[[str, str], Answer]


class Scripted(Transport):
    """Asks a function instead of the network."""

    def __init__(self, answers: Answers) -> None:
        given = product_settings.load(pip.VARIABLES, {})
        super().__init__(given.proxy, given.certificates, lambda _: None, Deadline())
        self._answers = answers

    def request(self, method: str, url: str, **_others: object) -> Response:
        answer = self._answers(method, url)
        headers = {name.lower(): value for name, value in answer.headers}
        return Response(answer.status, answer.reason, headers, answer.body, url)


def index(url: str, secret: str = "secret") -> AuthenticatedIndex:
    return AuthenticatedIndex(IndexUrl.parse(url)[0], Credential("u", Secret(secret)), f"source of {secret}")


def verdict(url: str, answers: Answers) -> Verdict:
    settings, transport = product_settings.load(pip.VARIABLES, {}), Scripted(answers)
    return verify([index(url)], settings, transport, FeedsService(settings, transport))[0]


@pytest.mark.parametrize("url", [FEED, OTHER])
def test_a_server_that_takes_no_password(url: str) -> None:
    offer = [("WWW-Authenticate", "Negotiate, NTLM")]
    found = verdict(url, lambda _method, _url: Answer(401, headers=offer))
    assert found.grade == "bad"
    assert "negotiate, ntlm" in found.text


@pytest.mark.parametrize("status", [401, 403])
def test_an_index_that_refuses_at_its_root_only(status: int) -> None:
    found = verdict(OTHER, lambda _, url: Answer(status if url == OTHER else 404))
    assert found.grade == "bad"
    assert f"status {status}" in found.text


def test_a_missing_feed_where_nobody_may_list_feeds() -> None:
    missing = json_answer({"message": "The feed with ID 'f' doesn't exist."}, 404)
    found = verdict(FEED, lambda _, url: Answer(403) if "feeds.dev" in url else missing)
    assert found.grade == "bad"
    assert "write a project's feed as project/feed" in found.text


@pytest.mark.parametrize("gap", ["project", "view"])
def test_guids_that_are_not_told(gap: str) -> None:
    feed: dict[str, object] = {"id": guid(1), "name": "f"}
    if gap == "view":
        feed["project"] = {"id": guid(2), "name": "p"}
    indexes = [index(FEED.replace("/f/", "/f@v/"), "one"), index(FEED.replace("/f/", "/g@v/"), "two")]
    settings = product_settings.load(pip.VARIABLES, {})
    transport = Scripted(lambda _method, _url: json_answer(feed))
    kept, faults, mixed = canonical.separate(indexes, FeedsService(settings, transport), transport)
    assert kept == indexes
    assert [error.slug for error in faults.values()] == ["guid-missing", "guid-missing"]
    assert mixed == {}


def test_a_feeds_service_at_another_host_gets_no_foreign_credential() -> None:
    def answers(_: str, url: str) -> Answer:
        assert "/_apis/packaging/" not in url, "no credential is sent"
        return json_answer({"locationUrl": "https://feeds.elsewhere.example/o/"})

    indexes = [
        index("https://other.example/o/_packaging/f/pypi/simple/", secret) for secret in ("one", "two")
    ]
    transport = Scripted(answers)
    service = FeedsService(product_settings.load(pip.VARIABLES, {}), transport)
    _, faults, _ = canonical.separate(indexes, service, transport)
    assert [error.slug for error in faults.values()] == ["foreign-service"] * 2


def test_the_deadline_ends_federation_too() -> None:
    def answers(_method: str, _url: str) -> Answer:
        raise ServiceError("deadline", "The time is used up")

    env = environment() | {
        "SYSTEM_TEAMFOUNDATIONCOLLECTIONURI": "https://dev.azure.com/contoso/",
        "ENDPOINT_URL_SYSTEMVSSCONNECTION": "https://dev.azure.com/contoso/",
        "SYSTEM_SERVERTYPE": "Hosted",
        "SYSTEM_OIDCREQUESTURI": "https://dev.azure.com/contoso/oidc",
        "INPUT_FEEDURL": FEED,
        "INPUT_WORKLOADIDENTITYSERVICECONNECTION": guid(3),
        **endpoint(guid(3), "https://dev.azure.com/", "X", {"ServicePrincipalId": "p", "TenantId": guid(4)}),
    }
    run = Run(product_settings.load(pip.VARIABLES, env), Scripted(answers), lambda _: None)
    with pytest.raises(Faults) as failed:
        open_all(federated_urls.indexes(run).indexes, run)
    assert [error.slug for error in failed.value.errors] == ["deadline"]
