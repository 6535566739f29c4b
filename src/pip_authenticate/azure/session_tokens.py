"""Session tokens: a person's broad token of Entra becomes a narrow one of Azure Artifacts.

The request is that of Microsoft's own artifacts-credprovider, which is its only documentation. The kind
SelfDescribing is a JSON Web Token of four hours; the other kind would be a personal access token, which
shows in the person's list and which organisations forbid.
"""

from datetime import datetime
from typing import NamedTuple

from pip_authenticate.azure import rest
from pip_authenticate.azure.addresses import Collection, objection
from pip_authenticate.azure.refusals import message_of
from pip_authenticate.errors import InputError, ServiceError
from pip_authenticate.index import IndexUrl
from pip_authenticate.secret import Secret
from pip_authenticate.tokens import claims, ends, from_text, is_token
from pip_authenticate.transport import Transport

SCOPES = {"read": "vso.packaging", "write": "vso.packaging_write"}
"""By what they are for. Only the second one saves packages from upstream, and publishes."""
_PATH = "_apis/Token/SessionTokens?tokenType=SelfDescribing&api-version=5.0-preview.1"
_NEVER_SEEN = "TF401444"
_WHOSE = "your token of Microsoft Entra"


class SessionToken(NamedTuple):
    """A token for the feeds of one organisation.

    Args:
        secret: the token.
        expires: when it ends, or None where nobody says.
    """

    secret: Secret
    expires: datetime | None


def is_for_persons(token: Secret) -> bool:
    """Whether a token of Entra can be exchanged: those of applications and managed identities cannot."""
    said = claims(token)
    if "idtyp" in said:
        return said["idtyp"] != "app"
    return "scp" in said or "roles" not in said


def exchange(token: Secret, address: str, scope: str, home: Collection, transport: Transport) -> SessionToken:
    """Exchange a person's token.

    Args:
        token: of Microsoft Entra, for Azure DevOps.
        address: where, as the index told it.
        scope: a key of SCOPES.
        home: the organisation.
        transport: sends the request.

    Raises:
        ServiceError: the address is none of Azure DevOps, or the exchange was refused.
    """
    try:
        url, _ = IndexUrl.parse(address)
        why = objection(url, "token service", home)
    except InputError as error:
        why = error.what
    if why:
        raise ServiceError(
            "foreign-service",
            f"{home.url.origin.host} names a token service that {why}; no token is sent there",
            hint="Check the address of the index, and that no proxy answers in the service's place.",
        )
    import json  # noqa: PLC0415 - a cached token needs none

    response = transport.request(
        "POST",
        f"{str(url).rstrip('/')}/{_PATH}",
        authorization=Secret(f"Bearer {token.reveal()}"),
        body=json.dumps({"displayName": "pip-authenticate", "scope": SCOPES[scope]}).encode(),
        content_type="application/json",
    )
    if response.status == 401 and _NEVER_SEEN in message_of(response):
        raise ServiceError(
            "never-signed-in",
            f"{url.origin.host} does not know you yet (TF401444)",
            hint=f"Open {home.url} in a browser once, and accept the invitation if you are a guest.",
        )
    answer = rest.read_json(response, "token service", _WHOSE)
    given = answer.get("token") if isinstance(answer, dict) else None
    if not is_token(given):
        raise ServiceError(
            "session-token-missing",
            f"{url.origin.host} gave no session token (status {response.status})",
            hint="Check that no proxy answers in the service's place.",
        )
    secret = Secret(given)
    return SessionToken(secret, ends(secret, from_text(answer.get("validTo"))))
