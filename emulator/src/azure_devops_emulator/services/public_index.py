"""The public index of this machine's pip configuration, read as an upstream source of a feed."""

import base64
import hashlib
import subprocess
import sys
import urllib.request
from collections.abc import Mapping
from html.parser import HTMLParser
from urllib.error import HTTPError, URLError
from urllib.parse import unquote, urldefrag, urljoin, urlsplit, urlunsplit

from pydantic import SecretStr

from azure_devops_emulator.errors import InputError, ServiceError
from azure_devops_emulator.services.packages import Distribution, identify

_ASK_PIP = (
    "from pip._internal.commands import create_command;"
    "print(create_command('download').parser.get_default_values().index_url)"
)
_SECONDS = 30
_LARGEST = 500 * 1024 * 1024


def configured_index(environment: Mapping[str, str] | None = None) -> str:
    """The index URL that pip uses on this machine: from its environment, its files, or its own default.

    Args:
        environment: of pip; None for this process's own.

    Raises:
        ServiceError: pip could not be asked.
    """
    asked = subprocess.run(  # noqa: S603 - this interpreter, with a text of this file
        [sys.executable, "-c", _ASK_PIP],
        env=environment,
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )
    url = asked.stdout.strip()
    if asked.returncode or urlsplit(url).scheme not in {"http", "https"}:
        raise ServiceError(
            "no-public-index",
            "pip does not say which public index it uses",
            hint="Set PIP_INDEX_URL to the address of an index.",
        )
    return url


class PublicIndex:
    """An index over HTTP (PEP 503), asked when a feed's upstream is asked.

    Args:
        url: its address, perhaps with user name and password.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        _, at, host = parts.netloc.rpartition("@")
        self.url = urlunsplit(parts._replace(netloc=host)).rstrip("/") + "/"
        self._authorization: SecretStr | None = None
        if at:
            pair = f"{unquote(parts.username or '')}:{unquote(parts.password or '')}"
            self._authorization = SecretStr(f"Basic {base64.b64encode(pair.encode()).decode()}")

    def distributions(self, key: str) -> list[Distribution]:
        """What the index has of a project; blocks.

        Args:
            key: normalised project name.

        Raises:
            ServiceError: the index does not answer.
        """
        address = f"{self.url}{key}/"
        page = self._read(address)
        if page is None:
            return []
        anchors = _Anchors()
        anchors.feed(page.decode("utf-8", "replace"))
        found = []
        for attributes in anchors.found:
            url, fragment = urldefrag(urljoin(address, attributes.get("href", "")))
            file = unquote(urlsplit(url).path.rpartition("/")[2])
            try:
                name, version = identify(file)
            except InputError:
                continue
            if name == key and "data-yanked" not in attributes:
                digest = fragment.removeprefix("sha256=") if fragment.startswith("sha256=") else ""
                needs = attributes.get("data-requires-python", "")
                found.append(Distribution(file, key, version, digest, needs, _Download(self, url, digest)))
        return found

    def download(self, url: str, digest: str) -> bytes:
        """The bytes of a file; blocks.

        Raises:
            ServiceError: the file cannot be had, or is another than the index promised.
        """
        content = self._read(url)
        if content is None or (digest and hashlib.sha256(content).hexdigest() != digest):
            raise ServiceError("no-upstream-file", "The public index does not give the file it lists")
        return content

    def _read(self, url: str) -> bytes | None:
        """The body of an answer; None for 404."""
        request = urllib.request.Request(url, headers={"Accept": "text/html"})  # noqa: S310 - http(s) only
        if self._authorization and urlsplit(url)[:2] == urlsplit(self.url)[:2]:
            request.add_unredirected_header("Authorization", self._authorization.get_secret_value())
        try:
            with urllib.request.urlopen(request, timeout=_SECONDS) as answer:  # noqa: S310 - http(s) only
                return bytes(answer.read(_LARGEST))
        except HTTPError as error:
            error.close()
            if error.code == 404:
                return None
            raise ServiceError(
                "upstream-failed", "The public index refuses", context=str(error.code)
            ) from None
        except (URLError, OSError):
            raise ServiceError("upstream-failed", "The public index cannot be reached") from None


class _Download:
    """Gives the bytes of one file of the index when it is called; keeps them."""

    def __init__(self, index: PublicIndex, url: str, digest: str) -> None:
        self._index = index
        self._url = url
        self._digest = digest
        self._content: bytes | None = None

    def __call__(self) -> bytes:
        if self._content is None:
            self._content = self._index.download(self._url, self._digest)
        return self._content


class _Anchors(HTMLParser):
    """Collects the attributes of the links of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[dict[str, str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            self.found.append({name: value or "" for name, value in attrs})
