"""What an emulated organisation is made of: plain values, no behaviour but names."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum, IntEnum

from azure_devops_emulator.secret import Secret
from azure_devops_emulator.services.packages import Distribution


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


class IdentityKind(Enum):
    """Who an identity is: decides how the service describes it."""

    USER = "user"
    PROJECT_BUILD = "the build service of a project"
    COLLECTION_BUILD = "the build service of the collection"
    PRINCIPAL = "a service principal"


@dataclass(frozen=True)
class Token:
    """A personal access token.

    Args:
        label: a short name without secret, for the request log.
        value: the token.
        scopes: names of SCOPES, or others that give no access to packages.
        expires: from when it is rejected; None for never.
    """

    label: str
    value: Secret
    scopes: tuple[str, ...]
    expires: datetime | None = None


@dataclass(frozen=True)
class Identity:
    """A person, a build service, or a service principal of the organisation's tenant.

    Args:
        id: lower-case GUID.
        name: display name.
        account: the account name (a mail address for people, a GUID for services, the application's id for
            service principals).
        kind: who it is.
        tokens: the personal access tokens it made.
    """

    id: str
    name: str
    account: str
    kind: IdentityKind = IdentityKind.USER
    tokens: tuple[Token, ...] = ()

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


@dataclass(frozen=True)
class Project:
    """A project.

    Args:
        id: lower-case GUID.
        name: its name.
        public: whether anyone may see it.
        readers: ids of the identities that may see it beside its own build service.
    """

    id: str
    name: str
    public: bool = False
    readers: frozenset[str] = frozenset()


class UpstreamKind(Enum):
    """Where an upstream source has its packages."""

    FEED = "feed"
    FOLDER = "folder"
    PUBLIC = "public"


@dataclass(frozen=True)
class Upstream:
    """An upstream source of a feed.

    Args:
        id: lower-case GUID.
        name: the name shown to people.
        kind: where its packages are.
        feed: id of the feed, for kind FEED.
        view: name of the feed's view, for kind FEED.
        distributions: its packages, for kind FOLDER, or those of the stand-in of the public index.
        outside: for kind PUBLIC, whether it is this machine's public index rather than the stand-in.
    """

    id: str
    name: str
    kind: UpstreamKind
    feed: str = ""
    view: str = ""
    distributions: tuple[Distribution, ...] = ()
    outside: bool = False


@dataclass(frozen=True)
class View:
    """A view of a feed: some of its packages, perhaps for more readers.

    Args:
        id: lower-case GUID.
        name: its name, without `@`.
        promoted: normalised name and trimmed version of what it shows; None for everything.
        open_to_organization: whether people without a role in the feed may read it.
    """

    id: str
    name: str
    promoted: frozenset[tuple[str, str]] | None = None
    open_to_organization: bool = False


@dataclass(frozen=True)
class Feed:
    """A feed.

    Args:
        id: lower-case GUID.
        name: its name.
        project: the project whose feed it is; None for a feed of the organisation.
        public: whether anyone may read it.
        roles: role by identity id.
        views: its views, Local first.
        distributions: what is published in it at the start.
        saved: what was saved from its upstreams before the start.
        upstreams: where other packages come from.
        external_versions: normalised names of published packages whose public versions are shown too.
    """

    id: str
    name: str
    project: Project | None
    public: bool
    roles: Mapping[str, Role]
    views: tuple[View, ...]
    distributions: tuple[Distribution, ...]
    upstreams: tuple[Upstream, ...]
    external_versions: frozenset[str] = frozenset()

    @property
    def address(self) -> str:
        """How people write the feed: `feed`, or `project/feed`."""
        return f"{self.project.name}/{self.name}" if self.project else self.name


class Issuer(Enum):
    """Who signs for a federated connection: decides issuer and subject of its assertions."""

    ENTRA = "entra"
    AZURE_DEVOPS = "azure-devops"


FEDERATION_SCHEME = "WorkloadIdentityFederation"


@dataclass(frozen=True)
class ServiceConnection:
    """A service connection.

    Args:
        id: lower-case GUID.
        name: the name that pipelines use.
        type: for example `externalPythonDownloadFeed`.
        url: its address, with placeholders that only a running service can fill.
        scheme: `Token` or `UsernamePassword`; another one is passed on as it is.
        parameters: of the authorisation; secret ones as Secret.
        data: the connection's other values.
        project: the project that it belongs to, for one that is federated.
        issuer: who signs for it, for one that is federated.
    """

    id: str
    name: str
    type: str
    url: str
    scheme: str
    parameters: Mapping[str, Secret | str] = field(default_factory=dict)
    data: Mapping[str, str] = field(default_factory=dict)
    project: str = ""
    issuer: Issuer = Issuer.ENTRA

    @property
    def is_federated(self) -> bool:
        """Whether it stores no secret, but has assertions issued."""
        return self.scheme == FEDERATION_SCHEME


@dataclass(frozen=True)
class PrivateIndex:
    """A private index outside Azure DevOps, with Basic authentication.

    Args:
        name: its name in addresses.
        user: the only accepted user name; "" accepts any, as indexes with tokens do.
        password: the only accepted password.
        distributions: its packages.
    """

    name: str
    user: str
    password: Secret
    distributions: tuple[Distribution, ...]


@dataclass(frozen=True)
class VariableGroup:
    """Variables that pipelines take in by the group's name.

    Args:
        name: its name.
        variables: values by name; a Secret is a secret variable.
    """

    name: str
    variables: Mapping[str, str | Secret]
