"""Microsoft Entra and an organisation as far as a sign-in asks them, scripted."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import parse_qsl

from support.http_service import Answer, Request, Service, json_answer
from support.tokens import token

TENANT = "aaaaaaaa-1111-4000-8000-000000000001"
CLIENT = "11111111-2222-4333-8444-555555555555"
PERSON = "olga@example.test"
ENTRA_TOKEN = token({"scp": "user_impersonation", "upn": PERSON, "canary": "entra"})
SESSION_TOKEN = token({"scp": "vso.packaging_write", "exp": int(time.time()) + 4 * 3600, "canary": "session"})
REFRESH = "refresh-canary-one"
USER_CODE = "ABCD-EFGH"


def pending(word: str = "authorization_pending", text: str = "AADSTS70016: Pending.") -> Answer:
    """What Entra answers while the person has not typed the code, or will not."""
    return json_answer({"error": word, "error_description": text}, 400, reason="Bad Request")


class SignIn:
    """The organisation `contoso` and its tenant.

    Attributes:
        service: where both are.
        answers: of the token endpoint, one after the other; after the last one it gives a grant.
    """

    def __init__(self) -> None:
        self.service = Service()
        self.answers: list[Answer] = []
        self.rotates = False
        self.organization = f"{self.service.url}/contoso/"
        self.index = f"{self.organization}_packaging/feed/pypi/simple/"
        for path in ("/contoso/", "/contoso/_packaging/feed/pypi/simple/"):
            self.service.routes[f"GET {path}"] = self._refused
        for tenant in (TENANT, "organizations"):
            self.service.routes[f"POST /login/{tenant}/oauth2/v2.0/devicecode"] = self._code
            self.service.routes[f"POST /login/{tenant}/oauth2/v2.0/token"] = self._token
        self.service.routes["POST /vssps/_apis/Token/SessionTokens"] = self._session

    @property
    def environ(self) -> dict[str, str]:
        """What a person's environment says of it."""
        return {"AZURE_AUTHORITY_HOST": f"{self.service.url}/login", "PIP_AUTHENTICATE_CLIENT_ID": CLIENT}

    @property
    def asked(self) -> list[str]:
        """Method and path of every request."""
        return [f"{request.method} {request.path}" for request in self.service.requests]

    def forms(self, path: str) -> list[dict[str, str]]:
        """What was posted to paths that end so."""
        found = [request for request in self.service.requests if request.path.endswith(path)]
        return [dict(parse_qsl(request.body.decode())) for request in found]

    def _refused(self, request: Request) -> Answer:
        headers = [
            ("X-VSS-ResourceTenant", TENANT),
            ("X-VSS-AuthorizationEndpoint", f"{self.service.url}/vssps"),
            ("WWW-Authenticate", f"Bearer authorization_uri=https://login.microsoftonline.com/{TENANT}"),
        ]
        assert "authorization" not in request.headers
        return Answer(401, b"", "Unauthorized", headers)

    def _code(self, _: Request) -> Answer:
        return json_answer(
            {
                "device_code": "device-code-canary",
                "user_code": USER_CODE,
                "verification_uri": "https://login.example/device",
                "expires_in": 900,
                "interval": 1,
            }
        )

    def _token(self, request: Request) -> Answer:
        form = dict(parse_qsl(request.body.decode()))
        assert form["client_id"] == CLIENT
        if self.answers:
            return self.answers.pop(0)
        given = {"access_token": ENTRA_TOKEN, "expires_in": 3599, "token_type": "Bearer"}
        if form["grant_type"] == "refresh_token":
            assert form["refresh_token"].startswith("refresh-canary")
            return json_answer({**given, "refresh_token": "refresh-canary-two"} if self.rotates else given)
        assert form["device_code"] == "device-code-canary"
        person = token({"preferred_username": PERSON})
        return json_answer({**given, "refresh_token": REFRESH, "id_token": person})

    def _session(self, request: Request) -> Answer:
        assert request.headers["authorization"] == f"Bearer {ENTRA_TOKEN}"
        return json_answer({"token": SESSION_TOKEN, "validTo": "2030-01-01T00:00:00.1234567Z"})


@contextmanager
def signing_in() -> Iterator[SignIn]:
    """Both for as long as a block lasts."""
    one = SignIn()
    try:
        yield one
    finally:
        one.service.close()
