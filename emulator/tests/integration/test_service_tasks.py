"""Tasks over HTTP: who may upload and delete them, and what an upload must be."""

import http.client
import json
import threading
from collections.abc import Iterator

import pytest
from pydantic import SecretStr

from azure_devops_emulator import packed
from azure_devops_emulator.installed_tasks import BUILT_IN_ID
from azure_devops_emulator.organization import Organization
from azure_devops_emulator.service import Service
from emulator_support.service import Answer, ask, basic
from emulator_support.tasks import OTHER_ID, PROBE_ID, upload, version, zipped

ORGANIZATION = """
[organization]
name = "acme"

[[projects]]
name = "rockets"

[[identities]]
name = "Olga Owner"
administrator = true
tokens = [
  { value = "token-everything", scopes = ["app_token"] },
  { value = "token-pools", scopes = ["vso.agentpools_manage"] },
  { value = "token-packaging", scopes = ["vso.packaging_manage", "vso.agentpools"] },
  { value = "token-expired", scopes = ["app_token"], expires = 2024-02-29 },
]

[[identities]]
name = "Nora Nobody"
tokens = [{ value = "token-nobody", scopes = ["app_token", "vso.agentpools_manage"] }]

[behaviour]
built_in_task = "present"
"""
ACCEPT = {"Accept": "application/json;api-version=7.2-preview.1"}


@pytest.fixture
def service() -> Iterator[Service]:
    with Service(Organization.parse(ORGANIZATION)) as running:
        yield running


def tasks(
    service: Service,
    method: str = "GET",
    path: str = "",
    *,
    token: str | SecretStr | None = "token-pools",
    body: bytes | None = None,
) -> Answer:
    """Ask for the tasks, or for one of them."""
    url = f"{service.collection_uri}_apis/distributedtask/tasks{path}"
    headers = ACCEPT | {"X-TFS-FedAuthRedirect": "Suppress"}
    return ask(url, method=method, token=token, headers=headers, body=body)


def put(
    service: Service, body: bytes, identifier: str = PROBE_ID, token: str | SecretStr | None = "token-pools"
) -> Answer:
    return tasks(service, "PUT", f"/{identifier}?overwrite=false", token=token, body=body)


def versions(service: Service, path: str = "") -> list[tuple[str, int]]:
    """Id and minor version of each task that the service lists."""
    listed = tasks(service, path=path).json()
    assert listed["count"] == len(listed["value"])
    return [(row["id"], row["version"]["minor"]) for row in listed["value"]]


@pytest.mark.parametrize("token", ["token-everything", "token-pools"])
def test_an_administrator_uploads_and_deletes(service: Service, token: str) -> None:
    assert put(service, upload(), PROBE_ID.upper(), token).status == 200
    assert put(service, upload(version=version(9)), token=token).status == 200
    assert versions(service, f"/{PROBE_ID}") == [(PROBE_ID, 2), (PROBE_ID, 9)]
    deleted = tasks(service, "DELETE", f"/{PROBE_ID}", token=token)
    assert (deleted.status, deleted.body) == (204, b"")
    assert versions(service, f"/{PROBE_ID}") == []


@pytest.mark.parametrize(
    ("token", "status", "said"),
    [
        (None, 401, "TF400813"),
        ("nonsense", 401, "TF400813"),
        ("token-expired", 401, "has expired"),
        ("token-nobody", 403, "Nora Nobody needs Manage permissions"),
        ("token-packaging", 403, "Olga Owner needs Manage permissions"),
    ],
)
def test_nobody_else_does(service: Service, token: str | None, status: int, said: str) -> None:
    assert put(service, upload()).status == 200
    for answer in (
        put(service, upload(version=version(9)), token=token),
        tasks(service, "DELETE", f"/{PROBE_ID}", token=token),
    ):
        assert answer.status == status
        assert said in answer.json()["message"]
    assert versions(service, f"/{PROBE_ID}") == [(PROBE_ID, 2)]
    assert tasks(service, token=token).status == (status if status == 401 else 200)


def test_neither_does_the_token_of_a_job(service: Service) -> None:
    token = service.mint_job_token("rockets", collection_scoped=True)
    assert put(service, upload(), token=token).status == 403


def test_a_version_is_never_replaced(service: Service) -> None:
    assert put(service, upload()).status == 200
    for overwrite in ("false", "true"):
        refused = tasks(service, "PUT", f"/{PROBE_ID}?overwrite={overwrite}", body=upload(description="New"))
        assert refused.status == 409
        assert refused.json()["typeKey"] == "TaskDefinitionExistsException"
        assert refused.json()["message"] == (
            f"The task definition with id '{PROBE_ID}', name 'Probe' and version '1.2.3' already exists."
        )


@pytest.mark.parametrize(
    ("body", "identifier", "said"),
    [
        (b"no zip", PROBE_ID, "no zip file"),
        (b"", PROBE_ID, "no zip file"),
        (zipped({"a/task.json": "{}"}), PROBE_ID, "has no task.json"),
        (zipped({"task.json": "{}", "../evil": "x"}), PROBE_ID, "a path that is not allowed (../evil)"),
        (upload(), OTHER_ID, "another id than the address"),
        (upload(), "Probe", "not valid for the parameter 'taskId'"),
    ],
)
def test_what_is_no_task_is_refused(service: Service, body: bytes, identifier: str, said: str) -> None:
    refused = put(service, body, identifier)
    assert refused.status == 400
    assert said in refused.json()["message"]
    assert versions(service) == [(BUILT_IN_ID, 277)]


def test_an_upload_is_bounded_while_it_comes(service: Service) -> None:
    chunk = bytes(1024 * 1024)
    connection = http.client.HTTPConnection(service.host, service.port, timeout=20)
    path = f"/dev/acme/_apis/distributedtask/tasks/{PROBE_ID}"
    connection.request(
        "PUT",
        path,
        body=(chunk for _ in range(packed.LARGEST_FILE // len(chunk) + 1)),
        headers={"Authorization": basic("token-pools"), **ACCEPT},
        encode_chunked=True,
    )
    answer = connection.getresponse()
    assert answer.status == 413
    assert "larger than" in json.loads(answer.read())["message"]
    connection.close()


def test_the_list_can_be_narrowed(service: Service) -> None:
    assert put(service, upload(id=OTHER_ID, visibility=["Build"]), OTHER_ID).status == 200
    assert put(service, upload()).status == 200
    assert {name for name, _ in versions(service, "?visibility.0=build&visibility.1=release")} == {
        BUILT_IN_ID,
        PROBE_ID,
    }
    assert {name for name, _ in versions(service, "?visibility=BUILD")} == {BUILT_IN_ID, PROBE_ID, OTHER_ID}


def test_a_built_in_task_is_not_deleted(service: Service) -> None:
    refused = tasks(service, "DELETE", f"/{BUILT_IN_ID}")
    assert (refused.status, refused.json()["typeKey"]) == (404, "TaskDefinitionNotFoundException")
    assert versions(service) == [(BUILT_IN_ID, 277)]


def test_of_many_uploads_of_one_version_one_succeeds(service: Service) -> None:
    outcomes: list[int] = []
    threads = [
        threading.Thread(target=lambda: outcomes.append(put(service, upload()).status)) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == [200] + [409] * 7
