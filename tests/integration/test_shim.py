"""The task's shim under every real Node that is here, with small programs in Python's place."""

import hashlib
import json
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from support.shim import (
    ANY_NODE,
    BEGIN,
    CANCELED,
    FAILED,
    ISSUE,
    NODES,
    SET_BOTH_EMPTY,
    SHIM,
    TASK,
    Agent,
    executable,
    run,
)


@pytest.fixture
def agent(tmp_path: Path) -> Agent:
    return Agent(tmp_path)


@pytest.fixture(params=NODES, ids=lambda file: file.parent.parent.name)
def node(request: pytest.FixtureRequest) -> Path:
    chosen: Path = request.param
    return chosen


# ---- the start -----------------------------------------------------------------------------------


def test_a_real_node_is_here() -> None:
    assert NODES


def test_starts_python_once_and_isolated_and_says_nothing_itself(agent: Agent, node: Path) -> None:
    agent.program("a", BEGIN + "echo said by Python")
    agent.program("b", BEGIN + "echo never said")
    end = agent.run("a", "b", node=node)
    assert (end.code, end.out, end.err) == (0, "said by Python\n", "")
    assert agent.starts() == ["a/python3"]
    assert agent.arguments() == f"-I -S -X utf8 -u {agent.main} 3"


def test_passes_what_the_task_reads(agent: Agent, node: Path) -> None:
    agent.program("a", BEGIN + 'echo "$INPUT_ARTIFACTFEEDS|$ENDPOINT_URL_SYSTEMVSSCONNECTION|$OWN"')
    env = {
        "INPUT_ARTIFACTFEEDS": "größe, b",
        "ENDPOINT_URL_SYSTEMVSSCONNECTION": "https://x/",
        "OWN": "the machine's",
    }
    end = agent.run("a", node=node, env=env)
    assert end.out == "größe, b|https://x/|the machine's\n"


def test_passes_every_byte_of_both_outputs_and_gives_no_input(agent: Agent, node: Path) -> None:
    agent.program("a", BEGIN + 'read line || echo "größe ✓ 包"; echo "fehler ✗" >&2')
    end = agent.run("a", node=node)
    assert (end.code, end.out, end.err) == (0, "größe ✓ 包\n", "fehler ✗\n")


# ---- the order -----------------------------------------------------------------------------------


def test_goes_through_path_in_order_and_python3_before_python_in_each_folder(agent: Agent) -> None:
    for place in ("b", "a"):
        agent.program(place, name="python")
        agent.program(place, name="python3")
    agent.program("tools/Python/3.12.1/x64", name="bin/python3")
    agent.run("b", "a", env={"AGENT_TOOLSDIRECTORY": str(agent.root / "tools")})
    assert agent.starts() == [
        "b/python3",
        "b/python",
        "a/python3",
        "a/python",
        "tools/Python/3.12.1/x64/bin/python3",
    ]


def test_looks_only_at_absolute_folders_of_path(agent: Agent) -> None:
    agent.program("sources")
    agent.program("sources/task")
    agent.program("a", BEGIN + "exit 0")
    env = {"PATH": f".::task:{agent.root / 'a'}"}
    end = run([ANY_NODE, agent.task / "shim.js"], env, agent.root / "sources")
    assert (end.code, end.out, agent.starts()) == (0, "", ["a/python3"])


def test_passes_by_what_is_no_program(agent: Agent) -> None:
    agent.program("a").chmod(0o644)
    (agent.root / "b" / "python3").mkdir(parents=True)
    (agent.root / "b" / "python").symlink_to("nowhere")
    agent.program("c", BEGIN + "exit 0")
    end = agent.run("a", "missing", "b", "c")
    assert (end.out, agent.starts()) == ("", ["c/python3"])


def test_tries_the_same_file_once_however_many_names_it_has(agent: Agent) -> None:
    agent.program("a")
    (agent.root / "a" / "python").symlink_to("python3")
    (agent.root / "b").symlink_to("a")
    agent.run("a", "b", "a")
    assert agent.starts() == ["a/python3"]


def test_gives_up_after_eight_starts(agent: Agent) -> None:
    places = [f"p{number}" for number in range(12)]
    for place in places:
        agent.program(place)
    end = agent.run(*places)
    assert agent.starts() == [f"{place}/python3" for place in places[:8]]
    assert end.lines[-1] == FAILED


TOOLS = {
    "3.9.1/x64": True,
    "3.10.2/x64": True,
    "3.13.0/x64": True,
    "3.12.11/x64": True,
    "3.12.9/x64": True,
    "3.14.0-rc.1/x64": True,
    "3.15.0/x64": False,
    "2.7.18/x64": True,
    "4.0.0/x64": True,
    "newest/x64": True,
}


def test_takes_the_newest_of_the_tool_directory_by_number(agent: Agent) -> None:
    for place, finished in TOOLS.items():
        agent.program(f"tools/Python/{place}", name="bin/python3")
        if finished:
            (agent.root / f"tools/Python/{place}.complete").touch()
    agent.run(env={"AGENT_TOOLSDIRECTORY": str(agent.root / "tools")})
    assert [start.split("/")[2] for start in agent.starts()] == [
        "3.13.0",
        "3.12.11",
        "3.12.9",
        "3.10.2",
        "3.14.0-rc.1",  # a preview only for want of a release
        "3.15.0",  # not marked as finished: a last resort
    ]


def test_prefers_the_own_architecture_and_takes_bin_python_too(agent: Agent) -> None:
    own = agent.evaluate("process.arch")
    for place in (f"3.11.4/{own}", "3.11.4/aaa", "3.11.4/zzz"):
        agent.program(f"tools/Python/{place}", name="bin/python")
    agent.run(env={"AGENT_TOOLSDIRECTORY": str(agent.root / "tools")})
    assert [start.split("/")[3] for start in agent.starts()] == [own, "aaa", "zzz"]


def test_knows_no_other_tool_directory_than_the_agents(agent: Agent) -> None:
    agent.program("tools/Python/3.12.1/x64", name="bin/python3")
    end = agent.run(env={"RUNNER_TOOL_CACHE": str(agent.root / "tools")})
    assert (agent.starts(), end.lines[-1]) == ([], FAILED)


# ---- Windows' rules, on this machine's file system -----------------------------------------------

STORE = "Microsoft/WindowsApps"


def test_windows_looks_for_exe_files_then_the_launcher_then_the_tools(agent: Agent) -> None:
    agent.program(STORE, name="python.exe")
    agent.program("a", name="python.exe")
    agent.program("a", name="python3")
    agent.program("windows", name="py.exe")
    agent.program("tools/Python/3.12.1/x64", name="python.exe")
    end = agent.run_as(
        "win32",
        {
            "PATH": f'{agent.root / STORE};"{agent.root / "a"}";{agent.root / "windows"}',
            "AGENT_TOOLSDIRECTORY": str(agent.root / "tools"),
        },
    )
    assert agent.starts() == [
        "a/python.exe",
        f"{STORE}/python.exe",
        "windows/py.exe",
        "tools/Python/3.12.1/x64/python.exe",
    ]
    assert end.lines[-1] == FAILED


def test_windows_store_placeholder_counts_although_nobody_can_look_into_it(agent: Agent) -> None:
    alias = agent.root / STORE / "python.exe"
    alias.parent.mkdir(parents=True)
    alias.symlink_to("not-to-be-seen")
    (agent.root / "a").mkdir()
    (agent.root / "a" / "python.exe").symlink_to("not-to-be-seen")
    env = json.dumps({"PATH": f"{agent.root / 'a'};{alias.parent}"})
    found = agent.evaluate(f"[...python.candidates('win32', {env})].map((one) => one.file)")
    assert found == [str(alias)]


def test_windows_launcher_is_asked_for_python_3_and_may_know_none(agent: Agent) -> None:
    agent.program("windows", "exit 103", name="py.exe")
    agent.program("tools/Python/3.12.1/x64", BEGIN + "echo done", name="python.exe")
    env = {"PATH": str(agent.root / "windows"), "AGENT_TOOLSDIRECTORY": str(agent.root / "tools")}
    end = agent.run_as("win32", env)
    assert agent.starts() == ["windows/py.exe", "tools/Python/3.12.1/x64/python.exe"]
    assert end.lines[-1] == "done"
    agent.program("windows", BEGIN + "exit 0", name="py.exe")
    assert agent.run_as("win32", env).out == ""
    assert agent.arguments() == f"-3 -I -S -X utf8 -u {agent.main} 3"


def test_windows_store_placeholder_ends_with_9009(agent: Agent) -> None:
    assert "9009" in str(agent.evaluate("python.unfitness({ file: 'x' }, { code: 9009, signal: null })"))


# ---- Pythons that do not fit ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (86, "older than Python 3.10"),
        (2, "as Python 2 does"),
        (126, "cannot be run"),
        (127, "runs no Python"),
    ],
)
def test_goes_on_after_a_python_that_does_not_fit(agent: Agent, node: Path, code: int, reason: str) -> None:
    unfit = agent.program("a", f"exit {code}")
    agent.program("b", BEGIN + "echo done")
    end = agent.run("a", "b", node=node)
    assert (end.code, end.err, agent.starts()) == (0, "", ["a/python3", "b/python3"])
    assert len(end.debug) == 1
    assert end.debug[0].startswith(f"{unfit} is passed over: ")
    assert reason in end.debug[0]
    assert end.lines[1:] == ["done"]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("#!/no/such/interpreter\n", "could not be started: ENOENT"),
        ("#!/etc/passwd\n", "could not be started: EACCES"),
        ("\x00\x01\x02", "runs no Python: exit code 127"),  # given to a shell by the C library
    ],
)
def test_goes_on_after_a_python_that_cannot_be_started(
    agent: Agent, node: Path, content: str, reason: str
) -> None:
    executable(agent.root / "a" / "python3", content)
    agent.program("b", BEGIN + "echo done")
    end = agent.run("a", "b", node=node)
    assert (end.code, end.lines[-1]) == (0, "done")
    assert len(end.debug) == 1
    assert end.debug[0].startswith(f"{agent.root}/a/python3 is passed over: {reason}")


def test_says_which_pythons_do_not_fit_and_what_to_add(agent: Agent, node: Path) -> None:
    old = agent.program("a", "exit 86")
    shim = agent.program("b", "exit 127")
    end = agent.run("a", "b", node=node)
    assert (end.code, end.err, len(end.issues), end.lines[-1]) == (0, "", 1, FAILED)
    for part in (
        f"{old} (older than Python 3.10)",
        f"{shim} (runs no Python: exit code 127",
        "- task: UsePythonVersion@0",
        "versionSpec: '3.x'",
        "before this one",
        "container job",
    ):
        assert part in end.issues[0]


@pytest.mark.parametrize("env", [{}, {"PATH": ""}, {"PATH": "/no/such/folder"}])
def test_says_that_there_is_no_python_at_all(agent: Agent, node: Path, env: dict[str, str]) -> None:
    end = run([node, agent.task / "shim.js"], env)
    assert (end.code, end.err) == (0, "")
    assert end.lines == ["", f"{ISSUE}{end.issues[0]}", FAILED]
    assert "None was found. Add this step before this one: `- task: UsePythonVersion@0`" in end.issues[0]


# ---- crashes -------------------------------------------------------------------------------------


STORED = {
    "PIP_INDEX_URL": "https://build:canary@feed.test/größe",
    "PIP_EXTRA_INDEX_URL": "https://u:own@own.test/",
}


def memory(*names: str, **values: str) -> str:
    """What an earlier run leaves for later ones: which variables it set, and the digests of their values."""
    return " ".join(f"{name}={hashlib.sha256(values[name].encode()).hexdigest()}" for name in names)


def test_empties_what_an_earlier_run_stored_even_without_a_python(agent: Agent, node: Path) -> None:
    env = {"PATH": "", **STORED, "SECRET_PIP_AUTHENTICATE_STORED": memory("PIP_INDEX_URL", **STORED)}
    lines = agent.run(node=node, env=env).lines
    assert lines[:2] == ["", SET_BOTH_EMPTY[0]]
    assert not any("PIP_EXTRA_INDEX_URL" in line or "canary" in line for line in lines)


@pytest.mark.parametrize(
    "remembered",
    [
        "",
        memory("PIP_INDEX_URL", PIP_INDEX_URL="https://build:canary@feed.test/other"),
        memory("PIP_INDEX_URL", **STORED).upper(),
        memory("PIP_INDEX_URL", **STORED)[:-1],
        f"{memory('PIP_INDEX_URL', **STORED)}0",
        f"{memory('PIP_INDEX_URL', **STORED)}\n",
        f"{memory('PIP_INDEX_URL', **STORED)} PIP_INDEX_URL={'0' * 64}",
        memory("PIP_CERT", PIP_CERT=STORED["PIP_INDEX_URL"]),
        "##vso[task.complete result=Succeeded;]",
    ],
)
def test_leaves_alone_what_no_earlier_run_stored(agent: Agent, remembered: str) -> None:
    env = {"PATH": "", **STORED, "SECRET_PIP_AUTHENTICATE_STORED": remembered}
    end = agent.run(env=env)
    assert end.lines == ["", f"{ISSUE}{end.issues[0]}", FAILED]


@pytest.mark.parametrize("code", [1, 85, 86, 87, 88, 126, 127, 255])
def test_reports_a_crash_and_starts_nothing_else(agent: Agent, node: Path, code: int) -> None:
    program = agent.program("a", f"{BEGIN} printf 'last words'; exit {code}")
    agent.program("b")
    end = agent.run("a", "b", node=node, env=STORED)
    assert (end.code, end.err, agent.starts()) == (0, "", ["a/python3"])
    assert end.lines == ["last words", *SET_BOTH_EMPTY, f"{ISSUE}{end.issues[0]}", FAILED]
    assert f"{program} ended with exit code {code} " in end.issues[0]
    assert "system.debug" in end.issues[0]


@pytest.mark.parametrize("name", ["SEGV", "KILL", "TERM", "INT"])
def test_reports_a_signal_that_nobody_asked_for_as_a_crash(agent: Agent, node: Path, name: str) -> None:
    agent.program("a", f"{BEGIN} kill -{name} $$")
    end = agent.run("a", node=node)
    assert (end.code, end.lines) == (0, ["", *SET_BOTH_EMPTY, f"{ISSUE}{end.issues[0]}", FAILED])
    assert f"was ended by the signal SIG{name}" in end.issues[0]


def test_says_when_the_machine_cannot_start_anything(agent: Agent) -> None:
    agent.program("a")
    agent.program("b")
    env = f"{{ PATH: {json.dumps(agent.path('a', 'b'))}, LONG: 'x'.repeat(200000) }}"
    end = run([ANY_NODE, "-e", f"require('./shim.js').run('linux', {env})"], {}, agent.task)
    assert (agent.starts(), end.lines) == ([], ["", f"{ISSUE}{end.issues[0]}", FAILED])
    assert "E2BIG" in end.issues[0]


def test_reports_its_own_failure_by_kind_and_place(agent: Agent, node: Path) -> None:
    saboteur = agent.root / "saboteur.js"
    saboteur.write_text(
        "const path = require('path'); const isAbsolute = path.isAbsolute; path.isAbsolute = (folder) => {"
        "if (folder === '/a') throw new RangeError('##vso[x.y]boom\\n##[z]'); return isAbsolute(folder); };"
    )
    end = run([node, "--require", saboteur, agent.task / "shim.js"], {"PATH": "/a"})
    assert (end.code, end.err) == (0, "")
    assert end.lines == ["", f"{ISSUE}{end.issues[0]}", FAILED]
    assert re.search(r"failed: RangeError python\.js:\d+:\d+", end.issues[0])
    assert "boom" not in end.issues[0]


# ---- being asked to stop -------------------------------------------------------------------------

WAITING = """
import os, signal, sys, time
def answer(number, frame):
    os.write(1, b"asked by " + signal.Signals(number).name.encode() + b"\\n")
    {answer}
for number in {handled}:
    signal.signal(number, answer)
os.write(3, b".")
os.write(1, b"ready\\n")
time.sleep(20)
"""


def waiting_python(agent: Agent, answer: str = "pass", handled: str = "()", place: str = "a") -> None:
    """A Python that waits to be asked to stop."""
    script = WAITING.format(answer=answer, handled=handled)
    executable(agent.root / place / "python3", f"#!{sys.executable}\n{script}")


def stop(agent: Agent, number: signal.Signals, node: Path) -> tuple[int, list[str]]:
    """Run the shim with folder a and b on PATH, and ask it to stop once its Python is ready."""
    command = [node, agent.task / "shim.js"]
    env = {"PATH": agent.path("a", "b")}
    with subprocess.Popen(
        command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
        process.send_signal(number)
        out, _ = process.communicate(timeout=30)
        return process.returncode, out.splitlines()


BOTH = pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])


@BOTH
def test_passes_a_signal_on_and_says_that_the_task_was_canceled(
    agent: Agent, node: Path, number: signal.Signals
) -> None:
    waiting_python(agent)
    agent.program("b")
    assert stop(agent, number, node) == (0, ["", *SET_BOTH_EMPTY, CANCELED])
    assert agent.starts() == []


@BOTH
def test_waits_for_a_python_that_cleans_up_and_leaves_the_last_word_to_it(
    agent: Agent, node: Path, number: signal.Signals
) -> None:
    answer = "time.sleep(0.3); os.write(1, b'cleaned up'); sys.exit(0)"
    waiting_python(agent, answer, handled=f"[{int(number)}]")
    assert stop(agent, number, node) == (0, [f"asked by {number.name}", "cleaned up"])


@pytest.mark.parametrize("code", [1, 86, 130])
def test_a_python_that_ends_otherwise_after_being_asked_was_canceled_too(agent: Agent, code: int) -> None:
    waiting_python(agent, f"sys.exit({code})", handled="[signal.SIGINT]")
    agent.program("b")
    assert stop(agent, signal.SIGINT, ANY_NODE) == (0, ["asked by SIGINT", "", *SET_BOTH_EMPTY, CANCELED])
    assert agent.starts() == []


def test_a_crash_after_being_asked_stays_a_crash(agent: Agent) -> None:
    waiting_python(agent, "os.kill(os.getpid(), signal.SIGSEGV); time.sleep(9)", handled="[signal.SIGTERM]")
    code, lines = stop(agent, signal.SIGTERM, ANY_NODE)
    assert (code, lines[:4], lines[-1]) == (0, ["asked by SIGTERM", "", *SET_BOTH_EMPTY], FAILED)
    assert "SIGSEGV" in lines[4]


def test_the_second_signal_is_passed_on_as_well(agent: Agent) -> None:
    waiting_python(agent, handled="[signal.SIGINT]")
    command = [ANY_NODE, agent.task / "shim.js"]
    with subprocess.Popen(
        command, env={"PATH": agent.path("a")}, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGINT)
        assert process.stdout.readline() == "asked by SIGINT\n"
        process.send_signal(signal.SIGTERM)
        assert process.communicate(timeout=30)[0].splitlines() == ["", *SET_BOTH_EMPTY, CANCELED]
        assert process.returncode == 0


# ---- hostile text --------------------------------------------------------------------------------

HOSTILE = [
    "##vso[task.setvariable variable=PIP_INDEX_URL]x%3B",
    "a\n##vso[task.complete result=Succeeded;]b",
    "a\r\n##[error]b",
    "50%0A##vso[x.y]%0D%3B%5D%AZP25%25",
    "](;)",
    "\x1b[31m\u2028größe 包\u202e",
]
COMMANDS = re.compile(r"##vso\[(?:task\.debug|task\.logissue type=error;|task\.complete result=Failed;)\]")


def agent_reads(data: str) -> str:
    """Command data as every agent unescapes it."""
    for written, meant in (("%3B", ";"), ("%0D", "\r"), ("%0A", "\n"), ("%5D", "]")):
        data = data.replace(written, meant)
    return data


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_folder_name_is_shown_as_one_harmless_line(agent: Agent, name: str) -> None:
    agent.program(name)
    end = agent.run(name)
    assert agent.starts()[-1:] == [f"{name}/python3".splitlines()[-1]]
    assert len(end.out.split("\n")) == 5
    assert all(COMMANDS.match(line) and line.count("##") == 1 for line in end.lines if line)
    shown = agent_reads(end.issues[0])
    assert not re.search(r"##(vso)?\[|[\x00-\x1f\u2028\u202e]", shown)
    expected = re.sub("%(0A|0D|3B|5D)", lambda match: match[0].lower(), name.replace("##", "# #"))
    assert not name.isprintable() or expected in shown


def test_properties_are_escaped_too(agent: Agent) -> None:
    assert agent.evaluate("shim.escapeProperty('a]b;c%d\\n%0A')") == "a%5Db%3Bc%d%0A%0a"


# ---- the language --------------------------------------------------------------------------------

NEWER_THAN_ES2018 = {
    "optional chaining": r"\?\.(?!\d)",
    "nullish coalescing": r"\?\?",
    "optional catch binding": r"catch\s*\{",
    "numeric separators": r"\b\d+_\d",
    "private names": r"this\.#|^\s*#\w",
    "static blocks": r"\bstatic\s*\{",
    "big integers": r"\b\d+n\b",
    "newer library": r"\.(?:flat|flatMap|at|matchAll|replaceAll|trimStart|trimEnd|fromEntries|allSettled)\(",
    "newer globals": r"\b(?:globalThis|structuredClone|fetch)\b",
    "newer modules": r"require\('(?:node:|fs/)|\bimport\b",
}


@pytest.mark.parametrize("name", SHIM)
@pytest.mark.parametrize("what", NEWER_THAN_ES2018)
def test_old_nodes_can_read_the_shim(what: str, name: str) -> None:
    code = re.sub(r"^\s*//.*$", "", (TASK / name).read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert not re.search(NEWER_THAN_ES2018[what], code, re.MULTILINE)


def test_the_shim_needs_nothing_but_node() -> None:
    texts = [(TASK / name).read_text(encoding="utf-8") for name in SHIM]
    assert all(code.startswith("'use strict';\n") for code in texts)
    needed = {name for code in texts for name in re.findall(r"require\('([^']*)'\)", code)}
    assert needed == {"child_process", "crypto", "fs", "path", "./python.js", "./output.js"}
    for code in texts:
        assert code.count("require(") == code.count("require('")
        assert "process.exit(" not in code
