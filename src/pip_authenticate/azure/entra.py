"""Microsoft Entra: exchanges an assertion for a token, and explains every refusal.

The exchange is the OAuth 2.0 client credentials grant with a JWT assertion (RFC 7523; Microsoft Learn,
"Microsoft identity platform and the OAuth 2.0 client credentials flow", third case). Error codes:
Microsoft Learn, "Microsoft Entra authentication and authorization error codes".
"""

import json
import re
from datetime import datetime, timedelta, timezone
from typing import NamedTuple
from urllib.parse import urlencode

from pip_authenticate.azure import refusals
from pip_authenticate.azure.addresses import Collection, objection
from pip_authenticate.azure.application import AZURE_DEVOPS_SCOPE, Application
from pip_authenticate.errors import InputError, ServiceError
from pip_authenticate.index import IndexUrl
from pip_authenticate.origin import origin_of
from pip_authenticate.secret import Secret
from pip_authenticate.settings import Settings
from pip_authenticate.tokens import claims, is_token
from pip_authenticate.transport import Response, Transport

PUBLIC_AUTHORITY = "https://login.microsoftonline.com"
_SHOWN_DESCRIPTION = 160
_JWT = re.compile(r"eyJ[\w-]+(?:\.[\w-]*)+")
_TRACE = re.compile(r"[\w-]{1,64}")
_READ_DESCRIPTION = 4096
_COMPARED = {"iss": "issuer", "sub": "subject", "aud": "audience"}
_SHOWN_CLAIM = 300
_ABOUT_SUBJECTS = frozenset({70021, 700213})
_NUMBERED = re.compile(r"repo:[^/:]*@\d+/")  # GitHub: "OpenID Connect reference"

_CREDENTIAL = (
    "in Entra: App registrations (or the managed identity), Certificates & secrets, Federated credentials"
)


class Words(NamedTuple):
    """What a refusal tells people to do, where that depends on who asked.

    Args:
        place: where the identity and its tenant are named.
        shown: what shows the assertion's issuer and subject.
        secret: what becomes of a secret that is not accepted.
    """

    place: str
    shown: str
    secret: str


CONNECTION = Words(
    "in the service connection (project settings, Service connections)",
    "the service connection shows",
    "Use workload identity federation in the service connection (project settings, Service connections).",
)
APPLICATION = Words(
    "in AZURE_CLIENT_ID and AZURE_TENANT_ID (or --identity, --tenant)",
    "this message shows",
    "Set AZURE_CLIENT_SECRET to the value of a secret that is still valid, not to its id (in Entra: App "
    "registrations, Certificates & secrets), or use federation, which needs none.",
)
# Code → what it means, and what to change where.
_REFUSALS = {
    700016: (
        "the application is not known in this tenant",
        "Check the service principal's id and the tenant {place}; the application must exist there.",
    ),
    70025: (
        "the application has no federated credential",
        "Add one {credential}, with the issuer and subject that {shown}.",
    ),
    70021: (
        "no federated credential matches the assertion's issuer and subject",
        "Compare issuer, subject and audience {credential} with those that {shown}.",
    ),
    700211: (
        "no federated credential has the assertion's issuer",
        "Change the issuer {credential} to the one that {shown}.",
    ),
    700212: (
        "no federated credential has the assertion's audience",
        "Change the audience {credential} to api://AzureADTokenExchange.",
    ),
    700213: (
        "no federated credential has the assertion's subject",
        "Change the subject {credential} to the one that {shown}.",
    ),
    7002138: (
        "the federated credential's subject differs from the assertion's in upper and lower case",
        "Write the subject {credential} exactly as {shown} it.",
    ),
    700024: (
        "the assertion is not within its time of validity",
        "Check the agent's clock, and run the job again: an assertion lives about ten minutes.",
    ),
    700223: (
        "the tenant forbids federated credentials of this kind",
        "Ask the tenant's administrator to allow the assertion's issuer.",
    ),
    700238: (
        "the tenant's policy blocks workload identity federation",
        "Ask the tenant's administrator to allow the assertion's issuer.",
    ),
    70052: (
        "a multi-tenant application cannot be used with Entra's own issuer",
        "Make the application a single-tenant one (Supported account types), or use a managed identity.",
    ),
    900382: (
        "the assertion comes from another cloud",
        "Use an identity and an authority (AZURE_AUTHORITY_HOST) of the same cloud.",
    ),
    90061: (
        "Entra could not reach the assertion's issuer",
        "Run the job again later; if it stays, check that the issuer's address is public.",
    ),
    50166: (
        "Entra could not reach the assertion's issuer",
        "Run the job again later; if it stays, check that the issuer's address is public.",
    ),
    50020: (
        "the identity belongs to another tenant than the one asked",
        "Add it to the organisation's tenant, or use an identity of that tenant.",
    ),
    90002: (
        "the tenant does not exist",
        "Check the tenant's id {place}, and whether AZURE_AUTHORITY_HOST names the right cloud.",
    ),
    7000215: ("the application's secret is wrong", "{secret}"),
    7000222: ("the application's secret has expired", "{secret}"),
    53003: (
        "a conditional access policy blocks the identity",
        "Ask the tenant's administrator to exempt this workload identity.",
    ),
}


class Token(NamedTuple):
    """An access token.

    Args:
        secret: the token.
        seconds: how long it is valid from now on.
    """

    secret: Secret
    seconds: int

    @property
    def expires(self) -> datetime | None:
        """When it ends; None where Entra has not said."""
        return datetime.now(timezone.utc) + timedelta(seconds=self.seconds) if self.seconds else None


def authority(settings: Settings, home: Collection) -> str:
    """The address of Entra that an assertion is sent to.

    Args:
        settings: the input authorityHost, which may name any; else AZURE_AUTHORITY_HOST, which any step
            can have set and which must therefore be one that Microsoft documents.
        home: the organisation of the job.

    Raises:
        InputError: it is no address, or one that must not be told an assertion.
    """
    host = settings.authority or settings.authority_host
    name = "authorityHost" if settings.authority else "AZURE_AUTHORITY_HOST"
    if not host:
        return PUBLIC_AUTHORITY
    try:
        url, password = IndexUrl.parse(host if "://" in host else f"https://{host}")
        plain = not password and "@" not in host
    except InputError:
        plain = False
    if not plain:
        raise InputError(
            "authority-unusable",
            f"{name} is neither a host name nor an https address",
            hint="Set it to the Entra authority of your cloud, or remove it.",
        )
    listed = (f"{url.origin.host}:{url.origin.port}",) if settings.authority else ()
    why = objection(url, "authority", home, listed)
    if why:
        raise InputError(
            "authority-unusable",
            f"{name} names {url.origin.host}, which {why}; an assertion is not sent there",
            hint="Write it with https."
            if settings.authority
            else "Remove it; in the task, the step's input authorityHost names another authority.",
        )
    return str(url).rstrip("/")


def exchange(
    application: Application, assertion: Secret, transport: Transport, words: Words = CONNECTION
) -> Token:
    """Exchange an assertion for a token that Azure DevOps accepts.

    Raises:
        ServiceError: Entra refused, with the meaning of its code and what the assertion says; or did not
            answer as documented.
    """
    proof = {
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "client_assertion": assertion.reveal(),
    }
    return _token(application, proof, transport, words)


def exchange_secret(application: Application, secret: Secret, transport: Transport) -> Token:
    """Exchange an application's secret for a token that Azure DevOps accepts (the grant's first case).

    Raises:
        ServiceError: as for `exchange`.
    """
    return _token(application, {"client_secret": secret.reveal()}, transport, APPLICATION)


def _token(application: Application, proof: dict[str, str], transport: Transport, words: Words) -> Token:
    form = {"grant_type": "client_credentials", "scope": AZURE_DEVOPS_SCOPE, **proof}
    response, answer = ask(application, "token", form, transport)
    token = answer.get("access_token")
    if response.status != 200:
        raise _refusal(response, answer, words, Secret(proof.get("client_assertion", "")))
    if not is_token(token):
        raise ServiceError(
            "entra-answer",
            f"{origin_of(response.url).host} answered without an access token (status 200)",
            hint="Check AZURE_AUTHORITY_HOST, and that no proxy answers in Entra's place.",
        )
    return Token(Secret(token), number(answer.get("expires_in"), 0))


def ask(
    application: Application, path: str, form: dict[str, str], transport: Transport
) -> tuple[Response, dict[str, object]]:
    """Post an application's form; gives the answer, and its object of JSON: empty where it is none.

    Args:
        application: whose, and where.
        path: of the endpoint, within OAuth 2.0 of the tenant.
        form: beside the application's id.
        transport: sends the request.

    Raises:
        ServiceError: no answer came.
    """
    whole = urlencode({"client_id": application.client_id, **form}, errors="surrogateescape")
    response = transport.request(
        "POST",
        f"{application.authority}/{application.tenant}/oauth2/v2.0/{path}",
        body=whole.encode("ascii"),
        content_type="application/x-www-form-urlencoded",
    )
    try:
        value = json.loads(response.body.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        value = {}
    return response, value if isinstance(value, dict) else {}


def number(value: object, default: int) -> int:
    """A number of seconds in an answer, which may be written as a text."""
    digits = str(value)
    return int(digits) if digits.isdecimal() and len(digits) < 9 else default


def _refusal(response: Response, answer: dict[str, object], words: Words, assertion: Secret) -> ServiceError:
    description = _described(answer)
    host, status = origin_of(response.url).host, response.status
    code = _code(answer, description)
    trace = answer.get("trace_id")
    trail = f"; trace id {trace}" if isinstance(trace, str) and _TRACE.fullmatch(trace) else ""
    trail += _said_by(assertion)
    if code is None:
        return ServiceError(
            "entra-refused",
            f"{host} refused the token (status {status})",
            context=(_shortened(description) or "no reason given") + trail,
            hint="Check AZURE_AUTHORITY_HOST, and that no proxy answers in Entra's place.",
        )
    meaning, remedy = _REFUSALS.get(
        code,
        (_shortened(description) or "no reason given", "Look the code up, and check the identity {place}."),
    )
    said = f"it says: {_shortened(description)}" if code in _REFUSALS and description else f"status {status}"
    hint = remedy.format(credential=_CREDENTIAL, **words._asdict())
    if code in _ABOUT_SUBJECTS and _NUMBERED.match(str(claims(assertion).get("sub"))):
        hint += " Repositories that were made or renamed since 2026-07-15 have numbers in their subject."
    return ServiceError(
        "entra-refused", f"{host} refused the token: AADSTS{code}, {meaning}", context=said + trail, hint=hint
    )


def _said_by(assertion: Secret) -> str:
    """What must be compared by eye with the federated credential, and is no secret."""
    said = claims(assertion)
    told = (f"{word} {str(said[key])[:_SHOWN_CLAIM]}" for key, word in _COMPARED.items() if key in said)
    shown = ", ".join(told)
    return f"; the assertion says: {shown}" if shown else ""


def _code(answer: dict[str, object], description: str) -> int | None:
    """The code of a refusal: the text's where it is more exact than the list's."""
    match = re.search(r"AADSTS(\d{4,9})", description)
    if match:
        return int(match[1])
    codes = answer.get("error_codes")
    if isinstance(codes, list) and codes and type(codes[0]) is int:
        return codes[0]
    return None


def description(answer: dict[str, object]) -> str:
    """What a refusal says of itself, for people."""
    text = _described(answer)
    code = _code(answer, text)
    return f"AADSTS{code}: {_shortened(text)}" if code else _shortened(text) or "no reason given"


def _described(answer: dict[str, object]) -> str:
    text = answer.get("error_description")
    return " ".join(text.split())[:_READ_DESCRIPTION] if isinstance(text, str) else ""


def _shortened(description: str) -> str:
    """A description for people: without code, trail and anything that looks like a token."""
    text = description.partition("Trace ID:")[0].strip()
    text = _JWT.sub("***", re.sub(r"^AADSTS\d+: ", "", text))
    return refusals.shortened(text, _SHOWN_DESCRIPTION)
