"""Who is asking: personal access tokens, job tokens, and what a token's scopes allow."""

import base64
import binascii
import hashlib
import hmac
import json
import secrets
import time
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from pip_authenticate.emulator.model import SCOPES, Feed, Identity, IdentityKind, Project, Role, Token, View
from pip_authenticate.emulator.organization import Organization
from pip_authenticate.secret import Secret

ANONYMOUS_ID = "aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa"
"""The GUID that Azure DevOps gives to callers without credentials."""


@dataclass(frozen=True)
class Caller:
    """Who sent a request.

    Args:
        identity: None for an anonymous caller.
        ceiling: the greatest role that the token's scopes let the identity use.
        label: what was presented, in words without secret, for the request log.
    """

    identity: Identity | None
    ceiling: Role
    label: str

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


class Tokens:
    """Mints job tokens and tells who a credential belongs to.

    Job tokens are JSON Web Tokens (as System.AccessToken is), signed with a key that only this object has.

    Args:
        organization: whose identities they are.
    """

    def __init__(self, organization: Organization) -> None:
        self._organization = organization
        self._key = secrets.token_bytes(32)
        self._personal: dict[Secret, tuple[Identity, Token]] = {
            token.value: (identity, token)
            for identity in organization.identities
            for token in identity.tokens
        }

    def mint(self, identity: Identity, lifetime: timedelta) -> Secret:
        """A job token of an identity; a lifetime below zero gives one that has expired."""
        now = int(time.time())
        audience = f"app.vstoken.visualstudio.com|vso:{self._organization.id}"
        claims = {
            "nameid": identity.id,
            "scp": "app_token",
            "aui": secrets.token_hex(16),
            "sid": secrets.token_hex(16),
            "BuildId": f"{secrets.token_hex(16)};1",
            "iss": "app.vstoken.visualstudio.com",
            "aud": audience,
            "nbf": now - 300,
            "exp": now + int(lifetime.total_seconds()),
        }
        head = f"{_encode(json.dumps({'typ': 'JWT', 'alg': 'HS256'}))}.{_encode(json.dumps(claims))}"
        return Secret(f"{head}.{self._signature(head)}")

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
            bearer = Secret(value.strip())
            return _unknown("a bearer token") if bearer in self._personal else self._token(bearer)
        if scheme.lower() != "basic":
            return _unknown("a credential of another scheme")
        try:
            _, colon, password = base64.b64decode(value.strip(), validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return _unknown("a broken credential")
        if not colon or not password:
            return _unknown("a user name only")
        return self._token(Secret(password))

    def expired(self, caller: Caller) -> Rejection:
        """What the caller would get if the token had expired."""
        return _expired(caller.label, caller.name)

    def _token(self, token: Secret) -> Caller | Rejection:
        if token in self._personal:
            identity, entry = self._personal[token]
            if entry.expires and entry.expires <= datetime.now(timezone.utc):
                return _expired(entry.label, identity.name)
            ceiling = max((SCOPES.get(scope, Role.NONE) for scope in entry.scopes), default=Role.NONE)
            return Caller(identity, ceiling, entry.label)
        return self._job_token(token)

    def _job_token(self, token: Secret) -> Caller | Rejection:
        head, _, signature = token.reveal().rpartition(".")
        if not hmac.compare_digest(self._signature(head).encode(), signature.encode()):
            return _unknown("an unknown token")
        payload = head.partition(".")[2]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        identity = self._organization.identity(claims["nameid"])
        assert identity  # noqa: S101 - only tokens of known identities are signed
        if claims["exp"] <= time.time():
            return _expired(JOB_LABEL, identity.name)
        return Caller(identity, Role.ADMINISTRATOR, JOB_LABEL)

    def _signature(self, head: str) -> str:
        return _encode(hmac.digest(self._key, head.encode(), hashlib.sha256))


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
    return (identity.kind is not IdentityKind.USER and own) or identity.id in project.readers


def role_in(caller: Caller, feed: Feed, view: View | None = None) -> Role:
    """The role that a caller has in a feed or a view of it: the identity's, limited by the token's scopes."""
    identity = caller.identity
    role = feed.roles.get(identity.id, Role.NONE) if identity else Role.NONE
    if feed.public or (identity and view and view.open_to_organization):
        role = max(role, Role.READER)
    return min(role, caller.ceiling)


def _expired(label: str, name: str) -> Rejection:
    """The rejection of a token that was valid once; job tokens get words of their own."""
    if label == JOB_LABEL:
        message, kind = (
            "VS30063: You are not authorized to access https://dev.azure.com.",
            "VssUnauthorizedException",
        )
    else:
        message, kind = "Access Denied: The Personal Access Token used has expired.", "AccessCheckException"
    return Rejection(message, kind, f"{label}, expired", name)


def _unknown(label: str) -> Rejection:
    return Rejection(unauthorized_message(ANONYMOUS_ID), "UnauthorizedRequestException", label)


def _encode(data: str | bytes) -> str:
    raw = data.encode() if isinstance(data, str) else data
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
