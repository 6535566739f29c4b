"""Tokens that are there already: a container's secrets, and what people have set for other tools."""

import json
import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from pip_authenticate import authenticate
from pip_authenticate.deadline import Deadline
from pip_authenticate.errors import Faults, PipAuthenticateError
from pip_authenticate.index import AuthenticatedIndex, Index, IndexUrl
from pip_authenticate.run import Run
from pip_authenticate.secret import Secret
from pip_authenticate.settings import Settings
from pip_authenticate.transport import Transport

CONTOSO = "https://pkgs.dev.azure.com/contoso/p/_packaging/feed/pypi/simple/"
OLD_CONTOSO = "https://contoso.pkgs.visualstudio.com/p/_packaging/feed/pypi/simple"
FABRIKAM = "https://pkgs.dev.azure.com/fabrikam/_packaging/feed/pypi/simple/"
CONTOSO_TOO = "https://pkgs.dev.azure.com/contoso-evil/_packaging/feed/pypi/simple/"
PLAIN = Settings()
ORDER = ("explicit-token", "tool-variables")


class Opened:
    """A run: which secret each index got, and which secrets were told to whom masks."""

    def __init__(
        self,
        *urls: str,
        settings: Settings = PLAIN,
        variables: Mapping[str, str] = PLAIN.variables,
        asked_for: bool = True,
    ) -> None:
        deadline = Deadline(5)
        learned: list[Secret] = []
        settings = settings._replace(variables=variables, credentials=ORDER)
        run = Run(
            settings,
            Transport(settings.proxy, settings.certificates, lambda _: None, deadline),
            learned.extend,
        )
        indexes = [
            Index(IndexUrl.parse(url)[0], f"index {url}", f"index {url}", is_asked_for=asked_for)
            for url in urls
        ]
        self.error = ""
        found: list[AuthenticatedIndex] = []
        try:
            found = authenticate.open_all(indexes, run)
        except PipAuthenticateError as error:
            self.error = "; ".join(map(str, error.errors)) if isinstance(error, Faults) else str(error)
        self.warnings = run.warnings
        self.given = {str(index.url): index.credential.secret.reveal() for index in found}
        self.users = {index.credential.username for index in found}
        assert {Secret(secret) for secret in self.given.values()} <= set(learned)


def secrets(folder: Path, **files: str) -> Settings:
    for name, content in files.items():
        (folder / name).write_text(content)
    return Settings(secrets_folder=str(folder))


# ---- explicit tokens --------------------------------------------------------------------------------


def test_a_containers_secret_opens_indexes(tmp_path: Path) -> None:
    settings = secrets(tmp_path, pip_authenticate_token="canary\n", ado_token="another")
    assert Opened(CONTOSO, settings=settings).given == {CONTOSO: "canary"}


def test_what_is_said_for_the_run_comes_first(tmp_path: Path) -> None:
    settings = secrets(tmp_path, pip_authenticate_token="canary")._replace(token=Secret("said"))
    assert Opened(CONTOSO, settings=settings).given == {CONTOSO: "said"}


@pytest.mark.parametrize("content", ["", "two\nlines", "x" * 70_000])
def test_a_secret_of_another_shape_is_told_with_its_place(tmp_path: Path, content: str) -> None:
    opened = Opened(CONTOSO, settings=secrets(tmp_path, pip_authenticate_token=content))
    assert f"explicit-token: {tmp_path}/pip_authenticate_token holds no token" in opened.error


def test_nobody_waits_for_a_pipe(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pip_authenticate_token")
    opened = Opened(CONTOSO, settings=Settings(secrets_folder=str(tmp_path)))
    assert "is no file" in opened.error


def test_containers_have_their_secrets_where_docker_mounts_them() -> None:
    assert Settings().secrets_folder == "/run/secrets"


# ---- what other tools read --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        "ARTIFACTS_KEYRING_NOFUSS_TOKEN", "VSS_NUGET_ACCESSTOKEN", "AZURE_DEVOPS_EXT_PAT",
        "ARTIFACTS_CREDENTIALPROVIDER_ACCESSTOKEN",
    ],
)  # fmt: skip
def test_a_token_of_another_tool_is_for_azure_devops(name: str) -> None:
    for url in (CONTOSO, OLD_CONTOSO):
        assert Opened(url, variables={name: "canary"}).given == {url: "canary"}
    for url in ("https://index.example/simple/", CONTOSO.replace("https", "http")):
        opened = Opened(url, variables={name: "canary"})
        assert opened.given == {}
        assert f"{name} is not for it" in opened.error


def test_a_token_is_for_one_organisation() -> None:
    both = Opened(CONTOSO, FABRIKAM, asked_for=False, variables={"AZURE_DEVOPS_EXT_PAT": "canary"})
    assert both.given == {}
    assert all("may be of another organisation: say --organization" in text for text in both.warnings)
    said = Settings(organization="contoso", organization_is_given=True)
    opened = Opened(
        CONTOSO, FABRIKAM, CONTOSO_TOO, settings=said, variables={"AZURE_DEVOPS_EXT_PAT": "canary"}
    )
    assert "is no feed of https://dev.azure.com/contoso/" in opened.error
    assert Opened(OLD_CONTOSO, settings=said, variables={"AZURE_DEVOPS_EXT_PAT": "c"}).given == {
        OLD_CONTOSO: "c"
    }


@pytest.mark.parametrize("prefix", ["ARTIFACTS_CREDENTIALPROVIDER_{}", "VSS_NUGET_{}"])
def test_prefixes_are_whole_parts_of_addresses(prefix: str) -> None:
    token, listing = prefix.format("ACCESSTOKEN"), prefix.format("URI_PREFIXES")
    given = {token: "canary", listing: "HTTPS://PKGS.dev.azure.com/Contoso;https://other.example/;nonsense"}
    assert Opened(CONTOSO, variables=given).given == {CONTOSO: "canary"}
    assert Opened("https://other.example/simple/", variables=given).given == {
        "https://other.example/simple/": "canary"
    }
    for url in (CONTOSO_TOO, FABRIKAM, "https://other.example.evil/simple/", "http://other.example/simple/"):
        assert Opened(url, variables=given).given == {}


def test_a_file_and_a_containers_secrets_of_another_tool(tmp_path: Path) -> None:
    named = secrets(tmp_path, mine="canary")
    file = {"ARTIFACTS_KEYRING_NOFUSS_TOKEN_FILE": str(tmp_path / "mine")}
    assert Opened(CONTOSO, settings=named, variables=file).given == {CONTOSO: "canary"}
    for name in ("ado_token", "ARTIFACTS_KEYRING_NOFUSS_TOKEN"):
        folder = tmp_path / f"of-{name}"
        folder.mkdir()
        assert Opened(CONTOSO, settings=secrets(folder, **{name: "canary"})).given == {CONTOSO: "canary"}


def listed(*rows: Mapping[str, object]) -> str:
    return json.dumps({"endpointCredentials": rows})


@pytest.mark.parametrize(
    "name", ["ARTIFACTS_CREDENTIALPROVIDER_EXTERNAL_FEED_ENDPOINTS", "VSS_NUGET_EXTERNAL_FEED_ENDPOINTS"]
)
def test_an_endpoint_is_for_its_address_in_any_spelling(name: str) -> None:
    rows = (
        {"endpoint": OLD_CONTOSO, "username": "ada", "password": "canary"},
        {"endpoint": "https://index.example/simple", "password": "other"},
    )
    opened = Opened(CONTOSO, variables={name: listed(*rows)})
    assert (opened.given, opened.users) == ({CONTOSO: "canary"}, {"ada"})
    assert Opened("https://index.example/simple/", variables={name: listed(*rows)}).users == {"build"}
    assert Opened(CONTOSO.replace("/feed/", "/feed2/"), variables={name: listed(*rows)}).given == {}


def test_the_credential_providers_newer_name_comes_before_its_older_one() -> None:
    newer = listed({"endpoint": CONTOSO, "password": "newer"})
    older = listed({"endpoint": CONTOSO, "password": "older"})
    opened = Opened(
        CONTOSO,
        variables={
            "ARTIFACTS_CREDENTIALPROVIDER_EXTERNAL_FEED_ENDPOINTS": newer,
            "VSS_NUGET_EXTERNAL_FEED_ENDPOINTS": older,
            "AZURE_DEVOPS_EXT_PAT": "pat",
        },
    )
    assert opened.given == {CONTOSO: "newer"}
