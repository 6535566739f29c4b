from pathlib import Path

import pytest

from azure_devops_emulator.jobs.command_handlers import process_line
from azure_devops_emulator.jobs.context import JobContext, StepContext
from azure_devops_emulator.jobs.endpoints import NO_ID, Endpoint
from azure_devops_emulator.jobs.job_log import JobLog
from azure_devops_emulator.jobs.masker import Masker
from azure_devops_emulator.jobs.names import Names
from azure_devops_emulator.jobs.restrictions import Restrictions
from azure_devops_emulator.jobs.results import TaskResult
from azure_devops_emulator.jobs.variables import Variables

ID = "0f8fad5b-d9cb-469f-a165-70867728950e"


def step(*, debug: bool = True, worker: dict[str, str] | None = None, **options: object) -> StepContext:
    """A running step of a job with one service connection."""
    masker = Masker()
    job = JobContext(masker, Variables(masker), JobLog(masker, debug=debug), worker or {})
    job.endpoints.append(Endpoint(ID, "x", "y", "http://old/", "Token", Names([("apitoken", "t")])))
    return StepContext(job, "Step", "Ref", **options)  # type: ignore[arg-type]


def test_a_line_without_command_is_printed() -> None:
    one = step()
    process_line(one, "hello ##[error] x")
    assert one.job.log.lines == ["hello ##[error] x"]


def test_a_line_that_looks_like_a_command_is_printed_with_a_warning() -> None:
    one = step()
    process_line(one, "##vso[task.debug")
    assert one.job.log.lines[-1] == "##vso[task.debug"
    assert one.issues[0].type == "warning"
    assert one.command_result is None


def test_an_unknown_area_is_swallowed_with_a_warning() -> None:
    one = step()
    process_line(one, "##vso[nothing.here]text")
    assert one.job.log.lines == ["##[warning]Unknown logging command area: nothing."]
    assert one.command_result is None


@pytest.mark.parametrize(
    "line",
    [
        "##vso[task.nothing]x",
        "##vso[telemetry.nothing]x",
        "##vso[build.updatebuildnumber]",
        "##vso[build.addbuildtag]",
        "##vso[build.nothing]x",
        "##vso[build.uploadlog]/no/such/file",
        "##vso[artifact.upload artifactname=drop]/no/such/file",
        "##vso[artifact.upload]/",
        "##vso[artifact.associate artifactname=drop]somewhere",
        "##vso[codecoverage.publish codecoveragetool=Cobertura]",
        "##vso[codecoverage.enable buildtool=Maven]",
        "##vso[results.publish type=JUnit]",
        "##vso[results.nothing]",
        "##vso[task.setvariable]x",
        "##vso[task.settaskvariable]x",
        "##vso[task.setvariable variable=system.hosttype]x",
        "##vso[task.setvariable variable=s;issecret=true]a%0Ab",
        "##vso[task.settaskvariable variable=s;issecret=true]a%0Ab",
        "##vso[task.complete]x",
        "##vso[task.complete result=Cancelled]x",
        "##vso[task.complete result=failed]x",
        "##vso[task.logissue type=fatal]x",
        "##vso[task.prependpath]",
        "##vso[task.uploadfile]/no/such/file",
        "##vso[task.uploadsummary]",
        "##vso[task.addattachment type=a]x",
        "##vso[task.addattachment type=a;name=b]/no/such/file",
        "##vso[task.logdetail id=x]x",
        f"##vso[task.logdetail id={NO_ID}]x",
        "##vso[telemetry.publish area=a]{}",
        "##vso[telemetry.publish feature=a]{}",
        "##vso[telemetry.publish area=a;feature=b]{",
        "##vso[telemetry.publish area=a;feature=b][]",
        f"##vso[task.setendpoint id={ID};field=url]",
        f"##vso[task.setendpoint id={ID}]x",
        f"##vso[task.setendpoint id={ID};field=name]x",
        f"##vso[task.setendpoint id={ID};field=url]no url",
        f"##vso[task.setendpoint id={ID};field=authParameter]x",
        "##vso[task.setendpoint id=x;field=url]http://x/",
        "##vso[task.setendpoint id=11111111-1111-1111-1111-111111111111;field=url]http://x/",
    ],
)
def test_a_command_that_cannot_be_carried_out_fails_the_step(line: str) -> None:
    one = step()
    one.job.variables.set("agent.readOnlyVariables", "true")
    process_line(one, line)
    assert one.command_result is TaskResult.FAILED
    assert [issue.type for issue in one.issues] == ["error", "error"]
    assert line in one.issues[0].message
    assert one.result is None


@pytest.mark.parametrize(
    "line",
    [
        "##vso[build.updatebuildnumber]1.2.3",
        "##vso[Build.AddBuildTag]release",
        "##vso[artifact.upload containerfolder=a;artifactname=drop]{folder}",
        "##vso[artifact.associate type=filepath;artifactname=drop]\\\\server\\share",
        "##vso[artifact.associate type=gitref;artifactname=drop]refs/tags/x",
        "##vso[codecoverage.publish codecoveragetool=Cobertura;summaryfile=coverage.xml;]",
        "##vso[results.publish type=JUnit;resultFiles=a.xml;]",
        "##vso[results.publish type=JUnit;]a.xml,b.xml",
        "##vso[release.updatereleasename]x",
    ],
)
def test_commands_for_a_servers_records_are_taken_and_noted(line: str, tmp_path: Path) -> None:
    one = step(debug=False)
    process_line(one, line.format(folder=tmp_path))
    assert one.command_result is None
    assert one.issues == []
    (noted,) = one.job.log.lines
    assert noted.startswith("Taken: ")
    assert noted.endswith(line.format(folder=tmp_path).rpartition("]")[2])


def test_a_new_build_number_counts_from_then_on() -> None:
    one = step()
    process_line(one, "##vso[build.updatebuildnumber]1.2.3")
    assert one.job.variables.get("Build.BuildNumber") == "1.2.3"


def test_every_command_but_debug_leaves_a_trace() -> None:
    one = step()
    process_line(one, "##vso[task.debug]a%0Ab")
    process_line(one, "x ##VSO ##vso[Task.SetProgress value=1]100%AZP25")
    assert one.job.log.lines == [
        "##[debug]a",
        "b",
        "##[debug]Processed: x ##VSO ##vso[Task.SetProgress value=1]100%",
    ]
    quiet = step(debug=False)
    process_line(quiet, "##vso[task.debug]a")
    assert quiet.job.log.lines == []


def test_sets_variables() -> None:
    one = step()
    process_line(one, "##vso[task.setvariable variable=a.b;issecret=1;]100%AZP25 %3B")
    process_line(one, "##vso[task.setvariable variable=s;issecret=TRUE]hid%AZP25den")
    process_line(one, "##vso[task.setvariable variable=r;isreadonly=true;preservecase=True]x")
    process_line(one, "##vso[task.setvariable variable=o;isoutput=true]y")
    process_line(one, "##vso[task.setvariable variable=e;]")
    variables = one.job.variables
    assert {v.name: v.value for v in variables.public} == {"a.b": "100% ;", "r": "x", "Ref.o": "y", "e": ""}
    assert {v.name: v.value for v in variables.secrets} == {"s": "hid%den"}
    assert variables.is_read_only("r")
    assert variables.is_read_only("Ref.o")
    assert next(v for v in variables.public if v.name == "r").preserve_case
    one.output("hid%den hid%AZP25den")
    assert one.job.log.lines[-1] == "*** ***"


def test_a_name_that_the_task_lists_becomes_an_output_variable_only() -> None:
    one = step(output_variables=frozenset({"PIP_INDEX_URL"}))
    process_line(one, "##vso[task.setvariable variable=pip_index_url]x")
    assert [v.name for v in one.job.variables.public] == ["Ref.pip_index_url"]
    assert not one.job.variables.is_read_only("Ref.pip_index_url")


def test_a_read_only_variable_is_set_with_a_warning_while_the_agent_is_lenient() -> None:
    one = step()
    process_line(one, "##vso[task.setvariable variable=system.hosttype]x")
    assert one.job.variables.get("system.hosttype") == "x"
    assert one.issues[0].type == "warning"


def test_a_secret_of_several_lines_may_be_allowed() -> None:
    one = step(worker={"SYSTEM_UNSAFEALLOWMULTILINESECRET": "true"})
    process_line(one, "##vso[task.setvariable variable=s;issecret=true]a%0Ab")
    assert one.job.variables.get("s") == "a\nb"
    process_line(one, "##vso[task.setvariable variable=p]a%0Ab")
    assert one.command_result is None


def test_task_variables_are_the_tasks_own() -> None:
    one = step()
    process_line(one, "##vso[task.settaskvariable variable=a;isreadonly=true]x")
    process_line(one, "##vso[task.settaskvariable variable=a]y")
    assert one.job.variables.get("a") is None
    assert one.task_variables.get("a") == "y"
    assert one.issues[0].type == "warning"


def test_secrets_are_masked_from_then_on() -> None:
    one = step()
    process_line(one, "canary")
    process_line(one, "##vso[task.setsecret]canary")
    process_line(one, "the canary")
    assert one.job.log.lines == ["canary", "##[debug]Processed: ##vso[task.setsecret]***", "the ***"]


def test_issues_are_logged_and_do_not_change_the_result() -> None:
    one = step(debug=False)
    process_line(one, "##vso[task.logissue type=Error;sourcepath=a.py;linenumber=3;columnnumber=4;code=E1]no")
    process_line(one, "##vso[task.issue type=warning]hm%0Amore")
    process_line(one, "##vso[task.logissue]no type")
    assert one.job.log.lines == [
        "##[error]a.py(3,4): Error E1: no",
        "##[warning]hm",
        "more",
        "##[warning]Can't create TaskIssue from logging event.",
    ]
    assert (one.result, one.command_result) == (None, None)


def test_ten_issues_of_a_kind_are_kept_and_all_are_logged() -> None:
    one = step(debug=False)
    for number in range(12):
        process_line(one, f"##vso[task.logissue type=error]{number}")
    process_line(one, "##vso[task.logissue type=warning]w")
    assert len(one.issues) == 11
    assert len(one.job.log.lines) == 13


def test_results_are_merged() -> None:
    one = step()
    results: list[TaskResult | None] = []
    for word in ("Failed", "Succeeded", "Canceled", "Failed"):
        process_line(one, f"##vso[task.complete result={word}]")
        results.append(one.result)
    assert results == [TaskResult.FAILED, TaskResult.FAILED, TaskResult.CANCELED, TaskResult.CANCELED]


def test_done_gives_the_process_a_little_time() -> None:
    one = step(done_seconds=0.0)
    seen = [one.is_done]
    process_line(one, "##vso[task.complete result=Succeeded;done=true]")
    seen.append(one.is_done)
    one.begin_try()
    seen.append(one.is_done)
    assert seen == [False, True, False]


def test_paths_are_put_first_once() -> None:
    one = step()
    for path in ("/a", "/b", "/a"):
        process_line(one, f"##vso[task.prependpath]{path}")
    assert one.job.prepended == ["/b", "/a"]


def test_endpoints_can_be_changed_but_not_the_systems_own() -> None:
    one = step()
    process_line(one, f"##vso[task.setendpoint id={ID.upper()};field=url]https://new/")
    process_line(one, f"##vso[task.setendpoint id={ID};field=dataParameter;key=k]v")
    process_line(one, f"##vso[task.setendpoint id={ID};field=authParameter;key=ApiToken]canary")
    process_line(one, f"##vso[task.setendpoint id={NO_ID};field=url]https://evil/")
    endpoint = one.job.endpoints[0]
    assert (endpoint.url, dict(endpoint.data), dict(endpoint.parameters)) == (
        "https://new/",
        {"k": "v"},
        {"apitoken": "canary"},
    )
    assert [issue.type for issue in one.issues] == ["warning"]
    one.output("canary")
    assert one.job.log.lines[-1] == "***"


def test_telemetry_is_kept_and_published_for_tasks_of_the_server_only() -> None:
    one = step()
    process_line(one, '##vso[telemetry.publish area=a;feature=b]{"x":1}')
    one.job.variables.set("task.publishTelemetry", "True")
    process_line(one, '##vso[telemetry.publish area=a;feature=b]{"x":2}')
    assert [(event.area, event.feature, event.data, event.published) for event in one.job.telemetry] == [
        ("a", "b", {"x": 1}, False),
        ("a", "b", {"x": 2}, True),
    ]


def test_files_are_attached(tmp_path: Path) -> None:
    file = tmp_path / "summary.md"
    file.touch()
    one = step()
    process_line(one, f"##vso[task.uploadsummary]{file}")
    process_line(one, f"##vso[task.uploadfile]{file}")
    process_line(one, f"##vso[task.addattachment type=t;name=n]{file}")
    process_line(one, f"##vso[task.logdetail id={ID}]x")
    assert [name for _, name, _ in one.job.attachments] == ["summary.md", "summary.md", "n"]
    assert one.command_result is None


def test_what_is_not_allowed_is_a_warning_and_changes_nothing() -> None:
    one = step(restrictions=(Restrictions("restricted", ("PIP_*",), origin="someone"),), debug=False)
    process_line(one, f"##vso[task.setendpoint id={ID};field=url]https://new/")
    process_line(one, "##vso[task.setvariable variable=PATH]x")
    process_line(one, "##vso[task.prependpath]x")
    process_line(one, "##vso[task.setvariable variable=pip_x]x")
    assert one.job.endpoints[0].url == "http://old/"
    assert [variable.name for variable in one.job.variables.public] == ["pip_x"]
    assert one.job.prepended == []
    assert [issue.type for issue in one.issues] == ["warning"] * 3
    assert all("someone does not allow it" in issue.message for issue in one.issues)
    assert (one.result, one.command_result) == (None, None)


@pytest.mark.parametrize(
    ("variable", "worker", "value"),
    [
        (None, {}, "100%"),
        ("false", {}, "100%AZP25"),
        ("0", {"DECODE_PERCENTS": "true"}, "100%AZP25"),
        ("$TRUE", {"DECODE_PERCENTS": "false"}, "100%"),
        (None, {"DECODE_PERCENTS": "false"}, "100%AZP25"),
    ],
)
def test_the_knob_is_a_variable_or_the_agents_environment(
    variable: str | None, worker: dict[str, str], value: str
) -> None:
    one = step(worker=worker)
    if variable is not None:
        one.job.variables.set("DECODE_PERCENTS", variable)
    process_line(one, "##vso[task.setvariable variable=v]100%AZP25")
    assert one.job.variables.get("v") == value
