"""One organisation as the service serves it: under which addresses, to whom, and with what."""

from dataclasses import dataclass

from aiohttp import web

from azure_devops_emulator import task_sources
from azure_devops_emulator.errors import ServiceError
from azure_devops_emulator.installed_tasks import InstalledTasks
from azure_devops_emulator.organization import Organization
from azure_devops_emulator.services.assertions import AssertionService
from azure_devops_emulator.services.blobs import BlobStore
from azure_devops_emulator.services.distributed_task import TasksHost
from azure_devops_emulator.services.feeds import Shelves
from azure_devops_emulator.services.identities import Caller, Rejection, Tokens
from azure_devops_emulator.services.packaging_rest import FeedsHost
from azure_devops_emulator.services.pypi import PackageHost
from azure_devops_emulator.services.routes import Front, dispatch, fronts, routes
from azure_devops_emulator.services.session_tokens import SessionTokens
from azure_devops_emulator.services.tokens import Signer
from azure_devops_emulator.services.wire import Call, Refusal, refuse


@dataclass(frozen=True)
class Keys:
    """The keys of the issuers that a service has.

    Args:
        assertions: of assertions to jobs.
        entra: of Entra's access tokens.
    """

    assertions: Signer
    entra: Signer


class Site:
    """Answers for one organisation.

    Args:
        organization: what it answers from.
        blobs: where downloads are sent to.
        keys: of the issuers.
        on_premises: be a collection of an Azure DevOps Server.
        public_upstream: address of the index that upstreams call this machine's; "" to ask pip.
    """

    def __init__(
        self,
        organization: Organization,
        blobs: BlobStore,
        keys: Keys,
        *,
        on_premises: bool,
        public_upstream: str,
    ) -> None:
        self.organization = organization
        self.fronts = fronts(organization.name, on_premises=on_premises)
        self.tokens = Tokens(organization, None if on_premises else keys.entra)
        self.assertions = AssertionService(keys.assertions)
        built_in = organization.behaviour.built_in_task
        self.tasks = InstalledTasks(task_sources.built_in() if built_in != "absent" else (), built_in)
        shelves = Shelves(organization, public_upstream)
        self._on_premises = on_premises
        self._routes = routes(
            PackageHost(shelves, blobs),
            FeedsHost(shelves),
            TasksHost(self.tasks),
            None if on_premises else self.assertions,
            SessionTokens(self.tokens),
        )

    def front(self, path: str) -> Front | None:
        """The family of addresses that a path belongs to; None when it is not this organisation's."""
        return next((front for front in self.fronts if front.hosts(path)), None)

    async def call(self, request: web.Request, front: Front, caller: Caller | Rejection) -> web.Response:
        """Answer a request.

        Args:
            request: the request.
            front: the family that its address belongs to.
            caller: who asks.
        """
        origin = f"{request.scheme}://{request.host}"
        path = request.raw_path.partition("?")[0]
        hosts = front.hosts(path)
        call = Call(
            request=request,
            organization=self.organization,
            behaviour=self.organization.behaviour,
            on_premises=self._on_premises,
            hosts=hosts,
            sibling=lambda host: origin + front.prefixes[host],
            path=front.below(path, hosts),
            caller=caller,
        )
        try:
            return await dispatch(call, self._routes)
        except Refusal as refusal:
            return refuse(call, refusal)
        except ServiceError as error:
            return refuse(call, Refusal(500, str(error), "UpstreamUnavailableException"))
