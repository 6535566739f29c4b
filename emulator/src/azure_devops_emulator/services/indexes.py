"""Plain indexes (PEP 503): those of others, with Basic authentication, and the stand-in of the public one."""

import asyncio
import base64
import binascii
import html
import re
from collections.abc import Iterable
from urllib.parse import quote, unquote

from aiohttp import web
from packaging.utils import canonicalize_name
from pydantic import SecretStr

from azure_devops_emulator.services.packages import Distribution, newest_first

_PATH = re.compile(r"(?:simple/(?:(?P<project>[^/]+)/)?|files/(?P<file>[^/]+))")


class PlainIndex:
    """An index with relative links and its own files.

    Args:
        name: its name, the realm of its challenge.
        distributions: its packages.
        password: the only accepted password; None for an index that is open to everyone.
        user: the only accepted user name; "" for any.
    """

    def __init__(
        self,
        name: str,
        distributions: Iterable[Distribution],
        password: SecretStr | None = None,
        user: str = "",
    ) -> None:
        self._name = name
        self._distributions = list(distributions)
        self._password = password
        self._user = user

    def admits(self, header: str | None) -> bool:
        """Whether an Authorization header gives access."""
        if self._password is None:
            return True
        scheme, _, value = (header or "").partition(" ")
        try:
            pair = base64.b64decode(value.strip(), validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            return False
        user, _, password = pair.partition(":")
        return (
            scheme.lower() == "basic" and self._user in {"", user} and SecretStr(password) == self._password
        )

    async def answer(self, request: web.Request, path: str) -> web.StreamResponse:
        """Answer a request.

        Args:
            request: the request.
            path: what comes after the index's own address, as it was sent.
        """
        if not self.admits(request.headers.get("Authorization")):
            challenge = {"WWW-Authenticate": f'Basic realm="{self._name}", charset="UTF-8"'}
            return web.Response(status=401, text="Unauthorized", headers=challenge)
        if request.method not in {"GET", "HEAD"}:
            return web.Response(status=405, text="Method Not Allowed", headers={"Allow": "GET, HEAD"})
        if path == "simple" or _PATH.fullmatch(f"{path}/"):
            return web.Response(status=301, headers={"Location": f"{request.raw_path}/"})
        match = _PATH.fullmatch(path)
        if match and match["file"]:
            return await self._file(unquote(match["file"]))
        if match and match["project"]:
            return self._page(unquote(match["project"]))
        if match:
            keys = sorted({distribution.key for distribution in self._distributions})
            return _html("Simple index", [f'<a href="{key}/">{key}</a>' for key in keys])
        return _not_found()

    def _page(self, project: str) -> web.Response:
        key = canonicalize_name(project)
        found = newest_first(d for d in self._distributions if d.key == key)
        if not found or project != key:
            return _not_found()
        return _html(f"Links for {key}", [_link(distribution) for distribution in found])

    async def _file(self, file: str) -> web.Response:
        for distribution in self._distributions:
            if distribution.file == file:
                content = await asyncio.to_thread(distribution.content)
                return web.Response(body=content, content_type="application/octet-stream")
        return _not_found()


def _link(distribution: Distribution) -> str:
    needs = html.escape(distribution.requires_python)
    attribute = f' data-requires-python="{needs}"' if needs else ""
    address = f"../../files/{quote(distribution.file, safe='')}#sha256={distribution.sha256}"
    return f'<a href="{address}"{attribute}>{html.escape(distribution.file)}</a>'


def _html(title: str, lines: list[str]) -> web.Response:
    body = "<br>\n".join(lines)
    page = f"<!DOCTYPE html>\n<html><head><title>{title}</title></head><body>\n{body}\n</body></html>\n"
    return web.Response(text=page, content_type="text/html")


def _not_found() -> web.Response:
    return web.Response(status=404, text="Not Found")
