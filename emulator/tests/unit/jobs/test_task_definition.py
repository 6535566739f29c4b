import json
from pathlib import Path

import pytest

from azure_devops_emulator.errors import InputError
from azure_devops_emulator.jobs import task_definition
from azure_devops_emulator.jobs.restrictions import Restrictions
from emulator_support.agent import PROBE, make_task


def test_reads_a_task() -> None:
    task = task_definition.load(PROBE, windows=False)
    assert (task.name, task.version_text, task.help) == ("Probe", "1.2.3", "None.")
    assert task.id == "6b1d2c3e-4f50-4a61-8b72-9c83ad94bea5"
    assert [entry.connection_type for entry in task.inputs] == [
        None,
        "externalPythonDownloadFeed",
        None,
        None,
    ]
    assert task.inputs[1].aliases == ("feeds",)
    assert task.restrictions is None


@pytest.mark.parametrize(
    ("execution", "windows", "chosen"),
    [
        ({"Node10": {}, "Node24": {}, "Node20_1": {}}, False, "Node24"),
        ({"Node": {}, "Node16": {}}, False, "Node16"),
        ({"Unknown99": {}, "Node10": {}}, False, "Node10"),
        ({"PowerShell3": {}, "Node10": {}}, False, "Node10"),
        ({"PowerShell3": {"platforms": ["windows"]}, "Node10": {}}, False, "Node10"),
        ({"PowerShell3": {"platforms": ["windows"]}, "Node10": {}}, True, "PowerShell3"),
        ({"PowerShell3": {}, "Node10": {}}, True, "Node10"),
        ({"Process": {}, "PowerShell3": {}}, False, None),
        ({"Node10": "text"}, False, None),
    ],
)
def test_chooses_the_handler(
    tmp_path: Path,
    execution: dict[str, object],
    windows: bool,  # noqa: FBT001 - a row of a table
    chosen: str | None,
) -> None:
    handler = task_definition.load(make_task(tmp_path, execution=execution), windows=windows).stages[
        "execution"
    ]
    assert (handler.key if handler else None) == chosen


def test_reads_restrictions_and_output_variables(tmp_path: Path) -> None:
    folder = make_task(
        tmp_path,
        restrictions={"commands": {"mode": "restricted"}, "settableVariables": {"allowed": ["PIP_*"]}},
        outputVariables=[{"name": "Result"}],
    )
    task = task_definition.load(folder, windows=False)
    assert task.restrictions == Restrictions("restricted", ("PIP_*",), "the task Probe")
    assert task.output_variables == {"RESULT"}


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"id": "x"}', "\xff", "[" * 100_000])
def test_refuses_what_is_no_definition(tmp_path: Path, text: str) -> None:
    (tmp_path / "task.json").write_text(text, encoding="latin-1")
    with pytest.raises(InputError, match="task"):
        task_definition.load(tmp_path, windows=False)


@pytest.mark.parametrize(
    "changes",
    [
        {"id": "6b1d2c3e"},
        {"name": "../Probe"},
        {"name": "Probe One"},
        {"name": "P" * 129},
        {"version": {"Major": "one", "Minor": 0, "Patch": 0}},
        {"version": {"Major": 1, "Minor": -1, "Patch": 0}},
        {"version": {"Major": 1, "Minor": 0, "Patch": 2**31}},
    ],
)
def test_refuses_fields_that_no_task_has(tmp_path: Path, changes: dict[str, object]) -> None:
    with pytest.raises(InputError, match="is not a task definition"):
        task_definition.load(make_task(tmp_path, **changes), windows=False)


def test_refuses_a_folder_without_a_task(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        task_definition.load(tmp_path, windows=False)


@pytest.mark.parametrize("text", ["Probe", "Probe@", "Probe@1.2", "@1", "a b@1"])
def test_refuses_a_reference_without_a_major_version(text: str) -> None:
    with pytest.raises(InputError, match="major version"):
        task_definition.reference(text)


def test_a_default_may_be_a_boolean(tmp_path: Path) -> None:
    inputs = [{"name": "flag", "type": "boolean", "defaultValue": True, "required": True}, {"name": "bare"}]
    task = task_definition.load(make_task(tmp_path, inputs=json.loads(json.dumps(inputs))), windows=False)
    assert [(entry.default, entry.type, entry.required) for entry in task.inputs] == [
        ("True", "boolean", True),
        ("", "string", False),
    ]
