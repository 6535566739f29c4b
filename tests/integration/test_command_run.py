"""The command run: its program is started, fares and ends as if nothing stood in between."""

import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from azure_devops_emulator import Organization, Service
from support.command import COMMAND, Command
from support.patience import until
from support.terminal import Terminal

CANARY = "run-canary-7f3a9c"
URL = "https://pkgs.dev.azure.com/contoso/_packaging/feed/pypi/simple/"
PYTHON = [sys.executable, "-I", "-S", "-c"]
SECONDS = 30
ORGANIZATION = Path(__file__).parents[2] / "emulator" / "tests" / "data" / "organizations" / "contoso.toml"
READER = "canary-rita"
linux = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


@pytest.fixture
def command(tmp_path: Path) -> Command:
    one = Command(tmp_path)
    (tmp_path / "tmp").mkdir()
    tmp_path.chmod(0o700)
    one.environ |= {
        "TMPDIR": str(tmp_path / "tmp"),
        "PIP_AUTHENTICATE_TOKEN": CANARY,
        "PIP_AUTHENTICATE_CLIENT": "pip",
        "PIP_AUTHENTICATE_VIA": "files",
        "TERM": "dumb",
    }
    return one


def left(command: Command) -> list[str]:
    """What is in the folder for temporary files."""
    return sorted(path.name for path in Path(command.environ["TMPDIR"]).iterdir())


def state(pid: int) -> str:
    """The state of a process, as Linux tells it: R, S, T ..., or empty where there is none."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    except OSError:
        return ""


class Running:
    """A run whose program has said its number and waits.

    Args:
        command: starts it.
        code: Python that the program runs after it has said its number.
    """

    def __init__(self, command: Command, code: str = "time.sleep(60)", *more: str) -> None:
        text = (
            f"import os, signal, sys, time; print(os.getpid(), os.environ.get('NETRC'), flush=True); {code}"
        )
        self.process = subprocess.Popen(
            [COMMAND, "run", "--quiet", *more, URL, "--", *PYTHON, text],
            env=command.environ,
            cwd=command.project,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            # A group of its own, whose leader has a parent outside: in an orphaned one nothing can be stopped
            # (POSIX.1, Orphaned Process Group), and so a test run without a terminal may be.
            preexec_fn=os.setpgrp,  # noqa: PLW1509 - no threads here
        )
        assert self.process.stdout
        number, self.netrc = self.process.stdout.readline().split()
        self.child = int(number)

    def line(self) -> str:
        """What the program says next."""
        assert self.process.stdout
        return self.process.stdout.readline().strip()

    def end(self) -> int:
        """Wait for the end; the exit code, or the number of a signal as a negative one."""
        self.process.communicate(timeout=SECONDS)
        return self.process.returncode


# ---- how it ends ------------------------------------------------------------------------------------


@pytest.mark.parametrize("via", ["files", "env"])
@pytest.mark.parametrize("code", [0, 1, 3, 126, 127, 128, 255])
def test_the_exit_code_is_that_of_the_program(command: Command, code: int, via: str) -> None:
    ended = command("run", "--via", via, URL, "--", "sh", "-c", f"exit {code}")
    assert ended.returncode == code
    assert left(command) == []


@pytest.mark.parametrize("name", ["TERM", "KILL", "SEGV", "INT", "HUP", "PIPE", "USR1"])
def test_a_signal_that_ends_the_program_ends_the_run(command: Command, name: str) -> None:
    ended = command("run", "-q", URL, "--", "sh", "-c", f"kill -{name} $$")
    assert ended.returncode == -signal.Signals[f"SIG{name}"]
    assert left(command) == []
    assert ended.stderr == ""


def test_a_program_that_is_not_there(command: Command) -> None:
    ended = command("run", URL, "--", "no-such-program", "--option")
    assert (ended.returncode, ended.stdout) == (127, "")
    assert (
        ended.stderr == "pip-authenticate: error: no-such-program was not found: check its name, and PATH.\n"
    )


@pytest.mark.parametrize(
    ("mode", "content"), [(0o644, "echo ran\n"), (0o755, "#!/no/such/interpreter\n"), (0o755, "#!/\n")]
)
def test_a_file_that_cannot_be_run(command: Command, mode: int, content: str) -> None:
    file = command.project / "tool"
    file.write_text(content, encoding="utf-8")
    file.chmod(mode)
    ended = command("run", "-q", URL, "--", "./tool")
    assert (ended.returncode, ended.stdout) == (126, "")
    assert re.fullmatch(r"pip-authenticate: error: ./tool [^\n]+\.\n", ended.stderr)
    assert left(command) == []


def test_a_folder_is_no_program(command: Command) -> None:
    assert command("run", URL, "--", "/").returncode == 126


def test_a_script_without_a_first_line_is_run_by_the_shell(command: Command) -> None:
    file = command.project / "script"
    file.write_text('echo "$1 and $#"\n', encoding="utf-8")
    file.chmod(0o755)
    ended = command("run", "-q", URL, "--", "./script", "a b", "c")
    assert ended.stdout == "a b and 2\n"


def test_without_a_program_the_usage_is_wrong(command: Command) -> None:
    for arguments in (["run"], ["run", URL], ["run", URL, "--"]):
        ended = command(*arguments)
        assert ended.returncode == 2
        assert ended.stderr.startswith("pip-authenticate: error: ")
        assert "behind --, as in -- uv sync" in ended.stderr


# ---- what passes through ----------------------------------------------------------------------------


def test_arguments_and_streams_pass_through(command: Command) -> None:
    code = (
        "import sys; data = sys.stdin.buffer.read(); sys.stdout.buffer.write(data * 3); "
        "print(sys.argv[1:], file=sys.stderr)"
    )
    ended = command("run", "-q", URL, "--", *PYTHON, code, "--", "-x", "a b", "", typed="x" * 1_000_000)
    assert ended.stdout == "x" * 3_000_000
    assert ended.stderr == "['--', '-x', 'a b', '']\n"


def test_a_reader_that_goes_away_ends_the_program_as_ever(command: Command) -> None:
    script = f"{COMMAND} run -q {URL} -- yes | head -n 1; echo ${{PIPESTATUS[0]}}"
    ended = subprocess.run(
        ["bash", "-c", script],
        env=command.environ,
        cwd=command.project,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert ended.stdout.split() == ["y", "141"]
    assert left(command) == []


@pytest.mark.parametrize("name", ["HUP", "INT", "QUIT"])
def test_what_the_caller_ignores_the_program_ignores(command: Command, name: str) -> None:
    inner = f"kill -{name} $$; echo survived"
    script = f"trap '' {name}; exec {COMMAND} run -q {URL} -- sh -c '{inner}'"
    ended = subprocess.run(
        ["sh", "-c", script],
        env=command.environ,
        cwd=command.project,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert ended.stdout == "survived\n"


# ---- signals ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["TERM", "HUP", "INT", "QUIT", "USR1", "USR2", "ALRM"])
def test_a_signal_to_the_run_reaches_the_program_once(command: Command, name: str) -> None:
    number = signal.Signals[f"SIG{name}"]
    code = (
        f"got = []; signal.signal({int(number)}, lambda *_: got.append(1)); print('ready', flush=True); "
        "time.sleep(0.5); print('got', len(got), flush=True); sys.exit(5)"
    )
    run = Running(command, code)
    assert run.line() == "ready"
    run.process.send_signal(number)
    assert run.line() == "got 1"
    assert run.end() == 5
    assert left(command) == []


@pytest.mark.parametrize("name", ["TERM", "HUP", "INT", "QUIT"])
def test_files_are_gone_after_a_signal(command: Command, name: str) -> None:
    number = signal.Signals[f"SIG{name}"]
    run = Running(
        command, f"signal.signal({int(number)}, signal.SIG_DFL); print('ready', flush=True); time.sleep(60)"
    )
    assert run.line() == "ready"
    assert Path(run.netrc).is_file()
    run.process.send_signal(number)
    assert run.end() == -number
    assert left(command) == []


@linux
def test_a_stop_of_the_run_stops_the_program_and_both_go_on(command: Command) -> None:
    run = Running(command, "print('still', sys.stdin.readline(), flush=True)")
    run.process.send_signal(signal.SIGTSTP)
    until(lambda: state(run.child) == "T", SECONDS)
    until(lambda: state(run.process.pid) == "T", SECONDS)
    run.process.send_signal(signal.SIGCONT)
    until(lambda: state(run.child) == "S", SECONDS)
    out, _ = run.process.communicate("here\n", timeout=SECONDS)
    assert out.strip() == "still here"
    assert run.process.returncode == 0


def watcher(run: Running) -> int:
    """The shell that waits to remove what a run would leave."""
    children = Path(f"/proc/{run.process.pid}/task/{run.process.pid}/children").read_text(encoding="utf-8")
    (number,) = {int(child) for child in children.split()} - {run.child}
    return number


@linux
def test_what_a_killed_run_leaves_is_removed_when_its_program_has_ended(command: Command) -> None:
    run = Running(command)
    folder, waiting = Path(run.netrc).parent, watcher(run)
    assert CANARY.encode() not in Path(f"/proc/{waiting}/environ").read_bytes()
    run.process.kill()
    run.process.wait(SECONDS)
    time.sleep(0.2)
    assert folder.is_dir(), "its program still lives"
    os.kill(run.child, signal.SIGKILL)
    until(lambda: left(command) == [], SECONDS)
    until(lambda: state(waiting) in {"", "Z"}, SECONDS)
    run.process.communicate(timeout=SECONDS)


@linux
def test_nobody_is_left_to_watch_after_a_run(command: Command) -> None:
    run = Running(command, "time.sleep(0.5)")
    waiting = watcher(run)
    run.process.communicate(timeout=SECONDS)
    assert state(waiting) == ""


@linux
def test_what_a_killed_container_leaves_is_removed_by_a_later_run(command: Command) -> None:
    run = Running(command)
    folder = Path(run.netrc).parent
    os.kill(watcher(run), signal.SIGKILL)
    run.process.kill()
    run.process.wait(SECONDS)
    os.utime(folder, (0, 0))
    assert command("run", "-q", URL, "--", "true").returncode == 0
    assert folder.is_dir(), "its program still lives"
    os.kill(run.child, signal.SIGKILL)
    until(lambda: not state(run.child) or state(run.child) == "Z", SECONDS)
    run.process.communicate(timeout=SECONDS)
    assert command("run", "-q", URL, "--", "true").returncode == 0
    assert left(command) == []


def test_a_later_run_touches_nothing_that_is_not_its_own(command: Command, tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "file").touch()
    link = Path(command.environ["TMPDIR"], "pip-authenticate-run-0000")
    link.symlink_to(precious)
    other = Path(command.environ["TMPDIR"], "pip-authenticate-1111")
    other.mkdir(mode=0o700)
    for path in (precious, other):
        os.utime(path, (0, 0))
    run = Running(command)
    os.utime(Path(run.netrc).parent, (0, 0))
    assert command("run", "-q", URL, "--", "true").returncode == 0
    assert Path(run.netrc).is_file()
    run.process.terminate()
    run.end()
    assert left(command) == [other.name, link.name]
    assert (precious / "file").exists()


# ---- a terminal -------------------------------------------------------------------------------------


@contextmanager
def in_shell(command: Command) -> Iterator[Terminal]:
    """An interactive shell, in a terminal of its own."""
    terminal = Terminal(["/bin/bash", "--norc", "--noprofile", "-i"], command.project, command.environ)
    with closing(terminal):
        terminal.type("PS1='prom''pt: '; unset HISTFILE\n")
        terminal.wait_for("prompt: ")
        yield terminal


def test_the_interrupt_key_interrupts_the_program_once(command: Command) -> None:
    code = (
        "import signal, time; got = []; signal.signal(signal.SIGINT, lambda *_: got.append(1)); "
        "print('rea' + 'dy', flush=True); time.sleep(1); time.sleep(0.5); print('times', len(got))"
    )
    (command.project / "program.py").write_text(code, encoding="utf-8")
    with in_shell(command) as terminal:
        terminal.type(f"{COMMAND} run -q {URL} -- {sys.executable} -I program.py; echo code $?\n")
        terminal.wait_for("ready")
        terminal.type("\x03")
        terminal.wait_for("times 1\r\n")
        terminal.wait_for("code 0")
    assert left(command) == []


@pytest.mark.parametrize(("key", "code"), [("\x03", 130), ("\x1c", 131)])
def test_a_key_that_ends_the_program_ends_the_run(command: Command, key: str, code: int) -> None:
    with in_shell(command) as terminal:
        terminal.type(f"{COMMAND} run -q {URL} -- sh -c 'echo rea''dy; exec sleep 60'; echo code $?\n")
        terminal.wait_for("ready")
        terminal.type(key)
        if key == "\x1c":  # bash goes on with the list after a quit only
            terminal.wait_for(f"code {code}")
        else:
            terminal.wait_for("prompt: ")
            terminal.type("echo code $?\n")
            terminal.wait_for(f"code {code}")
    assert left(command) == []


@linux
def test_the_stop_key_stops_the_job_and_fg_brings_it_back(command: Command) -> None:
    with in_shell(command) as terminal:
        terminal.type(
            f"{COMMAND} run -q {URL} -- sh -c 'echo number $$; read line; echo got $line'; echo code $?\n"
        )
        child = int(terminal.wait_for(r"number (\d+)")[1])
        terminal.type("\x1a")
        terminal.wait_for("Stopped")
        terminal.wait_for("code 148")
        assert state(child) == "T"
        terminal.type("fg\n")
        terminal.wait_for(r"fg\r\n.*run -q")
        until(lambda: state(child) == "S", SECONDS)
        terminal.type("a line\n")
        terminal.wait_for("got a line")
        terminal.wait_for("prompt: ")
    assert left(command) == []


@linux
def test_a_program_that_ignores_the_stop_key_keeps_the_terminal(command: Command) -> None:
    with in_shell(command) as terminal:
        terminal.type(
            f"{COMMAND} run -q {URL} -- sh -c 'trap \"\" TSTP; echo rea''dy; read line; echo got $line'\n"
        )
        terminal.wait_for("ready")
        terminal.type("\x1a")
        terminal.type("a line\n")
        terminal.wait_for("got a line")
        terminal.wait_for("prompt: ")
        assert "Stopped" not in terminal.seen
    assert left(command) == []


@linux
def test_a_job_in_the_background_that_reads_is_stopped(command: Command) -> None:
    with in_shell(command) as terminal:
        terminal.type(
            f"{COMMAND} run -q {URL} -- sh -c 'echo numbers $$ $PPID; read line; echo got $line' &\n"
        )
        child, run = map(int, terminal.wait_for(r"numbers (\d+) (\d+)").groups())
        until(lambda: state(child) == state(run) == "T", SECONDS)
        terminal.type("\n")
        terminal.wait_for("Stopped")
        terminal.type("fg\n")
        until(lambda: state(child) == "S", SECONDS)
        terminal.type("a line\n")
        terminal.wait_for("got a line")
    until(lambda: left(command) == [], SECONDS)


def test_a_terminal_that_is_closed_ends_all(command: Command) -> None:
    with in_shell(command) as terminal:
        terminal.type(f"{COMMAND} run -q {URL} -- sh -c 'echo number $$; exec sleep 60'\n")
        terminal.wait_for(r"number (\d+)")
        assert left(command) != []
        terminal.hang_up()
        until(lambda: left(command) == [], SECONDS)


def test_the_program_sees_the_terminal(command: Command) -> None:
    with in_shell(command) as terminal:
        terminal.type(
            f"{COMMAND} run -q {URL} -- {sys.executable} -I -c "
            "'import os; print(*map(os.isatty, range(3)), os.tcgetpgrp(0) == os.getpgrp())'\n"
        )
        terminal.wait_for("True True True True\r\n")


# ---- where the secret is ----------------------------------------------------------------------------


NEIGHBOURS = """
import os
for number in filter(str.isdigit, os.listdir('/proc')):
    try:
        with open(f'/proc/{number}/cmdline', 'rb') as file:
            print('argv', file.read())
    except OSError:
        pass
for variables in open('/proc/self/environ', 'rb'), :
    print('environ', variables.read())
print('places', *(os.path.dirname(value) for value in os.environ.values() if value.endswith('netrc')))
"""


@linux
def test_by_files_no_variable_and_no_argument_holds_the_secret(command: Command) -> None:
    basic = "YnVpbGQ6cnVuLWNhbmFyeS03ZjNhOWM="  # build:run-canary-7f3a9c
    ended = command(
        "run", "-q", URL, "--", *PYTHON, NEIGHBOURS,
        SYSTEM_ACCESSTOKEN=CANARY, MY_PAT=CANARY, HEADER=f"Authorization: Basic {basic}",
        PIP_EXTRA_INDEX_URL=f"https://x:{CANARY}@one.example/simple https://two.example/simple",
        UV_INDEX_OURS_PASSWORD=CANARY, OTHER="stays", HTTPS_PROXY="http://u:proxy-password@proxy.example",
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    assert CANARY not in ended.stdout
    assert basic not in ended.stdout
    assert "PIP_AUTHENTICATE_TOKEN=" not in ended.stdout
    assert "PIP_EXTRA_INDEX_URL=https://one.example/simple https://two.example/simple" in ended.stdout
    assert "OTHER=stays" in ended.stdout
    assert "HTTPS_PROXY=http://u:proxy-password@proxy.example" in ended.stdout
    assert f"PIP_INDEX_URL={URL}" in ended.stdout


def test_by_env_only_the_settings_hold_the_secret(command: Command) -> None:
    ended = command("run", "-q", "--via", "env", URL, "--", "env", MY_PAT=CANARY)
    holding = [line for line in ended.stdout.splitlines() if CANARY in line]
    assert holding == [f"PIP_INDEX_URL={URL.replace('//', f'//build:{CANARY}@')}"]
    assert left(command) == []


def test_the_files_are_private_from_the_start(command: Command) -> None:
    ended = command(
        "run", "-q", URL, "--", "sh", "-c", 'umask; stat -c %a "$NETRC" "$(dirname "$NETRC")"; cat "$NETRC"'
    )
    umask, *modes, content = ended.stdout.splitlines()
    assert int(umask, 8) == 0o22
    assert modes == ["600", "700"]
    assert content.endswith(f"password {CANARY}")


def test_what_the_program_puts_beside_the_files_goes_too(command: Command) -> None:
    script = 'cd "$(dirname "$NETRC")"; mkdir -p a/b; touch a/b/c d; ln -s / e'
    assert command("run", "-q", URL, "--", "sh", "-c", script).returncode == 0
    assert left(command) == []
    assert Path("/").exists()


# ---- which indexes ----------------------------------------------------------------------------------


def test_a_named_index_without_a_credential_is_an_error(command: Command) -> None:
    ended = command("run", URL, "--", "echo", "ran", PIP_AUTHENTICATE_TOKEN="")
    assert (ended.returncode, ended.stdout) == (1, "")
    assert "No credential was found" in ended.stderr


def test_a_found_index_without_a_credential_is_a_warning(command: Command) -> None:
    command.write("requirements.txt", f"-i {URL}\n")
    ended = command("run", "--", "echo", "ran", PIP_AUTHENTICATE_TOKEN="")
    assert (ended.returncode, ended.stdout) == (0, "ran\n")
    assert "warning: No credential for" in ended.stderr


def test_where_nothing_needs_a_credential_the_program_runs(command: Command) -> None:
    ended = command("run", "--", "echo", "ran")
    assert (ended.returncode, ended.stdout) == (0, "ran\n")
    assert ended.stderr == "pip-authenticate: No index needs a credential.\n"
    assert command("run", "-q", "--", "echo", "ran").stderr == ""
    assert left(command) == []


def test_a_folder_in_which_anybody_could_exchange_the_files_is_none_for_them(command: Command) -> None:
    folder = Path(command.environ["TMPDIR"], "shared")
    folder.mkdir()
    folder.chmod(0o777)
    ended = command("run", "-q", URL, "--", "sh", "-c", "echo $NETRC; ls $TMPDIR", TMPDIR=str(folder))
    (netrc,) = ended.stdout.splitlines()
    assert netrc.startswith("/")
    assert not netrc.startswith(str(folder))
    assert not Path(netrc).parent.exists()


# ---- the real pip -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def pip(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The pip of a virtual environment."""
    folder = tmp_path_factory.mktemp("venv")
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True, timeout=120)
    return str(folder / "bin" / "pip")


@pytest.fixture
def server() -> Iterator[Service]:
    with Service(Organization.load(ORGANIZATION), on_premises=True) as service:
        yield service


QUIET_PIP = {
    "PIP_NO_CACHE_DIR": "1",
    "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    "PIP_NO_INPUT": "1",
    "PATH": os.defpath,
}


def files_of(command: Command) -> list[str]:
    """Every file of the home, of the project and of the folder for temporary files."""
    places = (command.home, command.project, Path(command.environ["TMPDIR"]))
    return sorted(str(file) for place in places for file in place.rglob("*"))


@pytest.mark.parametrize(("via", "is_named"), [("files", True), ("files", False), ("env", True)])
def test_pip_installs_and_nothing_is_left(
    command: Command,
    server: Service,
    pip: str,
    via: str,
    is_named: bool,  # noqa: FBT001 - a case
) -> None:
    index = f"{server.collection_uri}_packaging/shared/pypi/simple/"
    command.write("requirements.txt", "Shared==1.0.0\n" + ("" if is_named else f"--index-url {index}\n"))
    before = files_of(command)
    ended = command(
        "run", "--via", via, "--organization", server.collection_uri, *(["shared"] if is_named else []),
        "--", pip, "install", "--force-reinstall", "-r", "requirements.txt",
        PIP_AUTHENTICATE_TOKEN=READER, **QUIET_PIP,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "Successfully installed Shared-1.0.0" in ended.stdout
    assert READER not in ended.stdout + ended.stderr
    assert files_of(command) == before
    refused = command(
        "run", "--", pip, "install", "--force-reinstall", "-r", "requirements.txt", "--index-url", index,
        PIP_AUTHENTICATE_TOKEN="", **QUIET_PIP,
    )  # fmt: skip
    assert refused.returncode != 0, "it needs the credential"


def test_a_requirements_file_that_names_its_index_is_told_to_need_files(
    command: Command, server: Service, pip: str
) -> None:
    index = f"{server.collection_uri}_packaging/shared/pypi/simple/"
    command.write("requirements.txt", f"Shared==1.0.0\n--index-url {index}\n")
    ended = command(
        "run", "--via", "env", "--organization", server.collection_uri, "--", pip, "install",
        "--force-reinstall", "-r", "requirements.txt", PIP_AUTHENTICATE_TOKEN=READER, **QUIET_PIP,
    )  # fmt: skip
    assert ended.returncode != 0, "the warning has lost its reason"
    assert "requirements.txt names its index itself" in ended.stderr
    assert "without --via env" in ended.stderr


@pytest.mark.parametrize("number", range(4))
def test_the_examples_of_the_help_work(command: Command, tmp_path: Path, number: int) -> None:
    told = command("run", "--help").stdout.partition("examples:\n")[2].strip().splitlines()
    assert len(told) == 4
    program, *arguments = shlex.split(re.split(r" {3,}", told[number].strip())[0])
    assert program == "pip-authenticate"
    command.write("requirements.txt", f"--index-url {URL}\n")
    stand_in = tmp_path / "bin" / "pip"
    stand_in.parent.mkdir()
    stand_in.write_text('#!/bin/sh\necho "$*"; env\n', encoding="utf-8")
    stand_in.chmod(0o700)
    ended = command(*arguments, PATH=f"{stand_in.parent}:{os.defpath}", PIP_AUTHENTICATE_VIA="")
    assert ended.returncode == 0, ended.stderr
    line, *variables = ended.stdout.splitlines()
    assert line == " ".join(arguments[arguments.index("--") + 1 :]).partition("pip ")[2].rstrip("'")
    assert any(variable.startswith(("PIP_INDEX_URL=", "NETRC=", "HTTPS_PROXY=")) for variable in variables)
