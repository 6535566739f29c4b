"""What an application presents to Entra as its own: a secret, or an assertion of an issuer that it trusts.

Microsoft Learn, "Microsoft identity platform and the OAuth 2.0 client credentials flow"; and "Microsoft Entra
authentication and authorization error codes".
"""

import time
from collections.abc import Mapping
from datetime import datetime, timezone

import jwt
from pydantic import SecretStr

from azure_devops_emulator.description.connections import (
    ENTRA_ISSUER,
    Application,
    FederatedCredential,
    Tenant,
)
from azure_devops_emulator.services.refusals import EntraRefusal
from azure_devops_emulator.services.tokens import Claims, Signer, read

_ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_UNMATCHED = "No matching federated identity record found for presented assertion"
_CHECKS = "Check your federated identity credential's subject, audience and issuer against the assertion."


def check_credential(
    tenant: Tenant, application: Application, form: Mapping[str, str], issuers: Signer
) -> str:
    """See that an application is the one that it says to be; gives what it presented, in words.

    Args:
        tenant: that it asks.
        application: the one.
        form: what it sends.
        issuers: signed the assertions.

    Raises:
        EntraRefusal: something does not fit; the first fault in Entra's order is told.
    """
    if "client_secret" in form:
        _check_secret(application, SecretStr(form["client_secret"]))
        return "client secret"
    if form.get("client_assertion_type") != _ASSERTION_TYPE or not form.get("client_assertion"):
        text = "The request body must contain 'client_assertion' or 'client_secret'."
        raise EntraRefusal(7000218, text)
    _check_assertion(tenant, application, SecretStr(form["client_assertion"]), issuers)
    return "assertion"


def _check_secret(application: Application, secret: SecretStr) -> None:
    known = next((one for one in application.client_secrets if one.value == secret), None)
    if known is None:
        text = (
            "Invalid client secret provided. Ensure the secret being sent in the request is the client secret"
            f" value, not the client secret ID, for a secret added to app '{application.client_id}'."
        )
        raise EntraRefusal(7000215, text)
    if known.expires and known.expires <= datetime.now(timezone.utc):
        text = f"The provided client secret keys for app '{application.client_id}' are expired."
        raise EntraRefusal(7000222, text)


def _check_assertion(tenant: Tenant, application: Application, assertion: SecretStr, issuers: Signer) -> None:
    claims = read(assertion)
    if claims is None or not {"iss", "sub", "aud", "nbf", "exp"} <= claims.keys():
        text = "The JWT of the client assertion is invalid or malformed."
        raise EntraRefusal(50027, text, "invalid_request")
    if not tenant.federation:
        text = "The tenant's policy does not allow federated identity credentials of this issuer."
        raise EntraRefusal(700238, text)
    credential = _match(application, claims)
    try:
        issuers.verify(assertion, audience=credential.audience, issuer=credential.issuer)
    except (jwt.ExpiredSignatureError, jwt.ImmatureSignatureError):
        raise _untimely(claims) from None
    except jwt.InvalidTokenError:
        text = "The signature of the client assertion could not be validated."
        raise EntraRefusal(700027, text) from None
    if len(application.tenants) > 1 and str(claims["iss"]).startswith(ENTRA_ISSUER):
        text = "The identity must be a managed identity, a single tenant app, or a service account."
        raise EntraRefusal(70052, text)


def _match(application: Application, claims: Claims) -> FederatedCredential:
    """Find the assertion among the application's federated credentials.

    Raises:
        EntraRefusal: there is none, or none with this issuer, or none of those with this audience or subject.
    """
    if not application.federated_credentials:
        text = f"The client '{application.name}' has no configured federated identity credentials."
        raise EntraRefusal(70025, text)
    issuer, audience, subject = (str(claims[name]) for name in ("iss", "aud", "sub"))
    left = [entry for entry in application.federated_credentials if entry.issuer == issuer]
    if not left:
        raise EntraRefusal(700211, f"{_UNMATCHED} issuer '{issuer}'. {_CHECKS}")
    left = [entry for entry in left if entry.audience == audience]
    if not left:
        raise EntraRefusal(700212, f"{_UNMATCHED} audience '{audience}'. {_CHECKS}")
    exact = next((entry for entry in left if entry.subject == subject), None)
    if exact:
        return exact
    if subject.lower() in {entry.subject.lower() for entry in left}:
        text = (
            f"{_UNMATCHED} subject '{subject}'. The subject matches with case-insensitive comparison, but not"
            " with case-sensitive comparison."
        )
        raise EntraRefusal(7002138, text)
    raise EntraRefusal(700213, f"{_UNMATCHED} subject '{subject}'. {_CHECKS}")


def _untimely(claims: Claims) -> EntraRefusal:
    times = [
        f"{datetime.fromtimestamp(float(str(moment)), timezone.utc):%Y-%m-%dT%H:%M:%SZ}"
        for moment in (time.time(), claims["nbf"], claims["exp"])
    ]
    text = (
        f"Client assertion is not within its valid time range. Current time: {times[0]}, assertion valid"
        f" from {times[1]}, expiry time of assertion {times[2]}."
    )
    return EntraRefusal(700024, text)
