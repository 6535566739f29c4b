"""What every output keeps to."""

import pkgutil
from abc import ABC, abstractmethod
from collections.abc import Mapping

import pytest

import pip_authenticate.outputs
from pip_authenticate.client_settings import ClientSettings, Variable
from pip_authenticate.errors import DeliveryError
from pip_authenticate.outputs.azure_pipelines import AzurePipelines
from pip_authenticate.secret import Secret
from support import nasty
from support.agent import MARK, Log

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


def test_every_output_has_its_contract() -> None:
    names = {module.name for module in pkgutil.iter_modules(pip_authenticate.outputs.__path__)}
    assert {adapter.module for adapter in OutputContract.__subclasses__()} == names - {"stream"}
