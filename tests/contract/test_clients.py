"""What every client keeps to."""

import pkgutil
import re
from types import ModuleType
from urllib.parse import quote, urlsplit

import pytest

import pip_authenticate.clients
from pip_authenticate import netrc_file, settings
from pip_authenticate.client_settings import ClientSettings, Wish
from pip_authenticate.clients import docker, hatch, netrc, nginx, pdm, pip, pipenv, poetry, twine, uv
from pip_authenticate.errors import DeliveryError
from pip_authenticate.index import AuthenticatedIndex, Credential, IndexUrl
from pip_authenticate.secret import Secret
from support import nasty

HOSTS = ("one", "two", "three")
URLS = [f"https://{name}.example:8443/a/_packaging/{name}/pypi/simple/" for name in HOSTS]
TOKEN = Credential("build", Secret("eyJ0.token-of~tests_AZ09+/=!$%&()*,:;<>?@[]^`{|}"))
"""What every client can be told, in a variable or in a file."""
NASTY = Credential(nasty.USER, Secret(nasty.PASSWORD))
OWN = Secret("machine own.example login me password own-canary\n")


def index(url: str, credential: Credential = TOKEN, *names: tuple[str, str]) -> AuthenticatedIndex:
    parsed = IndexUrl.parse(url)[0]
    upload = IndexUrl.parse(url.replace("/simple/", "/upload/"))[0]
    return AuthenticatedIndex(parsed, credential, f"feed {url}", names=names, upload=upload)


def encoded(text: str) -> set[str]:
    """The spellings of a secret in a variable or a file."""
    upper = quote(text, safe="")
    return {text, upper, re.sub("%(3B|5D|0A|0D)", lambda match: match[0].lower(), upper)}


def holds(value: str, credential: Credential) -> bool:
    return any(form in value for form in {*encoded(credential.secret.reveal()), credential.basic.reveal()})


class ClientContract:
    """The contract; a subclass names its client.

    Attributes:
        client: its module.
        installs: whether it is told of all indexes; else of the first one, for publishing.
        takes_all: whether variables carry every credential.
        urls: indexes that it takes at a time.
    """

    client: ModuleType
    installs = True
    takes_all = False
    urls = URLS

    @property
    def name(self) -> str:
        return self.client.__name__.rpartition(".")[2]

    def named(self, credential: Credential = TOKEN) -> list[AuthenticatedIndex]:
        """Indexes that the project's files name."""
        return [
            index(url, credential, (self.name, f"my-{host}"))
            for url, host in zip(self.urls, HOSTS, strict=False)
        ]

    def told(self, wish: Wish, indexes: list[AuthenticatedIndex]) -> ClientSettings:
        found: ClientSettings = self.client.settings_for(indexes, wish)
        return found

    @pytest.mark.parametrize("by_files", [True, False])
    @pytest.mark.parametrize("is_named", [True, False])
    @pytest.mark.parametrize("only_extra", [True, False])
    def test_every_index_is_told_with_its_credential(
        self,
        only_extra: bool,  # noqa: FBT001
        is_named: bool,  # noqa: FBT001
        by_files: bool,  # noqa: FBT001
    ) -> None:
        indexes = self.named() if is_named else [index(url) for url in self.urls]
        secrets = [Credential("build", Secret(f"canary-{host}")) for host in HOSTS]
        indexes = [one._replace(credential=secret) for one, secret in zip(indexes, secrets, strict=False)]
        told = self.told(Wish(only_extra=only_extra, by_files=by_files, publish=not self.installs), indexes)
        texts = [one.value.reveal() for one in told.variables] + [one.content.reveal() for one in told.files]
        for credential in secrets[: len(indexes)] if self.installs else secrets[:1]:
            assert any(holds(text, credential) for text in texts)

    def test_every_variable_with_a_credential_is_a_secret(self) -> None:
        for indexes in (self.named(), [index(url) for url in self.urls]):
            told = self.told(Wish(publish=True), indexes)
            assert all(one.is_secret for one in told.variables if holds(one.value.reveal(), TOKEN))
            assert not holds(repr(told), TOKEN)

    @pytest.mark.parametrize("is_named", [True, False])
    @pytest.mark.parametrize("publish", [True, False])
    def test_by_files_no_variable_holds_a_secret(self, publish: bool, is_named: bool) -> None:  # noqa: FBT001
        indexes = self.named() if is_named else [index(url) for url in self.urls]
        told = self.told(Wish(by_files=True, publish=publish), indexes)
        assert not any(one.is_secret or holds(one.value.reveal(), TOKEN) for one in told.variables)
        for one in told.variables:
            for word in one.value.reveal().split():
                assert urlsplit(word.partition("=")[2] or word).username is None

    @pytest.mark.parametrize("by_files", [True, False])
    @pytest.mark.parametrize("can_unset", [True, False])
    def test_only_its_own_variables_are_set(self, can_unset: bool, by_files: bool) -> None:  # noqa: FBT001
        told = self.told(
            Wish(publish=True, can_unset=can_unset, by_files=by_files), [index(url) for url in self.urls]
        )
        names = {one.name for one in told.variables} | {
            name for file in told.files for name in file.variables
        }
        assert names <= {*self.client.VARIABLES, netrc_file.VARIABLE}

    @pytest.mark.parametrize("only_extra", [True, False])
    @pytest.mark.parametrize("publish", [True, False])
    def test_where_nothing_can_be_unset_all_can_be_emptied(self, publish: bool, only_extra: bool) -> None:  # noqa: FBT001
        wish = Wish(only_extra=only_extra, publish=publish, can_unset=False)
        for indexes in (
            self.named(),
            [index(url) for url in self.urls],
            [index(self.urls[0]), *self.named()[1:]],
        ):
            assert all(one.can_be_emptied for one in self.told(wish, indexes).variables)

    def test_no_index_no_settings(self) -> None:
        for wish in (Wish(), Wish(by_files=True), Wish(publish=True, can_unset=False)):
            assert self.told(wish, []) == ClientSettings()

    def test_a_file_that_takes_the_place_of_the_users_own_holds_it_too(self) -> None:
        for wish in (Wish(own_netrc=OWN, by_files=True), Wish(own_netrc=OWN)):
            for file in self.told(wish, self.named()).files:
                is_in_its_place = "NETRC" in file.variables
                assert ("own-canary" in file.content.reveal()) is is_in_its_place

    def test_notes_and_warnings_hold_no_secret(self) -> None:
        for wish in (
            Wish(publish=True, can_unset=False),
            Wish(publish=True, by_files=True),
            Wish(publish=True),
        ):
            told = self.told(wish, [index(url) for url in self.urls])
            assert not any(holds(text, TOKEN) for text in (*told.warnings, *told.notes))

    def test_a_password_of_traps_is_told_whole_or_refused(self) -> None:
        for indexes in ([index(url, NASTY) for url in self.urls], self.named(NASTY)):
            told, refusal = self.attempt(Wish(publish=not self.installs), indexes)
            if self.takes_all or not refusal:
                files = [] if self.takes_all else [one.content for one in told.files]
                texts = [*(one.value for one in told.variables), *files]
                assert any(holds(one.reveal(), NASTY) for one in texts)
            else:
                assert refusal.slug == "netrc-unfit"
                assert nasty.PASSWORD not in str(refusal)

    def attempt(
        self, wish: Wish, indexes: list[AuthenticatedIndex]
    ) -> tuple[ClientSettings, DeliveryError | None]:
        try:
            return self.told(wish, indexes), None
        except DeliveryError as error:
            return ClientSettings(), error

    def test_two_credentials_on_one_host(self) -> None:
        other = Credential("build", Secret("other"))
        indexes = [index(self.urls[0]), index(self.urls[0].replace("/one/", "/two/"), other)]
        for wish in (Wish(), Wish(by_files=True)):
            if (self.client.KNOWS_PATHS and not wish.by_files) or not self.installs:
                self.told(wish, indexes)
            else:
                with pytest.raises(DeliveryError) as refused:
                    self.told(wish, indexes)
                assert refused.value.slug == "host-shared"
                assert all(one.source in str(refused.value) for one in indexes)

    def test_publishing(self) -> None:
        indexes = [index(url) for url in self.urls]
        plain, told = (self.told(Wish(publish=publish), indexes) for publish in (False, True))
        if not self.client.PUBLISHES:
            assert told == plain
            return
        more = [one for one in told.variables if one not in plain.variables]
        assert "https://one.example:8443/a/_packaging/one/pypi/upload/" in [
            one.value.reveal() for one in more
        ]
        assert TOKEN.secret in [one.value for one in more]
        with pytest.raises(DeliveryError) as refused:
            self.told(Wish(publish=True), [indexes[0]._replace(upload=None), *indexes[1:]])
        assert refused.value.slug == "no-upload-address"

    def test_a_publishers_variables_may_hold_what_opens_nothing(self) -> None:
        told = self.told(Wish(publish=True, by_files=True, opens_nothing=True), [index(self.urls[0])])
        is_told = any(one.value.reveal() == TOKEN.secret.reveal() for one in told.variables)
        assert is_told == self.client.PUBLISHES
        assert told.warnings == ()


class TestPip(ClientContract):
    client = pip
    takes_all = True


class TestUv(ClientContract):
    client = uv
    takes_all = True


class TestPoetry(ClientContract):
    client = poetry


class TestPdm(ClientContract):
    client = pdm


class TestPipenv(ClientContract):
    client = pipenv


class TestHatch(ClientContract):
    client = hatch
    takes_all = True


class TestTwine(ClientContract):
    client = twine
    installs = False
    takes_all = True


class TestNetrc(ClientContract):
    client = netrc


class TestDocker(ClientContract):
    client = docker


class TestNginx(ClientContract):
    client = nginx
    urls = URLS[:1]

    def test_two_credentials_on_one_host(self) -> None:
        """It takes no two indexes, whatever opens them."""
        with pytest.raises(DeliveryError) as refused:
            self.told(Wish(by_files=True), [index(url) for url in URLS[:2]])
        assert refused.value.slug == "nginx-one-index"


def test_every_client_has_its_contract() -> None:
    names = {module.name for module in pkgutil.iter_modules(pip_authenticate.clients.__path__)}
    assert {
        contract.client.__name__.rpartition(".")[2] for contract in ClientContract.__subclasses__()
    } == names
    assert set(settings.CLIENTS) == names
