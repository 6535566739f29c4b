"""Managed identities: a service of the machine itself gives tokens for who the machine is.

Microsoft Learn, "How to use managed identities for App Service and Azure Functions", "Authenticate against
Azure resources with Azure Arc-enabled servers", "How to use managed identities on an Azure VM to acquire an
access token". Which variables mean which service: the azure-identity library. All of them take the bare id of
the resource, and none is asked through a proxy.
"""

import ipaddress
import json
import os
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from typing import NamedTuple
from urllib.parse import urlencode

from pip_authenticate.azure.application import AZURE_DEVOPS
from pip_authenticate.azure.refusals import message_of, without_tokens
from pip_authenticate.errors import InputError, ServiceError
from pip_authenticate.origin import origin_of
from pip_authenticate.secret import Learned, Secret
from pip_authenticate.tokens import from_seconds, is_token
from pip_authenticate.transport import Response, Transport

SECONDS = 20.0
"""How long a service of the machine may take, all tries together."""
MACHINE = "http://169.254.169.254"
"""Where a virtual machine's service is."""
_ENDPOINT, _HEADER, _THUMBPRINT = "IDENTITY_ENDPOINT", "IDENTITY_HEADER", "IDENTITY_SERVER_THUMBPRINT"
_ARC, _OLD, _OLD_SECRET = "IMDS_ENDPOINT", "MSI_ENDPOINT", "MSI_SECRET"
_MOVED = "AZURE_POD_IDENTITY_AUTHORITY_HOST"
_BUSY_STATUSES = frozenset({404, 410})  # the service is being set up, or renewed
_WAITS = (0.5, 1.0, 2.0, 4.0)
_KEY_BYTES = 4096
_ASSIGN = "Assign one in the portal (Identity), or name the one that it has: AZURE_CLIENT_ID or --identity."


class Service(NamedTuple):
    """A service that gives tokens.

    Args:
        kind: `App Service`, `Azure Arc`, `MSI`, `Cloud Shell` or `virtual machine`.
        url: where it is asked.
        query: what is asked beside the resource.
        headers: what it wants to see.
        client: how it calls the id of a user-assigned identity; empty where it has none.
    """

    kind: str
    url: str
    query: Mapping[str, str]
    headers: Mapping[str, Secret]
    client: str


class ManagedToken(NamedTuple):
    """A token, and when it ends; None where nobody says."""

    secret: Secret
    expires: datetime | None


def found(variables: Mapping[str, str], *, is_named: bool) -> Service | None:
    """The service of this machine; None where no variable tells of one.

    Args:
        variables: of the environment.
        is_named: whether a person names it: then a virtual machine's is asked, which no variable tells of.
    """
    url, header = variables.get(_ENDPOINT, ""), variables.get(_HEADER, "")
    old = variables.get(_OLD, "")
    marked = {"Metadata": Secret("true")}
    if url and header and not variables.get(_THUMBPRINT):
        headers = {"X-IDENTITY-HEADER": Secret(header)}
        return Service("App Service", url, {"api-version": "2019-08-01"}, headers, "client_id")
    if url and variables.get(_ARC):
        return Service("Azure Arc", url, {"api-version": "2020-06-01"}, marked, "")
    if old and variables.get(_OLD_SECRET):
        headers = {"secret": Secret(variables[_OLD_SECRET])}
        return Service("MSI", old, {"api-version": "2017-09-01"}, headers, "clientid")
    if old:
        return Service("Cloud Shell", old, {}, marked, "")
    moved = variables.get(_MOVED, "")
    if moved or is_named:
        path = "/metadata/identity/oauth2/token"
        query = {"api-version": "2018-02-01"}
        return Service("virtual machine", (moved or MACHINE).rstrip("/") + path, query, marked, "client_id")
    return None


def ask(
    service: Service, client_id: str, arc_folder: str, transport: Transport, learned: Learned
) -> ManagedToken:
    """Ask for a token for Azure DevOps.

    Args:
        service: of this machine.
        client_id: of a user-assigned identity, or empty: the machine's own, or its only one.
        arc_folder: where Azure Arc's agent puts keys.
        transport: of the run.
        learned: is told of secrets.

    Raises:
        InputError: the address is none of this machine or its network.
        ServiceError: there is no such service, or it gives no token.
    """
    _check(service)
    learned(value for name, value in service.headers.items() if name != "Metadata")
    query = {**service.query, "resource": AZURE_DEVOPS}
    if client_id and service.client:
        query[service.client] = client_id
    local = transport.past_proxies(service.headers, SECONDS)
    response = _patiently(service, query, local)
    if service.kind == "Azure Arc" and response.status == 401:
        key = _key_of_arc(response, arc_folder)
        learned([key])
        response = _once(service, query, local, Secret(f"Basic {key.reveal()}"))
    return _token(response, service, client_id)


def _check(service: Service) -> None:
    """Let headers go to this machine and its network only; names could lead anywhere."""
    try:
        origin = origin_of(service.url)
        address = None if origin.is_loopback else ipaddress.ip_address(origin.host)
    except (ServiceError, ValueError):
        is_near = False
    else:
        is_near = address is None or address.is_link_local or address.is_private
    if not is_near:
        raise InputError(
            "managed-identity-address",
            f"The {service.kind} identity is not asked: its address is none of this machine or its network",
            hint=f"The platform sets {_ENDPOINT}, {_OLD} or {_MOVED}; remove what replaces it.",
        )


def _patiently(service: Service, query: dict[str, str], local: Transport) -> Response:
    """Ask, again where the service is not ready yet."""
    for wait in _WAITS:
        response = _once(service, query, local)
        if response.status not in _BUSY_STATUSES or local.deadline.remaining < 2 * wait:
            return response
        local.deadline.sleep(wait)
    return _once(service, query, local)


def _once(
    service: Service, query: dict[str, str], local: Transport, authorization: Secret | None = None
) -> Response:
    text = urlencode(query)
    try:
        if service.kind == "Cloud Shell":
            form = "application/x-www-form-urlencoded"
            return local.request("POST", service.url, body=text.encode("ascii"), content_type=form)
        return local.request("GET", f"{service.url}?{text}", authorization=authorization)
    except ServiceError as error:
        raise ServiceError(
            "managed-identity-unreachable",
            f"The {service.kind} identity did not answer; it was given {SECONDS:.0f} s",
            context=error.what,
            hint="Is this a machine of Azure that has an identity? Else leave managed-identity out of "
            "--credential.",
        ) from None


def _key_of_arc(response: Response, folder: str) -> Secret:
    """What only this machine's administrators and the group himds can read: a file that the challenge names.

    Raises:
        ServiceError: it names no such file, or that cannot be read.
    """
    _, _, path = response.headers.get("www-authenticate", "").partition("Basic realm=")
    if os.path.dirname(path) != folder or not path.endswith(".key"):
        raise ServiceError(
            "arc-challenge",
            "Azure Arc names no key file of its own agent",
            hint=f"It must lie in {folder}: check IDENTITY_ENDPOINT.",
        )
    try:
        with open(path, "rb") as file:
            content = file.read(_KEY_BYTES + 1)
    except OSError as error:
        raise ServiceError(
            "arc-challenge",
            f"The key file of Azure Arc cannot be read: {error.strerror}",
            context=path,
            hint="Add this user to the group himds (on Windows: Hybrid agent extension applications).",
        ) from None
    key = content.decode("latin-1").strip()
    if not key or len(content) > _KEY_BYTES or not key.isascii() or not key.isprintable():
        raise ServiceError(
            "arc-challenge", "The key file of Azure Arc holds no key", hint="Repair its agent."
        )
    return Secret(key)


def _token(response: Response, service: Service, client_id: str) -> ManagedToken:
    try:
        answer = json.loads(response.body.decode("utf-8-sig"))
        token = answer["access_token"]
    except (ValueError, LookupError, TypeError, RecursionError):
        answer, token = {}, None
    if response.status == 200 and is_token(token):
        return ManagedToken(Secret(token), _end(answer))
    whose = f"an identity with the client id {client_id}" if client_id else "an identity"
    if response.status == 400:
        what = f"This machine ({service.kind}) has not got {whose}"
    else:
        what = f"The {service.kind} identity gives no token (status {response.status})"
    raise ServiceError("managed-identity", what, context=without_tokens(message_of(response)), hint=_ASSIGN)


def _end(answer: Mapping[str, object]) -> datetime | None:
    """When a token ends: some services write when, some how long it lives, some neither."""
    seconds = str(answer.get("expires_in", ""))
    if "expires_on" not in answer and seconds.isdecimal() and len(seconds) < 9:
        return datetime.now(timezone.utc) + timedelta(seconds=int(seconds))
    return from_seconds(answer.get("expires_on"))
