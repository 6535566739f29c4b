"""Session tokens: a person's token of Entra becomes one of a single organisation, with fewer rights.

The only public descriptions are Microsoft's own clients: artifacts-credprovider, and the token client of
azure-devops-go-api, which has the fields of the answer.
"""

import re
import uuid
from datetime import datetime, timedelta, timezone
from typing import Annotated

from aiohttp import web
from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from azure_devops_emulator.description.reading import stable_id
from azure_devops_emulator.services.identities import PERSON_LABEL, PRINCIPAL_LABEL, Tokens
from azure_devops_emulator.services.location import SESSION_TOKENS, check_version
from azure_devops_emulator.services.wire import Call, Refusal, json_answer

_NAMESPACE = "Microsoft.VisualStudio.Services.DelegatedAuthorization"
_USUAL = {"selfdescribing": timedelta(hours=4), "compact": timedelta(days=90)}
_LONGEST = {"selfdescribing": timedelta(hours=24), "compact": timedelta(days=365)}


def _scopes(scope: str) -> str:
    if not scope or not all(re.fullmatch(r"vso\.[a-z_]+", one) for one in scope.split(" ")):
        raise ValueError(scope)
    return scope


class _Asked(BaseModel):
    """What a request may say; what else is in it does not count."""

    model_config = ConfigDict(alias_generator=to_camel, strict=True)

    display_name: str | None = None
    scope: Annotated[str, AfterValidator(_scopes)]
    valid_to: Annotated[AwareDatetime | None, Field(strict=False)] = None


class SessionTokens:
    """Gives out session tokens of one organisation.

    Args:
        tokens: knows them again.
    """

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens

    async def issue(self, call: Call) -> web.Response:
        """Exchange the caller's token.

        Raises:
            Refusal: it is no person's token of Entra, or what is asked for cannot be had.
        """
        version = check_version(call, SESSION_TOKENS)
        caller = call.demand_identity()
        identity = caller.identity
        assert identity  # noqa: S101 - what was demanded
        takers = {"persons": {PERSON_LABEL}, "applications": {PERSON_LABEL, PRINCIPAL_LABEL}}
        allowed = takers.get(call.behaviour.session_tokens_for)
        if allowed is not None and caller.label not in allowed:
            message = "VS403508: The credential that was presented cannot be exchanged for a session token."
            raise Refusal(
                call.behaviour.session_token_refusal, message, "SessionTokenCreateException", _NAMESPACE
            )
        kind = call.request.query.get("tokenType", "SelfDescribing").lower()
        try:
            asked = _Asked.model_validate_json(await call.request.text())
        except ValidationError as error:
            where = ", ".join(str(fault["loc"][0]) if fault["loc"] else "body" for fault in error.errors())
            raise _invalid(where) from None
        if kind not in _USUAL:
            raise _invalid("tokenType")
        now = datetime.now(timezone.utc)
        end = asked.valid_to or now + _USUAL[kind]
        if not now < end <= now + _LONGEST[kind]:
            raise _invalid("validTo")
        if kind == "selfdescribing":
            end = min(end, now + timedelta(seconds=call.behaviour.session_token_seconds))
        name = asked.display_name or "session token"
        token = self._tokens.mint_session(identity, asked.scope, end, compact=kind == "compact")
        data = {
            "clientId": str(uuid.UUID(int=0)),
            "accessId": str(uuid.uuid4()),
            "authorizationId": str(uuid.uuid4()),
            "hostAuthorizationId": stable_id(call.organization.id, "authorization", identity.id),
            "userId": identity.id,
            "validFrom": f"{now:%Y-%m-%dT%H:%M:%S}Z",
            "validTo": f"{end:%Y-%m-%dT%H:%M:%S}Z",
            "displayName": name,
            "scope": asked.scope,
            "targetAccounts": [call.organization.id],
            "token": token.get_secret_value(),
            "alternateToken": None,
            "isValid": True,
            "isPublic": False,
            "publicData": None,
            "source": None,
            "claims": None,
        }
        return json_answer(call, data, version=version)


def _invalid(what: str) -> Refusal:
    message = f"The session token could not be created: invalid {what}."
    return Refusal(400, message, "SessionTokenCreateException", _NAMESPACE)
