"""Service connections as a job has them, and how a step's environment tells of them.

Source of the rules: agent sources Handler.cs and TaskRunner.cs.
"""

import json
import re
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field

from azure_devops_emulator.jobs import dotnet_uri
from azure_devops_emulator.jobs.masker import Masker, is_secret_parameter
from azure_devops_emulator.jobs.names import Names, environment_name

SYSTEM_NAME = "SystemVssConnection"
NO_ID = str(uuid.UUID(int=0))


@dataclass
class Endpoint:
    """One service connection of a job.

    Args:
        id: lower-case GUID; all zeros for the system connection.
        name: its name.
        type: its kind.
        url: its address; tasks get it as .NET writes it.
        scheme: of the authorisation.
        parameters: of the authorisation.
        data: its other values.
        unescape_reserved: whether the address is written as .NET's documentation says, not as its sources do.
    """

    id: str
    name: str
    type: str
    url: str
    scheme: str
    parameters: Names[str] = field(default_factory=Names, repr=False)
    data: Names[str] = field(default_factory=Names)
    unescape_reserved: bool = False

    @property
    def key(self) -> str:
        """How environment variables name it: the id as it is, or the system connection's name."""
        if self.id != NO_ID:
            return self.id
        return (
            SYSTEM_NAME.upper()
            if self.name.lower() == SYSTEM_NAME.lower()
            else self.data.get("RepositoryId", "")
        )

    def register(self, masker: Masker) -> None:
        """Register the authorisation's values as secrets, user names included."""
        for name, value in self.parameters.items():
            if is_secret_parameter(name):
                masker.add(value)

    def environment(self) -> dict[str, str]:
        """The environment variables of this endpoint."""
        key = self.key
        if not key:
            return {}
        authorization = {"parameters": dict(self.parameters), "scheme": self.scheme}
        found = {
            f"ENDPOINT_URL_{key}": dotnet_uri.to_string(self.url, unescape_reserved=self.unescape_reserved),
            f"ENDPOINT_AUTH_{key}": _json(authorization),
            f"ENDPOINT_AUTH_SCHEME_{key}": self.scheme,
        }
        for name, value in self.parameters.items():
            found[f"ENDPOINT_AUTH_PARAMETER_{key}_{environment_name(name)}"] = value
        if self.id != NO_ID:
            found[f"ENDPOINT_DATA_{key}"] = _json(dict(self.data))
            for name, value in self.data.items():
                found[f"ENDPOINT_DATA_{key}_{environment_name(name)}"] = value
        return found


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def as_guid(text: str) -> str | None:
    """A text as a lower-case GUID with hyphens, or None when it is none."""
    bare = text.strip().strip("{}()")
    if not re.fullmatch(r"[0-9A-Fa-f]{32}|[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}", bare):
        return None
    return str(uuid.UUID(bare))


def select(endpoints: Iterable[Endpoint], values: Iterable[str]) -> list[Endpoint]:
    """The endpoints a step gets: those its connection inputs name, and the system connection.

    Args:
        endpoints: all of the job.
        values: of the inputs that are declared as service connections.
    """
    wanted = {guid for value in values for part in value.split(",") if (guid := as_guid(part))} - {NO_ID}
    everything = list(endpoints)
    chosen = [endpoint for endpoint in everything if endpoint.id in wanted]
    chosen += [endpoint for endpoint in everything if endpoint.name.lower() == SYSTEM_NAME.lower()][:1]
    return chosen
