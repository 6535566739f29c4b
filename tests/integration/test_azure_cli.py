"""The real Azure CLI, signed in to the emulated Microsoft Entra, as a provider."""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from azure_devops_emulator import Organization, Service
from support.command import Command
from support.programs import Programs

pytestmark = pytest.mark.slow
SECRET = "fake-secret~of an application"
AZURE_DEVOPS = "499b84ac-1321-427f-aa17-267ca6975798"
ORGANIZATION = f"""
[organization]
name = "acme"
[[feeds]]
name = "feed"
roles = {{ robot = "Reader" }}
[[applications]]
name = "robot"
client_secrets = [{{ value = "{SECRET}" }}]
"""


@pytest.fixture(scope="module")
def az(programs: Programs, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the newest Azure CLI. Its two hundred distributions take uv seconds, and pip minutes."""
    folder = tmp_path_factory.mktemp("azure-cli") / "environment"
    uv = programs.place("uv") / "uv"
    subprocess.run([uv, "venv", "--quiet", folder], timeout=60, check=True)
    install = [str(uv), "pip", "install", "--quiet", "--python", str(folder / "bin" / "python"), "azure-cli"]
    subprocess.run(install, timeout=360, check=True)
    (folder / "only").mkdir()
    (folder / "only" / "az").symlink_to(folder / "bin" / "az")
    return folder / "only"


class Desk:
    """Somebody with the Azure CLI, to whom the emulated cloud is the cloud."""

    def __init__(self, folder: Path, az: Path, service: Service) -> None:
        self.service = service
        self.command = Command(folder)
        trusted = folder / "authority.pem"
        trusted.write_bytes(service.ca_pem)
        self.command.environ |= {
            "PATH": os.pathsep.join((str(az), os.defpath)),
            "AZURE_CORE_COLLECT_TELEMETRY": "no",
            "AZURE_CORE_INSTANCE_DISCOVERY": "no",  # which asks Microsoft whether it knows the authority
            "REQUESTS_CA_BUNDLE": str(trusted),
            "SSL_CERT_FILE": str(trusted),
        }
        cloud = {
            "activeDirectory": service.authority,
            "activeDirectoryResourceId": AZURE_DEVOPS,
            "management": service.origin,
            "resourceManager": service.origin,  # which is never asked
        }
        told = ("--cloud-config", json.dumps({"endpoints": cloud}), "--skip-endpoint-discovery")
        self.az("cloud", "register", "--name", "emulated", *told)
        self.az("cloud", "set", "--name", "emulated")

    def az(self, *words: str) -> None:
        """Have the Azure CLI do something."""
        done = subprocess.run(
            ["az", *words],
            env=self.command.environ,
            executable=f"{self.command.environ['PATH'].partition(os.pathsep)[0]}/az",
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr

    def asks(self) -> "subprocess.CompletedProcess[str]":
        """Ask for pip's settings with whatever the Azure CLI gives."""
        index = f"{self.service.address('pkgs')}_packaging/feed/pypi/simple/"
        chosen = ("--credential", "azure-cli", "--client", "pip", "--output", "json", "--verify", "fail")
        return self.command("env", *chosen, index, AZURE_AUTHORITY_HOST=self.service.authority)


@pytest.fixture
def desk(tmp_path: Path, az: Path) -> Iterator[Desk]:
    with Service(Organization.parse(ORGANIZATION), https=True) as service:
        yield Desk(tmp_path, az, service)


def test_nobody_is_signed_in(desk: Desk) -> None:
    ended = desk.asks()
    assert (ended.returncode, ended.stdout) == (1, "")
    (line,) = ended.stderr.splitlines()
    assert "nobody is signed in to the Azure CLI: az login" in line


def test_a_service_principal_opens_a_feed(desk: Desk) -> None:
    robot = desk.service.application("robot")
    who = ("--service-principal", "--username", robot.client_id, "--password", SECRET)
    desk.az("login", *who, "--tenant", robot.tenants[0], "--skip-subscription-discovery")
    ended = desk.asks()
    assert ended.returncode == 0, ended.stderr
    assert urlsplit(json.loads(ended.stdout)["PIP_INDEX_URL"]).password
    readers = {record.identity for record in desk.service.log if record.host == "pkgs"}
    assert readers == {"anonymous", "robot"}
