"""Any user name and any password survive the whole way to pip, and show themselves nowhere on it."""

import json
from urllib.parse import unquote, urlsplit

from hypothesis import given
from hypothesis import strategies as st

from pip_authenticate import settings, told_secrets
from pip_authenticate.authenticate import resolve
from pip_authenticate.clients import pip
from pip_authenticate.deadline import Deadline
from pip_authenticate.delivery import deliver
from pip_authenticate.index import Credential, IndexUrl
from pip_authenticate.logging_commands import AzurePipelines
from pip_authenticate.redaction import hosts_in, secrets_in
from pip_authenticate.secret import Secret
from support import nasty
from support.agent import Log, Masker, expand, unescape
from support.task import guid, spellings

# Text as an environment can hold it: no NUL, bytes that are no UTF-8 as surrogate escapes.
ANY = st.text(
    st.one_of(
        st.characters(exclude_characters="\0", exclude_categories=["Cs"]),
        st.sampled_from("%$()[];@:/?#&+ '\"`\\|<>^{}~!*,=\r\n\t"),
    ),
    min_size=1,
)
SEQUENCES = st.lists(
    st.one_of(
        st.sampled_from(
            [
                "%",
                "%0A",
                "%0D",
                "%3B",
                "%5D",
                "%AZP25",
                "%25",
                "%41",
                "$(Build.BuildId)",
                "$(PIP_INDEX_URL)",
                "$(",
            ]
        ),
        st.sampled_from(nasty.COMMANDS),
        st.sampled_from(nasty.LINE_ENDS),
        ANY,
    ),
    min_size=1,
).map("".join)
TEXTS = st.one_of(ANY, SEQUENCES)
BYTES = st.binary(min_size=1).map(lambda data: data.replace(b"\0", b"x").decode("utf-8", "surrogateescape"))


def run(user: str, password: str, *, decodes_percents: bool) -> Log:
    """The whole of a run with one service connection."""
    authorization = {"scheme": "UsernamePassword", "parameters": {"username": user, "password": password}}
    environ = {
        "INPUT_PYTHONDOWNLOADSERVICECONNECTIONS": guid(1),
        f"ENDPOINT_URL_{guid(1)}": "https://h.example/simple",
        f"ENDPOINT_AUTH_{guid(1)}": json.dumps(authorization),
    }
    told = settings.load(pip.VARIABLES, environ)
    lines: list[str] = []
    output = AzurePipelines(lines.append)
    output.register(told_secrets.of(told))
    deliver(resolve(told, Deadline(), output.debug, output.register), told, output)
    return Log("\n".join(lines).split("\n"), decodes_percents=decodes_percents)


@given(TEXTS, TEXTS, st.booleans())
def test_pip_reads_what_the_connection_holds(user: str, password: str, decodes: bool) -> None:  # noqa: FBT001
    log = run(user, password, decodes_percents=decodes)
    value = log.variables["PIP_INDEX_URL"]
    assert expand(value, {"Build.BuildId": "5", "PIP_INDEX_URL": value}) == value
    assert "$" not in value
    assert value.isascii()
    assert value.isprintable()
    assert " " not in value
    parts = urlsplit(value)
    assert (parts.scheme, parts.hostname, parts.path) == ("https", "h.example", "/simple")
    assert unquote(parts.username or "") == user
    assert unquote(parts.password or "") == password


@given(TEXTS, TEXTS.map(lambda text: f"canary{text}"))
def test_no_spelling_of_the_password_is_shown(user: str, password: str) -> None:
    log = run(user, password, decodes_percents=True)
    forms = spellings(password, user)
    assert not [line for line in log.ordinary if any(form in line for form in forms)]
    assert {password, *spellings(password, user)} - {form for form in forms if "%AZP25" in form} <= set(
        log.secrets
    )


@given(ANY.map(lambda text: f"canary{text}canary"))
def test_the_agents_own_debugging_is_masked(password: str) -> None:
    """A container job passes the variable through the parser again."""
    log = run("u", password, decodes_percents=True)
    masker = Masker()
    for secret in log.secrets:
        masker.add(secret)
    value = log.variables["PIP_INDEX_URL"]
    for line in (value, unescape(value)):
        assert "canary" not in masker.mask(f"Set env: PIP_INDEX_URL={line}")


@given(st.one_of(TEXTS, BYTES), st.one_of(TEXTS, BYTES))
def test_bytes_of_any_kind_survive_the_url(user: str, password: str) -> None:
    url, _ = IndexUrl.parse("https://h.example/simple")
    parts = urlsplit(url.with_credential(Credential(user, Secret(password))).reveal())
    assert unquote(parts.username or "", errors="surrogateescape") == user
    assert unquote(parts.password or "", errors="surrogateescape") == password


@given(st.one_of(TEXTS, BYTES), st.one_of(TEXTS, BYTES))
def test_what_was_set_is_found_and_hidden_by_a_later_run(user: str, password: str) -> None:
    url, _ = IndexUrl.parse("https://h.example/simple")
    value = Secret(" ".join([url.with_credential(Credential(user, Secret(password))).reveal()] * 2))
    assert hosts_in(value) == "h.example"
    assert password in {secret.reveal() for secret in secrets_in(value)}
