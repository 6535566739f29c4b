"""What a job of Azure Pipelines is told about itself: its organisation and its own token."""

from typing import NamedTuple

from pip_authenticate.azure.addresses import Collection
from pip_authenticate.errors import InputError
from pip_authenticate.index import TOKEN_USER, Credential
from pip_authenticate.settings import SYSTEM_CONNECTION, Settings

JOB_TOKEN = "the job's token"  # noqa: S105 - its name in messages


class Job(NamedTuple):
    """A job's own identity.

    Args:
        collection: the organisation it runs in.
        credential: its own token, with the user name that goes with it.
    """

    collection: Collection
    credential: Credential

    @classmethod
    def of(cls, settings: Settings) -> "Job":
        """Read the system connection: no earlier step can have written that.

        Raises:
            InputError: it is missing, cannot be used, or is contradicted by a variable.
        """
        connection = settings.system_connection
        token = connection.parameters.get("accesstoken")
        why = connection.fault
        if not why and not connection.scheme:
            why = "the agent has handed over no such connection"
        elif not why and connection.scheme.lower() != "oauth":
            why = f"its scheme is not OAuth but {connection.scheme[:40]}"
        if why or not token:
            raise InputError(
                "job-token-missing",
                f"The job's own token cannot be read from the connection {SYSTEM_CONNECTION}: "
                f"{why or 'it has no AccessToken'}",
                hint="Only a job of Azure Pipelines has it; service connections work without it.",
            )
        collection = Collection.parse(connection.url, is_hosted=settings.is_hosted)
        for name, uri in settings.collection_uris.items():
            _check(name, uri, collection)
        return cls(collection, Credential(TOKEN_USER, token))


def _check(name: str, uri: str, collection: Collection) -> None:
    """Make sure that a variable, which any earlier step can have set, says the same organisation.

    On premises, System.CollectionUri is the server's own public address, which an agent that was
    configured with another one leaves as it is (azure-pipelines-agent: JobRunner.cs).
    """
    try:
        said = Collection.parse(uri, is_hosted=collection.is_hosted)
        same = collection.is_same(said.url)
        if not collection.is_hosted and name == "SYSTEM_COLLECTIONURI":
            same = collection.name == said.name
    except InputError:
        same = False
    if not same:
        raise InputError(
            "organisation-contradicted",
            f"The variable {name} names another organisation than the job's, {collection.url}",
            hint="Azure Pipelines sets it; find the step or the variable that replaces it, and remove that.",
        )
