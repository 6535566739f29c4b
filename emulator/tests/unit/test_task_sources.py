"""Folders, extensions and uploads: which tasks they hold, and why some cannot be used."""

import json
from pathlib import Path

import pytest

from azure_devops_emulator import task_sources
from azure_devops_emulator.errors import Faults, InputError, each
from azure_devops_emulator.installed_tasks import InstalledTask
from emulator_support.agent import PROBE, make_task
from emulator_support.tasks import (
    OTHER_ID,
    PROBE_ID,
    extension,
    manifests,
    probe_files,
    upload,
    version,
    zipped,
)


def told(tasks: list[InstalledTask]) -> list[tuple[str, str]]:
    """Name by which each is found for certain, and version."""
    return [(task.identifier, task.definition.version_text) for task in tasks]


def test_a_folder_is_a_task_or_holds_some(tmp_path: Path) -> None:
    make_task(tmp_path)
    make_task(tmp_path, name="Second")
    assert [task.definition.name for task in task_sources.from_folder(tmp_path)] == ["Probe", "Second"]
    assert told(task_sources.from_folder(PROBE)) == [(PROBE_ID, "1.2.3")]
    with pytest.raises(InputError, match="there is no task in"):
        task_sources.from_folder(tmp_path / "nothing")


def test_an_extension_brings_its_tasks_under_full_names(tmp_path: Path) -> None:
    assert told(task_sources.from_extension(extension(tmp_path))) == [("acme.tools.probe.Probe", "1.2.3")]


def test_an_extensions_folder_may_hold_several_versions(tmp_path: Path) -> None:
    files = manifests("acme", ("probe", "tasks/Probe/"), ("second", "Second"))
    for number in (1, 2):
        changed = probe_files(version=version(0, major=number))
        files |= {f"tasks/Probe/V{number}/{name}": data for name, data in changed.items()}
    files |= {f"Second/{name}": data for name, data in probe_files(name="Second", id=OTHER_ID).items()}
    file = tmp_path / "x.vsix"
    file.write_bytes(zipped(files))
    assert told(task_sources.from_extension(file)) == [
        ("acme.tools.probe.Probe", "1.0.0"),
        ("acme.tools.probe.Probe", "2.0.0"),
        ("acme.tools.second.Second", "1.2.3"),
    ]


def test_a_packed_task_is_unpacked_into_a_folder_of_its_own(tmp_path: Path) -> None:
    (task,) = task_sources.from_extension(extension(tmp_path))
    unpacked = task.unpacked(tmp_path / "_tasks")
    assert unpacked.definition.folder == tmp_path / "_tasks" / f"Probe_{PROBE_ID}" / "1.2.3"
    assert (unpacked.definition.folder / "probe.js").read_bytes() == (PROBE / "probe.js").read_bytes()
    (folder_task,) = task_sources.from_folder(PROBE)
    assert folder_task.unpacked(tmp_path) is folder_task


GOOD = manifests("acme", ("probe", "Probe"))
ENTITIES = '<!DOCTYPE x [<!ENTITY e "expand">]>'


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({}, "is no extension: it has no extension.vsixmanifest"),
        ({"extension.vsomanifest": None}, "is no extension: it has no extension.vsomanifest"),
        ({"extension.vsixmanifest": "<a>"}, "has a broken extension.vsixmanifest"),
        ({"extension.vsixmanifest": "<a/>"}, "has a broken extension.vsixmanifest"),
        ({"extension.vsixmanifest": f"{ENTITIES}<a/>"}, "document type"),
        ({"extension.vsomanifest": "{"}, "has a broken extension.vsomanifest"),
        ({"extension.vsomanifest": "[]"}, "has a broken extension.vsomanifest"),
        ({"extension.vsomanifest": '{"contributions": [{"type": 1}]}'}, "has a broken extension.vsomanifest"),
        ({"extension.vsomanifest": '{"contributions": []}'}, "is an extension without a task"),
        ({"Probe/task.json": None}, "has no task in its folder Probe (probe)"),
        ({"Probe/task.json": "{}"}, "Probe, task.json is not a task definition"),
        ({"../x": ""}, "holds a path that is not allowed"),
    ],
)
def test_an_extension_that_cannot_be_used(tmp_path: Path, files: dict[str, str | None], said: str) -> None:
    whole: dict[str, bytes | str] = {**GOOD, **{f"Probe/{k}": v for k, v in probe_files().items()}}
    for name, data in files.items():
        if data is None:
            del whole[name]
        else:
            whole[name] = data
    file = tmp_path / "x.vsix"
    file.write_bytes(zipped(whole if files else {"a": ""}))
    with pytest.raises(InputError) as caught:
        task_sources.from_extension(file)
    assert str(caught.value).startswith(str(file))
    assert said in str(caught.value)


def test_every_folder_and_file_that_cannot_be_used_is_told(tmp_path: Path) -> None:
    broken = tmp_path / "broken.vsix"
    broken.write_bytes(b"no zip")
    places = [tmp_path / "none.vsix", broken, tmp_path, extension(tmp_path, id=OTHER_ID)]
    with pytest.raises(Faults) as caught:
        task_sources.gather([tmp_path / "none", PROBE], places)
    lines = [str(error) for error in each(caught.value)]
    assert len(lines) == 4
    for line, name in zip(lines, ("none", "none.vsix", "broken.vsix", tmp_path.name), strict=True):
        assert name in line


def test_a_tasks_id_lives_in_one_extension_only(tmp_path: Path) -> None:
    first, again = extension(tmp_path), extension(tmp_path, version=version(9))
    assert [task.definition.version[1] for task in task_sources.gather([], [first, again])] == [2, 9]
    other = extension(tmp_path, "umbrella")
    with pytest.raises(InputError) as caught:
        task_sources.gather([], [first, other])
    assert str(caught.value) == (
        f"the task umbrella.tools.probe.Probe has the id of acme.tools.probe.Probe, {PROBE_ID}:"
        f" a task's id lives in one extension only ({other})."
    )


def test_a_version_is_installed_once(tmp_path: Path) -> None:
    file = extension(tmp_path)
    with pytest.raises(InputError) as caught:
        task_sources.gather([PROBE], [file])
    assert str(caught.value) == (
        f"The task definition with id '{PROBE_ID}', name 'Probe' and version '1.2.3' already exists ({file})."
    )


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (upload(id=OTHER_ID), f"has another id than the address ({OTHER_ID})"),
        (zipped({"Probe/task.json": json.dumps({})}), "the uploaded task has no task.json"),
        (zipped({"task.json": "{"}), "the uploaded task, task.json is not JSON"),
        (zipped({"../task.json": "{}"}), "the uploaded task holds a path that is not allowed"),
        (b"", "the uploaded task is no zip file that can be read"),
    ],
)
def test_an_upload_that_cannot_be_used(data: bytes, said: str) -> None:
    with pytest.raises(InputError) as caught:
        task_sources.from_upload(data, PROBE_ID)
    assert said in str(caught.value)
