"""Azure Pipelines, for a script step: its standard output is read by the agent, as that of a task is."""

from collections.abc import Iterable

from pip_authenticate.client_settings import ClientSettings, PrivateFile
from pip_authenticate.errors import DeliveryError
from pip_authenticate.logging_commands import AzurePipelines
from pip_authenticate.secret import Secret
from pip_authenticate.surroundings import Surroundings, check_names


class Output:
    """Writes logging commands.

    Args:
        around: where the commands go, and a folder that the agent empties at the job's end.
    """

    def __init__(self, around: Surroundings) -> None:
        self._around = around
        system = around.environ.get("AGENT_OS", "Linux")
        self._agent = AzurePipelines(lambda text: around.write(f"{text}\n"), os=system)

    def register(self, secrets: Iterable[Secret]) -> None:
        """Have the agent mask secrets."""
        self._agent.register(secrets)

    def check(self, settings: ClientSettings) -> list[str]:
        """See whether this is a step of a pipeline, and whether the settings reach the later ones.

        Raises:
            DeliveryError: it is not so.
        """
        if not self._around.environ.get("TF_BUILD"):
            raise DeliveryError(
                "no-ci",
                "TF_BUILD is not set, so this is no step of Azure Pipelines",
                hint="Choose another --output: sh for the shell that runs this.",
            )
        check_names(settings, "Azure Pipelines")
        return self._agent.check(settings)

    def deliver(self, settings: ClientSettings) -> None:
        """Write the files, then set all variables."""
        pairs = self._around._replace(is_terminal=False).variables(settings)
        self._agent.set({name: Secret(value) for name, value in pairs}, {})

    def summarize(self, markdown: str) -> None:
        """Have a summary uploaded."""
        file = PrivateFile("pip-authenticate.md", Secret(markdown), ("SUMMARY",))
        (path,) = self._around.place(ClientSettings(files=(file,)))
        self._agent.summarize(path.value.reveal())
