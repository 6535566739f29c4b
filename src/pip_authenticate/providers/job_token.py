"""The job's own token, which opens the feeds of its organisation."""

from pip_authenticate.errors import Faults, InputError, PipAuthenticateError
from pip_authenticate.index import AuthenticatedIndex, Index
from pip_authenticate.run import Run


def open_all(indexes: list[Index], run: Run) -> list[AuthenticatedIndex]:
    """Give every index the job's token, once it is sure that the index lies in the job's organisation.

    Args:
        indexes: of the organisation.
        run: what the agent tells of the job.

    Raises:
        Faults: indexes elsewhere.
        InputError: the agent does not tell what a job of Azure Pipelines is told.
        ServiceError: the location service did not answer, or not as documented.
    """
    job, found, faults = run.job, list[AuthenticatedIndex](), list[PipAuthenticateError]()
    for index in indexes:
        if run.routes.serves(index.url):
            found.append(index.opened_by(job.credential))
            continue
        faults.append(
            InputError(
                "foreign-organisation",
                f"{index.entry} is not a feed of the job's organisation {job.collection.url}",
                hint="The job's token opens only that; use a service connection for any other.",
            )
        )
    if faults:
        raise Faults(faults)
    return found
