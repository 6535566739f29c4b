"""Two organisations on one host: what the real uv sends to which of them, with and without us."""

import re
import sys
import zipfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

import pytest
import trustme

from pip_authenticate import authenticate, settings
from pip_authenticate.azure.forms import own_host_form
from pip_authenticate.client_settings import ClientSettings, Variable, Wish
from pip_authenticate.errors import DeliveryError
from pip_authenticate.index import AuthenticatedIndex, Credential, IndexUrl
from pip_authenticate.secret import Secret
from support.certificates import server_context
from support.http_service import Answer, Request, Service, serving
from support.keyrings import Keyrings, run
from support.programs import Programs, applied
from support.tokens import token
from support.web_proxy import WebProxy, proxying

pytestmark = pytest.mark.slow

SHARED = "pkgs.dev.azure.com"
OWN = {name: f"{name}.pkgs.visualstudio.com" for name in ("contoso", "northwind")}
# Those of applications: a person's would be exchanged first.
TOKENS = {name: token({"idtyp": "app", "for": name}) for name in OWN}
TENANTS = {name: f"0b1c2d3e-0000-4000-8000-00000000000{at}" for at, name in enumerate(TOKENS, 1)}
PACKAGES = {"contoso": "alpha", "northwind": "beta"}
_PATH = re.compile(r"/(?P<organisation>[^/]+)/_packaging/[^/]+/pypi/(?P<kind>simple|download)/(?P<rest>.*)")


def place(request: Request) -> tuple[str, str, str]:
    """Organisation, kind and rest of what is asked for."""
    host = request.headers["host"]
    path = request.path if host == SHARED else f"/{host.partition('.')[0]}{request.path}"
    match = _PATH.fullmatch(path)
    return (match["organisation"], match["kind"], match["rest"]) if match else ("", "", "")


def answer(request: Request) -> Answer:
    """What both organisations say: links carry GUIDs, and stay on the host that was asked."""
    organisation, kind, rest = place(request)
    if not organisation:
        return Answer(404)
    if request.login != ("build", TOKENS[organisation]):
        told = [("WWW-Authenticate", f'Basic realm="{organisation}"')]
        return Answer(401, headers=[*told, ("X-VSS-ResourceTenant", TENANTS[organisation])])
    name = PACKAGES[organisation]
    if kind == "download":
        return Answer(200, wheel(name))
    if rest.strip("/") != name:
        return Answer(404)
    scope = f"/{organisation}" if request.headers["host"] == SHARED else ""
    link = f"{scope}/_packaging/0b1c2d3e-0000-4000-8000-00000000000a/pypi/download/{name}-1-py3-none-any.whl"
    page = f'<!DOCTYPE html><html><body><a href="{link}">{name}-1-py3-none-any.whl</a></body></html>'
    return Answer(200, page.encode(), headers=[("Content-Type", "text/html")])


def wheel(name: str) -> bytes:
    data = BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        about = f"{name}-1.dist-info"
        archive.writestr(f"{about}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n")
        archive.writestr(
            f"{about}/WHEEL", "Wheel-Version: 1.0\nGenerator: t\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{about}/RECORD", "")
    return data.getvalue()


class Azure(NamedTuple):
    """Both organisations, behind a proxy.

    Args:
        service: answers under every name.
        proxy: leads there.
        authority: file with the certificate authority.
    """

    service: Service
    proxy: WebProxy
    authority: str

    @property
    def astray(self) -> list[str]:
        """Requests that carried another organisation's token."""
        return [
            f"{request.login[1]} to {request.headers['host']}{request.path}"
            for request in self.service.requests
            if request.login and request.login[1] != TOKENS.get(place(request)[0])
        ]

    def sync(self, programs: Programs, folder: Path, told: ClientSettings) -> "tuple[int, str]":
        """Let uv install both packages."""
        folder.mkdir(exist_ok=True)
        lines = ("[project]", 'name = "sample"', 'version = "1"', 'requires-python = ">=3.10"')
        text = "\n".join((*lines, 'dependencies = ["alpha", "beta"]', ""))
        (folder / "pyproject.toml").write_text(text, encoding="utf-8")
        env = {"HTTPS_PROXY": self.proxy.url, "SSL_CERT_FILE": self.authority}
        ended = programs.run(folder, {**env, **applied(told, folder)}, "uv", "sync")
        return ended.returncode, ended.stdout + ended.stderr


@pytest.fixture
def azure(authority: trustme.CA, authority_file: str) -> Iterator[Azure]:
    names = (SHARED, *OWN.values())
    with (
        serving(answer, server_context(authority, *names)) as service,
        proxying({f"{name}:443": service.port for name in names}) as proxy,
    ):
        yield Azure(service, proxy, authority_file)


def index(organisation: str, *names: tuple[str, str], host: str = SHARED) -> AuthenticatedIndex:
    scope = f"{organisation}/" if host == SHARED else ""
    url = IndexUrl.parse(f"https://{host}/{scope}_packaging/feed/pypi/simple/")[0]
    credential = Credential("build", Secret(TOKENS[organisation]))
    return AuthenticatedIndex(url, credential, f"index of {organisation}", names=names)


def told(
    *indexes: AuthenticatedIndex, clients: tuple[str, ...] = ("uv",), wish: Wish | None = None
) -> ClientSettings:
    given = settings.load((), {})._replace(clients=clients)
    return authenticate.client_settings(list(indexes), given, wish or Wish())


BOTH = (index("contoso"), index("northwind"))


def test_without_us_uv_sends_a_token_astray(programs: Programs, azure: Azure, tmp_path: Path) -> None:
    """What all of this is for; should uv mend it one day, it can go."""
    addresses = " ".join(one.url.with_credential(one.credential).reveal() for one in BOTH)
    azure.sync(programs, tmp_path / "p", ClientSettings((Variable("UV_INDEX", Secret(addresses)),)))
    assert azure.astray


@pytest.mark.parametrize("by_files", [True, False])
@pytest.mark.parametrize("indexes", [BOTH, BOTH[::-1]])
def test_each_organisation_gets_its_own_token(
    programs: Programs,
    azure: Azure,
    tmp_path: Path,
    indexes: tuple[AuthenticatedIndex, ...],
    *,
    by_files: bool,
) -> None:
    found = told(*indexes, wish=Wish(by_files=by_files, only_extra=True))
    code, output = azure.sync(programs, tmp_path / "p", found)
    assert code == 0, output
    assert azure.astray == []
    assert {request.headers["host"] for request in azure.service.requests} == set(OWN.values())
    lock = (tmp_path / "p" / "uv.lock").read_text(encoding="utf-8")
    assert all(f"https://{host}/_packaging/feed/pypi/simple/" in lock for host in OWN.values())
    assert not any(one in lock for one in TOKENS.values())
    assert all(any(one.source in note for note in found.notes) for one in indexes)


def test_one_that_a_project_names_stays_where_it_is(programs: Programs, azure: Azure, tmp_path: Path) -> None:
    named = index("contoso", ("uv", "first"))
    found = told(named, BOTH[1])
    values = {one.name: one.value.reveal() for one in found.variables}
    assert values["UV_INDEX_FIRST_PASSWORD"] == TOKENS["contoso"]
    assert OWN["northwind"] in values["UV_DEFAULT_INDEX"]
    # The project of this test names none, so that a general index stands for the named one.
    general = Variable("UV_INDEX", Secret(f"first={named.url}"))
    code, output = azure.sync(programs, tmp_path / "p", found._replace(variables=(*found.variables, general)))
    assert code == 0, output
    assert azure.astray == []


@pytest.mark.parametrize("wish", [Wish(), Wish(can_unset=False), Wish(by_files=True)])
@pytest.mark.parametrize(
    "indexes",
    [
        (index("contoso", ("uv", "first")), index("northwind", ("uv", "second"))),
        (BOTH[0], BOTH[0]._replace(credential=Credential("other", Secret("s")), source="another")),
        (index("contoso"), index("northwind", host="northwind.example")._replace(
            url=IndexUrl.parse(f"https://{SHARED}/contoso/_packaging/x/pypi/simple/")[0]
        )),
    ],
)  # fmt: skip
def test_what_cannot_be_parted_is_refused(indexes: tuple[AuthenticatedIndex, ...], wish: Wish) -> None:
    with pytest.raises(DeliveryError) as refused:
        told(*indexes, wish=wish)
    assert refused.value.slug == "host-shared"
    assert all(one.source in str(refused.value) for one in indexes)
    assert not any(one in str(refused.value) for one in TOKENS.values())


def test_pip_tells_paths_apart_and_keeps_its_addresses() -> None:
    found = told(*BOTH, clients=("pip",))
    assert all(SHARED in one.value.reveal() for one in found.variables)
    assert found.notes == ()


def test_one_credential_for_both_needs_no_parting() -> None:
    same = BOTH[1]._replace(credential=BOTH[0].credential)
    assert all(SHARED in one.value.reveal() for one in told(BOTH[0], same).variables)


# ---- by keyring ------------------------------------------------------------------------------------

AZ = """#!{python}
import json, sys
token = {tokens!r}[sys.argv[sys.argv.index("--tenant") + 1]]
print(json.dumps({{"accessToken": token, "expires_on": 4102444800}}))
"""


@pytest.mark.parametrize("by_own_hosts", [False, True])
def test_keyring_gives_each_organisation_its_own_token(
    keyrings: Keyrings, azure: Azure, tmp_path: Path, *, by_own_hosts: bool
) -> None:
    """What pip itself sends to the other one, on a host that they share, is no answer of ours."""
    pip = keyrings.with_ours("pip")
    tokens = {TENANTS[name]: one for name, one in TOKENS.items()}
    az = tmp_path / "az"
    az.write_text(AZ.format(python=sys.executable, tokens=tokens), encoding="utf-8")
    az.chmod(0o700)
    env = {"HTTPS_PROXY": azure.proxy.url, "SSL_CERT_FILE": azure.authority, "PIP_CERT": azure.authority}
    urls = [str(own_host_form(one.url) if by_own_hosts else one.url) for one in BOTH]
    asked = [run(tmp_path, [tmp_path], env, str(pip / "keyring"), "get", url, "ada") for url in urls]
    assert [(ended.stdout, ended.stderr) for ended in asked] == [(f"{one}\n", "") for one in TOKENS.values()]
    azure.service.requests.clear()
    words = ("-m", "pip", "download", "--no-deps", "--index-url", urls[0], "--extra-index-url", urls[1])
    ended = run(
        tmp_path,
        [tmp_path],
        {**env, "PIP_KEYRING_PROVIDER": "import"},
        str(pip / "python"),
        *words,
        "alpha",
        "beta",
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert len(list(tmp_path.glob("*.whl"))) == len(BOTH)
    assert bool(azure.astray) != by_own_hosts
