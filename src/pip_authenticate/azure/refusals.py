"""What an answer of Azure DevOps says where it is not what was asked for.

Errors arrive in the reason phrase and in a JSON body; a sign-in page instead of JSON means "not
authenticated".
"""

import re

from pip_authenticate.azure.job import JOB_TOKEN
from pip_authenticate.errors import ServiceError
from pip_authenticate.origin import origin_of
from pip_authenticate.patience import DEACTIVATED
from pip_authenticate.transport import Response

_TOKEN = re.compile(r"eyJ[\w-]+(?:\.[\w-]*)+|[\w+/=-]{40,}")
PERMISSIONS_HELP = "https://learn.microsoft.com/azure/devops/artifacts/feeds/feed-permissions"


def tells(response: Response, whose: str) -> bool:
    """Whether an answer tells anything: a 404 says that there is nothing.

    Args:
        response: any answer.
        whose: names the credential in messages.

    Raises:
        ServiceError: the credential was refused, or the service is in trouble.
    """
    _check_credential(response, whose)
    if response.status == 404:
        return False
    _check_answer(response)
    return True


def _check_credential(response: Response, whose: str) -> None:
    """Raise what an answer says against the credential."""
    host, status, said = origin_of(response.url).host, response.status, message_of(response)
    kind = response.headers.get("content-type", "").lower()
    if is_sign_in_page(response) or (status < 400 and "html" in kind):
        raise ServiceError(
            "sign-in-page",
            f"{host} answered with a sign-in page instead of JSON (status {status}): "
            f"it did not accept {whose}",
            hint="Check that it is still valid, and that no proxy answers in the service's place.",
        )
    if status == 401:
        raise ServiceError(
            "token-rejected",
            f"{host} did not accept {whose} (status 401)",
            context=said,
            hint="It opens only its own organisation, while the job runs: check the organisation's address."
            if whose == JOB_TOKEN
            else "Check that it has not expired or been revoked, and that it is of this organisation.",
        )
    if status == 403:
        raise ServiceError(
            "token-refused",
            f"{host} accepts {whose} but does not let it ask this (status 403)",
            context=said,
            hint="Grant its identity access to Azure Artifacts.",
            link=PERMISSIONS_HELP,
        )


def _check_answer(response: Response) -> None:
    """Raise what keeps an answer from being one."""
    host, status, said = origin_of(response.url).host, response.status, message_of(response)
    if is_deactivated(response):
        raise ServiceError(
            "organisation-deactivated",
            f"The organisation at {host} is deactivated (status {status})",
            context=said,
            hint="Its owner can reactivate it.",
        )
    if status == 429 or (status == 503 and "retry-after" in response.headers):
        asked = shortened(response.headers.get("retry-after", "not given"), 40)
        raise ServiceError(
            "throttled",
            f"{host} is limiting requests (status {status})",
            context=said or f"Retry-After {asked}",
            hint="Try again later; fewer jobs at once lower the load.",
        )
    if 400 <= status < 500 and status != 408:
        raise ServiceError(
            "request-refused",
            f"{host} refuses what it is asked (status {status})",
            context=said,
            hint="Asking again does not help: check what the message names.",
        )
    if status >= 400:
        raise ServiceError(
            "service-error",
            f"{host} could not answer (status {status})",
            context=said,
            hint="Try again later; the status page of Azure DevOps tells its state.",
        )
    if status >= 300:
        raise ServiceError(
            "not-an-answer",
            f"{host} answered with a redirect (status {status}) that leads nowhere",
            hint="Check the organisation's address.",
        )


def is_deactivated(response: Response) -> bool:
    """Whether an answer says that its organisation is deactivated, which stays so."""
    return (
        response.status >= 400
        and DEACTIVATED in f"{message_of(response)} {response.headers.get('x-tfs-serviceerror', '')}"
    )


def is_sign_in_page(response: Response) -> bool:
    """Whether an answer means "not authenticated" although its status says something else."""
    return response.status in {203, 302} or "_signin" in response.headers.get("location", "")


def message_of(response: Response) -> str:
    """What an error answer says about itself, shortened: its JSON message, its text, or its reason phrase."""
    told = _said(_json_or_text(response)) if response.status >= 400 else ""  # a page may have megabytes
    text = told or response.reason
    return f"it says: {shortened(text)}" if text else ""


def _json_or_text(response: Response) -> object:
    import json  # noqa: PLC0415 - only what was refused needs it

    text = response.body.decode("utf-8-sig", "replace")
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text.strip() if response.headers.get("content-type", "").startswith("text/plain") else None


def _said(value: object, depth: int = 3) -> str:
    """The message in an answer, in any of the shapes that Azure DevOps has for it."""
    if isinstance(value, str):
        return value
    if not isinstance(value, dict) or not depth:
        return ""
    keys = ("message", "Message", "error_description", "detail", "title", "error", "value")
    return next(filter(None, (_said(value.get(key), depth - 1) for key in keys)), "")


def without_tokens(text: str) -> str:
    """A text without anything that looks like a token."""
    return _TOKEN.sub("***", text)


def shortened(text: str, limit: int = 300) -> str:
    """Cut a text between words: half a secret would not be recognised as one."""
    return text if len(text) <= limit else f"{text[:limit].rpartition(' ')[0]} ..."
