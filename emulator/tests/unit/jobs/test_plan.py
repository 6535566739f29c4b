from pathlib import Path

import pytest

from azure_devops_emulator import task_sources
from azure_devops_emulator.errors import EmulatorError, InputError, each
from azure_devops_emulator.installed_tasks import InstalledTasks
from azure_devops_emulator.jobs import plan
from azure_devops_emulator.jobs.plan import PlannedStep
from azure_devops_emulator.organization import Organization
from azure_devops_emulator.pipeline import Pipeline
from emulator_support.agent import PROBE, make_task

ID = "0f8fad5b-d9cb-469f-a165-70867728950e"
CONNECTIONS = Organization.parse(
    f"""
        [organization]
        name = "acme"
        [[service_connections]]
        name = "Ware house"
        id = "{ID}"
        url = ""
        scheme = "Token"
        [[service_connections]]
        name = "cloud"
        type = "azurerm"
        url = ""
        scheme = "Token"
        """
).service_connections


def planned(folder: Path, text: str, *tasks: Path, **variables: str) -> list[PlannedStep]:
    """The planned steps of a pipeline's text."""
    file = folder / "some.yml"
    file.write_text(text, encoding="utf-8")
    installed = InstalledTasks(task_sources.gather(tasks or (PROBE,)))
    return plan.make(Pipeline.load(file), installed, CONNECTIONS, variables)


@pytest.mark.parametrize("name", ["Ware house", "ware HOUSE", ID.upper(), " Ware house ,", "$(which)"])
@pytest.mark.parametrize("alias", ["connections", "Feeds"])
def test_names_become_ids_and_aliases_canonical_names(tmp_path: Path, name: str, alias: str) -> None:
    text = f"steps: [{{task: Probe@1, inputs: {{{alias}: '{name}', other: x}}}}]"
    steps = planned(tmp_path, text, which="Ware house")
    assert dict(steps[0].inputs) == {"connections": ID, "other": "x"}


@pytest.mark.parametrize(
    ("name", "named"),
    [
        ("nowhere", ["nowhere, which does not exist", "Ware house, cloud"]),
        ("cloud", ["needs a service connection of type externalPythonDownloadFeed", "azurerm"]),
        ("a, b", ["a, which", "b, which"]),
        ("$(unknown)", ["$(unknown), which does not exist"]),
    ],
)
def test_refuses_unknown_and_unfit_connections(tmp_path: Path, name: str, named: list[str]) -> None:
    with pytest.raises(EmulatorError) as caught:
        planned(tmp_path, f"steps: [{{task: Probe@1, inputs: {{connections: '{name}'}}}}]")
    text = " ".join(str(error) for error in each(caught.value))
    assert all(part in text for part in [*named, "some.yml, line 1"])


def test_tells_all_faults_of_all_steps(tmp_path: Path) -> None:
    with pytest.raises(EmulatorError) as caught:
        planned(tmp_path, "steps: [{task: Nope@1}, {task: Probe@1, inputs: {connections: x}}, {script: y}]")
    assert len(each(caught.value)) == 2


def test_a_required_input_has_to_be_there(tmp_path: Path) -> None:
    inputs = [{"name": "must", "required": True}, {"name": "may", "required": True, "defaultValue": "x"}]
    task = make_task(tmp_path, inputs=inputs)
    with pytest.raises(InputError, match="needs the input must"):
        planned(tmp_path, "steps: [{task: Probe@1, inputs: {must: ' '}}]", task)
    assert planned(tmp_path, "steps: [{task: Probe@1, inputs: {must: x}}]", task)


def test_names_of_steps(tmp_path: Path) -> None:
    text = """\
steps:
- script: a
- script: b
- bash: c
- task: Probe@1
- task: Probe@1
  name: Probe1
- task: probe@1
  displayName: Named
- script: gone
  enabled: false
"""
    steps = planned(tmp_path, text)
    assert [(step.reference_name, step.display_name) for step in steps] == [
        ("CmdLine", "CmdLine"),
        ("CmdLine1", "CmdLine"),
        ("Bash", "Bash"),
        ("Probe", "Probe"),
        ("Probe1", "Probe"),
        ("Probe2", "Named"),
    ]
