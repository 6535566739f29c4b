"""What every client keeps to."""

import pkgutil
from types import ModuleType
from urllib.parse import unquote, urlsplit

import pytest

import pip_authenticate.clients
from pip_authenticate.client_settings import ClientSettings, Wish
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

    def told(self, wish: Wish, indexes: list[AuthenticatedIndex] | None = None) -> ClientSettings:
        found: ClientSettings = self.client.settings_for(self.indexes() if indexes is None else indexes, wish)
        return found

    @pytest.mark.parametrize("only_extra", [True, False])
    def test_every_index_is_told_once_with_its_credential(self, only_extra: bool) -> None:  # noqa: FBT001
        told = self.told(Wish(only_extra=only_extra))
        values = " ".join(variable.value.reveal() for variable in told.variables)
        for url, given in zip(sorted(values.split()), sorted(URLS), strict=True):
            parts = urlsplit(url)
            assert f"{parts.scheme}://{parts.hostname}:{parts.port}{parts.path}" == given
            assert unquote(parts.username or "") == nasty.USER
            assert unquote(parts.password or "") == nasty.PASSWORD

    def test_only_its_own_variables_are_set_and_they_are_secrets(self) -> None:
        told = self.told(Wish())
        assert {variable.name for variable in told.variables} <= set(self.client.VARIABLES)
        assert nasty.PASSWORD not in repr(told)
        assert all(variable.is_secret for variable in told.variables)

    def test_no_index_no_variable(self) -> None:
        assert self.told(Wish(), []) == ClientSettings()


class TestPip(ClientContract):
    client = pip


def test_every_client_has_its_contract() -> None:
    names = {module.name for module in pkgutil.iter_modules(pip_authenticate.clients.__path__)}
    assert {
        contract.client.__name__.rpartition(".")[2] for contract in ClientContract.__subclasses__()
    } == names
