"""Text from outside: either it is understood, or one of the project's own errors says why not."""

import json
from urllib.parse import quote

from hypothesis import given
from hypothesis import strategies as st

from pip_authenticate import settings
from pip_authenticate.azure import rest
from pip_authenticate.azure.feed_addresses import FeedAddress
from pip_authenticate.azure.feed_names import Feed, parse_feed
from pip_authenticate.azure.routes import fill
from pip_authenticate.clients import pip
from pip_authenticate.errors import InputError, PipAuthenticateError
from pip_authenticate.index import IndexUrl
from pip_authenticate.redaction import hosts_in, secrets_in
from pip_authenticate.secret import Secret
from pip_authenticate.transport import Response
from support import nasty

URL_PIECES = st.lists(
    st.one_of(
        st.sampled_from(["http://", "https://", "HTTPS:", "//", "/", "@", ":", "[", "]", "::1", "443", "%"]),
        st.sampled_from(["%2F", "%zz", "?", "#", "\\", "..", "h.example", "user", "$(x)", "xn--", "ü", " "]),
        st.sampled_from(["\uff0e", "\u2100", "_packaging", "/pypi/simple"]),
        st.text(max_size=4),
    )
).map("".join)
URLS = st.one_of(URL_PIECES, URL_PIECES.map(lambda text: f"https://h.example{text}"), st.text())
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text()),
    lambda inner: st.one_of(st.lists(inner), st.dictionaries(st.text(), inner)),
    max_leaves=8,
)


@given(URLS)
def test_a_url_is_refused_or_reads_back_to_itself(text: str) -> None:
    try:
        url, _ = IndexUrl.parse(text)
    except InputError:
        return
    shown = str(url)
    assert "@" not in shown.split("/")[2]
    assert "$" not in shown
    assert shown.isascii()
    assert shown.isprintable()
    assert " " not in shown
    again, password = IndexUrl.parse(shown)
    assert (again.origin, again.path, password) == (url.origin, url.path, None)
    assert str(again) == shown
    assert url.key == again.key
    FeedAddress.of(url)


@given(
    st.one_of(
        st.text(), URLS, st.lists(st.sampled_from(["a", "/", "@", ".", "_", " ", "%", "ü", "-"])).map("".join)
    )
)
def test_a_feed_is_refused_or_reads_back_to_itself(entry: str) -> None:
    try:
        feed = parse_feed(entry)
    except InputError:
        return
    assert parse_feed(quote(str(feed), safe="/")) == feed
    path = fill("{project}/_packaging/{feedId}/pypi/simple", feed)
    assert path.isascii()
    assert path.count("/") == (4 if feed.project else 3)
    address = FeedAddress.of(IndexUrl.parse(f"https://h.example/org/{path}")[0])
    assert address is not None
    assert address.feed == feed.name
    assert address.scope == (("org", feed.project) if feed.project else ("org",))


@given(
    st.one_of(
        st.text(), st.lists(st.sampled_from(["{", "}", "/", "feedId", "project", "?", "#", "%"])).map("".join)
    )
)
def test_any_route_gives_a_url_or_an_error(template: str) -> None:
    path = fill(template, Feed("f@v", "p"))
    try:
        IndexUrl.parse(f"https://h.example/org/{path}")
    except InputError:
        return


@given(
    st.integers(100, 599),
    st.one_of(st.binary(), JSON.map(lambda value: json.dumps(value).encode()), st.just(b"[" * 99999)),
    st.dictionaries(
        st.sampled_from(["content-type", "location", "retry-after", "www-authenticate"]), st.text()
    ),
    st.text(),
)
def test_any_answer_is_json_or_an_error(
    status: int, body: bytes, headers: dict[str, str], reason: str
) -> None:
    response = Response(status, reason, headers, body, "https://h.example/")
    said = f"h.example {status}"
    try:
        rest.read_json(response, "service", "the token")
    except PipAuthenticateError as error:
        said = str(error)
    assert "h.example" in said
    assert str(status) in said


NAMES = st.one_of(
    st.sampled_from([f"INPUT_{item.name.upper()}" for item in settings.INPUTS]),
    st.sampled_from(
        [
            "INPUT_OTHER",
            "ENDPOINT_URL_a",
            "ENDPOINT_AUTH_a",
            "ENDPOINT_AUTH_SCHEME_a",
            "ENDPOINT_AUTH_PARAMETER_A_PASSWORD",
            "ENDPOINT_AUTH_SYSTEMVSSCONNECTION",
            "VSTS_SECRET_VARIABLES",
            "AGENT_PROXYBYPASSLIST",
            "PIP_INDEX_URL",
            "PIP_EXTRA_INDEX_URL",
            "DECODE_PERCENTS",
        ]
    ),
    st.text(),
)
VALUES = st.one_of(
    st.text(),
    JSON.map(json.dumps),
    st.just("a"),
    st.sampled_from(["true", "a,b", "[" * 9999]),
    st.sampled_from(nasty.COMMANDS),
)


@given(st.dictionaries(NAMES, VALUES))
def test_no_environment_is_too_strange_to_be_read(environ: dict[str, str]) -> None:
    told = settings.load(pip.VARIABLES, environ)
    assert all(isinstance(error, PipAuthenticateError) for error in told.faults)
    assert "Secret('***')" in repr(told)
    for value in told.previous.values():
        list(secrets_in(value))


@given(st.one_of(st.text(), URLS))
def test_of_any_previous_value_hosts_alone_are_shown(value: str) -> None:
    shown = hosts_in(Secret(value))
    assert not set(shown) & set("@/?#")
    for secret in secrets_in(Secret(value)):
        assert secret
