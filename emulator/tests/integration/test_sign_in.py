"""Entra's other grants: secrets of applications; persons who sign in by code, in a browser, or again."""

import base64
import hashlib
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from azure_devops_emulator import EmulatorError, SecretStr, Service
from azure_devops_emulator.services.tokens import read
from emulator_support.federated import (
    AZURE_DEVOPS_SCOPE,
    CLOSED_TENANT,
    OTHER_TENANT,
    OWN_TENANT,
    Job,
    contoso,
)
from emulator_support.service import Answer, ask

AZURE_CLI = "04b07795-8ddb-461a-bbee-02f9e1bf7b46"
ADO = AZURE_DEVOPS_SCOPE.partition("/")[0]
KEYS = "12121212-0000-4000-8000-000000000001"
TOOL = "12121212-0000-4000-8000-000000000002"
DEVICE = "urn:ietf:params:oauth:grant-type:device_code"
MORE = f"""
[[applications]]
name = "keys"
client_id = "{KEYS}"
client_secrets = [{{ value = "fake-secret" }}, {{ value = "fake-old-secret", expires = 2024-02-29 }}]

[[applications]]
name = "tool"
client_id = "{TOOL}"
public_client = true
permissions = ["vso.packaging"]
"""


@pytest.fixture(scope="module")
def job() -> Iterator[Job]:
    with contoso(MORE, device_interval=0) as one:
        yield one


def post(service: Service, what: str, tenant: str = OWN_TENANT, **form: str) -> Answer:
    return ask(
        f"{service.authority}/{tenant}/oauth2/v2.0/{what}",
        method="POST",
        headers={"Content-Type": "application/x-www-form-urlencoded"},
        body=urlencode(form).encode(),
    )


def secret(service: Service, value: str, client: str = KEYS, scope: str = AZURE_DEVOPS_SCOPE) -> Answer:
    return post(
        service, "token", grant_type="client_credentials", client_id=client, client_secret=value, scope=scope
    )


def refused(answer: Answer) -> tuple[int, str, int]:
    data = answer.json()
    return answer.status, data["error"], data["error_codes"][0]


def claims(answer: Answer) -> Any:  # noqa: ANN401 - whatever a token says
    assert answer.status == 200, answer.text
    return read(SecretStr(answer.json()["access_token"]))


def test_an_application_with_a_secret(job: Job) -> None:
    said = claims(secret(job.service, "fake-secret"))
    assert (said["appid"], said["idtyp"], said["tid"]) == (KEYS, "app", OWN_TENANT)
    record = job.asked("login")[-1]
    assert (record.identity, record.credential) == ("keys", "client secret")


def test_a_tenant_tells_where_its_endpoints_are(job: Job) -> None:
    path = "v2.0/.well-known/openid-configuration"
    told = ask(f"{job.service.authority}/{OWN_TENANT}/{path}").json()
    assert told["token_endpoint"] == f"{job.service.authority}/{OWN_TENANT}/oauth2/v2.0/token"
    assert ask(f"{job.service.authority}/{KEYS}/{path}").status == 400


@pytest.mark.parametrize(
    ("value", "client", "expected"),
    [
        ("wrong", KEYS, (401, "invalid_client", 7000215)),
        ("fake-old-secret", KEYS, (401, "invalid_client", 7000222)),
        ("fake-secret", ADO, (400, "unauthorized_client", 700016)),
        ("fake-secret", TOOL, (401, "invalid_client", 7000215)),
    ],
)
def test_secrets_that_do_not_fit(job: Job, value: str, client: str, expected: tuple[int, str, int]) -> None:
    assert refused(secret(job.service, value, client)) == expected


def test_a_bare_resource_is_no_scope_unless_the_organisation_file_says_so(job: Job) -> None:
    assert refused(secret(job.service, "fake-secret", scope=ADO)) == (400, "invalid_scope", 1002012)
    with contoso(MORE, bare_resource_as_scope=True) as other:
        assert secret(other.service, "fake-secret", scope=ADO).status == 200


def begin(
    service: Service, client: str = AZURE_CLI, scope: str = AZURE_DEVOPS_SCOPE, tenant: str = OWN_TENANT
) -> Any:  # noqa: ANN401 - what the service says
    answer = post(service, "devicecode", tenant, client_id=client, scope=scope)
    assert answer.status == 200, answer.text
    return answer.json()


def poll(service: Service, device: str, client: str = AZURE_CLI, tenant: str = OWN_TENANT) -> Answer:
    return post(service, "token", tenant, grant_type=DEVICE, client_id=client, device_code=device)


def test_a_person_signs_in_on_another_device(job: Job) -> None:
    begun = begin(job.service, scope=f"{AZURE_DEVOPS_SCOPE} offline_access")
    assert set(begun) == {
        "user_code", "device_code", "verification_uri", "expires_in", "interval", "message",
    }  # fmt: skip
    assert begun["user_code"] in begun["message"]
    pending = (400, "authorization_pending", 70016)
    assert refused(poll(job.service, begun["device_code"])) == pending
    job.service.sign_in.approve(begun["user_code"], "Rita Reader")
    answer = poll(job.service, begun["device_code"])
    said = claims(answer)
    assert (said["scp"], said["upn"], said["tid"], said["appid"]) == (
        "user_impersonation",
        "rita.reader@example.test",
        OWN_TENANT,
        AZURE_CLI,
    )
    assert "idtyp" not in said
    record = job.asked("login")[-1]
    assert (record.identity, record.credential) == ("Rita Reader", "device code")
    assert ask(job.feed("shared"), token=answer.json()["access_token"]).status == 200
    assert poll(job.service, begun["device_code"]).json()["error"] == "bad_verification_code", "once only"


def test_a_person_declines(job: Job) -> None:
    begun = begin(job.service)
    job.service.sign_in.decline(begun["user_code"])
    assert refused(poll(job.service, begun["device_code"])) == (400, "authorization_declined", 65004)


def test_codes_that_run_out_and_programs_that_ask_too_often() -> None:
    with contoso(device_seconds=0, device_declined="access_denied") as job:
        assert refused(poll(job.service, begin(job.service)["device_code"])) == (400, "expired_token", 70019)
        begun = begin(job.service)
        job.service.sign_in.decline(begun["user_code"])
        assert poll(job.service, begun["device_code"]).json()["error"] == "access_denied"
    with contoso(device_interval=60, device_slow_down=True) as job:
        device = begin(job.service)["device_code"]
        errors = [poll(job.service, device).json()["error"] for _ in range(2)]
        assert errors == ["authorization_pending", "slow_down"]


def test_a_code_is_of_one_client_and_of_a_tenant_that_knows_the_person(job: Job) -> None:
    for client, tenant, code in ((TOOL, OWN_TENANT, 70000), (AZURE_CLI, OTHER_TENANT, 50020)):
        begun = begin(job.service)
        job.service.sign_in.approve(begun["user_code"], "Rita Reader")
        answer = poll(job.service, begun["device_code"], client, tenant)
        assert refused(answer) == (400, "invalid_grant", code)
    begun = begin(job.service, tenant="organizations")
    job.service.sign_in.approve(begun["user_code"], "Fred Foreigner")
    assert claims(poll(job.service, begun["device_code"], tenant="organizations"))["tid"] == OTHER_TENANT


def test_a_client_of_ones_own_may_ask_for_less(job: Job) -> None:
    begun = begin(job.service, TOOL, f"{ADO}/vso.packaging")
    job.service.sign_in.approve(begun["user_code"], "Rita Reader")
    answer = poll(job.service, begun["device_code"], TOOL)
    assert claims(answer)["scp"] == "vso.packaging"
    assert "refresh_token" not in answer.json()


@pytest.mark.parametrize(
    ("client", "scope", "tenant", "code"),
    [
        (AZURE_CLI, f"{ADO}/vso.packaging", OWN_TENANT, 65002),
        (TOOL, f"{ADO}/vso.code", OWN_TENANT, 65001),
        (TOOL, "https://graph.example.test/.default", OWN_TENANT, 500011),
        (KEYS, AZURE_DEVOPS_SCOPE, OWN_TENANT, 7000218),
        (ADO, AZURE_DEVOPS_SCOPE, OWN_TENANT, 700016),
        (AZURE_CLI, AZURE_DEVOPS_SCOPE, ADO, 90002),
        (AZURE_CLI, "", OWN_TENANT, 900144),
    ],
)
def test_clients_that_cannot_sign_persons_in(
    job: Job, client: str, scope: str, tenant: str, code: int
) -> None:
    assert refused(post(job.service, "devicecode", tenant, client_id=client, scope=scope))[2] == code


def test_a_refresh_token_signs_in_again_until_it_is_revoked(job: Job) -> None:
    begun = begin(job.service, scope=f"{AZURE_DEVOPS_SCOPE} offline_access")
    job.service.sign_in.approve(begun["user_code"], "Rita Reader")
    form = {"grant_type": "refresh_token", "client_id": AZURE_CLI, "scope": AZURE_DEVOPS_SCOPE}
    form["refresh_token"] = poll(job.service, begun["device_code"]).json()["refresh_token"]
    again = post(job.service, "token", **form)
    assert claims(again)["upn"] == "rita.reader@example.test"
    assert again.json()["refresh_token"] != form["refresh_token"]
    assert refused(post(job.service, "token", CLOSED_TENANT, **form)) == (400, "invalid_grant", 50020)
    job.service.sign_in.revoke()
    assert refused(post(job.service, "token", **form)) == (400, "invalid_grant", 50173)


def authorize(service: Service, verifier: str, **changes: str) -> Answer:
    digest = hashlib.sha256(verifier.encode()).digest()
    query = {
        "client_id": AZURE_CLI,
        "response_type": "code",
        "redirect_uri": "http://localhost:1234",
        "scope": AZURE_DEVOPS_SCOPE,
        "state": "of mine",
        "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
        "code_challenge_method": "S256",
    } | changes
    return ask(f"{service.authority}/organizations/oauth2/v2.0/authorize?{urlencode(query)}")


def test_a_person_signs_in_with_a_browser(job: Job) -> None:
    assert "Sign in" in authorize(job.service, "verifier").text, "nobody is"
    job.service.sign_in.browser = "Rita Reader"
    answers = []
    for verifier in ("verifier", "another"):
        sent = authorize(job.service, "verifier")
        assert sent.status == 302
        where = urlsplit(sent.headers["Location"])
        assert where.netloc == "localhost:1234"
        query = parse_qs(where.query)
        assert query["state"] == ["of mine"]
        form = {"grant_type": "authorization_code", "client_id": AZURE_CLI, "code": query["code"][0]}
        form |= {"redirect_uri": "http://localhost:1234", "code_verifier": verifier}
        answers.append(post(job.service, "token", "organizations", **form))
    assert claims(answers[0])["name"] == "Rita Reader"
    assert refused(answers[1]) == (400, "invalid_grant", 50148)


def test_a_browser_sends_nobody_elsewhere(job: Job) -> None:
    assert refused(authorize(job.service, "v", redirect_uri="http://example.test/"))[2] == 50011
    assert refused(authorize(job.service, "v", code_challenge_method="plain"))[2] == 9002325


def test_who_is_not_there_cannot_sign_in(job: Job) -> None:
    code = begin(job.service)["user_code"]
    with pytest.raises(EmulatorError, match="no person"):
        job.service.sign_in.approve(code, "Nemo")
    with pytest.raises(EmulatorError, match="No program shows"):
        job.service.sign_in.decline("WRONG")
    with pytest.raises(EmulatorError, match="no person"):
        job.service.mint_person_token("Rita Reader", tenant=OTHER_TENANT)
    with pytest.raises(EmulatorError, match="no application"):
        job.service.mint_application_token("nothing")
