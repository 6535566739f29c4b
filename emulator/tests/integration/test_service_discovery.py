"""The emulated service: discovery, authentication, and the shape of its errors."""

import json
from collections.abc import Iterator
from datetime import timedelta
from urllib.parse import quote

import pytest

from azure_devops_emulator.errors import InputError
from azure_devops_emulator.organization import Organization
from azure_devops_emulator.service import Service
from emulator_support.service import ACTIVITY, ORGANIZATION, PREVIEW, Answer, ask, feed_url, with_behaviour

AREA = "92F0314B-06C5-46E0-ABE7-15FD9D13276A"
SIMPLE = "93377a2c-f5fb-48b9-a8dc-7781441cabf1"


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    with Service(Organization.parse(ORGANIZATION)) as running:
        yield running


@pytest.fixture(scope="module")
def server() -> Iterator[Service]:
    with Service(Organization.parse(ORGANIZATION), on_premises=True) as running:
        yield running


def rows(answer: Answer) -> dict[str, str]:
    """Route template by resource id."""
    assert answer.status == 200, answer.text
    assert answer.json()["count"] == len(answer.json()["value"])
    return {row["id"]: row["routeTemplate"] for row in answer.json()["value"]}


def test_a_task_finds_the_route_of_an_index_in_two_requests(service: Service) -> None:
    token = service.mint_job_token("rockets")
    area = ask(f"{service.collection_uri}_apis/ResourceAreas/{AREA}", token=token, headers=PREVIEW)
    assert area.headers["Content-Type"] == "application/json; charset=utf-8; api-version=7.2-preview.1"
    assert area.json() == {"id": AREA.lower(), "name": "pypi", "locationUrl": service.address("pkgs")}
    found = rows(ask(f"{area.json()['locationUrl']}_apis/PyPi", method="OPTIONS", token=token))
    assert found[SIMPLE] == "{project}/_packaging/{feedId}/pypi/simple"


def test_addresses_are_those_of_the_host_that_was_asked(service: Service) -> None:
    url = f"{service.collection_uri}_apis/ResourceAreas/{AREA}"
    named = ask(url, headers={**PREVIEW, "Host": "devops.example.test"})
    assert named.json()["locationUrl"] == "http://devops.example.test/pkgs/acme/"
    old = ask(f"{service.origin}/acme.visualstudio.com/_apis/ResourceAreas/{AREA}", headers=PREVIEW)
    assert old.json()["locationUrl"] == f"{service.origin}/acme.pkgs.visualstudio.com/"
    oldest = (
        f"{service.origin}/acme.pkgs.visualstudio.com/DefaultCollection/_packaging/fuel/pypi/simple/valve"
    )
    assert ask(oldest, token="token-rita").links[0].startswith(oldest.partition("/_packaging")[0])


def test_all_areas_are_listed_without_credentials(service: Service) -> None:
    listed = ask(f"{service.collection_uri}_apis/resourceareas?api-version=5.0-preview.1")
    assert listed.headers["Content-Type"].endswith("; api-version=5.0-preview.1")
    assert {row["name"]: row["locationUrl"] for row in listed.json()["value"]} == {
        "pypi": service.address("pkgs"),
        "Packaging": service.address("feeds"),
        "Token": service.address("vssps"),
        "Location": service.collection_uri,
        "distributedtask": service.collection_uri,
    }
    unknown = f"{service.collection_uri}_apis/ResourceAreas/{AREA[:-1]}B"
    assert ask(unknown, headers=PREVIEW).json() is None


@pytest.mark.parametrize(
    ("version", "kind"),
    [
        ("", "VssVersionNotSpecifiedException"),
        ("7.1", "VssInvalidPreviewVersionException"),
        ("8.0-preview.1", "VssVersionOutOfRangeException"),
        ("3.1-preview.1", "VssVersionNotSupportedException"),
        ("7.1-preview.2", "VssVersionNotSupportedException"),
        ("newest", "VssInvalidApiResourceVersionException"),
    ],
)
def test_versions_that_a_resource_does_not_have(service: Service, version: str, kind: str) -> None:
    url = f"{service.collection_uri}_apis/ResourceAreas"
    by_query = ask(f"{url}?api-version={version}" if version else url)
    by_accept = ask(url, headers={"Accept": f"application/json; api-version={version}"} if version else {})
    for answer in (by_query, by_accept):
        assert (answer.status, answer.json()["typeKey"]) == (400, kind)


def test_options_need_a_credential(service: Service) -> None:
    refused = ask(f"{service.address('pkgs')}_apis/pypi", method="OPTIONS")
    assert refused.status == 401
    everything = rows(
        ask(f"{service.collection_uri}_apis/", method="OPTIONS", token=service.mint_job_token("rockets"))
    )
    assert "e81700f7-3be2-46de-8624-2eb35882fcaa" in everything
    assert SIMPLE not in everything


def test_an_area_of_another_host_is_not_found(service: Service) -> None:
    token = service.mint_job_token("rockets")
    assert ask(f"{service.collection_uri}_apis/PyPi", method="OPTIONS", token=token).status == 404
    assert ask(f"{service.address('pkgs')}_apis/Nothing", method="OPTIONS", token=token).status == 404


def test_connection_data_says_who_is_asking(service: Service) -> None:
    url = f"{service.address('pkgs')}_apis/connectionData?api-version=5.0-preview.1"
    known = ask(url, token=service.mint_job_token("rockets"))
    identity = service.organization.build_service(service.project("rockets"))
    user = known.json()["authenticatedUser"]
    assert (user["id"], user["providerDisplayName"]) == (identity.id, "rockets Build Service (acme)")
    assert known.headers["X-VSS-UserData"] == f"{identity.id}:{user['properties']['Account']['$value']}"
    assert "accessMappings" not in known.json()["locationServiceData"]
    anonymous = ask(f"{url}&connectOptions=1")
    assert anonymous.json()["authenticatedUser"]["id"] == "aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa"
    assert "X-VSS-UserData" not in anonymous.headers
    mappings = anonymous.json()["locationServiceData"]["accessMappings"]
    assert [mapping["accessPoint"] for mapping in mappings] == [service.address("pkgs")]
    assert anonymous.json()["deploymentType"] == "hosted"


def test_an_identity_can_be_looked_up(service: Service) -> None:
    identity = service.organization.build_service(None)
    url = f"{service.address('vssps')}_apis/identities/"
    token = service.mint_job_token("rockets")
    found = ask(f"{url}{identity.id}?api-version=7.1", token=token)
    assert found.json()["providerDisplayName"] == "Project Collection Build Service (acme)"
    assert ask(f"{url}{AREA}?api-version=7.1", token=token).status == 404
    assert ask(f"{url}{identity.id}?api-version=7.1").status == 401


def test_an_anonymous_caller_is_told_how_to_authenticate(service: Service) -> None:
    answer = ask(feed_url(service, "fuel"))
    tenant = "11111111-2222-3333-4444-555555555555"
    assert answer.status == 401
    assert answer.all("WWW-Authenticate") == [
        f"Bearer authorization_uri=https://login.windows.net/{tenant}",
        'Basic realm="https://pkgsprodemu1.pkgs.visualstudio.com/"',
        "TFS-Federated",
    ]
    assert answer.headers["X-VSS-ResourceTenant"] == tenant
    assert answer.headers["X-VSS-AuthorizationEndpoint"] == service.address("vssps")
    assert answer.json()["typeKey"] == "UnauthorizedRequestException"
    assert "aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa" in answer.reason


@pytest.mark.parametrize(
    ("token", "message"),
    [("token-nobody", "TF400813"), ("token-rita-old", "Access Denied: The Personal Access Token used")],
)
def test_a_rejected_credential_gets_the_basic_challenge_only(
    service: Service, token: str, message: str
) -> None:
    for url in (feed_url(service, "fuel"), f"{service.collection_uri}_apis/ResourceAreas"):
        answer = ask(url, token=token, headers=PREVIEW)
        assert answer.status == 401
        assert answer.all("WWW-Authenticate") == ['Basic realm="https://pkgsprodemu1.pkgs.visualstudio.com/"']
        assert "X-VSS-ResourceTenant" not in answer.headers
        assert message in answer.reason


def test_an_expired_job_token_is_rejected(service: Service) -> None:
    token = service.mint_job_token("rockets", lifetime=timedelta(seconds=-1))
    answer = ask(feed_url(service, "fuel"), token=token)
    assert (answer.status, answer.json()["message"][:7]) == (401, "VS30063")
    assert service.log[-1].credential == "job token, expired"


def test_an_error_says_the_same_in_three_places(service: Service) -> None:
    answer = ask(f"{feed_url(service, 'fuel')}kerosene/", token="token-nora")
    identity = service.organization.identity("Nora Nobody")
    assert identity
    message = (
        f"User '{identity.id}' lacks permission to complete this action. You need to have 'ReadPackages'."
    )
    assert ACTIVITY.search(answer.reason)
    assert ACTIVITY.sub("", answer.reason) == f"Forbidden - {message}"
    assert answer.headers["X-TFS-ServiceError"] == quote(message)
    assert answer.headers["ActivityId"].upper() in answer.reason
    assert answer.json() == {
        "$id": "1",
        "innerException": None,
        "message": message,
        "typeName": "Microsoft.VisualStudio.Services.Feed.WebApi.FeedNeedsPermissionsException, "
        "Microsoft.VisualStudio.Services.Feed.WebApi",
        "typeKey": "FeedNeedsPermissionsException",
        "errorCode": 0,
        "eventId": 3000,
    }
    assert len(answer.body) == 367  # the size of the real answer, known from a log


def test_what_was_asked_cannot_break_the_status_line(service: Service) -> None:
    for feed in ("no%0d%0aX-Evil:%20yes", "no%0d%0aX-Evil:yes", "%00"):
        answer = ask(feed_url(service, feed), token="token-olga")
        assert answer.status in {400, 404}
        assert "X-Evil" not in answer.headers


def test_addresses_that_do_not_exist(service: Service) -> None:
    token = service.mint_job_token("rockets")
    assert ask(f"{service.origin}/pkgs/other/_apis/PyPi", method="OPTIONS", token=token).status == 404
    assert ask(f"{service.collection_uri}_apis/nothing", token=token).status == 404
    assert ask(f"{service.collection_uri}_apis/nothing", token="token-nobody").status == 401
    assert ask(f"{service.origin}/").status == 404
    assert ask(f"{service.origin}/dev/acme", token=token).status == 404
    wrong_method = ask(f"{service.collection_uri}_apis/ResourceAreas", method="POST", token=token)
    assert (wrong_method.status, wrong_method.headers["Allow"]) == (405, "GET")


def test_a_server_on_premises_has_one_address_for_everything(server: Service) -> None:
    token = server.mint_job_token("rockets")
    assert server.server_type == "OnPremises"
    assert server.collection_uri == f"{server.origin}/tfs/DefaultCollection/"
    assert {server.address(host) for host in ("dev", "pkgs", "feeds", "vssps")} == {server.collection_uri}
    found = rows(ask(f"{server.collection_uri}_apis/PyPi", method="OPTIONS", token=token))
    assert found[SIMPLE] == "{project}/_packaging/{feedId}/pypi/simple"
    page = ask(f"{feed_url(server, 'fuel')}kerosene/", token=token)
    assert page.links[0].startswith(f"{server.collection_uri}_packaging/")
    assert ask(page.links[0], token=token).status == 303
    feeds = ask(f"{server.collection_uri}_apis/packaging/feeds?api-version=7.1", token=token)
    assert feeds.json()["count"] > 0


def test_a_server_on_premises_has_no_resource_areas_and_no_tenant(server: Service) -> None:
    for url in (f"{server.collection_uri}_apis/ResourceAreas/{AREA}", f"{server.origin}/dev/acme/_apis/"):
        assert ask(url, headers=PREVIEW).status == 404
    listed = ask(f"{server.collection_uri}_apis/ResourceAreas", headers=PREVIEW)
    assert listed.json() == {"count": 0, "value": None}
    answer = ask(feed_url(server, "fuel"))
    assert answer.all("WWW-Authenticate") == ["Negotiate", "NTLM", f'Basic realm="{server.collection_uri}"']
    assert answer.headers["X-VSS-E2EID"]
    for header in ("X-VSS-ResourceTenant", "X-VSS-AuthorizationEndpoint", "Strict-Transport-Security"):
        assert header not in answer.headers
    assert ask(feed_url(server, "fuel"), token="no").all("WWW-Authenticate") == [
        f'Basic realm="{server.collection_uri}"'
    ]
    data = ask(f"{server.collection_uri}_apis/connectionData?api-version=5.0-preview.1").json()
    assert data["deploymentType"] == "onPremises"


def test_switches_of_discovery() -> None:
    organization = with_behaviour(
        trailing_route_parameter=True,
        anonymous_options=True,
        version_required=False,
        slash_after_location=False,
        negotiate_first=False,
    )
    with Service(organization) as service:
        area = ask(f"{service.collection_uri}_apis/ResourceAreas/{AREA}").json()
        assert area["locationUrl"] == service.address("pkgs").rstrip("/")
        found = rows(ask(f"{service.address('pkgs')}_apis/pypi", method="OPTIONS"))
        assert found[SIMPLE] == "{project}/_packaging/{feedId}/pypi/simple/{packageName}"
    with Service(organization, on_premises=True) as server:
        challenges = ask(feed_url(server, "fuel")).all("WWW-Authenticate")
        assert challenges == [f'Basic realm="{server.collection_uri}"']


def test_an_organisation_of_consumer_accounts_names_no_tenant() -> None:
    tenant = "00000000-0000-0000-0000-000000000000"
    organization = Organization.parse(f'[organization]\nname = "acme"\ntenant = "{tenant}"\n')
    with Service(organization) as service:
        answer = ask(feed_url(service, "fuel"))
        assert answer.all("WWW-Authenticate")[0] == "Bearer"
        assert answer.headers["X-VSS-ResourceTenant"] == tenant


@pytest.mark.parametrize(("mode", "status"), [("redirect", 302), ("page", 203)])
def test_those_who_do_not_suppress_it_get_the_sign_in_page(mode: str, status: int) -> None:
    with Service(with_behaviour(sign_in=mode)) as service:
        url = f"{service.address('feeds')}_apis/packaging/feeds?api-version=7.1"
        for token in (None, "token-rita-old"):
            answer = ask(url, token=token)
            assert answer.status == status
            assert answer.headers["Content-Type"].startswith("text/html")
        if mode == "redirect":
            location = answer.headers["Location"]
            assert location.startswith(f"{service.address('vssps')}_signin?realm=")
            assert quote(url, safe="") in location
            answer = ask(location)
            assert answer.status == 200
        assert "Sign In" in answer.text
        assert ask(url, headers={"X-TFS-FedAuthRedirect": "Suppress"}).status == 401
        index = feed_url(service, "fuel")
        assert ask(index).status == ask(index, token="token-nobody").status == 401
        assert ask(index, token="").status == status


def test_a_service_refuses_to_serve_other_machines() -> None:
    with pytest.raises(InputError, match="this machine only"):
        Service(Organization.parse(ORGANIZATION), host="0.0.0.0")


def test_a_service_can_serve_the_other_loopback_address() -> None:
    with Service(Organization.parse(ORGANIZATION), host="::1") as service:
        assert service.collection_uri.startswith("http://[::1]:")
        area = ask(f"{service.collection_uri}_apis/ResourceAreas/{AREA}", headers=PREVIEW)
        assert area.json()["locationUrl"] == service.address("pkgs")


def test_a_port_that_is_taken_is_told_and_leaves_nothing_behind(service: Service) -> None:
    other = Service(Organization.parse(ORGANIZATION), port=service.port)
    with pytest.raises(OSError, match="address already in use"):
        other.start()
    other.port = 0
    with other:
        assert other.port not in {0, service.port}


def test_a_service_tells_its_addresses(service: Service) -> None:
    told = service.addresses()
    assert told["collection"] == service.collection_uri
    assert told["feed rockets/engines"].endswith("/pkgs/acme/rockets/_packaging/engines/pypi/simple/")
    assert told["private index depot"] == service.resolve("{private:depot}")
    with pytest.raises(InputError, match="no project 'missiles'"):
        service.mint_job_token("missiles")


def test_placeholders_lead_to_real_addresses(service: Service) -> None:
    origin = service.origin
    assert service.resolve("{private:depot}") == f"{origin}/private/depot/simple/"
    assert service.resolve("{feed:Rockets/ENGINES}") == feed_url(service, "engines", "rockets")
    assert service.resolve("{collection}{pkgs}{public}") == (
        service.collection_uri + service.address("pkgs") + service.public_index_url
    )
    assert service.resolve("https://example.test/simple") == "https://example.test/simple"
    for unknown in ("{private:none}", "{feed:none}", "{pkgs:x}", "{host}"):
        with pytest.raises(InputError, match="no placeholder"):
            service.resolve(unknown)


def test_the_log_names_identities_and_never_a_secret(service: Service) -> None:
    token = service.mint_job_token("rockets")
    first = len(service.log)
    ask(f"{feed_url(service, 'engines', 'rockets')}?secret=in-a-query", token=token)
    ask(feed_url(service, "fuel"), token="token-olga-reads")
    ask(feed_url(service, "fuel"), token="token-unknown")
    ask(feed_url(service, "fuel"))
    ask(f"{service.origin}/private/depot/simple/", token="token-unknown")
    records = service.log[first:]
    assert [(r.status, r.host, r.identity, r.credential) for r in records] == [
        (200, "pkgs", "rockets Build Service (acme)", "job token"),
        (200, "pkgs", "Olga Owner", "olga reads"),
        (401, "pkgs", "anonymous", "an unknown token"),
        (401, "pkgs", "anonymous", "no credential"),
        (401, "private", "anonymous", "another credential"),
    ]
    text = "\n".join(map(str, records)) + json.dumps([vars(record) for record in records])
    for secret in (token.get_secret_value(), "token-olga", "token-unknown", "in-a-query"):
        assert secret not in text
