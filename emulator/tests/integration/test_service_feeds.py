"""The emulated service: index pages, downloads, upstreams, uploads."""

import hashlib
import http.client
import re
import ssl
from collections.abc import Iterator
from datetime import timedelta
from urllib.parse import urlsplit, urlunsplit

import pytest
import trustme

from azure_devops_emulator.organization import Organization
from azure_devops_emulator.service import Service
from azure_devops_emulator.services.packages import Distribution, made_up
from emulator_support.service import ACTIVITY, ORGANIZATION, Answer, ask, basic, feed_url, with_behaviour


@pytest.fixture
def service() -> Iterator[Service]:
    with Service(Organization.parse(ORGANIZATION)) as running:
        yield running


def page(service: Service, feed: str, package: str, *, project: str = "", token: str | None = None) -> Answer:
    return ask(f"{feed_url(service, feed, project)}{package}/", token=token)


def test_a_page_has_the_shape_of_the_real_one(service: Service) -> None:
    answer = page(service, "FUEL", "kerosene", token="token-rita")
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "no-store" in answer.headers["Cache-Control"]
    wheel = made_up("Kerosene==1.10.0", "the feed fuel")
    fuel = service.organization.feeds[0]
    base = f"{service.address('pkgs')}_packaging/{fuel.id}/pypi/download/kerosene"
    title = "Links for kerosene"
    head = f"<!DOCTYPE html><html><head><title>{title}</title></head><body><h1>{title}</h1>"
    assert answer.text.startswith(head)
    assert answer.text.endswith("</a><br></body></html>")
    assert (
        f'<a href="{base}/1.10/{wheel.file}#sha256={wheel.sha256}" data-requires-python="&gt;=3.8">'
        f"{wheel.file}</a><br>"
    ) in answer.text
    versions = [urlsplit(link).path.split("/")[-2] for link in answer.links]
    assert versions == ["2.dev1", "1.10", "1.9", "1"]
    without_slash = ask(f"{feed_url(service, 'fuel')}kerosene", token="token-rita")
    assert without_slash.text == answer.text


def test_links_of_a_project_feed_name_project_and_feed_by_guid(service: Service) -> None:
    token = service.mint_job_token("rockets").get_secret_value()
    rockets, engines = service.organization.projects[0], service.organization.feeds[1]
    wanted = f"{service.address('pkgs')}{rockets.id}/_packaging/{engines.id}/pypi/download/engine/4/"
    for project, feed in (("rockets", "engines"), (rockets.id, engines.id.upper()), ("ROCKETS", "Engines")):
        links = page(service, feed, "engine", project=project, token=token).links
        assert links == [f"{wanted}Engine-4.0.0-py3-none-any.whl"]
    named = ask(
        f"{feed_url(service, 'engines', 'rockets')}engine/",
        token=token,
        headers={"Host": "devops.example.test:8080"},
    )
    assert named.links[0].startswith("http://devops.example.test:8080/pkgs/acme/")


def test_a_local_version_in_a_link_is_encoded(service: Service) -> None:
    (link,) = page(service, "fuel", "valve", token="token-rita").links
    assert link.endswith("/valve/3%2Beu.1/Valve-3.0%2Beu.1-py3-none-any.whl")
    assert ask(link, token="token-rita").status == 303


def test_a_view_shows_what_was_promoted_to_it(service: Service) -> None:
    fuel = service.organization.feeds[0]
    for view in ("Release", "release", fuel.views[2].id):
        links = page(service, f"fuel%40{view}", "kerosene", token="token-nora").links
        assert len(links) == 1
        assert f"/_packaging/{fuel.id}@{fuel.views[2].id}/pypi/download/kerosene/1.9/" in links[0]
        assert ask(links[0], token="token-nora").status == 303
    assert len(page(service, "fuel@Local", "kerosene", token="token-rita").links) == 4
    assert page(service, "fuel@Local", "hydrogen", token="token-carl").status == 404
    assert page(service, "fuel@Prerelease", "kerosene", token="token-rita").status == 404
    unknown = page(service, "fuel@Secret", "kerosene", token="token-rita")
    assert (unknown.status, unknown.json()["typeKey"]) == (404, "FeedViewNotFoundException")


def test_a_download_is_a_redirect_to_another_signed_address_each_time(service: Service) -> None:
    link = page(service, "fuel", "kerosene", token="token-rita").links[1]
    first, second = (ask(link, token="token-rita") for _ in range(2))
    assert (first.status, first.body) == (303, b"")
    assert first.headers["Location"] != second.headers["Location"]
    blob = ask(first.headers["Location"])
    wheel = made_up("Kerosene==1.10.0", "the feed fuel")
    assert (blob.status, blob.body) == (200, wheel.content())
    assert blob.headers["Content-Type"] == "application/octet-stream"
    assert blob.headers["Content-Disposition"] == f'attachment; filename="{wheel.file}"'
    assert "Cache-Control" not in blob.headers
    path = urlsplit(first.headers["Location"]).path
    assert re.fullmatch(rf"/b-[0-9a-f]{{32}}/{wheel.sha256.upper()}00\.blob", path)


def test_a_blob_is_given_in_parts(service: Service) -> None:
    link = page(service, "fuel", "kerosene", token="token-rita").links[0]
    blob = ask(link, token="token-rita").headers["Location"]
    whole = ask(blob).body
    for asked, part in (("bytes=2-5", whole[2:6]), ("bytes=10-", whole[10:]), ("bytes=-3", whole[-3:])):
        answer = ask(blob, headers={"Range": asked})
        assert (answer.status, answer.body) == (206, part)
    assert ask(blob, headers={"Range": f"bytes={len(whole)}-"}).status == 416
    assert ask(blob, headers={"Range": "lines=1-2"}).body == whole
    head = ask(blob, method="HEAD")
    assert (head.status, head.body, int(head.headers["Content-Length"])) == (200, b"", len(whole))
    assert ask(blob, method="POST").status == 405


def test_a_blob_store_wants_its_signature_and_no_credential(service: Service) -> None:
    link = page(service, "fuel", "kerosene", token="token-rita").links[0]
    blob = ask(link, token="token-rita").headers["Location"]
    refused = ask(blob, token="token-rita")
    assert (refused.status, refused.headers["x-ms-error-code"]) == (400, "InvalidAuthenticationInfo")
    assert service.log[-1].credential == "a credential that the blob store does not want"
    parts = urlsplit(blob)
    for changed in (
        parts._replace(query=""),
        parts._replace(query=parts.query.replace("se=2", "se=3")),
        parts._replace(path=parts.path.replace("/b-", "/b-0")),
        parts._replace(query=re.sub("sig=[^&]*", "sig=", parts.query)),
    ):
        assert ask(urlunsplit(changed)).status == 403


def test_a_signature_expires() -> None:
    with Service(Organization.parse(ORGANIZATION), blob_lifetime=timedelta(seconds=-1)) as service:
        link = page(service, "fuel", "kerosene", token="token-rita").links[0]
        late = ask(ask(link, token="token-rita").headers["Location"])
        assert (late.status, late.headers["x-ms-error-code"]) == (403, "AuthenticationFailed")


def test_a_feed_is_only_found_where_it_is(service: Service) -> None:
    token = "token-olga"
    for feed, project in (("engines", ""), ("fuel", "rockets"), ("none", ""), ("engines", "gallery")):
        answer = page(service, feed, "engine", project=project, token=token)
        assert answer.status == 404
        assert answer.json()["message"] == f"The feed with ID '{feed}' doesn't exist."
    for project in ("missiles", "OF%20Engineering"):
        answer = page(service, "engines", "engine", project=project, token=token)
        assert (answer.status, answer.json()["typeKey"]) == (404, "ProjectDoesNotExistWithNameException")
        assert answer.json()["message"].startswith("TF200016")
    spaced = page(service, "%20fuel", "kerosene", token=token)
    assert spaced.status == 400
    assert page(service, "fuel", "kero%20sene", token=token).status == 400


def test_a_role_in_a_feed_is_not_enough_without_its_project(service: Service) -> None:
    other = service.mint_job_token("OF Engineering").get_secret_value()
    assert page(service, "engines", "engine", project="rockets", token=other).status == 404
    everything = service.mint_job_token("OF Engineering", collection_scoped=True).get_secret_value()
    assert page(service, "engines", "engine", project="rockets", token=everything).status == 403
    assert page(service, "fuel", "kerosene", token=everything).status == 200


def test_a_token_without_a_scope_for_packages_reads_nothing(service: Service) -> None:
    assert page(service, "fuel", "kerosene", token="token-olga-codes").status == 403


def test_names_that_are_not_found(service: Service) -> None:
    answer = page(service, "fuel", "nothing", token="token-rita")
    assert answer.status == 404
    assert ACTIVITY.search(answer.reason)
    assert page(service, "fuel", "Kerosene", token="token-rita").status == 404
    link = page(service, "fuel", "kerosene", token="token-rita").links[0]
    for wrong in (link.replace("Kerosene-2", "Kerosene-3"), link.replace("/2.dev1/", "/2/")):
        assert ask(wrong, token="token-rita").status == 404
    assert ask(link.replace("/2.dev1/", "/two/"), token="token-rita").status == 404


def test_methods_that_index_pages_do_not_have(service: Service) -> None:
    link = page(service, "fuel", "kerosene", token="token-rita").links[0]
    for url in (feed_url(service, "fuel"), f"{feed_url(service, 'fuel')}kerosene/", link):
        for method in ("POST", "HEAD", "PUT"):
            assert ask(url, method=method, token="token-rita").status == 405
    answer = ask(feed_url(service, "fuel"), method="POST", token="token-rita")
    message = "The requested resource does not support http method 'POST'."
    assert answer.json() == {"count": 1, "value": {"Message": message}}
    assert ask(feed_url(service, "fuel"), method="POST").status == 401


def test_the_root_of_an_index_lists_nothing(service: Service) -> None:
    for url in (feed_url(service, "fuel"), feed_url(service, "fuel").rstrip("/")):
        answer = ask(url, token="token-rita")
        assert (answer.status, answer.links) == (200, [])


def test_switches_of_index_pages() -> None:
    organization = with_behaviour(
        simple_json=True, head_allowed=True, other_spellings=True, root_lists_packages=True
    )
    kind = "application/vnd.pypi.simple.v1+json"
    with Service(organization) as service:
        url = feed_url(service, "fuel")
        assert ask(url, token="token-rita").links == ["kerosene/", "valve/"]
        assert ask(f"{url}Kerosene/", token="token-rita").status == 200
        head = ask(f"{url}kerosene/", method="HEAD", token="token-rita")
        assert (head.status, head.body) == (200, b"")
        data = ask(f"{url}kerosene/", token="token-rita", headers={"Accept": f"{kind}, text/html;q=0.1"})
        assert data.headers["Content-Type"] == kind
        assert data.json()["meta"] == {"api-version": "1.0"}
        newest = data.json()["files"][0]
        wheel = made_up("Kerosene==2.0.0.dev1", "the feed fuel")
        assert newest["hashes"] == {"sha256": wheel.sha256}
        assert newest["requires-python"] == ">=3.8"
        assert ask(newest["url"], token="token-rita").status == 303
        assert "<html>" in ask(f"{url}kerosene/", token="token-rita").text


def test_a_reader_gets_an_upstream_version_once_somebody_has_saved_it(service: Service) -> None:
    link = page(service, "fuel", "hydrogen", token="token-rita").links[0]
    assert link.endswith("/hydrogen/0.2/Hydrogen-0.2-py3-none-any.whl")
    for token in ("token-rita", "token-carl-reads", "token-olga-reads"):
        refused = ask(link, token=token)
        assert refused.status == 403
        assert "You need to have 'AddUpstreamPackage'." in refused.reason
    saved = ask(link, token="token-carl")
    assert saved.status == 303
    again = ask(link, token="token-rita")
    assert ask(again.headers["Location"]).body == made_up("Hydrogen==0.2", "the feed tank").content()
    older = page(service, "fuel", "hydrogen", token="token-rita").links[1]
    assert ask(older, token="token-rita").status == 403


def test_the_build_service_saves_from_upstream_and_its_neighbour_does_not(service: Service) -> None:
    link = page(service, "fuel", "hydrogen", token="token-rita").links[0]
    neighbour = service.mint_job_token("rockets", collection_scoped=True)
    assert ask(link, token=neighbour).status == 403
    assert ask(link, token=service.mint_job_token("rockets")).status == 303
    assert ask(link, token=neighbour).status == 303


def test_published_packages_hide_the_public_ones_of_the_same_name(service: Service) -> None:
    assert "9.9.9" not in page(service, "fuel", "kerosene", token="token-carl").text
    assert len(page(service, "fuel", "openness", token="token-carl").links) == 1
    allowed = ORGANIZATION.replace('name = "fuel"\n', 'name = "fuel"\nexternal_versions = ["Kerosene"]\n')
    with Service(Organization.parse(allowed)) as other:
        assert "9.9.9" in page(other, "fuel", "kerosene", token="token-carl").links[0]


def test_what_was_saved_stays_when_something_is_published(service: Service) -> None:
    link = page(service, "fuel", "openness", token="token-carl").links[0]
    ask(link, token="token-carl")
    publish(service, made_up("Openness==0.5", "here"), token="token-paul")
    assert len(page(service, "fuel", "openness", token="token-rita").links) == 2


def test_a_public_feed_gives_everyone_what_it_has_stored(service: Service) -> None:
    stored = page(service, "paintings", "mona", project="gallery")
    assert stored.status == 200
    assert ask(stored.links[0]).status == 303
    listed = page(service, "paintings", "scream", project="gallery")
    assert len(listed.links) == 1
    refused = ask(listed.links[0])
    assert refused.status == 401
    assert refused.json()["message"].startswith("No local versions of package 'scream'")
    assert len(refused.all("WWW-Authenticate")) == 3
    assert page(service, "paintings", "nothing", project="gallery").status == 401
    assert ask(listed.links[0], token="token-carl").status == 303
    assert ask(listed.links[0]).status == 303


def test_without_a_credential_nobody_learns_what_there_is(service: Service) -> None:
    for feed, project in (("fuel", ""), ("none", ""), ("engines", "rockets"), ("none", "missiles")):
        assert page(service, feed, "kerosene", project=project).status == 401


def form(fields: dict[str, str], file: str, content: bytes) -> tuple[dict[str, str], bytes]:
    """The headers and the body of an upload, as twine sends it."""
    boundary = "a-boundary-of-the-tests"
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in fields.items()
    ]
    parts.append(
        f'--{boundary}\r\nContent-Disposition: form-data; name="content"; filename="{file}"\r\n'
        "Content-Type: application/octet-stream\r\n\r\n".encode()
        + content
        + f"\r\n--{boundary}--\r\n".encode()
    )
    return {"Content-Type": f"multipart/form-data; boundary={boundary}"}, b"".join(parts)


def publish(service: Service, wheel: Distribution, token: str, feed: str = "fuel", **changes: str) -> Answer:
    content = wheel.content()
    fields = {
        ":action": "file_upload",
        "protocol_version": "1",
        "metadata_version": "2.1",
        "name": wheel.name,
        "version": str(wheel.version),
        "filetype": "bdist_wheel",
        "sha256_digest": wheel.sha256,
        "md5_digest": hashlib.md5(content, usedforsecurity=False).hexdigest(),
    }
    headers, body = form({**fields, **changes}, wheel.file, content)
    url = feed_url(service, feed).replace("/simple/", "/upload/")
    return ask(url, method="POST", token=token, headers=headers, body=body)


def test_publishing(service: Service) -> None:
    wheel = made_up("Kerosene==3.0", "a person")
    for token in ("token-rita", "token-carl"):
        refused = publish(service, wheel, token)
        assert refused.status == 403
        assert "You need to have 'AddPackage'." in refused.reason
    assert publish(service, wheel, "token-paul").status == 200
    assert wheel.sha256 in page(service, "fuel", "kerosene", token="token-rita").text
    twice = publish(service, wheel, "token-paul")
    assert twice.status == 409
    assert ACTIVITY.sub("", twice.reason) == (
        f"Conflict - The feed 'fuel' already contains file '{wheel.file}' in package 'Kerosene 3.0'."
    )
    assert publish(service, wheel, "token-olga-reads").status == 403


def test_uploads_that_contradict_themselves(service: Service) -> None:
    wheel = made_up("Kerosene==3.0", "a person")
    for changes in (
        {":action": "submit"},
        {"name": "Petrol"},
        {"version": "3.1"},
        {"version": "three"},
        {"sha256_digest": "0" * 64},
        {"md5_digest": "0" * 32},
    ):
        assert publish(service, wheel, "token-paul", **changes).status == 400
    assert publish(service, wheel, "token-paul", feed="fuel@Release").status == 400
    url = feed_url(service, "fuel").replace("/simple/", "/upload")
    assert ask(url, method="POST", token="token-paul", body=b"x").status == 400
    headers, body = form({":action": "file_upload"}, "kerosene.exe", b"x")
    assert ask(url, method="POST", token="token-paul", headers=headers, body=body).status == 400
    assert ask(url, token="token-paul").status == 405
    assert len(page(service, "fuel", "kerosene", token="token-rita").links) == 4


def test_https() -> None:
    authority = trustme.CA(key_type=trustme.KeyType.ECDSA)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1", "localhost").configure_cert(tls)
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    with Service(Organization.parse(ORGANIZATION), tls=tls) as service:
        url = f"{feed_url(service, 'fuel')}kerosene/"
        assert url.startswith("https://127.0.0.1:")
        answer = ask(url, token="token-rita", tls=trusting)
        link = answer.links[0]
        assert link.startswith(service.origin)
        blob = ask(link, token="token-rita", tls=trusting).headers["Location"]
        assert ask(blob, tls=trusting).status == 200


def test_one_connection_serves_many_requests(service: Service) -> None:
    path = urlsplit(feed_url(service, "fuel")).path
    connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=10)
    used = set()
    try:
        for _ in range(3):
            connection.request("GET", path, headers={"Authorization": basic("token-rita")})
            assert connection.getresponse().read()
            assert connection.sock is not None
            used.add(connection.sock.getsockname())
    finally:
        connection.close()
    assert len(used) == 1
