"""What a thief and a saboteur would try on identities: their services, programs, caches and left-overs."""

import fcntl
import json
import os
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.command import COMMAND, Command
from support.federated import credential_of
from support.http_service import Answer, Request, json_answer
from support.identities import (
    APPLICATION,
    ASSERTION,
    CANARY,
    CLIENT,
    FOREVER,
    PERSON,
    SESSION,
    TENANT,
    Identities,
    identities,
)
from support.sign_in import REFRESH, SignIn, pending, signing_in
from support.sign_in import SESSION_TOKEN as SESSION_OF_SIGN_IN
from support.sign_in import TENANT as TENANT_OF_SIGN_IN

SECRET = "canary-of-a-caller"
PRINCIPAL = {"AZURE_CLIENT_ID": CLIENT, "AZURE_CLIENT_SECRET": SECRET}
AZ_ANSWER = json.dumps({"accessToken": PERSON, "expires_on": FOREVER})
HALF = "\ud800"
"""Half a character: JSON may hold it, and no encoding of text can write it."""


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Identities]:
    (tmp_path / "world").mkdir()
    with identities(tmp_path / "world") as made:
        yield made


@pytest.fixture
def command(tmp_path: Path, world: Identities) -> Command:
    (tmp_path / "command").mkdir()
    made = Command(tmp_path / "command")
    made.environ |= world.environ
    return made


@pytest.fixture
def entra() -> Iterator[SignIn]:
    with signing_in() as one:
        yield one


def state(command: Command) -> Path:
    return command.home / ".local" / "state" / "pip-authenticate"


def env(command: Command, index: str, *more: str, **environ: str) -> "subprocess.CompletedProcess[str]":
    ended = command("env", "--client", "pip", "--output", "json", "-v", *more, index, **environ)
    assert not [word for word in (SECRET, CANARY, "Traceback", "defect") if word in ended.stderr]
    return ended


def limited(
    command: Command, limit: str, most: int, *arguments: str, **environ: str
) -> "subprocess.CompletedProcess[str]":
    """Run the command with a limit of the system's."""
    script = f"import os, resource as r, sys; r.setrlimit(r.{limit}, ({most}, {most})); "
    return subprocess.run(
        [sys.executable, "-c", f"{script} os.execv(sys.argv[1], sys.argv[1:])", COMMAND, *arguments],
        env={**command.environ, **environ},
        cwd=command.project,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def token(ended: "subprocess.CompletedProcess[str]") -> str:
    assert ended.returncode == 0, ended.stderr
    return credential_of(json.loads(ended.stdout)["PIP_INDEX_URL"])[1]


def signed_in(command: Command, name: str) -> None:
    """Write who is signed in to the Azure CLI."""
    user = {"isDefault": True, "tenantId": TENANT, "user": {"name": name}}
    (command.home / ".azure").mkdir(exist_ok=True)
    (command.home / ".azure" / "azureProfile.json").write_text(json.dumps({"subscriptions": [user]}))


# ---- what the program that is started finds ---------------------------------------------------------


@pytest.mark.parametrize("runs", [1, 2])
@pytest.mark.parametrize("who", ["principal", "machine", "old machine", "github", "gitlab"])
def test_a_program_finds_none_of_the_secrets_that_a_provider_was_given(
    world: Identities, command: Command, who: str, runs: int
) -> None:
    environ = {
        "principal": PRINCIPAL,
        "machine": {"IDENTITY_ENDPOINT": f"{world.service.url}/identity", "IDENTITY_HEADER": SECRET},
        "old machine": {"MSI_ENDPOINT": f"{world.service.url}/old", "MSI_SECRET": SECRET},
        "github": {
            "AZURE_CLIENT_ID": CLIENT, "GITHUB_ACTIONS": "true", "ACTIONS_ID_TOKEN_REQUEST_TOKEN": SECRET,
            "ACTIONS_ID_TOKEN_REQUEST_URL": f"{world.service.url}/github",
        },
        "gitlab": {"AZURE_CLIENT_ID": CLIENT, "GITLAB_CI": "true", "AZURE_ID_TOKEN": ASSERTION},
    }[who]  # fmt: skip
    for _ in range(runs):  # a kept token asks nobody for one
        ended = command("run", "--cache", "on", "--client", "pip", world.index, "--", "env", **environ)
    assert ended.returncode == 0, ended.stderr
    assert "PIP_CONFIG_FILE=" in ended.stdout
    assert SECRET not in ended.stdout
    assert ASSERTION not in ended.stdout


# ---- where tokens travel ----------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/simple/", "/root/pypi/+simple/"])
@pytest.mark.parametrize("who", ["principal", "machine", "az", "pat"])
def test_a_mirror_on_this_machine_is_no_feed(
    world: Identities, command: Command, path: str, who: str
) -> None:
    """Whoever listens there may be another user of the machine, and the tokens are good for much."""
    world.service.routes[f"GET {path}"] = lambda _: world.challenge()
    environ = {
        "principal": PRINCIPAL,
        "machine": {"IDENTITY_ENDPOINT": f"{world.service.url}/identity", "IDENTITY_HEADER": SECRET},
        "az": dict[str, str](),
        "pat": {"AZURE_DEVOPS_EXT_PAT": SECRET},
    }[who]
    if who == "az":
        world.program("az", f"echo '{AZ_ANSWER}'")
    ended = env(command, f"{world.service.url}{path}", "--timeout", "10", **environ)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert "is none of Azure DevOps" in ended.stderr
    assert not [one for one in world.service.requests if one.method == "POST" or one.path == "/identity"]
    assert world.calls("az") == []


# ---- odd texts ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("field", ["username", "password", "clientId"])
def test_half_a_character_in_a_list_is_told(world: Identities, command: Command, field: str) -> None:
    row = {"endpoint": world.index, "password": SECRET, field: HALF}
    name = "FEED_ENDPOINTS" if field == "clientId" else "EXTERNAL_FEED_ENDPOINTS"
    listed = json.dumps({"endpointCredentials": [row]})
    ended = env(command, world.index, **{f"ARTIFACTS_CREDENTIALPROVIDER_{name}": listed})
    assert ended.returncode == 1
    assert f"{name} is not the list" in ended.stderr


@pytest.mark.parametrize("value", [f"{SECRET}\nX-More: yes", f"{SECRET}\u20ac", f"{SECRET}\udcff"])
@pytest.mark.parametrize(
    ("place", "path", "header"),
    [("IDENTITY_ENDPOINT", "/identity", "IDENTITY_HEADER"), ("MSI_ENDPOINT", "/old", "MSI_SECRET")],
)
def test_what_is_no_header_is_not_sent(
    world: Identities, command: Command, place: str, path: str, header: str, value: str
) -> None:
    ended = env(command, world.index, **{place: f"{world.service.url}{path}", header: value})
    assert ended.returncode == 1
    assert f"{header}" in ended.stderr
    assert f"GET {path}" not in world.asked


def test_somebody_whose_name_cannot_be_written_gets_a_token_that_is_not_kept(
    world: Identities, command: Command
) -> None:
    signed_in(command, f"ada{HALF}")
    world.program("az", f"echo '{AZ_ANSWER}'")
    assert token(env(command, world.index)) == SESSION
    assert not state(command).exists()


def test_a_key_file_with_an_impossible_name_is_not_looked_for(world: Identities, command: Command) -> None:
    challenge = [("WWW-Authenticate", "Basic realm=/var/opt/azcmagent/tokens/a\0.key")]
    world.service.routes["GET /identity"] = lambda _: Answer(401, headers=challenge)
    ended = env(
        command, world.index, IDENTITY_ENDPOINT=f"{world.service.url}/identity", IMDS_ENDPOINT="http://x"
    )
    assert ended.returncode == 1
    assert "no key file" in ended.stderr


def test_a_code_that_is_no_text_is_told(command: Command, entra: SignIn) -> None:
    answer = {"device_code": HALF, "user_code": "A", "verification_uri": "https://x.example", "interval": 1}
    entra.service.routes[f"POST /login/{TENANT_OF_SIGN_IN}/oauth2/v2.0/devicecode"] = lambda _: json_answer(
        answer
    )
    ended = command("login", "--organization", entra.organization, **entra.environ)
    assert ended.returncode == 1
    assert "refused the sign-in (status 200)" in ended.stderr


def test_an_end_of_a_thousand_digits_is_none(world: Identities, command: Command) -> None:
    token(env(command, world.index, **PRINCIPAL))
    (file,) = state(command).iterdir()
    lines = file.read_text().split("\n")
    file.write_text("\n".join([*lines[:3], "9" * 5000, *lines[4:]]))
    assert token(env(command, world.index, **PRINCIPAL)) == APPLICATION
    assert len(file.read_text()) < 1000


# ---- bounds ------------------------------------------------------------------------------------------


def test_a_program_that_leaves_somebody_with_its_output_is_answer_enough(
    world: Identities, command: Command
) -> None:
    """The one that is left is in a session of its own, so that nobody can end it with its parent."""
    world.program("az", f"echo '{AZ_ANSWER}'; setsid sleep 20 &")
    started = time.monotonic()
    assert token(env(command, world.index, "--no-cache")) == SESSION
    assert time.monotonic() - started < 15


def test_a_program_that_writes_without_end_is_ended(world: Identities, command: Command) -> None:
    world.program("az", "exec yes eyJhbGciOiJIUzI1NiJ9")
    ended = limited(
        command,
        "RLIMIT_AS",
        1_500_000_000,
        "env",
        "--no-cache",
        "--timeout",
        "20",
        "--output",
        "json",
        world.index,
    )
    assert ended.returncode == 1
    assert "The Azure CLI gave no token" in ended.stderr


def test_a_code_is_not_waited_for_longer_than_it_is_good(command: Command, entra: SignIn) -> None:
    answer = {
        "device_code": "device-code-canary", "user_code": "A", "verification_uri": "https://x.example",
        "expires_in": 2, "interval": 5000,
    }  # fmt: skip
    entra.service.routes[f"POST /login/{TENANT_OF_SIGN_IN}/oauth2/v2.0/devicecode"] = lambda _: json_answer(
        answer
    )
    entra.answers = [pending()] * 3
    started = time.monotonic()
    ended = command("login", "--organization", entra.organization, **entra.environ)
    assert time.monotonic() - started < 30
    assert "not typed in time" in ended.stderr


def test_nobody_who_holds_the_folder_keeps_a_person_signed_in(command: Command, world: Identities) -> None:
    token(env(command, world.index, **PRINCIPAL))
    handle = os.open(state(command), os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_EX)  # as a process does that was stopped
    try:
        ended = command("logout")
    finally:
        os.close(handle)
    assert ended.returncode == 0
    assert list(state(command).iterdir()) == []


def test_nobody_who_holds_the_folder_keeps_a_run_from_asking(command: Command, world: Identities) -> None:
    token(env(command, world.index, **PRINCIPAL))
    (kept,) = state(command).iterdir()
    kept.unlink()
    handle = os.open(state(command), os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_EX)
    try:
        assert token(env(command, world.index, "--timeout", "8", **PRINCIPAL)) == APPLICATION
    finally:
        os.close(handle)


def test_a_folder_that_somebody_holds_is_told(command: Command, world: Identities) -> None:
    folder = command.project / "auth"
    made = command("write", "auth", world.index, "--client", "pip", PIP_AUTHENTICATE_TOKEN=SECRET)
    assert made.returncode == 0, made.stderr
    handle = os.open(folder, os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_EX)
    try:
        ended = command("forget", "auth")
    finally:
        os.close(handle)
    assert ended.returncode == 1
    assert "did not let go" in ended.stderr
    assert command("forget", "auth").returncode == 0


# ---- what is kept ------------------------------------------------------------------------------------


def test_no_folder_on_the_way_is_for_everybody(world: Identities, command: Command) -> None:
    before = os.umask(0)
    try:
        token(env(command, world.index, **PRINCIPAL))
    finally:
        os.umask(before)
    made = [path for path in command.home.rglob("*") if path.is_dir()]
    assert {stat.S_IMODE(path.stat().st_mode) for path in made} == {0o700}
    assert list(state(command).iterdir())


@pytest.mark.parametrize("given", ["state", "./state", "../project/state"])
def test_no_folder_of_a_project_keeps_tokens(world: Identities, command: Command, given: str) -> None:
    token(env(command, world.index, XDG_STATE_HOME=given, **PRINCIPAL))
    assert list(command.project.iterdir()) == []
    assert list(state(command).iterdir())


def test_no_file_of_a_project_is_the_users_own(command: Command) -> None:
    evil = "https://pkgs.dev.azure.com/evilorg/_packaging/f/pypi/simple/"
    (command.project / "pip-authenticate").mkdir()
    command.write("pip-authenticate/pip-authenticate.toml", 'organization = "evilorg"\n')
    command.write("requirements.txt", f"--index-url {evil}\n")
    ended = command(
        "env", "--client", "pip", "--output", "json", XDG_CONFIG_HOME=".", SYSTEM_ACCESSTOKEN=SECRET,
        SYSTEM_COLLECTIONURI="https://dev.azure.com/fabrikam/",
    )  # fmt: skip
    assert SECRET not in ended.stdout


@pytest.mark.parametrize("variable", ["CI", "GITLAB_CI"])
def test_no_file_of_a_project_has_tokens_kept_on_a_ci(
    world: Identities, command: Command, variable: str
) -> None:
    command.write("pyproject.toml", '[tool.pip-authenticate]\ncache = "on"\n')
    order = ("--credential", "service-principal")
    assert token(env(command, world.index, *order, **PRINCIPAL, **{variable: "true"})) == APPLICATION
    assert not state(command).exists()
    env(command, world.index, **PRINCIPAL)
    assert list(state(command).iterdir())


def test_no_file_of_a_project_widens_what_a_token_is_good_for(world: Identities, command: Command) -> None:
    own = command.home / ".config" / "pip-authenticate"
    own.mkdir(parents=True)
    (own / "pip-authenticate.toml").write_text('scope = "read"\n')
    command.write("pyproject.toml", '[tool.pip-authenticate]\nscope = "write"\n')
    world.program("az", f"echo '{AZ_ANSWER}'")
    assert token(env(command, world.index)) == SESSION
    bodies = [json.loads(one.body) for one in world.service.requests if one.path.endswith("SessionTokens")]
    assert [body["scope"] for body in bodies] == ["vso.packaging"]


def test_no_file_of_a_project_says_who_is_signed_in(world: Identities, command: Command) -> None:
    world.program("az", f"echo '{AZ_ANSWER}'")
    signed_in(command, "ada")
    (command.home / ".azure").rename(command.project / "azure")
    assert token(env(command, world.index, AZURE_CONFIG_DIR="azure")) == SESSION
    assert not state(command).exists()


def test_whoever_signs_out_while_a_run_asks_stays_signed_out(command: Command, entra: SignIn) -> None:
    assert command("login", "--organization", entra.organization, **entra.environ).returncode == 0
    path = f"POST /login/{TENANT_OF_SIGN_IN}/oauth2/v2.0/token"
    answer = entra.service.routes[path]

    def signing_out(request: Request) -> Answer:
        (state(command) / "login").unlink()
        return answer(request)  # type: ignore[return-value] # no raw one

    entra.rotates, entra.service.routes[path] = True, signing_out
    ended = env(command, entra.index, "--organization", entra.organization, "--no-cache", **entra.environ)
    assert ended.returncode == 0, ended.stderr
    assert list(state(command).iterdir()) == []


def test_a_sign_in_that_cannot_be_renewed_still_opens(command: Command, entra: SignIn) -> None:
    assert command("login", "--organization", entra.organization, **entra.environ).returncode == 0
    entra.rotates = True
    ended = limited(
        command, "RLIMIT_FSIZE", 0, "env", entra.index, "--organization", entra.organization,
        "--client", "pip", "--output", "json", "--verbose", **entra.environ,
    )  # fmt: skip
    assert token(ended) == SESSION_OF_SIGN_IN
    assert "not renewed" in ended.stderr
    assert REFRESH in (state(command) / "login").read_text()
