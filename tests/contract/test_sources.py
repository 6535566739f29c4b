"""What every source keeps to. A new kind of source gets a class of its own here."""

import json
import os
import pkgutil
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType

import pytest

import pip_authenticate.sources
from pip_authenticate import authenticate, options, settings, told_secrets
from pip_authenticate.authenticate import Source
from pip_authenticate.clients import pip
from pip_authenticate.deadline import Deadline
from pip_authenticate.errors import Faults, PipAuthenticateError
from pip_authenticate.index import AuthenticatedIndex
from pip_authenticate.run import Run
from pip_authenticate.secret import Secret
from pip_authenticate.settings import Settings
from pip_authenticate.sources import (
    arguments,
    artifact_feeds,
    federated_urls,
    project_files,
    service_connections,
)
from pip_authenticate.transport import Transport
from support.http_service import Answer, Request, json_answer
from support.organisation import Organisation
from support.task import Connection, endpoint, environment, guid

CANARY = "canary-of-a-source"


class Heard:
    """A run of a source: what it found, and what it said meanwhile."""

    def __init__(self, given: Settings) -> None:
        self.given = given
        self.log: list[str] = []
        self.learned: list[Secret] = []
        transport = Transport(given.proxy, given.certificates, self.log.append, Deadline(10))
        self.run = Run(given, transport, self.learned.extend)

    def indexes(self, source: Source) -> list[AuthenticatedIndex]:
        """Ask the source, and have its indexes opened."""
        named = source.indexes(self.run)
        if named.faults:
            raise Faults(named.faults)
        return authenticate.open_all(named.indexes, self.run)

    def known(self) -> set[str]:
        """Every text that would be masked by now."""
        return {secret.reveal() for secret in (*told_secrets.of(self.given), *self.learned)}


class SourceContract(ABC):
    """The contract; a subclass tells where its source finds what."""

    source: ModuleType
    """The module."""

    @abstractmethod
    def good(self, organisation: Organisation) -> dict[str, str]:
        """An environment in which the source finds two indexes or more; CANARY is a part of each secret."""

    @abstractmethod
    def bad(self, organisation: Organisation) -> Iterator[Mapping[str, str]]:
        """Changes to that environment, each of which makes the source fail."""

    def run(self, environ: Mapping[str, str]) -> Heard:
        return Heard(settings.load(pip.VARIABLES, environ))

    def test_it_finds_indexes_whose_credentials_are_not_in_their_urls(self, hosted: Organisation) -> None:
        found = self.run(self.good(hosted)).indexes(self.source)
        assert len(found) >= 2
        for index in found:
            assert CANARY in index.credential.secret.reveal()
            assert index.credential.username
            for shown in (str(index.url), repr(index.url), index.source, repr(index)):
                assert CANARY not in shown
                assert "@" not in shown.partition("://")[2].partition("/")[0]
            assert index.source

    def test_every_secret_is_known_to_the_masker_in_every_spelling(self, hosted: Organisation) -> None:
        run = self.run(self.good(hosted))
        for index in run.indexes(self.source):
            assert {spelling.reveal() for spelling in index.credential.spellings} <= run.known()

    def test_what_it_logs_holds_no_secret(self, hosted: Organisation) -> None:
        run = self.run(self.good(hosted))
        run.indexes(self.source)
        assert not any(CANARY in line or text in line for line in run.log for text in run.known())

    def test_where_nothing_is_named_it_finds_nothing_and_asks_nobody(self, hosted: Organisation) -> None:
        inputs = {name: "" for name in self.good(hosted) if name.startswith("INPUT_")}
        assert self.run({**self.good(hosted), **inputs}).indexes(self.source) == []
        assert hosted.questions == []

    def test_failure_is_one_of_the_projects_errors_and_holds_no_secret(self, hosted: Organisation) -> None:
        for change in self.bad(hosted):
            run = self.run({**self.good(hosted), **change})
            with pytest.raises(PipAuthenticateError) as failed:
                run.indexes(self.source)
            texts = [str(failed.value), repr(failed.value), *run.log]
            assert not any(CANARY in text for text in texts)
            assert failed.value.__context__ is None or failed.value.__suppress_context__

    def test_the_order_of_the_input_is_kept(self, hosted: Organisation) -> None:
        environ = self.good(hosted)
        first = [str(index.url) for index in self.run(environ).indexes(self.source)]
        turned = {
            name: ",".join(reversed(value.split(",")))
            for name, value in environ.items()
            if name.startswith("INPUT_") and "," in value
        }
        assert [str(index.url) for index in self.run({**environ, **turned}).indexes(self.source)] == first[
            ::-1
        ]


class TestServiceConnections(SourceContract):
    source = service_connections

    def good(self, organisation: Organisation) -> dict[str, str]:
        connections = [
            Connection.token(1, "https://one.example/simple", CANARY),
            Connection.login(2, f"https://u:{CANARY}@two.example/", "me", f"x{CANARY}%$y"),
        ]
        return environment(connections=connections, organisation=organisation)

    def bad(self, organisation: Organisation) -> Iterator[Mapping[str, str]]:
        del organisation
        yield {f"ENDPOINT_URL_{guid(1)}": ""}
        yield {f"ENDPOINT_URL_{guid(1)}": f"https://u:{CANARY}@[broken/"}
        yield {f"ENDPOINT_AUTH_{guid(2)}": f'{{"parameters": "{CANARY}"'}
        yield {f"ENDPOINT_AUTH_{guid(2)}": '{"scheme": "Certificate"}'}
        yield {f"ENDPOINT_AUTH_{guid(1)}": '{"scheme": "Token", "parameters": {"apitoken": ""}}'}


class TestArtifactFeeds(SourceContract):
    source = artifact_feeds

    def good(self, organisation: Organisation) -> dict[str, str]:
        organisation.service.routes[organisation.area_route] = lambda _: json_answer(organisation.area)
        organisation.service.routes[organisation.table_route] = lambda _: json_answer(organisation.table)
        feeds = f"a,p/b@v,{organisation.index('c')}"
        return environment(feeds=feeds, organisation=organisation, token=CANARY)

    def bad(self, organisation: Organisation) -> Iterator[Mapping[str, str]]:
        yield {"ENDPOINT_AUTH_SYSTEMVSSCONNECTION": '{"scheme": "OAuth"}'}
        yield {"ENDPOINT_AUTH_SYSTEMVSSCONNECTION": CANARY}
        yield {"ENDPOINT_URL_SYSTEMVSSCONNECTION": f"https://u:{CANARY}@"}
        yield {"SYSTEM_TEAMFOUNDATIONCOLLECTIONURI": f"https://u:{CANARY}@"}
        yield {"INPUT_ARTIFACTFEEDS": "a/b/c"}
        yield {"INPUT_ARTIFACTFEEDS": f"https://u:{CANARY}@h.example/o/_packaging/f/pypi/simple"}
        yield {"SYSTEM_TEAMFOUNDATIONCOLLECTIONURI": f"{organisation.address}/elsewhere/"}


class TestFederatedUrls(SourceContract):
    source = federated_urls

    def good(self, organisation: Organisation) -> dict[str, str]:
        tenant = "11111111-2222-4333-8444-555555555555"

        def answer(request: Request) -> Answer:
            if "/oauth2/" in request.target:
                return json_answer(
                    {"access_token": f"access{CANARY}", "expires_in": 3600, "token_type": "Bearer"}
                )
            if request.method == "POST":
                return json_answer({"oidcToken": f"assertion{CANARY}"})
            return Answer(401, headers=[("X-VSS-ResourceTenant", tenant)])

        paths = [f"/pkgs/contoso/_packaging/{feed}/pypi/simple" for feed in ("a", "b")]
        for method_and_path in (
            *(f"GET {path}" for path in paths),
            "POST /oidc",
            f"POST /{tenant}/oauth2/v2.0/token",
        ):
            organisation.service.routes[method_and_path] = answer
        return {
            **environment(organisation=organisation),
            **endpoint(guid(3), "https://h.example/", "WorkloadIdentityFederation",
                       {"serviceprincipalid": guid(4), "tenantid": tenant}),
            "INPUT_WORKLOADIDENTITYSERVICECONNECTION": guid(3),
            "INPUT_FEEDURL": ",".join(f"{organisation.address}{path}" for path in paths),
            "SYSTEM_OIDCREQUESTURI": f"{organisation.address}/oidc",
            "AZURE_AUTHORITY_HOST": organisation.address,
        }  # fmt: skip

    def bad(self, organisation: Organisation) -> Iterator[Mapping[str, str]]:
        yield {"INPUT_FEEDURL": ""}
        yield {"INPUT_FEEDURL": f"https://u:{CANARY}@h.example/"}
        yield {"SYSTEM_OIDCREQUESTURI": ""}
        yield {f"ENDPOINT_AUTH_{guid(3)}": json.dumps([CANARY])}
        yield {f"ENDPOINT_AUTH_{guid(3)}": '{"scheme": "WorkloadIdentityFederation"}'}
        yield {"ENDPOINT_AUTH_SYSTEMVSSCONNECTION": '{"scheme": "OAuth"}'}
        yield {"SYSTEM_OIDCREQUESTURI": f"{organisation.address}/elsewhere"}
        yield {"AZURE_AUTHORITY_HOST": f"{organisation.address}/elsewhere"}


class TestArguments(SourceContract):
    source = arguments

    def good(self, organisation: Organisation) -> dict[str, str]:
        del organisation
        return {"INPUT_ARTIFACTFEEDS": "https://a.example/simple,project/feed@view,x=https://b.example/"}

    def run(self, environ: Mapping[str, str]) -> Heard:
        """The command's settings; entries come from this table's own name for them."""
        return Heard(
            Settings(
                entries=tuple(filter(None, environ["INPUT_ARTIFACTFEEDS"].split(","))),
                organization=environ.get("organization", "contoso"),
                token=Secret(environ.get("token", f"{CANARY}%$ü")),
                credentials=options.PROVIDERS,
            )
        )

    def bad(self, organisation: Organisation) -> Iterator[Mapping[str, str]]:
        del organisation
        yield {"INPUT_ARTIFACTFEEDS": "a/b/c"}
        yield {"INPUT_ARTIFACTFEEDS": f"https://u:{CANARY}@h.example/"}
        yield {"organization": ""}
        yield {"organization": f"https://u:{CANARY}@h.example/"}
        yield {"organization": "no name"}
        yield {"token": ""}


class TestProjectFiles(TestArguments):
    source = project_files

    @pytest.fixture(autouse=True)
    def folder(self, tmp_path: Path) -> None:
        self.path = tmp_path

    def run(self, environ: Mapping[str, str]) -> Heard:
        """A project whose requirements name the indexes."""
        entries = list(filter(None, environ["INPUT_ARTIFACTFEEDS"].split(",")))
        listed = [entry.rpartition("=")[2] for entry in entries]
        (self.path / "requirements.txt").write_text("".join(f"--extra-index-url {url}\n" for url in listed))
        return Heard(
            Settings(
                project_folder=str(self.path) if entries else "",
                variables={"PIP_CONFIG_FILE": os.devnull},
                listed=tuple(environ.get("listed", "https://a.example/simple,https://b.example/").split(",")),
                token=Secret(f"{CANARY}%$ü"),
                credentials=options.PROVIDERS,
            )
        )

    def good(self, organisation: Organisation) -> dict[str, str]:
        del organisation
        return {"INPUT_ARTIFACTFEEDS": "https://u:p@a.example/simple,https://b.example/"}

    def bad(self, organisation: Organisation) -> Iterator[Mapping[str, str]]:
        del organisation
        yield {"listed": f"https://u:{CANARY}@[broken/"}
        yield {"listed": f"ftp://{CANARY}/"}

    def test_where_nothing_is_named_it_finds_nothing_and_asks_nobody(self, hosted: Organisation) -> None:
        del hosted
        assert self.run({"INPUT_ARTIFACTFEEDS": "", "listed": ""}).indexes(self.source) == []

    def test_the_order_of_the_input_is_kept(self, hosted: Organisation) -> None:
        del hosted
        found = self.run({"INPUT_ARTIFACTFEEDS": "https://b.example/", "listed": "https://b.example/"})
        assert [str(index.url) for index in found.indexes(self.source)] == ["https://b.example/"]


def test_every_source_has_its_contract() -> None:
    contracts: list[type[SourceContract]] = [*SourceContract.__subclasses__(), TestProjectFiles]
    tested = [contract.source for contract in contracts]
    names = {module.name for module in pkgutil.iter_modules(pip_authenticate.sources.__path__)}
    assert {source.__name__.rpartition(".")[2] for source in tested} == names
    assert {row.module for row in authenticate.SOURCES.values()} == names


def test_a_source_is_loaded_where_the_setting_of_its_row_is_given() -> None:
    nothing = settings.load(pip.VARIABLES, {})
    for row in authenticate.SOURCES.values():
        assert row.named_by in settings.Settings._fields
        assert not getattr(nothing, row.named_by)
