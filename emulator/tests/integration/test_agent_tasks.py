"""Installed tasks in jobs: from extensions and uploads, and under a name that a built-in task has."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from azure_devops_emulator import task_sources
from azure_devops_emulator.cli import main
from azure_devops_emulator.errors import InputError
from azure_devops_emulator.organization import Organization
from azure_devops_emulator.service import Service
from emulator_support.agent import ORGANIZATION, PROBE, Bench, output, probe, say
from emulator_support.tasks import OTHER_ID, PROBE_ID, extension, upload, version

NAME = "PipAuthenticate"


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with Service(Organization.parse(ORGANIZATION)) as service:
        yield Bench(service, tmp_path)


def step(name: str, code: str = say("ran")) -> dict[str, object]:
    """A step of the task of this name and the version 1."""
    return {**probe(code), "task": f"{name}@1"}


@pytest.mark.parametrize("name", ["Probe", "acme.tools.probe.probe", PROBE_ID])
def test_an_extensions_task_runs(bench: Bench, name: str) -> None:
    kept = bench.folder / "kept"
    file = extension(bench.folder)
    for _ in range(2):
        code = "console.log(process.argv[1])"
        result = bench.run(step(name, code), step(name, code), task_dirs=(), extensions=[file], keep=kept)
        assert result.result == "Succeeded"
        own = kept.resolve() / "_work" / "_tasks" / f"Probe_{PROBE_ID}" / "1.2.3"
        assert output(result) == [str(own / "probe.js")] * 2
        (own / "left-over").touch()
    assert not list(kept.rglob("left-over"))[1:]


def test_a_job_keeps_the_task_that_it_began_with(bench: Bench) -> None:
    bench.service.tasks.add(task_sources.from_upload(upload(), PROBE_ID))
    agent = bench.agent(task_dirs=())
    pipeline = bench.pipeline(step("Probe"))
    assert agent.run(pipeline).result == "Succeeded"
    bench.service.tasks.add(task_sources.from_upload(upload(version=version(9)), PROBE_ID))
    assert "Version      : 1.9.0" in agent.run(pipeline).log
    bench.service.tasks.remove(PROBE_ID)
    with pytest.raises(InputError, match=r"pipeline.yml, line 2; installed: none"):
        agent.run(pipeline)


@pytest.mark.parametrize("built_in", ["present", "wins"])
def test_a_step_that_means_the_built_in_task_says_how_to_reach_ones_own(
    tmp_path: Path, built_in: str
) -> None:
    text = f'{ORGANIZATION}\n[behaviour]\nbuilt_in_task = "{built_in}"\n'
    file = extension(tmp_path, name=NAME)
    with Service(Organization.parse(text)) as service:
        bench = Bench(service, tmp_path)
        result = bench.run(step(NAME), task_dirs=(), extensions=[file])
        assert result.result == "Failed"
        (error,) = result.steps[0].errors
        assert "means the built-in task here, which the emulator cannot run" in error
        assert "GUID@1" in error
        assert f"publisher.extension.contribution.{NAME}@1" in error
        for name in (PROBE_ID, f"acme.tools.probe.{NAME}"):
            result = bench.run(step(name), task_dirs=(), extensions=[file])
            assert (result.result, output(result)) == ("Succeeded", ["ran"])


def test_an_ambiguous_name_is_refused_before_the_job_begins(bench: Bench) -> None:
    files = [extension(bench.folder), extension(bench.folder, "umbrella", id=OTHER_ID)]
    with pytest.raises(InputError, match="The task name Probe is ambiguous"):
        bench.run(step("Probe"), task_dirs=(), extensions=files)


def test_the_command_line_installs_extensions(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "organization.toml").write_text(ORGANIZATION, encoding="utf-8")
    file = tmp_path / "pipeline.yml"
    names = ("Probe", "umbrella.tools.probe.Probe", "acme.tools.probe.Second")
    file.write_text(json.dumps({"steps": [step(name) for name in names]}))
    words = ["run", str(file), "--task-dir", str(PROBE)]
    third = "22222222-2222-4333-8444-555555555555"
    for other in (
        extension(tmp_path, "umbrella", id=OTHER_ID),
        extension(tmp_path, name="Second", id=third),
    ):
        words += ["--extension", str(other)]
    assert main(words) == 0
    assert capsys.readouterr().out.count("\nran\n") == 3
    broken = tmp_path / "broken.vsix"
    broken.write_bytes(b"")
    assert main([*words, "--extension", str(broken), "--extension", str(tmp_path / "none.vsix")]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    first, second = shown.err.splitlines()
    assert f"{broken} is no zip file that can be read" in first
    assert f"{tmp_path / 'none.vsix'} cannot be read" in second
