"""The emulator's command line, as a person runs it."""

import signal
import socket
import ssl
import subprocess
import sys
import urllib.request
from importlib import metadata
from pathlib import Path

import pytest

from azure_devops_emulator.cli import main
from emulator_support.agent import ORGANIZATION, PROBE


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with an organisation."""
    (tmp_path / "organization.toml").write_text(ORGANIZATION, encoding="utf-8")
    return tmp_path


def pipeline(folder: Path, text: str) -> str:
    """The path of a pipeline with this text."""
    file = folder / "pipeline.yml"
    file.write_text(text, encoding="utf-8")
    return str(file)


def start(*arguments: str) -> "subprocess.Popen[str]":
    """Start the command line in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "azure_devops_emulator", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        start_new_session=True,
    )


def test_runs_a_pipeline_with_variables(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = """
steps:
- task: Probe@1
  continueOnError: true
  inputs: {code: "env('OPEN', 'SECRET_HIDDEN', 'SYSTEM_SERVERTYPE'); process.exit(1)"}
- script: cp "$AGENT_TEMPDIRECTORY"/*.sh "$BUILD_STAGINGDIRECTORY"
"""
    kept = folder / "kept"
    code = main(
        [
            *("run", pipeline(folder, text), "--task-dir", str(PROBE), "--debug", "--keep", str(kept)),
            *("--variable", "open=a=b", "--secret-variable", "hidden=canary-secret"),
            *("--project", "project one", "--on-premises"),
            *("--organization", str(folder / "organization.toml")),
        ]
    )
    shown = capsys.readouterr().out
    assert code == 0
    assert 'ENV OPEN="a=b"' in shown
    assert 'ENV SECRET_HIDDEN="***"' in shown
    assert 'ENV SYSTEM_SERVERTYPE="OnPremises"' in shown
    assert "##[debug]Evaluating condition" in shown
    assert "canary" not in shown
    assert shown.endswith("Job result: SucceededWithIssues\n")
    assert list((kept / "_work" / "1" / "a").iterdir())


@pytest.mark.parametrize(
    ("text", "arguments", "named"),
    [
        ("steps:\n- pwsh: x\n- bash: y\n  when: z", [], ["pwsh is not", "when is not"]),
        ("steps: [{script: x}]", ["--project", "nowhere"], ["nowhere"]),
        ("steps: [{script: x}]", ["--organization", "missing.toml"], ["missing.toml"]),
        ("steps: [{script: x}]", ["--variable", "novalue"], ["NAME=VALUE (novalue)"]),
        (
            "steps: [{script: x}]",
            ["--task-dir", "no-task-here"],
            ["no task in no-task-here", "holds its task.json"],
        ),
        ("steps: [{script: x}]", ["--agent-version", "new"], ["'new' is not a version", "2.144.0"]),
        ("steps: [{task: Gone@1}]", ["--task-dir", str(PROBE)], ["Gone@1 is not installed", "Probe@1"]),
        ('steps: [{task: "\\x1b[31m@1"}]', ["--task-dir", str(PROBE)], [r"\x1b[31m@1 is not"]),
    ],
)
def test_what_cannot_be_used_gives_two_and_one_line_each(
    folder: Path, capsys: pytest.CaptureFixture[str], text: str, arguments: list[str], named: list[str]
) -> None:
    assert main(["run", pipeline(folder, text), *arguments]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    lines = shown.err.splitlines()
    assert all(line.startswith("azure-devops-emulator: error: ") for line in lines)
    assert all(name in shown.err for name in named)


def test_an_organisation_without_project(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "organization.toml").write_text('[organization]\nname = "empty"\n', encoding="utf-8")
    assert main(["run", pipeline(folder, "steps: [{script: x}]")]) == 2
    assert "no project" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["--help"], ["run", "--help"], ["serve", "--help"]])
def test_help(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 0
    shown = capsys.readouterr().out
    assert "azure-devops-emulator" in shown
    assert "examples:" in shown or arguments == ["--help"]


def test_the_version_is_the_packages(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--version"])
    assert caught.value.code == 0
    assert capsys.readouterr().out == f"azure-devops-emulator {metadata.version('azure-devops-emulator')}\n"


def test_ctrl_c_cancels_the_job(folder: Path) -> None:
    file = pipeline(
        folder, "steps:\n- script: |\n    echo ready\n    sleep 60\n- bash: echo last\n  condition: always()"
    )
    with start("run", file) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line == "ready\n":
                break
        process.send_signal(signal.SIGINT)
        rest = process.stdout.read()
        assert process.wait(timeout=30) == 1
    assert "##[error]The operation was canceled." in rest
    assert "\nlast\n" in rest
    assert rest.endswith("Job result: Canceled\n")


def test_a_job_trusts_a_service_that_has_its_own_certificate(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = """
steps:
- script: |
    pip download --no-deps Thing
    index=$(pip config get global.index-url)
    python -c "import sys, urllib.request as r; print(r.urlopen(sys.argv[1]).status)" "$index"
    echo "$AGENT_CAINFO" "$PIP_CERT"
"""
    organization = folder / "organization.toml"
    organization.write_text(f'{ORGANIZATION}[public]\npackages = ["Thing==1.0"]\n', encoding="utf-8")
    assert main(["run", pipeline(folder, text), "--https"]) == 0, capsys.readouterr().out
    shown = capsys.readouterr().out
    assert "Looking in indexes: https://127.0.0.1:" in shown
    assert "Successfully downloaded Thing" in shown
    assert "\n200\n" in shown
    file = next(line.split()[0] for line in shown.splitlines() if line.endswith("ca.pem"))
    assert "The services have a certificate made for this run" in shown
    assert not Path(file).exists()


def test_serves_https_and_says_what_to_trust(folder: Path) -> None:
    with start("serve", "--https", "--organization", str(folder / "organization.toml")) as process:
        assert process.stdout is not None
        shown = list(iter(process.stdout.readline, "Press Ctrl+C to stop.\n"))
        address = next(line.split()[-1] for line in shown if "public index" in line)
        file = next(line.split()[-1] for line in shown if "SSL_CERT_FILE" in line)
        trusting = ssl.create_default_context(cafile=file)
        with urllib.request.urlopen(address, timeout=5, context=trusting) as answer:  # noqa: S310 - loopback
            assert answer.status == 200
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=10) == 0
    assert address.startswith("https://127.0.0.1:")
    assert not Path(file).exists()


def test_serves_its_own_example_anywhere_and_says_how_to_log_in(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "azure_devops_emulator", "serve", "--seconds", "0"]
    shown = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    assert "Organization example (Hosted)" in shown
    address = next(line.split()[-1] for line in shown.splitlines() if "upload to project1/team" in line)
    assert address.endswith("/project1/_packaging/team/pypi/upload/")
    assert "Log in with any user name and a token as password" in shown
    assert f"--repository-url {address} dist/*" in shown
    assert "PIP_INDEX_URL=http://user:TOKEN@127.0.0.1:" in shown


@pytest.mark.parametrize("lines", [1, 1000])
def test_ends_quietly_when_nobody_reads_on(lines: int) -> None:
    with start("serve", "--seconds", "60") as process:
        assert process.stdout is not None
        for _ in range(lines):
            if process.stdout.readline().startswith("Press") or lines == 1:
                break
        process.stdout.close()
        assert process.wait(timeout=10) in {0, 1}
        assert process.stderr is not None
        assert process.stderr.read() == ""


def test_a_job_ends_quietly_when_nobody_reads_on(folder: Path) -> None:
    file = pipeline(folder, "steps:\n- script: |\n    echo ready\n    sleep 1\n    echo more; echo more")
    with start("run", file) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line == "ready\n":
                break
        process.stdout.close()
        assert process.wait(timeout=20) == 1
        assert process.stderr is not None
        assert process.stderr.read() == ""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_serves_until_it_is_told_to_stop(folder: Path, number: signal.Signals) -> None:
    with start("serve", "--organization", str(folder / "organization.toml")) as process:
        assert process.stdout is not None
        shown: list[str] = []
        for line in process.stdout:
            shown.append(line)
            if line.startswith("Press"):
                break
        text = "".join(shown)
        address = next(line.split()[-1] for line in shown if "public index" in line)
        with urllib.request.urlopen(address, timeout=5) as answer:  # noqa: S310 - loopback
            assert answer.status == 200
        process.send_signal(number)
        assert process.wait(timeout=10) == 0
        assert process.stderr is not None
        assert process.stderr.read() == ""
    assert "Organization fabrikam (Hosted)" in text
    assert "Build Service (fabrikam)" in text
    assert "Ware house" in text
    assert "canary-p" not in text
    assert "***" in text


def test_serves_for_some_time_and_shows_tokens_on_request(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--organization", str(folder / "organization.toml"), "--on-premises", "--show-tokens"]
    assert main(["serve", *arguments, "--seconds", "0.05"]) == 0
    shown = capsys.readouterr().out
    assert "password: canary-p%zz@x" in shown
    assert "(OnPremises)" in shown


def test_a_port_that_is_taken(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        arguments = ["--organization", str(folder / "organization.toml"), "--port", port]
        assert main(["serve", *arguments, "--seconds", "0.05"]) == 2
    assert "cannot use its port" in capsys.readouterr().err
