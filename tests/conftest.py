"""What every test may ask for."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest
import trustme

from support.http_service import Answer, Service, serving
from support.keyrings import Keyrings
from support.organisation import Organisation, organisation
from support.programs import Programs
from support.task import Task

ROOT = Path(__file__).parent.parent

# A shell that starts the tests in the background has them ignore these, and programs inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)
if sys.platform != "win32":
    signal.signal(signal.SIGQUIT, signal.SIG_DFL)
# How long an example takes, or its making, says how busy the machine is.
hypothesis.settings.register_profile(
    "untimed", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("untimed")


@pytest.fixture(scope="session")
def task(tmp_path_factory: pytest.TempPathFactory) -> Task:
    """The task, built from the sources as they are."""
    folder = tmp_path_factory.mktemp("built")
    command = [sys.executable, str(ROOT / "tools" / "build_task.py"), str(folder)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode == 0, ended.stderr
    return Task(folder / "PipAuthenticate")


@pytest.fixture(scope="session")
def programs(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Programs:
    """The real clients, each installed when it is first asked for: once for all workers of a run."""
    own = tmp_path_factory.getbasetemp()
    return Programs((own if worker_id == "master" else own.parent) / "programs")


@pytest.fixture(scope="session")
def keyrings(programs: Programs, tmp_path_factory: pytest.TempPathFactory) -> Keyrings:
    """Environments with the keyring back end, and without it."""
    return Keyrings(programs, tmp_path_factory.mktemp("keyrings"))


@pytest.fixture(scope="session")
def action(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The action, built from the sources as they are."""
    folder = tmp_path_factory.mktemp("built") / "action"
    command = [sys.executable, str(ROOT / "tools" / "build_action.py"), str(folder)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode == 0, ended.stderr
    return folder


@pytest.fixture
def hosted() -> Iterator[Organisation]:
    """An organisation of Azure DevOps Services."""
    with organisation() as one:
        yield one


@pytest.fixture
def stranger() -> Iterator[Service]:
    """A host that nothing may be told."""
    with serving(lambda _: Answer(404)) as service:
        yield service


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    """A certificate authority that nobody trusts by default."""
    return trustme.CA(key_type=trustme.KeyType.ECDSA)


@pytest.fixture(scope="session")
def authority_file(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The authority's own certificate, as an agent is given it."""
    file = tmp_path_factory.mktemp("authority") / "authority.pem"
    authority.cert_pem.write_to_path(str(file))
    return str(file)
