"""What the parts of a run share: its settings, its requests, and what is found out but once."""

from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from pip_authenticate.errors import PipAuthenticateError
from pip_authenticate.index import AuthenticatedIndex, Index
from pip_authenticate.secret import Learned
from pip_authenticate.settings import Settings
from pip_authenticate.transport import Transport

if TYPE_CHECKING:
    from pip_authenticate.azure.job import Job
    from pip_authenticate.azure.routes import Routes
    from pip_authenticate.project import Project
    from pip_authenticate.token_cache import TokenCache


Outcome: TypeAlias = AuthenticatedIndex | PipAuthenticateError
"""What a provider says of an index."""


class Named(NamedTuple):
    """What a source names.

    Args:
        indexes: those that can be used.
        faults: what is wrong with the others.
    """

    indexes: list[Index]
    faults: list[PipAuthenticateError]


class Run:
    """One run.

    Args:
        settings: what it is told.
        transport: sends its requests, within its deadline.
        learned: is told of every secret that the run comes to know.

    Attributes:
        warnings: about indexes that nobody asked for and that get no credential.
        left_out: those indexes.
    """

    def __init__(self, settings: Settings, transport: Transport, learned: Learned) -> None:
        self.settings = settings
        self.transport = transport
        self.learned = learned
        self.warnings = list[str]()
        self.left_out = list[Index]()

    @cached_property
    def job(self) -> "Job":
        """The job's own identity.

        Raises:
            InputError: there is none, or it cannot be used.
        """
        from pip_authenticate.azure.job import Job  # noqa: PLC0415 - not every run has a job

        return Job.of(self.settings)

    @cached_property
    def cache(self) -> "TokenCache":
        """Tokens of earlier runs."""
        from pip_authenticate.token_cache import TokenCache  # noqa: PLC0415 - not every credential is kept

        return TokenCache(self.settings.cache_folder, self.transport.deadline, self.transport.log)

    @cached_property
    def project(self) -> "Project":
        """What the files of the project say; nothing where the run looks at none."""
        from pip_authenticate import project  # noqa: PLC0415 - the task looks at none for pip

        folder = self.settings.project_folder
        return project.read(folder, self.settings.variables) if folder else project.Project()

    @cached_property
    def routes(self) -> "Routes":
        """Where the feeds of the job's organisation are.

        Raises:
            InputError: as for `job`.
        """
        from pip_authenticate.azure.routes import Routes  # noqa: PLC0415 - not every run asks for feeds

        return Routes(self.job, self.transport)
