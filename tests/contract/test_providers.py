"""What every provider keeps to that the command chooses from. A new one gets a class of its own here.

Each is asked by the command itself, as a person asks it, against services on this machine.
"""

import json
import re
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import pytest

from pip_authenticate import options, stored_login
from pip_authenticate.azure.application import Application
from pip_authenticate.secret import Secret
from pip_authenticate.stored_login import Login
from support.command import Command
from support.federated import credential_of
from support.http_service import Answer, Raw, endless, html_answer, json_answer, raw, reset, unused_port
from support.identities import (
    APPLICATION,
    ASSERTION,
    AUDIENCE,
    CANARY,
    CLIENT,
    FOREVER,
    ISSUER,
    PERSON,
    RESOURCE,
    SESSION,
    SUBJECT,
    TENANT,
    TOKEN_PATH,
    Identities,
    assertion,
    entra_refusal,
    identities,
)
from support.tokens import token

PROBE = "GET /contoso/_packaging/feed/pypi/simple/"
EXCHANGE = f"POST {TOKEN_PATH}"
SESSIONS = "POST /sessions/_apis/Token/SessionTokens"
SHORT = {"PIP_AUTHENTICATE_TIMEOUT": "3"}
ON_PREMISES = "https://tfs.contoso.example/tfs/Default/"
SECONDS = 20.0
"""What a broken provider may take at most, on a busy machine."""

Change = Callable[[Identities], Mapping[str, str]]
"""Breaks something; gives variables that change, an empty one being unset."""


class Broken(NamedTuple):
    """A way in which a provider is here, but broken.

    Args:
        change: breaks it.
        words: that the one line has, the cure among them.
    """

    change: Change
    words: tuple[str, ...]


def variables(**changed: str) -> Change:
    return lambda _: changed


def answering(route: str, *answers: Answer | Raw) -> Change:
    """Have a route answer so, the last one for good."""

    def change(world: Identities) -> Mapping[str, str]:
        waiting = list(answers)
        world.service.routes[route] = lambda _: waiting.pop(0) if len(waiting) > 1 else waiting[0]
        return {}

    return change


def program(name: str, script: str) -> Change:
    def change(world: Identities) -> Mapping[str, str]:
        world.program(name, script)
        return {}

    return change


def without_program(name: str) -> Change:
    def change(world: Identities) -> Mapping[str, str]:
        (world.bin / name).unlink()
        return {}

    return change


class ProviderContract(ABC):
    """The contract; a subclass tells when its provider is here, and how it breaks."""

    name: str
    """As `--credential` takes it."""
    requests: tuple[str, ...] = ()
    """What the first credential costs, in order."""
    secret: str = APPLICATION
    """What opens the index."""
    opens_premises = False
    """Whether its credential is also for a server on premises that a person names."""

    @abstractmethod
    def works(self, world: Identities) -> dict[str, str]:
        """Variables with which it works."""

    @abstractmethod
    def absent(self) -> Iterator[tuple[Change, str]]:
        """Changes after which it is not here, each with words of the reason."""

    @abstractmethod
    def broken(self) -> Iterator[Broken]:
        """Ways in which it is broken."""

    @pytest.fixture
    def world(self, tmp_path: Path) -> Iterator[Identities]:
        (tmp_path / "world").mkdir()
        with identities(tmp_path / "world") as made:
            yield made

    @pytest.fixture
    def command(self, tmp_path: Path) -> Command:
        (tmp_path / "command").mkdir()
        return Command(tmp_path / "command")

    def ask(
        self,
        command: Command,
        environ: Mapping[str, str],
        index: str,
        *more: str,
        credential: str = "",
    ) -> "tuple[int, str, list[str]]":
        """Ask for settings of pip; gives exit code, the index with its credential, and what was said."""
        wanted = {name: value for name, value in environ.items() if value}
        ended = command(
            "env", "--verbose", "--client", "pip", "--output", "json", *more,
            "--credential", credential or self.name, index, **wanted,
        )  # fmt: skip
        given = json.loads(ended.stdout).get("PIP_INDEX_URL", "") if ended.stdout else ""
        said = ended.stderr.splitlines()
        leaks = [secret for secret in self.secrets() if secret in ended.stderr]
        assert leaks == [], ended.stderr
        return ended.returncode, given, said

    def secrets(self) -> tuple[str, ...]:
        """What no line may show."""
        return (CANARY, APPLICATION, ASSERTION, PERSON, SESSION)

    def test_it_is_one_that_a_person_may_choose(self) -> None:
        assert self.name in options.PROVIDERS

    def test_it_opens_an_index_and_asks_nobody_else(self, world: Identities, command: Command) -> None:
        code, given, said = self.ask(command, {**world.environ, **self.works(world)}, world.index)
        assert code == 0, said
        assert credential_of(given)[1] == self.secret
        assert tuple(world.asked) == self.requests
        assert any(re.search(rf"  {self.name} +\d+ ms  has a credential", line) for line in said), said

    def test_where_it_is_absent_it_says_why_and_the_next_is_asked(
        self, world: Identities, command: Command
    ) -> None:
        known = self.works(world)
        for number, (change, words) in enumerate(self.absent()):
            environ = {**world.environ, **known, **change(world)}
            code, _, said = self.ask(command, environ, world.index)
            (line,) = [line for line in said if "error: " in line]
            assert code == 1
            assert f"{self.name}: " in line, (number, line)
            assert words in line, (number, line)
            order, next_one = f"{self.name},explicit-token", {"PIP_AUTHENTICATE_TOKEN": CANARY}
            code, given, said = self.ask(command, {**environ, **next_one}, world.index, credential=order)
            assert (code, credential_of(given)[1]) == (0, CANARY), (number, said)

    def test_where_it_is_broken_one_line_names_it_and_the_cure(self, tmp_path: Path) -> None:
        def judge(number: int, way: Broken) -> str:
            folder = tmp_path / str(number)
            for name in ("world", "command"):
                (folder / name).mkdir(parents=True)
            with identities(folder / "world") as world:
                environ = {**world.environ, **self.works(world), **way.change(world)}
                started = time.monotonic()
                order = f"{self.name},explicit-token"
                more = {**environ, "PIP_AUTHENTICATE_TOKEN": "canary-of-the-next"}
                code, given, said = self.ask(Command(folder / "command"), more, world.index, credential=order)
                took = time.monotonic() - started
            errors = [line for line in said if "error: " in line]
            missing = [word for word in way.words if word not in "".join(errors)]
            is_good = code == 1 and not given and len(errors) == 1 and not missing and took < SECONDS
            is_good = is_good and f"error: {self.name}: " in errors[0]
            return "" if is_good else f"{number}: {code=} {given=} {missing=} {took=:.1f} {errors or said}"

        with ThreadPoolExecutor(4) as pool:
            faults = list(pool.map(lambda pair: judge(*pair), enumerate(self.broken())))
        assert [fault for fault in faults if fault] == []

    def test_on_premises_it_gives_what_is_meant_for_it_and_asks_nobody(
        self, world: Identities, command: Command
    ) -> None:
        environ = {**world.environ, **self.works(world)}
        index = f"{ON_PREMISES}_packaging/feed/pypi/simple/"
        code, given, said = self.ask(command, environ, index, "--organization", ON_PREMISES)
        if self.opens_premises:
            assert (code, credential_of(given)[1]) == (0, self.secret), said
        else:
            assert (code, given) == (1, ""), said
        assert world.asked == []

    @pytest.mark.parametrize(
        "index", ["https://pkgs.dev.azure.com.evil.example/contoso/_packaging/f/pypi/simple/",
                  "http://pkgs.dev.azure.com/contoso/_packaging/f/pypi/simple/",
                  "https://index.example/simple/"],
    )  # fmt: skip
    def test_strangers_get_nothing_from_it(self, world: Identities, command: Command, index: str) -> None:
        code, given, said = self.ask(command, {**world.environ, **self.works(world)}, index)
        assert (code, given) == (1, ""), said
        assert world.asked == []

    def test_no_fault_of_any_service_is_a_credential_or_a_leak(self, tmp_path: Path) -> None:
        """A probe that fails tells no tenant; a person then names it."""
        faults: dict[str, Callable[[], Answer | Raw]] = {
            "reset": reset,
            "page": html_answer,
            "list": lambda: json_answer([]),
            "numbers": lambda: json_answer({"token": 5, "access_token": 5, "value": 5}),
            "broken": lambda: raw(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{"),
            "endless": endless,
            "trouble": lambda: Answer(500, b'{"message": "##vso[x.y]"}'),
            "elsewhere": lambda: Answer(302, headers=[("Location", "https://evil.example/")]),
            "echo": lambda: json_answer({"error": f"##[error] {ASSERTION} {APPLICATION}"}, 400),
        }

        def judge(number: int, route: str, fault: str) -> str:
            folder = tmp_path / str(number)
            for name in ("world", "command"):
                (folder / name).mkdir(parents=True)
            with identities(folder / "world") as world:
                environ = {**world.environ, **self.works(world)}
                world.service.fault, world.service.faulty_path = faults[fault](), route.partition(" ")[2]
                command = Command(folder / "command")
                code, given, said = self.ask(command, environ, world.index, "--timeout", "3")
            errors = [line for line in said if "error: " in line]
            if route == PROBE:  # the tenant may be known from elsewhere
                is_good = code == 0 or (len(errors) == 1 and f"error: {self.name}: " in errors[0])
            else:
                is_good = (code, given) == (1, "") and len(errors) == 1
                is_good = is_good and f"error: {self.name}: " in errors[0]
            is_good = is_good and not any("##" in line for line in said)
            return "" if is_good else f"{route} {fault}: {code=} {errors or said}"

        cases = [(route, fault) for route in dict.fromkeys(self.requests) for fault in faults]
        with ThreadPoolExecutor(6) as pool:
            told = list(pool.map(lambda case: judge(case[0], *case[1]), enumerate(cases)))
        assert [one for one in told if one] == []


# ---- tokens that are there already ------------------------------------------------------------------


def endpoints(*rows: Mapping[str, str]) -> str:
    return json.dumps({"endpointCredentials": rows})


class TestEndpointsOfTools(ProviderContract):
    name = "tool-variables"
    secret = f"{CANARY}-listed"

    def works(self, world: Identities) -> dict[str, str]:
        row = {"endpoint": world.index.rstrip("/"), "password": self.secret}
        return {"VSS_NUGET_EXTERNAL_FEED_ENDPOINTS": endpoints(row)}

    def absent(self) -> Iterator[tuple[Change, str]]:
        name = "VSS_NUGET_EXTERNAL_FEED_ENDPOINTS"
        yield variables(**{name: ""}), "no variable of another tool holds a token"
        yield (
            variables(**{name: endpoints({"endpoint": "https://h.example/simple", "password": CANARY})}),
            "listed by none",
        )
        certificate = {"clientId": CLIENT, "clientCertificateFilePath": "/cert.pem"}
        yield (
            lambda world: {
                name: "",
                "ARTIFACTS_CREDENTIALPROVIDER_FEED_ENDPOINTS": endpoints(
                    {"endpoint": world.index, **certificate}
                ),
            },
            "az login --service-principal",
        )

    def broken(self) -> Iterator[Broken]:
        cure = ("VSS_NUGET_EXTERNAL_FEED_ENDPOINTS", "remove")
        for text in ("no json", "[]", "{}", '{"endpointCredentials": 5}', endpoints({"password": CANARY})):
            yield Broken(variables(VSS_NUGET_EXTERNAL_FEED_ENDPOINTS=text), cure)
        yield Broken(
            variables(VSS_NUGET_EXTERNAL_FEED_ENDPOINTS=endpoints({"endpoint": "https://h.example/"})),
            ("has no password for https://h.example/", "remove"),
        )


class TestTokensOfTools(ProviderContract):
    name = "tool-variables"
    secret = f"{CANARY}-pat"
    opens_premises = True

    def works(self, world: Identities) -> dict[str, str]:
        return {"AZURE_DEVOPS_EXT_PAT": self.secret}

    def absent(self) -> Iterator[tuple[Change, str]]:
        yield variables(AZURE_DEVOPS_EXT_PAT=""), "no variable of another tool holds a token"
        yield (
            variables(PIP_AUTHENTICATE_ORGANIZATION="fabrikam"),
            "AZURE_DEVOPS_EXT_PAT is not for it, since it is no feed of https://dev.azure.com/fabrikam/",
        )

    def broken(self) -> Iterator[Broken]:
        yield Broken(
            variables(AZURE_DEVOPS_EXT_PAT=token({"exp": 1, "jti": CANARY})),
            ("The time of the token in AZURE_DEVOPS_EXT_PAT is over", "Set a new one"),
        )
        yield Broken(variables(AZURE_DEVOPS_EXT_PAT="two\nlines"), ("AZURE_DEVOPS_EXT_PAT", "in one line"))
        yield Broken(
            variables(ARTIFACTS_KEYRING_NOFUSS_TOKEN_FILE="/nowhere/token"),
            ("/nowhere/token", "Check ARTIFACTS_KEYRING_NOFUSS_TOKEN_FILE"),
        )


class TestPipelineToken(ProviderContract):
    name = "pipeline-token"
    secret = f"{CANARY}-of-a-job"
    opens_premises = True

    def works(self, world: Identities) -> dict[str, str]:
        return {
            "SYSTEM_ACCESSTOKEN": self.secret,
            "PIP_AUTHENTICATE_ORGANIZATION": f"{world.service.url}/contoso/",
        }

    def absent(self) -> Iterator[tuple[Change, str]]:
        yield variables(SYSTEM_ACCESSTOKEN=""), "$(System.AccessToken)"
        yield variables(PIP_AUTHENTICATE_ORGANIZATION=""), "no variable says which organisation"
        yield variables(PIP_AUTHENTICATE_ORGANIZATION="fabrikam"), "no feed of the pipeline's organisation"

    def broken(self) -> Iterator[Broken]:
        yield Broken(variables(PIP_AUTHENTICATE_ORGANIZATION="no name"), ("organisation", "Write its name"))


# ---- tokens of Microsoft Entra ----------------------------------------------------------------------


def no_tenant(world: Identities) -> Mapping[str, str]:
    world.service.routes[PROBE] = lambda _: Answer(401)
    return {}


class ApplicationContract(ProviderContract, ABC):
    """What signs in as an application."""

    def refused(self) -> Iterator[Broken]:
        """What Entra, the tenant and the variables have against any application."""
        id_words = ("AADSTS700016", "AZURE_CLIENT_ID and AZURE_TENANT_ID")
        yield Broken(answering(EXCHANGE, entra_refusal(700016)), id_words)
        yield Broken(answering(EXCHANGE, entra_refusal(53003)), ("conditional access", "administrator"))
        yield Broken(answering(EXCHANGE, entra_refusal(5)), ("AADSTS5", "Look the code up"))
        yield Broken(
            answering(EXCHANGE, json_answer({})), ("without an access token", "AZURE_AUTHORITY_HOST")
        )
        yield Broken(no_tenant, ("127.0.0.1", "set AZURE_TENANT_ID"))
        yield Broken(variables(AZURE_CLIENT_ID="my app"), ("The client id is no GUID", "AZURE_CLIENT_ID"))
        yield Broken(
            lambda world: {**no_tenant(world), "AZURE_TENANT_ID": "../x"},
            ("neither a GUID", "AZURE_TENANT_ID"),
        )
        for place in ("https://evil.example", "http://login.microsoftonline.com", "http://["):
            yield Broken(variables(AZURE_AUTHORITY_HOST=place), ("AZURE_AUTHORITY_HOST", "emove it"))
        yield Broken(
            lambda _: {
                "AZURE_AUTHORITY_HOST": f"http://127.0.0.1:{unused_port()}",
                "PIP_AUTHENTICATE_TIMEOUT": "5",
            },
            ("did not answer", "Check"),
        )


class WorkloadContract(ApplicationContract, ABC):
    """What has an identity token."""

    name = "workload-identity"
    requests: tuple[str, ...] = (PROBE, EXCHANGE)

    @abstractmethod
    def gives(self, given: str) -> Change:
        """Have it give another identity token."""

    def broken(self) -> Iterator[Broken]:
        yield from self.refused()
        shown = (f"issuer {ISSUER}", f"subject {SUBJECT}", f"audience {AUDIENCE}")
        for code in (70021, 700211, 700212, 700213, 7002138, 70025):
            yield Broken(
                answering(EXCHANGE, entra_refusal(code)), (f"AADSTS{code}", *shown, "Federated credentials")
            )
        yield Broken(answering(EXCHANGE, entra_refusal(700213)), ("since 2026-07-15 have numbers",))
        yield Broken(answering(EXCHANGE, entra_refusal(700024)), ("time of validity", "clock"))
        yield Broken(self.gives(assertion(aud="https://gitlab.example")), ("another audience", AUDIENCE))
        yield Broken(self.gives(assertion(exp=1)), ("is over", "Get a new one"))
        yield Broken(self.gives(CANARY), ("no identity token", "JSON Web Token"))

    def absent(self) -> Iterator[tuple[Change, str]]:
        yield variables(AZURE_CLIENT_ID=""), "neither AZURE_CLIENT_ID nor --identity"


class TestGitHub(WorkloadContract):
    requests = (PROBE, "GET /github", EXCHANGE)

    def works(self, world: Identities) -> dict[str, str]:
        return {
            "AZURE_CLIENT_ID": CLIENT,
            "GITHUB_ACTIONS": "true",
            "CI": "true",
            "ACTIONS_ID_TOKEN_REQUEST_URL": f"{world.service.url}/github?api-version=2.0",
            "ACTIONS_ID_TOKEN_REQUEST_TOKEN": f"{CANARY}-of-a-runner",
        }

    def gives(self, given: str) -> Change:
        return answering("GET /github", json_answer({"value": given}))

    def absent(self) -> Iterator[tuple[Change, str]]:
        yield from super().absent()
        for name in ("AZURE_CLIENT_SECRET", "IDENTITY_ENDPOINT"):
            yield (
                variables(**{"ACTIONS_ID_TOKEN_REQUEST_URL": "", name: "x"}),
                f"ACTIONS_ID_TOKEN_REQUEST_URL is not set, and {name} is",
            )

    def broken(self) -> Iterator[Broken]:
        yield from super().broken()
        permission = "permissions: id-token: write"
        for name in ("ACTIONS_ID_TOKEN_REQUEST_URL", "ACTIONS_ID_TOKEN_REQUEST_TOKEN"):
            yield Broken(variables(**{name: ""}), (f"{name} is not set", permission))
        yield Broken(
            answering("GET /github", json_answer({"message": "no"}, 403)), ("status 403", permission)
        )
        for url in ("http://h.example/x?a=b", "nowhere", "https://u:p@h.example/"):
            yield Broken(variables(ACTIONS_ID_TOKEN_REQUEST_URL=url), ("is no https address", "remove"))
        yield Broken(variables(ACTIONS_ID_TOKEN_REQUEST_TOKEN="a\nb"), ("no token", "remove"))

    def test_the_requests_are_those_of_the_documentation(self, world: Identities, command: Command) -> None:
        self.ask(command, {**world.environ, **self.works(world)}, world.index)
        assert world.query(1) == {"api-version": ["2.0"], "audience": [AUDIENCE]}
        assert world.service.requests[1].headers["authorization"] == f"bearer {CANARY}-of-a-runner"
        assert world.query(2) == {
            "grant_type": ["client_credentials"],
            "client_id": [CLIENT],
            "scope": [f"{RESOURCE}/.default"],
            "client_assertion_type": ["urn:ietf:params:oauth:client-assertion-type:jwt-bearer"],
            "client_assertion": [ASSERTION],
        }

    def test_the_request_is_that_of_the_library_of_the_package_index(
        self, world: Identities, command: Command
    ) -> None:
        environ = {**world.environ, **self.works(world)}
        self.ask(command, environ, world.index)
        asked = f"import id; id.detect_credential({AUDIENCE!r})"
        subprocess.run([sys.executable, "-c", asked], env=environ, check=True, timeout=60)
        ours, theirs = (world.service.requests[at] for at in (1, -1))
        assert (ours.method, ours.target) == (theirs.method, theirs.target)
        assert ours.headers["authorization"] == theirs.headers["authorization"]


class TestGitLab(WorkloadContract):
    def works(self, world: Identities) -> dict[str, str]:
        return {"AZURE_CLIENT_ID": CLIENT, "GITLAB_CI": "true", "AZURE_ID_TOKEN": ASSERTION}

    def gives(self, given: str) -> Change:
        return variables(AZURE_ID_TOKEN=given)

    def broken(self) -> Iterator[Broken]:
        yield from super().broken()
        yield Broken(
            variables(AZURE_ID_TOKEN=""), ("AZURE_ID_TOKEN is not set", "id_tokens: {AZURE_ID_TOKEN: ")
        )

    def test_the_name_of_the_variable_is_a_setting(self, world: Identities, command: Command) -> None:
        environ = {**world.environ, **self.works(world), "AZURE_ID_TOKEN": "", "MINE": ASSERTION}
        code, given, said = self.ask(command, environ, world.index, "--id-token-variable", "MINE")
        assert (code, credential_of(given)[1]) == (0, APPLICATION), said


class TestKubernetes(WorkloadContract):
    def works(self, world: Identities) -> dict[str, str]:
        file = world.file("identity", f"{ASSERTION}\n")
        return {"AZURE_CLIENT_ID": CLIENT, "AZURE_FEDERATED_TOKEN_FILE": file}

    def gives(self, given: str) -> Change:
        return lambda world: {"AZURE_FEDERATED_TOKEN_FILE": world.file("other", given)}

    def broken(self) -> Iterator[Broken]:
        yield from super().broken()
        cure = "check the pod's service account"
        yield Broken(variables(AZURE_FEDERATED_TOKEN_FILE="/nowhere/identity"), ("/nowhere/identity", cure))
        yield Broken(lambda world: {"AZURE_FEDERATED_TOKEN_FILE": str(world.folder)}, ("is no file", cure))


class TestBuildkite(WorkloadContract):
    def works(self, world: Identities) -> dict[str, str]:
        world.program("buildkite-agent", f"echo {ASSERTION}")
        return {"AZURE_CLIENT_ID": CLIENT, "BUILDKITE": "true"}

    def gives(self, given: str) -> Change:
        return program("buildkite-agent", f"echo {given}")

    def broken(self) -> Iterator[Broken]:
        yield from self.refused()
        cure = "buildkite-agent oidc request-token"
        yield Broken(program("buildkite-agent", "echo no job socket; exit 1"), ("no job socket", cure))
        yield Broken(
            program("buildkite-agent", f"echo {CANARY}"), ("Buildkite gives no identity token", cure)
        )
        yield Broken(self.gives(assertion(aud="x")), ("audience", cure))
        yield Broken(
            lambda world: {
                **program("buildkite-agent", "exec sleep 60")(world),
                "PIP_AUTHENTICATE_TIMEOUT": "3",
            },
            ("nothing came within", cure),
        )

    def test_the_library_asks_for_the_audience(self, world: Identities, command: Command) -> None:
        self.ask(command, {**world.environ, **self.works(world)}, world.index)
        assert world.calls("buildkite-agent") == [f"oidc request-token --audience {AUDIENCE}"]


class TestCircleCi(WorkloadContract):
    def works(self, world: Identities) -> dict[str, str]:
        world.program("circleci", f"echo {ASSERTION}")
        return {"AZURE_CLIENT_ID": CLIENT, "CIRCLECI": "true", "CIRCLE_OIDC_TOKEN": "useless"}

    def gives(self, given: str) -> Change:
        return program("circleci", f"echo {given}")

    def broken(self) -> Iterator[Broken]:
        yield from self.refused()
        cure = "circleci run oidc get"
        yield Broken(program("circleci", "echo no such job >&2; exit 1"), ("no such job", cure))
        yield Broken(without_program("circleci"), ("could not find", cure))


class TestServicePrincipal(ApplicationContract):
    name = "service-principal"
    requests = (PROBE, EXCHANGE)

    def works(self, world: Identities) -> dict[str, str]:
        return {"AZURE_CLIENT_ID": CLIENT, "AZURE_CLIENT_SECRET": f"{CANARY}~secret+ü"}

    def absent(self) -> Iterator[tuple[Change, str]]:
        yield variables(AZURE_CLIENT_SECRET=""), "AZURE_CLIENT_SECRET is not set"
        yield variables(AZURE_CLIENT_ID=""), "says whose AZURE_CLIENT_SECRET is"
        yield (
            variables(AZURE_CLIENT_SECRET="", AZURE_CLIENT_CERTIFICATE_PATH="/cert.pem"),
            "a certificate is left to the Azure CLI: az login --service-principal",
        )

    def broken(self) -> Iterator[Broken]:
        yield from self.refused()
        for code in (7000215, 7000222):
            yield Broken(
                answering(EXCHANGE, entra_refusal(code)), (f"AADSTS{code}", "Set AZURE_CLIENT_SECRET")
            )

    def test_the_request_is_that_of_the_documentation(self, world: Identities, command: Command) -> None:
        self.ask(command, {**world.environ, **self.works(world)}, world.index)
        assert world.query(1) == {
            "grant_type": ["client_credentials"],
            "client_id": [CLIENT],
            "scope": [f"{RESOURCE}/.default"],
            "client_secret": [f"{CANARY}~secret+ü"],
        }


# ---- people ------------------------------------------------------------------------------------------


class PersonContract(ProviderContract, ABC):
    """Another program that a person is signed in to."""

    requests = (PROBE, SESSIONS)
    secret = SESSION
    program: str
    """Its name."""
    sign_in: str
    """What signs in."""

    @abstractmethod
    def prints(self, given: str) -> str:
        """A script that prints a token as the program does."""

    def works(self, world: Identities) -> dict[str, str]:
        script = f"echo 'WARNING: not asked for' >&2\n{self.prints(PERSON)}"
        world.program(self.program, script)
        return {}

    def broken(self) -> Iterator[Broken]:
        again = f"Sign in again: {self.sign_in}"
        for script in ("exit 1", "echo '{}'", "echo '[5]'", "echo nothing", f"{self.prints(PERSON)}\nexit 3"):
            yield Broken(program(self.program, script), ("gave no token", again))
        yield Broken(
            program(self.program, "echo 'ERROR: AADSTS700082: expired' >&2; exit 1"), ("AADSTS700082", again)
        )
        yield Broken(
            lambda world: {
                **program(self.program, "sleep 60 & wait")(world),
                "PIP_AUTHENTICATE_TIMEOUT": "3",
            },
            (f"{self.program} did not answer within 3 s", "See how long it takes"),
        )

        def unusable(world: Identities) -> Mapping[str, str]:
            (world.bin / self.program).write_text("#!/nowhere/sh\n")
            return {}

        yield Broken(unusable, ("cannot be started", f"Install {self.program} anew"))
        never = json_answer({"message": "TF401444: Please sign-in at least once"}, 401)
        yield Broken(answering(SESSIONS, never), ("TF401444", "in a browser once"))
        yield Broken(answering(SESSIONS, json_answer({"message": "no"}, 403)), ("status 403", "Grant"))
        foreign = ("X-VSS-AuthorizationEndpoint", "https://evil.example/")
        yield Broken(
            answering(PROBE, Answer(401, headers=[("X-VSS-ResourceTenant", TENANT), foreign])),
            ("no token is sent there", "Check"),
        )


class TestAzureCli(PersonContract):
    name, program, sign_in = "azure-cli", "az", f"az login --tenant {TENANT}"

    def prints(self, given: str) -> str:
        answer = {"accessToken": given, "expires_on": FOREVER, "tenant": TENANT, "tokenType": "Bearer"}
        return f"echo '{json.dumps(answer)}'"

    def absent(self) -> Iterator[tuple[Change, str]]:
        nobody = "echo \"ERROR: Please run 'az login' to setup account.\" >&2; exit 1"
        yield program("az", nobody), "nobody is signed in to the Azure CLI: az login"
        yield without_program("az"), "there is no program az on PATH"

    def test_it_is_asked_for_the_tenant_and_without_where_that_is_refused(
        self, world: Identities, command: Command
    ) -> None:
        arguments = f"account get-access-token --resource {RESOURCE} --output json"
        self.ask(command, {**world.environ, **self.works(world)}, world.index)
        assert world.calls("az") == [f"{arguments} --tenant {TENANT}"]
        refusal = "ERROR: Tenant shouldn't be specified for managed identity account"
        script = f'case "$*" in *--tenant*) echo "{refusal}" >&2; exit 1;; esac\n{self.prints(APPLICATION)}'
        world.program("az", script)
        code, given, said = self.ask(command, world.environ, world.index)
        assert (code, credential_of(given)[1]) == (0, APPLICATION), said
        assert world.calls("az")[1:] == [f"{arguments} --tenant {TENANT}", arguments]
        assert world.asked == [PROBE, SESSIONS, PROBE], "a token of an application is used as it is"

    def test_the_scope_is_a_setting(self, world: Identities, command: Command) -> None:
        for scope in ("vso.packaging_write", "vso.packaging"):
            arguments = [] if scope.endswith("write") else ["--scope", "read"]
            self.ask(command, {**world.environ, **self.works(world)}, world.index, "--no-cache", *arguments)
            assert json.loads(world.service.requests[-1].body)["scope"] == scope


class TestAzureDeveloperCli(PersonContract):
    name, program, sign_in = "azure-developer-cli", "azd", f"azd auth login --tenant-id {TENANT}"

    def prints(self, given: str) -> str:
        return f"echo '{json.dumps({'token': given, 'expiresOn': '2090-01-01T00:00:00Z'})}'"

    def absent(self) -> Iterator[tuple[Change, str]]:
        words = "not logged in, run `azd auth login` to login"
        shapes = (
            {"type": "consoleMessage", "data": {"message": f"\nERROR: {words}"}},
            {"error": {"message": words}},
            {"error": words},
        )
        for shape in shapes:
            script = f"cat >&2 <<'END'\n{json.dumps(shape)}\nEND\nexit 1"
            yield program("azd", script), "nobody is signed in to the Azure Developer CLI: azd auth login"
        yield without_program("azd"), "there is no program azd on PATH"

    def test_it_is_asked_not_to_ask(self, world: Identities, command: Command) -> None:
        self.ask(command, {**world.environ, **self.works(world)}, world.index)
        (call,) = world.calls("azd")
        assert (
            call == f"auth token --output json --no-prompt --scope {RESOURCE}/.default --tenant-id {TENANT}"
        )


class TestLogin(ProviderContract):
    name = "login"
    requests = (PROBE, EXCHANGE, SESSIONS)
    secret = SESSION

    def works(self, world: Identities) -> dict[str, str]:
        answering(EXCHANGE, json_answer({"access_token": PERSON, "expires_in": 3599}))(world)
        signed_in = Application(world.service.url, TENANT, CLIENT)
        folder = world.folder / "pip-authenticate"
        stored_login.keep(str(folder), Login(signed_in, "ada@contoso.example", Secret(f"{CANARY}-refresh")))
        return {"XDG_STATE_HOME": str(world.folder)}

    def absent(self) -> Iterator[tuple[Change, str]]:
        yield variables(XDG_STATE_HOME=""), "nobody has signed in: pip-authenticate login"

    def broken(self) -> Iterator[Broken]:
        ended = json_answer({"error": "invalid_grant", "error_description": "AADSTS700082: expired"}, 400)
        yield Broken(answering(EXCHANGE, ended), ("AADSTS700082", "Sign in again: pip-authenticate login"))
        yield Broken(answering(EXCHANGE, json_answer({})), ("without the tokens", "AZURE_AUTHORITY_HOST"))
        yield Broken(answering(SESSIONS, json_answer({"message": "no"}, 403)), ("status 403", "Grant"))


# ---- machines ---------------------------------------------------------------------------------------


class MachineContract(ProviderContract, ABC):
    """A managed identity."""

    name = "managed-identity"
    route = "GET /identity"
    query: Mapping[str, list[str]] = {}
    """What is asked for beside the resource."""
    header: tuple[str, str] = ("metadata", "true")

    def absent(self) -> Iterator[tuple[Change, str]]:
        yield variables(IDENTITY_SERVER_THUMBPRINT="AB"), "Service Fabric is not supported"

    def broken(self) -> Iterator[Broken]:
        none = json_answer({"error": "invalid_request", "error_description": "Identity not found"}, 400)
        yield Broken(
            answering(self.route, none), ("has not got an identity", "Identity not found", "Assign one")
        )
        yield Broken(
            lambda world: {**answering(self.route, none)(world), "AZURE_CLIENT_ID": CLIENT},
            (CLIENT, "AZURE_CLIENT_ID or --identity"),
        )
        unreachable = json_answer({"error": "unreachable"}, 403)
        yield Broken(answering(self.route, unreachable), ("status 403", "unreachable", "Assign one"))
        yield Broken(answering(self.route, html_answer()), ("gives no token", "Assign one"))
        yield Broken(answering(self.route, json_answer({"access_token": ""})), ("gives no token",))

    def test_the_request_is_that_of_the_documentation(self, world: Identities, command: Command) -> None:
        code, _, said = self.ask(command, {**world.environ, **self.works(world)}, world.index)
        assert code == 0, said
        assert world.query(1) == {**self.query, "resource": [RESOURCE]}
        assert world.service.requests[1].headers[self.header[0]] == self.header[1]

    def test_one_that_is_not_ready_yet_is_asked_again(self, world: Identities, command: Command) -> None:
        good = world.service.routes[self.route]
        waiting = [Answer(410), Answer(404), Answer(429)]
        world.service.routes[self.route] = lambda one: waiting.pop() if waiting else good(one)
        code, given, said = self.ask(command, {**world.environ, **self.works(world)}, world.index)
        assert (code, credential_of(given)[1]) == (0, APPLICATION), said
        assert len(world.asked) == 5


class TestAppService(MachineContract):
    requests = (PROBE, "GET /identity")
    query: Mapping[str, list[str]] = {"api-version": ["2019-08-01"]}
    header = ("x-identity-header", f"{CANARY}-of-the-platform")

    def works(self, world: Identities) -> dict[str, str]:
        return {"IDENTITY_ENDPOINT": f"{world.service.url}/identity", "IDENTITY_HEADER": self.header[1]}

    def broken(self) -> Iterator[Broken]:
        yield from super().broken()
        for place in ("https://evil.example/identity", "http://8.8.8.8/identity", "nowhere"):
            yield Broken(
                variables(IDENTITY_ENDPOINT=place), ("none of this machine", "remove what replaces it")
            )

    def test_no_proxy_is_told(self, world: Identities, command: Command) -> None:
        """The address is one at which nobody answers; a proxy would."""
        nobody = {"IDENTITY_ENDPOINT": "http://169.254.1.2/identity", "HTTP_PROXY": world.service.url}
        environ = {**world.environ, **self.works(world), **nobody, **SHORT}
        code, _, said = self.ask(command, environ, world.index)
        assert (code, world.asked) == (1, [PROBE]), said

    def test_a_user_assigned_identity_is_named(self, world: Identities, command: Command) -> None:
        environ = {**world.environ, **self.works(world)}
        self.ask(command, environ, world.index, "--identity", CLIENT)
        assert world.query(1)["client_id"] == [CLIENT]


class TestOldMachine(MachineContract):
    requests = (PROBE, "GET /old")
    route = "GET /old"
    query: Mapping[str, list[str]] = {"api-version": ["2017-09-01"]}
    header = ("secret", f"{CANARY}-of-old")

    def works(self, world: Identities) -> dict[str, str]:
        return {"MSI_ENDPOINT": f"{world.service.url}/old", "MSI_SECRET": self.header[1]}


class TestCloudShell(MachineContract):
    requests = (PROBE, "POST /shell")
    route = "POST /shell"

    def works(self, world: Identities) -> dict[str, str]:
        return {"MSI_ENDPOINT": f"{world.service.url}/shell"}


class TestVirtualMachine(MachineContract):
    requests = (PROBE, "GET /metadata/identity/oauth2/token")
    route = "GET /metadata/identity/oauth2/token"
    query: Mapping[str, list[str]] = {"api-version": ["2018-02-01"]}

    def works(self, world: Identities) -> dict[str, str]:
        return {"AZURE_POD_IDENTITY_AUTHORITY_HOST": world.service.url}

    def broken(self) -> Iterator[Broken]:
        yield from super().broken()
        yield Broken(
            lambda _: {
                "AZURE_POD_IDENTITY_AUTHORITY_HOST": f"http://127.0.0.1:{unused_port()}",
                "PIP_AUTHENTICATE_TIMEOUT": "5",
            },
            ("did not answer; it was given 20 s", "Is this a machine of Azure"),
        )

    def test_it_is_not_asked_where_nothing_tells_of_one(self, world: Identities, command: Command) -> None:
        code, _, said = self.ask(
            command, world.environ, world.index, credential=",".join(options.PROVIDERS[:-1])
        )
        unnamed = command("env", world.index, **world.environ)
        assert (code, unnamed.returncode) == (1, 1), said
        assert "managed-identity: no variable tells of one" in unnamed.stderr
        assert world.asked == []


class TestAzureArc(MachineContract):
    requests = (PROBE, "GET /identity")
    query: Mapping[str, list[str]] = {"api-version": ["2020-06-01"]}

    def works(self, world: Identities) -> dict[str, str]:
        return {"IDENTITY_ENDPOINT": f"{world.service.url}/identity", "IMDS_ENDPOINT": world.service.url}

    def broken(self) -> Iterator[Broken]:
        yield from super().broken()
        for place in ("", "Basic realm=/etc/passwd", "Basic realm=/var/opt/azcmagent/tokens/../x.key"):
            challenge = Answer(401, headers=[("WWW-Authenticate", place)])
            yield Broken(
                answering("GET /identity", challenge), ("no key file of its own agent", "IDENTITY_ENDPOINT")
            )
        key = ("WWW-Authenticate", "Basic realm=/var/opt/azcmagent/tokens/nowhere.key")
        yield Broken(
            answering("GET /identity", Answer(401, headers=[key])), ("cannot be read", "group himds")
        )


def test_every_provider_keeps_to_the_contract() -> None:
    """But for the explicit token, which goes wherever a person says; the command's own tests are about it."""
    kinds = [one for one in globals().values() if isinstance(one, type) and one.__name__.startswith("Test")]
    kept = {one.name for one in kinds if issubclass(one, ProviderContract)}
    assert {*kept, "explicit-token"} == set(options.PROVIDERS)


@pytest.mark.parametrize("is_asked_for", [True, False])
def test_a_broken_provider_takes_nothing_from_indexes_that_others_opened(
    tmp_path: Path, *, is_asked_for: bool
) -> None:
    for name in ("world", "command"):
        (tmp_path / name).mkdir()
    other = "https://index.example/simple/"
    with identities(tmp_path / "world") as world:
        command = Command(tmp_path / "command")
        command.write("requirements.txt", f"--index-url {other}\n--extra-index-url {world.index}\n")
        world.program("az", "echo 'ERROR: AADSTS700082: expired' >&2; exit 1")
        ended = command(
            "env", "--client", "pip", "--output", "json",
            "--organization", f"{world.service.url}/contoso/",
            *((other, world.index) if is_asked_for else ()),
            **world.environ,
            PIP_AUTHENTICATE_INDEXES=other,
            VSS_NUGET_EXTERNAL_FEED_ENDPOINTS=endpoints({"endpoint": other, "password": "canary"}),
        )  # fmt: skip
        said = [line for line in ended.stderr.splitlines() if "azure-cli: " in line]
        assert len(said) == 1, ended.stderr
        assert "az login" in said[0]
        assert ended.returncode == (1 if is_asked_for else 0), ended.stderr
        given = json.loads(ended.stdout) if ended.stdout else {}
        assert ("canary" in given.get("PIP_INDEX_URL", "")) is not is_asked_for
        assert ("requirements.txt" in said[0]) is not is_asked_for


def test_a_list_of_endpoints_may_name_a_managed_identity(tmp_path: Path) -> None:
    for number, (client, asked) in enumerate({"system": None, CLIENT: [CLIENT]}.items()):
        folder = tmp_path / str(number)
        for name in ("world", "command"):
            (folder / name).mkdir(parents=True)
        with identities(folder / "world") as world:
            listed = endpoints({"endpoint": world.index, "clientId": client})
            ended = Command(folder / "command")(
                "env", "--client", "pip", "--output", "json", world.index,
                **world.environ,
                ARTIFACTS_CREDENTIALPROVIDER_FEED_ENDPOINTS=listed,
                AZURE_POD_IDENTITY_AUTHORITY_HOST=world.service.url,
            )  # fmt: skip
            assert ended.returncode == 0, ended.stderr
            assert credential_of(json.loads(ended.stdout)["PIP_INDEX_URL"])[1] == APPLICATION
            assert world.query(1).get("client_id") == asked
