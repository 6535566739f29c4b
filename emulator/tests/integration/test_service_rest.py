"""The emulated service: the REST calls about feeds."""

import html
from collections.abc import Iterator

import pytest

from azure_devops_emulator.organization import Organization
from azure_devops_emulator.service import Service
from emulator_support.service import ORGANIZATION, Answer, ask, feed_url, with_behaviour


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    with Service(Organization.parse(ORGANIZATION)) as running:
        yield running


def call(service: Service, path: str, token: str | None = "token-olga", query: str = "") -> Answer:
    url = f"{service.address('feeds')}{path}?api-version=7.1-preview.1{query}"
    return ask(url, token=token)


def names(answer: Answer) -> list[str]:
    assert answer.status == 200, answer.reason
    assert answer.json()["count"] == len(answer.json()["value"])
    return [row["name"] for row in answer.json()["value"]]


@pytest.mark.parametrize(
    ("token", "role", "feeds"),
    [
        ("token-olga", "", ["fuel", "engines", "tank", "paintings"]),
        ("token-olga", "&feedRole=administrator", ["fuel", "engines", "tank"]),
        ("token-olga-reads", "&feedRole=contributor", []),
        ("token-paul", "&feedRole=Contributor", ["fuel"]),
        ("token-carl", "&feedRole=collaborator", ["fuel", "paintings"]),
        ("token-nora", "&feedRole=reader", ["paintings"]),
        ("token-nora", "&feedRole=none", ["paintings"]),
    ],
)
def test_feeds_by_role(service: Service, token: str, role: str, feeds: list[str]) -> None:
    assert names(call(service, "_apis/packaging/feeds", token, role)) == feeds


def test_feeds_of_a_project(service: Service) -> None:
    assert names(call(service, "rockets/_apis/Packaging/Feeds")) == ["engines"]
    assert names(call(service, "gallery/_apis/packaging/feeds")) == ["paintings"]
    assert call(service, "missiles/_apis/packaging/feeds").status == 404
    token = service.mint_job_token("OF Engineering").get_secret_value()
    assert names(call(service, "_apis/packaging/feeds", token)) == ["paintings"]


def test_what_feed_lists_refuse(service: Service) -> None:
    assert call(service, "_apis/packaging/feeds", query="&feedRole=king").status == 400
    for path in ("_apis/packaging/feeds", "_apis/packaging/feeds/fuel"):
        assert call(service, path, token=None).status == 401
        assert ask(f"{service.address('feeds')}{path}", token="token-olga").status == 400


def test_a_feed_by_name_by_id_and_through_a_view(service: Service) -> None:
    feed = service.organization.feeds[0]
    for asked in ("fuel", "Fuel", feed.id):
        data = call(service, f"_apis/packaging/feeds/{asked}", "token-rita").json()
        assert (data["id"], data["name"], data["fullyQualifiedName"]) == (feed.id, "fuel", "fuel")
        assert (data["view"], data["upstreamEnabled"], data["isReadOnly"]) == (None, True, False)
        assert [source["name"] for source in data["upstreamSources"]] == ["tank@Local", "the public index"]
        assert "project" not in data
    view = call(service, "_apis/packaging/feeds/fuel@Release", "token-nora").json()
    assert (view["fullyQualifiedName"], view["viewName"], view["isReadOnly"]) == (
        "fuel@Release",
        "Release",
        True,
    )
    engines = call(service, "rockets/_apis/packaging/feeds/engines").json()
    assert engines["project"] == {
        "id": service.project("rockets").id,
        "name": "rockets",
        "visibility": "private",
    }
    assert ask(f"{engines['url']}?api-version=7.1", token="token-olga").json() == engines


def test_feeds_that_are_not_there_or_not_for_the_caller(service: Service) -> None:
    missing = call(service, "_apis/packaging/feeds/engines")
    assert (missing.status, missing.json()["typeKey"]) == (404, "FeedIdNotFoundException")
    assert call(service, "_apis/packaging/feeds/fuel", "token-nora").status == 403


def test_permissions_are_for_owners(service: Service) -> None:
    path = "_apis/packaging/Feeds/fuel/permissions"
    refused = call(service, path, "token-rita")
    assert refused.status == 403
    assert "AdministerFeed" in refused.reason
    rows = {row["displayName"]: row for row in call(service, path).json()["value"]}
    assert {name: row["role"] for name, row in rows.items()} == {
        "Olga Owner": "administrator",
        "Paul Publisher": "contributor",
        "Carl Collaborator": "collaborator",
        "Rita Reader": "reader",
        "rockets Build Service (acme)": "collaborator",
        "Project Collection Build Service (acme)": "reader",
    }
    build = rows["rockets Build Service (acme)"]
    assert "identityId" not in build
    one = call(
        service, path, query=f"&includeIds=true&identityDescriptor={build['identityDescriptor']}"
    ).json()
    identity = service.organization.build_service(service.project("rockets"))
    assert [row["identityId"] for row in one["value"]] == [identity.id]
    with Service(with_behaviour(readers_read_permissions=True)) as other:
        assert call(other, path, "token-rita").status == 200


def test_views(service: Service) -> None:
    rows = call(service, "_apis/packaging/feeds/fuel/views", "token-rita").json()["value"]
    assert [(row["name"], row["type"], row["visibility"]) for row in rows] == [
        ("Local", "implicit", "private"),
        ("Prerelease", "release", "private"),
        ("Release", "release", "collection"),
    ]


def test_packages(service: Service) -> None:
    path = "_apis/packaging/feeds/fuel/packages"
    rows = call(service, path, "token-rita").json()["value"]
    assert [(row["name"], [v["version"] for v in row["versions"]]) for row in rows] == [
        ("Kerosene", ["2.0.0.dev1"]),
        ("Valve", ["3.0+eu.1"]),
    ]
    (kerosene,) = call(
        service, path, "token-rita", "&protocolType=pypi&packageNameQuery=KERO&includeAllVersions=true"
    ).json()["value"]
    assert kerosene["normalizedName"] == "kerosene"
    assert [(v["version"], v["isLatest"]) for v in kerosene["versions"]] == [
        ("2.0.0.dev1", True),
        ("1.10.0", False),
        ("1.9", False),
        ("1.0.0", False),
    ]
    assert names(call(service, path, "token-rita", "&packageNameQuery=nothing")) == []
    assert names(call(service, path, "token-rita", "&protocolType=npm")) == []
    assert names(call(service, "_apis/packaging/feeds/fuel@Release/packages", "token-nora")) == ["Kerosene"]


def test_a_package_that_was_saved_names_its_upstream() -> None:
    path = "_apis/packaging/feeds/fuel"
    with Service(Organization.parse(ORGANIZATION)) as service:
        sources = call(service, path, "token-rita").json()["upstreamSources"]
        page = ask(f"{feed_url(service, 'fuel')}hydrogen/", token="token-carl").text
        assert (
            ask(html.unescape(page.partition('href="')[2].partition("#")[0]), token="token-carl").status
            == 303
        )
        rows = call(service, f"{path}/packages", "token-rita").json()["value"]
    saved = {row["normalizedName"]: row["versions"][0].get("directUpstreamSourceId") for row in rows}
    tank = next(source["id"] for source in sources if "tank" in source["name"])
    assert saved == {"hydrogen": tank, "kerosene": None, "valve": None}


def test_the_feed_picker(service: Service) -> None:
    rows = ask(f"{service.collection_uri}_apis/packaging/feedids", token="token-olga").json()["value"]
    assert [(row["name"], row["projectName"]) for row in rows] == [
        ("fuel", None),
        ("engines", "rockets"),
        ("tank", None),
        ("paintings", "gallery"),
    ]
    assert ask(f"{service.collection_uri}_apis/packaging/feedids").status == 401
    url = f"{service.collection_uri}_apis/packaging/feedids?api-version=9.0"
    assert ask(url, token="token-olga").status == 400
