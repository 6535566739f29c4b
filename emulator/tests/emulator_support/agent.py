"""Pipelines for the emulated agent, written in a test, with a task that runs any JavaScript."""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from azure_devops_emulator.agent import Agent, JobResult, Timing
from azure_devops_emulator.jobs.process import Grace
from azure_devops_emulator.organization import Organization
from azure_devops_emulator.pipeline import Pipeline
from azure_devops_emulator.service import Service

DATA = Path(__file__).parent.parent / "data" / "agent"
PROBE = DATA / "probe"
CONNECTION = "0f8fad5b-d9cb-469f-a165-70867728950e"
ORGANIZATION = f"""
[organization]
name = "fabrikam"

[[projects]]
name = "project one"

[[private_indexes]]
name = "warehouse"
user = "canary-user"
password = "canary-p%zz@x"

[[service_connections]]
id = "{CONNECTION.upper()}"
name = "Ware house"
type = "externalPythonDownloadFeed"
url = "{{private:warehouse}}"
scheme = "UsernamePassword"
parameters = {{ username = "canary-user", password = "canary-p%zz@x" }}
data = {{ "Some.Thing" = "canary data" }}

[[service_connections]]
name = "another"
type = "externalPythonDownloadFeed"
url = "{{private:warehouse}}"
scheme = "Token"
parameters = {{ apitoken = "canary-another" }}

[[variable_groups]]
name = "common"
variables = {{ before = "group", after = "group", both = "common", open = "text" }}

[[variable_groups]]
name = "more"

[variable_groups.variables]
both = {{ value = "more" }}
hidden = {{ value = "canary-group", secret = true }}

[[service_connections]]
name = "spaced"
type = "externalPythonDownloadFeed"
url = "https://Index.example.test/My%20Project/feed%40Local"
scheme = "Token"
parameters = {{ apitoken = "canary-spaced" }}

[[service_connections]]
name = "cloud"
type = "azurerm"
url = "{{collection}}"
scheme = "ServicePrincipal"
"""
QUICK = Timing(retry=0.01, minute=1.0, done=0.3, grace=Grace(0.5, 0.5))
"""Waits between tries in hundredths of a second, and seconds for minutes."""


def service(folder: Path) -> Service:
    """An organisation with a project and some service connections, not yet started."""
    file = folder / "organization.toml"
    file.write_text(ORGANIZATION, encoding="utf-8")
    return Service(Organization.load(file))


def make_task(folder: Path, **changes: object) -> Path:
    """The probe task with other fields in its task.json; gives its folder."""
    copy = folder / f"task{len(list(folder.iterdir()))}"
    shutil.copytree(PROBE, copy)
    data: dict[str, Any] = json.loads((copy / "task.json").read_text(encoding="utf-8"))
    data.update(changes)
    (copy / "task.json").write_text(json.dumps(data), encoding="utf-8")
    return copy


def probe(code: str, **options: object) -> dict[str, Any]:
    """A step that runs some JavaScript; `options` are the step's other keys, `inputs` among them."""
    inputs = {"code": code, **options.pop("inputs", {})}  # type: ignore[dict-item]
    return {"task": "Probe@1", "inputs": inputs, **options}


def say(*lines: str) -> str:
    """JavaScript that prints lines; macros in them are not those of the input."""
    texts = (json.dumps(line).replace("$(", "\\u0024(") for line in lines)
    return "".join(f"console.log({text});" for text in texts)


class Bench:
    """Runs pipelines against one service.

    Args:
        service: the running service.
        folder: where files are written.
    """

    def __init__(self, service: Service, folder: Path) -> None:
        self.service = service
        self.folder = folder

    def pipeline(self, *steps: Mapping[str, Any], **keys: object) -> Pipeline:
        """A pipeline of these steps."""
        file = self.folder / "pipeline.yml"
        document = {**keys, "steps": [dict(step) for step in steps]}
        file.write_text(yaml.safe_dump(document, sort_keys=False, allow_unicode=True), encoding="utf-8")
        return Pipeline.load(file)

    def agent(self, **options: Any) -> Agent:  # noqa: ANN401 - the agent's own parameters
        """An agent that needs no virtual environment and waits little."""
        given: dict[str, Any] = {
            "project": "project one",
            "task_dirs": [PROBE],
            "python": False,
            "timing": QUICK,
            **options,
        }
        return Agent(service=self.service, **given)

    def run(
        self,
        *steps: Mapping[str, Any],
        keys: Mapping[str, object] | None = None,
        **options: Any,  # noqa: ANN401
    ) -> JobResult:
        """Run these steps; `keys` are the pipeline's other keys, `options` the agent's parameters."""
        return self.agent(**options).run(self.pipeline(*steps, **(keys or {})))


def environment(result: JobResult, number: int = -1) -> dict[str, str]:
    """The whole environment that a probe printed with `all()`; the last one by default."""
    printed = [line.text for line in result.raw if line.text.startswith("ALL ")]
    found: dict[str, str] = json.loads(printed[number].removeprefix("ALL "))
    return found


def output(result: JobResult) -> list[str]:
    """What the processes wrote, unmasked."""
    return [line.text for line in result.raw]
