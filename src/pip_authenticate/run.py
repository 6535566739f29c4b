"""What the parts of a run share: its settings, its requests, and what is found out but once."""

from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from pip_authenticate.errors import PipAuthenticateError
from pip_authenticate.index import Index
from pip_authenticate.secret import Learned
from pip_authenticate.settings import Settings
from pip_authenticate.transport import Transport

if TYPE_CHECKING:
    from pip_authenticate.azure.job import Job
    from pip_authenticate.azure.routes import Routes


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
    """

    def __init__(self, settings: Settings, transport: Transport, learned: Learned) -> None:
        self.settings = settings
        self.transport = transport
        self.learned = learned

    @cached_property
    def job(self) -> "Job":
        """The job's own identity.

        Raises:
            InputError: there is none, or it cannot be used.
        """
        from pip_authenticate.azure.job import Job  # noqa: PLC0415 - not every run has a job

        return Job.of(self.settings)

    @cached_property
    def routes(self) -> "Routes":
        """Where the feeds of the job's organisation are.

        Raises:
            InputError: as for `job`.
        """
        from pip_authenticate.azure.routes import Routes  # noqa: PLC0415 - not every run asks for feeds

        return Routes(self.job, self.transport)
