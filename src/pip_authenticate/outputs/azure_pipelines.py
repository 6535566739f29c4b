"""Azure Pipelines, for a script step: its standard output is read by the agent, as that of a task is."""

from collections.abc import Iterable

from pip_authenticate import uploads
from pip_authenticate.client_settings import ClientSettings
from pip_authenticate.logging_commands import AzurePipelines
from pip_authenticate.secret import Secret
from pip_authenticate.surroundings import Surroundings, check_variables, no_ci


class Output:
    """Writes logging commands.

    Args:
        around: where the commands go, and a folder that the agent empties at the job's end.
    """

    by_files = False

    def __init__(self, around: Surroundings) -> None:
        self._around = around
        system = around.environ.get("AGENT_OS", "Linux")
        self._agent = AzurePipelines(lambda text: around.write(f"{text}\n"), os=system)

    def register(self, secrets: Iterable[Secret]) -> None:
        """Have the agent mask secrets, where there is one that reads them."""
        if self._around.shows and self._around.environ.get("TF_BUILD"):
            self._agent.register(secrets)

    def check(self, settings: ClientSettings) -> list[str]:
        """See whether this is a step of a pipeline, and whether the settings reach the later ones.

        Raises:
            DeliveryError: it is not so.
        """
        why = "" if self._around.environ.get("TF_BUILD") else "TF_BUILD is not set"
        why = why or ("" if self._around.shows else "standard output is a terminal")
        if why:
            raise no_ci(why, "step of Azure Pipelines")
        check_variables(settings, "Azure Pipelines")
        return self._agent.check(settings)

    def deliver(self, settings: ClientSettings) -> None:
        """Write the files, then set all variables."""
        pairs = self._around.variables(settings)
        self._agent.set({name: Secret(value) for name, value in pairs}, {})

    def summarize(self, markdown: str) -> None:
        """Have a summary uploaded, where there is a place for its file; nothing depends on it."""
        folder = self._around.environ.get("AGENT_TEMPDIRECTORY")
        if folder and markdown:
            uploads.summarize(markdown, folder, self._agent)
