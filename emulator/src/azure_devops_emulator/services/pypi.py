"""The package host: index pages, downloads and uploads of feeds."""

import asyncio
import hashlib
import html
from dataclasses import dataclass
from urllib.parse import quote

from aiohttp import web
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from azure_devops_emulator.description.model import Role
from azure_devops_emulator.errors import InputError
from azure_devops_emulator.services.blobs import BlobStore
from azure_devops_emulator.services.feeds import Offer, Place, Shelves, find_feed
from azure_devops_emulator.services.packages import Distribution, from_bytes
from azure_devops_emulator.services.wire import (
    PACKAGING_NAMESPACE,
    Call,
    Refusal,
    decorate,
    not_allowed,
)

_JSON_TYPE = "application/vnd.pypi.simple.v1+json"


@dataclass(frozen=True)
class PackageHost:
    """Answers for the indexes of all feeds.

    Args:
        shelves: what the feeds hold.
        blobs: where downloads are sent to.
    """

    shelves: Shelves
    blobs: BlobStore

    async def root(self, call: Call) -> web.Response:
        """The root page of an index."""
        place = _readable(call)
        if refused := _method_refused(call):
            return refused
        names: list[str] = []
        if call.behaviour.root_lists_packages:
            names = sorted({d.key for d in self.shelves.stored(place.feed, place.view)})
        links = [f'<a href="{name}/">{name}</a><br>' for name in names]
        return _page(call, "Simple index", links)

    async def page(self, call: Call) -> web.Response:
        """The page of a project: links to all its files, newest version first."""
        place = _readable(call)
        if refused := _method_refused(call):
            return refused
        name = call.parts["package"]
        offers = await self._offers(call, place, name)
        if not offers:
            raise _missing(call, place, name)
        key = canonicalize_name(name)
        if call.behaviour.simple_json and _JSON_TYPE in call.request.headers.get("Accept", ""):
            return _json_page(call, key, [(_address(call, place, o.distribution), o) for o in offers])
        links = [_link(_address(call, place, offer.distribution), offer.distribution) for offer in offers]
        return _page(call, f"Links for {key}", links)

    async def download(self, call: Call) -> web.Response:
        """Send a reader to the blob store; what is upstream only is saved first, for those who may."""
        place = _readable(call)
        if refused := _method_refused(call):
            return refused
        name, version, file = call.parts["package"], call.parts["version"], call.parts["file"]
        for offer in await self._offers(call, place, name):
            if offer.distribution.file == file and _same_version(offer.distribution.version, version):
                break
        else:
            raise _missing(call, place, f"{name} {version} ({file})")
        if not offer.stored and call.known_caller.identity is None:
            raise _needs_authentication(name)
        if not offer.stored:
            place.demand(Role.COLLABORATOR, call.behaviour.save_permission, call)
        content = await asyncio.to_thread(offer.distribution.content)
        if not offer.stored:
            self.shelves.save(place.feed, offer)
        location = self.blobs.sign(offer.distribution, content)
        response = web.Response(status=303, headers={"Location": location, "Cache-Control": "no-store"})
        decorate(call, response)
        return response

    async def upload(self, call: Call) -> web.Response:
        """Publish a distribution (the legacy upload API that twine speaks)."""
        place = _place(call)
        if call.request.method != "POST":
            place.demand(Role.READER, "ReadPackages", call)
            return not_allowed(call, "POST")
        place.demand(Role.CONTRIBUTOR, "AddPackage", call)
        if place.view is not None:
            raise _bad_upload("A package cannot be published to a view.")
        distribution = await _uploaded(call.request)
        if not self.shelves.publish(place.feed, distribution):
            message = (
                f"The feed '{place.feed.name}' already contains file '{distribution.file}' in package"
                f" '{distribution.name} {distribution.version}'."
            )
            raise Refusal(409, message, "PackageExistsException", PACKAGING_NAMESPACE)
        response = web.Response(status=200)
        decorate(call, response)
        return response

    async def _offers(self, call: Call, place: Place, name: str) -> list[Offer]:
        if any(character.isspace() for character in name):
            raise Refusal(
                400,
                f"The package name '{name}' is not valid.",
                "InvalidPackageNameException",
                PACKAGING_NAMESPACE,
            )
        key = canonicalize_name(name)
        if name != key and not call.behaviour.other_spellings:
            return []
        return await self.shelves.offers(place, key)


def _place(call: Call) -> Place:
    return find_feed(call, call.parts.get("project") or "", call.parts["feed"])


def _readable(call: Call) -> Place:
    place = _place(call)
    place.demand(Role.READER, "ReadPackages", call)
    return place


def _method_refused(call: Call) -> web.Response | None:
    method = call.request.method
    if method == "GET" or (method == "HEAD" and call.behaviour.head_allowed):
        return None
    return not_allowed(call, "GET")


def _missing(call: Call, place: Place, name: str) -> Refusal:
    if call.known_caller.identity is None:
        return _needs_authentication(name)
    message = f"Cannot find the package '{name}' in feed '{place.feed.name}'."
    return Refusal(404, message, "PackageNotFoundException", PACKAGING_NAMESPACE)


def _needs_authentication(name: str) -> Refusal:
    message = (
        f"No local versions of package '{name}'; please provide authentication to access versions"
        " from upstream that have not yet been saved to your feed."
    )
    return Refusal(401, message, "UnauthorizedRequestException", PACKAGING_NAMESPACE)


def _same_version(version: Version, text: str) -> bool:
    try:
        return version == Version(text)
    except InvalidVersion:
        return False


def _address(call: Call, place: Place, distribution: Distribution) -> str:
    """The absolute address of a download: the host that was asked, and GUIDs only."""
    project = f"{place.feed.project.id}/" if place.feed.project else ""
    view = f"@{place.view.id}" if place.view else ""
    path = "/".join(
        quote(part, safe="") for part in (distribution.key, distribution.trimmed_version, distribution.file)
    )
    return f"{call.sibling('pkgs')}{project}_packaging/{place.feed.id}{view}/pypi/download/{path}"


def _link(address: str, distribution: Distribution) -> str:
    digest = f"#sha256={distribution.sha256}" if distribution.sha256 else ""
    needs = html.escape(distribution.requires_python)
    attribute = f' data-requires-python="{needs}"' if needs else ""
    return f'<a href="{address}{digest}"{attribute}>{html.escape(distribution.file)}</a><br>'


def _page(call: Call, title: str, lines: list[str]) -> web.Response:
    text = (
        f"<!DOCTYPE html><html><head><title>{title}</title></head><body><h1>{title}</h1>"
        f"{''.join(lines)}</body></html>"
    )
    response = web.Response(text=text, content_type="text/html", charset="utf-8")
    response.headers["Cache-Control"] = "no-cache, no-store, must-revalidate"
    decorate(call, response)
    return response


def _json_page(call: Call, key: str, offers: list[tuple[str, Offer]]) -> web.Response:
    files = []
    for address, offer in offers:
        distribution = offer.distribution
        hashes = {"sha256": distribution.sha256} if distribution.sha256 else {}
        entry: dict[str, object] = {"filename": distribution.file, "url": address, "hashes": hashes}
        if distribution.requires_python:
            entry["requires-python"] = distribution.requires_python
        files.append(entry)
    response = web.json_response({"meta": {"api-version": "1.0"}, "name": key, "files": files})
    response.headers["Content-Type"] = _JSON_TYPE
    response.headers["Cache-Control"] = "no-cache, no-store, must-revalidate"
    decorate(call, response)
    return response


def _bad_upload(message: str) -> Refusal:
    return Refusal(400, message, "InvalidPackageException", PACKAGING_NAMESPACE)


async def _uploaded(request: web.Request) -> Distribution:
    """The distribution that an upload form carries, checked against what the form says of it.

    Raises:
        Refusal: the form is incomplete or contradicts the file.
    """
    if request.content_type != "multipart/form-data":
        raise _bad_upload("An upload is a form of type multipart/form-data.")
    form = await request.post()
    field = form.get("content")
    if form.get(":action") != "file_upload" or not isinstance(field, web.FileField):
        raise _bad_upload("An upload has the action file_upload and a file called content.")
    with field.file as opened:
        content = opened.read()
    try:
        distribution = from_bytes(field.filename, content)
    except InputError as error:
        raise _bad_upload(error.what) from None
    name, version = str(form.get("name", "")), str(form.get("version", ""))
    if canonicalize_name(name) != distribution.key or not _same_version(distribution.version, version):
        raise _bad_upload("The name and version of the form are not those of the file.")
    if form.get("sha256_digest", distribution.sha256) != distribution.sha256:
        raise _bad_upload("The sha256_digest of the form is not that of the file.")
    md5 = hashlib.md5(content, usedforsecurity=False).hexdigest()
    if form.get("md5_digest", md5) != md5:
        raise _bad_upload("The md5_digest of the form is not that of the file.")
    return distribution
