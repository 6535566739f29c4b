"""The keyring back end, asked as programs ask keyring: what it answers, what it loads, and how it fails."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.http_service import Answer, Request, Service, serving

FEED = "https://pkgs.dev.azure.com/fabrikam/project1/_packaging/myFeed/pypi/simple/"
OTHER = "https://pkgs.dev.azure.com/contoso/_packaging/myFeed/pypi/simple/"
TOKEN = "canary-token"
GIVEN = {"PIP_AUTHENTICATE_TOKEN": TOKEN, "PIP_AUTHENTICATE_ORGANIZATION": "fabrikam"}
OURS = [
    FEED,
    FEED.rstrip("/"),
    FEED.replace("simple/", "upload/"),
    FEED.replace("https://", "https://fabrikam@"),
    FEED.replace("https://", "https://ada:hunter2@"),
    FEED.replace("fabrikam", "FABRIKAM"),
    FEED.replace("myFeed", "myFeed@Release"),
    "https://fabrikam.pkgs.visualstudio.com/_packaging/myFeed/pypi/simple/",
    "https://FABRIKAM.pkgs.visualstudio.com:443/_packaging/myFeed/pypi/simple/",
    "fabrikam.pkgs.visualstudio.com",
    "fabrikam.pkgs.visualstudio.com:443",
]
FOREIGN = [
    "",
    "login",
    "git:https://dev.azure.com",
    "poetry-repository-fabrikam",
    "poetry-repository-pkgs.dev.azure.com",
    "python-poetry-check",
    "pdm-pypi-fabrikam",
    "pdm-repository-fabrikam",
    "index.example",
    "https://index.example/simple/",
    "https://index.example/fabrikam/_packaging/myFeed/pypi/simple/",
    "https://dev.azure.com/fabrikam/_git/project1",
    "https://pkgs.dev.azure.com.index.example/fabrikam/_packaging/myFeed/pypi/simple/",
    "https://pkgs.dev.azure.com@index.example/fabrikam/_packaging/myFeed/pypi/simple/",
    "https://xpkgs.dev.azure.com/fabrikam/_packaging/myFeed/pypi/simple/",
    "ftp://pkgs.dev.azure.com/fabrikam/_packaging/myFeed/pypi/simple/",
    "https://[pkgs.dev.azure.com/",
    # Which organisation this is nobody knows; the answer would be sent to any.
    "pkgs.dev.azure.com",
    "pkgs.dev.azure.com:443",
]
NO_INDEX = [
    "https://pkgs.dev.azure.com/",
    "https://pkgs.dev.azure.com/fabrikam/",
    "https://pkgs.dev.azure.com/fabrikam/_packaging/myFeed/nuget/v3/index.json?x=y",
    "https://pkgs.dev.azure.com/fabrikam/_packaging/../../contoso/_packaging/myFeed/pypi/simple/",
    "https://pkgs.dev.azure.com/fabrikam%2f..%2fcontoso/_packaging/myFeed/pypi/simple/",
    "https://pkgs.dev.azure.com:8443/fabrikam/_packaging/myFeed/pypi/simple/",
    "http://pkgs.dev.azure.com/fabrikam/_packaging/myFeed/pypi/simple/",
    "https://pkgs.dev.azure.com\\@index.example/fabrikam/_packaging/myFeed/pypi/simple/",
    "https://fabrikam.pkgs.visualstudio.com/",
    "x.fabrikam.pkgs.visualstudio.com",
    "fabrikam.pkgs.visualstudio.com/contoso",
    "fabrikam.pkgs.visualstudio.com:8443",
]


class Keyring:
    """Asks the keyring of this environment, with a home of its own.

    Args:
        folder: the home.
    """

    def __init__(self, folder: Path) -> None:
        self.home = folder
        self.environ = {"HOME": str(folder), "PATH": os.defpath, "LANG": "C.UTF-8"}

    def program(self, *arguments: str, **environ: str) -> "subprocess.CompletedProcess[str]":
        """Start the program `keyring`."""
        return self._run([str(Path(sys.executable).with_name("keyring")), *arguments], environ)

    def script(self, lines: str, *arguments: str, **environ: str) -> "subprocess.CompletedProcess[str]":
        """Run lines of Python."""
        ended = self._run([sys.executable, "-c", lines, *arguments], environ)
        assert ended.returncode == 0, ended.stderr
        return ended

    def _run(self, command: list[str], environ: dict[str, str]) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            command,
            env={**self.environ, **environ},
            cwd=self.home,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def put(self, name: str, text: str) -> Path:
        """Put a program onto PATH."""
        file = self.home / "bin" / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(text, encoding="utf-8")
        file.chmod(0o700)
        self.environ["PATH"] = f"{file.parent}{os.pathsep}{os.defpath}"
        return file

    def configure(self, text: str) -> None:
        """Write the user's settings."""
        file = self.home / ".config" / "pip-authenticate" / "pip-authenticate.toml"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")


@pytest.fixture
def keyring(tmp_path: Path) -> Keyring:
    return Keyring(tmp_path)


ASK_ALL = """
import sys
import keyring.backend, keyring.credentials, urllib.parse
before = set(sys.modules)
from pip_authenticate.keyring_backend import Keyring
ours = Keyring()
for service in sys.argv[1:]:
    found = ours.get_credential(service, None)
    print(found and (found.username, found.password), ours.get_password(service, "any"), sep=" ")
print(sorted(name for name in set(sys.modules) - before))
"""


def test_questions_for_others_load_nothing_and_get_no_answer(keyring: Keyring) -> None:
    keyring.configure('organization = "fabrikam"\nindexes = ["https://depot.example/simple/"]\n')
    ended = keyring.script(ASK_ALL, *FOREIGN, **GIVEN)
    *answers, loaded = ended.stdout.splitlines()
    assert answers == ["None None"] * len(FOREIGN)
    own = ["pip_authenticate", "pip_authenticate.keyring_backend", "pip_authenticate.user_folders"]
    assert loaded == str(own)
    assert ended.stderr == ""


def test_what_is_no_index_gets_no_answer(keyring: Keyring) -> None:
    ended = keyring.script(ASK_ALL, *NO_INDEX, **GIVEN)
    assert ended.stdout.splitlines()[:-1] == ["None None"] * len(NO_INDEX)
    assert ended.stderr == ""


def test_every_form_of_an_index_gets_its_token(keyring: Keyring) -> None:
    ended = keyring.script(ASK_ALL, *OURS, **GIVEN)
    *answers, loaded = ended.stdout.splitlines()
    assert answers == [f"('build', '{TOKEN}') {TOKEN}"] * len(OURS)
    assert ended.stderr == ""
    assert not {"ssl", "http.client", "subprocess", "tomllib"} & set(json.loads(loaded.replace("'", '"')))


@pytest.mark.parametrize("arguments", [("get", FEED, "ada"), ("--mode", "creds", "get", FEED)])
def test_the_program_writes_the_answer(keyring: Keyring, arguments: tuple[str, ...]) -> None:
    ended = keyring.program(*arguments, **GIVEN)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.split() == ([TOKEN] if "ada" in arguments else ["build", TOKEN])


def test_the_users_file_names_indexes_of_others(keyring: Keyring) -> None:
    depot = "https://depot.example/root/simple/"
    keyring.configure(f'indexes = ["{depot}"]\n')
    asked = (depot, depot.rstrip("/"), "https://depot.example/other/simple/", "depot.example")
    ended = keyring.script(ASK_ALL, *asked, **GIVEN)
    assert [TOKEN in line for line in ended.stdout.splitlines()[:-1]] == [True, True, False, False]


def test_a_server_s_feeds_are_below_the_organisation(keyring: Keyring) -> None:
    home = "https://devops.example/tfs/Default/"
    asked = (f"{home}_packaging/f/pypi/simple/", home.replace("Default", "Other"), "devops.example")
    given = {**GIVEN, "PIP_AUTHENTICATE_ORGANIZATION": home}
    ended = keyring.script(ASK_ALL, *asked, **given)
    assert [TOKEN in line for line in ended.stdout.splitlines()[:-1]] == [True, False, False]


def test_an_organisation_that_only_a_pipeline_s_variable_names_is_not_believed(keyring: Keyring) -> None:
    home = "https://devops.example/tfs/Default/"
    keyring.configure("# devops.example\n")
    given = {"PIP_AUTHENTICATE_TOKEN": TOKEN, "SYSTEM_COLLECTIONURI": home}
    ended = keyring.script(ASK_ALL, f"{home}_packaging/f/pypi/simple/", **given)
    assert ended.stdout.splitlines()[0] == "None None"


def test_no_token_travels_in_the_open(keyring: Keyring) -> None:
    index = "http://depot.example/simple/"
    ended = keyring.program("get", index, "ada", **GIVEN, PIP_AUTHENTICATE_INDEXES=index)
    assert ended.returncode == 1
    assert "is reached without encryption" in only_line(ended.stderr)


def only_line(text: str) -> str:
    (line,) = text.splitlines()
    assert line.startswith("pip-authenticate: ")
    assert TOKEN not in line
    return line


@pytest.mark.parametrize(
    "given", [GIVEN, {"PIP_AUTHENTICATE_TOKEN": TOKEN}], ids=["another one is named", "none is named"]
)
def test_a_token_is_no_business_of_another_organisation(keyring: Keyring, given: dict[str, str]) -> None:
    """Also where nobody says whose it is: a second program may ask for a second organisation."""
    ended = keyring.program("get", OTHER, "ada", **given)
    assert (ended.returncode, ended.stdout) == (1, "")
    line = only_line(ended.stderr)
    assert "belongs to the organisation contoso" in line
    assert "PIP_AUTHENTICATE_ORGANIZATION" in line


def test_why_there_is_nothing_is_said_once(keyring: Keyring) -> None:
    ended = keyring.script(ASK_ALL, FEED, FEED, FEED)
    assert ended.stdout.splitlines()[:-1] == ["None None"] * 3
    line = only_line(ended.stderr)
    assert "No credential was found" in line
    assert "az login" in line


def test_behind_the_gateway_there_is_nothing_to_say(keyring: Keyring) -> None:
    """Poetry asks for every index; there the gateway has what it looks for."""
    for proxy, is_said in {"http://run:x@127.0.0.1:1": False, "http://run:x@proxy.corp:1": True}.items():
        ended = keyring.script(ASK_ALL, FEED, HTTPS_PROXY=proxy)
        assert ended.stdout.splitlines()[0] == "None None"
        assert bool(ended.stderr) == is_said


def test_settings_that_cannot_be_used_end_no_program(keyring: Keyring) -> None:
    for name, value in {"TIMEOUT": "soon", "CREDENTIAL": "magic", "INDEXES": "pkgs.dev.azure.com"}.items():
        given = {**GIVEN, f"PIP_AUTHENTICATE_{name}": value, "PIP_AUTHENTICATE_ORGANIZATION": ""}
        ended = keyring.program("get", FEED, "ada", **given)
        assert ended.returncode == 1
        only_line(ended.stderr)
    keyring.configure("no TOML\n")
    ended = keyring.program("get", FEED, "ada", **GIVEN)
    assert ended.returncode == 1
    assert "is no TOML" in only_line(ended.stderr)


def test_nobody_needs_to_listen(keyring: Keyring) -> None:
    close = "import os, sys; os.close(2); sys.stderr = None\n"
    ended = keyring.script(close + ASK_ALL, FEED, OTHER, **GIVEN)
    assert [TOKEN in line for line in ended.stdout.splitlines()[:-1]] == [True, False]


# ---- beside other back ends ------------------------------------------------------------------------

VAULT = """
import keyring
from keyring.backend import KeyringBackend

class Vault(KeyringBackend):
    priority = 5
    kept = {}
    def get_password(self, service, username):
        return self.kept.get((service, username))
    def set_password(self, service, username, password):
        self.kept[service, username] = password
    def delete_password(self, service, username):
        del self.kept[service, username]

"""


def test_the_vault_behind_it_keeps_and_answers_what_we_do_not(keyring: Keyring) -> None:
    lines = f"""
keyring.set_password("{FEED}", "ada", "kept")
keyring.set_password("system", "ada", "other")
print(keyring.get_password("{FEED}", "ada"), keyring.get_password("system", "ada"))
keyring.delete_password("{FEED}", "ada")
print(keyring.get_password("{FEED}", "ada"))
"""
    assert keyring.script(VAULT + lines).stdout.split() == ["kept", "other", "None"]
    assert keyring.script(VAULT + lines, **GIVEN).stdout.split() == [TOKEN, "other", TOKEN]


def test_keyring_s_own_variables_reach_it(keyring: Keyring) -> None:
    lines = "import keyring; print(keyring.get_keyring().flavour)"
    assert keyring.script(lines, KEYRING_PROPERTY_FLAVOUR="salty").stdout == "salty\n"


def test_it_stands_between_vaults_and_the_chain(keyring: Keyring) -> None:
    shown = keyring.program("--list-backends").stdout
    assert "pip_authenticate.keyring_backend.Keyring (priority: 9.95)" in shown


# ---- with tokens of Entra --------------------------------------------------------------------------

TENANT = "0b1c2d3e-0000-4000-8000-000000000001"
AZ = """#!{python}
import json, sys, time
with open({calls!r}, "a") as file:
    file.write(" ".join(sys.argv[1:]) + "\\n")
time.sleep({seconds})
print(json.dumps({{"accessToken": "{token}", "expires_on": int(time.time()) + 3600}}))
"""


def public(request: Request) -> Answer:
    """An index that tells its tenant, and gives no session tokens."""
    del request
    return Answer(401, headers=[("X-VSS-ResourceTenant", TENANT), ("WWW-Authenticate", "Basic")])


@pytest.fixture
def index() -> Iterator[Service]:
    with serving(public) as service:
        yield service


class Signed:
    """A home with somebody signed in to the Azure CLI, and the variable that lists an index."""

    def __init__(self, keyring: Keyring, index: Service, *, seconds: float = 0) -> None:
        self.calls = keyring.home / "calls"
        self.calls.touch()
        keyring.put(
            "az", AZ.format(python=sys.executable, calls=str(self.calls), seconds=seconds, token=TOKEN)
        )
        account = {"isDefault": True, "tenantId": TENANT, "user": {"name": "ada@fabrikam.example"}}
        (keyring.home / ".azure").mkdir()
        profile = json.dumps({"subscriptions": [account]})
        (keyring.home / ".azure" / "azureProfile.json").write_text(profile, encoding="utf-8")
        self.url = f"{index.url}/fabrikam/_packaging/f/pypi/simple/"
        keyring.environ["PIP_AUTHENTICATE_INDEXES"] = self.url


def test_a_kept_token_needs_no_request_and_no_program(keyring: Keyring, index: Service) -> None:
    signed = Signed(keyring, index)
    for _ in range(3):
        ended = keyring.program("get", signed.url, "ada")
        assert (ended.returncode, ended.stdout, ended.stderr) == (0, f"{TOKEN}\n", "")
    assert len(index.requests) == 1
    assert len(signed.calls.read_text(encoding="utf-8").splitlines()) == 1
    loaded = keyring.script(ASK_ALL, signed.url).stdout.splitlines()[-1]
    assert not {"ssl", "http.client", "subprocess"} & set(json.loads(loaded.replace("'", '"')))


def test_a_program_that_hangs_is_not_waited_for(keyring: Keyring, index: Service) -> None:
    signed = Signed(keyring, index, seconds=300)
    started = time.monotonic()
    ended = keyring.script(ASK_ALL, signed.url, signed.url, PIP_AUTHENTICATE_TIMEOUT="1")
    assert time.monotonic() - started < 20
    assert ended.stdout.splitlines()[:-1] == ["None None"] * 2
    assert "az did not answer" in only_line(ended.stderr)
    assert len(signed.calls.read_text(encoding="utf-8").splitlines()) == 1


SAID = {
    "Please run 'az login' to setup account.": "az login",
    "AADSTS700082: The refresh token has expired. Please run 'az login'": "az login --tenant",
    "AADSTS50020: User account from identity provider does not exist in tenant": "--allow-no-subscriptions",
}


@pytest.mark.parametrize("said", SAID)
def test_a_sign_in_that_does_not_do_is_told_with_what_to_do(
    keyring: Keyring, index: Service, said: str
) -> None:
    """Nobody is signed in, not any more, or to another tenant."""
    signed = Signed(keyring, index)
    keyring.put("az", f'#!/bin/sh\necho "ERROR: {said}" >&2\nexit 1\n')
    ended = keyring.program("get", signed.url, "ada")
    assert (ended.returncode, ended.stdout) == (1, "")
    assert SAID[said] in only_line(ended.stderr)
