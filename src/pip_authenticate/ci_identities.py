"""Who a job of a CI is, or a pod of a cluster: an identity token for Microsoft Entra, no stored secret.

GitHub is asked by this program's own requests, since runners stand behind proxies and the library `id` knows
none; GitLab and Kubernetes hand a token over. What is left is asked by `id`, the library of the Python
Package Index for this: CircleCI and Buildkite by way of their programs, and Google Cloud.
"""

import threading
from collections.abc import Callable, Mapping
from typing import NamedTuple

from pip_authenticate import token_files
from pip_authenticate.azure.refusals import message_of, shortened, without_tokens
from pip_authenticate.deadline import Deadline
from pip_authenticate.errors import InputError, ServiceError
from pip_authenticate.origin import origin_of
from pip_authenticate.secret import Secret
from pip_authenticate.settings import Settings
from pip_authenticate.tokens import claims, is_past, is_token
from pip_authenticate.transport import Transport

AUDIENCE = "api://AzureADTokenExchange"
"""Whom an identity token must be for."""
SECONDS = 30.0
"""How long the library may take; it has no bound of its own."""
_FILE = "AZURE_FEDERATED_TOKEN_FILE"
_URL, _BEARER = "ACTIONS_ID_TOKEN_REQUEST_URL", "ACTIONS_ID_TOKEN_REQUEST_TOKEN"
_ACCOUNT = "GOOGLE_SERVICE_ACCOUNT_NAME"
_OF_LIBRARY = {"CIRCLECI": "CircleCI", "BUILDKITE": "Buildkite", _ACCOUNT: "Google Cloud"}
_SHOWN = 200
_PRODUCT = "/sys/class/dmi/id/product_name"
_PERMISSION = (
    "Give the job `permissions: id-token: write`. Workflows that forks start never have it; there, and for "
    "another credential, leave workload-identity out: --credential names others."
)
_REMEDIES = {
    "CircleCI": "Try it in the job: circleci run oidc get --root-issuer",
    "Buildkite": f"Try it in the job: buildkite-agent oidc request-token --audience {AUDIENCE}",
    "Google Cloud": f"Check that the machine has a service account, and what {_ACCOUNT} names.",
}


class Identity(NamedTuple):
    """A place where identity tokens come from.

    Args:
        place: whose they are, for people.
        ask: gives one.
    """

    place: str
    ask: Callable[[], Secret]


def found(settings: Settings, transport: Transport) -> Identity | None:
    """The identity of this job or pod; None where there is none.

    Args:
        settings: its variables.
        transport: sends requests.
    """
    variables = settings.variables
    path, name = variables.get(_FILE, ""), settings.id_token_variable
    if path:
        return Identity("Kubernetes", lambda: _of_file(path))
    if variables.get("GITHUB_ACTIONS"):
        return Identity("GitHub", lambda: _of_github(variables, transport))
    if variables.get("GITLAB_CI"):
        return Identity("GitLab", lambda: _of_variable(name, variables))
    place = next((place for variable, place in _OF_LIBRARY.items() if variables.get(variable)), "")
    place = place or ("Google Cloud" if _is_google() else "")
    return Identity(place, lambda: _of_library(place, transport.deadline)) if place else None


def checked(token: Secret, place: str) -> Secret:
    """An identity token that Entra can accept, as far as the token itself says.

    Raises:
        InputError: it is none, or is for somebody else, or its time is over.
    """
    said = claims(token)
    if not said:
        raise InputError(
            "no-identity-token",
            f"What {place} gives is no identity token",
            hint="It must be a JSON Web Token: check where it comes from.",
        )
    audience = said.get("aud")
    audiences = audience if isinstance(audience, list) else [audience]
    if not any(str(one).startswith(AUDIENCE) for one in audiences):
        raise InputError(
            "wrong-audience",
            f"The identity token of {place} is for another audience",
            context=f"audience {str(audience)[:100]}",
            hint=f"Have it made for {AUDIENCE}.",
        )
    if is_past(token):
        raise InputError(
            "identity-token-ended",
            f"The time of the identity token of {place} is over",
            hint="Get a new one right before it is used, and check this machine's clock.",
        )
    return token


def _of_file(path: str) -> Secret:
    return token_files.read(
        path,
        f"{_FILE} names it: check the pod's service account and its label azure.workload.identity/use.",
    )


def _of_variable(name: str, variables: Mapping[str, str]) -> Secret:
    token = variables.get(name, "").strip()
    if not token:
        raise InputError(
            "no-identity-token",
            f"The job has no identity token: the variable {name} is not set",
            hint=f"Give the job `id_tokens: {{{name}: {{aud: '{AUDIENCE}'}}}}`, or name its variable: "
            "--id-token-variable.",
        )
    return Secret(token)


def _of_github(variables: Mapping[str, str], transport: Transport) -> Secret:
    """GitHub documentation, "OpenID Connect reference"."""
    url, bearer = variables.get(_URL, ""), variables.get(_BEARER, "")
    for name, value in ((_URL, url), (_BEARER, bearer)):
        if not value:
            raise InputError(
                "no-identity-permission",
                f"The job may not ask GitHub for an identity token: {name} is not set",
                hint=_PERMISSION,
            )
    from urllib.parse import quote  # noqa: PLC0415 - one CI needs it

    try:
        is_safe = not origin_of(url).is_exposed and bearer.isascii() and bearer.isprintable()
    except ServiceError:
        is_safe = False
    if not is_safe:
        raise InputError(
            "identity-request-unusable",
            f"{_URL} is no https address, or {_BEARER} no token",
            hint="The runner sets both; remove what replaces them.",
        )
    response = transport.request(
        "GET",
        f"{url}{'&' if '?' in url else '?'}audience={quote(AUDIENCE, safe='')}",
        authorization=Secret(f"bearer {bearer}"),
    )
    import json  # noqa: PLC0415 - as above

    try:
        value = json.loads(response.body)["value"]
    except (ValueError, LookupError, TypeError, RecursionError):
        value = ""
    if response.status != 200 or not is_token(value):
        raise ServiceError(
            "identity-token-refused",
            f"GitHub gives no identity token (status {response.status})",
            context=without_tokens(message_of(response)) if response.status >= 400 else "",
            hint=_PERMISSION,
        )
    return Secret(value)


def _is_google() -> bool:
    try:
        with open(_PRODUCT, encoding="utf-8", errors="replace") as file:
            return file.read(100).strip() in {"Google", "Google Compute Engine"}
    except OSError:
        return False


def _of_library(place: str, deadline: Deadline) -> Secret:
    """Ask the library `id`, which reads the environment of this process itself.

    It opens sockets of its own and starts programs, both without a bound; so it is waited for and left.
    """
    try:
        import id  # noqa: PLC0415, A004 - the name of the library
    except ImportError:
        raise InputError(
            "no-identity-library",
            f"Identities of {place} are asked for by the library id, which is not there",
            hint="Install it: pip install 'pip-authenticate[ci]'",
        ) from None
    tokens, failures = list[str](), list[str]()

    def ask() -> None:
        try:
            tokens.append(id.detect_credential(AUDIENCE) or "")
        except id.IdentityError as error:  # its text may quote an answer
            failures.append(f"it says: {shortened(without_tokens(str(error)), _SHOWN)}")
        except Exception as error:  # noqa: BLE001 - what it does not foresee
            failures.append(f"it failed with {type(error).__name__}")

    thread = threading.Thread(target=ask, daemon=True)
    seconds = deadline.within(SECONDS).remaining
    thread.start()
    deadline.join(thread, seconds)
    if not tokens or not is_token(tokens[0]):
        late = f"nothing came within {seconds:.0f} s"
        raise ServiceError(
            "identity-token-refused",
            f"{place} gives no identity token",
            context=next(iter(failures), "nothing came of it" if tokens else late),
            hint=_REMEDIES[place],
        )
    return Secret(tokens[0])
