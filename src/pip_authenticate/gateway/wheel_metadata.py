"""The metadata of a wheel, from the wheel itself (PEP 427): for indexes that promise it, and have it not."""

import asyncio
import hashlib
import zipfile
from tempfile import SpooledTemporaryFile

from aiohttp import ClientResponse

_IN_MEMORY = 8 * 1024 * 1024
_LONGEST = 4 * 1024 * 1024
_END = ".dist-info/METADATA"


async def read(answer: ClientResponse, sha256: str) -> bytes | None:
    """The metadata in a wheel; None where there is none, or the wheel is another one.

    Args:
        answer: brings the wheel, whole.
        sha256: what its page says of it, or empty.

    Raises:
        Exception: one of upstream.FAILED.
    """
    digest = hashlib.sha256()
    with SpooledTemporaryFile(_IN_MEMORY) as file:
        async for piece in answer.content.iter_any():
            digest.update(piece)
            file.write(piece)
        if sha256 and digest.hexdigest() != sha256:
            return None
        return await asyncio.to_thread(_read, file)


def _read(file: "SpooledTemporaryFile[bytes]") -> bytes | None:
    try:
        with zipfile.ZipFile(file) as wheel:
            names = [name for name in wheel.namelist() if name.endswith(_END) and name.count("/") == 1]
            if len(names) != 1 or wheel.getinfo(names[0]).file_size > _LONGEST:
                return None
            return wheel.read(names[0])
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError):
        return None
