"""How Azure DevOps speaks: headers, challenges and errors (reason phrase, header and JSON body)."""

import json
import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from aiohttp import web
from multidict import CIMultiDict

from azure_devops_emulator.description.behaviour import Behaviour
from azure_devops_emulator.description.reading import stable_id
from azure_devops_emulator.organization import Organization
from azure_devops_emulator.services.faults import sign_in_page, sign_in_redirect
from azure_devops_emulator.services.identities import (
    ANONYMOUS_ID,
    Caller,
    Rejection,
    unauthorized_message,
)

FEED_NAMESPACE = "Microsoft.VisualStudio.Services.Feed.WebApi"
WEB_NAMESPACE = "Microsoft.VisualStudio.Services.WebApi"
PACKAGING_NAMESPACE = "Microsoft.VisualStudio.Services.Packaging.Shared.WebApi"
COMMON_NAMESPACE = "Microsoft.VisualStudio.Services.Common"


class Refusal(Exception):  # noqa: N818 - it is an answer of the service, no error of the emulator
    """An answer other than success.

    Args:
        status: HTTP status.
        message: the service's message.
        type_key: the kind of error in the service's words.
        namespace: where the service defines that kind.
    """

    def __init__(self, status: int, message: str, type_key: str, namespace: str = WEB_NAMESPACE) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.type_key = type_key
        self.namespace = namespace


@dataclass
class Call:
    """A request to one of the organisation's hosts, and what is known about it.

    Args:
        request: the request.
        organization: whom it is for.
        behaviour: the switches.
        on_premises: whether this is an Azure DevOps Server.
        hosts: kinds of the host that was asked: one of dev, pkgs, feeds, vssps; all of them on premises.
        sibling: gives the address of one of the organisation's hosts, ending with a slash.
        path: what comes after the host's own address, as it was sent.
        caller: who asks.
        parts: the decoded variable parts of the path.
    """

    request: web.Request
    organization: Organization
    behaviour: Behaviour
    on_premises: bool
    hosts: frozenset[str]
    sibling: Callable[[str], str]
    path: str
    caller: Caller | Rejection
    parts: dict[str, str] = field(default_factory=dict)
    activity: str = field(default_factory=lambda: str(uuid.uuid4()))

    @property
    def known_caller(self) -> Caller:
        """Who asks.

        Raises:
            Refusal: the credential is not accepted.
        """
        if isinstance(self.caller, Rejection):
            raise Refusal(401, self.caller.message, self.caller.type_key)
        return self.caller

    def demand_identity(self) -> Caller:
        """Who asks, and not anonymously.

        Raises:
            Refusal: the credential is missing or not accepted.
        """
        caller = self.known_caller
        if caller.identity is None:
            raise anonymous_refusal()
        return caller


def anonymous_refusal() -> Refusal:
    """The answer to a caller without credentials where some are needed."""
    return Refusal(401, unauthorized_message(ANONYMOUS_ID), "UnauthorizedRequestException")


def json_answer(call: Call, data: Any, *, status: int = 200, version: str = "") -> web.Response:  # noqa: ANN401
    """A JSON answer, with the api-version in its content type when there is one."""
    text = json.dumps(data, separators=(",", ":"))
    response = web.Response(text=text, status=status, content_type="application/json")
    kind = "application/json; charset=utf-8"
    response.headers["Content-Type"] = f"{kind}; api-version={version}" if version else kind
    response.headers.update({"Cache-Control": "no-cache", "Pragma": "no-cache", "Expires": "-1"})
    decorate(call, response)
    return response


def decorate(call: Call, response: web.StreamResponse) -> None:
    """Add the headers that every answer of the organisation carries."""
    organization = call.organization
    headers = response.headers
    headers["ActivityId"] = headers["X-VSS-E2EID"] = call.activity
    headers["X-TFS-Session"] = call.activity
    headers["X-TFS-ProcessId"] = stable_id(organization.id, "process")
    headers["X-Content-Type-Options"] = "nosniff"
    headers["X-Frame-Options"] = "SAMEORIGIN"
    headers["P3P"] = 'CP="CAO DSP COR ADMa DEV CONo TELo CUR PSA PSD TAI IVDo OUR SAMi BUS DEM NAV"'
    if not call.on_premises:
        headers["X-VSS-SenderDeploymentId"] = stable_id(organization.id, "deployment")
        headers["Request-Context"] = f"appId=cid-v1:{stable_id(organization.id, 'application')}"
        headers["Strict-Transport-Security"] = "max-age=31536000; includeSubDomains"
        headers["X-Cache"] = "CONFIG_NOCACHE"
    if isinstance(call.caller, Caller) and call.caller.identity:
        identity = call.caller.identity
        headers["X-VSS-UserData"] = f"{identity.id}:{identity.account}"


def refuse(call: Call, refusal: Refusal) -> web.Response:
    """The answer that a refusal is on the wire: the message in the reason phrase, a header and the body."""
    suppressed = call.request.headers.get("X-TFS-FedAuthRedirect", "").lower() == "suppress"
    if refusal.status == 401 and not suppressed and _signs_in(call):
        if call.behaviour.sign_in == "redirect":
            return sign_in_redirect(call.request, call.sibling("vssps"))
        return sign_in_page(203)
    message = re.sub(r"[\x00-\x1f\x7f]", " ", refusal.message)
    response = json_answer(
        call,
        {
            "$id": "1",
            "innerException": None,
            "message": refusal.message,
            "typeName": f"{refusal.namespace}.{refusal.type_key}, {refusal.namespace}",
            "typeKey": refusal.type_key,
            "errorCode": 0,
            "eventId": 3000,
        },
    )
    phrase = HTTPStatus(refusal.status).phrase
    response.set_status(refusal.status, f"{phrase} - {message} (DevOps Activity ID: {call.activity.upper()})")
    response.headers["X-TFS-ServiceError"] = quote(message)
    if refusal.status == 401:
        _challenge(call, response.headers)
    return response


def not_allowed(call: Call, allowed: str) -> web.Response:
    """The answer to a method that the address does not support."""
    method = call.request.method
    message = f"The requested resource does not support http method '{method}'."
    response = json_answer(call, {"count": 1, "value": {"Message": message}}, status=405)
    response.headers["Allow"] = allowed
    return response


def _signs_in(call: Call) -> bool:
    """Whether the caller gets the sign-in page in the place of a challenge.

    Known for the REST hosts and tokens that are not accepted, and for a user name alone on the package host.
    """
    if call.on_premises or call.behaviour.sign_in == "challenge":
        return False
    if "pkgs" in call.hosts:
        return isinstance(call.caller, Rejection) and call.caller.label == "a user name only"
    return True


def _challenge(call: Call, headers: CIMultiDict[str]) -> None:
    """Add what a 401 says about authentication.

    Three challenges and the tenant for a caller without credentials; only Basic for a rejected one.
    """
    rejected = isinstance(call.caller, Rejection)
    if call.on_premises:
        if call.behaviour.negotiate_first and not rejected:
            headers.add("WWW-Authenticate", "Negotiate")
            headers.add("WWW-Authenticate", "NTLM")
        headers.add("WWW-Authenticate", f'Basic realm="{call.sibling("dev")}"')
        return
    realm = "https://pkgsprodemu1.pkgs.visualstudio.com/"
    if rejected:
        headers.add("WWW-Authenticate", f'Basic realm="{realm}"')
        return
    tenant = call.organization.tenant_id
    consumer = set(tenant) <= {"0", "-"}
    bearer = "Bearer" if consumer else f"Bearer authorization_uri={call.behaviour.authority}/{tenant}"
    headers.add("WWW-Authenticate", bearer)
    headers.add("WWW-Authenticate", f'Basic realm="{realm}"')
    headers.add("WWW-Authenticate", "TFS-Federated")
    if call.behaviour.tenant_header:
        headers["X-VSS-ResourceTenant"] = tenant
    headers["X-VSS-AuthorizationEndpoint"] = call.sibling("vssps")
    headers["X-TFS-FedAuthRealm"] = realm
    headers["X-TFS-FedAuthIssuer"] = call.sibling("dev")
