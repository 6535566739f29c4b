from pathlib import Path

import pytest

from azure_devops_emulator.errors import EmulatorError, InputError, each
from azure_devops_emulator.jobs.restrictions import Restrictions
from azure_devops_emulator.pipeline import Pipeline

EXAMPLES = Path(__file__).parents[3] / "examples"
PIPELINES = sorted({*EXAMPLES.glob("*.yml")} - {EXAMPLES / "github-workflow.yml"})


def load(folder: Path, text: str) -> Pipeline:
    """The pipeline of a text."""
    file = folder / "some.yml"
    file.write_text(text, encoding="utf-8")
    return Pipeline.load(file)


def faults(folder: Path, text: str) -> list[str]:
    """What is wrong with a text."""
    with pytest.raises(EmulatorError) as caught:
        load(folder, text)
    return [str(error) for error in each(caught.value)]


def test_reads_every_option_of_a_step(tmp_path: Path) -> None:
    pipeline = load(
        tmp_path,
        """\
variables:
  color: yes
steps:
- task: PipAuthenticate@1
  condition: and(always(), eq(variables.color, 'yes'))
  continueOnError: true
  displayName: Name it $(color)
  enabled: false
  env:
    Http_Proxy: http://x
  inputs:
    onlyAddExtraIndex: on
    artifactFeeds: 'a, b'
  name: auth
  retryCountOnTaskFailure: 3
  target:
    container: host
    commands: restricted
    settableVariables:
    - PIP_*
    - X
  timeoutInMinutes: 5
""",
    )
    step = pipeline.steps[0]
    assert step.reference is not None
    assert (step.kind, step.reference.name, step.reference.major, step.line) == (
        "task",
        "PipAuthenticate",
        1,
        4,
    )
    assert step.condition.text == "and(always(), eq(variables.color, 'yes'))"
    assert step.continue_on_error
    assert not step.enabled
    assert step.display_name == "Name it $(color)"
    assert step.env == {"Http_Proxy": "http://x"}
    assert dict(step.inputs) == {"onlyAddExtraIndex": "on", "artifactFeeds": "a, b"}
    assert (step.name, step.retries, step.timeout) == ("auth", 3, 5)
    assert step.restrictions == Restrictions("restricted", ("PIP_*", "X"), "the target of the step")
    assert pipeline.variables["COLOR"].value == "yes"


def test_scripts_and_defaults(tmp_path: Path) -> None:
    pipeline = load(
        tmp_path,
        "steps:\n- checkout: none\n- script: a\n  failOnStderr: true\n  workingDirectory: b\n"
        "- bash: |\n    c\n    d\n",
    )
    script, bash = pipeline.steps
    assert dict(script.inputs) == {"script": "a", "failOnStderr": "true", "workingDirectory": "b"}
    assert dict(bash.inputs) == {"script": "c\nd\n"}
    assert (bash.kind, bash.enabled, bash.continue_on_error, bash.timeout, bash.retries) == (
        "bash",
        True,
        False,
        0,
        0,
    )
    assert bash.condition.text == "succeeded()"
    assert bash.restrictions is None
    assert (pipeline.job_name, pipeline.timeout) == ("Job", 0)


def test_one_job_with_variables_of_its_own(tmp_path: Path) -> None:
    pipeline = load(
        tmp_path,
        """\
trigger: none
pool: {vmImage: some}
name: $(Date)
variables:
- name: a
  value: 1
- name: b
  value: $(a)
  readonly: true
jobs:
- job: build
  displayName: Build it
  timeoutInMinutes: 7
  pool: other
  variables: {a: 2, c: ''}
  steps:
  - script: x
""",
    )
    values = {name: one.value for name, one in pipeline.variables.items()}
    assert values == {"a": "2", "b": "$(a)", "c": ""}
    assert pipeline.variables["b"].read_only
    assert (pipeline.job_name, pipeline.job_display_name, pipeline.timeout) == ("build", "Build it", 7)
    assert set(pipeline.without_effect) == {"trigger", "pool", "name"}


@pytest.mark.parametrize(
    "target", ["host", "{container: host}", "{settableVariables: none}", "{commands: any}"]
)
def test_targets(tmp_path: Path, target: str) -> None:
    restrictions = load(tmp_path, f"steps: [{{script: x, target: {target}}}]").steps[0].restrictions
    assert restrictions is None or restrictions.allow_command("artifact", "upload")
    if "none" in target:
        assert restrictions is not None
        assert restrictions.settable_variables == ()


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("stages: []", ["stages is not supported", "line 1"]),
        ("resources: {}\nsteps: [{script: x}]", ["resources is not supported"]),
        ("extends: x\nsteps: [{script: x}]", ["extends"]),
        ("parameters: []\nsteps: [{script: x}]", ["parameters"]),
        ("steps:\n- script: x\njobs: [{job: a, steps: []}]", ["either steps or jobs"]),
        ("jobs:\n- job: a\n  steps: [{script: x}]\n- job: b\n  steps: [{script: x}]", ["one job"]),
        (
            "jobs:\n- deployment: a\n  steps: [{script: x}]",
            ["deployment is not supported in a job", "line 2"],
        ),
        (
            "jobs:\n- job: a\n  dependsOn: b\n  strategy: c\n  container: d\n  steps: [{script: x}]",
            ["dependsOn", "strategy", "container"],
        ),
        ("jobs: [{job: a}]", ["jobs[1]: The key 'steps' is missing"]),
        ("jobs: text", ["has to be a list"]),
        ("jobs: [text]", ["has to be a mapping"]),
        ("steps:\n- template: x.yml", ["template is not a step", "line 2"]),
        ("steps:\n- pwsh: x", ["pwsh is not a step"]),
        ("steps:\n- powershell: x", ["powershell"]),
        ("steps:\n- checkout: other", ["self or none"]),
        ("steps:\n- publish: x\n  artifact: y", ["publish"]),
        ("steps:\n- {}", ["an empty step"]),
        ("steps:\n- script: x\n  bash: y", ["is not a step"]),
        ("steps:\n- text", ["has to be a mapping"]),
        ("steps: text", ["has to be a list"]),
        ("steps:\n- task: NoVersion", ["NoVersion is not a task", "line 2"]),
        ("steps:\n- script: x\n  inputs: {}", ["inputs is not supported in a script step", "line 3"]),
        ("steps:\n- task: A@1\n  workingDirectory: x", ["workingDirectory is not supported in a task step"]),
        ("steps:\n- script: x\n  retries: 3\n  when: y", ["retries", "when"]),
        ("steps:\n- script: x\n  enabled: yes please", ["steps[1].enabled has to be true or false"]),
        ("steps:\n- script: x\n  continueOnError: $(x)", ["true or false"]),
        ("steps:\n- script: x\n  timeoutInMinutes: -1", ["a whole number"]),
        ("steps:\n- script: x\n  retryCountOnTaskFailure: many", ["a whole number"]),
        ("steps:\n- script: x\n  condition: dependencies.a", ["dependencies is not supported", "line 3"]),
        ("steps:\n- script: x\n  name: a-b", ["'a-b'"]),
        ("steps:\n- script: x\n  name: a\n- bash: x\n  name: A", ["two steps have the name a"]),
        ("steps:\n- script: x\n  target: alpine", ["container alpine"]),
        ("steps:\n- script: x\n  target: {container: alpine}", ["container alpine"]),
        (
            "steps:\n- script: x\n  target: {commands: none}",
            ["target.commands cannot be 'none'", "'any' or 'restricted'"],
        ),
        ("steps:\n- script: x\n  target: {settableVariables: all}", ["none or a list"]),
        ("steps:\n- script: x\n  target: {image: a}", ["image is not supported in a target"]),
        ("steps:\n- script: x\n  env: text", ["has to be a mapping"]),
        ("steps:\n- script: {a: b}", ["has to be a text"]),
        ("steps:\n- script: ${{ parameters.x }}", ["${{ }}"]),
        ("steps:\n- ${{ if true }}:\n  - script: x", ["the key ${{ if true }} is", "Write what it would"]),
        ("variables: {a: '$[ counter() ]'}\nsteps: [{script: x}]", ["$[ ]"]),
        (
            "variables:\n- group: secrets\n  name: x\nsteps: [{script: x}]",
            ["group is not supported", "'value' is missing"],
        ),
        ("variables:\n- name: a\n  value: 1\n  readonly: maybe\nsteps: [{script: x}]", ["true or false"]),
        ("variables: text\nsteps: [{script: x}]", ["variables has to be a list"]),
        ("steps:\n- script: x\n  script: y", ["the key script is there twice", "line 3"]),
        ("- script: x", ["the file has to be a mapping"]),
        ("", ["is empty"]),
        ("steps: " + "[" * 1000 + "]" * 1000, ["not YAML", "nested too deeply"]),
        ("#" * 1_100_000, ["cannot be read", "more than 1048576 characters"]),
        ("steps: [", ["not YAML", "expected the node content", "line 1"]),
        ("steps:\n- script: '\x07'", ["not YAML", "special characters are not allowed", "line 2"]),
        ("steps:\n- script: x\n  ? [a]\n  : b", ["a key has to be a text", "line 3"]),
        ("steps:\n- script: x\n  condition: ${{ x }}", ["${{ }}", "line 3"]),
        ("steps:\n- task: [A@1]", ["has to be a text"]),
        ("text", ["has to be a mapping"]),
        ("steps:\n- &a\n  script: x\n- *a", ["anchors"]),
        ("steps:\n- script: !!str x", ["tags"]),
    ],
)
def test_refuses_by_name_and_place(tmp_path: Path, text: str, named: list[str]) -> None:
    found = faults(tmp_path, text)
    assert all(any(name in fault for fault in found) for name in named), found
    assert all("some.yml" in fault for fault in found), found


def test_an_empty_value_is_an_empty_text(tmp_path: Path) -> None:
    step = load(tmp_path, "steps:\n- task: A@1\n  displayName: ~\n  inputs: {a: null, b: , c: 'null'}").steps[
        0
    ]
    assert (step.display_name, dict(step.inputs)) == ("", {"a": "", "b": "", "c": "null"})


def test_tells_all_faults_at_once(tmp_path: Path) -> None:
    found = faults(tmp_path, "steps:\n- pwsh: x\n- script: y\n  when: z\n- bash: y\n  enabled: maybe\n")
    assert len(found) == 3


def test_tells_every_key_that_is_there_twice(tmp_path: Path) -> None:
    found = faults(tmp_path, "pool: a\npool: b\nsteps:\n- script: x\n  script: y\n")
    assert [fault.partition(" (")[0] for fault in found] == [
        "the key pool is there twice",
        "the key script is there twice",
    ]


@pytest.mark.parametrize(("word", "meant"), [("true", True), ("False", False), ("yes", True), ("off", False)])
def test_flags_are_written_as_people_write_them(tmp_path: Path, word: str, *, meant: bool) -> None:
    assert load(tmp_path, f"steps: [{{script: x, enabled: {word}}}]").steps[0].enabled is meant


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        Pipeline.load(tmp_path / "missing.yml")


def test_a_file_that_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "some.yml").write_bytes(b"\xff\xfe\xff")
    with pytest.raises(InputError, match="cannot be read"):
        Pipeline.load(tmp_path / "some.yml")


@pytest.mark.parametrize("file", PIPELINES, ids=lambda file: file.name)
def test_the_examples_are_pipelines(file: Path) -> None:
    assert Pipeline.load(file).steps


def test_a_key_is_never_told_to_be_a_macro(tmp_path: Path) -> None:
    assert "macro" not in " ".join(faults(tmp_path, "steps:\n- ${{ each x in y }}:\n  - script: x"))
