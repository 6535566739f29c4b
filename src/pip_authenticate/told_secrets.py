"""The secrets that a run is told, so that they are masked before anything else is printed."""

import re
from collections.abc import Iterator

from pip_authenticate.index import TOKEN_USER, Credential
from pip_authenticate.secret import Secret
from pip_authenticate.settings import Endpoint, Settings

# What the agent itself leaves unmasked (azure-pipelines-agent: MaskingUtil.cs), and names of identities.
_SHOWN_PARAMETERS = frozenset(
    {
        "idtoken", "role", "scope", "tenantid", "issuedat", "expiresat", "expiresin", "audience",
        "authenticationtype", "authorizationtype", "accesstokentype", "accesstokenfetchingmethod",
        "usewindowssecurity", "unsecured", "oauthaccesstokenissupplied", "completecallbackpayload",
        "acceptuntrustedcerts", "username", "serviceprincipalid",
    }
)  # fmt: skip
_OWN_SECRETS = frozenset({"password", "apitoken", "accesstoken"})
_SHORTEST_OTHER = 4
"""A shorter parameter of a connection is a flag or a number, in all likelihood; masked, it spoils the log."""
_LOGINS = ("_PASSWORD", "_AUTH")
"""How names of variables end that hold a secret and nothing else."""
_CERTAINLY_PLAIN = re.compile(r"(https?://[A-Za-z0-9.-]+(:[0-9]+)?(/[A-Za-z0-9._~/-]*)?)?")


def of(settings: Settings) -> Iterator[Secret]:
    """Every secret that a run is told, in every spelling that could turn up in a log."""
    federation = [settings.federation] if settings.federation else []
    for endpoint in (settings.system_connection, *settings.connections, *federation):
        yield from _endpoint_secrets(endpoint)
    proxy, certificates = settings.proxy, settings.certificates
    for user, secret in (
        (TOKEN_USER, settings.token),
        (TOKEN_USER, settings.pipeline_token),
        (proxy.username, proxy.password),
        ("", certificates.client_password),
    ):
        if secret:
            yield from Credential(user, secret).spellings
    for url in (proxy.url, proxy.https, proxy.http):
        yield from _secrets_in(Secret(url if "://" in url or not url else f"http://{url}"))
    for name, value in settings.previous.items():
        if name.endswith(_LOGINS):
            yield from Credential(TOKEN_USER, value).spellings
        else:
            yield from _secrets_in(value)


def _endpoint_secrets(endpoint: Endpoint) -> Iterator[Secret]:
    username = endpoint.parameters.get("username")
    users = {TOKEN_USER, *([username.reveal()] if username else [])}
    for name, value in endpoint.parameters.items():
        if name in _SHOWN_PARAMETERS:
            continue
        if len(value.reveal()) >= _SHORTEST_OTHER or (value and name in _OWN_SECRETS):
            for user in sorted(users):
                yield from Credential(user, value).spellings
    yield from _secrets_in(Secret(endpoint.url))


def _secrets_in(value: Secret) -> Iterator[Secret]:
    """The secrets in an address; what finds them is loaded where there could be any."""
    if _CERTAINLY_PLAIN.fullmatch(value.reveal()):
        return
    from pip_authenticate.redaction import secrets_in  # noqa: PLC0415 - most addresses are plain

    yield from secrets_in(value)
