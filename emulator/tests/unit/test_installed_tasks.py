"""Which task a step means: by name, full name and id, with one or several that could be meant."""

import threading
from pathlib import Path

import pytest

from azure_devops_emulator import task_sources
from azure_devops_emulator.description.behaviour import BuiltInTask
from azure_devops_emulator.errors import InputError
from azure_devops_emulator.installed_tasks import BUILT_IN_ID, InstalledTask, InstalledTasks
from azure_devops_emulator.jobs.task_definition import reference
from emulator_support.agent import make_task
from emulator_support.tasks import OTHER_ID, PROBE_ID, extension, upload, version

NAME = "PipAuthenticate"


def uploaded(**changes: object) -> InstalledTask:
    """The probe task as an upload."""
    return task_sources.from_upload(upload(**changes), str(changes.get("id", PROBE_ID)))


def test_the_newest_of_a_major_version_is_found_by_every_name(tmp_path: Path) -> None:
    minors = (2, 10, 9)
    files = [extension(tmp_path, version=version(minor)) for minor in minors]
    installed = InstalledTasks(
        [*task_sources.gather([], files), uploaded(id=OTHER_ID, name="Other", version=version(0, major=2))]
    )
    for name in ("Probe", "pROBE", "acme.tools.probe.Probe", "ACME.Tools.Probe.probe", PROBE_ID.upper()):
        found = installed.find(reference(f"{name}@1"))
        assert (found.identifier, found.definition.version) == ("acme.tools.probe.Probe", (1, 10, 0))
    for name in ("Probe@2", "tools.probe.Probe@1", "acme.tools.probe@1", f"{OTHER_ID}@1"):
        with pytest.raises(InputError, match=r"is not installed.*: Probe@1, Other@2"):
            installed.find(reference(name))
    with pytest.raises(InputError, match="installed: none"):
        InstalledTasks().find(reference("Probe@2"))


def test_a_folder_counts_beside_what_is_uploaded(tmp_path: Path) -> None:
    service = InstalledTasks([uploaded(version=version(3))])
    both = service.beside(task_sources.from_folder(make_task(tmp_path, version=version(4))))
    assert both.find(reference("Probe@1")).definition.version == (1, 4, 0)
    assert service.find(reference("Probe@1")).definition.version == (1, 3, 0)


def test_two_extensions_of_one_name_are_ambiguous(tmp_path: Path) -> None:
    files = [extension(tmp_path), extension(tmp_path, "umbrella", id=OTHER_ID)]
    installed = InstalledTasks(task_sources.gather([], files))
    with pytest.raises(InputError) as caught:
        installed.find(reference("probe@1"))
    assert str(caught.value) == (
        "Step task reference is invalid. The task name probe is ambiguous. Specify one of the following"
        " identifiers to resolve the ambiguity: acme.tools.probe.Probe, umbrella.tools.probe.Probe."
    )
    assert installed.find(reference("umbrella.tools.probe.Probe@1")).definition.id == OTHER_ID


def test_two_uploads_of_one_name_are_ambiguous_and_told_by_their_ids(tmp_path: Path) -> None:
    third = "22222222-2222-4333-8444-555555555555"
    files = task_sources.from_extension(extension(tmp_path, id=third))
    installed = InstalledTasks([uploaded(), uploaded(id=OTHER_ID), *files])
    with pytest.raises(InputError, match=f"{PROBE_ID}, {OTHER_ID}, acme.tools.probe.Probe"):
        installed.find(reference("Probe@1"))
    for name, found in ((PROBE_ID, PROBE_ID), (OTHER_ID, OTHER_ID), ("acme.tools.probe.Probe", third)):
        assert installed.find(reference(f"{name}@1")).definition.id == found


def test_the_only_upload_of_a_name_is_meant_before_an_extensions_task(tmp_path: Path) -> None:
    files = task_sources.from_extension(extension(tmp_path, id=OTHER_ID))
    installed = InstalledTasks([*files, uploaded()])
    assert installed.find(reference("Probe@1")).definition.id == PROBE_ID


@pytest.mark.parametrize(
    ("built_in", "from_extension", "from_upload"),
    [
        ("absent", PROBE_ID, PROBE_ID),
        ("present", BUILT_IN_ID, "ambiguous"),
        ("wins", BUILT_IN_ID, BUILT_IN_ID),
        ("ambiguous", "ambiguous", "ambiguous"),
    ],
)
def test_a_name_that_the_built_in_task_has_too(
    tmp_path: Path, built_in: BuiltInTask, from_extension: str, from_upload: str
) -> None:
    own = task_sources.from_extension(extension(tmp_path, name=NAME))
    there = [] if built_in == "absent" else task_sources.built_in()
    for task, expected in ((own[0], from_extension), (uploaded(name=NAME), from_upload)):
        installed = InstalledTasks([*there, task], built_in)
        if expected == "ambiguous":
            with pytest.raises(InputError, match=f"{NAME} is ambiguous.*: {BUILT_IN_ID}, {task.identifier}"):
                installed.find(reference(f"{NAME}@1"))
        else:
            assert installed.find(reference(f"{NAME}@1")).definition.id == expected
        for name in (PROBE_ID, task.identifier):
            assert installed.find(reference(f"{name}@1")) == task


@pytest.mark.parametrize("built_in", ["present", "wins", "ambiguous"])
def test_the_built_in_task_alone_is_meant_and_other_names_are_as_ever(built_in: BuiltInTask) -> None:
    installed = InstalledTasks([*task_sources.built_in(), uploaded()], built_in)
    assert installed.find(reference(f"{NAME}@1")).definition.id == BUILT_IN_ID
    assert installed.find(reference("Probe@1")).definition.id == PROBE_ID


def test_a_version_is_never_replaced_and_uploads_alone_are_removed(tmp_path: Path) -> None:
    folder = task_sources.from_folder(make_task(tmp_path, version=version(8)))
    own = task_sources.from_extension(extension(tmp_path, version=version(9)))
    installed = InstalledTasks([*folder, *own])
    installed.add(uploaded())
    installed.add(uploaded(version=version(0, major=0)))
    with pytest.raises(InputError, match=f"id '{PROBE_ID}', name 'Probe' and version '1.2.3' already exists"):
        installed.add(uploaded())
    assert installed.remove(PROBE_ID)
    assert installed.all() == [*folder, *own]
    assert not installed.remove(PROBE_ID)
    assert not installed.remove(OTHER_ID)


def test_of_many_who_add_one_version_at_once_one_succeeds() -> None:
    installed = InstalledTasks()
    task = uploaded()
    start = threading.Barrier(16)
    outcomes: list[str] = []

    def add() -> None:
        start.wait()
        try:
            installed.add(task)
            outcomes.append("added")
        except InputError as error:
            outcomes.append(error.slug)

    threads = [threading.Thread(target=add) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["added"] + ["task-exists"] * 15
