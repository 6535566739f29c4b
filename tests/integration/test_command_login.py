"""The commands login and logout, and what a sign-in opens afterwards."""

import json
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.command import Command
from support.http_service import json_answer
from support.sign_in import CLIENT, PERSON, SESSION_TOKEN, TENANT, USER_CODE, SignIn, pending, signing_in


@pytest.fixture
def entra() -> Iterator[SignIn]:
    with signing_in() as one:
        yield one


@pytest.fixture
def command(tmp_path: Path, entra: SignIn) -> Command:
    made = Command(tmp_path)
    made.environ |= entra.environ
    return made


def state(command: Command) -> Path:
    """Where what is kept is."""
    return command.home / ".local" / "state" / "pip-authenticate"


def login(command: Command, entra: SignIn) -> None:
    ended = command("login", "--organization", entra.organization)
    assert ended.returncode == 0, ended.stderr


def env(command: Command, entra: SignIn, *options: str) -> dict[str, str]:
    """Variables for pip, by a sign-in."""
    arguments = ("--organization", entra.organization, "--client", "pip", "--output", "json")
    ended = command("env", entra.index, *arguments, *options)
    assert ended.returncode == 0, ended.stderr
    assert "canary" not in ended.stderr
    return dict(json.loads(ended.stdout))


def test_a_person_types_a_code_and_is_signed_in(command: Command, entra: SignIn) -> None:
    entra.answers = [pending(), pending("slow_down")]
    ended = command("login", "--organization", entra.organization)
    assert (ended.returncode, ended.stdout) == (0, "")
    told, done = ended.stderr.splitlines()
    assert "https://login.example/device" in told
    assert USER_CODE in told
    assert PERSON in done
    assert "canary" not in ended.stderr
    assert entra.forms("/token")[-1]["device_code"]
    assert entra.asked[1] == f"POST /login/{TENANT}/oauth2/v2.0/devicecode"  # the organisation's own tenant


def test_what_is_kept_is_the_users_alone(command: Command, entra: SignIn) -> None:
    login(command, entra)
    env(command, entra)
    folder = state(command)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert len(list(folder.iterdir())) == 2
    assert all(stat.S_IMODE(file.stat().st_mode) == 0o600 for file in folder.iterdir())


def test_a_sign_in_opens_feeds_with_a_narrow_token(command: Command, entra: SignIn) -> None:
    login(command, entra)
    entra.service.requests.clear()
    assert SESSION_TOKEN in env(command, entra)["PIP_INDEX_URL"]
    assert entra.asked == [
        "GET /contoso/_packaging/feed/pypi/simple/",
        f"POST /login/{TENANT}/oauth2/v2.0/token",
        "POST /vssps/_apis/Token/SessionTokens",
    ]
    assert json.loads(entra.service.requests[-1].body)["scope"] == "vso.packaging_write"


def test_the_next_run_asks_nobody(command: Command, entra: SignIn) -> None:
    login(command, entra)
    first = env(command, entra)
    entra.service.requests.clear()
    assert env(command, entra) == first
    assert entra.asked == []


def test_another_scope_is_another_token(command: Command, entra: SignIn) -> None:
    login(command, entra)
    env(command, entra)
    env(command, entra, "--scope", "read")
    assert json.loads(entra.service.requests[-1].body)["scope"] == "vso.packaging"


def test_without_the_cache_nothing_is_kept(command: Command, entra: SignIn) -> None:
    login(command, entra)
    env(command, entra, "--no-cache")
    assert [file.name for file in state(command).iterdir()] == ["login"]


def test_nothing_is_kept_on_a_ci_unless_asked(command: Command, entra: SignIn) -> None:
    login(command, entra)
    command.environ["CI"] = "true"
    env(command, entra)
    assert [file.name for file in state(command).iterdir()] == ["login"]
    env(command, entra, "--cache", "on")
    assert len(list(state(command).iterdir())) == 2


def test_a_renewed_refresh_token_takes_the_old_ones_place(command: Command, entra: SignIn) -> None:
    login(command, entra)
    entra.rotates = True
    env(command, entra, "--no-cache")
    env(command, entra, "--no-cache")
    assert [form["refresh_token"] for form in entra.forms("/token")[-2:]] == [
        "refresh-canary-one",
        "refresh-canary-two",
    ]


def test_logout_forgets_all_of_it(command: Command, entra: SignIn) -> None:
    login(command, entra)
    env(command, entra)
    ended = command("logout")
    assert ended.returncode == 0
    assert "tokens removed: 1" in ended.stderr
    assert list(state(command).iterdir()) == []
    assert "Nobody had signed in" in command("logout").stderr
    refused = command("env", entra.index, "--organization", entra.organization, "--output", "json")
    assert refused.returncode == 1
    assert "login: nobody has signed in" in refused.stderr


def test_whoever_must_sign_in_again_is_told(command: Command, entra: SignIn) -> None:
    login(command, entra)
    text = "AADSTS700082: The refresh token has expired due to inactivity. Trace ID: 1"
    entra.answers = [json_answer({"error": "invalid_grant", "error_description": text}, 400)]
    ended = command("env", entra.index, "--organization", entra.organization, "--output", "json")
    assert (ended.returncode, ended.stdout) == (1, "")
    (line,) = ended.stderr.splitlines()
    assert "login:" in line
    assert "AADSTS700082" in line
    assert line.endswith("Sign in again: pip-authenticate login")
    assert "canary" not in line


@pytest.mark.parametrize(
    ("word", "what"),
    [
        ("expired_token", "not typed in time"),
        ("authorization_declined", "declined"),
        ("access_denied", "declined"),
        ("invalid_client", "AADSTS7000218"),
    ],
)
def test_a_sign_in_that_fails_keeps_who_was_signed_in(
    command: Command, entra: SignIn, word: str, what: str
) -> None:
    login(command, entra)
    before = (state(command) / "login").read_bytes()
    entra.answers = [pending(word, "AADSTS7000218: The request body must contain a secret.")]
    ended = command("login", "--organization", entra.organization)
    assert ended.returncode == 1
    assert what in ended.stderr.splitlines()[-1]
    assert (state(command) / "login").read_bytes() == before


def test_an_application_is_needed_and_none_is_borrowed(command: Command, entra: SignIn) -> None:
    del command.environ["PIP_AUTHENTICATE_CLIENT_ID"]
    ended = command("login", "--organization", entra.organization)
    assert ended.returncode == 1
    assert "App registrations" in ended.stderr
    assert entra.asked == []
    assert command("login", "--organization", entra.organization, "--client-id", CLIENT).returncode == 0


def test_a_code_that_no_answer_holds_is_told(command: Command, entra: SignIn) -> None:
    text = "AADSTS700016: Application was not found. Trace ID: 1"
    entra.service.routes[f"POST /login/{TENANT}/oauth2/v2.0/devicecode"] = lambda _: json_answer(
        {"error": "unauthorized_client", "error_description": text}, 400
    )
    ended = command("login", "--organization", entra.organization)
    assert ended.returncode == 1
    (line,) = ended.stderr.splitlines()
    assert "AADSTS700016" in line
    assert "Trace" not in line


def test_a_folder_that_others_can_enter_is_not_believed(command: Command, entra: SignIn) -> None:
    login(command, entra)
    os.chmod(state(command), 0o755)  # noqa: PTH101, S103 - a thief's way in
    ended = command("env", entra.index, "--organization", entra.organization, "--output", "json")
    assert ended.returncode == 1
    assert "login: nobody has signed in" in ended.stderr
    again = command("login", "--organization", entra.organization)
    assert again.returncode == 1
    assert "not yours alone" in again.stderr


def test_no_other_authority_is_told_anything(command: Command, entra: SignIn) -> None:
    ended = command("login", "--organization", "contoso")
    assert ended.returncode == 1
    assert "AZURE_AUTHORITY_HOST names 127.0.0.1" in ended.stderr
    assert entra.asked == []
