"""Where jobs of GitHub, GitLab, CircleCI, Buildkite and Kubernetes have tokens of their identity issued.

What a job finds is in each one's own documentation ("OpenID Connect"). Issuers and subjects are as theirs;
who trusts them is up to the applications' federated credentials.
"""

import secrets
import time
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Literal, get_args

from aiohttp import web
from pydantic import SecretStr

from azure_devops_emulator.description.connections import ASSERTION_AUDIENCE
from azure_devops_emulator.errors import InputError
from azure_devops_emulator.services.request_log import Record
from azure_devops_emulator.services.tokens import Signer

PREFIX = "/ci/"
CiKind = Literal["github", "github-by-name", "gitlab", "circleci", "buildkite", "kubernetes"]
"""Kinds of jobs; `github-by-name`: of a repository from before 2026-07-15, without ids in the subject."""
_ORG = "00c00c00-0000-4000-8000-00000000c1c1"
_USUAL: dict[str, tuple[str, str]] = {
    "github": (
        "https://token.actions.githubusercontent.com",
        "repo:fabrikam@1001/app@2002:ref:refs/heads/main",
    ),
    "github-by-name": (
        "https://token.actions.githubusercontent.com",
        "repo:fabrikam/app:ref:refs/heads/main",
    ),
    "gitlab": ("https://gitlab.com", "project_path:fabrikam/app:ref_type:branch:ref:main"),
    "circleci": ("https://oidc.circleci.com", f"org/{_ORG}/project/{_ORG}/user/{_ORG}"),
    "buildkite": (
        "https://agent.buildkite.com",
        "organization:fabrikam:pipeline:app:ref:refs/heads/main:commit:HEAD:step:build",
    ),
    "kubernetes": ("https://oidc.example.test/cluster/", "system:serviceaccount:default:app"),
}


@dataclass(frozen=True)
class CiJob:
    """A job that may have tokens of its identity issued.

    Args:
        kind: of which CI.
        subject: of the tokens.
        issuer: of the tokens.
        audience: of tokens for which none is asked.
        lifetime: of the tokens; below zero for those that have expired.
    """

    kind: CiKind
    subject: str = ""
    issuer: str = ""
    audience: str = ASSERTION_AUDIENCE
    lifetime: timedelta = timedelta(minutes=10)

    def complete(self) -> "CiJob":
        """With issuer and subject as they usually are, unless they are given.

        Raises:
            InputError: there is no such kind.
        """
        if self.kind not in get_args(CiKind):
            hint = f"Kinds: {', '.join(get_args(CiKind))}."
            raise InputError("unknown-ci", f"There is no job of kind {self.kind!r}", hint=hint)
        issuer, subject = _USUAL[self.kind]
        return replace(self, issuer=self.issuer or issuer, subject=self.subject or subject)


class CiIdentities:
    """Knows the jobs that were begun, and issues tokens to them.

    Args:
        signer: of all tokens; Entra checks with the same one.
    """

    def __init__(self, signer: Signer) -> None:
        self._signer = signer
        self._jobs: dict[str, CiJob] = {}

    def begin(self, job: CiJob) -> SecretStr:
        """Let a job begin; gives the token with which it asks."""
        token = secrets.token_urlsafe(32)
        self._jobs[token] = job
        return SecretStr(token)

    def variables(self, job: CiJob, origin: str, name: str) -> dict[str, str]:
        """Let a job begin; gives what it finds in its environment.

        Args:
            job: complete.
            origin: of the service.
            name: of the variable in which GitLab gives the token.
        """
        if job.kind == "kubernetes":
            return {"KUBERNETES_SERVICE_HOST": "127.0.0.1"}
        if job.kind == "gitlab":
            return {"CI": "true", "GITLAB_CI": "true", name: self.token(job).get_secret_value()}
        if job.kind == "buildkite":
            return {"CI": "true", "BUILDKITE": "true"}
        if job.kind == "circleci":
            useless = self.token(job, job.subject.split("/")[1]).get_secret_value()
            return {
                "CI": "true",
                "CIRCLECI": "true",
                "CIRCLE_OIDC_TOKEN": useless,
                "CIRCLE_OIDC_TOKEN_V2": useless,
            }
        return {
            "CI": "true",
            "GITHUB_ACTIONS": "true",
            "ACTIONS_ID_TOKEN_REQUEST_URL": f"{origin}{self.path(job)}?api-version=2.0",
            "ACTIONS_ID_TOKEN_REQUEST_TOKEN": self.begin(job).get_secret_value(),
        }

    def token(self, job: CiJob, audience: str = "") -> SecretStr:
        """A token of a job's identity."""
        now, seconds = int(time.time()), int(job.lifetime.total_seconds())
        return self._signer.sign(
            {
                "jti": secrets.token_hex(16),
                "iss": job.issuer,
                "sub": job.subject,
                "aud": audience or job.audience,
                "iat": now,
                "nbf": now - 300 + min(seconds, 0),
                "exp": now + seconds,
            }
        )

    async def answer(self, request: web.Request, record: Record) -> web.Response:
        """Answer the request of a job, and note in its record whose it is."""
        scheme, _, presented = request.headers.get("Authorization", "").partition(" ")
        job = self._jobs.get(presented) if scheme.lower() == "bearer" else None
        if request.method != "GET":
            return web.Response(status=405, headers={"Allow": "GET"})
        if job is None or record.path != self.path(job):
            return web.json_response({"message": "Unauthorized"}, status=401)
        record.identity, record.credential = job.subject, "request token"
        if job.kind.startswith("github") and "api-version" not in request.query:
            return web.json_response({"message": "No api-version was supplied."}, status=400)
        value = self.token(job, request.query.get("audience", "")).get_secret_value()
        return web.json_response({"count": len(value), "value": value})

    @staticmethod
    def path(job: CiJob) -> str:
        """Where a job asks."""
        return f"{PREFIX}{job.kind}/idtoken"
