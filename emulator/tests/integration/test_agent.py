"""The emulated agent running jobs: real Node, real shells, a real service."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from azure_devops_emulator.agent import AgentProxy, Timing
from azure_devops_emulator.errors import EmulatorError, InputError
from azure_devops_emulator.pipeline import Pipeline
from azure_devops_emulator.service import Service
from emulator_support.agent import (
    CONNECTION,
    PROBE,
    Bench,
    environment,
    make_task,
    output,
    probe,
    say,
    service,
)

FAIL = say("##vso[task.complete result=Failed;]")
SHOW = {"script": "env -0 | tr '\\n\\0' ' \\n'"}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with service(tmp_path_factory.mktemp("organization")) as one:
        yield one


@pytest.fixture
def bench(running: Service, tmp_path: Path) -> Bench:
    return Bench(running, tmp_path)


def results(bench: Bench, *steps: dict[str, Any], **options: Any) -> list[str]:  # noqa: ANN401
    """The results of the steps, and of the job at the end."""
    result = bench.run(*steps, **options)
    return [*(step.result for step in result.steps), result.result]


# --- What a task sees ------------------------------------------------------------------------------


def test_inputs_declared_and_given_reach_the_task(bench: Bench) -> None:
    inputs = {"feeds": "Ware House", "Un known.one": " x ", "folder": "sub/../a"}
    seen = environment(bench.run(probe("all()", inputs=inputs)))
    assert seen["INPUT_CONNECTIONS"] == CONNECTION
    assert seen["INPUT_UN_KNOWN_ONE"] == "x"
    assert seen["INPUT_FOLDER"] == str(Path(seen["BUILD_SOURCESDIRECTORY"]) / "a")
    assert seen["INPUT_FLAG"] == "false"
    assert "INPUT_FEEDS" not in seen


def test_an_empty_path_input_is_the_sources_folder(bench: Bench) -> None:
    seen = environment(bench.run(probe("all()")))
    assert seen["INPUT_FOLDER"] == seen["BUILD_SOURCESDIRECTORY"]
    assert seen["INPUT_CONNECTIONS"] == ""


def test_only_the_connections_that_an_input_names_reach_the_task(bench: Bench) -> None:
    steps = [probe("all()", inputs={"connections": name}) for name in ("Ware house", "", "another")]
    result = bench.run(*steps)
    first, none = environment(result, 0), environment(result, 1)
    assert {name for name in first if name.startswith("ENDPOINT")} == {
        f"ENDPOINT_URL_{CONNECTION}",
        f"ENDPOINT_AUTH_{CONNECTION}",
        f"ENDPOINT_AUTH_SCHEME_{CONNECTION}",
        f"ENDPOINT_AUTH_PARAMETER_{CONNECTION}_USERNAME",
        f"ENDPOINT_AUTH_PARAMETER_{CONNECTION}_PASSWORD",
        f"ENDPOINT_DATA_{CONNECTION}",
        f"ENDPOINT_DATA_{CONNECTION}_SOME_THING",
        *(name for name in none if name.startswith("ENDPOINT")),
    }
    assert {name for name in none if name.startswith("ENDPOINT")} == {
        "ENDPOINT_URL_SYSTEMVSSCONNECTION",
        "ENDPOINT_AUTH_SYSTEMVSSCONNECTION",
        "ENDPOINT_AUTH_SCHEME_SYSTEMVSSCONNECTION",
        "ENDPOINT_AUTH_PARAMETER_SYSTEMVSSCONNECTION_ACCESSTOKEN",
    }
    assert first[f"ENDPOINT_URL_{CONNECTION}"] == bench.service.resolve("{private:warehouse}")
    assert first[f"ENDPOINT_AUTH_PARAMETER_{CONNECTION}_PASSWORD"] == "canary-p%zz@x"
    assert first["ENDPOINT_URL_SYSTEMVSSCONNECTION"] == bench.service.collection_uri


@pytest.mark.parametrize(("unescape_reserved", "feed"), [(False, "feed%40Local"), (True, "feed@Local")])
def test_a_connections_address_comes_as_dotnet_writes_it(
    bench: Bench, *, unescape_reserved: bool, feed: str
) -> None:
    step = probe("env(...Object.keys(process.env).filter(k => k.startsWith('ENDPOINT_URL')))")
    step["inputs"]["connections"] = "spaced"
    written = output(bench.run(step, unescape_reserved=unescape_reserved))
    assert any(line.endswith(f'="https://index.example.test/My Project/{feed}"') for line in written)


def test_variables_of_the_system_the_agent_and_the_task(bench: Bench) -> None:
    seen = environment(
        bench.run(probe("all()", displayName="Name it", name="ref"), token=SecretStr("canary-token"))
    )
    expected = {
        "SYSTEM_TEAMFOUNDATIONCOLLECTIONURI": bench.service.collection_uri,
        "SYSTEM_SERVERTYPE": "Hosted",
        "SYSTEM_TEAMPROJECT": "project one",
        "SYSTEM_TEAMPROJECTID": bench.service.project("project one").id,
        "SYSTEM_HOSTTYPE": "build",
        "SYSTEM_TASKDISPLAYNAME": "Name it",
        "SYSTEM_TASKINSTANCENAME": "ref",
        "TASK_DISPLAYNAME": "Name it",
        "TASK_PUBLISHTELEMETRY": "False",
        "AGENT_JOBSTATUS": "Succeeded",
        "agent.jobstatus": "Succeeded",
        "AGENT_ISSELFHOSTED": "1",
        "TF_BUILD": "True",
        "GIT_TERMINAL_PROMPT": "0",
        "SECRET_SYSTEM_ACCESSTOKEN": "canary-token",
    }
    assert {name: seen.get(name) for name in expected} == expected
    assert "SYSTEM_ACCESSTOKEN" not in seen
    assert "System.TeamProject" in json.loads(seen["VSTS_PUBLIC_VARIABLES"])
    assert json.loads(seen["VSTS_SECRET_VARIABLES"]) == ["System.AccessToken"]
    assert not [name for name in seen if "PROXY" in name.upper()]
    assert Path(seen["AGENT_TEMPDIRECTORY"]).name == "_temp"


def test_the_token_of_a_classic_pipeline_may_be_public_and_is_masked_all_the_same(bench: Bench) -> None:
    step = probe("env('SYSTEM_ACCESSTOKEN', 'SECRET_SYSTEM_ACCESSTOKEN')")
    result = bench.run(step, token=SecretStr("canary-token"), enable_access_token=True)
    assert output(result) == [
        'ENV SYSTEM_ACCESSTOKEN="canary-token"',
        "ENV SECRET_SYSTEM_ACCESSTOKEN=undefined",
    ]
    assert 'ENV SYSTEM_ACCESSTOKEN="***"' in result.log


def test_the_variables_of_a_task_end_with_it(bench: Bench) -> None:
    assert "TASK_DISPLAYNAME" in environment(bench.run(probe("all()")))
    result = bench.run(probe(""), probe("env('TASK_DISPLAYNAME')", displayName="Second"))
    assert 'ENV TASK_DISPLAYNAME="Second"' in output(result)
    assert "task.displayname" not in result.variables


def test_the_agents_proxy_and_other_settings(bench: Bench) -> None:
    proxy = AgentProxy("http://proxy:1", "user", SecretStr("canary-proxy"), ("^http://a\\.b$",))
    seen = environment(bench.run(probe("all()"), proxy=proxy, agent_variables={"Agent.CAInfo": "/ca.pem"}))
    assert seen["AGENT_PROXYURL"] == "http://proxy:1"
    assert seen["AGENT_PROXYUSERNAME"] == "user"
    assert seen["SECRET_AGENT_PROXYPASSWORD"] == "canary-proxy"
    assert json.loads(seen["AGENT_PROXYBYPASSLIST"]) == ["^http://a\\.b$"]
    assert seen["AGENT_USEBASICAUTHFORPROXY"] == "False"
    assert seen["AGENT_CAINFO"] == "/ca.pem"
    assert "AGENT_PROXYPASSWORD" not in seen


def test_stdin_is_closed_and_the_working_directory_the_sources(bench: Bench) -> None:
    code = (
        "const read = require('fs').readFileSync(0, 'utf8');"
        "console.log(JSON.stringify([read, process.cwd() === process.env.BUILD_SOURCESDIRECTORY]))"
    )
    assert output(bench.run(probe(code))) == ['["",true]']


def test_macros_take_two_passes_and_secrets_too(bench: Bench) -> None:
    inputs = {"a": "$(hidden)-$(twice)-$(missing)-$(Build.BuildId)"}
    step = probe("env('INPUT_A', 'MINE')", inputs=inputs, env={"MINE": " $(twice) "})
    result = bench.run(
        step,
        variables={"hidden": SecretStr("canary"), "twice": "$(AGENT_ENV)"},
        agent_environment={"AGENT_ENV": "env"},
    )
    assert output(result) == ['ENV INPUT_A="canary-env-$(missing)-1"', 'ENV MINE="env"']


def test_a_display_name_is_expanded_when_the_job_begins(bench: Bench) -> None:
    steps = [probe(say("##vso[task.setvariable variable=x]late")), probe("", displayName="At $(x)")]
    assert bench.run(*steps, variables={"x": "first"}).steps[1].display_name == "At first"


# --- What later steps see --------------------------------------------------------------------------


def test_a_variable_reaches_later_steps_and_expands_anew(bench: Bench) -> None:
    set_it = say(
        "##vso[task.setvariable variable=U]b:a$(Build.BuildId)b", "##vso[task.setvariable variable=E]"
    )
    result = bench.run(
        probe(set_it + "env('U')"), probe("env('U', 'E')"), {"bash": 'echo "script $U [${E-unset}]"'}
    )
    lines = [line for line in output(result) if "##vso" not in line]
    assert lines == ["ENV U=undefined", 'ENV U="b:a1b"', 'ENV E=""', "script b:a1b []"]


def test_a_macro_of_a_secret_takes_the_variable_out_of_the_environment(bench: Bench) -> None:
    step = probe(say("##vso[task.setvariable variable=PIP_INDEX_URL]x$(hidden)"))
    result = bench.run(
        step, probe("env('PIP_INDEX_URL', 'SECRET_PIP_INDEX_URL')"), variables={"hidden": SecretStr("canary")}
    )
    assert output(result)[1:] == ["ENV PIP_INDEX_URL=undefined", 'ENV SECRET_PIP_INDEX_URL="xcanary"']


def test_a_secret_stays_secret(bench: Bench) -> None:
    step = probe(say("##vso[task.setvariable variable=pip_index_url;issecret=false]open-value"))
    result = bench.run(
        step,
        probe("env('PIP_INDEX_URL', 'SECRET_PIP_INDEX_URL')"),
        variables={"PIP_INDEX_URL": SecretStr("old")},
    )
    assert output(result)[1:] == ["ENV PIP_INDEX_URL=undefined", 'ENV SECRET_PIP_INDEX_URL="open-value"']
    assert "open-value" not in "\n".join(result.log)


def test_a_variable_that_contains_itself_is_left_with_a_warning(bench: Bench) -> None:
    result = bench.run(probe(say("##vso[task.setvariable variable=V]x$(V)y")), probe("env('V')"))
    assert 'ENV V="x$(V)y"' in output(result)
    assert result.steps[1].warnings == ["Variable 'V' contains a reference to itself."]


def test_output_variables_have_the_name_of_the_step(bench: Bench, tmp_path: Path) -> None:
    task = make_task(tmp_path, outputVariables=[{"name": "listed"}])
    step = probe(
        say("##vso[task.setvariable variable=Listed]1", "##vso[task.setvariable variable=o;isoutput=true]2"),
        name="auth",
    )
    result = bench.run(step, probe("env('LISTED', 'AUTH_LISTED', 'AUTH_O')"), task_dirs=[task])
    assert output(result)[2:] == ["ENV LISTED=undefined", 'ENV AUTH_LISTED="1"', 'ENV AUTH_O="2"']


def test_a_path_put_first_counts_for_later_steps(bench: Bench) -> None:
    result = bench.run(
        probe(say("##vso[task.prependpath]/first", "##vso[task.prependpath]/second") + "env('PATH')"),
        probe("env('PATH')"),
    )
    paths = [json.loads(line.removeprefix("ENV PATH=")) for line in output(result) if line.startswith("ENV")]
    assert paths[1] == f"/second:/first:{paths[0]}"


def test_a_changed_connection_counts_for_later_steps(bench: Bench) -> None:
    change = say(f"##vso[task.setendpoint id={CONNECTION};field=url]https://changed/")
    name = f"ENDPOINT_URL_{CONNECTION}"
    result = bench.run(probe(change), probe(f"env('{name}')", inputs={"connections": "Ware house"}))
    assert output(result)[1] == f'ENV {name}="https://changed/"'


def test_a_script_sees_no_secrets_but_those_of_its_env(bench: Bench) -> None:
    step = {**SHOW, "env": {"MINE": "$(hidden)"}}
    result = bench.run(
        probe(say("##vso[task.setvariable variable=PIP_INDEX_URL]u")),
        step,
        variables={"hidden": SecretStr("canary")},
    )
    seen = dict(line.partition("=")[::2] for line in output(result))
    assert seen["MINE"] == "canary"
    assert seen["PIP_INDEX_URL"] == "u"
    assert seen["ENDPOINT_URL_SYSTEMVSSCONNECTION"] == bench.service.collection_uri
    assert not [
        name for name in seen if name.startswith(("SECRET_", "INPUT_", "ENDPOINT_AUTH", "VSTS_PUBLIC"))
    ]


def test_a_variable_too_long_for_the_system_fails_every_later_step(bench: Bench) -> None:
    code = "console.log('##vso[task.setvariable variable=BIG]' + 'x'.repeat(131068))"
    result = bench.run(
        probe(code), probe("", condition="always()"), {"script": "echo x", "condition": "always()"}
    )
    assert [step.result for step in result.steps] == ["Succeeded", "Failed", "Failed"]
    assert all("Argument list too long" in step.errors[0] for step in result.steps[1:])
    fitting = code.replace("131068", "131067")
    assert bench.run(probe(fitting), probe(""), {"script": "true"}).result == "Succeeded"


def test_a_null_character_fails_the_step(bench: Bench) -> None:
    result = bench.run(probe("console.log('##vso[task.setvariable variable=N]a\\0b')"), probe(""))
    assert [step.result for step in result.steps] == ["Succeeded", "Failed"]
    assert "null character" in result.steps[1].errors[0]


# --- Lines, masking and results --------------------------------------------------------------------


def test_commands_count_on_both_streams(bench: Bench) -> None:
    code = (
        "console.error('##vso[task.setvariable variable=A]1');"
        "console.log('text ##vso[task.setvariable variable=B]2\\r##vso[task.setvariable variable=C]3')"
    )
    result = bench.run(probe(code))
    assert [result.variables[name].value for name in "abc"] == ["1", "2", "3"]
    assert {line.stream for line in result.raw} == {"stdout", "stderr"}
    assert {line.step for line in result.raw} == {"Probe"}


def test_secrets_of_a_job_are_masked_in_all_their_forms(bench: Bench) -> None:
    shown = ["token-x", "canary-p%zz@x", "canary-p%25zz%40x", "canary-user", "v%25w", "dl93", "//u:p%41ss!@h"]
    result = bench.run(
        probe(say(*shown), inputs={"connections": CONNECTION}),
        token=SecretStr("token-x"),
        variables={"hidden": SecretStr("v%w"), "other": SecretStr("v_w")},
    )
    assert [line for line in result.log if "***" in line] == ["***"] * 6 + ["//u:***@h"]


def test_connections_that_no_step_names_are_not_in_the_job(bench: Bench) -> None:
    assert "canary-another" in bench.run(probe(say("canary-another"))).log


@pytest.mark.parametrize(
    ("code", "result"),
    [
        ("", "Succeeded"),
        (say("##vso[task.complete result=SucceededWithIssues]"), "SucceededWithIssues"),
        (FAIL, "Failed"),
        (FAIL + say("##vso[task.complete result=Succeeded]"), "Failed"),
        (say("##vso[task.complete result=Skipped]"), "Skipped"),
        ("process.exit(3)", "Failed"),
        (say("##vso[task.complete result=Canceled]") + "process.exit(1)", "Failed"),
        (say("##vso[task.complete result=Cancelled]"), "Failed"),
        (say("##vso[task.complete result=Succeeded]", "##vso[task.nothing]"), "Failed"),
        (say("##vso[task.logissue type=error]text"), "Succeeded"),
        ("throw new Error('crash')", "Failed"),
    ],
)
def test_results(bench: Bench, code: str, result: str) -> None:
    assert results(bench, probe(code))[0] == result


def test_an_exit_code_is_told_as_the_agent_tells_it(bench: Bench) -> None:
    error = bench.run(probe("process.exit(3)")).steps[0].errors[-1]
    assert error.startswith("Exit code 3 returned from process: file name '")
    assert error.endswith(f"node', arguments '\"{PROBE.resolve() / 'probe.js'}\"'.")


def test_a_script_tells_its_exit_code(bench: Bench) -> None:
    result = bench.run({"script": "echo one\nexit 7"}, {"bash": "exit 3", "condition": "always()"})
    assert [step.errors for step in result.steps] == [
        ["Bash exited with code '7'."],
        ["Bash exited with code '3'."],
    ]
    assert "##[error]Bash exited with code '7'." in result.log


def test_a_script_may_fail_on_stderr(bench: Bench) -> None:
    quiet = {"script": "echo oops >&2"}
    assert results(bench, quiet) == ["Succeeded", "Succeeded"]
    result = bench.run({**quiet, "failOnStderr": True})
    assert result.steps[0].errors == ["Bash wrote one or more lines to the standard error stream.", "oops"]


def test_a_script_may_run_elsewhere(bench: Bench) -> None:
    assert output(bench.run({"script": "basename $PWD", "workingDirectory": "$(Agent.ToolsDirectory)"})) == [
        "_tool"
    ]
    result = bench.run({"script": "pwd", "workingDirectory": "no/such"})
    assert result.steps[0].errors[0].startswith("Not found workingDirectory: ")


def test_a_script_of_one_line_is_shown_unless_it_is_a_command(bench: Bench) -> None:
    assert "Script contents:" in bench.run({"script": "true\n"}).log
    assert "Script contents:" not in bench.run({"script": "true ##vso[task.debug]"}).log
    assert "Script contents:" not in bench.run({"bash": "true\ntrue"}).log


def test_the_log_of_a_job(bench: Bench) -> None:
    echoed: list[str] = []
    result = bench.run(
        probe(say("hello"), displayName="Say it"), echo=echoed.append, keys={"trigger": "none"}
    )
    assert echoed == result.log
    assert "'trigger' of pipeline.yml has no effect in the emulator." in result.log
    start = result.log.index("##[section]Starting: Say it")
    rule = "=" * 78
    assert result.log[start + 1 :] == [
        rule,
        "Task         : Probe",
        "Description  : Runs the JavaScript that its input holds.",
        "Version      : 1.2.3",
        "Author       : Tests",
        "Help         : None.",
        rule,
        "hello",
        "##[section]Finishing: Say it",
    ]


@pytest.mark.parametrize(
    ("options", "keys"), [({"debug": True}, {}), ({}, {"variables": {"System.Debug": "True"}})]
)
def test_debug_lines(bench: Bench, options: dict[str, Any], keys: dict[str, Any]) -> None:
    code = probe(say("##vso[task.debug]seen") + "env('SYSTEM_DEBUG')")
    result = bench.run(code, keys=keys, **options)
    assert "##[debug]seen" in result.log
    assert output(result)[1].lower() == 'env system_debug="true"'
    assert "##[debug]seen" not in bench.run(code).log


def test_the_knob_for_percent_signs(bench: Bench) -> None:
    step = probe(say("##vso[task.setvariable variable=V]100%AZP25") + "env('DECODE_PERCENTS')")
    assert bench.run(step).variables["V"].value == "100%"
    result = bench.run(step, decode_percents=False)
    assert result.variables["V"].value == "100%AZP25"
    assert 'ENV DECODE_PERCENTS="false"' in output(result)


@pytest.mark.parametrize(
    ("version", "default", "on", "off"),
    [
        ("2.144.0", False, False, False),
        ("2.182.0", False, False, False),
        ("2.182.1", False, True, False),
        ("2.183.9", False, True, False),
        ("2.184.0", True, True, False),
        ("4.260.0", True, True, False),
    ],
)
def test_what_an_agent_undoes_follows_its_version(
    bench: Bench, version: str, *, default: bool, on: bool, off: bool
) -> None:
    sent = "100%AZP25%3B%0D%0A%5D%3b%0d%0a%5d%25"
    for knob, decodes in ((None, default), (True, on), (False, off)):
        result = bench.run(
            probe(say(f"##vso[task.setvariable variable=x]{sent}") + "env('AGENT_VERSION')"),
            agent_version=version,
            decode_percents=knob,
        )
        assert result.variables["x"].value == f"100{'%' if decodes else '%AZP25'};\r\n]%3b%0d%0a%5d%25"
        assert f'ENV AGENT_VERSION="{version}"' in output(result)


def test_telemetry_is_passed_on_for_tasks_of_the_server(bench: Bench) -> None:
    step = probe(say('##vso[telemetry.publish area=A;feature=F]{"n": 1}'))
    assert [event.published for event in bench.run(step).telemetry] == [False]
    assert [event.published for event in bench.run(step, server_owned=True).telemetry] == [True]


# --- Control options -------------------------------------------------------------------------------


def test_conditions(bench: Bench) -> None:
    steps = [
        probe(FAIL),
        probe(""),
        probe("", condition="failed()"),
        probe("", condition="always()"),
        probe("", condition="eq(variables['x'], 'y')"),
        probe("", condition="gt(1, variables['x'])"),
        probe("", condition="succeededOrFailed()", enabled=False),
    ]
    result = bench.run(*steps, variables={"x": "y"})
    assert [step.result for step in result.steps] == [
        "Failed",
        "Skipped",
        "Succeeded",
        "Succeeded",
        "Succeeded",
        "Failed",
    ]
    assert "Skipping step due to condition evaluation." in result.log
    assert "Unable to compare '1' with 'y'." in result.steps[-1].errors


def test_a_condition_reads_variables_as_they_are_then(bench: Bench) -> None:
    steps = [
        probe(say("##vso[task.setvariable variable=x]$(y)")),
        probe("", condition="eq(variables.x, 'z')"),
    ]
    assert results(bench, *steps, variables={"y": "z"}) == ["Succeeded", "Succeeded", "Succeeded"]


def test_an_error_in_a_condition_is_not_forgiven(bench: Bench) -> None:
    assert results(bench, probe("", condition="gt(1, 'x')", continueOnError=True)) == ["Failed", "Failed"]


def test_continue_on_error(bench: Bench) -> None:
    steps = [
        probe(FAIL, continueOnError=True),
        probe("process.exit(1)", continueOnError=True),
        probe("env('AGENT_JOBSTATUS')"),
    ]
    result = bench.run(*steps)
    assert [step.result for step in result.steps] == ["SucceededWithIssues"] * 2 + ["Succeeded"]
    assert result.result == "SucceededWithIssues"
    assert result.succeeded
    assert output(result)[-1] == 'ENV AGENT_JOBSTATUS="SucceededWithIssues"'


def test_the_status_of_the_job_reaches_later_steps(bench: Bench) -> None:
    result = bench.run(probe(FAIL), probe("env('AGENT_JOBSTATUS', 'agent.jobstatus')", condition="always()"))
    assert output(result)[1:] == ['ENV AGENT_JOBSTATUS="Failed"', 'ENV agent.jobstatus="Failed"']
    assert result.result == "Failed"
    assert not result.succeeded


COUNT = """
const fs = require('fs'); const file = process.env.AGENT_TEMPDIRECTORY + '/count';
const number = (fs.existsSync(file) ? +fs.readFileSync(file) : 0) + 1; fs.writeFileSync(file, '' + number);
console.log('try ' + number);
"""


@pytest.mark.parametrize(
    ("code", "retries", "tries", "result"),
    [
        (f"if (number < 3) {{ {FAIL} }}", 5, 3, "Succeeded"),
        ("if (number < 3) process.exit(1)", 5, 3, "Succeeded"),
        (FAIL, 2, 3, "Failed"),
        ("process.exit(1)", 2, 3, "Failed"),
        # A try that says Failed and also ends with an exit code leaves its result behind.
        (f"if (number < 2) {{ {FAIL} process.exitCode = 1 }}", 1, 2, "Failed"),
        (f"if (number < 2) {{ {FAIL} process.exitCode = 1 }}", 2, 3, "Succeeded"),
        # What a command did wrong is never forgotten.
        (f"if (number < 2) {{ {say('##vso[task.nothing]')} {FAIL} }}", 2, 2, "Failed"),
        ("", 2, 1, "Succeeded"),
    ],
)
def test_retries(bench: Bench, code: str, retries: int, tries: int, result: str) -> None:
    job = bench.run(probe(COUNT + code, retryCountOnTaskFailure=retries))
    assert sum(line.startswith("try ") for line in output(job)) == tries
    assert job.steps[0].result == result


def test_scripts_are_tried_again_too(bench: Bench) -> None:
    script = "echo try; echo x >> $AGENT_TEMPDIRECTORY/n; test $(wc -l < $AGENT_TEMPDIRECTORY/n) -gt 1"
    result = bench.run({"script": script, "retryCountOnTaskFailure": 1})
    assert output(result) == ["try", "try"]
    assert result.result == "Succeeded"


def test_ten_retries_are_the_most_and_waits_grow(bench: Bench) -> None:
    timing = Timing(retry=0.0)
    result = bench.run(probe("process.exit(1)", retryCountOnTaskFailure=11), timing=timing)
    assert len([line for line in result.log if "will retry" in line]) == 10
    assert "10 times at most; 11 was asked for" in result.steps[0].warnings[0]
    begun = time.monotonic()
    bench.run(probe(FAIL, retryCountOnTaskFailure=2), timing=Timing(retry=0.1))
    assert time.monotonic() - begun >= 0.5


def test_variables_of_a_failed_try_stay(bench: Bench) -> None:
    set_it = "console.log('##vso[task.setvariable variable=V]' + number); env('V');"
    code = f"{COUNT} {set_it} if (number < 2) {{ {FAIL} }}"
    assert 'ENV V="1"' in output(bench.run(probe(code, retryCountOnTaskFailure=1)))


def test_a_step_that_takes_too_long_is_stopped(bench: Bench) -> None:
    wait = (
        "process.on('SIGINT', () => { console.log('interrupted'); process.exit(0); });"
        "setInterval(() => {}, 1000)"
    )
    result = bench.run(probe(wait, timeoutInMinutes=1), probe("", condition="always()"))
    assert [step.result for step in result.steps] == ["Failed", "Succeeded"]
    assert "interrupted" in output(result)
    assert result.steps[0].errors == ["The task has timed out."]
    forgiven = probe(wait, timeoutInMinutes=1, continueOnError=True, retryCountOnTaskFailure=3)
    assert results(bench, forgiven)[0] == "SucceededWithIssues"


def test_a_process_that_does_not_listen_is_killed(bench: Bench) -> None:
    deaf = (
        "['SIGINT', 'SIGTERM'].forEach((s) => process.on(s, () => console.log(s)));"
        "setInterval(() => {}, 1000)"
    )
    result = bench.run(probe(deaf, timeoutInMinutes=1))
    assert output(result) == ["SIGINT", "SIGTERM"]
    assert result.steps[0].result == "Failed"


def test_the_time_of_a_step_covers_its_waits(bench: Bench) -> None:
    timing = Timing(retry=60.0, minute=0.5)
    result = bench.run(probe(FAIL, retryCountOnTaskFailure=3, timeoutInMinutes=1), timing=timing)
    assert "The task has timed out." in result.steps[0].errors


def test_a_script_that_takes_too_long_is_stopped_with_its_children(bench: Bench) -> None:
    begun = time.monotonic()
    result = bench.run({"script": "sleep 60; echo no", "timeoutInMinutes": 1})
    assert time.monotonic() - begun < 10
    assert result.steps[0].errors == ["The task has timed out."]


def test_done_ends_a_step_whose_process_lives_on(bench: Bench) -> None:
    code = say("##vso[task.complete result=Succeeded;done=true]") + "setInterval(() => {}, 1000)"
    begun = time.monotonic()
    assert results(bench, probe(code), probe("")) == ["Succeeded"] * 3
    assert time.monotonic() - begun < 5


def test_what_steps_leave_behind_ends_with_the_job(bench: Bench, tmp_path: Path) -> None:
    file = tmp_path / "pid"
    result = bench.run(
        {"script": f"sleep 60 >/dev/null 2>&1 & echo $! > {file}"}, {"script": f"kill -0 $(cat {file})"}
    )
    assert result.result == "Succeeded"
    end = time.monotonic() + 5
    while Path(f"/proc/{file.read_text().strip()}").exists() and time.monotonic() < end:
        time.sleep(0.02)
    assert not Path(f"/proc/{file.read_text().strip()}").exists()


def test_cancelling_stops_the_step_and_skips_the_rest(bench: Bench) -> None:
    agent = bench.agent()
    agent.echo = lambda line: agent.cancel() if line == "ready" else None
    wait = say("ready") + "process.on('SIGINT', () => process.exit(0)); setInterval(() => {}, 1000)"
    steps = [
        probe(wait),
        probe(""),
        probe("env('AGENT_JOBSTATUS')", condition="always()"),
        probe("", condition="canceled()"),
    ]
    result = agent.run(bench.pipeline(*steps))
    assert [step.result for step in result.steps] == ["Canceled", "Skipped", "Succeeded", "Succeeded"]
    assert result.result == "Canceled"
    assert result.steps[0].errors == ["The operation was canceled."]
    assert output(result)[-1] == 'ENV AGENT_JOBSTATUS="Canceled"'


def test_a_step_whose_condition_still_holds_goes_on(bench: Bench) -> None:
    agent = bench.agent()
    agent.echo = lambda line: agent.cancel() if line == "ready" else None
    code = say("ready") + "setTimeout(() => console.log('finished'), 300)"
    result = agent.run(bench.pipeline(probe(code, condition="always()")))
    assert [step.result for step in result.steps] == ["Succeeded"]
    assert output(result)[-1] == "finished"
    assert result.result == "Canceled"


def test_a_condition_that_breaks_when_the_job_is_cancelled_ends_the_step(bench: Bench) -> None:
    agent = bench.agent()
    agent.echo = lambda line: agent.cancel() if line == "ready" else None
    code = say("ready") + "process.on('SIGINT', () => process.exit(0)); setInterval(() => {}, 1000)"
    result = agent.run(bench.pipeline(probe(code, condition="or(succeeded(), gt(1, 'x'))")))
    assert [step.result for step in result.steps] == ["Canceled"]
    assert "Unable to compare '1' with 'x'." in result.steps[0].errors


def test_a_cancelled_agent_runs_the_next_pipeline(bench: Bench) -> None:
    agent = bench.agent()
    agent.cancel()
    assert agent.run(bench.pipeline(probe(say("no")))).result == "Canceled"
    assert agent.run(bench.pipeline(probe(say("yes")))).result == "Succeeded"


def test_a_job_has_a_time_too(bench: Bench, tmp_path: Path) -> None:
    file = tmp_path / "job.yml"
    file.write_text(
        "jobs:\n- job: a\n  timeoutInMinutes: 1\n  steps:\n  - script: sleep 60\n  - script: echo x\n",
        encoding="utf-8",
    )
    result = bench.agent().run(Pipeline.load(file))
    assert [step.result for step in result.steps] == ["Canceled", "Skipped"]


def test_restrictions_of_the_step_and_of_the_task(bench: Bench, tmp_path: Path) -> None:
    lines = say(
        "##vso[task.setvariable variable=PIP_X]1",
        "##vso[task.setvariable variable=UV_X]1",
        f"##vso[task.setendpoint id={CONNECTION};field=url]http://x/",
    )
    loose = bench.run(probe(lines, inputs={"connections": CONNECTION}))
    assert {"PIP_X", "UV_X"} <= set(loose.variables)
    target = {"commands": "restricted", "settableVariables": ["PIP_*"]}
    for result in (
        bench.run(probe(lines, target=target)),
        bench.run(
            probe(lines, target={"settableVariables": ["*"]}),
            task_dirs=[
                make_task(
                    tmp_path,
                    restrictions={
                        "commands": {"mode": "restricted"},
                        "settableVariables": {"allowed": ["PIP_*"]},
                    },
                )
            ],
        ),
    ):
        assert "PIP_X" in result.variables
        assert "UV_X" not in result.variables
        assert len(result.steps[0].warnings) == 2
        assert result.result == "Succeeded"
    none = bench.run(probe(lines, target={"settableVariables": "none"}, inputs={"connections": CONNECTION}))
    assert "PIP_X" not in none.variables


def test_read_only_variables(bench: Bench) -> None:
    keys = {"variables": [{"name": "fixed", "value": "1", "readonly": True}]}
    result = bench.run(probe(say("##vso[task.setvariable variable=FIXED]2")), keys=keys)
    assert result.steps[0].result == "Failed"
    assert result.variables["fixed"].value == "1"


def test_variables_that_the_server_sends_are_read_only_by_their_own_name(bench: Bench) -> None:
    """The agent compares names and not what they become in the environment, so another spelling passes."""
    code = say("##vso[task.setvariable variable={}]https://thief.example.test/")
    names = ("System.OidcRequestUri", "system.collectionuri", "agent.proxyUrl")
    for name in names:
        refused = bench.run(probe(code.format(name)), probe("all()", condition="always()"))
        assert refused.steps[0].result == "Failed"
        assert "thief" not in str(environment(refused).values())
        alias = name.upper().replace(".", "_")
        for options in ({"variables": {"Agent.ReadOnlyVariables": "false"}}, {}):
            spelling = name if options else alias
            result = bench.run(probe(code.format(spelling)), probe("all()"), **options)
            assert environment(result)[alias] == "https://thief.example.test/"
            assert bool(result.steps[0].warnings) == bool(options)
    step = probe(say("##vso[task.setvariable variable=OIDCREQUESTURI;isoutput=true]x"), name="System")
    assert environment(bench.run(step, probe("all()")))["SYSTEM_OIDCREQUESTURI"] == "x"


def test_a_slow_agent_makes_its_tasks_wait(bench: Bench) -> None:
    code = "const t = Date.now(); require('fs').writeSync(1, 'x'.repeat(200000) + '\\n');"
    code += "console.log(Date.now() - t)"
    quick, slow = (int(output(bench.run(probe(code), timing=Timing(read=read)))[1]) for read in (0, 0.02))
    assert slow > 300 > quick


def test_predefined_variables_may_be_given_when_the_run_is_queued(bench: Bench) -> None:
    given = {"build.reason": "PullRequest", "System.AccessToken": SecretStr("canary-mine")}
    seen = environment(bench.run(probe("all()"), variables=given))
    assert seen["BUILD_REASON"] == "PullRequest"
    assert seen["SECRET_SYSTEM_ACCESSTOKEN"] == "canary-mine"


def test_variable_groups(bench: Bench) -> None:
    """Of two of one name the later one counts, be it the file's or a group's."""
    variables = [
        {"name": "before", "value": "file"},
        {"name": "after", "value": "early"},
        {"group": "Common"},
        {"group": "more"},
        {"name": "after", "value": "file"},
    ]
    result = bench.run(probe("all()"), keys={"variables": variables})
    seen = environment(result)
    assert (seen["BEFORE"], seen["AFTER"], seen["BOTH"], seen["OPEN"]) == ("group", "file", "more", "text")
    assert "canary" not in "\n".join(result.log)
    assert seen["SECRET_HIDDEN"] == "canary-group"
    with pytest.raises(EmulatorError, match="there is no variable group none"):
        bench.run(probe(""), keys={"variables": [{"group": "none"}]})


@pytest.mark.parametrize(
    ("scoped", "who"),
    [
        (False, "project one Build Service (fabrikam)"),
        (True, "Project Collection Build Service (fabrikam)"),
    ],
)
def test_the_log_says_whom_the_job_runs_as(bench: Bench, *, scoped: bool, who: str) -> None:
    assert f"The job runs as: '{who}'" in bench.run(probe(""), collection_scoped=scoped).log


def test_variables_of_the_file_win_over_those_of_the_queue(bench: Bench) -> None:
    result = bench.run(
        probe("env('A', 'B')"), keys={"variables": {"a": "file"}}, variables={"A": "queue", "B": "queue"}
    )
    assert output(result) == ['ENV A="file"', 'ENV B="queue"']


def test_stages_before_and_after_the_job(bench: Bench, tmp_path: Path) -> None:
    handler = {"Node16": {"target": "probe.js"}}
    task = make_task(tmp_path, prejobexecution=handler, postjobexecution=handler)
    code = (
        "console.log(process.env.TASK_DISPLAYNAME);"
        "console.log('##vso[task.settaskvariable variable=t]' + process.env.INPUT_MARK);"
        "env('VSTS_TASKVARIABLE_T')"
    )
    steps = [probe(code, displayName=name, inputs={"mark": name}) for name in "AB"]
    result = bench.run(*steps, task_dirs=[task])
    assert [line for line in output(result) if "##vso" not in line] == [
        *(
            "Pre-job: A",
            "ENV VSTS_TASKVARIABLE_T=undefined",
            "Pre-job: B",
            "ENV VSTS_TASKVARIABLE_T=undefined",
        ),
        *("A", 'ENV VSTS_TASKVARIABLE_T="A"', "B", 'ENV VSTS_TASKVARIABLE_T="B"'),
        *("Post-job: B", 'ENV VSTS_TASKVARIABLE_T="B"', "Post-job: A", 'ENV VSTS_TASKVARIABLE_T="A"'),
    ]
    assert [step.display_name for step in result.steps] == ["A", "B"]


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"execution": {"PowerShell3": {"target": "probe.js"}}}, "not capable of running this task"),
        ({"execution": {"Node20_1": {"target": "gone.js"}}}, "File not found"),
    ],
)
def test_tasks_that_cannot_run_here(
    bench: Bench, tmp_path: Path, changes: dict[str, object], error: str
) -> None:
    result = bench.run(probe(""), task_dirs=[make_task(tmp_path, **changes)])
    assert result.result == "Failed"
    assert error in result.steps[0].errors[0]


@pytest.mark.parametrize("kind", ["script", "bash"])
def test_a_machine_without_bash(bench: Bench, tmp_path: Path, kind: str) -> None:
    result = bench.run({kind: "true"}, machine={"PATH": str(tmp_path)})
    assert result.steps[0].errors == ["Unable to locate executable file: 'bash'."]


def test_connections_are_kept_from_builds_of_forks(bench: Bench) -> None:
    variables = {"system.restrictSecrets": "true", "build.isFork": "True"}
    steps = [probe(say("ran"), inputs={"connections": "Ware house"}), probe(say("ran"))]
    result = bench.run(*steps, variables=variables)
    assert [step.result for step in result.steps] == ["Skipped", "Succeeded"]
    assert output(result) == ["ran"]


def test_what_a_server_refuses_does_not_run(bench: Bench) -> None:
    with pytest.raises(InputError, match="does not exist"):
        bench.run(probe("", inputs={"connections": "nowhere"}))
    with pytest.raises(InputError, match="There is no project"):
        bench.agent(project="nowhere")


def test_a_job_leaves_nothing_behind_but_what_is_to_be_kept(bench: Bench, tmp_path: Path) -> None:
    result = bench.run(probe("all()"))
    assert not Path(environment(result)["AGENT_HOMEDIRECTORY"]).exists()
    kept = tmp_path / "kept"
    bench.run({"script": "echo x > file"}, keep=kept)
    assert (kept / "_work" / "1" / "s" / "file").read_text(encoding="utf-8") == "x\n"
