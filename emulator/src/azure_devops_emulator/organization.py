"""An emulated organisation, as an organisation file (TOML) describes it.

`examples/organization.toml` shows and explains every key.
"""

import re
import uuid
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path

from packaging.utils import canonicalize_name

from azure_devops_emulator.description import directory
from azure_devops_emulator.description.behaviour import SIGN_IN, Behaviour
from azure_devops_emulator.description.directory import Application, Tenant
from azure_devops_emulator.description.model import (
    FEDERATION_SCHEME,
    ROLE_NAMES,
    SCOPES,
    Feed,
    Identity,
    IdentityKind,
    Issuer,
    PrivateIndex,
    Project,
    Role,
    ServiceConnection,
    Token,
    Upstream,
    UpstreamKind,
    VariableGroup,
    View,
)
from azure_devops_emulator.description.tables import Table, load_toml, nearest
from azure_devops_emulator.errors import EmulatorError, Faults, InputError
from azure_devops_emulator.secret import Secret
from azure_devops_emulator.services.packages import Distribution, in_folder, made_up

DEFAULT_VIEWS = ("Local", "Prerelease", "Release")
PLACEHOLDER = re.compile(r"\{([a-z]+)(?::([^{}]+))?\}")
"""A placeholder in the URL of a service connection: `{kind}` or `{kind:name}`."""

_OPEN_PARAMETERS = ("username", "tenantid", "serviceprincipalid", "role", "scope", "audience")
_NAMESPACE = uuid.UUID("6f0f5d9e-3f57-5c0b-9d7c-2d1f5a3c8e10")
_FEED_NAME_RULE = (
    "A feed name has at most 64 characters and no white space, begins with neither _ nor ., does not end"
    ' with ., and has none of @ ~ ; { } \\ + = < > | / ? : & $ * " # [ ].'
)
_FEED_NAME = re.compile(r"(?![_.])[^\s@~;{}\\+=<>|/?:&$*\"#\[\]]{1,64}(?<!\.)")


@dataclass(frozen=True)
class Organization:
    """An organisation: everything that the service answers from.

    Args:
        name: its name in addresses.
        id: lower-case GUID of the organisation (the host id).
        tenant_id: lower-case GUID of its Entra tenant; all zeros for one of consumer accounts.
        projects: its projects.
        identities: people with their tokens, the build services, and service principals that are members.
        feeds: its feeds.
        service_connections: its service connections.
        private_indexes: indexes of others, with Basic authentication.
        public: the packages of the stand-in of the public index.
        behaviour: the switches of the service.
        tenants: the tenants that Entra knows, the organisation's own among them.
        applications: the applications that Entra knows.
        variable_groups: its variable groups.
    """

    name: str
    id: str
    tenant_id: str
    projects: tuple[Project, ...] = ()
    identities: tuple[Identity, ...] = ()
    feeds: tuple[Feed, ...] = ()
    service_connections: tuple[ServiceConnection, ...] = ()
    private_indexes: tuple[PrivateIndex, ...] = ()
    public: tuple[Distribution, ...] = ()
    behaviour: Behaviour = field(default_factory=Behaviour)
    tenants: tuple[Tenant, ...] = ()
    applications: tuple[Application, ...] = ()
    variable_groups: tuple[VariableGroup, ...] = ()

    @classmethod
    def load(cls, path: Path) -> "Organization":
        """Read an organisation file; folders in it are relative to the file's own.

        Raises:
            InputError: the file cannot be read, or is no TOML.
            Faults: it says something that does not fit; all such things at once.
        """
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            raise InputError(
                "no-organisation-file", "The organisation file cannot be read", context=str(path)
            ) from None
        return cls.parse(text, base=path.parent)

    @classmethod
    def parse(cls, text: str, base: Path = Path()) -> "Organization":
        """Read the text of an organisation file.

        Args:
            text: TOML.
            base: what folders in it are relative to.

        Raises:
            InputError: it is no TOML.
            Faults: it says something that does not fit; all such things at once.
        """
        faults: list[EmulatorError] = []
        organization = _Reader(Table(load_toml(text), "the organisation file", faults), base).read()
        if faults:
            raise Faults(faults)
        return organization

    def project(self, project: str) -> Project | None:
        """The project of a name or a GUID, in any case; None when there is none."""
        wanted = project.lower()
        return next((p for p in self.projects if wanted in {p.name.lower(), p.id}), None)

    def identity(self, identity: str) -> Identity | None:
        """The identity of a display name or a GUID; None when there is none."""
        return next((i for i in self.identities if identity in {i.name, i.id}), None)

    def build_service(self, project: Project | None) -> Identity:
        """The identity that a job runs as.

        Args:
            project: of a job that is limited to its project; None for one that is not.
        """
        account = project.id if project else self.id
        kinds = {IdentityKind.PROJECT_BUILD, IdentityKind.COLLECTION_BUILD}
        return next(i for i in self.identities if i.account == account and i.kind in kinds)


def stable_id(*names: str) -> str:
    """A GUID that is always the same for the same names."""
    return str(uuid.uuid5(_NAMESPACE, "/".join(names).lower()))


class _Reader:
    """Turns the tables of one organisation file into an Organization; faults go to the tables' list."""

    def __init__(self, root: Table, base: Path) -> None:
        self.root = root
        self.base = base

    def read(self) -> Organization:
        root = self.root
        top = root.table("organization")
        self.name = top.name()
        if self.name and not re.fullmatch(r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?", self.name):
            top.fault(
                "bad-name", f"An organisation cannot be called {self.name!r}", "Use letters, digits, -."
            )
        self.id = self._guid(top, "id", "organization")
        self.tenant = self._guid(top, "tenant", "tenant")
        top.finish()

        behaviour = self._behaviour(root.table("behaviour"))
        project_tables = root.tables("projects", "project")
        self.projects = [self._project(table) for table in project_tables]
        self.identities = [self._identity(table) for table in root.tables("identities", "identity")]
        self.identities += self._build_services()
        tenants = directory.read_tenants(root.tables("tenants", "tenant"), self._guid, self.tenant)
        tables = root.tables("applications", "application")
        self.applications = directory.read_applications(tables, self._guid, tenants, self.tenant)
        self.identities += self._principals()
        self.projects = [
            self._with_readers(project, table)
            for project, table in zip(self.projects, project_tables, strict=True)
        ]
        public_table = root.table("public")
        self.public = self._distributions(public_table, "the stand-in of the public index")
        public_table.finish()

        feed_tables = root.tables("feeds", "feed")
        self.feeds = [self._feed(table) for table in feed_tables]
        self.feeds = [
            self._with_upstreams(feed, table) for feed, table in zip(self.feeds, feed_tables, strict=True)
        ]
        for table in feed_tables:
            table.finish()
        indexes = [self._private_index(table) for table in root.tables("private_indexes", "private index")]
        connections = [
            self._connection(table, indexes)
            for table in root.tables("service_connections", "service connection")
        ]
        applications = [self._with_credentials(*each, connections) for each in self.applications]
        groups = [self._variable_group(table) for table in root.tables("variable_groups", "variable group")]
        root.finish()
        self._unique("variable group", (group.name for group in groups))
        self._unique("project", (project.name for project in self.projects))
        self._unique("identity", (identity.name for identity in self.identities))
        self._unique("feed", (feed.address for feed in self.feeds))
        self._unique("private index", (index.name for index in indexes))
        self._unique("service connection", (connection.name for connection in connections))
        self._unique("tenant", (tenant.id for tenant in tenants))
        self._unique("application", (application.client_id for application in applications))
        return Organization(
            name=self.name,
            id=self.id,
            tenant_id=self.tenant,
            projects=tuple(self.projects),
            identities=tuple(self.identities),
            feeds=tuple(self.feeds),
            service_connections=tuple(connections),
            private_indexes=tuple(indexes),
            public=tuple(self.public),
            behaviour=behaviour,
            tenants=tuple(tenants),
            applications=tuple(applications),
            variable_groups=tuple(groups),
        )

    def _unique(self, kind: str, names: Iterable[str]) -> None:
        for name, count in Counter(name.lower() for name in names).items():
            if count > 1:
                self.root.fault("twice", f"There are {count} of the {kind} {name!r}")

    def _guid(self, table: Table, key: str, *names: str) -> str:
        text = table.text(key, "")
        if not text:
            return stable_id(getattr(self, "name", ""), *names)
        try:
            return str(uuid.UUID(text))
        except ValueError:
            table.fault("no-guid", f"The key {key!r} must be a GUID")
            return stable_id(text)

    def _behaviour(self, table: Table) -> Behaviour:
        given: dict[str, bool | int | str] = {}
        for switch in fields(Behaviour):
            if isinstance(switch.default, bool):
                given[switch.name] = table.flag(switch.name, default=switch.default)
            elif isinstance(switch.default, int):
                given[switch.name] = table.number(switch.name, switch.default)
            elif switch.name == "sign_in":
                given[switch.name] = table.choice(switch.name, SIGN_IN, str(switch.default))
            else:
                given[switch.name] = table.text(switch.name, str(switch.default))
        table.finish()
        return Behaviour(**given)  # type: ignore[arg-type] # every value was read by the switch's own type

    def _project(self, table: Table) -> Project:
        name = table.name()
        if name and (re.search(r"[\\/:*?\"<>|;#${},+=\[\]]", name) or name.startswith(("_", "."))):
            table.fault("bad-name", f"A project cannot be called {name!r}")
        return Project(self._guid(table, "id", "project", name), name, table.flag("public"))

    def _with_readers(self, project: Project, table: Table) -> Project:
        readers = frozenset(self._identity_id(table, name) for name in table.texts("readers"))
        table.finish()
        return replace(project, readers=readers)

    def _identity(self, table: Table) -> Identity:
        name = table.name()
        account = table.text("account", f"{re.sub(r'[^a-z0-9]+', '.', name.lower())}@example.test")
        tokens = [self._token(entry) for entry in table.tables("tokens", f"{name}'s token")]
        identity = Identity(
            self._guid(table, "id", "identity", name), name, account, IdentityKind.USER, tuple(tokens)
        )
        table.finish()
        return identity

    def _token(self, table: Table) -> Token:
        scopes = table.texts("scopes")
        for scope in scopes:
            if scope not in SCOPES and not re.fullmatch(r"vso\.[a-z_]+", scope):
                table.fault("unknown-word", f"There is no scope {scope!r}", nearest(scope, SCOPES))
        token = Token(
            table.text("label", "token"), Secret(table.text("value")), tuple(scopes), table.moment("expires")
        )
        table.finish()
        return token

    def _build_services(self) -> list[Identity]:
        services = [
            Identity(
                stable_id(self.name, "build", project.id),
                f"{project.name} Build Service ({self.name})",
                project.id,
                IdentityKind.PROJECT_BUILD,
            )
            for project in self.projects
        ]
        name = f"Project Collection Build Service ({self.name})"
        collection = Identity(
            stable_id(self.name, "build", "collection"), name, self.id, IdentityKind.COLLECTION_BUILD
        )
        return [*services, collection]

    def _principals(self) -> list[Identity]:
        """The service principals that are members: only those of the organisation's own tenant can be."""
        return [
            Identity(
                stable_id(self.name, "identity", application.name),
                application.name,
                application.client_id,
                IdentityKind.PRINCIPAL,
            )
            for application, _ in self.applications
            if application.member and self.tenant in application.tenants
        ]

    def _with_credentials(
        self, application: Application, table: Table, connections: list[ServiceConnection]
    ) -> Application:
        def identify(connection: ServiceConnection) -> tuple[str, str]:
            tenant = directory.tenant_of(connection)
            issuer = directory.issuer_of(connection, self.id, tenant)
            return issuer, directory.subject_of(connection, self.name, self.id, connection.project, tenant)

        credentials = directory.read_credentials(table, connections, identify)
        table.finish()
        return replace(application, credentials=credentials)

    def _identity_id(self, table: Table, name: str) -> str:
        for identity in self.identities:
            if identity.name == name:
                return identity.id
        table.fault(
            "unknown-name", f"There is no identity {name!r}", nearest(name, (i.name for i in self.identities))
        )
        return ""

    def _distributions(self, table: Table, origin: str) -> list[Distribution]:
        found = []
        for specification in table.texts("packages"):
            try:
                found.append(made_up(specification, origin))
            except InputError as error:
                table.faults.append(error)
        for folder in table.texts("folders"):
            found += self._folder(table, folder)
        return found

    def _folder(self, table: Table, folder: str) -> list[Distribution]:
        try:
            return in_folder(self.base / folder)
        except InputError as error:
            table.faults.append(error)
            return []

    def _feed(self, table: Table) -> Feed:
        name = table.name()
        if name and not _FEED_NAME.fullmatch(name):
            table.fault("bad-name", f"A feed cannot be called {name!r}", _FEED_NAME_RULE)
        project = None
        wanted = table.text("project", "")
        if wanted:
            project = next((p for p in self.projects if p.name.lower() == wanted.lower()), None)
            if not project:
                known = (p.name for p in self.projects)
                table.fault("unknown-name", f"There is no project {wanted!r}", nearest(wanted, known))
        public = table.flag("public")
        if public and not (project and project.public):
            table.fault("not-public", "Only a feed of a public project can be public")
        address = f"{wanted}/{name}" if wanted else name
        distributions = self._distributions(table, f"the feed {address}")
        return Feed(
            id=self._guid(table, "id", "feed", address),
            name=name,
            project=project,
            public=public,
            roles=self._roles(table, project),
            views=self._views(table, address, distributions),
            distributions=tuple(distributions),
            upstreams=(),
            external_versions=frozenset(canonicalize_name(p) for p in table.texts("external_versions")),
        )

    def _roles(self, table: Table, project: Project | None) -> Mapping[str, Role]:
        """The roles as given; without any, the build services' roles in a new feed."""
        given = table.mapping("roles")
        if "roles" not in table:
            accounts = {self.id, project.id if project else ""}
            return {i.id: Role.COLLABORATOR for i in self.identities if i.account in accounts}
        roles = {}
        for name, role in given.items():
            if role not in ROLE_NAMES:
                table.fault("unknown-word", f"There is no role {role!r}", nearest(role, ROLE_NAMES))
            roles[self._identity_id(table, name)] = ROLE_NAMES.get(role, Role.NONE)
        return roles

    def _views(self, table: Table, address: str, published: list[Distribution]) -> tuple[View, ...]:
        views = {
            name.lower(): View(
                stable_id(self.name, address, name), name, frozenset() if name != "Local" else None
            )
            for name in DEFAULT_VIEWS
        }
        for entry in table.tables("views", "view"):
            name = entry.name()
            promoted: set[tuple[str, str]] = set()
            for specification in entry.texts("packages"):
                wanted = specification.partition("==")
                fitting = {
                    (d.key, d.trimmed_version)
                    for d in published
                    if d.key == canonicalize_name(wanted[0]) and str(d.version) == wanted[2]
                }
                if not fitting:
                    entry.fault("unknown-name", f"The feed has no {specification!r} to promote")
                promoted |= fitting
            known = views.get(name.lower())
            views[name.lower()] = View(
                self._guid(entry, "id", address, name),
                known.name if known else name,
                None if name.lower() == "local" else frozenset(promoted),
                entry.flag("open_to_organization"),
            )
            entry.finish()
        return tuple(views.values())

    def _with_upstreams(self, feed: Feed, table: Table) -> Feed:
        upstreams = [
            self._upstream(entry, feed, number)
            for number, entry in enumerate(table.tables("upstreams", f"{feed.address}'s upstream"))
        ]
        return replace(feed, upstreams=tuple(upstreams))

    def _upstream(self, table: Table, feed: Feed, number: int) -> Upstream:
        identifier = stable_id(self.name, feed.address, "upstream", str(number))
        kinds = [key for key in ("feed", "folder", "public", "packages") if key in table]
        if len(kinds) != 1:
            table.fault("one-of", "An upstream has exactly one of feed, folder, packages and public")
        if "feed" in table:
            address = table.text("feed")
            view_name = table.text("view", "Local")
            target = next((f for f in self.feeds if f.address.lower() == address.lower()), None)
            if not target or target.id == feed.id:
                others = (f.address for f in self.feeds if f.id != feed.id)
                table.fault("unknown-name", f"There is no other feed {address!r}", nearest(address, others))
            elif view_name.lower() not in {view.name.lower() for view in target.views}:
                known = (view.name for view in target.views)
                table.fault(
                    "unknown-name", f"{address!r} has no view {view_name!r}", nearest(view_name, known)
                )
            upstream = Upstream(
                identifier,
                table.text("name", f"{address}@{view_name}"),
                UpstreamKind.FEED,
                target.id if target else "",
                view_name,
            )
        elif "public" in table:
            which = table.choice("public", ("stand-in", "machine"))
            upstream = Upstream(
                identifier,
                table.text("name", "the public index"),
                UpstreamKind.PUBLIC,
                distributions=tuple(self.public),
                outside=which == "machine",
            )
        else:
            folder = table.text("folder", "")
            name = table.text("name", folder or "upstream")
            found = self._folder(table, folder) if folder else []
            for specification in table.texts("packages"):
                try:
                    found.append(made_up(specification, f"the upstream {name}"))
                except InputError as error:
                    table.faults.append(error)
            upstream = Upstream(identifier, name, UpstreamKind.FOLDER, distributions=tuple(found))
        table.finish()
        return upstream

    def _private_index(self, table: Table) -> PrivateIndex:
        name = table.name()
        if name and not re.fullmatch(r"[A-Za-z0-9._-]+", name):
            table.fault(
                "bad-name", f"A private index cannot be called {name!r}", "Use letters, digits, . _ -."
            )
        user = table.text("user", "")
        if ":" in user:
            table.fault("bad-name", "A user name of Basic authentication has no colon")
        index = PrivateIndex(
            name,
            user,
            Secret(table.text("password")),
            tuple(self._distributions(table, f"the private index {name}")),
        )
        table.finish()
        return index

    def _connection(self, table: Table, indexes: list[PrivateIndex]) -> ServiceConnection:
        name = table.name()
        scheme = table.text("scheme")
        federated = scheme == FEDERATION_SCHEME
        url = table.text("url", "{collection}" if federated else None)
        known = {f"private:{index.name}" for index in indexes} | {f"feed:{f.address}" for f in self.feeds}
        known |= {"collection", "pkgs", "public"}
        for match in PLACEHOLDER.finditer(url):
            if match[0][1:-1] not in known:
                table.fault(
                    "unknown-name", f"There is no placeholder {match[0]!r}", nearest(match[0][1:-1], known)
                )
        parameters = table.mapping("parameters")
        if federated:
            parameters = self._federated_parameters(table) | parameters
        connection = ServiceConnection(
            id=self._guid(table, "id", "service connection", name),
            name=name,
            type=table.text("type", "workloadidentityuser" if federated else "externalPythonDownloadFeed"),
            url=url,
            scheme=scheme,
            parameters={
                key: value if key.lower() in _OPEN_PARAMETERS else Secret(value)
                for key, value in parameters.items()
            },
            data=table.mapping("data"),
            project=self._project_name(table) if federated else "",
            issuer=self._issuer(table) if federated else Issuer.ENTRA,
        )
        table.finish()
        return connection

    def _federated_parameters(self, table: Table) -> dict[str, str]:
        """The authorisation of a federated connection: application and tenant, which are no secrets."""
        wanted = table.text("application", "" if "parameters" in table else None)
        known = {application.name: application for application, _ in self.applications}
        if not wanted:
            return {}
        if wanted not in known:
            table.fault("unknown-name", f"There is no application {wanted!r}", nearest(wanted, known))
            return {}
        found = known[wanted]
        return {"ServicePrincipalId": found.client_id, "TenantId": found.tenants[0]}

    def _variable_group(self, table: Table) -> VariableGroup:
        """A group; a value is a text, or a table of `value` and `secret`."""
        values = table.table("variables")
        variables: dict[str, str | Secret] = {}
        for name in values.keys():  # noqa: SIM118 - a Table is no mapping
            if values.has_table(name):
                entry = values.table(name)
                text = entry.text("value")
                variables[name] = Secret(text) if entry.flag("secret") else text
                entry.finish()
            else:
                variables[name] = values.text(name)
        group = VariableGroup(table.name(), variables)
        table.finish()
        return group

    def _project_name(self, table: Table) -> str:
        wanted = table.text("project")
        known = {project.name.lower(): project.name for project in self.projects}
        if wanted and wanted.lower() not in known:
            table.fault("unknown-name", f"There is no project {wanted!r}", nearest(wanted, known.values()))
        return known.get(wanted.lower(), wanted)

    def _issuer(self, table: Table) -> Issuer:
        chosen = table.choice("issuer", (issuer.value for issuer in Issuer), Issuer.ENTRA.value)
        return next((issuer for issuer in Issuer if issuer.value == chosen), Issuer.ENTRA)
