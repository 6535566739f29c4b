"""Faults on request: what can go wrong between a client and the service, made to go wrong."""

import asyncio
import dataclasses
import re
import socket
import struct
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import NoReturn, get_type_hints
from urllib.parse import quote

from aiohttp import web
from multidict import CIMultiDict

from azure_devops_emulator.description.shapes import nearest
from azure_devops_emulator.errors import InputError

KINDS: Mapping[str, str] = {
    "delay": "wait `seconds`, then answer as usual; `retry_after` brings rate-limit headers with it",
    "throttle": "429; Retry-After when `retry_after` is given",
    "unavailable": "503; Retry-After when `retry_after` is given",
    "deactivated": "503 of a deactivated organisation: TF24668 in a body that begins with a byte order mark",
    "reset": "reset the connection instead of answering",
    "reset-mid-body": "reset the connection in the middle of the body",
    "expired-token": "reject the presented credential as expired",
    "sign-in-redirect": "302 to the sign-in page",
    "sign-in-page": "203 with the sign-in page",
    "html": "200 with an HTML page",
    "broken-json": "200 with JSON that ends too early",
    "endless-body": "200 with a body that never ends",
    "truncated-body": "the usual answer, cut off before its Content-Length",
    "trickle": "the usual answer, one byte every `seconds`",
    "answer": "`status`, `reason`, `headers` and `body` as given",
    "redirect": "302 to `location`; without one to the same address again, for ever",
}
"""Every kind of fault and what it does."""

_JSON_TYPES: Mapping[object, tuple[type, ...]] = {
    str: (str,),
    int: (int,),
    float: (int, float),
    dict[str, str]: (dict,),
}
_SIGN_IN_PAGE = (
    "<!DOCTYPE html><html><head><title>Azure DevOps Services | Sign In</title></head>"
    "<body><form><label>Sign in</label><input type='email'></form></body></html>"
)


@dataclasses.dataclass
class Fault:
    """A fault to happen.

    Args:
        kind: one of KINDS.
        path: regular expression that is searched in the path (with the host's prefix, without query).
        times: how often it happens; 0 for always.
        method: only for this HTTP method; "" for any.
        seconds: of delay or between bytes.
        retry_after: value of a Retry-After header; "" for none.
        status: of an `answer`.
        reason: reason phrase of an `answer`; "" for the usual one.
        headers: of an `answer`.
        body: of an `answer`.
        location: of a `redirect`.

    Raises:
        InputError: the kind is none, or the path is no regular expression.
    """

    kind: str
    path: str = ""
    times: int = 1
    method: str = ""
    seconds: float = 0.0
    retry_after: str = ""
    status: int = 500
    reason: str = ""
    headers: dict[str, str] = dataclasses.field(default_factory=dict)
    body: str = ""
    location: str = ""

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise InputError(
                "unknown-fault", f"There is no fault {self.kind!r}", hint=nearest(self.kind, KINDS)
            )
        try:
            re.compile(self.path)
        except re.error:
            raise InputError("no-pattern", "The path of a fault is a regular expression") from None

    @classmethod
    def from_data(cls, data: object) -> "Fault":
        """A fault from parsed JSON.

        Raises:
            InputError: the data is no object, has unknown keys or values of a wrong type.
        """
        types = get_type_hints(cls)
        if not isinstance(data, dict) or "kind" not in data:
            raise InputError(
                "no-fault", "A fault is an object with a kind", hint=f"Kinds: {', '.join(KINDS)}."
            )
        for key, value in data.items():
            if key not in types:
                raise InputError("unknown-key", f"A fault has no {key!r}", hint=nearest(str(key), types))
            if type(value) not in _JSON_TYPES[types[key]]:
                raise InputError("wrong-type", f"The {key!r} of a fault has a wrong type")
        if not all(isinstance(text, str) for text in data.get("headers", {}).values()):
            raise InputError("wrong-type", "The headers of a fault are texts")
        return cls(**data)


class FaultQueue:
    """The faults that are to happen, in the order in which they were added; safe between threads."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self._lock = threading.Lock()

    def add(self, fault: Fault) -> None:
        """Let a fault happen from the next fitting request on."""
        with self._lock:
            self._faults.append(dataclasses.replace(fault))

    def clear(self) -> None:
        """Forget all faults."""
        with self._lock:
            self._faults.clear()

    def pending(self) -> list[Fault]:
        """The faults that may still happen."""
        with self._lock:
            return [dataclasses.replace(fault) for fault in self._faults]

    def take(self, method: str, path: str) -> Fault | None:
        """The first fault that fits a request, counted as having happened."""
        with self._lock:
            for fault in self._faults:
                if fault.method in {"", method} and re.search(fault.path, path):
                    if fault.times:
                        fault.times -= 1
                        if not fault.times:
                            self._faults.remove(fault)
                    return fault
        return None


Proceed = Callable[[], Awaitable[web.StreamResponse]]


async def commit(fault: Fault, request: web.Request, sign_in: str, proceed: Proceed) -> web.StreamResponse:
    """Answer a request with a fault.

    Args:
        fault: any but `expired-token`, which is a matter of who is asking.
        request: the request.
        sign_in: address of the sign-in service.
        proceed: gives the usual answer.
    """
    kind = fault.kind
    if kind == "delay":
        await asyncio.sleep(fault.seconds)
        response = await proceed()
        if fault.retry_after:
            response.headers.update(rate_limit_headers(fault.retry_after, fault.seconds))
        return response
    if kind == "reset":
        await _reset(request)
    if kind in {"reset-mid-body", "truncated-body", "trickle"}:
        return await _partly(fault, request, await proceed())
    if kind == "endless-body":
        return await _endless(request)
    if kind == "sign-in-redirect":
        return sign_in_redirect(request, sign_in)
    if kind == "sign-in-page":
        return sign_in_page(203)
    return _instead(fault, request)


def sign_in_redirect(request: web.Request, sign_in: str) -> web.Response:
    """A redirect to the sign-in page, as browsers get it in the place of a challenge."""
    back = quote(f"{request.scheme}://{request.host}{request.raw_path}", safe="")
    location = f"{sign_in}_signin?realm={quote(request.host, safe='')}&reply_to={back}&redirect=1"
    return web.Response(status=302, headers={"Location": location}, text="", content_type="text/html")


def sign_in_page(status: int) -> web.Response:
    """The sign-in page itself."""
    return web.Response(status=status, text=_SIGN_IN_PAGE, content_type="text/html")


def rate_limit_headers(retry_after: str, delayed: float) -> dict[str, str]:
    """The headers of a request that was slowed down or refused (documented as rate limits)."""
    return {
        "Retry-After": retry_after,
        "X-RateLimit-Resource": "Packaging/Request",
        "X-RateLimit-Delay": f"{delayed:.3f}",
        "X-RateLimit-Limit": "200",
        "X-RateLimit-Remaining": "0",
        "X-RateLimit-Reset": str(int(time.time()) + 300),
    }


def _instead(fault: Fault, request: web.Request) -> web.Response:
    headers = CIMultiDict[str]()
    if fault.kind in {"throttle", "unavailable"} and fault.retry_after:
        headers.update(rate_limit_headers(fault.retry_after, fault.seconds))
    if fault.kind == "throttle":
        message = (
            "TF400733: The request has been canceled: Request was blocked due to exceeding usage of resource"
            " 'Concurrency' in namespace 'User'."
        )
        return web.json_response({"message": message}, status=429, headers=headers)
    if fault.kind == "unavailable":
        page = "<html><body>Service unavailable</body></html>"
        return web.Response(status=503, text=page, content_type="text/html", headers=headers)
    if fault.kind == "deactivated":
        message = "TF24668: The following team project collection is stopped: it was deactivated."
        headers["X-TFS-ServiceError"] = quote(message)
        body = b"\xef\xbb\xbf" + f'{{"$id":"1","message":"{message}"}}'.encode()
        return web.Response(status=503, body=body, content_type="application/json", headers=headers)
    if fault.kind == "html":
        return web.Response(text="<html><body>A page of some proxy</body></html>", content_type="text/html")
    if fault.kind == "broken-json":
        return web.Response(text='{"count":1,"value":[{"id":', content_type="application/json")
    if fault.kind == "redirect":
        location = fault.location or request.raw_path
        return web.Response(status=302, headers={"Location": location})
    headers.update(fault.headers)
    kind = headers.pop("Content-Type", "text/plain; charset=utf-8")
    headers["Content-Type"] = kind
    return web.Response(
        status=fault.status, reason=fault.reason or None, body=fault.body.encode(), headers=headers
    )


async def _partly(fault: Fault, request: web.Request, usual: web.StreamResponse) -> web.StreamResponse:
    body = usual.body if isinstance(usual, web.Response) and isinstance(usual.body, bytes) else b""
    headers = usual.headers.copy()
    headers.pop("Content-Length", None)
    response = web.StreamResponse(status=usual.status, reason=usual.reason, headers=headers)
    response.content_length = max(len(body), 1)
    await response.prepare(request)
    if fault.kind == "trickle":
        for position in range(len(body)):
            await response.write(body[position : position + 1])
            await asyncio.sleep(fault.seconds)
        return response
    await response.write(body[: len(body) // 2])
    if fault.kind == "reset-mid-body":
        await asyncio.sleep(0.05)  # so that the half is sent before the connection is cut
        await _reset(request)
    assert request.transport  # noqa: S101 - the response was just written to it
    request.transport.close()
    return response


async def _endless(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "application/json; charset=utf-8"})
    await response.prepare(request)
    await response.write(b'{"value":[')
    while True:
        await response.write(b" " * 65536)
        await asyncio.sleep(0)


async def _reset(request: web.Request) -> NoReturn:
    """Cut the connection so that the other side sees a reset (RST); the server then cancels the handler."""
    if request.transport is not None:
        connection: socket.socket = request.transport.get_extra_info("socket")
        linger = struct.pack("hh" if sys.platform == "win32" else "ii", 1, 0)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        request.transport.abort()
    await asyncio.Event().wait()
    raise ConnectionResetError
