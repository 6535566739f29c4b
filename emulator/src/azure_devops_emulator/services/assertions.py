"""Where jobs have assertions of their identity issued: the first half of workload identity federation.

Microsoft Learn, REST reference "Distributed Task, Oidctoken - Create".
"""

import secrets
import time
import uuid
from dataclasses import dataclass, field

from aiohttp import web

from azure_devops_emulator.description.connections import ASSERTION_AUDIENCE, FederatedConnection
from azure_devops_emulator.description.model import IdentityKind, Project
from azure_devops_emulator.services.feeds import find_project
from azure_devops_emulator.services.identities import unauthorized_message
from azure_devops_emulator.services.location import OIDC_TOKEN, check_version
from azure_devops_emulator.services.tokens import Signer
from azure_devops_emulator.services.wire import Call, Refusal, json_answer

_TASK_NAMESPACE = "Microsoft.TeamFoundation.DistributedTask.WebApi"
_BUILDS = (IdentityKind.PROJECT_BUILD, IdentityKind.COLLECTION_BUILD)


@dataclass(frozen=True)
class JobPlace:
    """Where a job stands in the service.

    Args:
        project: whose pipeline it is.
        plan_id: lower-case GUID of its plan.
        job_id: its own lower-case GUID.
    """

    project: Project
    plan_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    job_id: str = field(default_factory=lambda: str(uuid.uuid4()))

    @property
    def path(self) -> str:
        """The address, below the collection's, where it asks for an assertion."""
        return (
            f"{self.project.id}/_apis/distributedtask/hubs/build/plans/{self.plan_id}"
            f"/jobs/{self.job_id}/oidctoken"
        )


class AssertionService:
    """Knows the jobs that were begun, and issues assertions to them.

    Args:
        signer: of all assertions; Entra checks with the same one.
    """

    def __init__(self, signer: Signer) -> None:
        self._signer = signer
        self._jobs: dict[tuple[str, str], JobPlace] = {}

    def begin(self, project: Project) -> JobPlace:
        """Let a job of a project begin."""
        job = JobPlace(project)
        self._jobs[job.plan_id, job.job_id] = job
        return job

    async def issue(self, call: Call) -> web.Response:
        """Issue an assertion to a job, for one of its project's federated connections.

        Raises:
            Refusal: it is no job of that project, or there is no such connection.
        """
        version = check_version(call, OIDC_TOKEN)
        caller = call.demand_identity()
        project = find_project(call, call.parts["project"])
        identity = caller.identity
        assert identity  # noqa: S101 - what was demanded
        if identity.kind not in _BUILDS:
            raise Refusal(403, unauthorized_message(identity.id), "AccessDeniedException")
        job = self._jobs.get((call.parts["plan"].lower(), call.parts["job"].lower()))
        if job is None or job.project.id != project.id:
            message = f"No plan found for identifier {call.parts['plan']}."
            raise Refusal(404, message, "TaskOrchestrationPlanNotFoundException", _TASK_NAMESPACE)
        asked = call.request.query.get("serviceConnectionId", "").lower()
        connection = next(
            (
                each
                for each in call.organization.service_connections
                if each.id == asked and isinstance(each, FederatedConnection)
            ),
            None,
        )
        if connection is None or connection.project != project:
            message = f"The service connection {asked or '(none)'} could not be found in this project."
            raise Refusal(404, message, "ServiceEndpointException", _TASK_NAMESPACE)
        now, organization = int(time.time()), call.organization
        lifetime = call.behaviour.assertion_seconds
        claims = {
            "jti": secrets.token_hex(16),
            "iss": connection.issuer_of(organization.id),
            "sub": connection.subject_of(organization.name, organization.id),
            "aud": ASSERTION_AUDIENCE,
            "iat": now,
            "nbf": now - 300 + min(lifetime, 0),
            "exp": now + lifetime,
        }
        return json_answer(call, {"oidcToken": self._signer.sign(claims).get_secret_value()}, version=version)
