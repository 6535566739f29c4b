"""A thief's ways in at the start of the task: by Python, the environment, the sources, the end of a run.

Whoever brings code into the task's process, or has a variable left behind in a run that is not Succeeded,
has the job's secrets.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from support import shim
from support.http_service import Answer
from support.organisation import Organisation
from support.shim import ANY_NODE, BEGIN, CANCELED, FAILED, ISSUE, SET_BOTH_EMPTY, Agent, End, executable
from support.task import Connection, Run, Task, environment, result_of

ROOT = Path(__file__).parents[2]
CONNECTION = Connection.login(1, "https://h.example/simple", "u", "p")
BASH = shutil.which("bash")  # unlike dash, it passes on the names of connections
SLEEP = shutil.which("sleep") or "sleep"
VERSIONS = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"


@pytest.fixture
def agent(tmp_path: Path) -> Agent:
    return Agent(tmp_path)


def pythons() -> list[Path]:
    """The Python that these tests were set up with, and the fitting ones of a version manager, if any."""
    own = Path(getattr(sys, "_base_executable", sys.executable))
    found = [own, *sorted(VERSIONS.glob("3.1[0-9].*/bin/python3"))]
    return list(dict.fromkeys(file.resolve() for file in found))


# ---- code in the machine's Python ------------------------------------------------------------------

OPTIONAL = ["brotli", "brotlicffi", "zstandard", "socks", "h2", "OpenSSL", "cryptography", "certifi", "idna"]
SHADOWED = ["truststore", "pip_authenticate", "sitecustomize", "usercustomize"]


def plant(site: Path, booty: Path) -> None:
    """Leave code of every kind that Python or a library takes up by itself; it notes that it ran."""
    code = f"open({str(booty)!r}, 'a').write(__name__ + ' ')\n"
    site.mkdir(parents=True, exist_ok=True)
    for name in [*OPTIONAL, *SHADOWED]:
        (site / f"{name}.py").write_text(code)
    (site / "evil.pth").write_text(f"import os; {code}")


@pytest.mark.parametrize("python", pythons(), ids=lambda file: file.parent.parent.name)
def test_code_in_site_packages_never_runs(
    task: Task, hosted: Organisation, tmp_path: Path, python: Path
) -> None:
    booty, home = tmp_path / "booty", tmp_path / "home"
    subprocess.run([python, "-m", "venv", "--without-pip", tmp_path / "venv"], check=True, timeout=60)
    bare = tmp_path / "venv" / "bin" / "python3"
    query = "import site, sysconfig; print(sysconfig.get_path('purelib'), site.getusersitepackages())"
    found = subprocess.run([bare, "-c", query], env={"HOME": str(home)}, capture_output=True, check=True)
    for site in found.stdout.decode().split():
        plant(Path(site), booty)
    plant(tmp_path / "elsewhere", booty)
    subprocess.run([bare, "-c", ""], check=True, timeout=30)
    assert booty.read_text(), "the bait must work on a Python that is started plainly"
    booty.unlink()

    env = environment(
        feeds="f",
        connections=[CONNECTION],
        organisation=hosted,
        PATH=str(bare.parent),
        HOME=str(home),
        PYTHONPATH=str(tmp_path / "elsewhere"),
        PYTHONUSERBASE=str(home / ".local"),
        PYTHONSTARTUP=str(tmp_path / "elsewhere" / "sitecustomize.py"),
    )
    run = task.run_shim(env)
    assert run.succeeded(), run.err
    assert set(run.variables) >= {"PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL"}
    assert not booty.exists(), booty.read_text()


def test_a_python_without_a_module_of_the_standard_library_is_passed_over(
    agent: Agent, tmp_path: Path
) -> None:
    shutil.copy(ROOT / "task" / "main.py", agent.task)
    package = agent.task / "lib" / "pip_authenticate"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "task.py").write_text("import no_such_module\n")
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "python3").symlink_to(pythons()[0])
    end = agent.run("a")
    assert end.debug[0] == "This Python cannot import no_such_module."
    assert "lacks a module of Python's standard library" in end.issues[0]
    assert (end.lines[-1], end.err) == (FAILED, "")


# ---- code by way of the environment ----------------------------------------------------------------

WITHHELD = [
    *("BASH_ENV", "ENV", "ZDOTDIR", "BASH_FUNC_printf%%", "SHELLOPTS", "BASHOPTS", "PS4", "BASH_XTRACEFD"),
    *(
        "PYENV_HOOK_PATH",
        "PYENV_ROOT",
        "PYENV_DIR",
        "PYENV_DEBUG",
        "_PYENV_SHIM_PATH",
        "CDPATH",
        "IFS",
        "FPATH",
    ),
    *("PYTHONPATH", "PYTHONHOME", "PYTHONSTARTUP", "PYTHONINSPECT", "PYTHONPYCACHEPREFIX", "PYTHONWARNINGS"),
    *("__PYVENV_LAUNCHER__", "VIRTUAL_ENV", "PY_PYTHON3", "PYLAUNCHER_ALLOW_INSTALL"),
    *(
        "LD_PRELOAD",
        "LD_AUDIT",
        "LD_DEBUG",
        "DYLD_INSERT_LIBRARIES",
        "GCONV_PATH",
        "LOCPATH",
        "GLIBC_TUNABLES",
    ),
    *("MALLOC_TRACE", "OPENSSL_CONF", "OPENSSL_MODULES", "OPENSSL_ENGINES", "SSLKEYLOGFILE"),
    *("NODE_DEBUG", "NODE_OPTIONS", "NODE_PATH", "PERL5OPT", "PERL5LIB", "RUBYOPT", "RUBYLIB"),
]


def inherited(agent: Agent, env: dict[str, str], platform: str = "linux") -> dict[str, str]:
    """What a Python would inherit of an environment."""
    given = json.dumps(env)
    closed = "(place) => place === '/sources/bin'"
    found = agent.evaluate(f"python.inheritance({platform!r}, {given}, {closed}, shim.inheritable({given}))")
    assert isinstance(found, dict)
    return found


def test_nothing_that_runs_code_or_logs_secrets_is_inherited(agent: Agent) -> None:
    env = dict.fromkeys(WITHHELD, "/x") | {name.lower(): "/x" for name in WITHHELD}
    assert inherited(agent, env) == {"PATH": ""}


def test_the_shell_of_a_wrapper_runs_nothing_planted(agent: Agent, tmp_path: Path) -> None:
    booty = tmp_path / "booty"
    (tmp_path / "rc").write_text(f"echo BASH_ENV >>{booty}\n")
    executable(tmp_path / "a" / "python3", f"#!/usr/bin/env bash\n{BEGIN} true; helper; cat <&-; exit 0\n")
    executable(agent.sources / "bin" / "bash", f"#!/bin/sh\necho bash >>{booty}\n")
    executable(agent.sources / "bin" / "helper", f"#!/bin/sh\necho helper >>{booty}\n")
    env = {
        "BASH_ENV": str(tmp_path / "rc"),
        "BASH_FUNC_true%%": f"() {{ echo function >>{booty}; }}",
        "SHELLOPTS": "xtrace",
        "PS4": f"$(echo trace >>{booty})",
        "PATH": f"{agent.sources / 'bin'}:{tmp_path / 'a'}:/usr/bin:/bin",
    }
    end = agent.run(env=env)
    assert (end.code, end.out) == (0, "")
    assert not booty.exists(), booty.read_text()


@pytest.mark.parametrize(
    ("listed", "name"),
    [
        ("LD_LIBRARY_PATH", "LD_LIBRARY_PATH"),
        ("ld.library path", "LD_LIBRARY_PATH"),
        ("hostAliases", "HOSTALIASES"),
        ("Home", "HOME"),
        ("ASDF_PYTHON_VERSION", "ASDF_PYTHON_VERSION"),
        ("SSL_CERT_FILE", "SSL_CERT_FILE"),
        ("Ssl.Cert.Dir", "SSL_CERT_DIR"),
        ("tool", "tool"),
    ],
)
def test_what_a_step_can_have_set_for_other_programs_is_not_inherited(
    agent: Agent, listed: str, name: str
) -> None:
    assert name in inherited(agent, {name: "/x"})
    assert name in inherited(agent, {name: "/x", "VSTS_PUBLIC_VARIABLES": "no JSON"})
    assert name not in inherited(
        agent, {name: "/x", "VSTS_PUBLIC_VARIABLES": json.dumps(["Build.Id", listed])}
    )


def test_what_the_task_reads_is_inherited_whoever_set_it(agent: Agent) -> None:
    settings = (ROOT / "src" / "pip_authenticate" / "settings.py").read_text(encoding="utf-8")
    read = set(re.findall(r'"([A-Z]+(?:_[A-Z]+)+)"', settings)) | {
        *("NODE_EXTRA_CA_CERTS", "HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY"),
        *("INPUT_ARTIFACTFEEDS", "SECRET_PIP_AUTHENTICATE_STORED", "PIP_EXTRA_INDEX_URL", "agent.jobstatus"),
    }
    env = {**dict.fromkeys(read, "/x"), "VSTS_PUBLIC_VARIABLES": json.dumps(sorted(read))}
    assert len(read) > 30
    assert set(inherited(agent, env)) >= read


@pytest.mark.parametrize("version", ["3.12.1", "3.12:3.11", "pypy3.10-7.3.12"])
def test_the_version_of_a_version_manager_is_inherited(agent: Agent, version: str) -> None:
    env = {"PYENV_VERSION": version, "VSTS_PUBLIC_VARIABLES": '["PYENV_VERSION"]'}
    assert inherited(agent, env)["PYENV_VERSION"] == version


@pytest.mark.parametrize("version", ["../../work/1/s", "3.12/../../x", "..\\x", "3.12\n/x"])
def test_a_version_that_is_a_way_to_a_folder_is_not(agent: Agent, version: str) -> None:
    assert "PYENV_VERSION" not in inherited(agent, {"PYENV_VERSION": version})


def test_path_is_inherited_without_relative_folders_and_those_of_the_job(agent: Agent) -> None:
    assert inherited(agent, {"PATH": "/a:.:/sources/bin:bin::/b"})["PATH"] == "/a:/b"
    windows = inherited(agent, {"Path": "/other", "PATH": '/a;.;/sources/bin;"/b"'}, "win32")
    assert windows == {"PATH": "/a;/b"}


def test_version_managers_are_not_asked_from_within_the_sources(agent: Agent) -> None:
    """The sources may hold .python-version or .tool-versions, which name a Python, even their own."""
    agent.program("a", f"{BEGIN} pwd")
    assert agent.run("a").out == f"{agent.task}\n"


# ---- a Python of the job -----------------------------------------------------------------------------

JOB_FOLDERS = [
    *(
        "AGENT_BUILDDIRECTORY",
        "AGENT_RELEASEDIRECTORY",
        "AGENT_TEMPDIRECTORY",
        "BUILD_ARTIFACTSTAGINGDIRECTORY",
    ),
    *(
        "BUILD_BINARIESDIRECTORY",
        "BUILD_REPOSITORY_LOCALPATH",
        "BUILD_SOURCESDIRECTORY",
        "BUILD_STAGINGDIRECTORY",
    ),
    *("COMMON_TESTRESULTSDIRECTORY", "PIPELINE_WORKSPACE", "SYSTEM_ARTIFACTSDIRECTORY"),
    "SYSTEM_DEFAULTWORKINGDIRECTORY",
]


def passes_over(agent: Agent, end: End, place: str) -> None:
    """See that nothing was started, and that the debug line and the error say where it lies."""
    assert agent.starts() == []
    assert f"lies in {agent.root / place}, a folder of the job" in end.debug[0]
    assert f"lies in {agent.root / place}, a folder of the job" in end.issues[0]
    assert end.lines[-1] == FAILED


@pytest.mark.parametrize("name", JOB_FOLDERS)
def test_a_python_in_a_folder_of_the_job_is_passed_over(agent: Agent, name: str) -> None:
    agent.program("place/deep")
    (agent.root / "link").symlink_to("place")
    passes_over(agent, agent.run("place/deep", env={name: str(agent.root / "link")}), "place")


def test_a_python_in_the_working_directory_is_passed_over_whatever_variables_say(agent: Agent) -> None:
    agent.program("work/1/s/bin")
    env = dict.fromkeys(JOB_FOLDERS, "/nowhere") | {"BUILD_SOURCESDIRECTORY": "/", "PIPELINE_WORKSPACE": ""}
    passes_over(agent, agent.run("work/1/s/bin", env=env), "work/1/s")


def test_a_python_is_where_its_links_lead(agent: Agent) -> None:
    agent.program("work/1/s/bin")
    (agent.root / "folder").symlink_to("work/1/s/bin")
    (agent.root / "file").mkdir()
    (agent.root / "file" / "python3").symlink_to("../work/1/s/bin/python3")
    for place in ("folder", "file"):
        passes_over(agent, agent.run(place), "work/1/s")


def test_an_environment_in_the_sources_is_passed_over_for_the_python_it_was_made_of(agent: Agent) -> None:
    """Its pyvenv.cfg says where the standard library is."""
    agent.program("a", f"{BEGIN} echo done")
    (agent.sources / "venv" / "bin").mkdir(parents=True)
    (agent.sources / "venv" / "bin" / "python3").symlink_to(agent.root / "a" / "python3")
    end = agent.run("work/1/s/venv/bin", "a")
    assert (len(end.debug), end.lines[-1], agent.starts()) == (1, "done", ["a/python3"])


def test_a_launcher_and_the_tools_in_the_sources_are_passed_over_too(agent: Agent) -> None:
    agent.program("place", name="py.exe")
    agent.program("place/tools/Python/3.12.1/x64", name="python.exe")
    place = str(agent.root / "place")
    env = {"PATH": place, "AGENT_TOOLSDIRECTORY": f"{place}/tools", "BUILD_SOURCESDIRECTORY": place}
    end = agent.run_as("win32", env)
    assert (agent.starts(), len(end.debug)) == ([], 2)


def test_a_relative_tool_directory_is_none(agent: Agent) -> None:
    agent.program("work/1/s/tools/Python/3.12.1/x64", name="bin/python3")
    end = agent.run(env={"AGENT_TOOLSDIRECTORY": "tools"})
    assert end.debug == ["The tool directory tools is passed over: its path is relative"]
    assert (agent.starts(), end.lines[-1]) == ([], FAILED)


def test_in_the_agents_work_folder_only_the_tools_are_taken(tmp_path: Path) -> None:
    """The task knows that folder by its own place, which no step can change."""
    agent = Agent(tmp_path, "work/_tasks/PipAuthenticate_0/1.0.0")
    for place in ("work/_temp", "work/2/s"):
        agent.program(place)
    agent.program("work/_tool/Python/3.12.1/x64", name="bin/python3")
    env = {name: str(tmp_path / "work" / "1") for name in JOB_FOLDERS}
    end = agent.run(
        "work/_temp", "work/2/s", env={**env, "AGENT_TOOLSDIRECTORY": str(tmp_path / "work/_tool")}
    )
    assert agent.starts() == ["work/_tool/Python/3.12.1/x64/bin/python3"]
    assert len(end.debug) == 3


def test_many_pythons_of_the_job_do_not_fill_the_error(agent: Agent) -> None:
    places = [f"work/1/s/{number}" for number in range(40)]
    for place in places:
        agent.program(place)
    end = agent.run(*places)
    assert "; 28 more." in end.issues[0]


# ---- a Python that is none ---------------------------------------------------------------------------

ENDS = [
    *(f"exit {code}" for code in (0, 1, 3, 5, 85, 87, 88, 255)),
    *(f"kill -{name} $$" for name in ("KILL", "SEGV", "INT", "TERM")),
]


@pytest.mark.parametrize("script", ENDS)
def test_what_ends_before_it_begins_ends_nothing_else(agent: Agent, script: str) -> None:
    agent.program("a", f"echo no such version >&2; {script}")
    agent.program("b", f"{BEGIN} echo done")
    end = agent.run("a", "b")
    assert (end.code, end.lines[1:], agent.starts()[-1]) == (0, ["done"], "b/python3")
    assert end.debug[0].startswith(f"{agent.root}/a/python3 is passed over: ")


def test_each_reason_is_in_the_error(agent: Agent) -> None:
    agent.program("a", "exit 1")
    agent.program("b", "kill -KILL $$")
    agent.program("c", "exit 0")
    issue = agent.run("a", "b", "c").issues[0]
    assert "a/python3 (ended with exit code 1 before it began)" in issue
    assert "b/python3 (was ended by the signal SIGKILL before it began)" in issue
    assert "c/python3 (ended with exit code 0 before it began)" in issue


def test_a_broken_environment_does_not_stand_for_the_python_it_was_made_of(
    task: Task, tmp_path: Path
) -> None:
    python = pythons()[0]
    subprocess.run([python, "-m", "venv", "--without-pip", tmp_path / "venv"], check=True, timeout=60)
    (tmp_path / "venv" / "pyvenv.cfg").write_text("home = /no/such/place\n")
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "python3").symlink_to(python)
    path = f"{tmp_path / 'venv' / 'bin'}:{tmp_path / 'a'}"
    run = task.run_shim(environment(connections=[CONNECTION], PATH=path))
    assert run.result == "Succeeded"
    assert run.variables


def test_a_wrapper_that_closes_the_way_to_say_so_is_no_hindrance(task: Task, tmp_path: Path) -> None:
    executable(tmp_path / "a" / "python3", f'#!{BASH}\nexec 3>&-\nexec {pythons()[0]} "$@"\n')
    run = task.run_shim(environment(connections=[CONNECTION], PATH=str(tmp_path / "a")))
    assert run.succeeded()
    assert run.variables


# ---- a Python that hangs -----------------------------------------------------------------------------


def hanging(agent: Agent, *places: str, start: float, search: float, limit: float = 300) -> End:
    """Run the shim with these folders on PATH and bounds in seconds."""
    env = json.dumps({"PATH": agent.path(*places)})
    script = f"require('./shim.js').run('linux', {env}, {{ start: {start}, search: {search}, run: {limit} }})"
    return shim.run([ANY_NODE, "-e", script], {}, agent.task)


def is_alive(file: Path) -> bool:
    """Whether a process whose number a file holds is there; a dead one that nobody has asked for is not."""
    try:
        stat = Path("/proc", file.read_text().strip(), "stat").read_text()
    except FileNotFoundError:
        return False
    return stat.rpartition(") ")[2][0] != "Z"


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="asks Linux which processes are there")
def test_a_python_that_hangs_is_ended_with_all_it_started(agent: Agent, tmp_path: Path) -> None:
    agent.program("a", f"trap '' TERM INT; {SLEEP} 60 & echo $! >{tmp_path}/pid; wait")
    agent.program("b", f"{BEGIN} {SLEEP} 1.5; echo done")
    end = hanging(agent, "a", "b", start=0.7, search=60)
    assert (end.code, end.lines[1:]) == (0, ["done"])
    assert end.debug == [f"{agent.root}/a/python3 is passed over: did not begin within 1 seconds"]
    assert not is_alive(tmp_path / "pid")


def test_a_task_that_computes_without_end_is_ended_with_both_variables_empty(agent: Agent) -> None:
    agent.program("a", f"{BEGIN} {SLEEP} 60")
    end = hanging(agent, "a", start=20, search=60, limit=1)
    assert end.code == 0
    emptied = [line for line in end.lines if "task.setvariable" in line]
    assert emptied == [
        f"##vso[task.setvariable variable={name};issecret=false;]"
        for name in ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL")
    ]
    assert "did not end within 1 seconds" in end.issues[0]
    assert "##vso[task.complete result=Failed;]" in end.out


def test_the_whole_search_is_bounded(agent: Agent) -> None:
    places = [f"p{number}" for number in range(8)]
    for place in places:
        agent.program(place, f"{SLEEP} 60")
    began = time.monotonic()
    end = hanging(agent, *places, start=0.6, search=1.4)
    assert time.monotonic() - began < 10
    assert len(agent.starts()) == 3
    assert end.lines[-1] == FAILED
    assert "p2/python3 (did not begin within 1 seconds)" in end.issues[0]


# ---- a run that ends otherwise -----------------------------------------------------------------------


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="asks Linux for a process's children")
def test_a_killed_python_leaves_no_variable(task: Task, hosted: Organisation) -> None:
    """As when memory runs out: what it has set by then is not known."""
    hosted.service.routes[hosted.area_route] = lambda _: Answer(delay=20)
    env = environment(feeds="f", organisation=hosted, PIP_EXTRA_INDEX_URL="https://own.example/simple")
    process = started(task, env)
    while not hosted.questions:
        time.sleep(0.01)
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    os.kill(int(children[0]), signal.SIGKILL)
    run = ended(process, env)
    assert (run.code, run.result) == (0, "Failed")
    assert run.variables == {"PIP_INDEX_URL": "", "PIP_EXTRA_INDEX_URL": ""}


def test_a_command_cut_in_half_does_not_swallow_the_ones_that_empty(agent: Agent) -> None:
    agent.program(
        "a", f"{BEGIN} printf '##vso[task.setvariable variable=PIP_INDEX_URL]https://u:to'; kill -9 $$"
    )
    lines = agent.run("a").lines
    assert lines[1:3] == SET_BOTH_EMPTY
    assert lines[-1] == FAILED


def test_what_a_dead_wrapper_leaves_running_says_nothing_more(agent: Agent) -> None:
    late = f"({SLEEP} 1; echo '##vso[task.setvariable variable=PIP_INDEX_URL]late') & exit 1"
    agent.program("a", f"{BEGIN} {late}")
    agent.program("b", late)
    for place in ("a", "b"):
        end = agent.run(place)
        assert end.lines[-1] == FAILED
        assert "late" not in end.out


def test_output_that_python_could_not_write_fails_the_process_too(agent: Agent) -> None:
    agent.program("a", f"{BEGIN} exit 3")
    agent.program("b")
    end = agent.run("a", "b")
    assert (end.code, agent.starts()) == (1, ["a/python3"])
    assert end.lines == ["", *SET_BOTH_EMPTY, f"{ISSUE}{end.issues[0]}", FAILED]


FULL = pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")


@FULL
@pytest.mark.parametrize("script", ["exit 1", f"{BEGIN} exit 1", f"{BEGIN} exit 3"])
def test_a_full_output_is_no_success(agent: Agent, script: str) -> None:
    agent.program("a", script)
    with Path("/dev/full").open("wb") as full:
        command = [ANY_NODE, agent.task / "shim.js"]
        process = subprocess.run(
            command,
            env={"PATH": agent.path("a")},
            stdout=full,
            stderr=subprocess.PIPE,
            timeout=30,
            check=False,
        )
    assert (process.returncode, process.stderr) == (1, b"")


@pytest.mark.parametrize("script", [f"{SLEEP} 0.2; exit 1", f"{BEGIN} {SLEEP} 0.2; exit 1"])
def test_an_output_that_nobody_reads_is_no_success(agent: Agent, script: str) -> None:
    agent.program("a", script)
    env = {"PATH": agent.path("a")}
    command = [ANY_NODE, agent.task / "shim.js"]
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout
        process.stdout.close()
        assert process.wait(30) == 1
        assert process.stderr
        assert process.stderr.read() == b""


def test_a_closed_output_is_no_success_and_starts_nothing(agent: Agent) -> None:
    agent.program("a", BEGIN)
    command = ["/bin/sh", "-c", f"exec '{ANY_NODE}' '{agent.task / 'shim.js'}' >&-"]
    process = subprocess.run(command, env={"PATH": agent.path("a")}, timeout=30, check=False)
    assert (process.returncode, agent.starts()) == (1, [])


def test_pythons_output_waits_for_a_slow_agent(agent: Agent) -> None:
    """Where Node had touched the pipe, a Python's write to a full one would fail instead."""
    script = "import os; os.write(3, b'.'); print(os.get_blocking(1), flush=True)"
    agent.program("a", "exit 1")
    executable(agent.root / "b" / "python3", f"#!{sys.executable}\n{script}\n")
    assert agent.run("a", "b").lines[-1] == "True"


# ---- a cancel during the start -----------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_cancel_ends_what_has_not_begun_and_starts_nothing_else(
    agent: Agent, number: signal.Signals
) -> None:
    agent.program("a", f"trap '' INT TERM; echo ready; {SLEEP} 60; {SLEEP} 60")
    agent.program("b")
    env = {"PATH": agent.path("a", "b"), "PIP_INDEX_URL": "https://own.example/"}
    command = [ANY_NODE, agent.task / "shim.js"]
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout
        assert process.stdout.readline() == b"ready\n"
        process.send_signal(number)
        out, err = process.communicate(timeout=10)
    assert (process.returncode, out.decode().splitlines(), err) == (0, ["", CANCELED], b"")
    assert agent.starts() == ["a/python3"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("delay", range(0, 150, 10))
def test_a_cancel_at_any_moment_of_the_start_is_said_without_a_traceback(
    task: Task, number: signal.Signals, delay: int
) -> None:
    env = environment(connections=[CONNECTION])
    process = started(task, env)
    time.sleep(delay / 1000)
    process.send_signal(number)
    run = ended(process, env)
    assert run.err == ""
    if run.code == -number:
        # Node itself was starting, or had nothing more to do: out of the task's reach.
        assert run.lines == [] or run.summary.startswith("Successfully added auth")
    else:
        assert (run.code, run.result) in {(0, "Canceled"), (0, "Succeeded")}
        assert any(run.variables.values()) == (run.result == "Succeeded")


def started(task: Task, env: dict[str, str]) -> "subprocess.Popen[bytes]":
    command = [ANY_NODE, task.folder / "shim.js"]
    return subprocess.Popen(command, env=env, cwd=task.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def ended(process: "subprocess.Popen[bytes]", env: dict[str, str]) -> Run:
    out, err = process.communicate(timeout=15)
    return result_of(out, err, process.returncode, 0, env)
