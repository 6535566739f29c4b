"""Whose an address is, and what may be told a secret."""

import pytest

from pip_authenticate.azure import forms
from pip_authenticate.azure.addresses import Collection, Place, objection
from pip_authenticate.azure.feed_addresses import FeedAddress
from pip_authenticate.index import IndexUrl


def url(text: str) -> IndexUrl:
    return IndexUrl.parse(text)[0]


def collection(text: str, *, is_hosted: bool = True) -> Collection:
    return Collection.parse(text, is_hosted=is_hosted)


CONTOSO = collection("https://dev.azure.com/Contoso/")
LEGACY = collection("https://contoso.visualstudio.com/")
SERVER = collection("https://tfs.example/tfs/Default/", is_hosted=False)
LOOPBACK = collection("http://127.0.0.1:8080/org/contoso/")


# Every form that Azure DevOps documents, or has documented, for an organisation and its services.
@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("https://dev.azure.com/contoso", Place("", "contoso", 1)),
        ("https://dev.azure.com/Contoso/", Place("", "contoso", 1)),
        ("https://name@dev.azure.com/contoso/", Place("", "contoso", 1)),
        ("https://dev.azure.com:443/contoso/project", Place("", "contoso", 1)),
        ("https://contoso.visualstudio.com", Place("", "contoso", 0)),
        ("https://contoso.visualstudio.com/DefaultCollection/", Place("", "contoso", 1)),
        ("https://Contoso.VisualStudio.com/project", Place("", "contoso", 0)),
        ("https://vsrm.dev.azure.com/contoso/", Place("vsrm", "contoso", 1)),
        ("https://contoso.vsrm.visualstudio.com/", Place("vsrm", "contoso", 0)),
        ("https://vssps.dev.azure.com/contoso/", Place("vssps", "contoso", 1)),
        ("https://pkgs.dev.azure.com/contoso/", Place("pkgs", "contoso", 1)),
        ("https://pkgs.dev.azure.com/contoso/p/_packaging/f/pypi/simple/", Place("pkgs", "contoso", 1)),
        ("https://contoso.pkgs.visualstudio.com/_packaging/f/pypi/simple", Place("pkgs", "contoso", 0)),
        ("https://contoso.pkgs.visualstudio.com/p/_packaging/f/pypi/simple", Place("pkgs", "contoso", 0)),
        ("https://contoso.pkgs.visualstudio.com/DefaultCollection/p/_packaging/f/pypi/simple",
         Place("pkgs", "contoso", 1)),
        ("https://contoso.pkgs.visualstudio.com/defaultcollection/_packaging/f/pypi/simple",
         Place("pkgs", "contoso", 1)),
        ("https://feeds.dev.azure.com/contoso/", Place("feeds", "contoso", 1)),
        ("https://contoso.feeds.visualstudio.com/", Place("feeds", "contoso", 0)),
        ("https://app.vssps.visualstudio.com/", Place("vssps", "app", 0)),
        # What names no organisation.
        ("https://dev.azure.com/", None),
        ("https://pkgs.visualstudio.com/A1b2c3/", None),
        ("https://app.visualstudio.com/", None),
        ("https://visualstudio.com/", None),
        ("https://a.b.c.visualstudio.com/", None),
        ("https://dev.azure.com/bad%20name/", None),
        ("https://a.b.dev.azure.com/contoso/", None),
        # What is not Azure DevOps.
        ("http://dev.azure.com/contoso/", None),
        ("https://dev.azure.com:8443/contoso/", None),
        ("https://evildev.azure.com/contoso/", None),
        ("https://dev.azure.com.evil.example/contoso/", None),
        ("https://contoso.visualstudio.com.evil.example/", None),
        ("https://evilvisualstudio.com/", None),
        ("https://tfs.example/tfs/Default/", None),
    ],
)  # fmt: skip
def test_every_form_of_address(text: str, place: Place | None) -> None:
    assert Place.of(url(text)) == place


@pytest.mark.parametrize(
    ("address", "home"),
    [
        ("https://dev.azure.com/contoso/", "https://dev.azure.com/contoso/"),
        ("https://vsrm.dev.azure.com/contoso/", "https://dev.azure.com/contoso/"),
        ("https://contoso.vsrm.visualstudio.com/", "https://dev.azure.com/contoso/"),
        ("https://contoso.visualstudio.com/", "https://contoso.visualstudio.com/"),
        ("https://tfs.example/tfs/My Collection/", "https://tfs.example/tfs/My%20Collection/"),
    ],
)
def test_the_organisation_of_a_job_is_known_by_its_system_connection(address: str, home: str) -> None:
    assert str(collection(address, is_hosted=False).url) == home


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("https://dev.azure.com/contoso/", "https://contoso.visualstudio.com/DefaultCollection", True),
        ("https://contoso.visualstudio.com", "https://dev.azure.com/CONTOSO", True),
        ("https://dev.azure.com/contoso/", "https://vsrm.dev.azure.com/contoso/", True),
        ("https://tfs.example/tfs/My Collection/", "https://tfs.example/tfs/My%20Collection", True),
        ("https://dev.azure.com/contoso/", "https://dev.azure.com/fabrikam/", False),
        ("https://dev.azure.com/contoso/", "https://fabrikam.visualstudio.com/contoso", False),
        ("https://dev.azure.com/contoso/", "https://evil.example/contoso/", False),
        ("https://tfs.example/tfs/Default/", "https://tfs.example/tfs/", False),
        ("https://tfs.example/tfs/Default/", "https://tfs.example:8443/tfs/Default/", False),
        ("https://tfs.example/tfs/Default/", "http://tfs.example/tfs/Default/", False),
    ],
)
def test_two_addresses_mean_one_organisation_or_not(one: str, other: str, same: bool) -> None:  # noqa: FBT001
    assert collection(one, is_hosted=False).is_same(url(other)) is same
    assert collection(other, is_hosted=False).is_same(url(one)) is same


@pytest.mark.parametrize(
    ("kind", "text", "home"),
    [
        ("feed service", "https://pkgs.dev.azure.com/contoso/", CONTOSO),
        ("feed service", "https://contoso.pkgs.visualstudio.com/", CONTOSO),
        ("feed service", "https://contoso.pkgs.visualstudio.com/DefaultCollection/", LEGACY),
        ("feed service", "https://pkgs.dev.azure.com/CONTOSO/", LEGACY),
        ("feed service", "https://tfs.example/tfs/Default/", SERVER),
        ("feed service", "http://127.0.0.1:9999/pkgs/contoso/", LOOPBACK),
        ("feeds service", "https://feeds.dev.azure.com/contoso/", CONTOSO),
        ("feeds service", "https://contoso.feeds.visualstudio.com/", CONTOSO),
        ("assertion service", "https://dev.azure.com/contoso/p/_apis/x/oidctoken", CONTOSO),
        ("assertion service", "https://contoso.visualstudio.com/p/_apis/x/oidctoken", CONTOSO),
        ("authority", "https://login.microsoftonline.com/", CONTOSO),
        ("authority", "https://login.microsoftonline.us", CONTOSO),
        ("authority", "https://login.chinacloudapi.cn", CONTOSO),
        ("authority", "http://127.0.0.1:1/login", LOOPBACK),
        ("index", "https://pkgs.dev.azure.com/fabrikam/_packaging/f/pypi/simple/", CONTOSO),
        ("index", "https://fabrikam.pkgs.visualstudio.com/_packaging/f/pypi/simple/", CONTOSO),
        ("index", "https://tfs.example/tfs/Default/_packaging/f/pypi/simple/", SERVER),
    ],
)
def test_places_that_may_be_told(kind: str, text: str, home: Collection) -> None:
    assert objection(url(text), kind, home) == ""


ELSEWHERE = [
    "https://evil.example/contoso/",
    "https://dev.azure.com.evil.example/contoso/",
    "https://evildev.azure.com/contoso/",
    "https://evil.dev.azure.com/contoso/",
    "https://contoso.evil.visualstudio.com/",
    "https://evilvisualstudio.com/contoso/",
    "https://login.microsoftonline.com.evil.example/",
    "https://evil.microsoftonline.com/",
    "https://evillogin.microsoftonline.com/",
    "https://login.microsoftonline.com:8443/",
    "https://login.windows.net.evil.example/",
    "http://login.microsoftonline.com/",
    "https://pkgs.dev.azure.com:8443/contoso/",
    "https://dev.azure.com:8443/contoso/",
    "https://feeds.dev.azure.com:444/contoso/",
    "http://dev.azure.com/contoso/",
    "http://pkgs.dev.azure.com/contoso/",
    "https://127.0.0.1/contoso/",
    "http://127.0.0.1:8080/org/contoso/",
    "http://localhost/contoso/",
    "http://[::1]/contoso/",
]


@pytest.mark.parametrize("home", [CONTOSO, LEGACY, SERVER], ids=["hosted", "legacy", "on premises"])
@pytest.mark.parametrize("text", ELSEWHERE)
@pytest.mark.parametrize("kind", ["feed service", "feeds service", "assertion service", "authority", "index"])
def test_places_that_may_not(kind: str, text: str, home: Collection) -> None:
    assert objection(url(text), kind, home)


@pytest.mark.parametrize("kind", ["feed service", "feeds service", "assertion service"])
@pytest.mark.parametrize(
    "text",
    [
        "https://dev.azure.com/fabrikam/",
        "https://pkgs.dev.azure.com/fabrikam/",
        "https://pkgs.dev.azure.com/fabrikam/contoso/",
        "https://fabrikam.pkgs.visualstudio.com/contoso/",
        "https://feeds.dev.azure.com/fabrikam/",
        "https://fabrikam.visualstudio.com/contoso/",
        "https://vssps.dev.azure.com/contoso/",
        "https://dev.azure.com/contoso/../fabrikam/",
        "https://pkgs.dev.azure.com/contoso/%2e%2e/fabrikam/",
        "https://feeds.dev.azure.com/contoso/..%2Ffabrikam/",
        "https://dev.azure.com/contoso/..%5Cfabrikam/",
    ],
)
def test_the_jobs_token_stays_in_its_organisation(kind: str, text: str) -> None:
    assert objection(url(text), kind, CONTOSO)


def test_a_server_on_premises_names_no_other() -> None:
    assert objection(url("https://other.example/tfs/Default/"), "feed service", SERVER)
    assert objection(url("https://tfs.example:8443/tfs/Default/"), "feed service", SERVER)
    assert objection(url("https://pkgs.dev.azure.com/default/"), "feed service", SERVER)


@pytest.mark.parametrize(
    ("text", "listed", "may"),
    [
        ("https://own.example/", ("own.example",), True),
        ("https://own.example:8443/", ("own.example:8443",), True),
        ("https://own.example:8443/", ("own.example",), False),
        ("http://own.example/", ("own.example",), False),
        ("https://other.example/", ("own.example",), False),
        ("http://127.0.0.1:8080/", ("127.0.0.1:8080",), True),
    ],
)
def test_an_input_of_the_step_may_name_any_encrypted_place(
    text: str,
    listed: tuple[str, ...],
    may: bool,  # noqa: FBT001
) -> None:
    assert (objection(url(text), "index", CONTOSO, listed) == "") is may
    assert (objection(url(text), "authority", CONTOSO, listed) == "") is may


def test_a_blank_in_a_project_is_no_other_project() -> None:
    address = FeedAddress.of(url("https://pkgs.dev.azure.com/contoso/My Project/_packaging/f/pypi/simple"))
    assert address == FeedAddress(("contoso", "My Project"), "f")


@pytest.mark.parametrize(
    ("url", "upload"),
    [
        (
            "https://pkgs.dev.azure.com/o/p/_packaging/f/pypi/simple/",
            "https://pkgs.dev.azure.com/o/p/_packaging/f/pypi/upload/",
        ),
        ("https://o.pkgs.visualstudio.com/_packaging/f/pypi/simple", "https://o.pkgs.visualstudio.com/_packaging/f/pypi/upload/"),
        ("https://tfs.example/tfs/C/_packaging/f/PyPI/Simple/", "https://tfs.example/tfs/C/_packaging/f/PyPI/upload/"),
        ("https://pkgs.dev.azure.com/o/_packaging/f@Release/pypi/simple/", None),
        ("https://pkgs.dev.azure.com/o/_packaging/f%40Release/pypi/simple/", None),
        ("https://pypi.example/simple/", None),
    ],
)  # fmt: skip
def test_where_the_feed_of_an_index_takes_uploads(url: str, upload: str | None) -> None:
    found = forms.upload_address(IndexUrl.parse(url)[0])
    assert (str(found) if found else None) == upload


@pytest.mark.parametrize(
    ("url", "own"),
    [
        ("https://pkgs.dev.azure.com/Org/_packaging/f/pypi/simple/", "https://org.pkgs.visualstudio.com/_packaging/f/pypi/simple/"),
        ("https://pkgs.dev.azure.com/o/p%20q/_packaging/f@v/pypi/simple", "https://o.pkgs.visualstudio.com/p%20q/_packaging/f@v/pypi/simple"),
        ("https://pkgs.dev.azure.com/../x/_packaging/f/pypi/simple/", None),
        ("http://pkgs.dev.azure.com/o/_packaging/f/pypi/simple/", None),
        ("https://o.pkgs.visualstudio.com/_packaging/f/pypi/simple/", None),
        ("https://feeds.dev.azure.com/o/x/", None),
        ("https://evil-pkgs.dev.azure.com/o/_packaging/f/pypi/simple/", None),
        ("https://pypi.example/simple/", None),
    ],
)  # fmt: skip
def test_the_form_with_a_host_of_the_organisations_own(url: str, own: str | None) -> None:
    assert str(forms.own_host_form(IndexUrl.parse(url)[0])) == (own or url)
