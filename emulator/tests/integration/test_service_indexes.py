"""The emulated service: indexes of others, the stand-in of the public one, and the public one as upstream."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urljoin

import pytest

from azure_devops_emulator.errors import ServiceError
from azure_devops_emulator.organization import Organization
from azure_devops_emulator.service import Service
from azure_devops_emulator.services.packages import made_up
from azure_devops_emulator.services.public_index import PublicIndex, configured_index
from emulator_support.service import ORGANIZATION, ask, basic, feed_url

PASSWORD = "p%41ss$(x)/wörd:@"


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    with Service(Organization.parse(ORGANIZATION)) as running:
        yield running


def test_a_private_index_has_relative_links_and_wants_its_credential_for_everything(service: Service) -> None:
    headers = {"Authorization": basic(PASSWORD, "store keeper")}
    url = service.resolve("{private:depot}")
    assert ask(url, headers=headers).links == ["crate/"]
    page = ask(f"{url}crate/", headers=headers)
    assert page.links == ["../../files/Crate-1.1-py3-none-any.whl", "../../files/Crate-1.0-py3-none-any.whl"]
    file = urljoin(f"{url}crate/", page.links[1])
    wheel = made_up("Crate==1.0", "the private index depot")
    assert ask(file, headers=headers).body == wheel.content()
    assert f"#sha256={wheel.sha256}" in page.text
    for address in (url, f"{url}crate/", file, f"{url}nothing/"):
        refused = ask(address)
        assert (refused.status, refused.all("WWW-Authenticate")) == (
            401,
            ['Basic realm="depot", charset="UTF-8"'],
        )


@pytest.mark.parametrize(
    "header",
    [
        basic(PASSWORD, "store%20keeper"),
        basic(PASSWORD, ""),
        basic("pAss$(x)/wörd:@", "store keeper"),
        basic("", "store keeper"),
        basic(PASSWORD, "store keeper").replace("Basic", "Bearer"),
        "Basic %%%",
        "",
    ],
)
def test_a_private_index_accepts_nothing_else(service: Service, header: str) -> None:
    assert ask(service.resolve("{private:depot}"), headers={"Authorization": header}).status == 401


def test_an_index_with_tokens_accepts_any_user_name(service: Service) -> None:
    url = service.resolve("{private:barn}")
    for user in ("", "build", "__token__"):
        assert ask(url, headers={"Authorization": basic("barn-token", user)}).status == 200
    assert ask(url, headers={"Authorization": basic("", "barn-token")}).status == 401


def test_addresses_that_a_plain_index_does_not_have(service: Service) -> None:
    url = service.public_index_url
    without_slash = ask(f"{url}openness")
    assert (without_slash.status, without_slash.headers["Location"]) == (301, "/public/simple/openness/")
    assert ask(url.rstrip("/")).status == 301
    for path in ("Openness/", "nothing/", "../files/none.whl", "../nothing", "openness/1.0/"):
        assert ask(f"{url}{path}").status == 404
    assert ask(url, method="POST").status == 405
    assert ask(url, method="HEAD").status == 200
    assert ask(f"{service.origin}/private/none/simple/").status == 404


def test_the_stand_in_of_the_public_index_needs_no_credential(service: Service) -> None:
    url = service.public_index_url
    assert ask(url).links == ["kerosene/", "openness/"]
    file = urljoin(f"{url}kerosene/", ask(f"{url}kerosene/").links[0])
    assert ask(file).body == made_up("Kerosene==9.9.9", "the stand-in of the public index").content()
    ask(url, headers={"Authorization": basic("a credential that went astray")})
    assert service.log[-1].credential == "another credential"


MACHINE = """
[organization]
name = "acme"
[[feeds]]
name = "fuel"
upstreams = [{ public = "machine" }]
roles = { "Carl" = "Feed and Upstream Reader", "Rita" = "Reader" }
[[identities]]
name = "Carl"
tokens = [{ value = "token-carl", scopes = ["vso.packaging_write"] }]
[[identities]]
name = "Rita"
tokens = [{ value = "token-rita", scopes = ["vso.packaging_write"] }]
"""


def test_an_upstream_can_be_the_public_index_of_this_machine(service: Service) -> None:
    organization = Organization.parse(MACHINE)
    with Service(organization, public_upstream=service.public_index_url) as other:
        url = f"{feed_url(other, 'fuel')}openness/"
        page = ask(url, token="token-carl")
        wheel = made_up("Openness==1.0", "the stand-in of the public index")
        assert f"#sha256={wheel.sha256}" in page.text
        assert ask(page.links[0], token="token-rita").status == 403
        location = ask(page.links[0], token="token-carl").headers["Location"]
        assert ask(location).body == wheel.content()
        assert ask(page.links[0], token="token-rita").status == 303
        assert ask(f"{feed_url(other, 'fuel')}nothing/", token="token-carl").status == 404


def test_a_public_index_with_a_credential(service: Service) -> None:
    url = f"http://store%20keeper:p%2541ss%24%28x%29%2Fw%C3%B6rd%3A%40@127.0.0.1:{service.port}"
    index = PublicIndex(f"{url}/private/depot/simple")
    newest, _ = index.distributions("crate")
    assert newest.content() == made_up("Crate==1.1", "the private index depot").content()
    assert newest.content() is newest.content()
    assert PASSWORD not in repr(vars(index))


def test_an_upstream_that_cannot_be_reached(service: Service) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        dead = f"http://127.0.0.1:{taken.getsockname()[1]}/simple/"
        with Service(Organization.parse(MACHINE), public_upstream=dead) as other:
            answer = ask(f"{feed_url(other, 'fuel')}openness/", token="token-carl")
            assert (answer.status, answer.json()["typeKey"]) == (500, "UpstreamUnavailableException")
    refusing = PublicIndex(service.resolve("{private:depot}"))
    with pytest.raises(ServiceError, match="refuses"):
        refusing.distributions("crate")


def test_a_file_that_is_not_what_the_public_index_promised(service: Service) -> None:
    index = PublicIndex(service.public_index_url)
    file = f"{service.origin}/public/files/Openness-1.0-py3-none-any.whl"
    for url, digest in ((file, "0" * 64), (f"{file}x", "")):
        with pytest.raises(ServiceError, match="does not give the file"):
            index.download(url, digest)


def test_pip_says_which_public_index_this_machine_uses(tmp_path: Path) -> None:
    quiet = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}
    empty = {**quiet, "PIP_CONFIG_FILE": os.devnull, "HOME": str(tmp_path)}
    assert (
        configured_index({**empty, "PIP_INDEX_URL": "http://127.0.0.1:1/simple"})
        == "http://127.0.0.1:1/simple"
    )
    assert configured_index(empty).startswith("https://")
    file = tmp_path / "pip.conf"
    file.write_text("[global]\nindex-url = https://index.example.test/simple\n", encoding="utf-8")
    assert configured_index({**empty, "PIP_CONFIG_FILE": str(file)}) == "https://index.example.test/simple"
    with pytest.raises(ServiceError, match="does not say"):
        configured_index({**empty, "PIP_INDEX_URL": "file:///etc"})
