"""How persons sign in: with a code on another device, in a browser, and again without being asked.

Microsoft Learn, "Microsoft identity platform and the OAuth 2.0 device authorization grant flow" (RFC 8628)
and "... authorization code flow" (RFC 7636, RFC 8252). What a person does, a test does by `SignIn`'s methods.
"""

import base64
import hashlib
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit

from aiohttp import web
from pydantic import SecretStr

from azure_devops_emulator.description.behaviour import Behaviour
from azure_devops_emulator.description.connections import AZURE_DEVOPS, Tenant
from azure_devops_emulator.errors import InputError
from azure_devops_emulator.services.directory import AZURE_CLI, FIRST_PARTY, Directory, Person
from azure_devops_emulator.services.faults import sign_in_page
from azure_devops_emulator.services.identities import ENTRA_SCOPE
from azure_devops_emulator.services.refusals import EntraRefusal, demand
from azure_devops_emulator.services.request_log import Record

DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
GRANTS = frozenset({DEVICE_GRANT, "authorization_code", "refresh_token"})
_ANY_TENANT = frozenset({"organizations", "common"})
_OPEN_ID = frozenset({"openid", "profile", "email", "offline_access"})
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_CODE_SECONDS = 600


@dataclass
class _Session:
    """A sign-in: for which client, with which rights, and of whom once that is known."""

    client_id: str
    scope: str
    offline: bool
    ends: float
    person: Person | None = None
    declined: bool = False
    asked: float = 0.0
    redirect: str = ""
    challenge: str = ""


class SignIn:
    """Signs persons in.

    Args:
        directory: whom Entra knows.
        behaviour: the switches.

    Attributes:
        browser: account or display name of the person who is signed in to the browser; "" for nobody.
    """

    def __init__(self, directory: Directory, behaviour: Behaviour) -> None:
        self._directory = directory
        self._behaviour = behaviour
        self._devices: dict[str, _Session] = {}
        self._user_codes: dict[str, _Session] = {}
        self._codes: dict[str, _Session] = {}
        self._refreshes: dict[str, _Session] = {}
        self.browser = ""

    def approve(self, user_code: str, who: str) -> None:
        """Enter the code that a program shows, as a person.

        Raises:
            InputError: no program shows that code, or there is no such person.
        """
        session, person = self._shown(user_code), self._directory.person(who)
        if person is None:
            raise InputError("unknown-name", f"There is no person {who!r}")
        session.person = person

    def decline(self, user_code: str) -> None:
        """Refuse what a program that shows this code asks for.

        Raises:
            InputError: no program shows that code.
        """
        self._shown(user_code).declined = True

    def remembered(self, person: Person) -> SecretStr:
        """The refresh token of an earlier sign-in with the Azure CLI."""
        token = secrets.token_urlsafe(64)
        self._refreshes[token] = _Session(AZURE_CLI, ENTRA_SCOPE, True, 0, person)  # noqa: FBT003
        return SecretStr(token)

    def revoke(self) -> None:
        """Let every sign-in end: refresh tokens are worth nothing any more."""
        self._refreshes.clear()

    def begin(self, tenant: str, form: Mapping[str, str], address: str, record: Record) -> dict[str, object]:
        """Begin a sign-in on another device.

        Raises:
            EntraRefusal: tenant, client or scope do not fit.
        """
        session = self._session(tenant, form, record, self._behaviour.device_seconds)
        device, user = secrets.token_urlsafe(32), secrets.token_hex(5).upper()[:9]
        self._devices[device] = self._user_codes[user] = session
        return {
            "user_code": user,
            "device_code": device,
            "verification_uri": address,
            "expires_in": self._behaviour.device_seconds,
            "interval": self._behaviour.device_interval,
            "message": f"To sign in, use a web browser to open the page {address} and enter the code {user}"
            " to authenticate.",
        }

    def authorize(self, tenant: str, form: Mapping[str, str], record: Record) -> web.Response:
        """Answer a browser: send the person who is signed in back to the program.

        Raises:
            EntraRefusal: tenant, client, scope or redirect do not fit.
        """
        demand(form, "response_type", "redirect_uri", "code_challenge")
        session = self._session(tenant, form, record, _CODE_SECONDS)
        where = urlsplit(form["redirect_uri"])
        if where.scheme != "http" or where.hostname not in _LOOPBACK:
            text = f"The redirect URI '{form['redirect_uri']}' specified in the request does not match."
            raise EntraRefusal(50011, text, "invalid_request")
        if form["response_type"] != "code" or form.get("code_challenge_method") != "S256":
            raise EntraRefusal(9002325, "Proof Key for Code Exchange is required.", "invalid_request")
        session.person = self._directory.person(form.get("login_hint") or self.browser)
        if session.person is None:
            return sign_in_page(200)
        record.identity = session.person.name
        session.redirect, session.challenge = form["redirect_uri"], form["code_challenge"]
        code = secrets.token_urlsafe(32)
        self._codes[code] = session
        query = urlencode({"code": code, "state": form.get("state", "")})
        return web.Response(status=302, headers={"Location": f"{form['redirect_uri']}?{query}"})

    def grant(self, tenant: str, form: Mapping[str, str], record: Record) -> dict[str, object]:
        """Tokens of a person who signed in.

        Raises:
            EntraRefusal: the person has not yet, or what is presented does not fit.
        """
        demand(form, "client_id")
        if form["grant_type"] == DEVICE_GRANT:
            record.credential = "device code"
            session, person = self._of_device(form)
        elif form["grant_type"] == "authorization_code":
            record.credential = "authorization code"
            session, person = self._of_code(form)
        else:
            record.credential = "refresh token"
            session, person = self._of_refresh(form)
        if session.client_id != form["client_id"].lower():
            raise EntraRefusal(70000, "The grant was issued to another client.", "invalid_grant")
        record.identity = person.name
        within = self._tenant_of(person, tenant)
        token = self._directory.person_token(
            within, person, within.token_seconds, session.client_id, session.scope
        )
        answer: dict[str, object] = {
            "token_type": "Bearer",
            "scope": f"{AZURE_DEVOPS}/{session.scope}",
            "expires_in": within.token_seconds,
            "ext_expires_in": within.token_seconds,
            "access_token": token.get_secret_value(),
        }
        if session.offline:
            answer["refresh_token"] = refresh = secrets.token_urlsafe(64)
            self._refreshes[refresh] = session
        return answer

    def _session(self, tenant: str, form: Mapping[str, str], record: Record, seconds: int) -> _Session:
        demand(form, "client_id", "scope")
        if tenant not in _ANY_TENANT:
            self._directory.tenant(tenant)
        client = form["client_id"].lower()
        scope = self._scope(client, form["scope"], record)
        return _Session(client, scope, "offline_access" in form["scope"].split(), time.monotonic() + seconds)

    def _scope(self, client: str, asked: str, record: Record) -> str:
        """The permissions that a client gets."""
        wanted = [one.rpartition("/") for one in asked.split() if one not in _OPEN_ID]
        for resource, slash, _ in wanted:
            if not slash or resource != AZURE_DEVOPS:
                text = f"The resource principal named {resource or asked} was not found in the tenant."
                raise EntraRefusal(500011, text, "invalid_resource")
        names = [name for _, _, name in wanted]
        if client in FIRST_PARTY:
            record.identity = FIRST_PARTY[client]
            if not {".default", ENTRA_SCOPE}.issuperset(names):
                text = (
                    "Consent between first party application and first party resource must be preauthorized."
                )
                raise EntraRefusal(65002, text, "invalid_request")
            return ENTRA_SCOPE
        application = self._directory.application(client, None)
        record.identity = application.name
        if not application.public_client:
            text = "The request body must contain 'client_assertion' or 'client_secret'."
            raise EntraRefusal(7000218, text)
        if names == [".default"]:
            names = list(application.permissions)
        if not names or not set(names) <= set(application.permissions):
            text = f"The user or administrator has not consented to use the application '{application.name}'."
            raise EntraRefusal(65001, text, "invalid_grant")
        return " ".join(names)

    def _of_device(self, form: Mapping[str, str]) -> tuple[_Session, Person]:
        session = self._devices.get(form.get("device_code", ""))
        if session is None:
            raise EntraRefusal(70018, "Bad verification code.", "bad_verification_code")
        now = time.monotonic()
        before, session.asked = session.asked, now
        if session.declined:
            raise EntraRefusal(65004, "User declined to consent.", self._behaviour.device_declined)
        if now >= session.ends:
            raise EntraRefusal(70019, "Verification code expired.", "expired_token")
        if self._behaviour.device_slow_down and before and now - before < self._behaviour.device_interval:
            raise EntraRefusal(70016, "The client asks too often.", "slow_down")
        if session.person is None:
            text = "OAuth 2.0 device flow error. Authorization is pending. Continue polling."
            raise EntraRefusal(70016, text, "authorization_pending")
        del self._devices[form["device_code"]]
        return session, session.person

    def _of_code(self, form: Mapping[str, str]) -> tuple[_Session, Person]:
        session = self._codes.pop(form.get("code", ""), None)
        if session is None or session.person is None or time.monotonic() >= session.ends:
            raise EntraRefusal(70008, "The authorization code is not valid or has expired.", "invalid_grant")
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        if base64.urlsafe_b64encode(digest).rstrip(b"=").decode() != session.challenge:
            text = "The code verifier does not match the code challenge of the authorization request."
            raise EntraRefusal(50148, text, "invalid_grant")
        if form.get("redirect_uri") != session.redirect:
            text = "The redirect URI is not that of the authorization request."
            raise EntraRefusal(500112, text, "invalid_grant")
        return session, session.person

    def _of_refresh(self, form: Mapping[str, str]) -> tuple[_Session, Person]:
        session = self._refreshes.get(form.get("refresh_token", ""))
        if session is None or session.person is None:
            text = "The provided grant has expired due to it being revoked, a fresh auth token is needed."
            raise EntraRefusal(50173, text, "invalid_grant")
        return session, session.person

    def _tenant_of(self, person: Person, asked: str) -> Tenant:
        tenant = self._directory.tenant(person.tenants[0] if asked in _ANY_TENANT else asked)
        if tenant.id not in person.tenants:
            text = (
                f"User account '{person.account}' from identity provider 'live.com' does not exist in tenant"
                f" '{tenant.name}' and cannot access the application in that tenant."
            )
            raise EntraRefusal(50020, text, "invalid_grant")
        return tenant

    def _shown(self, user_code: str) -> _Session:
        if user_code not in self._user_codes:
            raise InputError("unknown-code", f"No program shows the code {user_code!r}")
        return self._user_codes[user_code]
