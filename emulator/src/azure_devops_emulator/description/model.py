"""What an emulated organisation is made of, as its file says it; names stand for what they name."""

import base64
import re
import uuid
from collections.abc import Iterable, Mapping
from datetime import date, datetime, timezone
from enum import Enum, IntEnum
from functools import cached_property
from itertools import chain
from typing import Annotated, ClassVar, Literal

from packaging.utils import canonicalize_name, canonicalize_version
from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PlainValidator,
    SecretStr,
    TypeAdapter,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from azure_devops_emulator.description.directory import AZURE_DEVOPS, ENTRA_ISSUER, OWN_ISSUER, Application
from azure_devops_emulator.description.reading import (
    DEFAULT_VIEWS,
    FEDERATION_SCHEME,
    Guid,
    Name,
    Named,
    feed_address,
    found,
    known,
    name_of,
    stable_id,
)
from azure_devops_emulator.description.shapes import Many, Shape, borrowed, fault, nearest, wrong_kind
from azure_devops_emulator.errors import InputError
from azure_devops_emulator.services.packages import Distribution, in_folder, made_up, specified

PLACEHOLDER = re.compile(r"\{([a-z]+)(?::([^{}]+))?\}")
"""A placeholder in the URL of a service connection: `{kind}` or `{kind:name}`."""
_OPEN_PARAMETERS = ("username", "tenantid", "serviceprincipalid", "role", "scope", "audience")
_FEED_NAME = r"(?![_.])[^\s@~;{}\\+=<>|/?:&$*\"#\[\]]{1,64}(?<!\.)"
_FEED_NAME_RULE = (
    "A feed name has at most 64 characters and no white space, begins with neither _ nor ., does not end"
    ' with ., and has none of @ ~ ; { } \\ + = < > | / ? : & $ * " # [ ].'
)


class Role(IntEnum):
    """What an identity may do in a feed; a greater role includes the lesser ones.

    The documented names are Reader, Feed and Upstream Reader (Collaborator), Feed Publisher
    (Contributor) and Feed Owner (Administrator); the REST API says the members' names in lower case.
    """

    NONE = 0
    READER = 1
    COLLABORATOR = 2
    CONTRIBUTOR = 3
    ADMINISTRATOR = 4


ROLE_NAMES: Mapping[str, Role] = {
    "Reader": Role.READER,
    "Feed and Upstream Reader": Role.COLLABORATOR,
    "Feed Publisher": Role.CONTRIBUTOR,
    "Feed Owner": Role.ADMINISTRATOR,
}
"""How an organisation file names the roles."""

SCOPES: Mapping[str, Role] = {
    "vso.packaging": Role.READER,
    "vso.packaging_write": Role.CONTRIBUTOR,
    "vso.packaging_manage": Role.ADMINISTRATOR,
    "app_token": Role.ADMINISTRATOR,
}
"""The greatest role that a token's scope lets its identity use (`app_token` is full access)."""


def _role(name: object) -> Role:
    if not isinstance(name, str) or name not in ROLE_NAMES:
        raise fault("unknown-word", f"There is no role {name!r}", nearest(str(name), ROLE_NAMES))
    return ROLE_NAMES[name]


def _scope(name: str) -> str:
    if name not in SCOPES and not re.fullmatch(r"vso\.[a-z_]+", name):
        raise fault("unknown-word", f"There is no scope {name!r}", nearest(name, SCOPES))
    return name


def _moment(value: object) -> datetime:
    """A date or a date-time, in UTC unless it says otherwise."""
    if isinstance(value, datetime):
        return value if value.tzinfo else value.replace(tzinfo=timezone.utc)
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day, tzinfo=timezone.utc)
    raise wrong_kind("a date or a date-time")


def _specification(text: str) -> str:
    try:
        specified(text)
    except InputError as error:
        raise borrowed(error) from None
    return text


def _folder(value: object, info: ValidationInfo) -> list[Distribution]:
    if not isinstance(value, str):
        raise wrong_kind("a text")
    try:
        return in_folder(info.context.base / value)
    except InputError as error:
        raise borrowed(error) from None


def _one_folder(value: object, info: ValidationInfo) -> tuple[list[Distribution], ...]:
    return (_folder(value, info),)


Specification = Annotated[str, AfterValidator(_specification)]
"""A package that is made up on the spot: `name==version`."""
Folder = Annotated[list[Distribution], PlainValidator(_folder)]
"""What lies in a folder."""


class Token(Shape):
    """A personal access token.

    Args:
        label: a short name without secret, for the request log.
        value: the token.
        scopes: names of SCOPES, or others that give no access to packages.
        expires: from when it is rejected; None for never.
    """

    label: str = "token"
    value: SecretStr
    scopes: Many[Annotated[str, AfterValidator(_scope)]] = ()
    expires: Annotated[datetime | None, BeforeValidator(_moment)] = None


class IdentityKind(Enum):
    """Who an identity is: decides how the service describes it."""

    USER = "user"
    PROJECT_BUILD = "the build service of a project"
    COLLECTION_BUILD = "the build service of the collection"
    PRINCIPAL = "a service principal"


class Identity(Named):
    """A person; a build service, or a service principal of the organisation's tenant, is of a kind of its own.

    Args:
        id: lower-case GUID.
        name: display name.
        account: the account name (a mail address for people, a GUID for services, the application's id for
            service principals).
        tokens: the personal access tokens it made.
    """

    called = "identity"
    kind: ClassVar[IdentityKind] = IdentityKind.USER
    id: Guid
    account: str = Field(
        default_factory=lambda data: f"{re.sub('[^a-z0-9]+', '.', data['name'].lower())}@example.test"
    )
    tokens: Many[Token] = ()

    @property
    def descriptor(self) -> str:
        """The identity descriptor that the REST API shows."""
        if self.kind is IdentityKind.USER:
            return f"Microsoft.IdentityModel.Claims.ClaimsIdentity;{self.account}"
        if self.kind is IdentityKind.PRINCIPAL:
            return f"Microsoft.VisualStudio.Services.Claims.AadServicePrincipal;{self.account}"
        return f"Microsoft.TeamFoundation.ServiceIdentity;{self.id}:Build:{self.account}"

    @property
    def subject_descriptor(self) -> str:
        """The subject descriptor that the REST API shows."""
        kind = {IdentityKind.USER: "aad", IdentityKind.PRINCIPAL: "aadsp"}.get(self.kind, "svc")
        return f"{kind}.{base64.urlsafe_b64encode(self.id.encode()).decode().rstrip('=')}"


class ProjectBuild(Identity):
    """The build service of a project."""

    kind = IdentityKind.PROJECT_BUILD


class CollectionBuild(Identity):
    """The build service of the collection."""

    kind = IdentityKind.COLLECTION_BUILD


class Principal(Identity):
    """A service principal."""

    kind = IdentityKind.PRINCIPAL


class Project(Named):
    """A project.

    Args:
        id: lower-case GUID.
        name: its name.
        public: whether anyone may see it.
        readers: names of the identities that may see it beside its own build service.
    """

    called = "project"
    name: Annotated[Name, name_of("A project", r"(?![_.])[^\\/:*?\"<>|;#${},+=\[\]]+")]
    id: Guid
    public: bool = False
    readers: Many[Annotated[str, AfterValidator(known("identity"))]] = ()


class Packages(Shape):
    """Packages that somebody publishes.

    Args:
        packages: those that are made up on the spot.
        folders: those that lie in each folder.
    """

    packages: Many[Specification] = ()
    folders: Many[Folder] = ()

    @property
    def origin(self) -> str:
        """Who publishes them, in words."""
        return "the stand-in of the public index"

    @cached_property
    def distributions(self) -> tuple[Distribution, ...]:
        """All of them."""
        made = (made_up(package, self.origin) for package in self.packages)
        return (*made, *chain.from_iterable(self.folders))


class Upstream(Packages):
    """An upstream source of a feed: exactly one of feed, folder, packages and public.

    Args:
        name: the name shown to people.
        feed: another feed, as people write it.
        view: the name of the other feed's view.
        public: the public index: its stand-in, or this machine's.
        folders: those that lie in one folder.
    """

    name: str
    feed: str = ""
    view: str = "Local"
    public: Literal["", "stand-in", "machine"] = ""
    folders: Annotated[tuple[list[Distribution], ...], PlainValidator(_one_folder)] = Field(
        (), alias="folder"
    )

    @property
    def origin(self) -> str:
        """Who publishes them, in words."""
        return f"the upstream {self.name}"

    @model_validator(mode="before")
    @classmethod
    def _call(cls, data: object) -> object:
        if not isinstance(data, dict):
            return data
        view = f"{data.get('feed')}@{data.get('view', 'Local')}"
        name = view if "feed" in data else "the public index" if "public" in data else data.get("folder")
        return {"name": name or "upstream", **data}

    @model_validator(mode="after")
    def _check(self, info: ValidationInfo) -> "Upstream":
        if len(self.model_fields_set & {"feed", "folders", "packages", "public"}) != 1:
            raise fault("one-of", "An upstream has exactly one of feed, folder, packages and public")
        if self.feed:
            views = info.context.views
            feeds = {address.lower(): address for address in views}
            if self.feed.lower() not in feeds:
                raise no_other_feed(self.feed, views)
            names = views[feeds[self.feed.lower()]]
            if self.view.lower() not in {name.lower() for name in names}:
                raise fault(
                    "unknown-name", f"{self.feed!r} has no view {self.view!r}", nearest(self.view, names)
                )
        return self


def no_other_feed(address: str, feeds: Iterable[str]) -> PydanticCustomError:
    """The fault of an upstream that leads nowhere."""
    return fault("unknown-name", f"There is no other feed {address!r}", nearest(address, feeds))


class View(Shape):
    """A view of a feed: some of its packages, perhaps for more readers.

    Args:
        name: its name, without `@`.
        id: lower-case GUID.
        packages: what was promoted to it.
        open_to_organization: whether people without a role in the feed may read it.
    """

    name: Name
    id: Guid = ""
    packages: Many[Specification] = ()
    open_to_organization: bool = False

    @property
    def promoted(self) -> frozenset[tuple[str, str]] | None:
        """Normalised name and trimmed version of what it shows; None for everything."""
        return None if self.name.lower() == "local" else frozenset(map(_release, self.packages))


def _release(specification: str) -> tuple[str, str]:
    name, version = specified(specification)
    return canonicalize_name(name), canonicalize_version(version)


class Feed(Named, Packages):
    """A feed.

    Args:
        name: its name.
        project: the project whose feed it is; None for a feed of the organisation.
        id: lower-case GUID.
        public: whether anyone may read it.
        roles: role by name of identity; None for the roles of a new feed.
        given_views: its own views, and what differs in the usual ones.
        upstreams: where other packages come from.
        external_versions: normalised names of published packages whose public versions are shown too.
    """

    called = "feed"
    name: Annotated[Name, name_of("A feed", _FEED_NAME, _FEED_NAME_RULE)]
    project: Annotated[Project | None, found("project")] = None
    id: Guid
    public: bool = False
    roles: (
        dict[Annotated[str, AfterValidator(known("identity"))], Annotated[Role, BeforeValidator(_role)]]
        | None
    ) = None
    given_views: Many[View] = Field((), alias="views")
    upstreams: Many[Upstream] = ()
    external_versions: Many[Annotated[str, AfterValidator(canonicalize_name)]] = ()

    @classmethod
    def address_in(cls, data: object) -> str:
        """How people write the feed, from its table."""
        return feed_address(data)

    @property
    def address(self) -> str:
        """How people write the feed: `feed`, or `project/feed`."""
        return f"{self.project.name}/{self.name}" if self.project else self.name

    @property
    def origin(self) -> str:
        """Who publishes them, in words."""
        return f"the feed {self.address}"

    @cached_property
    def views(self) -> tuple[View, ...]:
        """Its views, Local first."""
        views = {name.lower(): View(name=name) for name in DEFAULT_VIEWS}
        for view in self.given_views:
            name = views.get(view.name.lower(), view).name
            views[name.lower()] = view.model_copy(update={"name": name})
        return tuple(
            view.model_copy(update={"id": view.id or stable_id(self.id, view.name)})
            for view in views.values()
        )

    def role_of(self, identity: Identity) -> Role:
        """The role of an identity; in a new feed, its build services are collaborators."""
        if self.roles is not None:
            return self.roles.get(identity.name, Role.NONE)
        own = identity.kind is IdentityKind.PROJECT_BUILD and identity.account == getattr(
            self.project, "id", ""
        )
        return Role.COLLABORATOR if own or identity.kind is IdentityKind.COLLECTION_BUILD else Role.NONE

    @field_validator("public")
    @classmethod
    def _check_public(cls, public: bool, info: ValidationInfo) -> bool:  # noqa: FBT001 - pydantic's way to call it
        project = info.data.get("project")
        if public and "project" in info.data and not (project and project.public):
            raise fault("not-public", "Only a feed of a public project can be public")
        return public

    @model_validator(mode="after")
    def _check_own(self, info: ValidationInfo) -> "Feed":
        published = {(one.key, one.trimmed_version) for one in self.distributions}
        for view in self.given_views:
            for package in view.packages:
                if _release(package) not in published:
                    raise fault("unknown-name", f"The feed has no {package!r} to promote")
        for upstream in self.upstreams:
            if upstream.feed.lower() == self.address.lower():
                raise no_other_feed(upstream.feed, {*info.context.views} - {self.address})
        return self


def _hidden(parameters: object) -> dict[str, SecretStr | str]:
    """The parameters of an authorisation; secret ones as secrets."""
    texts = TypeAdapter(dict[str, str]).validate_python(parameters, strict=True)
    return {key: text if key.lower() in _OPEN_PARAMETERS else SecretStr(text) for key, text in texts.items()}


def _placeholders(url: str, info: ValidationInfo) -> str:
    indexes = [f"private:{name}" for name in info.context.names["private index"]]
    known = {"collection", "pkgs", "public", *indexes, *(f"feed:{address}" for address in info.context.views)}
    for match in PLACEHOLDER.finditer(url):
        if match[0][1:-1] not in known:
            hint = nearest(match[0][1:-1], known)
            raise fault("unknown-name", f"There is no placeholder {match[0]!r}", hint)
    return url


class ServiceConnection(Named):
    """A service connection.

    Args:
        id: lower-case GUID.
        name: the name that pipelines use.
        type: its kind.
        url: its address, with placeholders that only a running service can fill.
        scheme: `Token` or `UsernamePassword`; another one is passed on as it is.
        parameters: of the authorisation; secret ones as secrets.
        data: the connection's other values.
    """

    called = "service connection"
    id: Guid
    type: str = "externalPythonDownloadFeed"
    url: Annotated[str, AfterValidator(_placeholders)]
    scheme: str
    parameters: Annotated[dict[str, SecretStr | str], PlainValidator(_hidden)] = Field(default_factory=dict)
    data: dict[str, str] = Field(default_factory=dict)


class FederatedConnection(ServiceConnection):
    """One that stores no secret, but has assertions issued.

    Args:
        project: the project that it belongs to.
        application: the application whose id and tenant are its parameters, unless they are given.
        issuer: who signs for it: decides issuer and subject of its assertions.
    """

    type: str = "workloadidentityuser"
    url: Annotated[str, AfterValidator(_placeholders)] = "{collection}"
    project: Annotated[Project, found("project")]
    application: Annotated[Application | None, found("application")]
    issuer: Literal["entra", "azure-devops"] = "entra"

    @model_validator(mode="before")
    @classmethod
    def _without_application(cls, data: object) -> object:
        return {"application": None, **data} if isinstance(data, dict) and "parameters" in data else data

    @model_validator(mode="after")
    def _fill(self) -> "FederatedConnection":
        if self.application:
            application = self.application
            self.parameters.setdefault("ServicePrincipalId", application.client_id)
            self.parameters.setdefault("TenantId", application.tenants[0])
        return self

    @property
    def tenant(self) -> str:
        """The tenant that it names, in lower case."""
        named = (str(value) for key, value in self.parameters.items() if key.lower() == "tenantid")
        return next(named, "").lower()

    def issuer_of(self, organization_id: str) -> str:
        """The issuer of its assertions (Microsoft Learn, "workload identity federation")."""
        if self.issuer == "entra":
            return f"{ENTRA_ISSUER}/{self.tenant}/v2.0"
        return f"{OWN_ISSUER}/{organization_id}"

    def subject_of(self, organization: str, organization_id: str) -> str:
        """The subject of its assertions: Entra's own form has GUIDs only, the older one names."""
        if self.issuer == "entra":
            place = f"t/{_short(self.tenant)}/a/{_short(AZURE_DEVOPS)}/sc/{organization_id}/{self.id}"
            return f"/eid1/c/pub/{place}"
        return f"sc://{organization}/{self.project.name}/{self.name}"


def _short(guid: str) -> str:
    """A GUID in the 22 characters that subjects have for it; anything else as it is."""
    try:
        return base64.urlsafe_b64encode(uuid.UUID(guid).bytes_le).rstrip(b"=").decode()
    except ValueError:
        return guid


def _connection(data: object, info: ValidationInfo) -> ServiceConnection:
    federated = isinstance(data, dict) and data.get("scheme") == FEDERATION_SCHEME
    return (FederatedConnection if federated else ServiceConnection).model_validate(
        data, context=info.context
    )


AnyConnection = Annotated[ServiceConnection, PlainValidator(_connection)]


def _no_colon(user: str) -> str:
    if ":" in user:
        raise fault("bad-name", "A user name of Basic authentication has no colon")
    return user


class PrivateIndex(Named, Packages):
    """A private index outside Azure DevOps, with Basic authentication.

    Args:
        name: its name in addresses.
        user: the only accepted user name; "" accepts any, as indexes with tokens do.
        password: the only accepted password.
    """

    called = "private index"
    name: Annotated[Name, name_of("A private index", "[A-Za-z0-9._-]+", "Use letters, digits, . _ -.")]
    user: Annotated[str, AfterValidator(_no_colon)] = ""
    password: SecretStr

    @property
    def origin(self) -> str:
        """Who publishes them, in words."""
        return f"the private index {self.name}"
