"""The tasks of an organisation, as `tfx build tasks` lists, uploads and deletes them (REST).

An upload is a zip file with a task.json at its root. A version that exists is never replaced, whatever
`overwrite` says; the texts of refusals are those that users of the real service reported.
"""

import asyncio
from dataclasses import dataclass

from aiohttp import web

from azure_devops_emulator import packed, task_sources
from azure_devops_emulator.errors import InputError
from azure_devops_emulator.installed_tasks import InstalledTask, InstalledTasks
from azure_devops_emulator.jobs.endpoints import as_guid
from azure_devops_emulator.services.location import TASKS, check_version
from azure_devops_emulator.services.wire import Call, Refusal, decorate, json_answer

_NAMESPACE = "Microsoft.TeamFoundation.DistributedTask.WebApi"
_CHUNK = 64 * 1024


@dataclass(frozen=True)
class TasksHost:
    """Answers the REST calls about tasks.

    Args:
        tasks: those of the organisation.
    """

    tasks: InstalledTasks

    async def listed(self, call: Call) -> web.Response:
        """The versions of all tasks, or of one; of those that are offered in all places of `visibility`."""
        version = check_version(call, TASKS)
        call.demand_identity()
        identifier = _identifier(call) if "task" in call.parts else None
        places = {
            value.lower() for name, value in call.request.query.items() if name.startswith("visibility")
        }
        rows = [
            _row(task)
            for task in self.tasks.all()
            if identifier in {None, task.definition.id} and _offered(task, places)
        ]
        return json_answer(call, {"count": len(rows), "value": rows}, version=version)

    async def upload(self, call: Call) -> web.Response:
        """Install an uploaded task."""
        check_version(call, TASKS)
        _demand_administrator(call)
        identifier = _identifier(call)
        body = await _body(call.request)
        try:
            # Unpacking takes a while: others are answered meanwhile.
            self.tasks.add(await asyncio.to_thread(task_sources.from_upload, body, identifier))
        except InputError as error:
            if error.slug == "task-exists":
                raise Refusal(409, str(error), "TaskDefinitionExistsException", _NAMESPACE) from error
            raise Refusal(400, str(error), "InvalidTaskDefinitionException", _NAMESPACE) from error
        return _done(call, 200)

    async def delete(self, call: Call) -> web.Response:
        """Remove all versions of an uploaded task."""
        check_version(call, TASKS)
        _demand_administrator(call)
        identifier = _identifier(call)
        if not self.tasks.remove(identifier):
            message = f"Task definition {identifier} was not found among the uploaded ones."
            raise Refusal(404, message, "TaskDefinitionNotFoundException", _NAMESPACE)
        return _done(call, 204)


def _demand_administrator(call: Call) -> None:
    """See that the caller may manage agent pools.

    Raises:
        Refusal: there is no caller, or one without that right.
    """
    caller = call.demand_identity()
    if not caller.manages_pools:
        message = (
            f"Access denied. {caller.name} needs Manage permissions for agent pools to perform the action."
            " For more information, contact the Azure DevOps administrator."
        )
        raise Refusal(403, message, "AccessDeniedException", _NAMESPACE)


def _identifier(call: Call) -> str:
    """The task's id in the address.

    Raises:
        Refusal: it is no GUID.
    """
    identifier = as_guid(call.parts["task"])
    if identifier is None:
        message = f"The value '{call.parts['task']}' is not valid for the parameter 'taskId'."
        raise Refusal(400, message, "VssPropertyValidationException")
    return identifier


async def _body(request: web.Request) -> bytes:
    """The body of a request, sent in chunks or as a whole.

    Raises:
        Refusal: it is longer than a task may be.
    """
    body = bytearray()
    async for chunk in request.content.iter_chunked(_CHUNK):
        body += chunk
        if len(body) > packed.LARGEST_FILE:
            message = f"The task is larger than {packed.LARGEST_FILE} bytes."
            raise Refusal(413, message, "InvalidTaskDefinitionException", _NAMESPACE)
    return bytes(body)


def _done(call: Call, status: int) -> web.Response:
    """An answer without a body."""
    response = web.Response(status=status)
    decorate(call, response)
    return response


def _offered(task: InstalledTask, places: set[str]) -> bool:
    """Whether a task is offered in all these places; one that names no place is offered everywhere."""
    own = {place.lower() for place in task.definition.visibility}
    return not own or places <= own


def _row(task: InstalledTask) -> dict[str, object]:
    definition = task.definition
    major, minor, patch = definition.version
    row: dict[str, object] = {
        "id": definition.id,
        "name": definition.name,
        "friendlyName": definition.friendly_name,
        "description": definition.description,
        "author": definition.author,
        "version": {"major": major, "minor": minor, "patch": patch, "isTest": False},
        "visibility": list(definition.visibility),
        "definitionType": "task",
    }
    if task.extension:
        row["contributionIdentifier"] = task.extension
    return row
