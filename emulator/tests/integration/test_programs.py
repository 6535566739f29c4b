"""The stand-ins of az, azd, circleci and buildkite-agent, as others start them."""

import json
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from azure_devops_emulator import (
    CiJob,
    EmulatorError,
    Fault,
    Organization,
    Programs,
    SecretStr,
    Service,
    SignedIn,
)
from azure_devops_emulator.services.tokens import read
from emulator_support.federated import AZURE_DEVOPS_SCOPE, OTHER_TENANT, OWN_TENANT, Job, contoso
from emulator_support.service import ask

ADO = AZURE_DEVOPS_SCOPE.partition("/")[0]
AZ = ("az", "account", "get-access-token", "--resource", ADO, "--output", "json")
AZD = ("azd", "auth", "token", "--output", "json", "--no-prompt", "--scope", AZURE_DEVOPS_SCOPE)
Run = Callable[..., subprocess.CompletedProcess[str]]
RITA = SignedIn("Rita Reader")
MORE = """
[[applications]]
name = "keys"
client_secrets = [{ value = "fake-secret" }]
[[applications]]
name = "machine"
managed = "system"
"""


@pytest.fixture(scope="module")
def job() -> Iterator[Job]:
    with contoso(MORE) as one:
        yield one


@pytest.fixture
def programs(job: Job, tmp_path: Path) -> Programs:
    return Programs(job.service, tmp_path / "bin")


@pytest.fixture
def run(tmp_path: Path) -> Run:
    def start(name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [str(tmp_path / "bin" / name), *arguments]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    return start


def claims(token: str) -> Any:  # noqa: ANN401 - whatever it says
    return read(SecretStr(token))


def test_az_gives_the_token_of_a_person(job: Job, programs: Programs, run: Run) -> None:
    variables = programs.az(RITA)
    ended = run(*AZ)
    assert (ended.returncode, ended.stderr) == (0, "")
    data = json.loads(ended.stdout)
    assert set(data) == {"accessToken", "expiresOn", "expires_on", "subscription", "tenant", "tokenType"}
    assert abs(data["expires_on"] - time.time() - 3599) < 60
    local = datetime.strptime(data["expiresOn"], "%Y-%m-%d %H:%M:%S.%f")  # noqa: DTZ007 - as az writes it
    assert local.timestamp() == data["expires_on"]
    said = claims(data["accessToken"])
    assert (said["upn"], said["tid"]) == ("rita.reader@example.test", OWN_TENANT)
    assert ask(job.feed("shared"), token=data["accessToken"]).status == 200
    profile = Path(variables["AZURE_CONFIG_DIR"]) / "azureProfile.json"
    (account,) = json.loads(profile.read_text(encoding="utf-8-sig"))["subscriptions"]
    assert account["user"] == {"name": "rita.reader@example.test", "type": "user"}
    assert (account["tenantId"], account["isDefault"]) == (OWN_TENANT, True)
    assert programs.calls("az") == [list(AZ[1:])]
    there = json.loads(run(*AZ, "--tenant", OWN_TENANT).stdout)
    assert "subscription" not in there
    assert json.loads(run(*AZ, "--subscription", data["subscription"]).stdout)["tenant"] == OWN_TENANT
    bare = run(*AZ[:-2], "--query", "accessToken", "-o", "tsv").stdout
    assert claims(bare.strip())["upn"] == said["upn"]
    assert json.loads(run("az", "account", "show").stdout) == account


def failed(ended: subprocess.CompletedProcess[str], *said: str, code: int = 1) -> None:
    assert (ended.returncode, ended.stdout) == (code, "")
    for words in said:
        assert words in ended.stderr


def test_az_refuses(job: Job, programs: Programs, run: Run) -> None:
    programs.az(SignedIn())
    failed(run(*AZ), "ERROR: Please run 'az login' to setup account.\n")
    programs.az(RITA)
    failed(run(*AZ, "--tenant", OWN_TENANT, "--subscription", "x"), "only one of", code=2)
    failed(run(*AZ, "--subscription", "nothing"), "Subscription 'nothing' not found")
    failed(run(*AZ, "--tenant", OTHER_TENANT), "AADSTS50020", f'az login --tenant "{OTHER_TENANT}"')
    failed(run("az", "login"), "ERROR: ", code=2)
    programs.az(replace(RITA, trouble="expired"))
    failed(run(*AZ), "ERROR: AADSTS50173", f'az login --tenant "{OWN_TENANT}" --scope "{AZURE_DEVOPS_SCOPE}"')
    programs.az(RITA)
    job.service.faults.add(Fault("throttle", path="^/login/"))
    failed(run(*AZ), "HTTP status 429")
    assert run(*AZ).returncode == 0


def test_az_signed_in_as_something_else(job: Job, programs: Programs, run: Run) -> None:
    programs.az(SignedIn(application="keys"))
    assert claims(json.loads(run(*AZ, "--tenant", OWN_TENANT).stdout)["accessToken"])["idtyp"] == "app"
    programs.az(SignedIn(application="keys", trouble="expired"))
    failed(run(*AZ), "AADSTS7000215")
    programs.az(SignedIn(application="machine"))
    assert run(*AZ, "--tenant", OWN_TENANT).returncode == 0
    assert job.asked("machine")[-1].status == 200
    failed(run(*AZ, "--tenant", OTHER_TENANT), "Tenant shouldn't be specified for managed identity account")
    programs.az(SignedIn("Rita Reader", subscriptions=False))
    assert json.loads(run(*AZ).stdout)["subscription"] == OWN_TENANT
    with pytest.raises(EmulatorError, match="no secret"):
        programs.az(SignedIn(application="robot"))
    with pytest.raises(EmulatorError, match="no person"):
        programs.az(SignedIn("Nemo"))


@pytest.mark.parametrize("command", [AZ, AZD])
def test_programs_in_trouble(programs: Programs, run: Run, command: tuple[str, ...]) -> None:
    write = programs.az if command is AZ else programs.azd
    write(replace(RITA, trouble="warning"))
    ended = run(*command)
    assert ended.returncode == 0
    assert ended.stderr.startswith("WARNING: ")
    assert json.loads(ended.stdout)
    write(replace(RITA, trouble="garbage"))
    ended = run(*command)
    assert ended.returncode == 0
    with pytest.raises(ValueError, match="Expecting"):
        json.loads(ended.stdout)
    write(replace(RITA, trouble="crash"))
    failed(run(*command), "Traceback")
    write(replace(RITA, seconds=0.5))
    begin = time.monotonic()
    assert run(*command).returncode == 0
    assert time.monotonic() - begin > 0.5


def test_a_program_that_hangs(programs: Programs, tmp_path: Path) -> None:
    programs.az(replace(RITA, trouble="hang"))
    with pytest.raises(subprocess.TimeoutExpired):
        subprocess.run([str(tmp_path / "bin" / "az"), *AZ[1:]], timeout=2, check=False)


def test_azd_gives_the_token_of_a_person(programs: Programs, run: Run) -> None:
    programs.azd(RITA)
    data = json.loads(run(*AZD, "--tenant-id", OWN_TENANT).stdout)
    assert set(data) == {"token", "expiresOn"}
    assert claims(data["token"])["upn"] == "rita.reader@example.test"
    end = datetime.strptime(data["expiresOn"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc)
    assert abs(end - datetime.now(timezone.utc) - timedelta(seconds=3599)) < timedelta(minutes=1)


@pytest.mark.parametrize(
    ("version", "keys"),
    [
        ("1.23.6", [{"type", "timestamp", "data"}]),
        ("1.23.10", [{"type", "timestamp", "data"}, {"error"}]),
        ("1.24.0", [{"error", "message", "suggestion"}]),
    ],
)
def test_azd_tells_errors_as_its_version_does(
    programs: Programs,
    run: Run,
    version: str,
    keys: list[set[str]],
) -> None:
    programs.azd(SignedIn(version=version))
    ended = run(*AZD)
    failed(ended, "not logged in, run `azd auth login` to login")
    assert [set(json.loads(line)) for line in ended.stderr.splitlines()] == keys
    programs.azd(replace(RITA, version=version))
    failed(run(*AZD, "--tenant-id", OTHER_TENANT), "AADSTS50020")


def test_programs_of_cis(job: Job, programs: Programs, run: Run) -> None:
    audience = "api://AzureADTokenExchange"
    programs.ci(CiJob("circleci"))
    asked = ("circleci", "run", "oidc", "get", "--claims", json.dumps({"aud": audience}))
    said = claims(run(*asked, "--root-issuer").stdout.strip())
    assert (said["iss"], said["aud"]) == ("https://oidc.circleci.com", audience)
    assert job.asked("ci")[-1].status == 200
    failed(run(*asked), code=2)
    programs.ci(CiJob("buildkite", subject="organization:me"))
    agent = ("buildkite-agent", "oidc", "request-token", "--audience", audience)
    assert claims(run(*agent).stdout.strip())["sub"] == "organization:me"
    with pytest.raises(EmulatorError, match="no program"):
        programs.ci(CiJob("gitlab"))


def test_a_service_with_https(tmp_path: Path, run: Run) -> None:
    text = '[organization]\nname = "acme"\n[[identities]]\nname = "Ada"'
    with Service(Organization.parse(text), https=True) as service:
        Programs(service, tmp_path / "bin").az(SignedIn("Ada"))
        assert run(*AZ).returncode == 0
