"""Microsoft Entra's token endpoint, as far as workload identity federation asks it.

Microsoft Learn, "Microsoft identity platform and the OAuth 2.0 client credentials flow", third case: access
token request with a federated credential; and "Microsoft Entra authentication and authorization error codes".
"""

import time
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone

import jwt
from aiohttp import web
from pydantic import SecretStr

from azure_devops_emulator.description.connections import (
    AZURE_DEVOPS,
    ENTRA_ISSUER,
    STS_ISSUER,
    Application,
    FederatedCredential,
    Tenant,
)
from azure_devops_emulator.organization import Organization
from azure_devops_emulator.services.request_log import Record
from azure_devops_emulator.services.tokens import Claims, Signer, read

PREFIX = "/login/"
_ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_UNMATCHED = "No matching federated identity record found for presented assertion"
_CHECKS = "Check your federated identity credential's subject, audience and issuer against the assertion."


@dataclass
class EntraRefusal(Exception):  # noqa: N818 - it is an answer of the service, no error of the emulator
    """An answer other than a token.

    Args:
        code: number of the AADSTS error.
        text: its description.
        error: its OAuth 2.0 name (RFC 6749, section 5.2); `invalid_client` comes with status 401, others 400.
    """

    code: int
    text: str
    error: str = "invalid_client"

    @property
    def status(self) -> int:
        """The HTTP status that goes with the error."""
        return 401 if self.error == "invalid_client" else 400

    def data(self) -> dict[str, object]:
        """The error as JSON, with fresh ids of its trace."""
        trace, correlation = str(uuid.uuid4()), str(uuid.uuid4())
        moment = f"{datetime.now(timezone.utc):%Y-%m-%d %H:%M:%S}Z"
        trail = f"Trace ID: {trace} Correlation ID: {correlation} Timestamp: {moment}"
        return {
            "error": self.error,
            "error_description": f"AADSTS{self.code}: {self.text} {trail}",
            "error_codes": [self.code],
            "timestamp": moment,
            "trace_id": trace,
            "correlation_id": correlation,
            "error_uri": f"{ENTRA_ISSUER}/error?code={self.code}",
        }


class Entra:
    """Exchanges assertions for access tokens.

    Args:
        organizations: whose tenants and applications it has; one application may come from several.
        assertions: signs the assertions of the organisations' jobs.
        tokens: signs the access tokens.
    """

    def __init__(self, organizations: Iterable[Organization], assertions: Signer, tokens: Signer) -> None:
        self._assertions = assertions
        self._tokens = tokens
        self._tenants: dict[str, Tenant] = {}
        self._applications: dict[str, Application] = {}
        for organization in organizations:
            for tenant in organization.tenants:
                self._tenants.setdefault(tenant.id, tenant)
            for entry in organization.applications:
                known = self._applications.get(entry.client_id, entry)
                self._applications[entry.client_id] = known.model_copy(
                    update={
                        name: tuple(dict.fromkeys((*getattr(known, name), *getattr(entry, name))))
                        for name in ("tenants", "federated_credentials")
                    }
                )

    async def answer(self, request: web.Request, record: Record) -> web.Response:
        """Answer a request, and note in its record who asked."""
        tenant, _, rest = record.path[len(PREFIX) :].partition("/")
        if rest != "oauth2/v2.0/token":
            return web.Response(status=404, text="Not Found")
        if request.method != "POST":
            return web.Response(status=405, headers={"Allow": "POST"})
        form = {name: text for name, text in (await request.post()).items() if isinstance(text, str)}
        try:
            answer = self._grant(tenant.lower(), form, record)
        except EntraRefusal as refusal:
            response = web.json_response(refusal.data(), status=refusal.status)
        else:
            response = web.json_response(answer)
        response.headers.update({"Cache-Control": "no-store, no-cache", "Pragma": "no-cache"})
        return response

    def _grant(self, asked: str, form: Mapping[str, str], record: Record) -> dict[str, object]:
        """An access token for what the form presents.

        Raises:
            EntraRefusal: something does not fit; the first fault in Entra's order is told.
        """
        for name in ("grant_type", "client_id", "scope"):
            if not form.get(name):
                text = f"The request body must contain the following parameter: '{name}'."
                raise EntraRefusal(900144, text, "invalid_request")
        tenant = self._tenants.get(asked)
        if tenant is None:
            text = f"Tenant '{asked}' not found. Check that it is the right one, and of the right cloud."
            raise EntraRefusal(90002, text, "invalid_request")
        client = form["client_id"].lower()
        application = self._applications.get(client)
        if application is None or tenant.id not in application.tenants:
            text = (
                f"Application with identifier '{form['client_id']}' was not found in the directory "
                f"'{tenant.name}'."
            )
            raise EntraRefusal(700016, text, "unauthorized_client")
        record.identity = application.name
        if form["grant_type"] != "client_credentials":
            text = f"The app requested an unsupported grant type '{form['grant_type']}'."
            raise EntraRefusal(70003, text, "unsupported_grant_type")
        if form["scope"] != f"{AZURE_DEVOPS}/.default":
            raise _wrong_scope(form["scope"])
        self._check_assertion(tenant, application, form)
        record.credential = "assertion"
        return {
            "token_type": "Bearer",
            "expires_in": tenant.token_seconds,
            "ext_expires_in": tenant.token_seconds,
            "access_token": self._token(tenant, application).get_secret_value(),
        }

    def _check_assertion(self, tenant: Tenant, application: Application, form: Mapping[str, str]) -> None:
        if "client_secret" in form:
            text = f"Invalid client secret provided for app '{application.client_id}'."
            raise EntraRefusal(7000215, text)
        if form.get("client_assertion_type") != _ASSERTION_TYPE or not form.get("client_assertion"):
            text = "The request body must contain 'client_assertion' or 'client_secret'."
            raise EntraRefusal(7000218, text)
        assertion = SecretStr(form["client_assertion"])
        claims = read(assertion)
        if claims is None or not {"iss", "sub", "aud", "nbf", "exp"} <= claims.keys():
            text = "The JWT of the client assertion is invalid or malformed."
            raise EntraRefusal(50027, text, "invalid_request")
        if not tenant.federation:
            text = "The tenant's policy does not allow federated identity credentials of this issuer."
            raise EntraRefusal(700238, text)
        credential = _match(application, claims)
        try:
            self._assertions.verify(assertion, audience=credential.audience, issuer=credential.issuer)
        except (jwt.ExpiredSignatureError, jwt.ImmatureSignatureError):
            raise _untimely(claims) from None
        except jwt.InvalidTokenError:
            text = "The signature of the client assertion could not be validated."
            raise EntraRefusal(700027, text) from None
        if len(application.tenants) > 1 and str(claims["iss"]).startswith(ENTRA_ISSUER):
            text = "The identity must be a managed identity, a single tenant app, or a service account."
            raise EntraRefusal(70052, text)

    def _token(self, tenant: Tenant, application: Application) -> SecretStr:
        now = int(time.time())
        principal = application.principal(tenant.id)
        return self._tokens.sign(
            {
                "aud": AZURE_DEVOPS,
                "iss": f"{STS_ISSUER}/{tenant.id}/",
                "iat": now,
                "nbf": now,
                "exp": now + tenant.token_seconds,
                "appid": application.client_id,
                "idtyp": "app",
                "oid": principal,
                "sub": principal,
                "tid": tenant.id,
                "uti": str(uuid.uuid4()),
                "ver": "1.0",
            }
        )


def _wrong_scope(scope: str) -> EntraRefusal:
    resource, slash, _ = scope.rpartition("/.default")
    if not slash:
        text = f"The scope {scope} is not valid: client credentials need one that ends with /.default."
        return EntraRefusal(1002012, text, "invalid_scope")
    text = f"The resource principal named {resource} was not found in the tenant."
    return EntraRefusal(500011, text, "invalid_resource")


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
