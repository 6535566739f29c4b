"""Whatever the services answer, a run ends in a result or in one of the project's own errors."""

import json
from collections.abc import Iterator

from hypothesis import given, settings
from hypothesis import strategies as st

from pip_authenticate import settings as product_settings
from pip_authenticate.authenticate import open_all
from pip_authenticate.azure import canonical, entra
from pip_authenticate.azure.application import Application
from pip_authenticate.azure.feeds import FeedsService
from pip_authenticate.clients import pip
from pip_authenticate.deadline import Deadline
from pip_authenticate.errors import PipAuthenticateError
from pip_authenticate.index import AuthenticatedIndex, Credential, IndexUrl
from pip_authenticate.run import Run
from pip_authenticate.secret import Secret
from pip_authenticate.settings import Settings
from pip_authenticate.sources import federated_urls
from pip_authenticate.transport import Response, Transport
from pip_authenticate.verify import verify
from support.task import endpoint, environment, guid

JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.just(guid(1))),
    lambda inner: st.one_of(st.lists(inner), st.dictionaries(st.text(), inner)),
    max_leaves=6,
)
KNOWN = st.dictionaries(
    st.sampled_from(
        [
            *("access_token", "expires_in", "error_description", "error_codes", "trace_id", "oidcToken"),
            *(
                "value",
                "id",
                "name",
                "project",
                "view",
                "viewId",
                "authenticatedUser",
                "message",
                "locationUrl",
            ),
        ]
    ),
    st.one_of(JSON, st.dictionaries(st.sampled_from(["id", "name", "customDisplayName"]), JSON)),
)
LINKS = st.text().map(
    lambda link: f'<title>Links for x</title><a href="{link}">x</a>'.encode("utf-8", "replace")
)
BODIES = st.one_of(
    st.binary(),
    st.one_of(JSON, KNOWN, KNOWN.map(lambda row: {"value": [row]})).map(
        lambda value: json.dumps(value).encode()
    ),
    LINKS,
)
HEADERS = st.dictionaries(
    st.sampled_from(
        [
            "content-type",
            "location",
            "www-authenticate",
            "x-vss-userdata",
            "x-vss-resourcetenant",
            "retry-after",
        ]
    ),
    st.one_of(st.text(), st.sampled_from(["text/html", "application/json", guid(9)])),
)
ANSWERS = st.lists(
    st.tuples(
        st.sampled_from([200, 206, 203, 302, 400, 401, 403, 404, 405, 429, 500, 503]),
        st.text(),
        HEADERS,
        BODIES,
    ),
    min_size=1,
    max_size=8,
)
ANSWER = tuple[int, str, dict[str, str], bytes]
TOKENS = st.one_of(st.text(min_size=1), BODIES.map(lambda body: f"e.{body.hex()}.s"))


class Scripted(Transport):
    """Gives the same answers over and over, in their order, without a network."""

    def __init__(self, answers: list[ANSWER]) -> None:
        given = product_settings.load(pip.VARIABLES, {})
        super().__init__(given.proxy, given.certificates, lambda _: None, Deadline())
        self._answers = self._endlessly(answers)

    @staticmethod
    def _endlessly(answers: list[ANSWER]) -> Iterator[ANSWER]:
        while True:
            yield from answers

    def request(self, _method: str, url: str, **_others: object) -> Response:  # type: ignore[override]
        status, reason, headers, body = next(self._answers)
        return Response(status, reason, headers, body, url)


def job(**given: str) -> Settings:
    """A job of an organisation that is nobody's."""
    connection = endpoint(guid(3), "https://dev.azure.com/o/", "X", {"ServicePrincipalId": guid(4)})
    env = environment() | {
        "SYSTEM_TEAMFOUNDATIONCOLLECTIONURI": "https://home.example/o/",
        "ENDPOINT_URL_SYSTEMVSSCONNECTION": "https://home.example/o/",
        "SYSTEM_SERVERTYPE": "Hosted",
        "SYSTEM_OIDCREQUESTURI": "https://home.example/o/oidc",
        "INPUT_WORKLOADIDENTITYSERVICECONNECTION": guid(3),
        "INPUT_FEEDURL": "https://home.example/o/_packaging/f/pypi/simple",
    }
    return product_settings.load(pip.VARIABLES, {**env, **connection, **given})


def indexes(token: str) -> list[AuthenticatedIndex]:
    """Indexes of all kinds: of the job's organisation, of another one, of nobody."""
    urls = (
        "https://pkgs.dev.azure.com/other/p/_packaging/f@v/pypi/simple/",
        "https://home.example/o/_packaging/f/pypi/simple",
        "https://home.example/other/_packaging/f/pypi/simple",
        "https://index.example/simple/",
    )
    credentials = [Credential("build", Secret(token)), Credential("u", Secret("another"))]
    found = []
    for number, url in enumerate(urls):
        found.append(AuthenticatedIndex(IndexUrl.parse(url)[0], credentials[number % 2], f"source {number}"))
    return found


@given(ANSWERS)
def test_entra(answers: list[ANSWER]) -> None:
    try:
        token = entra.exchange(
            Application(entra.PUBLIC_AUTHORITY, guid(1), guid(2)), Secret("a"), Scripted(answers)
        )
    except PipAuthenticateError:
        pass
    else:
        assert token.secret.reveal().isprintable()
        assert token.seconds >= 0


@given(ANSWERS)
def test_federation(answers: list[ANSWER]) -> None:
    learned: list[Secret] = []
    try:
        run = Run(job(), Scripted(answers), learned.extend)
        found = open_all(federated_urls.indexes(run).indexes, run)
    except PipAuthenticateError:
        pass
    else:
        assert {index.credential.secret for index in found} <= set(learned)


@settings(max_examples=50)
@given(ANSWERS, TOKENS, st.sampled_from(["", "x"]))
def test_verification(answers: list[ANSWER], token: str, package: str) -> None:
    given_settings, transport = job(INPUT_VERIFYPACKAGE=package), Scripted(answers)
    verdicts = verify(indexes(token), given_settings, transport, FeedsService(given_settings, transport))
    assert [verdict.grade in {"good", "limited", "bad"} for verdict in verdicts] == [True] * 4
    assert all(verdict.text for verdict in verdicts)


@settings(max_examples=50)
@given(ANSWERS)
def test_separation(answers: list[ANSWER]) -> None:
    given_settings = job()
    before = [*indexes("x"), indexes("y")[0], indexes("z")[1]]
    transport = Scripted(answers)
    service = FeedsService(given_settings, transport)
    after, faults, mixed = canonical.separate(before, service, transport)
    assert len(after) == len(before)
    for at, index in enumerate(after):
        assert index.url.origin == before[at].url.origin
        assert index.credential == before[at].credential
        assert at not in faults or index == before[at]
    assert all(len(sources) > 1 for sources in mixed.values())
