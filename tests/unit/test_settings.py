"""What a run is told."""

import json

import pytest

from pip_authenticate import settings
from pip_authenticate.settings import Endpoint, Settings
from support.task import Connection, environment, guid

NAMES = ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL")


def load(**environ: str) -> Settings:
    return settings.load(NAMES, environ)


def test_an_empty_environment_tells_nothing() -> None:
    given = settings.load(NAMES, {})
    assert given.artifact_feeds == ()
    assert given.connections == ()
    assert given.only_add_extra_index is False
    assert given.faults == ()
    assert given.unknown_inputs == ()
    assert given.previous == {}
    assert given.decodes_percents is True
    assert given.is_hosted is False
    assert given.agent_os in {"Linux", "Darwin", "Windows_NT"}


def test_an_agents_environment_is_read_whole() -> None:
    connection = Connection.login(1, " https://h.example/ ", "user", "pass")
    given = settings.load(
        NAMES,
        environment(
            feeds="a, b ,,A",
            connections=[connection],
            token="job",
            only_extra="TRUE",
            SYSTEM_TEAMFOUNDATIONCOLLECTIONURI="https://dev.azure.com/contoso/",
            SYSTEM_SERVERTYPE="HOSTED",
            AGENT_PROXYURL="http://proxy:8080",
            AGENT_PROXYUSERNAME="pu",
            SECRET_AGENT_PROXYPASSWORD="pp",
            AGENT_PROXYBYPASSLIST='["a","b"]',
            AGENT_CAINFO="/ca.pem",
            AGENT_CLIENTCERT="/c.pem",
            AGENT_CLIENTCERTKEY="/k.pem",
            SECRET_AGENT_CLIENTCERTPASSWORD="cp",
            AGENT_SKIPCERTVALIDATION="True",
            PIP_INDEX_URL="https://old.example/",
            INPUT_OTHER="x",
        ),
    )
    assert given.artifact_feeds == ("a", "b")
    (endpoint,) = given.connections
    assert (endpoint.id, endpoint.url, endpoint.scheme) == (guid(1), "https://h.example/", "UsernamePassword")
    assert {name: value.reveal() for name, value in endpoint.parameters.items()} == {
        "username": "user",
        "password": "pass",
    }
    assert given.only_add_extra_index is True
    assert given.collection_uri == "https://dev.azure.com/contoso/"
    assert given.is_hosted is True
    assert given.system_connection.parameters["accesstoken"].reveal() == "job"
    assert given.system_connection.scheme == "OAuth"
    assert (given.proxy.url, given.proxy.username) == ("http://proxy:8080", "pu")
    assert given.proxy.password.reveal() == "pp"
    assert given.proxy.bypass == ("a", "b")
    certificates = given.certificates
    assert (certificates.authorities, certificates.client) == ("/ca.pem", "/c.pem")
    assert (certificates.client_key, certificates.unchecked) == ("/k.pem", True)
    assert certificates.client_password.reveal() == "cp"
    assert {name: value.reveal() for name, value in given.previous.items()} == {
        "PIP_INDEX_URL": "https://old.example/"
    }
    assert given.unknown_inputs == ("OTHER",)
    assert {"SYSTEM_ACCESSTOKEN", "AGENT_PROXYPASSWORD"} <= given.secret_variables
    assert given.telemetry["AGENT_VERSION"] == given.agent_version == "4.277.0"


@pytest.mark.parametrize(
    ("text", "decodes"),
    [
        ("", True),
        ("1", True),
        ("true", True),
        ("$TRUE", True),
        ("false", False),
        ("0", False),
        ("yes", False),
    ],
)
def test_the_knob_for_percents(text: str, decodes: bool) -> None:  # noqa: FBT001
    assert load(DECODE_PERCENTS=text).decodes_percents is decodes


@pytest.mark.parametrize("text", ["yes", "0", "truefalse", "t"])
def test_a_wrong_boolean_is_a_fault_and_counts_as_left_out(text: str) -> None:
    given = load(INPUT_ONLYADDEXTRAINDEX=text)
    assert [error.slug for error in given.faults] == ["not-a-boolean"]
    assert text in str(given.faults[0])
    assert given.only_add_extra_index is False


def endpoint(text: str, **others: str) -> Endpoint:
    environ = {
        "INPUT_PYTHONDOWNLOADSERVICECONNECTIONS": "id",
        "ENDPOINT_URL_id": "https://h.example/",
        "ENDPOINT_AUTH_id": text,
        **others,
    }
    (found,) = settings.load(NAMES, environ).connections
    return found


@pytest.mark.parametrize(
    "text",
    ["{", "[]", "5", '"x"', "null", '{"scheme": 1}', '{"parameters": "x"}', "[" * 99999, '{"a":"\\ud800"'],
)
def test_an_authorisation_of_another_shape_is_a_fault_of_the_connection(text: str) -> None:
    assert endpoint(text).fault


def test_half_a_character_is_a_fault() -> None:
    assert endpoint('{"scheme": "Token", "parameters": {"apitoken": "x\\ud83d"}}').fault
    assert not endpoint('{"scheme": "Token", "parameters": {"apitoken": "x\\ud83d\\ude00"}}').fault


def test_parameters_that_are_no_text_are_left_out() -> None:
    found = endpoint('{"scheme": "Token", "parameters": {"ApiToken": "t", "other": 5, "none": null}}')
    assert {name: value.reveal() for name, value in found.parameters.items()} == {"apitoken": "t"}
    assert found.scheme == "Token"


def test_single_variables_win_over_the_json() -> None:
    found = endpoint(
        json.dumps({"scheme": "Token", "parameters": {"apitoken": "json"}}),
        ENDPOINT_AUTH_PARAMETER_ID_APITOKEN="single",
        ENDPOINT_AUTH_SCHEME_id="Other",
    )
    assert found.parameters["apitoken"].reveal() == "single"
    assert found.scheme == "Other"


def test_every_input_has_help_and_a_name_of_its_own() -> None:
    names = [item.name.upper() for item in settings.INPUTS]
    assert len(set(names)) == len(names)
    assert all(item.help.endswith(".") for item in settings.INPUTS)


def test_nothing_of_an_environment_is_shown_by_accident() -> None:
    given = settings.load(NAMES, environment(token="canary-token", connections=[
        Connection.login(1, "https://h.example/", "user", "canary-password")
    ], PIP_INDEX_URL="https://u:canary@h.example/"))  # fmt: skip
    assert "canary" not in repr(given)
