"""What every output keeps to."""

import json
import os
import pkgutil
import re
import subprocess
import sys
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import pip_authenticate.outputs
from pip_authenticate import private_files
from pip_authenticate.client_settings import ClientSettings, PrivateFile, Variable
from pip_authenticate.errors import DeliveryError
from pip_authenticate.logging_commands import AzurePipelines
from pip_authenticate.options import OUTPUTS
from pip_authenticate.secret import Secret
from pip_authenticate.surroundings import Output, Surroundings
from support import nasty
from support.agent import MARK, Log
from support.readers import read_cmd, read_github, read_gitlab, read_powershell

VALUE = f"https://user:{nasty.PASSWORD}@h.example/"


def told(value: str) -> ClientSettings:
    return ClientSettings((Variable("PIP_INDEX_URL", Secret(value)),))


class OutputContract(ABC):
    """The contract; a subclass tells how its output is made and read."""

    module: str

    def __init__(self) -> None:
        self.written: list[str] = []

    @abstractmethod
    def output(self, *secret_variables: str) -> AzurePipelines:
        """An output that writes into `written`, where these variables are secret."""

    @abstractmethod
    def variables(self) -> Mapping[str, str]:
        """What later steps would see."""

    @abstractmethod
    def masked(self) -> set[str]:
        """What was registered so far."""


class Contract(ABC):
    """The tests; a subclass names the output's adapter."""

    adapter: type[OutputContract]

    @pytest.fixture
    def one(self) -> OutputContract:
        return self.adapter()

    def test_values_arrive_unchanged(self, one: OutputContract) -> None:
        one.output().set({"PIP_INDEX_URL": Secret(VALUE), "PIP_EXTRA_INDEX_URL": Secret("")}, {})
        assert one.variables() == {"PIP_INDEX_URL": VALUE, "PIP_EXTRA_INDEX_URL": ""}

    def test_secrets_are_registered_as_they_are(self, one: OutputContract) -> None:
        one.output().register([Secret(nasty.PASSWORD), Secret("other")])
        assert {nasty.PASSWORD, "other"} <= one.masked()

    @pytest.mark.parametrize("method", ["line", "debug", "warning", "error"])
    def test_no_message_shows_a_registered_secret(self, one: OutputContract, method: str) -> None:
        output = one.output()
        output.register([Secret("canary-of-an-output")])
        one.written.clear()
        getattr(output, method)("before canary-of-an-output after")
        assert len(one.written) == 1
        assert "canary" not in one.written[0]
        assert "before" in one.written[0]

    @pytest.mark.parametrize("method", ["line", "debug", "warning", "error"])
    @pytest.mark.parametrize("text", [*nasty.COMMANDS, *nasty.LINE_ENDS, "\x1b[2J", "\0"])
    def test_every_message_is_one_harmless_line(self, one: OutputContract, method: str, text: str) -> None:
        getattr(one.output(), method)(f"{text}before{text}after")
        (line,) = one.written
        assert line.isprintable()
        assert MARK not in line[1:]
        assert "##[" not in line
        assert not line.startswith("::")

    def test_a_secret_variable_is_refused_before_anything_is_set(self, one: OutputContract) -> None:
        with pytest.raises(DeliveryError):
            one.output("PIP_INDEX_URL").check(told(VALUE))
        assert one.written == []

    def test_what_is_too_long_is_refused_without_being_shown(self, one: OutputContract) -> None:
        with pytest.raises(DeliveryError) as refused:
            one.output().check(told("canary" * 30_000))
        assert "canary" not in str(refused.value)
        assert one.written == []


class Agent(OutputContract):
    module = "azure_pipelines"

    def output(self, *secret_variables: str) -> AzurePipelines:
        return AzurePipelines(self.written.append, secret_variables=frozenset(secret_variables))

    def variables(self) -> Mapping[str, str]:
        return self.log().variables

    def masked(self) -> set[str]:
        return set(self.log().secrets)

    def log(self) -> Log:
        return Log("\n".join(self.written).split("\n"))


class TestAzurePipelines(Contract):
    adapter = Agent


# ---- outputs of the command -------------------------------------------------------------------------

TRAPS = nasty.PASSWORD + "\n'\"\u2019 x"


def read_sh(written: str, names: list[str], shell: str = "sh") -> dict[str, str]:
    """What a shell has in its variables after it has evaluated lines."""
    shown = " ".join(f'"${{{name}-unset}}"' for name in names)
    script = f"{written}\nprintf '%s\\0' {shown}"
    ended = subprocess.run([shell, "-c", script], capture_output=True, check=True, timeout=30, env={})
    return dict(zip(names, ended.stdout.decode("utf-8", "surrogateescape").split("\0"), strict=False))


class CommandOutput:
    """An output of the command, and what came of it; a subclass says how that is read."""

    module = ""
    traps = TRAPS
    """A value that it must carry."""

    def __init__(self, folder: Path, *, is_terminal: bool = False, shows_secrets: bool = False) -> None:
        self.written: list[str] = []
        self.folder = folder
        self.file = folder / "file"
        around = Surroundings(
            self.environ(),
            self.written.append,
            is_terminal=is_terminal,
            shows_secrets=shows_secrets,
            folder=str(folder / "kept"),
            place=lambda settings: private_files.place(str(folder), settings.files),
        )
        self.output: Output = import_module(f"pip_authenticate.outputs.{self.module}").Output(around)

    def environ(self) -> dict[str, str]:
        return {}

    def read(self, names: list[str]) -> dict[str, str]:
        """The variables of what comes next."""
        raise NotImplementedError

    def deliver(self, *variables: Variable, files: tuple[PrivateFile, ...] = ()) -> dict[str, str]:
        settings = ClientSettings(variables, files)
        self.output.check(settings)
        self.output.deliver(settings)
        names = [*(one.name for one in variables), *(name for file in files for name in file.variables)]
        return self.read(names)


class Sh(CommandOutput):
    module = "sh"

    def read(self, names: list[str]) -> dict[str, str]:
        return read_sh("".join(self.written), names)


class Bash(Sh):
    def read(self, names: list[str]) -> dict[str, str]:
        return read_sh("".join(self.written), names, "bash")


class Json(CommandOutput):
    module = "json"

    def read(self, names: list[str]) -> dict[str, str]:
        del names
        found: dict[str, str] = json.loads("".join(self.written))
        return found


class Github(CommandOutput):
    module = "github"

    def environ(self) -> dict[str, str]:
        return {"GITHUB_ENV": str(self.file), "GITHUB_STEP_SUMMARY": str(self.folder / "summary")}

    def read(self, names: list[str]) -> dict[str, str]:
        del names
        return read_github(self.file.read_bytes().decode("utf-8"))


class CircleCi(CommandOutput):
    module = "circleci"

    def environ(self) -> dict[str, str]:
        return {"BASH_ENV": str(self.file)}

    def read(self, names: list[str]) -> dict[str, str]:
        return read_sh(f". {self.file}", names, "bash")


class AzureScript(CommandOutput):
    module = "azure_pipelines"
    traps = TRAPS.replace("$(", "$ (")  # a macro in a value is refused: the agent would replace it

    def environ(self) -> dict[str, str]:
        return {"TF_BUILD": "True", "AGENT_TEMPDIRECTORY": str(self.folder)}

    def read(self, names: list[str]) -> dict[str, str]:
        del names
        return dict(Log("".join(self.written).split("\n")).variables)


class Fish(CommandOutput):
    """Read by the grammar of fish's single quotes: a backslash escapes itself and the quote."""

    module = "fish"

    def read(self, names: list[str]) -> dict[str, str]:
        pattern = re.compile(r"set -gx (\w+) '((?:[^\\']|\\.)*)'\n", re.DOTALL)
        found = {
            name: re.sub(r"\\([\\'])", r"\1", text) for name, text in pattern.findall("".join(self.written))
        }
        return {name: found[name] for name in names}


class PowerShell(CommandOutput):
    module = "powershell"

    def read(self, names: list[str]) -> dict[str, str]:
        del names
        return read_powershell("".join(self.written))


class Cmd(CommandOutput):
    module = "cmd"
    traps = "p%$()[];@:/?#&+ '|<>^{}~*,=%41%0A"

    def read(self, names: list[str]) -> dict[str, str]:
        del names
        return read_cmd("".join(self.written))


class Dotenv(CommandOutput):
    """Read by a shell, whose single quotes every reader of such files knows."""

    module = "dotenv"
    traps = "p%$()[];@:/?#&+ `|<>^{}~!*,=%41%0Aü€"

    def read(self, names: list[str]) -> dict[str, str]:
        return read_sh("".join(self.written), names)


class Files(CommandOutput):
    """A folder, whose variables a shell reads; another file has them for who reads dotenv."""

    module = "files"
    traps = Dotenv.traps

    def read(self, names: list[str]) -> dict[str, str]:
        told = [read_sh(f". '{self.folder}/kept/variables.{form}'", names) for form in ("sh", "env")]
        assert told[0] == told[1]
        return told[0]


class Gitlab(CommandOutput):
    module = "gitlab"

    def read(self, names: list[str]) -> dict[str, str]:
        del names
        return read_gitlab("".join(self.written))


EVERY = [Sh, Bash, Json, Github, CircleCi, AzureScript, Fish, PowerShell, Cmd, Dotenv, Files]
CARRIERS = [one for one in EVERY if one is not Json]


@pytest.fixture(params=EVERY, ids=lambda one: one.__name__)
def kind(request: pytest.FixtureRequest) -> type[CommandOutput]:
    chosen: type[CommandOutput] = request.param
    return chosen


def test_what_it_is_given_arrives_unchanged(kind: type[CommandOutput], tmp_path: Path) -> None:
    one, values = kind(tmp_path), {"A_1": kind.traps, "B": "", "C": "plain"}
    told = one.deliver(*(Variable(name, Secret(value)) for name, value in values.items()))
    assert told == values


def test_files_are_private_and_their_variables_say_where(kind: type[CommandOutput], tmp_path: Path) -> None:
    file = PrivateFile("netrc", Secret("machine h login u password canary\n"), ("NETRC",))
    one = kind(tmp_path)
    (path,) = one.deliver(files=(file,)).values()
    assert Path(path).read_text() == file.content.reveal()
    assert Path(path).stat().st_mode & 0o777 == 0o600
    assert "canary" not in "".join(one.written)


@pytest.mark.parametrize("adapter", CARRIERS, ids=lambda one: one.__name__)
@pytest.mark.parametrize("name", ["a.b", "a b", "1a", "", "a=b", "a\nb", "ü"])
def test_a_name_that_cannot_be_carried_is_refused(
    adapter: type[CommandOutput], tmp_path: Path, name: str
) -> None:
    one = adapter(tmp_path)
    with pytest.raises(DeliveryError):
        one.output.check(ClientSettings((Variable(name, Secret("canary")),)))
    assert one.written == []
    assert not one.file.exists()


def test_a_zero_byte_is_refused(kind: type[CommandOutput], tmp_path: Path) -> None:
    with pytest.raises(DeliveryError) as refused:
        kind(tmp_path).output.check(ClientSettings((Variable("A", Secret("canary\0")),)))
    assert "canary" not in str(refused.value)


@pytest.mark.parametrize("adapter", [Sh, Json, Fish, PowerShell, Cmd, Dotenv], ids=lambda one: one.__name__)
def test_a_terminal_shows_no_secret_unless_asked(adapter: type[CommandOutput], tmp_path: Path) -> None:
    for shows, expected in ((False, "***"), (True, "canary")):
        one = adapter(tmp_path, is_terminal=True, shows_secrets=shows)
        told = one.deliver(Variable("A", Secret("canary")), Variable("B", Secret("plain"), is_secret=False))
        assert told == {"A": expected, "B": "plain"}


@pytest.mark.parametrize("adapter", [Github, AzureScript], ids=lambda one: one.__name__)
def test_a_terminal_is_no_log_that_could_be_masked(adapter: type[CommandOutput], tmp_path: Path) -> None:
    """Commands for masks hold the secrets themselves."""
    one = adapter(tmp_path, is_terminal=True)
    one.output.register([Secret("canary")])
    assert one.written == []
    asked = adapter(tmp_path, is_terminal=True, shows_secrets=True)
    asked.output.register([Secret("canary")])
    assert "canary" in "".join(asked.written)


def test_commands_of_azure_pipelines_are_not_shown_to_a_person(tmp_path: Path) -> None:
    settings = ClientSettings((Variable("A", Secret("canary")),))
    with pytest.raises(DeliveryError) as refused:
        AzureScript(tmp_path, is_terminal=True).output.check(settings)
    assert "terminal" in refused.value.what
    AzureScript(tmp_path, is_terminal=True, shows_secrets=True).output.check(settings)


@pytest.mark.parametrize("adapter", CARRIERS, ids=lambda one: one.__name__)
def test_what_no_process_could_be_given_is_refused(adapter: type[CommandOutput], tmp_path: Path) -> None:
    one = adapter(tmp_path)
    with pytest.raises(DeliveryError) as refused:
        one.output.check(ClientSettings((Variable("A", Secret("x" * 131_070)),)))
    assert refused.value.slug == "too-long"
    assert "xxx" not in str(refused.value)


@pytest.mark.parametrize("adapter", [Github, CircleCi, AzureScript], ids=lambda one: one.__name__)
def test_where_its_ci_is_not_there_it_refuses(adapter: type[CommandOutput], tmp_path: Path) -> None:
    class Elsewhere(adapter):  # type: ignore[misc, valid-type] # a subclass of each
        def environ(self) -> dict[str, str]:
            return {}

    with pytest.raises(DeliveryError) as refused:
        Elsewhere(tmp_path).output.check(ClientSettings())
    assert refused.value.slug == "no-ci"


def test_github_masks_before_all_else_and_lines_by_themselves(tmp_path: Path) -> None:
    one = Github(tmp_path)
    one.output.register([Secret("first%\nsecond"), Secret("abc"), Secret("first%\nsecond")])
    assert "".join(one.written) == "::add-mask::first%25%0Asecond\n::add-mask::first%25\n::add-mask::second\n"


@pytest.mark.parametrize("name", ["GITHUB_TOKEN", "RUNNER_TEMP", "NODE_OPTIONS", "Node_Options"])
def test_github_refuses_what_the_runner_ignores(tmp_path: Path, name: str) -> None:
    with pytest.raises(DeliveryError):
        Github(tmp_path).output.check(ClientSettings((Variable(name, Secret("x")),)))


def test_no_value_ends_its_own_place_in_githubs_file(tmp_path: Path) -> None:
    value = "x\nghadelimiter_0\nPATH<<y\nevil\ny"
    told = Github(tmp_path).deliver(Variable("A", Secret(value)))
    assert told == {"A": value}


def test_gitlab_gets_no_credential(tmp_path: Path) -> None:
    for settings in (
        ClientSettings((Variable("A", Secret("canary")),)),
        ClientSettings(files=(PrivateFile("netrc", Secret("canary"), ("NETRC",)),)),
    ):
        with pytest.raises(DeliveryError) as refused:
            Gitlab(tmp_path).output.check(settings)
        assert "run" in refused.value.hint
        assert "canary" not in str(refused.value)
    shown = Variable("A", Secret("https://h.example/simple"), is_secret=False)
    assert Gitlab(tmp_path).deliver(shown) == {"A": "https://h.example/simple"}
    for value in ("a b", "'a'", "a\\b", "x" * 5200, "a\nb", "ü"):
        with pytest.raises(DeliveryError):
            Gitlab(tmp_path).output.check(ClientSettings((Variable("A", Secret(value), is_secret=False),)))


def test_gitlab_warns_of_more_variables_than_every_server_takes(tmp_path: Path) -> None:
    many = [Variable(f"A_{number}", Secret("x"), is_secret=False) for number in range(21)]
    assert Gitlab(tmp_path).output.check(ClientSettings(tuple(many[:20]))) == []
    (warning,) = Gitlab(tmp_path).output.check(ClientSettings(tuple(many)))
    assert "21" in warning


def test_a_batch_file_takes_lines_of_a_certain_length(tmp_path: Path) -> None:
    """Of a longer line the rest would be another command."""
    longest = "%" * ((8191 - len('@set "A="')) // 2)
    assert Cmd(tmp_path).deliver(Variable("A", Secret(longest))) == {"A": longest}
    with pytest.raises(DeliveryError) as refused:
        Cmd(tmp_path).output.check(ClientSettings((Variable("A", Secret(f"{longest}%")),)))
    assert refused.value.slug == "too-long"


@pytest.mark.parametrize(
    ("adapter", "char"),
    [
        *((Cmd, char) for char in '"!\n\r\x1aü'),
        *((Dotenv, char) for char in "'\\\n\r\x0b\x85\u2028"),
    ],
)
def test_what_would_be_read_differently_is_refused(
    adapter: type[CommandOutput], tmp_path: Path, char: str
) -> None:
    with pytest.raises(DeliveryError):
        adapter(tmp_path).output.check(ClientSettings((Variable("A", Secret(f"a{char}b")),)))


FILES = pytest.mark.parametrize("adapter", [Github, CircleCi], ids=lambda one: one.__name__)


def refused_file(one: CommandOutput) -> str:
    """The error of an output that cannot write its file."""
    with pytest.raises(DeliveryError) as refused:
        one.output.deliver(ClientSettings((Variable("A", Secret("canary")),)))
    assert refused.value.slug == "file-unwritable"
    assert "canary" not in str(refused.value)
    return str(refused.value)


@FILES
def test_what_is_no_file_is_not_written(adapter: type[CommandOutput], tmp_path: Path) -> None:
    """Nor waited for, as a pipe would be."""
    one = adapter(tmp_path)
    one.file.mkdir()
    refused_file(one)
    one.file.rmdir()
    os.mkfifo(one.file)
    assert "no file" in refused_file(one)


@FILES
def test_no_link_leads_settings_elsewhere(adapter: type[CommandOutput], tmp_path: Path) -> None:
    one, elsewhere = adapter(tmp_path), tmp_path / "elsewhere"
    one.file.symlink_to(elsewhere)
    refused_file(one)
    assert not elsewhere.exists()
    elsewhere.write_text("before\n")
    refused_file(one)
    assert elsewhere.read_text() == "before\n"


@FILES
def test_a_new_file_is_private_and_another_keeps_its_mode(
    adapter: type[CommandOutput], tmp_path: Path
) -> None:
    one = adapter(tmp_path)
    one.deliver(Variable("A", Secret("x")))
    assert one.file.stat().st_mode & 0o777 == 0o600
    one.file.chmod(0o640)
    one.deliver(Variable("A", Secret("x")))
    assert one.file.stat().st_mode & 0o777 == 0o640


@FILES
def test_a_line_that_somebody_left_without_its_end_stays_its_own(
    adapter: type[CommandOutput], tmp_path: Path
) -> None:
    one = adapter(tmp_path)
    one.file.write_text("OTHER=1")
    assert one.deliver(Variable("A", Secret("canary")))["A"] == "canary"
    one.deliver(Variable("B", Secret("x")))
    assert one.file.read_text().startswith("OTHER=1\n")
    assert "\n\n" not in one.file.read_text(), "a line end is added where one is missing only"


def test_a_folder_that_may_not_be_written_to_is_told() -> None:
    """As somebody else where the tests run as root, whom no mode stops."""
    script = (
        "import os, sys; from pip_authenticate.appending import append\n"
        "os.getuid() or os.setuid(65534)\n"
        "append(sys.argv[1], 'canary', 'it')"
    )
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o555)
        path = Path(folder) / "file"
        ended = subprocess.run(
            [sys.executable, "-c", script, path], capture_output=True, text=True, timeout=60, check=False
        )
        assert "DeliveryError: it cannot be written: Permission denied" in ended.stderr
        assert not path.exists()


def test_a_full_disk_leaves_a_file_as_it_was(tmp_path: Path) -> None:
    """/dev/full is always full; a file on a limit of size is cut back."""
    script = (
        "import resource, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100));"
        "from pip_authenticate.appending import append; append(sys.argv[1], 'x' * 200 + chr(10), 'it')"
    )
    path = tmp_path / "file"
    path.write_text("before\n")
    ended = subprocess.run(
        [sys.executable, "-c", script, str(path)], capture_output=True, text=True, timeout=30, check=False
    )
    assert "DeliveryError: it cannot be written: File too large" in ended.stderr
    assert path.read_text() == "before\n"


def test_the_summary_is_appended(tmp_path: Path) -> None:
    one = Github(tmp_path)
    one.output.summarize("# one")
    one.output.summarize("# two")
    assert (tmp_path / "summary").read_text() == "# one\n# two\n"
    one.output.summarize("")
    assert (tmp_path / "summary").read_text() == "# one\n# two\n"


def test_a_summary_that_github_would_not_show_as_a_whole_is_not_appended(tmp_path: Path) -> None:
    """The limit is that of the step: what others have written counts, too."""
    one, path = Github(tmp_path), tmp_path / "summary"
    path.write_text("x" * (2**20 - 8) + "\n")
    one.output.summarize("# more")
    assert path.stat().st_size == 2**20, "the last one that fits"
    one.output.summarize("#")
    assert path.stat().st_size == 2**20


def test_settings_arrive_without_a_summary(tmp_path: Path) -> None:
    one = Github(tmp_path)
    (tmp_path / "summary").mkdir()
    assert one.deliver(Variable("A", Secret("x"))) == {"A": "x"}
    one.output.summarize("# one")
    other = AzureScript(tmp_path / "missing")
    other.output.summarize("# one")
    assert "uploadsummary" not in "".join(other.written)


def test_azure_pipelines_refuses_a_value_that_the_agent_would_change(tmp_path: Path) -> None:
    with pytest.raises(DeliveryError) as refused:
        AzureScript(tmp_path).output.check(ClientSettings((Variable("A", Secret("canary$(x)")),)))
    assert "canary" not in str(refused.value)


def test_azure_pipelines_uploads_a_summary_that_is_there(tmp_path: Path) -> None:
    one = AzureScript(tmp_path)
    one.output.summarize("# one")
    (line,) = "".join(one.written).splitlines()
    path = line.removeprefix("##vso[task.uploadsummary]")
    assert Path(path).read_text() == "# one"
    one.written.clear()
    one.output.summarize("")
    assert one.written == []


@given(st.text(alphabet=st.characters(exclude_characters="\0", exclude_categories=["Cs"])))
def test_any_text_arrives(text: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for adapter in (Sh, Json, Github, CircleCi, AzureScript, Fish, PowerShell):
            one = adapter(Path(folder))
            one.file.unlink(missing_ok=True)
            try:
                told = one.deliver(Variable("A", Secret(text)))
            except DeliveryError:
                continue
            assert told == {"A": text}


def test_every_output_has_its_contract() -> None:
    names = {module.name for module in pkgutil.iter_modules(pip_authenticate.outputs.__path__)}
    adapters: list[type[CommandOutput]] = [*EVERY, Gitlab]
    tested = {Agent.module, *(adapter.module for adapter in adapters)}
    assert tested == names - {"stream"}
    assert {name.replace("-", "_") for name in OUTPUTS} == tested
