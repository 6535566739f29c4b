"""Microsoft Entra's endpoints: tokens for applications, and for persons who sign in.

Microsoft Learn, "Microsoft identity platform and the OAuth 2.0 client credentials flow"; "OpenID Connect"
tells of the configuration document, which the Azure CLI reads before it asks for a token. What persons do is
in `sign_in.py`.
"""

from collections.abc import Mapping

from aiohttp import web

from azure_devops_emulator.description.behaviour import Behaviour
from azure_devops_emulator.description.connections import AZURE_DEVOPS
from azure_devops_emulator.services.client_credentials import check_credential
from azure_devops_emulator.services.directory import Directory
from azure_devops_emulator.services.refusals import EntraRefusal, demand
from azure_devops_emulator.services.request_log import Record
from azure_devops_emulator.services.sign_in import GRANTS, SignIn
from azure_devops_emulator.services.tokens import Signer

PREFIX = "/login/"
_CONFIGURATION = "v2.0/.well-known/openid-configuration"


class Entra:
    """Answers for Microsoft Entra.

    Args:
        directory: whom it knows.
        issuers: signed the assertions that applications present.
        behaviour: the switches.

    Attributes:
        sign_in: what persons do.
    """

    def __init__(self, directory: Directory, issuers: Signer, behaviour: Behaviour) -> None:
        self._directory = directory
        self._issuers = issuers
        self._behaviour = behaviour
        self.sign_in = SignIn(directory, behaviour)

    async def answer(self, request: web.Request, record: Record) -> web.Response:
        """Answer a request, and note in its record who asked."""
        tenant, _, rest = record.path[len(PREFIX) :].lower().partition("/")
        methods = {"oauth2/v2.0/authorize": "GET", _CONFIGURATION: "GET"}
        if rest not in {"oauth2/v2.0/token", "oauth2/v2.0/devicecode", *methods}:
            return web.Response(status=404, text="Not Found")
        method = methods.get(rest, "POST")
        if request.method != method:
            return web.Response(status=405, headers={"Allow": method})
        given = request.query if method == "GET" else await request.post()
        form = {name: text for name, text in given.items() if isinstance(text, str)}
        try:
            if rest == _CONFIGURATION:
                answer = self._configuration(tenant, f"{request.scheme}://{request.host}{PREFIX}")
            elif method == "GET":
                return self.sign_in.authorize(tenant, form, record)
            elif rest.endswith("devicecode"):
                address = f"{request.scheme}://{request.host}{PREFIX}device"
                answer = self.sign_in.begin(tenant, form, address, record)
            elif form.get("grant_type") in GRANTS:
                answer = self.sign_in.grant(tenant, form, record)
            else:
                answer = self._grant(tenant, form, record)
        except EntraRefusal as refusal:
            response = web.json_response(refusal.data(), status=refusal.status)
        else:
            response = web.json_response(answer)
        response.headers.update({"Cache-Control": "no-store, no-cache", "Pragma": "no-cache"})
        return response

    def _configuration(self, asked: str, address: str) -> dict[str, object]:
        """Where a tenant's endpoints are.

        Raises:
            EntraRefusal: there is no such tenant.
        """
        self._directory.tenant(asked)
        endpoints = f"{address}{asked}/oauth2/v2.0"
        return {
            "issuer": f"{address}{asked}/v2.0",
            "authorization_endpoint": f"{endpoints}/authorize",
            "device_authorization_endpoint": f"{endpoints}/devicecode",
            "token_endpoint": f"{endpoints}/token",
        }

    def _grant(self, asked: str, form: Mapping[str, str], record: Record) -> dict[str, object]:
        """An access token for what an application presents.

        Raises:
            EntraRefusal: something does not fit; the first fault in Entra's order is told.
        """
        demand(form, "grant_type", "client_id", "scope")
        tenant = self._directory.tenant(asked)
        application = self._directory.application(form["client_id"], tenant)
        record.identity = application.name
        if form["grant_type"] != "client_credentials":
            text = f"The app requested an unsupported grant type '{form['grant_type']}'."
            raise EntraRefusal(70003, text, "unsupported_grant_type")
        bare = self._behaviour.bare_resource_as_scope and form["scope"] == AZURE_DEVOPS
        if not bare and form["scope"] != f"{AZURE_DEVOPS}/.default":
            raise _wrong_scope(form["scope"])
        record.credential = check_credential(tenant, application, form, self._issuers)
        token = self._directory.application_token(tenant, application, tenant.token_seconds)
        return {
            "token_type": "Bearer",
            "expires_in": tenant.token_seconds,
            "ext_expires_in": tenant.token_seconds,
            "access_token": token.get_secret_value(),
        }


def _wrong_scope(scope: str) -> EntraRefusal:
    resource, slash, _ = scope.rpartition("/.default")
    if not slash:
        text = f"The scope {scope} is not valid: client credentials need one that ends with /.default."
        return EntraRefusal(1002012, text, "invalid_scope")
    text = f"The resource principal named {resource} was not found in the tenant."
    return EntraRefusal(500011, text, "invalid_resource")
