"""What an emulated organisation is made of, as its file says it; names stand for what they name."""

import base64
import re
from collections.abc import Mapping
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
    ValidationInfo,
    field_validator,
    model_validator,
)

from azure_devops_emulator.description.reading import (
    DEFAULT_VIEWS,
    Guid,
    Name,
    Named,
    found,
    known,
    name_of,
    reading,
    stable_id,
)
from azure_devops_emulator.description.shapes import Many, Shape, nearest, no_such, text, wrong_kind
from azure_devops_emulator.errors import InputError
from azure_devops_emulator.services.packages import Distribution, in_folder, made_up, specified

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

POOL_SCOPES = frozenset({"app_token", "vso.agentpools_manage"})
"""The scopes of tokens with which an administrator may manage agent pools, and tasks with them."""


def _role(name: object) -> Role:
    if not isinstance(name, str) or name not in ROLE_NAMES:
        raise no_such("role", str(name), ROLE_NAMES)
    return ROLE_NAMES[name]


def _scope(name: str) -> str:
    if name not in SCOPES and not re.fullmatch(r"vso\.[a-z_]+", name):
        raise no_such("scope", name, SCOPES)
    return name


def moment(value: object) -> object:
    """A date begins with its midnight, and a moment is in UTC unless it says otherwise."""
    if isinstance(value, date) and not isinstance(value, datetime):
        value = datetime(value.year, value.month, value.day, tzinfo=timezone.utc)
    return value.replace(tzinfo=value.tzinfo or timezone.utc) if isinstance(value, datetime) else value


def _specification(written: str) -> str:
    specified(written)
    return written


def _folder(value: object, info: ValidationInfo) -> list[Distribution]:
    return in_folder(reading(info).base / text(value))


Specification = Annotated[str, AfterValidator(_specification)]
"""A package that is made up on the spot: `name==version`."""
IdentityName = Annotated[str, AfterValidator(known("identity"))]


class Token(Shape):
    """A personal access token; its label, for the request log, is no secret."""

    label: str = "token"
    value: SecretStr
    scopes: Many[Annotated[str, AfterValidator(_scope)]] = ()
    expires: Annotated[datetime | None, BeforeValidator(moment)] = None


class IdentityKind(Enum):
    """Who an identity is: decides how the service describes it."""

    USER = "user"
    PROJECT_BUILD = "the build service of a project"
    COLLECTION_BUILD = "the build service of the collection"
    PRINCIPAL = "a service principal"


class Identity(Named):
    """A person; those of other kinds are the organisation's own: no key, so that no file can say it."""

    called = "identity"
    kind: ClassVar[IdentityKind] = IdentityKind.USER
    id: Guid
    account: str = Field(
        default_factory=lambda data: f"{re.sub('[^a-z0-9]+', '.', data.get('name', '').lower())}@example.test"
    )
    tokens: Many[Token] = ()
    administrator: bool = False
    opened: bool = True
    """Whether the person has ever opened the organisation in a browser."""

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


class Project(Named):
    """A project; its readers see it beside its own build service."""

    called = "project"
    name: Annotated[Name, name_of("A project", r"(?![_.])[^\\/:*?\"<>|;#${},+=\[\]]+")]
    id: Guid
    public: bool = False
    readers: Many[IdentityName] = ()


class Packages(Shape):
    """Packages that somebody publishes: made up on the spot, or what lies in folders."""

    packages: Many[Specification] = ()
    folders: Many[Annotated[list[Distribution], PlainValidator(_folder)]] = ()

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
    """An upstream source of a feed: exactly one of feed, folder, packages and public."""

    name: str
    feed: str = ""
    view: str = "Local"
    public: Literal["", "stand-in", "machine"] = ""
    folders: Annotated[
        tuple[list[Distribution], ...], PlainValidator(lambda value, info: (_folder(value, info),))
    ] = Field((), alias="folder")

    @property
    def origin(self) -> str:
        """Who publishes them, in words."""
        return f"the upstream {self.name}"

    @model_validator(mode="before")
    @classmethod
    def _one_of(cls, data: object) -> object:
        """See that it is one, and give it a name that tells which, unless it has one."""
        if not isinstance(data, dict):
            return data
        if len({"feed", "folder", "packages", "public"} & data.keys()) != 1:
            raise InputError("one-of", "An upstream has exactly one of feed, folder, packages and public")
        public = "the public index" if "public" in data else "upstream"
        feed = f"{data['feed']}@{data.get('view', 'Local')}" if "feed" in data else ""
        return {"name": feed or str(data.get("folder", public)), **data}

    @model_validator(mode="after")
    def _check_view(self, info: ValidationInfo) -> "Upstream":
        views = reading(info).views.get(self.feed.lower(), []) if self.feed else [self.view]
        if views and self.view.lower() not in {name.lower() for name in views}:
            what = f"{self.feed!r} has no view {self.view!r}"
            raise InputError("unknown-name", what, hint=nearest(self.view, views))
        return self


class View(Shape):
    """A view of a feed: some of its packages, perhaps for more readers."""

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
    """A feed; without a project, it is the organisation's; without roles, it is as a new one."""

    called = "feed"
    name: Annotated[Name, name_of("A feed", _FEED_NAME, _FEED_NAME_RULE)]
    project: Annotated[Project | None, PlainValidator(found("project"))] = None
    id: Guid
    public: bool = False
    roles: dict[IdentityName, Annotated[Role, BeforeValidator(_role)]] | None = None
    given_views: Many[View] = Field((), alias="views")
    upstreams: Many[Upstream] = ()
    external_versions: Many[Annotated[str, AfterValidator(canonicalize_name)]] = ()

    @property
    def address(self) -> str:
        """How people write the feed: `feed`, or `project/feed`."""
        return f"{self.project.name}/{self.name}" if self.project else self.name

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
        of_project = identity.kind is IdentityKind.PROJECT_BUILD and self.project
        own = of_project and identity.account == of_project.id
        return Role.COLLABORATOR if own or identity.kind is IdentityKind.COLLECTION_BUILD else Role.NONE

    @field_validator("public")
    @classmethod
    def _check_public(cls, public: object, info: ValidationInfo) -> object:
        project = info.data.get("project")
        if public and "project" in info.data and not (project and project.public):
            raise InputError("not-public", "Only a feed of a public project can be public")
        return public

    @field_validator("given_views")
    @classmethod
    def _check_views(cls, views: tuple[View, ...], info: ValidationInfo) -> tuple[View, ...]:
        published = set(map(_release, info.data.get("packages", ())))
        published |= {(one.key, one.trimmed_version) for one in chain(*info.data.get("folders", ()))}
        for package in chain.from_iterable(view.packages for view in views):
            if _release(package) not in published:
                raise InputError("unknown-name", f"The feed has no {package!r} to promote")
        return views

    @field_validator("upstreams")
    @classmethod
    def _check_upstreams(cls, upstreams: tuple[Upstream, ...], info: ValidationInfo) -> tuple[Upstream, ...]:
        project, name = info.data.get("project"), info.data.get("name", "")
        own = f"{project.name}/{name}" if project else name
        others = [address for address in reading(info).names["feed"] if address.lower() != own.lower()]
        for feed in (upstream.feed for upstream in upstreams if upstream.feed):
            if feed.lower() not in {address.lower() for address in others}:
                raise no_such("other feed", feed, others)
        return upstreams


def _no_colon(user: str) -> str:
    if ":" in user:
        raise InputError("bad-name", "A user name of Basic authentication has no colon")
    return user


class PrivateIndex(Named, Packages):
    """A private index outside Azure DevOps, with Basic authentication; without a user, any will do."""

    called = "private index"
    name: Annotated[Name, name_of("A private index", "[A-Za-z0-9._-]+", "Use letters, digits, . _ -.")]
    user: Annotated[str, AfterValidator(_no_colon)] = ""
    password: SecretStr


class _Value(Shape):
    value: SecretStr
    secret: bool = False


def _value(given: object) -> str | SecretStr:
    if isinstance(given, dict):
        read = _Value.model_validate(given)
        return read.value if read.secret else read.value.get_secret_value()
    if not isinstance(given, str):
        raise wrong_kind("a text, or a mapping of value and secret")
    return given


class VariableGroup(Named):
    """Variables that pipelines take in by the group's name; secret ones as secrets."""

    called = "variable group"
    variables: dict[str, Annotated[str | SecretStr, PlainValidator(_value)]] = Field(default_factory=dict)
