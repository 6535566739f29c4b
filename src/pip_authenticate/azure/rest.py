"""What all services of Azure DevOps have in common: where they are, and their JSON.

Where: Microsoft Learn, "Work with URLs in extensions and integrations".
"""

import json
from typing import Any

from pip_authenticate.azure.addresses import Collection, objection, with_slash
from pip_authenticate.errors import InputError, ServiceError
from pip_authenticate.index import IndexUrl
from pip_authenticate.origin import origin_of
from pip_authenticate.secret import Secret
from pip_authenticate.transport import Response, Transport

PYPI_AREA = "92F0314B-06C5-46E0-ABE7-15FD9D13276A"
"""Resource area of the Python protocol."""
PACKAGING_AREA = "7AB4E64E-C4D8-4F50-AE73-5EF2E21642A5"
"""Resource area of the feeds themselves."""
LOCATION_CHARACTERS = 2048
"""Longest address of a service; real ones have some dozens of characters."""


def resource_area(
    home: Collection, area: str, kind: str, transport: Transport, authorization: Secret | None, whose: str
) -> str:
    """Ask the location service of an organisation where an area's service is.

    Args:
        home: the organisation.
        area: GUID of the resource area.
        kind: what its service is called: `feed service`, `feeds service`.
        transport: sends the request.
        authorization: for the origin of `home`; the service answers without one, too.
        whose: names the credential in messages.

    Returns:
        The service's address, with a slash at its end; one that may be told what `home` may be told.

    Raises:
        ServiceError: nobody knows the area, or its address is not to be trusted.
    """
    response = transport.request(
        "GET",
        f"{with_slash(str(home.url))}_apis/ResourceAreas/{area}",
        # The resource was never released, so that only a preview version of it can be asked for.
        accept="application/json;api-version=7.2-preview.1",
        authorization=authorization,
    )
    answer = read_json(response, "location service", whose)
    location = answer.get("locationUrl") if isinstance(answer, dict) else None
    host = host_of(response)
    if not location or not isinstance(location, str) or len(location) > LOCATION_CHARACTERS:
        raise ServiceError(
            "feed-service-unknown",
            f"{host} knows no {kind} for Python packages (status {response.status})",
            hint="Check that Azure Artifacts is enabled for the organisation.",
        )
    try:
        service, _ = IndexUrl.parse(location)
    except InputError as error:
        raise ServiceError(
            "feed-service-unusable", f"The {kind}'s address, told by {host}, {error.what}"
        ) from None
    why = objection(service, kind, home)
    if why:
        raise ServiceError(
            "foreign-service",
            f"{host} names a {kind} that {why}: {service}",
            hint="The token is not sent there. Check the address of the organisation.",
        )
    return with_slash(str(service))


def read_json(response: Response, who: str, whose: str) -> Any:  # noqa: ANN401 - JSON is any of its types
    """The JSON of an answer, or None where a 404 says that there is nothing.

    Args:
        response: any answer.
        who: names the service in messages.
        whose: names the credential in messages: `the job's token`.

    Raises:
        ServiceError: the credential was refused, the service is in trouble, or the body is no JSON.
    """
    if response.status != 200 or "html" in response.headers.get("content-type", "").lower():
        from pip_authenticate.azure import refusals  # noqa: PLC0415 - most answers are plain

        if not refusals.tells(response, whose):
            return None
    try:
        return json.loads(response.body.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        raise ServiceError(
            "not-json",
            f"The {who} at {host_of(response)} did not answer with JSON (status {response.status})",
            hint="Check that no proxy answers in the service's place.",
        ) from None


def host_of(response: Response) -> str:
    """The host that answered."""
    return origin_of(response.url).host
