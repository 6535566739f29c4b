"""Every kind of identity against the emulated organisation: what it costs, and who it makes one."""

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Literal

import pytest

from azure_devops_emulator import CiJob, Organization, Programs, Service, SignedIn
from pip_authenticate import authenticate
from pip_authenticate.deadline import Deadline
from pip_authenticate.index import Index, IndexUrl
from pip_authenticate.run import Run
from pip_authenticate.settings import Settings
from pip_authenticate.transport import Transport
from support.command import Command

AUDIENCE = "api://AzureADTokenExchange"
JOBS = {
    job.kind: job
    for job in (
        CiJob("github"), CiJob("github-by-name"), CiJob("gitlab"), CiJob("circleci"), CiJob("buildkite"),
        CiJob("kubernetes"),
    )
}  # fmt: skip
Machine = Literal["vm", "app-service", "azure-ml", "cloud-shell"]
MACHINES: tuple[Machine, ...] = ("vm", "app-service", "azure-ml", "cloud-shell")
SECRET = "fake-secret~of an application"


def organization() -> Organization:
    """One feed, which applications and a person may read; each trusts all kinds of CI as they usually are."""
    trusted = {(whole.issuer, whole.subject) for whole in (job.complete() for job in JOBS.values())}
    credentials = "\n".join(
        f'[[applications.federated_credentials]]\nissuer = "{issuer}"\nsubject = "{subject}"'
        for issuer, subject in sorted(trusted)
    )
    return Organization.parse(f"""
[organization]
name = "acme"
[[feeds]]
name = "feed"
roles = {{ robot = "Reader", machine = "Reader", "Ada Palmer" = "Reader" }}
[[identities]]
name = "Ada Palmer"
[[identities]]
name = "Gus Guest"
opened = false
[[applications]]
name = "machine"
managed = "system"
[[applications]]
name = "robot"
client_secrets = [{{ value = "{SECRET}" }}]
{credentials}
""")


@pytest.fixture
def service() -> Iterator[Service]:
    with Service(organization()) as one:
        yield one


@pytest.fixture
def command(tmp_path: Path) -> Command:
    (tmp_path / "command").mkdir()
    return Command(tmp_path / "command")


def index(service: Service) -> str:
    return f"{service.address('pkgs')}_packaging/feed/pypi/simple/"


def around(service: Service, folder: Path, who: str) -> dict[str, str]:
    """The variables that somebody finds, and the programs on PATH."""
    programs = Programs(service, folder / "bin")
    found = {"AZURE_AUTHORITY_HOST": service.authority}
    robot = {"AZURE_CLIENT_ID": service.application("robot").client_id}
    if who in JOBS:
        job = JOBS[who]
        found |= service.ci_variables(job, application="robot")
        if who in {"circleci", "buildkite"}:
            programs.ci(job)
        if who == "kubernetes":
            (folder / "token").write_text(service.ci_token(job).get_secret_value())
            found["AZURE_FEDERATED_TOKEN_FILE"] = str(folder / "token")
    elif who == "secret":
        found |= {**robot, "AZURE_CLIENT_SECRET": SECRET}
    elif who == "azd":
        programs.azd(SignedIn("Ada Palmer"))
    elif who in {"az", "az-application"}:
        found |= programs.az(SignedIn("Ada Palmer") if who == "az" else SignedIn(application="robot"))
    for kind in MACHINES:
        found |= service.machine_variables(kind) if who == kind else {}
    found["PATH"] = os.pathsep.join((str(folder / "bin"), os.environ["PATH"]))
    return found


def hosts(service: Service) -> list[str]:
    """Who was asked, in order."""
    return [record.host for record in service.log]


EXPECTED: Mapping[str, tuple[str, str, tuple[str, ...]]] = {
    "github": ("workload-identity", "robot", ("pkgs", "ci", "login")),
    "github-by-name": ("workload-identity", "robot", ("pkgs", "ci", "login")),
    "gitlab": ("workload-identity", "robot", ("pkgs", "login")),
    "kubernetes": ("workload-identity", "robot", ("pkgs", "login")),
    "circleci": ("workload-identity", "robot", ("pkgs", "ci", "login")),
    "buildkite": ("workload-identity", "robot", ("pkgs", "ci", "login")),
    "secret": ("service-principal", "robot", ("pkgs", "login")),
    "az": ("azure-cli", "Ada Palmer", ("pkgs", "login", "vssps")),
    "az-application": ("azure-cli", "robot", ("pkgs", "login")),
    "azd": ("azure-developer-cli", "Ada Palmer", ("pkgs", "login", "vssps")),
    **dict.fromkeys(MACHINES, ("managed-identity", "machine", ("pkgs", "machine"))),
}


@pytest.mark.parametrize("who", EXPECTED)
def test_who_is_somebody_opens_a_feed(service: Service, command: Command, tmp_path: Path, who: str) -> None:
    provider, name, asked = EXPECTED[who]
    environ = around(service, tmp_path, who)
    first = command("env", "--client", "pip", "--output", "json", "--no-cache", index(service), **environ)
    assert first.returncode == 0, first.stderr
    assert tuple(hosts(service)) == asked, "tenant, assertion, token; no other"
    own = ("--organization", service.collection_uri)
    ended = command("whoami", "--json", *own, index(service), **environ)
    (one,) = json.loads(ended.stdout)
    assert one["provider"] == provider
    assert one["identity"].startswith(f"{name} ("), ended.stdout
    assert command("check", *own, index(service), **environ).stdout.startswith(("ok", "limited"))


def test_check_and_whoami_list_what_was_tried(service: Service, command: Command, tmp_path: Path) -> None:
    environ = around(service, tmp_path, "az")
    for name in ("check", "whoami"):
        said = command(name, "-v", index(service), **environ).stderr.splitlines()
        at = said.index("pip-authenticate: Credentials that were tried, in order:")
        listed = [line.removeprefix("pip-authenticate:").split(None, 3) for line in said[at + 1 : at + 8]]
        assert [(words[0], words[2]) for words in listed] == [
            (provider, "ms")
            for provider in (
                "explicit-token", "tool-variables", "pipeline-token", "workload-identity",
                "service-principal", "login", "azure-cli",
            )
        ]  # fmt: skip
        assert listed[0][3].startswith("PIP_AUTHENTICATE_TOKEN is not set")
        assert listed[-1][3] == "has a credential"
        assert "tried" not in command(name, index(service), **environ).stderr


SIGN_INS: Mapping[str, tuple[SignedIn, str, str]] = {
    "nobody": (SignedIn(), "azure-cli: nobody is signed in", "az login"),
    "expired": (
        SignedIn("Ada Palmer", trouble="expired"),
        "azure-cli: The Azure CLI gave no token",
        "az login",
    ),
    "a guest who was never there": (SignedIn("Gus Guest"), "TF401444", "in a browser once"),
}


@pytest.mark.parametrize("how", SIGN_INS)
def test_check_says_what_is_wrong_with_a_sign_in(
    service: Service, command: Command, tmp_path: Path, how: str
) -> None:
    who, what, cure = SIGN_INS[how]
    environ = {**around(service, tmp_path, "az"), **Programs(service, tmp_path / "bin").az(who)}
    ended = command("check", index(service), **environ)
    assert ended.returncode == 1
    (line,) = ended.stderr.splitlines()
    assert what in line
    assert cure in line


def test_a_sign_in_without_any_subscription_will_do(
    service: Service, command: Command, tmp_path: Path
) -> None:
    environ = around(service, tmp_path, "az")
    environ |= Programs(service, tmp_path / "bin").az(SignedIn("Ada Palmer", subscriptions=False))
    ended = command("check", index(service), "--organization", service.collection_uri, **environ)
    assert ended.returncode == 0, ended.stderr


def test_a_refused_job_is_told_what_to_compare(service: Service, command: Command) -> None:
    """GitHub's subjects have had numbers since 2026-07; the application still trusts the old ones."""
    job = CiJob("github", subject="repo:octo-org@1/octo-repo@2:ref:refs/heads/other")
    environ = service.ci_variables(job, application="robot")
    ended = command("env", index(service), **environ, AZURE_AUTHORITY_HOST=service.authority)
    (line,) = ended.stderr.splitlines()
    assert ended.returncode == 1
    for words in (f"subject {job.subject}", f"issuer {job.complete().issuer}", f"audience {AUDIENCE}"):
        assert words in line
    assert "have numbers in their subject" in line


def test_a_machine_of_azure_arc_proves_that_it_may_read_a_file(service: Service, tmp_path: Path) -> None:
    learned = set[object]()
    settings = Settings(
        variables=service.machine_variables("arc", tmp_path),
        credentials=("managed-identity",),
        arc_folder=str(tmp_path),
    )
    transport = Transport(settings.proxy, settings.certificates, lambda _: None, Deadline(20))
    url = IndexUrl.parse(index(service))[0]
    (opened,) = authenticate.open_all([Index(url, "x", "x")], Run(settings, transport, learned.update))
    assert opened.credential.secret in learned
    assert hosts(service) == ["pkgs", "machine", "machine"]
