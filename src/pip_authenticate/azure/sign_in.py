"""A person signs in with Microsoft Entra: by a code that is typed into any browser (RFC 8628).

Microsoft Learn, "OAuth 2.0 device authorization grant flow" and "Refresh tokens in the Microsoft identity
platform". The application is one that the person's organisation has registered.
"""

import time
from datetime import datetime, timedelta, timezone
from typing import NamedTuple

from pip_authenticate.azure import entra
from pip_authenticate.azure.application import AZURE_DEVOPS_SCOPE, Application
from pip_authenticate.errors import ServiceError
from pip_authenticate.origin import origin_of
from pip_authenticate.secret import Secret
from pip_authenticate.tokens import claims, is_token
from pip_authenticate.transport import Response, Transport

_SCOPE = f"{AZURE_DEVOPS_SCOPE} offline_access openid profile"
_CODE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
_LONGEST_SECONDS = 900
_SLOWER_SECONDS = 5
_PATIENT = frozenset({"authorization_pending", "slow_down"})
_SHOWN = 100
_REGISTER = (
    "In Entra, App registrations: the application needs the platform Mobile and desktop applications, public "
    "client flows allowed, and the delegated permission vso.packaging_write of Azure DevOps."
)
_AGAIN = "Sign in again: pip-authenticate login"


class DeviceCode(NamedTuple):
    """What a person types where.

    Args:
        secret: by which the grant is asked for.
        user_code: what is typed.
        address: the page.
        seconds: how long it is good for.
        interval: seconds between two questions.
    """

    secret: Secret
    user_code: str
    address: str
    seconds: int
    interval: int


class Grant(NamedTuple):
    """What somebody who has signed in is given.

    Args:
        token: for Azure DevOps.
        expires: when that ends.
        refresh: gets the next one.
        account: the person's name in Entra, or empty.
    """

    token: Secret
    expires: datetime
    refresh: Secret
    account: str


def begin(application: Application, transport: Transport) -> DeviceCode:
    """Ask for a code.

    Raises:
        ServiceError: Entra gives none; the text says what to change.
    """
    response, answer = entra.ask(application, "devicecode", {"scope": _SCOPE}, transport)
    secret, code, page = (
        str(answer.get(key) or "") for key in ("device_code", "user_code", "verification_uri")
    )
    if response.status != 200 or not (is_token(secret) and code and page):
        raise _refusal(response, answer, _REGISTER)
    seconds = min(entra.number(answer.get("expires_in"), _LONGEST_SECONDS), _LONGEST_SECONDS)
    interval = max(1, entra.number(answer.get("interval"), _SLOWER_SECONDS))
    return DeviceCode(Secret(secret), code[:_SHOWN], page[:_SHOWN], seconds, interval)


def wait(application: Application, code: DeviceCode, transport: Transport) -> Grant:
    """Wait until the code was typed.

    Raises:
        ServiceError: it was not in time, or the person or Entra refused.
        Cancelled: the run shall stop.
    """
    interval, end = code.interval, time.monotonic() + code.seconds
    while True:
        transport.deadline.sleep(min(interval, max(end - time.monotonic(), 0)))
        form = {"grant_type": _CODE_GRANT, "device_code": code.secret.reveal()}
        response, answer = entra.ask(application, "token", form, transport)
        if response.status == 200:
            return _grant(response, answer, Secret(""))
        if answer.get("error") not in _PATIENT or time.monotonic() > end:
            raise _refusal(response, answer, _AGAIN)
        interval += _SLOWER_SECONDS if answer.get("error") == "slow_down" else 0


def refresh(application: Application, token: Secret, transport: Transport) -> Grant:
    """Get the next token for somebody who signed in before.

    Raises:
        ServiceError: Entra wants the person to sign in again, or did not answer.
    """
    form = {"grant_type": "refresh_token", "refresh_token": token.reveal(), "scope": _SCOPE}
    response, answer = entra.ask(application, "token", form, transport)
    if response.status != 200:
        raise _refusal(response, answer, _AGAIN)
    return _grant(response, answer, token)


def _grant(response: Response, answer: dict[str, object], known: Secret) -> Grant:
    """What an answer gives; a refresh token that it does not renew stays good."""
    token, renewed = answer.get("access_token"), answer.get("refresh_token")
    if not is_token(token) or not (is_token(renewed) or known):
        raise ServiceError(
            "entra-answer",
            f"{origin_of(response.url).host} answered without the tokens that were asked for",
            hint="Check AZURE_AUTHORITY_HOST, and that no proxy answers in Entra's place.",
        )
    who = claims(Secret(str(answer.get("id_token") or token)))
    names = (who.get(key) for key in ("preferred_username", "upn", "unique_name"))
    account = next((name for name in names if isinstance(name, str)), "")
    seconds = timedelta(seconds=entra.number(answer.get("expires_in"), 0))
    return Grant(
        Secret(str(token)),
        datetime.now(timezone.utc) + seconds,
        Secret(str(renewed)) if is_token(renewed) else known,
        account[:_SHOWN] if account.isprintable() else "",
    )


# What Entra calls it (RFC 8628, section 3.5), in words.
_WORDS = {
    "authorization_pending": "the code was not typed in time",
    "expired_token": "the code was not typed in time",
    "authorization_declined": "the sign-in was declined",
    "access_denied": "the sign-in was declined",
}


def _refusal(response: Response, answer: dict[str, object], hint: str) -> ServiceError:
    host, word = origin_of(response.url).host, str(answer.get("error") or "")
    if word in _WORDS:
        return ServiceError("not-signed-in", f"Nobody signed in: {_WORDS[word]}", hint=_AGAIN)
    return ServiceError(
        "sign-in-refused",
        f"{host} refused the sign-in (status {response.status})",
        context=entra.description(answer),
        hint=hint,
    )
