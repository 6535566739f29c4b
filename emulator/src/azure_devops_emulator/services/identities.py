"""Who is asking: tokens of persons, jobs, sessions and Entra, and what a token's scopes allow."""

import base64
import binascii
import secrets
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

import jwt
from pydantic import SecretStr

from azure_devops_emulator.description.connections import AZURE_DEVOPS, STS_ISSUER
from azure_devops_emulator.description.model import (
    POOL_SCOPES,
    SCOPES,
    Feed,
    Identity,
    IdentityKind,
    Project,
    Role,
    Token,
    View,
)
from azure_devops_emulator.organization import Organization
from azure_devops_emulator.services.tokens import Signer, read

ANONYMOUS_ID = "aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa"
"""The GUID that Azure DevOps gives to callers without credentials."""


@dataclass(frozen=True)
class Caller:
    """Who sent a request.

    Args:
        identity: None for an anonymous caller.
        ceiling: the greatest role that the token's scopes let the identity use.
        label: what was presented, in words without secret, for the request log.
        manages_pools: whether it may manage agent pools, by its rights and by the token's scopes.
    """

    identity: Identity | None
    ceiling: Role
    label: str
    manages_pools: bool = False

    @property
    def name(self) -> str:
        """The identity's display name, or `anonymous`."""
        return self.identity.name if self.identity else "anonymous"


@dataclass(frozen=True)
class Rejection:
    """A credential that is not accepted.

    Args:
        message: what the service says about it.
        type_key: the kind of error in the service's words.
        label: what was presented, in words without secret, for the request log.
        name: whom the credential belonged to, as far as that is known.
    """

    message: str
    type_key: str
    label: str
    name: str = "anonymous"


ANONYMOUS = Caller(None, Role.READER, "no credential")
JOB_LABEL = "job token"
"""The label of every job token."""
SESSION_LABEL = "session token"
"""The label of every session token."""
ENTRA_SCOPE = "user_impersonation"
"""What a person's token of Entra may do unless less was asked for: all that the person may."""
ENTRA_LABEL = "Entra token"
PRINCIPAL_LABEL = ENTRA_LABEL
"""The label of an access token that Microsoft Entra gave to an application."""
PERSON_LABEL = f"{ENTRA_LABEL} of a person"
"""The label of an access token that Microsoft Entra gave to a person."""
_JOB_ISSUER = "app.vstoken.visualstudio.com"
_NOT_AUTHORIZED = "VS30063: You are not authorized to access https://dev.azure.com."


class Tokens:
    """Mints job tokens and tells who a credential belongs to.

    Job tokens are JSON Web Tokens (as System.AccessToken is), signed with a key that only this object has.

    Args:
        organization: whose identities they are.
        entra: signed the access tokens of service principals; None where there is no Entra.
    """

    def __init__(self, organization: Organization, entra: Signer | None = None) -> None:
        self._organization = organization
        self._jobs = Signer()
        self._entra = entra
        self._audience = f"{_JOB_ISSUER}|vso:{organization.id}"
        self._personal: dict[SecretStr, tuple[Identity, Token]] = {
            token.value: (identity, token)
            for identity in organization.identities
            for token in identity.tokens
        }

    def mint(self, identity: Identity, lifetime: timedelta) -> SecretStr:
        """A job token of an identity; a lifetime below zero gives one that has expired."""
        end = datetime.now(timezone.utc) + lifetime
        return self._sign(identity, "app_token", end, BuildId=f"{secrets.token_hex(16)};1")

    def mint_session(self, identity: Identity, scope: str, end: datetime, *, compact: bool) -> SecretStr:
        """A session token.

        Args:
            identity: whose.
            scope: scopes, separated by blanks.
            end: when it expires.
            compact: whether it is a personal access token; otherwise it is a JSON Web Token.
        """
        if not compact:
            return self._sign(identity, scope, end)
        value = SecretStr(secrets.token_hex(42))
        entry = Token(label=f"compact {SESSION_LABEL}", value=value, scopes=tuple(scope.split()), expires=end)
        self._personal[value] = identity, entry
        return value

    def _sign(self, identity: Identity, scope: str, end: datetime, **others: str) -> SecretStr:
        claims = {
            "nameid": identity.id,
            "scp": scope,
            "aui": secrets.token_hex(16),
            "sid": secrets.token_hex(16),
            "iss": _JOB_ISSUER,
            "aud": self._audience,
            "nbf": int(time.time()) - 300,
            "exp": int(end.timestamp()),
        }
        return self._jobs.sign(claims | others)

    def authenticate(self, header: str | None) -> Caller | Rejection:
        """Tell who an Authorization header belongs to.

        Any user name goes with a token as Basic password; a token as user name alone does not do.
        As Bearer only JSON Web Tokens are accepted.

        Args:
            header: its value; None when there is none.
        """
        if header is None:
            return ANONYMOUS
        scheme, _, value = header.partition(" ")
        if scheme.lower() == "bearer":
            bearer = SecretStr(value.strip())
            return _unknown("a bearer token") if bearer in self._personal else self._token(bearer)
        if scheme.lower() != "basic":
            return _unknown("a credential of another scheme")
        try:
            _, colon, password = base64.b64decode(value.strip(), validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return _unknown("a broken credential")
        if not colon or not password:
            return _unknown("a user name only")
        return self._token(SecretStr(password))

    def expired(self, caller: Caller) -> Rejection:
        """What the caller would get if the token had expired."""
        return _expired(caller.label, caller.name)

    def _token(self, token: SecretStr) -> Caller | Rejection:
        if token in self._personal:
            identity, entry = self._personal[token]
            if entry.expires and entry.expires <= datetime.now(timezone.utc):
                return _expired(entry.label, identity.name)
            ceiling = _ceiling(entry.scopes)
            manages_pools = identity.administrator and not POOL_SCOPES.isdisjoint(entry.scopes)
            return Caller(identity, ceiling, entry.label, manages_pools)
        return self._own(token) or self._principal(token) or _unknown("an unknown token")

    def _own(self, token: SecretStr) -> Caller | Rejection | None:
        """Whom a token of a job or a session belongs to; None where it is none."""
        try:
            claims, expired = self._jobs.verify(token, audience=self._audience, issuer=_JOB_ISSUER), False
        except jwt.ExpiredSignatureError:
            claims, expired = read(token) or {}, True
        except jwt.InvalidTokenError:
            return None
        identity = self._organization.identity(str(claims["nameid"]))
        assert identity  # noqa: S101 - only tokens of known identities are signed
        label = JOB_LABEL if "BuildId" in claims else SESSION_LABEL
        if expired:
            return _expired(label, identity.name)
        return Caller(identity, _ceiling(str(claims["scp"]).split()), label)

    def _principal(self, token: SecretStr) -> Caller | Rejection | None:
        """Whom a token of Entra belongs to: it must be for Azure DevOps, this tenant, and a member."""
        if self._entra is None:
            return None
        issuer = f"{STS_ISSUER}/{self._organization.sign_in_tenant}/"
        try:
            claims, expired = self._entra.verify(token, audience=AZURE_DEVOPS, issuer=issuer), False
        except jwt.ExpiredSignatureError:
            claims, expired = read(token) or {}, True
        except (jwt.InvalidAudienceError, jwt.InvalidIssuerError):
            return Rejection(_NOT_AUTHORIZED, "VssUnauthorizedException", f"{ENTRA_LABEL} for another tenant")
        except jwt.InvalidTokenError:
            return None
        is_person = "upn" in claims
        kind, account = IdentityKind.PRINCIPAL, str(claims["appid"])
        if is_person:
            kind, account = IdentityKind.USER, str(claims["upn"])
        members = (entry for entry in self._organization.identities if entry.kind is kind)
        identity = next((entry for entry in members if entry.account.lower() == account.lower()), None)
        if identity is None:
            message = unauthorized_message(str(claims["oid"]))
            return Rejection(message, "UnauthorizedRequestException", f"{ENTRA_LABEL} of no member")
        if not identity.opened:
            message = (
                "TF401444: Please sign-in at least once as "
                f"{claims['tid']}\\{account} in a web browser to enable access to the service."
            )
            label = f"{ENTRA_LABEL} of a person who never came"
            return Rejection(message, "UnauthorizedRequestException", label, identity.name)
        label = PERSON_LABEL if is_person else PRINCIPAL_LABEL
        if expired:
            return _expired(label, identity.name)
        scope = str(claims.get("scp", ENTRA_SCOPE))
        if scope != ENTRA_SCOPE:
            return Caller(identity, _ceiling(scope.split()), label)
        return Caller(identity, Role.ADMINISTRATOR, label, identity.administrator)


def unauthorized_message(identity_id: str) -> str:
    """The message for an identity that may not use a resource at all."""
    return f"TF400813: The user '{identity_id}' is not authorized to access this resource."


def may_see(organization: Organization, caller: Caller, project: Project) -> bool:
    """Whether the caller may see a project at all."""
    identity = caller.identity
    if project.public:
        return True
    if identity is None:
        return False
    own = identity.account in {project.id, organization.id}
    is_build = identity.kind in {IdentityKind.PROJECT_BUILD, IdentityKind.COLLECTION_BUILD}
    return (is_build and own) or identity.name in project.readers


def role_in(caller: Caller, feed: Feed, view: View | None = None) -> Role:
    """The role that a caller has in a feed or a view of it: the identity's, limited by the token's scopes."""
    identity = caller.identity
    role = feed.role_of(identity) if identity else Role.NONE
    if feed.public or (identity and view and view.open_to_organization):
        role = max(role, Role.READER)
    return min(role, caller.ceiling)


def _ceiling(scopes: Iterable[str]) -> Role:
    """The greatest role that scopes let an identity use."""
    return max((SCOPES.get(scope, Role.NONE) for scope in scopes), default=Role.NONE)


def _expired(label: str, name: str) -> Rejection:
    """The rejection of a token that was valid once; JSON Web Tokens get words of their own."""
    if label in {JOB_LABEL, SESSION_LABEL, PRINCIPAL_LABEL, PERSON_LABEL}:
        message, kind = _NOT_AUTHORIZED, "VssUnauthorizedException"
    else:
        message, kind = "Access Denied: The Personal Access Token used has expired.", "AccessCheckException"
    return Rejection(message, kind, f"{label}, expired", name)


def _unknown(label: str) -> Rejection:
    return Rejection(unauthorized_message(ANONYMOUS_ID), "UnauthorizedRequestException", label)
