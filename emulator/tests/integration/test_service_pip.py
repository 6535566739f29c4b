"""The emulated service and the real pip: what the one says, the other understands."""

import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest
from pydantic import SecretStr

from azure_devops_emulator.organization import Organization
from azure_devops_emulator.proxy import ForwardProxy
from azure_devops_emulator.service import Service
from azure_devops_emulator.services.faults import Fault
from emulator_support.service import feed_url

EXAMPLE = Path(__file__).parents[3] / "examples" / "organization.toml"
Pip = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def pip(tmp_path_factory: pytest.TempPathFactory) -> Pip:
    """Run pip in a virtual environment of its own, without any setting of this machine's pip."""
    folder = tmp_path_factory.mktemp("pip")
    subprocess.run([sys.executable, "-m", "venv", str(folder / "venv")], check=True, timeout=120)
    python = folder / "venv" / ("Scripts" if os.name == "nt" else "bin") / "python"
    kept = {name: value for name, value in os.environ.items() if not name.upper().startswith("PIP_")}
    clean = {
        **{name: value for name, value in kept.items() if not name.lower().endswith("_proxy")},
        "HOME": str(folder),
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_NO_CACHE_DIR": "1",
        "PIP_NO_INPUT": "1",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_RETRIES": "1",
    }

    def run(*arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [str(python), "-m", "pip", *arguments],
            env={**clean, **environment},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            cwd=folder,
        )

    return run


@pytest.fixture
def service() -> Iterator[Service]:
    with Service(Organization.load(EXAMPLE)) as running:
        yield running


def with_credential(url: str, password: SecretStr, user: str = "build") -> str:
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{quote(user, safe='')}:{quote(password.get_secret_value(), safe='')}@{rest}"


def downloaded(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []


def test_page_redirect_and_blob(pip: Pip, service: Service, tmp_path: Path) -> None:
    index = with_credential(feed_url(service, "myTestFeed1", "project1"), service.mint_job_token("project1"))
    ended = pip("download", "--no-deps", "-d", str(tmp_path), "HelloTestPackage", PIP_INDEX_URL=index)
    assert ended.returncode == 0, ended.stderr
    assert downloaded(tmp_path) == ["HelloTestPackage-1.0.0-py3-none-any.whl"]
    seen = [(record.host, record.status, record.credential) for record in service.log]
    assert ("pkgs", 200, "job token") in seen
    assert ("pkgs", 303, "job token") in seen
    assert {entry for entry in seen if entry[0] == "blob"} == {("blob", 200, "no credential")}


def test_a_client_that_keeps_credentials_by_host(pip: Pip, service: Service, tmp_path: Path) -> None:
    """Pip adds what a netrc file says for a host to every request to it, whatever the port."""
    token = service.mint_job_token("project1").get_secret_value()
    netrc = tmp_path / "netrc"
    netrc.write_text(f"machine 127.0.0.1 login build password {token}\n", encoding="utf-8")
    netrc.chmod(0o600)
    service.log.clear()
    ended = pip(
        *("download", "--no-deps", "-d", str(tmp_path / "wheels"), "HelloTestPackage"),
        PIP_INDEX_URL=feed_url(service, "myTestFeed1", "project1"),
        NETRC=str(netrc),
    )
    assert ended.returncode == 0, ended.stderr
    credentials = {(record.host, record.credential) for record in service.log}
    assert credentials == {("pkgs", "job token"), ("blob", "no credential")}


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_the_blob_store_has_a_host_of_its_own(host: str) -> None:
    with Service(Organization.parse('[organization]\nname = "acme"'), host=host) as one:
        store = urlsplit(one.addresses()["blob store"])
        assert (store.hostname, store.port) == ("localhost", one.blob_port)
        for address in (host, "localhost"):
            with socket.create_connection((address, one.blob_port), timeout=5):
                pass


def test_install_from_the_first_feed_that_has_it(pip: Pip, service: Service, tmp_path: Path) -> None:
    token = service.mint_job_token("project1")
    primary = with_credential(feed_url(service, "myTestFeed1", "project1"), token)
    extra = with_credential(feed_url(service, "myTestFeed2").rstrip("/"), token)
    target = tmp_path / "target"
    ended = pip(
        "install",
        "--target",
        str(target),
        "HelloTestPackage",
        PIP_INDEX_URL=primary,
        PIP_EXTRA_INDEX_URL=extra,
    )
    assert ended.returncode == 0, ended.stderr
    said = subprocess.run(
        [sys.executable, "-m", "hellotestpackage"], cwd=target, capture_output=True, text=True, check=True
    )
    assert said.stdout == "HelloTestPackage 1.0.0 from the feed project1/myTestFeed1\n"
    assert not [record for record in service.log if record.host == "public"]


def test_the_public_index_wins_with_a_higher_version(pip: Pip, service: Service, tmp_path: Path) -> None:
    feed = with_credential(feed_url(service, "myTestFeed1", "project1"), service.mint_job_token("project1"))
    ended = pip(
        "download",
        "-d",
        str(tmp_path),
        "HelloTestPackage",
        PIP_INDEX_URL=service.public_index_url,
        PIP_EXTRA_INDEX_URL=feed,
    )
    assert ended.returncode == 0, ended.stderr
    assert downloaded(tmp_path) == ["HelloTestPackage-9.9.9-py3-none-any.whl"]


def test_a_private_index_and_a_password_full_of_traps(pip: Pip, service: Service, tmp_path: Path) -> None:
    connection = next(c for c in service.organization.service_connections if c.name == "pypitest")
    user, password = connection.parameters["username"], connection.parameters["password"]
    assert isinstance(user, str)
    assert isinstance(password, SecretStr)
    index = with_credential(service.resolve(connection.url), password, user)
    ended = pip("download", "-d", str(tmp_path), "HelloTestPackage", PIP_INDEX_URL=index)
    assert ended.returncode == 0, ended.stderr
    assert downloaded(tmp_path) == ["HelloTestPackage-2.0.0-py3-none-any.whl"]


def test_saving_from_upstream(pip: Pip, service: Service, tmp_path: Path) -> None:
    def download(project: str) -> "subprocess.CompletedProcess[str]":
        index = with_credential(feed_url(service, "myTestFeed2"), service.mint_job_token(project))
        return pip("download", "-d", str(tmp_path / project), "UpstreamPackage", PIP_INDEX_URL=index)

    reader = download("project2")
    assert reader.returncode != 0
    assert "AddUpstreamPackage" in reader.stderr
    assert download("project1").returncode == 0
    assert download("project2").returncode == 0
    assert downloaded(tmp_path / "project2") == ["UpstreamPackage-1.5.0-py3-none-any.whl"]


def test_a_rejected_token_and_a_token_as_user_name(pip: Pip, service: Service, tmp_path: Path) -> None:
    url = feed_url(service, "myTestFeed2")
    wrong = with_credential(url, SecretStr("fake"))
    ended = pip("download", "-d", str(tmp_path), "InternalLibrary", PIP_INDEX_URL=wrong)
    assert ended.returncode != 0
    assert {(record.status, record.credential) for record in service.log} == {(401, "an unknown token")}
    alone = url.replace("://", "://fake-token-of-ada-everything@")
    ended = pip("download", "-d", str(tmp_path), "InternalLibrary", PIP_INDEX_URL=alone)
    assert ended.returncode != 0
    assert service.log[-1].credential == "a user name only"


def test_pip_waits_when_it_is_told_to(pip: Pip, service: Service, tmp_path: Path) -> None:
    index = with_credential(feed_url(service, "myTestFeed2"), service.mint_job_token("project1"))
    service.faults.add(Fault("throttle", path="internallibrary/$", retry_after="1"))
    ended = pip("download", "-d", str(tmp_path), "InternalLibrary", PIP_INDEX_URL=index)
    assert ended.returncode == 0, ended.stderr
    assert [record.status for record in service.log[:2]] == [429, 200]


def test_through_a_proxy(pip: Pip, service: Service, tmp_path: Path) -> None:
    token = service.mint_job_token("project1")
    with ForwardProxy({"pkgs.example.test": (service.host, service.port)}, "user", SecretStr("p")) as proxy:
        url = feed_url(service, "myTestFeed2").replace(service.origin, "http://pkgs.example.test")
        ended = pip(
            "download",
            "--trusted-host",
            "pkgs.example.test",
            "-d",
            str(tmp_path),
            "InternalLibrary",
            PIP_INDEX_URL=with_credential(url, token),
            PIP_PROXY=proxy.url_with_credential.get_secret_value(),
        )
        assert ended.returncode == 0, ended.stderr
        assert {record.host for record in proxy.log} == {"pkgs.example.test", "localhost"}
    assert downloaded(tmp_path) == ["InternalLibrary-2.0.0-py3-none-any.whl"]


def test_publishing_and_installing_what_was_published(pip: Pip, service: Service, tmp_path: Path) -> None:
    public = with_credential(feed_url(service, "community", "open-source"), SecretStr("fake-token-of-ben"))
    ended = pip("download", "-d", str(tmp_path), "CommunityPackage", PIP_INDEX_URL=public)
    assert ended.returncode == 0, ended.stderr
    anonymous = feed_url(service, "community", "open-source")
    ended = pip("download", "-d", str(tmp_path / "again"), "CommunityPackage", PIP_INDEX_URL=anonymous)
    assert ended.returncode == 0, ended.stderr
    assert downloaded(tmp_path / "again") == ["CommunityPackage-0.3.0-py3-none-any.whl"]
