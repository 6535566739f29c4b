"""The emulated organisation's service: real HTTP on loopback, in a thread of its own."""

import contextlib
import re
import ssl
from collections.abc import Awaitable, Callable, Iterable
from datetime import timedelta
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Literal
from urllib.parse import quote

from aiohttp import web
from pydantic import SecretStr

from azure_devops_emulator.description.connections import PLACEHOLDER, Application
from azure_devops_emulator.description.model import Project
from azure_devops_emulator.errors import InputError
from azure_devops_emulator.installed_tasks import InstalledTasks
from azure_devops_emulator.organization import Organization
from azure_devops_emulator.services.assertions import JobPlace
from azure_devops_emulator.services.background import BackgroundLoop
from azure_devops_emulator.services.blobs import LIFETIME, BlobStore
from azure_devops_emulator.services.certificates import OwnCertificate
from azure_devops_emulator.services.ci_identities import PREFIX as CI_PREFIX
from azure_devops_emulator.services.ci_identities import CiIdentities, CiJob
from azure_devops_emulator.services.control import CONTROL_PATH, control
from azure_devops_emulator.services.directory import Directory, Person
from azure_devops_emulator.services.entra import PREFIX, Entra
from azure_devops_emulator.services.faults import Fault, FaultQueue, Proceed, commit
from azure_devops_emulator.services.identities import ENTRA_SCOPE, Caller
from azure_devops_emulator.services.indexes import PlainIndex
from azure_devops_emulator.services.managed_identities import MachineKind, ManagedIdentities
from azure_devops_emulator.services.request_log import Record
from azure_devops_emulator.services.routes import within
from azure_devops_emulator.services.sign_in import SignIn
from azure_devops_emulator.services.site import Keys, Site
from azure_devops_emulator.services.tokens import Signer

JOB_TOKEN_LIFETIME = timedelta(hours=2)
ENTRA_TOKEN_LIFETIME = timedelta(hours=1)
LOOPBACK = ("127.0.0.1", "::1")
BLOB_HOST = "localhost"
"""The blob store has a host of its own, as the real one has, for clients that keep credentials by host."""
_LARGEST_UPLOAD = 500 * 1024 * 1024
_SHUTDOWN_SECONDS = 0.2


class Service:
    """An organisation's service with Microsoft Entra beside it, from `start` (or `with`) to `stop`.

    Every address it tells is made from the Host header that was asked, as the real service's are.

    Args:
        organization: what it answers from.
        on_premises: be an Azure DevOps Server instead of the hosted service.
        host: loopback address to bind to.
        port: of everything but the blob store; 0 for a free one.
        blob_port: of the blob store; 0 for a free one.
        https: serve https under a certificate made for this run.
        tls: serve https with this context; its certificate has to be one for `localhost`, too.
        public_upstream: address of the index that upstreams call this machine's; "" to ask pip.
        blob_lifetime: how long the addresses that downloads are sent to are valid.
        others: further organisations, each with addresses, identities and perhaps a tenant of its own.

    Attributes:
        ca_pem: the authority to be trusted by clients of a service that has its own certificate, or nothing.

    Raises:
        InputError: the host is no loopback address, or two organisations have one name.
    """

    def __init__(  # noqa: PLR0913 - options with defaults, given by name
        self,
        organization: Organization,
        *,
        on_premises: bool = False,
        host: str = "127.0.0.1",
        port: int = 0,
        blob_port: int = 0,
        https: bool = False,
        tls: ssl.SSLContext | None = None,
        public_upstream: str = "",
        blob_lifetime: timedelta = LIFETIME,
        others: Iterable[Organization] = (),
    ) -> None:
        if host not in LOOPBACK:
            raise InputError(
                "no-loopback",
                "The emulator serves this machine only",
                context=host,
                hint="Use 127.0.0.1 or ::1.",
            )
        self.organization = organization
        self.on_premises = on_premises
        self.host = host
        self.port = port
        self.blob_port = blob_port
        self.log: list[Record] = []
        self.faults = FaultQueue()
        certificate = OwnCertificate() if https and tls is None else None
        self.ca_pem = certificate.authority if certificate else b""
        self._tls = certificate.context if certificate else tls
        self._blobs = BlobStore(lambda: self._origin(self.blob_port, BLOB_HOST), blob_lifetime)
        organizations = [organization, *others]
        if len({entry.name.lower() for entry in organizations}) < len(organizations):
            raise InputError("twice", "Two organisations of one service have the same name")
        keys = Keys(Signer(), Signer())
        self._sites = [
            Site(entry, self._blobs, keys, on_premises=on_premises, public_upstream=public_upstream)
            for entry in organizations
        ]
        self._site = self._sites[0]
        self._directory = Directory(organizations, keys.entra)
        self._entra = Entra(self._directory, keys.assertions, organization.behaviour)
        self._ci = CiIdentities(keys.assertions)
        self._machine = ManagedIdentities(organization, self._directory)
        self._indexes = {
            f"/private/{index.name}/": PlainIndex(index.name, index.distributions, index.password, index.user)
            for entry in organizations
            for index in entry.private_indexes
        }
        self._indexes["/public/"] = PlainIndex("public", organization.public.distributions)
        self._background = BackgroundLoop("emulator service")
        self._runners: list[web.AppRunner] = []

    def __enter__(self) -> "Service":  # noqa: PYI034 - Self needs Python 3.11
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Bind the ports and serve.

        Raises:
            OSError: a port is taken.
        """
        self._background.start()
        try:
            self.port = self._background.run(self._serve(self._answer, self.port))
            self.blob_port = self._background.run(self._serve(self._answer_blob, self.blob_port, *LOOPBACK))
        except OSError:
            self.stop()
            raise

    def stop(self) -> None:
        """Close all connections and the ports."""
        runners, self._runners = self._runners, []
        for runner in runners:
            self._background.run(runner.cleanup())
        self._background.stop()

    @property
    def server_type(self) -> Literal["Hosted", "OnPremises"]:
        """What pipelines see as System.ServerType."""
        return "OnPremises" if self.on_premises else "Hosted"

    @property
    def origin(self) -> str:
        """Scheme, host and port of everything but the blob store."""
        return self._origin(self.port)

    @property
    def collection_uri(self) -> str:
        """What pipelines see as System.TeamFoundationCollectionUri; ends with a slash."""
        return self.address("dev")

    @property
    def tfx_service_url(self) -> str:
        """What tfx takes as --service-url: an address with one path segment, or a collection below /tfs."""
        return (self.origin + self._site.fronts[-1].prefixes["dev"]).rstrip("/")

    @property
    def public_index_url(self) -> str:
        """The stand-in of the public index."""
        return f"{self.origin}/public/simple/"

    @property
    def authority(self) -> str:
        """The address of Microsoft Entra, as AZURE_AUTHORITY_HOST names it."""
        return f"{self.origin}{PREFIX.rstrip('/')}"

    def address(self, host: str, organization: str = "") -> str:
        """The address of one of an organisation's hosts (dev, pkgs, feeds, vssps); ends with a slash.

        Args:
            host: kind of the host.
            organization: name of another organisation than the first.
        """
        names = [site.organization.name for site in self._sites]
        site = self._sites[names.index(organization)] if organization else self._site
        return self.origin + site.fronts[0].prefixes[host]

    def addresses(self) -> dict[str, str]:
        """All addresses, by what they are, to be shown to people."""
        found = {"collection": self.collection_uri}
        if not self.on_premises:
            found |= {
                "packages": self.address("pkgs"),
                "feeds": self.address("feeds"),
                "identities": self.address("vssps"),
                "collection, old form": self.origin + self._site.fronts[-1].prefixes["dev"],
                "Microsoft Entra": self.authority,
            }
        found["tfx --service-url"] = self.tfx_service_url
        for feed in self.organization.feeds:
            index = self.resolve(f"{{feed:{feed.address}}}")
            found[f"feed {feed.address}"] = index
            found[f"upload to {feed.address}"] = f"{index.removesuffix('simple/')}upload/"
        for private in self.organization.private_indexes:
            found[f"private index {private.name}"] = self.resolve(f"{{private:{private.name}}}")
        found["public index (stand-in)"] = self.public_index_url
        found["blob store"] = self._origin(self.blob_port, BLOB_HOST)
        found["faults (POST, DELETE)"] = f"{self.origin}{CONTROL_PATH}"
        return found

    @property
    def tasks(self) -> InstalledTasks:
        """The tasks that were uploaded, and the built-in ones."""
        return self._site.tasks

    def project(self, project: str) -> Project:
        """The project of a name or a GUID.

        Raises:
            InputError: there is none.
        """
        found = self.organization.project(project)
        if found is None:
            names = ", ".join(entry.name for entry in self.organization.projects)
            raise InputError(
                "unknown-project", f"There is no project {project!r}", hint=f"Projects: {names}."
            )
        return found

    def mint_job_token(
        self, project: str, *, collection_scoped: bool = False, lifetime: timedelta = JOB_TOKEN_LIFETIME
    ) -> SecretStr:
        """The token of a job, as System.AccessToken is.

        Args:
            project: whose pipeline it is.
            collection_scoped: whether the job is not limited to its project.
            lifetime: how long the token is valid; below zero for one that has expired.

        Raises:
            InputError: there is no such project.
        """
        of = self.project(project)
        identity = self.organization.build_service(None if collection_scoped else of)
        return self._site.tokens.mint(identity, lifetime)

    def mint_person_token(
        self,
        person: str,
        *,
        tenant: str = "",
        scope: str = ENTRA_SCOPE,
        lifetime: timedelta = ENTRA_TOKEN_LIFETIME,
    ) -> SecretStr:
        """A person's access token of Entra for Azure DevOps, as a sign-in gives it.

        Args:
            person: account or display name.
            tenant: GUID of one that knows the person; default: the person's own.
            scope: permissions, separated by blanks.
            lifetime: how long the token is valid; below zero for one that has expired.

        Raises:
            InputError: there is no such person, or not in that tenant.
        """
        of = self._person(person)
        if tenant and tenant not in of.tenants:
            raise InputError("unknown-name", f"There is no person {person!r} in the tenant {tenant}")
        within = self._directory.tenant(tenant or of.tenants[0])
        return self._directory.person_token(within, of, int(lifetime.total_seconds()), scope=scope)

    def mint_application_token(
        self, application: str, *, lifetime: timedelta = ENTRA_TOKEN_LIFETIME
    ) -> SecretStr:
        """An application's access token of Entra for Azure DevOps, in the application's first tenant.

        Args:
            application: name.
            lifetime: how long the token is valid; below zero for one that has expired.

        Raises:
            InputError: there is no such application.
        """
        of = self.application(application)
        tenant = self._directory.tenant(of.tenants[0])
        return self._directory.application_token(tenant, of, int(lifetime.total_seconds()))

    @property
    def sign_in(self) -> SignIn:
        """What persons do when a program asks them to sign in: a test does it in their place."""
        return self._entra.sign_in

    def ci_variables(
        self, job: CiJob, *, application: str = "", name: str = "AZURE_ID_TOKEN"
    ) -> dict[str, str]:
        """Let a job of another CI begin; gives what it finds in its environment.

        A job of CircleCI or Buildkite also needs a program (`Programs.ci`), one of Kubernetes the file that
        AZURE_FEDERATED_TOKEN_FILE is to name (`ci_token`).

        Args:
            job: what it is.
            application: name of the one that it is to be, told in AZURE_CLIENT_ID and AZURE_TENANT_ID.
            name: of the variable in which GitLab gives the token.

        Raises:
            InputError: there is no such application or kind of job.
        """
        found = self._ci.variables(job.complete(), self.origin, name)
        if job.kind == "kubernetes":
            found["AZURE_AUTHORITY_HOST"] = self.authority
        if application:
            of = self.application(application)
            found |= {"AZURE_CLIENT_ID": of.client_id, "AZURE_TENANT_ID": of.tenants[0]}
        return found

    def ci_token(self, job: CiJob) -> SecretStr:
        """A token of a job's identity, as Kubernetes puts it into a file, and another one there later.

        Raises:
            InputError: there is no such kind of job.
        """
        return self._ci.token(job.complete())

    def begin_ci_job(self, job: CiJob) -> tuple[str, SecretStr]:
        """Where a job of another CI asks for tokens, and the token with which it does.

        Raises:
            InputError: there is no such kind of job.
        """
        job = job.complete()
        return f"{self.origin}{self._ci.path(job)}", self._ci.begin(job)

    def remembered_sign_in(self, person: str) -> tuple[Person, SecretStr]:
        """A person, and the refresh token that the Azure CLI has of an earlier sign-in.

        Raises:
            InputError: there is no such person.
        """
        of = self._person(person)
        return of, self.sign_in.remembered(of)

    def machine_variables(self, kind: MachineKind, folder: Path | None = None) -> dict[str, str]:
        """What a program finds in its environment on a machine with managed identities.

        Args:
            kind: of the machine.
            folder: where a machine of Arc puts its challenges.

        Raises:
            InputError: there is no such kind, or it needs a folder.
        """
        return self._machine.variables(kind, self.origin, folder)

    def _person(self, who: str) -> Person:
        found = self._directory.person(who)
        if found is None:
            raise InputError("unknown-name", f"There is no person {who!r}")
        return found

    def application(self, name: str) -> Application:
        """The application of a name.

        Raises:
            InputError: there is none.
        """
        found = next((each for each in self.organization.applications if each.name == name), None)
        if found is None:
            raise InputError("unknown-name", f"There is no application {name!r}")
        return found

    def begin_job(self, project: str) -> JobPlace:
        """Let a job begin, so that it may have assertions issued.

        Args:
            project: whose pipeline it is.

        Raises:
            InputError: there is no such project.
        """
        return self._site.assertions.begin(self.project(project))

    def resolve(self, url: str) -> str:
        """Fill the placeholders in the URL of a service connection.

        Known are `{private:NAME}` (index URL of a private index), `{feed:NAME}` and `{feed:PROJECT/NAME}`
        (index URL of a feed), `{pkgs}`, `{collection}` and `{public}`.

        Raises:
            InputError: a placeholder is unknown.
        """
        return PLACEHOLDER.sub(self._placeholder, url)

    def _placeholder(self, match: re.Match[str]) -> str:
        kind, name = match[1], match[2] or ""
        if kind == "private" and f"/private/{name}/" in self._indexes:
            return f"{self.origin}/private/{quote(name)}/simple/"
        for feed in self.organization.feeds:
            if kind == "feed" and feed.address.lower() == name.lower():
                project = f"{quote(feed.project.name, safe='')}/" if feed.project else ""
                return f"{self.address('pkgs')}{project}_packaging/{quote(feed.name, safe='')}/pypi/simple/"
        plain = {
            "pkgs": self.address("pkgs"),
            "collection": self.collection_uri,
            "public": self.public_index_url,
        }
        if name or kind not in plain:
            raise InputError("unknown-placeholder", f"There is no placeholder {match[0]!r}")
        return plain[kind]

    def _origin(self, port: int, host: str = "") -> str:
        host = host or (f"[{self.host}]" if ":" in self.host else self.host)
        return f"{'https' if self._tls else 'http'}://{host}:{port}"

    async def _serve(
        self, handler: Callable[[web.Request], Awaitable[web.StreamResponse]], port: int, *more: str
    ) -> int:
        """Serve on a port; gives the port.

        Args:
            handler: answers requests.
            port: 0 for a free one.
            more: addresses to bind to as well, if this machine has them and the port is free there: those
                that a name may lead to, so that no client waits for the one that does not answer.
        """
        app = web.Application(client_max_size=_LARGEST_UPLOAD)
        app.router.add_route("*", "/{path:.*}", handler)
        runner = web.AppRunner(
            app, access_log=None, handler_cancellation=True, shutdown_timeout=_SHUTDOWN_SECONDS
        )
        await runner.setup()
        self._runners.append(runner)
        await web.TCPSite(runner, self.host, port, ssl_context=self._tls).start()
        port = int(runner.addresses[0][1])
        for address in more:
            if address != self.host:
                with contextlib.suppress(OSError):
                    await web.TCPSite(runner, address, port, ssl_context=self._tls).start()
        return port

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        """Answer a request to the main port, and log it."""
        record = Record(request.method, "", request.raw_path.partition("?")[0])
        self.log.append(record)
        if record.path.startswith("/_emulator/"):
            record.host = "emulator"
            response: web.StreamResponse = await control(request, self.faults)
            record.status = response.status
            return response
        fault = self.faults.take(request.method, record.path)
        expired = fault is not None and fault.kind == "expired-token"
        usual = self._recognise(request, record, expired=expired)
        return await self._finish(request, record, None if expired else fault, usual)

    async def _answer_blob(self, request: web.Request) -> web.StreamResponse:
        """Answer a request to the blob store, and log it."""
        record = Record(request.method, "blob", f"/blob{request.raw_path.partition('?')[0]}")
        if "Authorization" in request.headers or "Cookie" in request.headers:
            record.credential = "a credential that the blob store does not want"
        self.log.append(record)
        fault = self.faults.take(request.method, record.path)
        return await self._finish(request, record, fault, partial(self._blobs.answer, request))

    async def _finish(
        self, request: web.Request, record: Record, fault: Fault | None, usual: Proceed
    ) -> web.StreamResponse:
        """The usual answer, or that of a fault."""
        if fault is None:
            response = await usual()
        else:
            sign_in = f"{request.scheme}://{request.host}{self._site.fronts[0].prefixes['vssps']}"
            response = await commit(fault, request, sign_in, usual)
        record.status = response.status
        return response

    def _recognise(self, request: web.Request, record: Record, *, expired: bool) -> Proceed:
        """Tell whom a request is for and who asks, note it in the record, and give the way to answer.

        Args:
            request: the request.
            record: its record, to be filled.
            expired: treat the presented token as expired.
        """
        header = request.headers.get("Authorization")
        for site in self._sites:
            front = site.front(record.path)
            if front:
                record.host = min(front.hosts(record.path))
                caller = site.tokens.authenticate(header)
                if expired and isinstance(caller, Caller) and caller.identity:
                    caller = site.tokens.expired(caller)
                record.credential = caller.label
                record.identity = caller.name
                return partial(site.call, request, front, caller)
        if within(record.path, PREFIX) and not self.on_premises:
            record.host = "login"
            return partial(self._entra.answer, request, record)
        if within(record.path, CI_PREFIX):
            record.host = "ci"
            return partial(self._ci.answer, request, record)
        if self._machine.knows(record.path) and not self.on_premises:
            record.host = "machine"
            return partial(self._machine.answer, request, record)
        for prefix, index in self._indexes.items():
            if within(record.path, prefix):
                record.host = prefix.split("/")[1]
                if header:
                    known = record.host == "private" and index.admits(header)
                    record.credential = "its credential" if known else "another credential"
                return partial(index.answer, request, record.path[len(prefix) :])
        return _nothing


async def _nothing() -> web.Response:
    """The answer outside every address that the service has."""
    return web.Response(status=404, text="Not Found")
