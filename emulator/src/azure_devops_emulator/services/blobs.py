"""The blob store: signed addresses on a host and port of its own, and no credentials, please."""

import asyncio
import base64
import hashlib
import hmac
import re
import secrets
import time
import uuid
from collections.abc import Callable
from datetime import timedelta
from urllib.parse import quote, unquote

from aiohttp import web

from azure_devops_emulator.services.packages import Distribution

LIFETIME = timedelta(hours=4)
"""How long a signed address is valid, unless told otherwise."""

_MODIFIED = "Wed, 01 Jan 2025 00:00:00 GMT"


class BlobStore:
    """Gives out files to whoever has a signed address.

    Args:
        address: gives the store's own address, without a slash at its end.
        lifetime: how long a signed address is valid.
    """

    def __init__(self, address: Callable[[], str], lifetime: timedelta = LIFETIME) -> None:
        self._address = address
        self._lifetime = lifetime.total_seconds()
        self._key = secrets.token_bytes(32)
        self._files: dict[str, Distribution] = {}

    def sign(self, distribution: Distribution, content: bytes) -> str:
        """An address of a file: another one each time."""
        digest = hashlib.sha256(content).hexdigest().upper()
        path = f"/b-{secrets.token_hex(16)}/{digest}00.blob"
        self._files[digest] = distribution
        disposition = f'attachment; filename="{distribution.file}"'
        expires = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + self._lifetime))
        call = f"x-e2eid-{uuid.uuid4()}"
        signature = self._signature(path, expires, call, disposition)
        query = (
            f"sv=2019-07-07&sr=b&sig={quote(signature, safe='')}&se={quote(expires, safe='')}&sp=r"
            f"&rscl={call}&rscd={quote(disposition, safe='')}&P1={int(time.time())}&P2=1&P3=2"
            f"&P4={secrets.token_urlsafe(16)}"
        )
        return f"{self._address()}{path}?{query}"

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Answer a request to the store: a file, a part of one, or a refusal in XML."""
        if request.method not in {"GET", "HEAD"}:
            return _refusal(405, "UnsupportedHttpVerb", "The resource doesn't support the specified verb.")
        if "Authorization" in request.headers or "Cookie" in request.headers:
            return _refusal(
                400, "InvalidAuthenticationInfo", "Authentication information is not in the correct format."
            )
        path = request.raw_path.partition("?")[0]
        query = request.query
        wanted = self._signature(path, query.get("se", ""), query.get("rscl", ""), query.get("rscd", ""))
        if not hmac.compare_digest(wanted.encode(), query.get("sig", "").encode()):
            return _refusal(403, "AuthenticationFailed", "Signature did not match.")
        if query["se"] < time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()):
            return _refusal(403, "AuthenticationFailed", "Signature not valid in the specified time frame.")
        digest = unquote(path).rpartition("/")[2].removesuffix("00.blob")
        content = await asyncio.to_thread(self._files[digest].content)
        return _content(request, content, digest, query["rscd"])

    def _signature(self, *parts: str) -> str:
        text = "\n".join(parts).encode()
        return base64.b64encode(hmac.digest(self._key, text, hashlib.sha256)).decode()


def _content(request: web.Request, content: bytes, digest: str, disposition: str) -> web.Response:
    headers = {
        "Content-Type": "application/octet-stream",
        "Accept-Ranges": "bytes",
        "ETag": f'"0x{digest[:16]}"',
        "Last-Modified": _MODIFIED,
        "Content-Disposition": disposition,
    }
    asked = re.fullmatch(r"bytes=(\d*)-(\d*)", request.headers.get("Range", ""))
    if not asked or not (asked[1] or asked[2]):
        return web.Response(body=content, headers=headers)
    size = len(content)
    start = int(asked[1]) if asked[1] else max(size - int(asked[2]), 0)
    end = min(int(asked[2]), size - 1) if asked[1] and asked[2] else size - 1
    if start > end:
        return web.Response(status=416, headers={"Content-Range": f"bytes */{size}"})
    headers["Content-Range"] = f"bytes {start}-{end}/{size}"
    return web.Response(status=206, body=content[start : end + 1], headers=headers)


def _refusal(status: int, code: str, message: str) -> web.Response:
    head = '<?xml version="1.0" encoding="utf-8"?>'
    text = f"{head}<Error><Code>{code}</Code><Message>{message}</Message></Error>"
    return web.Response(
        status=status, text=text, content_type="application/xml", headers={"x-ms-error-code": code}
    )
