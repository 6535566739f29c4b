"""The control endpoint: lets other tools order faults over HTTP."""

from dataclasses import asdict

from aiohttp import web

from azure_devops_emulator.errors import InputError
from azure_devops_emulator.services.faults import Fault, FaultQueue

CONTROL_PATH = "/_emulator/faults"


async def control(request: web.Request, faults: FaultQueue) -> web.Response:
    """Answer `POST` of one fault, `GET` of those to come, and `DELETE` of all.

    A fault is an object with the keys of Fault. Only application/json is taken, which a page in a browser
    cannot send to another origin.

    Args:
        request: the request, of any path below `/_emulator/`.
        faults: the queue.
    """
    if request.path != CONTROL_PATH:
        return web.json_response({"error": f"There is only {CONTROL_PATH}"}, status=404)
    if request.method == "GET":
        return _pending(faults, 200)
    if request.method == "DELETE":
        faults.clear()
        return _pending(faults, 200)
    if request.method != "POST":
        return web.json_response({"error": "GET, POST or DELETE"}, status=405)
    if request.content_type != "application/json":
        return web.json_response({"error": "Send application/json"}, status=415)
    try:
        faults.add(Fault.from_data(await request.json()))
    except InputError as error:
        return web.json_response({"error": str(error)}, status=400)
    except ValueError:
        return web.json_response({"error": "That is no JSON"}, status=400)
    return _pending(faults, 201)


def _pending(faults: FaultQueue, status: int) -> web.Response:
    return web.json_response([asdict(fault) for fault in faults.pending()], status=status)
