"""What a run is told."""

import json

import pytest

from pip_authenticate import provenance, settings
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
    assert given.collection_uris == {"SYSTEM_TEAMFOUNDATIONCOLLECTIONURI": "https://dev.azure.com/contoso/"}
    assert given.system_connection.url == "https://dev.azure.com/contoso/"
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
    assert {name: value.reveal() for name, value in found.parameters.items()} == {"apitoken": "t", "none": ""}
    assert found.scheme == "Token"


def test_a_variable_beside_the_json_is_nobodys_word() -> None:
    found = endpoint(
        json.dumps({"scheme": "Token", "parameters": {"apitoken": "json"}}),
        ENDPOINT_AUTH_PARAMETER_id_APITOKEN="planted",
        ENDPOINT_AUTH_PARAMETER_ID_OTHER="planted",
        ENDPOINT_AUTH_SCHEME_id="Other",
        ENDPOINT_URL_ID="https://evil.example/",
        Endpoint_Url_id="https://evil.example/",
    )
    assert {name: value.reveal() for name, value in found.parameters.items()} == {"apitoken": "json"}
    assert found.scheme == "Token"
    assert found.url == "https://h.example/"


def test_without_any_json_the_single_variables_count() -> None:
    single = {"ENDPOINT_AUTH_PARAMETER_id_APITOKEN": "t", "ENDPOINT_AUTH_SCHEME_id": "Token"}
    found = endpoint("", **single)
    assert found.scheme == "Token"
    assert found.parameters["apitoken"].reveal() == "t"


def test_a_connection_is_found_by_the_agents_spelling_of_its_id() -> None:
    environ = environment(connections=[Connection.token(1, "https://h.example/", "t")])
    environ["INPUT_PYTHONDOWNLOADSERVICECONNECTIONS"] = guid(1).upper()
    environ[f"ENDPOINT_URL_{guid(1).upper()}"] = "https://evil.example/"
    (found,) = settings.load(NAMES, environ, ignores_case=False).connections
    assert found.url == "https://h.example/"


def test_where_the_system_ignores_case_one_name_has_one_value() -> None:
    environ = {
        name.upper(): value
        for name, value in environment(connections=[Connection.token(1, "u", "t")]).items()
    }
    (found,) = settings.load(NAMES, environ, ignores_case=True).connections
    assert (found.url, found.scheme) == ("u", "Token")


def test_of_every_value_it_is_said_who_can_have_written_it() -> None:
    assert set(provenance.WRITERS) == set(Settings._fields)


@pytest.mark.parametrize(
    ("text", "remembered"),
    [
        ("", {}),
        (f"PIP_INDEX_URL={'a' * 64}", {"PIP_INDEX_URL": "a" * 64}),
        (f"A={'a' * 64} B={'b' * 64}", {"A": "a" * 64, "B": "b" * 64}),
        ("PIP_INDEX_URL=short", {}),
        ("nonsense = x", {}),
    ],
)
def test_what_a_run_stored_is_remembered(text: str, remembered: dict[str, str]) -> None:
    assert load(SECRET_PIP_AUTHENTICATE_STORED=text).remembered == remembered
    assert load(PIP_AUTHENTICATE_STORED=text).remembered == {}


def test_every_input_has_help_and_a_name_of_its_own() -> None:
    names = [item.name.upper() for item in settings.INPUTS]
    assert len(set(names)) == len(names)
    assert all(item.help.endswith(".") for item in settings.INPUTS)


def test_nothing_of_an_environment_is_shown_by_accident() -> None:
    given = settings.load(NAMES, environment(token="canary-token", connections=[
        Connection.login(1, "https://h.example/", "user", "canary-password")
    ], PIP_INDEX_URL="https://u:canary@h.example/"))  # fmt: skip
    assert "canary" not in repr(given)
