"""An emulated organisation, as an organisation file (TOML) describes it.

`examples/organization.toml` shows and explains every key.
"""

from functools import cached_property
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field, ValidationInfo

from azure_devops_emulator.description.behaviour import Behaviour
from azure_devops_emulator.description.connections import (
    CONSUMER_TENANT,
    NO_TENANT,
    AnyConnection,
    Application,
    FederatedConnection,
    FederatedCredential,
    Tenant,
)
from azure_devops_emulator.description.files import text_of, toml
from azure_devops_emulator.description.model import (
    Feed,
    Identity,
    IdentityKind,
    Packages,
    PrivateIndex,
    Project,
    VariableGroup,
)
from azure_devops_emulator.description.reading import (
    Guid,
    Name,
    Reading,
    build_service,
    name_of,
    reading,
    stable_id,
)
from azure_devops_emulator.description.shapes import Loc, Many, Shape, read


def _own_tenant(tenant: str, info: ValidationInfo) -> str:
    reading(info).tenant = tenant
    return tenant


class Top(Shape):
    """The organisation itself: its name in addresses, its id (the host id), and its Entra tenant."""

    name: Annotated[
        Name,
        name_of("An organisation", "[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?", "Use letters, digits, -."),
    ]
    id: Guid = Field(default_factory=lambda data: stable_id(data.get("name", ""), "organization"))
    tenant: Annotated[Guid, AfterValidator(_own_tenant)] = Field(
        default_factory=lambda data: stable_id(data.get("name", ""), "tenant"), validate_default=True
    )


class Organization(Shape):
    """An organisation: everything that the service answers from.

    Its shape is that of the file; properties complete it by what is there without being named.
    """

    # In this order: each refers to those before it.
    top: Top = Field(alias="organization")
    behaviour: Behaviour = Behaviour()
    given_tenants: Many[Tenant] = Field((), alias="tenants")
    given_applications: Many[Application] = Field((), alias="applications")
    people: Many[Identity] = Field((), alias="identities")
    projects: Many[Project] = ()
    public: Packages = Packages()
    feeds: Many[Feed] = ()
    private_indexes: Many[PrivateIndex] = ()
    service_connections: Many[AnyConnection] = ()
    variable_groups: Many[VariableGroup] = ()

    @classmethod
    def load(cls, path: Path) -> "Organization":
        """Read an organisation file; folders in it are relative to the file's own.

        Raises:
            InputError: the file cannot be read, or is no TOML.
            Faults: it says something that does not fit; all such things at once.
        """
        return cls.parse(text_of(path, "no-organisation-file"), path.parent, str(path))

    @classmethod
    def parse(cls, text: str, base: Path = Path(), source: str = "the organisation file") -> "Organization":
        """Read the text of an organisation file.

        Args:
            text: TOML.
            base: what folders in it are relative to.
            source: what messages call the file.

        Raises:
            InputError: it is no TOML.
            Faults: it says something that does not fit; all such things at once.
        """
        data = toml(text, source)
        return read(cls, data, Reading(data, base), lambda loc: _where(loc, data, source))

    @property
    def name(self) -> str:
        """Its name in addresses."""
        return self.top.name

    @property
    def id(self) -> str:
        """Lower-case GUID of the organisation (the host id)."""
        return self.top.id

    @property
    def tenant_id(self) -> str:
        """Lower-case GUID of its Entra tenant; all zeros for one of consumer accounts."""
        return self.top.tenant

    @property
    def sign_in_tenant(self) -> str:
        """Where its persons get their tokens."""
        return CONSUMER_TENANT if self.tenant_id == NO_TENANT else self.tenant_id

    @cached_property
    def tenants(self) -> tuple[Tenant, ...]:
        """The tenants that Entra knows, the organisation's own among them."""
        own = Tenant(id=self.sign_in_tenant, name="own")
        listed = own.id in {tenant.id for tenant in self.given_tenants}
        return self.given_tenants if listed else (*self.given_tenants, own)

    @cached_property
    def applications(self) -> tuple[Application, ...]:
        """The applications that Entra knows."""
        return tuple(
            one.model_copy(
                update={"federated_credentials": tuple(map(self._credential, one.federated_credentials))}
            )
            for one in self.given_applications
        )

    def _credential(self, given: FederatedCredential) -> FederatedCredential:
        """With the issuer and the subject of its connection, unless they are given."""
        for connection in self.service_connections:
            if connection.name == given.connection and isinstance(connection, FederatedConnection):
                issuer = given.issuer or connection.issuer_of(self.id)
                subject = given.subject or connection.subject_of(self.name, self.id)
                return given.model_copy(update={"issuer": issuer, "subject": subject})
        return given

    @cached_property
    def identities(self) -> tuple[Identity, ...]:
        """People, the build services, and service principals: only those of the own tenant can be members."""
        builds = [(IdentityKind.PROJECT_BUILD, one.name, one.id, one.id) for one in self.projects]
        builds.append((IdentityKind.COLLECTION_BUILD, "Project Collection", "collection", self.id))
        own = [
            (kind, build_service(name, self.name), stable_id(self.name, "build", part), account)
            for kind, name, part, account in builds
        ]
        own += [
            (IdentityKind.PRINCIPAL, one.name, stable_id(self.name, "identity", one.name), one.client_id)
            for one in self.applications
            if one.member and self.tenant_id in one.tenants
        ]
        others = (
            Identity(name=name, id=guid, account=account).model_copy(update={"kind": kind})
            for kind, name, guid, account in own
        )
        return (*self.people, *others)

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


def _where(loc: Loc, data: object, source: str) -> str:
    """The file, and the nearest name of what the fault is in."""
    name = ""
    for part in loc:
        if isinstance(data, list) and isinstance(part, int):
            data = data[part]
            name = str(data.get("name", name)) if isinstance(data, dict) else name
        else:
            data = data.get(part) if isinstance(data, dict) else None
    return f"{source}, {name!r}" if name else source
