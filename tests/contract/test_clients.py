"""What every client keeps to."""

import pkgutil
from types import ModuleType
from urllib.parse import unquote, urlsplit

import pytest

import pip_authenticate.clients
from pip_authenticate.clients import pip
from pip_authenticate.index import AuthenticatedIndex, Credential, IndexUrl
from pip_authenticate.secret import Secret
from support import nasty

URLS = [f"https://{name}.example:8443/a/simple/" for name in ("one", "two", "three")]


class ClientContract:
    """The contract; a subclass names its client."""

    client: ModuleType

    def indexes(self) -> list[AuthenticatedIndex]:
        return [
            AuthenticatedIndex(
                IndexUrl.parse(url)[0], Credential(nasty.USER, Secret(nasty.PASSWORD)), f"feed {url}"
            )
            for url in URLS
        ]

    def assignments(self, *, only_extra: bool) -> dict[str, Secret]:
        found: dict[str, Secret] = self.client.assignments(
            self.client.roles(self.indexes(), only_extra=only_extra).roles
        )
        return found

    @pytest.mark.parametrize("only_extra", [True, False])
    def test_every_index_is_told_once_with_its_credential(self, only_extra: bool) -> None:  # noqa: FBT001
        told = " ".join(value.reveal() for value in self.assignments(only_extra=only_extra).values())
        for url, given in zip(sorted(told.split()), sorted(URLS), strict=True):
            parts = urlsplit(url)
            assert f"{parts.scheme}://{parts.hostname}:{parts.port}{parts.path}" == given
            assert unquote(parts.username or "") == nasty.USER
            assert unquote(parts.password or "") == nasty.PASSWORD

    def test_only_its_own_variables_are_set_and_they_are_secrets(self) -> None:
        told = self.assignments(only_extra=False)
        assert set(told) <= set(self.client.VARIABLES)
        assert nasty.PASSWORD not in repr(told)
        assert all(isinstance(value, Secret) for value in told.values())

    def test_no_index_no_variable(self) -> None:
        assert self.client.assignments(self.client.roles([], only_extra=False).roles) == {}


class TestPip(ClientContract):
    client = pip


def test_every_client_has_its_contract() -> None:
    names = {module.name for module in pkgutil.iter_modules(pip_authenticate.clients.__path__)}
    assert {
        contract.client.__name__.rpartition(".")[2] for contract in ClientContract.__subclasses__()
    } == names
