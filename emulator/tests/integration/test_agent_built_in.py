"""The tasks that the emulator does itself, and the Python that they bring."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from azure_devops_emulator.errors import EmulatorError
from emulator_support.agent import Bench, make_task, output, probe, service

HERE = "{}.{}.{}".format(*sys.version_info[:3])


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """A service, and a folder with a script of either kind."""
    (tmp_path / "ci").mkdir()
    (tmp_path / "ci" / "it's.sh").write_text('echo "$PWD|$0|$1|$2|$#"\n', encoding="utf-8")
    (tmp_path / "ci" / "say.py").write_text("import sys; print(sys.argv[1:])\n", encoding="utf-8")
    with service(tmp_path) as one:
        yield Bench(one, tmp_path)


def task(reference: str, **inputs: Any) -> dict[str, Any]:  # noqa: ANN401 - what YAML has
    """A step that runs a task."""
    return {"task": reference, "inputs": inputs}


def test_scripts_of_the_shell(bench: Bench) -> None:
    result = bench.run(
        task("CmdLine@2", script="pwd\necho a", workingDirectory="ci"),
        task("Bash@3", targetType="inline", script="pwd; echo b"),
        task("bash@3", filePath="ci/it's.sh", arguments="'one 1' two", workingDirectory="ci"),
        task("6C731C3C-3c68-459a-a5c9-bde6e6595b5b@3", targetType="inline", script="echo c"),
        {"script": 'echo "$BASH_ENV-$INPUT_SCRIPT"', "env": {"X": "y"}},
    )
    assert result.succeeded, result.log
    folder = output(result)[2]
    assert output(result)[:2] == [f"{folder}/ci", "a"]
    assert output(result)[3:] == ["b", f"{folder}/ci|{folder}/ci/it's.sh|one 1|two|2", "c", "-"]
    assert [step.display_name for step in result.steps] == ["CmdLine", "Bash", "Bash", "Bash", "CmdLine"]


@pytest.mark.parametrize(
    ("step", "error"),
    [
        (task("Bash@3", filePath="ci/none.sh"), "Invalid file path"),
        (task("Bash@3", targetType="inline", script="exit 3"), "Bash exited with code '3'."),
        (task("CmdLine@2", script="echo x >&2", failOnStderr=True), "Bash wrote one or more lines"),
        (task("CmdLine@2", script="x", workingDirectory="nowhere"), "Not found workingDirectory"),
        (task("PythonScript@0", scriptPath="ci/none.py"), "Not found scriptPath"),
        (
            task("PythonScript@0", scriptSource="inline", script="raise SystemExit(4)"),
            "exited with code '4'.",
        ),
        (
            task("PythonScript@0", scriptSource="inline", script="x", pythonInterpreter="/no/python"),
            "An error occurred trying to start process '/no/python'",
        ),
        (task("UsePythonVersion@0", versionSpec="2.7"), "no Python of this machine fits the version 2.7"),
    ],
)
def test_what_goes_wrong_is_said(bench: Bench, step: dict[str, Any], error: str) -> None:
    result = bench.run(step, machine={"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin"})
    assert result.result == "Failed"
    assert error in result.steps[0].errors[0]


def test_inputs_that_a_task_needs(bench: Bench) -> None:
    with pytest.raises(EmulatorError, match="the task CmdLine needs the input script"):
        bench.run(task("CmdLine@2"))
    with pytest.raises(EmulatorError, match="Bash@2 is not installed"):
        bench.run(task("Bash@2", script="x"))


def test_an_installed_task_of_the_name_comes_first(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "tasks").mkdir()
    own = make_task(tmp_path / "tasks", name="Bash", version={"Major": 3, "Minor": 0, "Patch": 0})
    result = bench.run({**probe("console.log('mine')"), "task": "Bash@3"}, task_dirs=[own])
    assert output(result) == ["mine"]


def test_scripts_of_python_and_the_choice_of_a_python(bench: Bench) -> None:
    """The chosen Python is first on PATH, and what is installed into it stays in the job."""
    code = "import sys; print(sys.version.split()[0], sys.prefix, sys.argv[1:])"
    result = bench.run(
        {**task("UsePythonVersion@0", versionSpec=HERE), "name": "chosen"},
        task("PythonScript@0", scriptSource="inline", script=code, arguments='a "b c"'),
        task("PythonScript@0", scriptPath="ci/say.py", arguments="d", pythonInterpreter=sys.executable),
        {"script": 'echo "$CHOSEN_PYTHONLOCATION|$PYTHONLOCATION|$AGENT_TOOLSDIRECTORY"; command -v pip'},
        task("UsePythonVersion@0", versionSpec="3.x", addToPath=False),
        {"script": "command -v python"},
        machine={"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin"},
    )
    assert result.succeeded, result.log
    lines = [line for line in output(result) if not line.startswith("##vso")]
    tools = lines[2].rpartition("|")[2]
    chosen = f"{tools}/Python/{HERE}/x64"
    assert lines == [
        f"{HERE} {chosen} ['a', 'b c']",
        "['d']",
        f"{chosen}||{tools}",
        f"{chosen}/bin/pip",
        f"{chosen}/bin/python",
    ]
